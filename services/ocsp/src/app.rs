//! The use cases, one a file. No axum, tonic server or SQL in here.

// A new variant is decided on here, rather than falling under what was right for the others.
#![warn(clippy::wildcard_enum_match_arm)]

mod answer;
mod batch;
mod cache;
mod certificate_status;
mod feed;
mod issuers;
mod known;
mod make;
mod presign;
mod queries;
mod responders;
mod shared;
mod sign;
mod snapshot;
mod state;
mod trials;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use kit::clock::SharedClock;
use kit::retry::{Failures, Problems};
use kit::transport::Transport;
use proto::ca::v1::ca_client::CaClient;
use proto::keymgr::v1::keymgr_client::KeymgrClient;
use redis::Redis;
use store::Db;
use time::Duration as Span;
use tokio::sync::{Notify, Semaphore};

use crate::config::Config;
use crate::domain::{Currency, Issuers, Latency};

pub use answer::{Fresh, Reply};
use cache::Responses;
use certificate_status::Statuses;
pub(crate) use feed::RevocationFollower;
use known::KnownRevocations;
use presign::Presigning;
use queries::Queries;
use shared::Shared;
use sign::Signatures;
pub(crate) use state::Responder;
pub(crate) use trials::Trial;
use trials::Trials;

/// Responses that are made at a time, at most; further requests are told `tryLater`.
const MOST_AT_ONCE: usize = 1024;
/// For how long a revocation is kept past the end of its certificate: longer than a response holds, and than clocks are apart.
pub(crate) const PAST_EXPIRY: Span = Span::days(11);
/// Longest wait for the CA service or the key manager: a client waits for its answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// What the use cases share.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    db: Db,
    clock: SharedClock,
    config: Config,
    ca: CaClient<Transport>,
    keymgr: KeymgrClient<Transport>,
    /// CAs and their responders; none before the first look.
    issuers: ArcSwapOption<Issuers>,
    known: KnownRevocations,
    responses: Responses,
    /// What other processes have signed; none without Redis.
    shared: Option<Shared>,
    /// What is to be signed before it is asked for.
    presigning: Presigning,
    /// When certificates were asked about.
    queries: Queries,
    /// What is asked of `ca`, and of `keymgr`.
    statuses: Statuses,
    signatures: Signatures,
    /// Which keys can sign.
    trials: Trials,
    latency: Latency,
    /// Places of responses that are being made.
    places: Semaphore,
    /// Wakes who looks after CAs and responders.
    changed: Notify,
    /// CAs that the feed told of, and that were not in the list of CAs yet.
    announced: Mutex<BTreeSet<String>>,
    /// What is wrong with CAs and their responders.
    problems: Problems,
    /// Responders that could not be made.
    unmade: Problems,
    /// What requests fail by.
    failures: Failures,
    /// Names this process to the others that share the database.
    holder: String,
}

impl App {
    pub(crate) fn new(
        config: Config,
        db: Db,
        clock: SharedClock,
        (ca, keymgr): (Transport, Transport),
        redis: Option<Redis>,
    ) -> Self {
        let (ca, keymgr) = (CaClient::new(ca), KeymgrClient::new(keymgr));
        let currency = Currency {
            max_lag: config.max_lag,
        };
        Self(Arc::new(Inner {
            known: KnownRevocations::new(currency, Arc::clone(&clock)),
            responses: Responses::new(&config),
            shared: redis.map(Shared::new),
            presigning: Presigning::default(),
            queries: Queries::default(),
            statuses: certificate_status::in_batches(&ca),
            signatures: sign::in_batches(&keymgr, config.max_batch),
            latency: Latency::new(clock.now()),
            holder: store::id::new_id(clock.now()).to_string(),
            db,
            clock,
            config,
            ca,
            keymgr,
            issuers: ArcSwapOption::empty(),
            trials: Trials::default(),
            places: Semaphore::new(MOST_AT_ONCE),
            changed: Notify::new(),
            announced: Mutex::default(),
            problems: Problems::default(),
            unmade: Problems::default(),
            failures: Failures::default(),
        }))
    }

    fn ca(&self) -> CaClient<Transport> {
        self.0.ca.clone()
    }

    fn keymgr(&self) -> KeymgrClient<Transport> {
        self.0.keymgr.clone()
    }

    /// CAs that are to be looked for.
    fn announced(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.announced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often the feed of `ca` is asked to say that there is nothing: three times in the time that its silence may last.
    pub(crate) fn heartbeat(&self) -> Duration {
        self.0.config.max_lag / 3
    }
}

/// The request with the longest time that is waited for its answer.
fn patiently<T>(message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.set_timeout(PATIENCE);
    request
}
