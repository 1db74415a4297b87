//! Changes of certificates, one by one, as the feed of `ca` tells them.

use std::sync::Arc;

use kit::error::chain;
use kit::feed::{CaughtUp, Follower};
use kit::revocations::{Change as Event, Subject};
use proto::feed::v1::FeedEvent;
use vocabulary::metric;
use x509::Serial;

use super::App;
use super::known::Change;
use crate::domain::Revoked;
use crate::error::Error;

/// Keeps what is known in step with the feed. Its place is in memory, as what is known is.
pub(crate) struct RevocationFollower {
    app: App,
    /// The last event that was applied; none before a snapshot.
    cursor: Option<String>,
}

impl RevocationFollower {
    /// Goes on behind a snapshot that was taken already, or takes one.
    pub(crate) fn new(app: App, cursor: Option<String>) -> Self {
        Self { app, cursor }
    }
}

impl Follower for RevocationFollower {
    type Error = Error;

    async fn place(&mut self) -> Result<String, Error> {
        if let Some(cursor) = &self.cursor {
            return Ok(cursor.clone());
        }
        let cursor = self.app.take_snapshot().await?;
        self.cursor = Some(cursor.clone());
        Ok(cursor)
    }

    async fn events(&mut self, events: Vec<FeedEvent>) -> Result<(), Error> {
        for event in events {
            if let Err(error) = self.app.apply(&event).await {
                // A snapshot has what this event says.
                tracing::warn!(cause = chain(&error), "a snapshot of revocations is taken");
                self.cursor = None;
                return Err(error);
            }
            self.cursor = Some(event.cursor);
        }
        Ok(())
    }

    async fn caught_up(&mut self, at: CaughtUp) -> Result<(), Error> {
        self.app.0.known.caught_up(at.as_of);
        self.app.measure_lag();
        if self.app.0.known.needs_snapshot() {
            self.cursor = None;
            return Err(Error::Incomplete);
        }
        Ok(())
    }

    async fn lost(&mut self) -> Result<(), Error> {
        self.cursor = None;
        Ok(())
    }
}

impl App {
    async fn apply(&self, event: &FeedEvent) -> Result<(), Error> {
        let (subject, change) = match Event::read(event)? {
            None => {
                self.presign_issued(event);
                return Ok(());
            }
            Some(Event::CaAdded(name)) => {
                self.announced().insert(name);
                self.0.changed.notify_one();
                return Ok(());
            }
            Some(Event::Released(subject)) => (subject, Change::Released),
            Some(Event::Revoked(told)) => {
                let revoked = Revoked {
                    revocation: told.revocation.into(),
                    not_after: told.not_after,
                };
                (told.subject, Change::Revoked(revoked))
            }
        };
        let Subject { issuer, serial, .. } = subject;
        self.0.known.apply(&issuer, &serial, change);
        if matches!(change, Change::Revoked(_)) && self.signs(&issuer, serial) {
            self.0.changed.notify_one();
        }
        // What is kept is compared with what is known before it is served. This makes room.
        self.0.responses.forget(&Arc::from(&*issuer), serial).await;
        self.presign(&issuer, serial);
        Ok(())
    }

    /// Whether that certificate is the one that a responder signs with.
    fn signs(&self, issuer: &str, serial: Serial) -> bool {
        let issuers = self.0.issuers.load_full().unwrap_or_default();
        let mut of_name = issuers.0.iter().filter(|other| *other.name == *issuer);
        of_name.any(|issuer| issuer.signer.as_ref().and_then(|signer| signer.serial()) == Some(serial))
    }

    /// Sets the metric of how old what is known can be.
    pub(crate) fn measure_lag(&self) {
        if let Some(age) = self.0.known.age() {
            metrics::gauge!(metric::OCSP_FEED_LAG_SECONDS).set(age.as_secs_f64());
        }
    }
}
