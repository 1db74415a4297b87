//! Revoke a certificate, put it on hold, release it.

use store::outbox::NewEvent;
use time::OffsetDateTime;
use x509::crl::Reason;

use super::{App, Requester};
use crate::domain::{Issued, Revocation};
use crate::error::Error;

/// What to do to a certificate.
#[derive(Clone, Debug)]
pub struct RevokeRequest {
    /// Lower-case hex.
    pub serial: String,
    /// `RemoveFromCrl` releases a hold.
    pub reason: Reason,
    /// When the key was compromised, if that is known (RFC 5280 section 5.3.2).
    pub invalidity: Option<OffsetDateTime>,
}

impl App {
    /// Revokes, holds or releases, in one transaction with its event. Answers the certificate as it is then.
    pub async fn revoke(&self, requester: &Requester, request: &RevokeRequest) -> Result<Issued, Error> {
        let mut certificate = self.find(requester, &request.serial).await?;
        let now = self.clock.now();
        if request.invalidity.is_some_and(|at| at > now) {
            return Err(Error::invalid("invalidity_time", "lies in the future"));
        }
        let next = next_state(&certificate, request, now)?;
        let mut tx = self.db.begin().await?;
        let seen = certificate.revocation.as_ref();
        if !crate::store::certificates::set_revocation(&mut tx, &certificate.serial, seen, next.as_ref())
            .await?
        {
            return Err(Error::Conflict(format!(
                "certificate {} was changed by another request at the same time; look at it again",
                certificate.serial
            )));
        }
        certificate.revocation = next;
        store::outbox::append(&mut tx, &[event(&certificate, requester, request)], now).await?;
        tx.commit().await?;
        metrics::counter!(
            "gigvault_certificates_revoked_total",
            "ca" => certificate.ca.to_string(), "reason" => request.reason.to_string()
        )
        .increment(1);
        tracing::info!(serial = %certificate.serial, ca = %certificate.ca, reason = %request.reason, "certificate revoked");
        Ok(certificate)
    }
}

/// RFC 5280 section 5.3.1: a hold may end in release or in revocation; a revocation is final.
fn next_state(
    certificate: &Issued,
    request: &RevokeRequest,
    now: OffsetDateTime,
) -> Result<Option<Revocation>, Error> {
    let held = match &certificate.revocation {
        Some(revocation) if revocation.reason != Reason::CertificateHold => {
            return Err(Error::Conflict(format!(
                "certificate {} is revoked already ({}); a revocation is final",
                certificate.serial, revocation.reason
            )));
        }
        held => held.is_some(),
    };
    match (request.reason, held) {
        (Reason::RemoveFromCrl, true) => Ok(None),
        (Reason::RemoveFromCrl, false) => Err(Error::Conflict(format!(
            "certificate {} is not on hold",
            certificate.serial
        ))),
        (Reason::CertificateHold, true) => Err(Error::Conflict(format!(
            "certificate {} is on hold already",
            certificate.serial
        ))),
        (reason, _) => Ok(Some(Revocation {
            time: now,
            reason,
            invalidity: request.invalidity,
        })),
    }
}

fn event(certificate: &Issued, requester: &Requester, request: &RevokeRequest) -> NewEvent {
    let trace = kit::trace::current();
    NewEvent {
        kind: "certificate.revoked",
        subject: certificate.serial.to_string(),
        data: serde_json::json!({
            "serial": certificate.serial.to_string(),
            "ca": certificate.ca,
            "profile": certificate.profile,
            "reason": request.reason.to_string(),
            "requester": requester.subject,
            "status": if certificate.revocation.is_none() { "released" } else { "revoked" },
        }),
        correlation_id: trace.correlation_id,
        traceparent: trace.traceparent,
    }
}
