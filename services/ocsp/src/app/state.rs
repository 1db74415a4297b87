//! The state of what answers rest on: for readiness, for `doctor`, and for whoever waits.

use std::time::Duration;

use proto::ca::v1::ca_client::CaClient;
use proto::feed::v1::{FeedEvent, WatchRequest};
use redis::Redis;
use time::{Duration as Span, OffsetDateTime};
use tonic::{Response, Status, Streaming};

use super::App;
use crate::domain::Currency;

/// What is known of revocations.
pub(crate) struct State {
    pub(crate) revocations: usize,
    /// How old that can be; `None` before the feed was read to its end.
    pub(crate) age: Option<Duration>,
    pub(crate) is_current: bool,
}

/// Who signs for a CA.
pub(crate) struct Responder {
    pub(crate) issuer: String,
    /// The end of its certificate; none where nothing can be signed.
    pub(crate) until: Option<OffsetDateTime>,
    /// It should have been replaced.
    pub(crate) is_due: bool,
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
}

impl App {
    pub(crate) fn knowledge(&self) -> State {
        let known = &self.0.known;
        let Currency { max_lag } = known.currency();
        let age = known.age();
        State {
            revocations: known.len(),
            age,
            is_current: age.is_some_and(|age| age <= max_lag),
        }
    }

    /// Where responses are shared, if they are.
    pub(crate) fn redis(&self) -> Option<Redis> {
        self.0.shared.as_ref().map(|shared| shared.redis().clone())
    }

    /// Whether requests can be answered: the revocations are loaded, and each CA has a responder.
    pub(crate) fn is_ready(&self) -> Result<(), NotReady> {
        if !self.0.known.is_loaded() {
            return Err(NotReady::Revocations);
        }
        let responders = self.responders().ok_or(NotReady::Issuers)?;
        match responders.iter().find(|responder| responder.until.is_none()) {
            Some(silent) => Err(NotReady::Responder(silent.issuer.clone())),
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
        let responder = |issuer: &std::sync::Arc<crate::domain::Issuer>| Responder {
            issuer: issuer.name.to_string(),
            until: issuer
                .signer
                .as_ref()
                .filter(|signer| signer.is_usable(now))
                .map(|signer| signer.not_after),
            is_due: self.needs_responder(issuer),
        };
        Some(live.map(responder).collect())
    }

    pub(crate) fn forget_expired(&self, past_expiry: Span) {
        let forgotten = self.0.known.forget_expired(self.0.clock.now() - past_expiry);
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
