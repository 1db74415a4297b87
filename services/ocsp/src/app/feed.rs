//! Changes of certificates, one by one, as the feed of `ca` tells them.

use std::sync::Arc;

use kit::feed::{CaughtUp, Follower};
use proto::feed::v1::FeedEvent;
use serde::Deserialize;
use vocabulary::event::PREFIX;
use vocabulary::{EventType, metric, service};
use x509::Serial;
use x509::crl::Reason;

use super::App;
use super::known::Change;
use crate::domain::{Revocation, Revoked};
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
        Ok(())
    }

    async fn lost(&mut self) -> Result<(), Error> {
        self.cursor = None;
        Ok(())
    }
}

/// What events of certificates say.
#[derive(Deserialize)]
struct Data {
    issuer: String,
    not_after_us: i64,
    revocation_time_us: Option<i64>,
    reason: Option<String>,
}

impl App {
    async fn apply(&self, event: &FeedEvent) -> Result<(), Error> {
        let Some(kind) = event.r#type.strip_prefix(PREFIX) else {
            return Ok(());
        };
        let is = |wanted: EventType| kind == wanted.name();
        if is(EventType::CaCreated) {
            self.announced().insert(event.subject.clone());
            self.0.changed.notify_one();
            return Ok(());
        }
        let revoked = is(EventType::CertificateRevoked)
            || is(EventType::CertificateHeld)
            || is(EventType::CertificateRevocationAmended);
        if !revoked && !is(EventType::CertificateReleased) {
            return Ok(());
        }
        let broken = |what: &str| {
            let what = format!("event {} whose {what} cannot be read", event.id);
            Error::answer(service::CA, what)
        };
        let data: Data = serde_json::from_str(&event.data).map_err(|_| broken("data"))?;
        let serial: Serial = event.subject.parse().map_err(|_| broken("serial number"))?;
        let change = match revoked {
            true => Change::Revoked(data.revoked().ok_or_else(|| broken("revocation"))?),
            false => Change::Released,
        };
        self.0.known.apply(&data.issuer, &serial, change);
        if revoked && self.signs(&data.issuer, serial) {
            self.0.changed.notify_one();
        }
        // What is kept is compared with what is known before it is served. This makes room.
        self.0.responses.forget(&Arc::from(data.issuer), serial).await;
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

impl Data {
    fn revoked(&self) -> Option<Revoked> {
        let time = store::time::from_micros(self.revocation_time_us?).ok()?;
        let reason: Reason = self.reason.as_deref()?.parse().ok()?;
        Some(Revoked {
            revocation: Revocation::new(time, reason),
            not_after: store::time::from_micros(self.not_after_us).ok()?,
        })
    }
}
