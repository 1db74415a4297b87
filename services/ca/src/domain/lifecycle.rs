//! What may become of an issued certificate: held, released, revoked, its revocation amended.
//!
//! Pure decisions on what the certificate is now. The caller locks the row, decides here, and stores the outcome in the
//! same transaction.

use time::OffsetDateTime;
use x509::crl::Reason;

use super::{Issued, Revocation};
use crate::error::Error;

/// What happened to a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// On hold from now on.
    Held,
    /// No longer on hold.
    Released,
    /// Revoked for good.
    Revoked,
    /// Revoked before; now for another reason or with another invalidity date.
    Amended,
}

impl Change {
    /// The kind of its event.
    pub(crate) fn event(self) -> &'static str {
        match self {
            Self::Held => "certificate.held",
            Self::Released => "certificate.released",
            Self::Revoked => "certificate.revoked",
            Self::Amended => "certificate.revocation-amended",
        }
    }
}

/// Whether a reason says that others know the private key.
pub(crate) fn is_compromise(reason: Reason) -> bool {
    matches!(reason, Reason::KeyCompromise | Reason::CaCompromise)
}

/// A reason that a certificate of this kind may be revoked for, for good. Hold and release have verbs of their own.
pub(crate) fn check_reason(reason: Reason, is_ca: bool) -> Result<(), Error> {
    let refused = match reason {
        Reason::CertificateHold => {
            "a hold is not a revocation; use POST /api/v1/certificates/{serial}/hold, or `gigvault cert hold`"
        }
        Reason::RemoveFromCrl => {
            "a hold is released by POST /api/v1/certificates/{serial}/release, or `gigvault cert release`"
        }
        Reason::CaCompromise if !is_ca => {
            "ca-compromise is for certificates of CAs (RFC 5280 section 5.3.1), and this is not one; use key-compromise \
             where this certificate's own key is known to others, else superseded or unspecified"
        }
        Reason::AaCompromise => "aa-compromise is for attribute authorities, which are not issued here",
        _ => return Ok(()),
    };
    Err(Error::invalid("reason", refused))
}

/// A key is compromised within the life of its certificate, and not in the future.
fn check_invalidity(certificate: &Issued, at: OffsetDateTime, now: OffsetDateTime) -> Result<(), Error> {
    let refused = if at > now {
        "is in the future"
    } else if at < certificate.not_before {
        "is before the certificate's not_before; give not_before if the certificate was never to be trusted"
    } else if at > certificate.not_after {
        "is after the certificate's not_after"
    } else {
        return Ok(());
    };
    Err(Error::invalid("invalidity_time", refused))
}

/// Puts a certificate on hold.
pub(crate) fn hold(certificate: &Issued, now: OffsetDateTime) -> Result<(Change, Option<Revocation>), Error> {
    match &certificate.revocation {
        None => Ok((
            Change::Held,
            Some(Revocation::new(now, Reason::CertificateHold, None)),
        )),
        Some(there) if there.reason == Reason::CertificateHold => Err(Error::Conflict(format!(
            "certificate {} is on hold already",
            certificate.serial
        ))),
        Some(there) => Err(revoked_already(certificate, there)),
    }
}

/// Ends a hold as if it had not been.
pub(crate) fn release(certificate: &Issued) -> Result<(Change, Option<Revocation>), Error> {
    match &certificate.revocation {
        Some(there) if there.reason == Reason::CertificateHold => Ok((Change::Released, None)),
        Some(there) => Err(revoked_already(certificate, there)),
        None => Err(Error::Conflict(format!(
            "certificate {} is not on hold",
            certificate.serial
        ))),
    }
}

/// Revokes for good, or amends what is revoked already: towards compromise only, and never its date. A hold that becomes
/// final keeps the date of the hold: since then nobody was to trust the certificate.
pub(crate) fn revoke(
    certificate: &Issued,
    reason: Reason,
    invalidity: Option<OffsetDateTime>,
    now: OffsetDateTime,
) -> Result<(Change, Option<Revocation>), Error> {
    if let Some(at) = invalidity {
        check_invalidity(certificate, at, now)?;
    }
    let Some(there) = &certificate.revocation else {
        return Ok((Change::Revoked, Some(Revocation::new(now, reason, invalidity))));
    };
    let next = Revocation {
        time: there.time,
        reason,
        invalidity: invalidity.or(there.invalidity),
        decided: now,
    };
    if there.reason == Reason::CertificateHold {
        return Ok((Change::Revoked, Some(next)));
    }
    let worse = is_compromise(reason) && !is_compromise(there.reason);
    let dated = reason == there.reason && is_compromise(reason) && next.invalidity != there.invalidity;
    if worse || dated {
        Ok((Change::Amended, Some(next)))
    } else {
        Err(revoked_already(certificate, there))
    }
}

fn revoked_already(certificate: &Issued, there: &Revocation) -> Error {
    Error::Conflict(format!(
        "certificate {} is revoked already ({}); a revocation is final, only its reason can be changed to a compromise",
        certificate.serial, there.reason
    ))
}
