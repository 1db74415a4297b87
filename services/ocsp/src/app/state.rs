//! The state of what answers rest on: for readiness, for `doctor`, and for whoever waits.

use std::time::Duration;

use proto::ca::v1::ca_client::CaClient;
use proto::feed::v1::{FeedEvent, WatchRequest};
use redis::Redis;
use time::OffsetDateTime;
use tonic::{Response, Status, Streaming};

use super::{App, PAST_EXPIRY, Trial};
use crate::domain::{Currency, Issuer, LatencySummary};

/// What is known of revocations.
pub(crate) struct RevocationState {
    pub(crate) revocations: usize,
    /// How old that can be; `None` before the feed was read to its end.
    pub(crate) age: Option<Duration>,
    pub(crate) is_current: bool,
    /// How many are missing, since `ca` cannot read them.
    pub(crate) unreadable: u64,
}

/// Who signs for a CA.
pub(crate) struct Responder {
    pub(crate) issuer: String,
    /// The CA that it is a generation of.
    pub(crate) ca: String,
    /// The end of its certificate; none where nothing can be signed.
    pub(crate) until: Option<OffsetDateTime>,
    /// It should have been replaced.
    pub(crate) is_due: bool,
    /// What became of its last signature.
    pub(crate) trial: Trial,
}

/// Why requests cannot be answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotReady {
    #[error("no revocations were loaded yet")]
    Revocations,
    #[error("the CA service has not told yet which CAs there are")]
    Issuers,
    #[error("CA {0} has no OCSP responder")]
    Responder(String),
    #[error("the OCSP responder of CA {issuer} has not signed: {cause}")]
    Signature { issuer: String, cause: String },
}

impl App {
    pub(crate) fn revocation_state(&self) -> RevocationState {
        let known = &self.0.known;
        let Currency { max_lag } = known.currency();
        let age = known.age();
        RevocationState {
            revocations: known.len(),
            age,
            is_current: known.is_whole() && age.is_some_and(|age| age <= max_lag),
            unreadable: known.unreadable(),
        }
    }

    /// Where responses are shared, if they are.
    pub(crate) fn redis(&self) -> Option<Redis> {
        self.0.shared.as_ref().map(|shared| shared.redis().clone())
    }

    /// Whether requests can be answered: the revocations are loaded, and each CA has a responder that has signed. One whose key
    /// manager does not answer for a while goes on with what is in memory.
    pub(crate) fn is_ready(&self) -> Result<(), NotReady> {
        if !self.0.known.is_loaded() {
            return Err(NotReady::Revocations);
        }
        let responders = self.responders().ok_or(NotReady::Issuers)?;
        if let Some(silent) = responders.iter().find(|responder| responder.until.is_none()) {
            return Err(NotReady::Responder(silent.issuer.clone()));
        }
        match responders.iter().find(|responder| !responder.trial.is_proven()) {
            Some(unproven) => Err(NotReady::Signature {
                issuer: unproven.issuer.clone(),
                cause: unproven.trial.cause().unwrap_or_default().to_owned(),
            }),
            None => Ok(()),
        }
    }

    /// Of each CA that has not ended; `None` before ca told which there are.
    pub(crate) fn responders(&self) -> Option<Vec<Responder>> {
        let now = self.0.clock.now();
        let issuers = self.0.issuers.load_full()?;
        let live = issuers
            .0
            .iter()
            .filter(|issuer| now < issuer.certificate.not_after());
        let responder = |issuer: &std::sync::Arc<Issuer>| Responder {
            issuer: issuer.name.to_string(),
            ca: issuer.ca.to_string(),
            until: issuer
                .signer
                .as_ref()
                .filter(|signer| signer.is_usable(now))
                .map(|signer| signer.not_after),
            is_due: self.needs_responder(issuer),
            trial: match &issuer.signer {
                Some(signer) => self.0.trials.of(&signer.key_name),
                None => Trial::default(),
            },
        };
        Some(live.map(responder).collect())
    }

    /// Wakes who looks after responders where one cannot be used now, though it could by the last look: the clock was set.
    pub(crate) fn notice_ended(&self) {
        let now = self.0.clock.now();
        let issuers = self.0.issuers.load_full().unwrap_or_default();
        let mut live = issuers
            .0
            .iter()
            .filter(|issuer| now < issuer.certificate.not_after());
        if live.any(|issuer| {
            issuer
                .signer
                .as_ref()
                .is_some_and(|signer| !signer.is_usable(now))
        }) {
            self.0.changed.notify_one();
        }
    }

    /// Has all responders sign once, whatever is known of them.
    pub(crate) async fn try_all(&self) {
        let issuers = self.0.issuers.load_full().unwrap_or_default();
        let issuers: Vec<Issuer> = issuers.0.iter().map(|issuer| Issuer::clone(issuer)).collect();
        self.try_signers(&issuers, true).await;
    }

    /// How many answers were made in the last minutes, and how fast.
    pub(crate) fn counted(&self) -> LatencySummary {
        self.0.latency.counted()
    }

    pub(crate) fn forget_old_times(&self) {
        self.0.latency.turn(self.0.clock.now());
    }

    pub(crate) fn forget_expired(&self) {
        let forgotten = self.0.known.forget_expired(self.0.clock.now() - PAST_EXPIRY);
        if forgotten > 0 {
            tracing::debug!(forgotten, "revocations of expired certificates forgotten");
        }
    }

    /// Until a CA was added, or this time has passed.
    pub(crate) async fn until_changed(&self, longest: Duration) {
        let _elapsed = tokio::time::timeout(longest, self.0.changed.notified()).await;
    }

    /// Opens the feed of `ca`.
    pub(crate) fn feed_of_ca(&self) -> impl FnMut(WatchRequest) -> Opening + Send + use<> {
        let ca = self.ca();
        move |request| Box::pin(open(ca.clone(), request))
    }
}

type Opening = std::pin::Pin<Box<dyn Future<Output = Result<Response<Streaming<FeedEvent>>, Status>> + Send>>;

async fn open(
    mut ca: CaClient<kit::transport::Transport>,
    request: WatchRequest,
) -> Result<Response<Streaming<FeedEvent>>, Status> {
    ca.watch(request).await
}
