//! Put a certificate on hold, release it, revoke it: one transaction with its event each.

use store::outbox::NewEvent;
use time::OffsetDateTime;
use x509::crl::Reason;
use x509::serial::Serial;

use super::{App, Requester};
use crate::domain::lifecycle::{self, Change};
use crate::domain::{Issued, Revocation};
use crate::error::Error;
use crate::store::{certificates, compromised};

/// How to revoke.
#[derive(Clone, Debug)]
pub struct RevokeRequest {
    /// Lower-case hex.
    pub serial: String,
    /// Why. Hold and release are not reasons here: they are [`App::hold`] and [`App::release`].
    pub reason: Reason,
    /// When the key was compromised, if that is known (RFC 5280 section 5.3.2): within the certificate's validity.
    pub invalidity: Option<OffsetDateTime>,
}

/// What is decided on a certificate that nobody else can change meanwhile.
type Decision = Result<(Change, Option<Revocation>), Error>;

impl App {
    /// Puts a certificate on hold. Answers the certificate as it is then.
    pub async fn hold(&self, requester: &Requester, serial: &str) -> Result<Issued, Error> {
        let found = self.find(requester, serial).await?;
        self.change(requester, &found.serial, None, lifecycle::hold).await
    }

    /// Ends a hold.
    pub async fn release(&self, requester: &Requester, serial: &str) -> Result<Issued, Error> {
        let found = self.find(requester, serial).await?;
        self.change(requester, &found.serial, None, |current, _| {
            lifecycle::release(current)
        })
        .await
    }

    /// Revokes for good, or changes the reason of a revocation to a compromise. Where the key is compromised, no
    /// certificate for it is stored after this has committed.
    pub async fn revoke(&self, requester: &Requester, request: &RevokeRequest) -> Result<Issued, Error> {
        let found = self.find(requester, &request.serial).await?;
        let certificate = read(&found)?;
        lifecycle::check_reason(request.reason, certificate.is_ca())?;
        let compromised = key_of(&certificate).filter(|_| lifecycle::is_compromise(request.reason));
        self.change(requester, &found.serial, compromised, |current, now| {
            lifecycle::revoke(current, request.reason, request.invalidity, now)
        })
        .await
    }

    /// Decides on the certificate as it is in the transaction, stores the outcome, and the key if that is compromised.
    async fn change(
        &self,
        requester: &Requester,
        serial: &Serial,
        compromised: Option<compromised::MaterialId>,
        decide: impl FnOnce(&Issued, OffsetDateTime) -> Decision + Send,
    ) -> Result<Issued, Error> {
        let mut tx = self.db.begin().await?;
        if let Some(key) = &compromised {
            // Waits for the groups that rest on this key being sound.
            store::lock::exclusive(&mut tx, vec![compromised::lock(key)]).await?;
        }
        let mut certificate = certificates::for_update(&mut tx, serial)
            .await?
            .ok_or_else(|| Error::not_found("certificate", serial.to_string()))?;
        let now = self.clock.now();
        let (change, next) = decide(&certificate, now)?;
        certificates::set_revocation(&mut tx, certificate.id, next.as_ref()).await?;
        if let Some(key) = &compromised {
            compromised::record(&mut tx, key, certificate.id, now).await?;
        }
        certificate.revocation = next;
        let event = event(&certificate, requester, change, now);
        store::outbox::append(&mut tx, &[event], now).await?;
        tx.commit().await?;
        count(&certificate, change);
        tracing::info!(serial = %certificate.serial, ca = %certificate.ca, actor = requester.subject, "{}", change.event());
        Ok(certificate)
    }

    /// Records the keys of certificates that an earlier version revoked for compromise.
    pub(crate) async fn record_compromised_keys(&self) -> Result<(), Error> {
        const AT_ONCE: u32 = 200;
        loop {
            let found = compromised::unrecorded(&self.db, AT_ONCE).await?;
            if found.is_empty() {
                return Ok(());
            }
            let now = self.clock.now();
            for issued in found {
                let mut tx = self.db.begin().await?;
                let certificate = read(&issued)?;
                let reason = issued.revocation.map(|revocation| revocation.reason);
                // ca-compromise was accepted for leaves, whose keys it says nothing about.
                let is_meant = reason == Some(Reason::KeyCompromise) || certificate.is_ca();
                match key_of(&certificate).filter(|_| is_meant) {
                    Some(key) => {
                        store::lock::exclusive(&mut tx, vec![compromised::lock(&key)]).await?;
                        compromised::record(&mut tx, &key, issued.id, now).await?;
                    }
                    None => compromised::set_recorded(&mut tx, issued.id).await?,
                }
                tx.commit().await?;
            }
        }
    }

    /// Whether a key is known to be compromised: for issuing, and for who takes keys for accounts and enrollments.
    pub async fn is_compromised(&self, key: &x509::PublicKey) -> Result<bool, Error> {
        let key = key.material_id();
        Ok(compromised::among(&self.db, &[key]).await?.contains(&key))
    }
}

fn read(issued: &Issued) -> Result<x509::Certificate, Error> {
    x509::Certificate::from_der(&issued.der).map_err(|error| {
        Error::Internal(format!(
            "stored certificate {} cannot be read: {error}",
            issued.serial
        ))
    })
}

/// None for a key that is not accepted any more: nobody can have it certified.
fn key_of(certificate: &x509::Certificate) -> Option<compromised::MaterialId> {
    Some(certificate.public_key().ok()?.material_id())
}

fn event(certificate: &Issued, requester: &Requester, change: Change, now: OffsetDateTime) -> NewEvent {
    let trace = kit::trace::current();
    let revocation = certificate.revocation.as_ref();
    NewEvent {
        kind: change.event(),
        subject: certificate.serial.to_string(),
        data: serde_json::json!({
            "serial": certificate.serial.to_string(),
            "ca": certificate.ca,
            "profile": certificate.profile,
            "requester": certificate.requester,
            "actor": requester.subject,
            "status": certificate.status(now).as_str(),
            "reason": revocation.map(|revocation| revocation.reason.to_string()),
            "revocation_time": revocation.map(|revocation| kit::clock::rfc3339(revocation.time)),
            "invalidity_time": revocation.and_then(|revocation| revocation.invalidity).map(kit::clock::rfc3339),
        }),
        correlation_id: trace.correlation_id,
        traceparent: trace.traceparent,
    }
}

fn count(certificate: &Issued, change: Change) {
    let ca = certificate.ca.to_string();
    match (change, &certificate.revocation) {
        (Change::Held, _) => metrics::counter!("gigvault_certificates_held_total", "ca" => ca).increment(1),
        (Change::Released, _) => {
            metrics::counter!("gigvault_certificates_released_total", "ca" => ca).increment(1);
        }
        (Change::Revoked, Some(revocation)) => {
            let reason = revocation.reason.to_string();
            metrics::counter!("gigvault_certificates_revoked_total", "ca" => ca, "reason" => reason)
                .increment(1);
        }
        // Counted when it was revoked.
        (Change::Revoked | Change::Amended, _) => {}
    }
}
