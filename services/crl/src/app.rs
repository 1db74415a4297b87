//! The use cases, one a file. No axum, tonic or SQL in here.

// A new variant is decided on here, rather than falling under what was right for the others.
#![warn(clippy::wildcard_enum_match_arm)]

mod apply;
mod check;
mod content;
mod current;
mod directory;
mod fingerprint;
mod generate;
mod import;
mod lost;
mod progress;
mod prune;
mod publish;
mod published;
mod self_check;
mod sign;
mod snapshot;
mod turns;
mod write;

use std::sync::Arc;

use kit::clock::SharedClock;
use kit::config::SettingFault;
use kit::retry::Problems;
use kit::transport::Transport;
use proto::ca::v1::ca_client::CaClient;
use proto::keymgr::v1::keymgr_client::KeymgrClient;
use store::Db;
use tokio::sync::watch;

use crate::config::{Config, Target};
use crate::domain::{Kind, Publication, Scope};
pub(crate) use apply::FeedChanges;
use content::Memory;
pub(crate) use current::PublishedList;
use fingerprint::Fingerprints;
pub(crate) use import::{Import, Imported};
use progress::Overdue;
pub(crate) use progress::Progress;
pub(crate) use self_check::{Checker, Findings, IssuerFindings};
use turns::Turns;

/// What the use cases share.
#[derive(Clone)]
pub struct App {
    pub(crate) db: Db,
    pub(crate) clock: SharedClock,
    pub(crate) config: Arc<Config>,
    pub(crate) ca: CaClient<Transport>,
    keymgr: KeymgrClient<Transport>,
    /// What the URLs in certificates begin with.
    base_url: Arc<str>,
    turns: Arc<Turns>,
    memory: Arc<Memory>,
    pub(crate) fingerprints: Arc<Fingerprints>,
    changed: watch::Sender<()>,
    published: watch::Sender<()>,
    /// Another directory that is kept as ours is.
    pub(crate) target: Option<Arc<Target>>,
    /// What is wrong with what ca tells.
    problems: Arc<Problems>,
    compromised: watch::Sender<()>,
    pub(crate) progress: Arc<Progress>,
    overdue: Arc<Overdue>,
}

impl App {
    pub(crate) fn new(
        (db, clock): (Db, SharedClock),
        config: Config,
        (ca, keymgr): (Transport, Transport),
        base_url: &str,
    ) -> Result<Self, SettingFault> {
        Ok(Self {
            target: config.target()?.map(Arc::new),
            db,
            clock,
            memory: Arc::new(Memory::new(usize::from(config.memory) * 1024 * 1024)),
            config: Arc::new(config),
            ca: CaClient::new(ca),
            keymgr: KeymgrClient::new(keymgr),
            base_url: Arc::from(base_url),
            turns: Arc::default(),
            fingerprints: Arc::default(),
            changed: watch::Sender::new(()),
            compromised: watch::Sender::new(()),
            published: watch::Sender::new(()),
            problems: Arc::default(),
            progress: Arc::default(),
            overdue: Arc::default(),
        })
    }

    /// Wakes when a list was published by this process.
    pub(crate) fn publications(&self) -> watch::Receiver<()> {
        self.published.subscribe()
    }

    /// Wakes when entries or issuers have changed.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Wakes when a key is known to be in other hands.
    pub(crate) fn compromises(&self) -> watch::Receiver<()> {
        self.compromised.subscribe()
    }

    /// Who looks at the lists where they are served; `None` if that is switched off.
    pub(crate) fn checker(&self) -> Result<Option<Checker>, client::RelyingError> {
        let checker = || Checker::new(&self.base_url);
        self.config.self_check.then(checker).transpose()
    }

    /// Wakes those who make lists.
    pub(crate) fn wake(&self) {
        self.changed.send_replace(());
    }

    /// Whether every change is to be told at once.
    fn is_immediate(&self) -> bool {
        self.config.immediate.unwrap_or(false)
    }

    /// Most octets of a list that is imported, in DER.
    pub(crate) fn most_imported(&self) -> usize {
        usize::from(self.config.import_limit) * 1024 * 1024
    }

    /// Most octets of such a list as it is sent: PEM is longer, and has text around it.
    pub(crate) fn most_received(&self) -> usize {
        x509::pem::MAX_LEN.min(2 * self.most_imported())
    }

    /// A list with its URL.
    pub(crate) fn shown(&self, list: Publication, imported: bool) -> PublishedList {
        PublishedList {
            url: self.url(&list.scope, list.kind),
            list,
            imported,
        }
    }

    /// Where certificates say that OCSP is.
    fn ocsp_url(&self) -> String {
        format!("{}/ocsp", self.base_url)
    }

    /// The URL of a list.
    fn url(&self, scope: &Scope, kind: Kind) -> String {
        format!("{}{}", self.base_url, scope.path(kind))
    }
}
