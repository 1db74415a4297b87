//! What may become of an issued certificate: held, released, revoked, its revocation amended.
//!
//! Pure decisions on what the certificate is now. The caller locks the row, decides here, and stores the outcome in the
//! same transaction.

use time::OffsetDateTime;
use vocabulary::EventType;
use x509::crl::Reason;
use x509::serial::Serial;

use super::{Brief, Capacity, Issued, Revocation};
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
    pub(crate) fn event(self) -> EventType {
        match self {
            Self::Held => EventType::CertificateHeld,
            Self::Released => EventType::CertificateReleased,
            Self::Revoked => EventType::CertificateRevoked,
            Self::Amended => EventType::CertificateRevocationAmended,
        }
    }
}

/// Whether a reason says that others know the private key.
pub(crate) fn is_compromise(reason: Reason) -> bool {
    matches!(reason, Reason::KeyCompromise | Reason::CaCompromise)
}

/// What a revocation for compromise makes of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyFate {
    /// It is recorded as compromised already, or is one that is not certified any more.
    Recorded,
    /// It is recorded with this revocation.
    Recording,
    /// It is not recorded: an operator has to confirm it.
    Unconfirmed,
}

impl KeyFate {
    /// Whether a revocation says for everybody that the key is compromised. For an owner only where no unexpired certificate
    /// of others vouches for it: a CSR that was seen gives a certificate over the key of another, and it takes no private
    /// key to revoke that.
    pub(crate) fn decide(by: Capacity, recorded: bool, others_vouch: bool) -> Self {
        if recorded {
            Self::Recorded
        } else if by == Capacity::Owner && others_vouch {
            Self::Unconfirmed
        } else {
            Self::Recording
        }
    }
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
        Reason::Unspecified
        | Reason::KeyCompromise
        | Reason::CaCompromise
        | Reason::AffiliationChanged
        | Reason::Superseded
        | Reason::CessationOfOperation
        | Reason::PrivilegeWithdrawn => return Ok(()),
    };
    Err(Error::invalid("reason", refused))
}

/// A key was compromised before one says so.
pub(crate) fn check_known(invalidity: OffsetDateTime, now: OffsetDateTime) -> Result<(), Error> {
    match invalidity > now {
        true => Err(Error::invalid("invalidity_time", "is in the future")),
        false => Ok(()),
    }
}

/// And within the life of its certificate.
fn check_invalidity(certificate: &Brief, at: OffsetDateTime, now: OffsetDateTime) -> Result<(), Error> {
    check_known(at, now)?;
    let refused = if at < certificate.not_before {
        "is before the certificate's not_before; give not_before if the certificate was never to be trusted"
    } else if at > certificate.not_after {
        "is after the certificate's not_after"
    } else {
        return Ok(());
    };
    Err(Error::invalid("invalidity_time", refused))
}

/// What is decided: the change, and the revocation that the certificate has then.
pub(crate) type Decision = Result<(Change, Option<Revocation>), Error>;

/// Puts a certificate on hold. An operator takes over the hold of an owner, who cannot release it then.
pub(crate) fn hold(certificate: &Issued, by: Capacity, now: OffsetDateTime) -> Decision {
    let Some(there) = &certificate.revocation else {
        let held = Revocation {
            time: now,
            reason: Reason::CertificateHold,
            invalidity: None,
            decided: now,
            decided_as: Some(by),
        };
        return Ok((Change::Held, Some(held)));
    };
    if there.reason != Reason::CertificateHold {
        return Err(revoked_already(certificate.serial, there));
    }
    if by == Capacity::Operator && there.decided_as == Some(Capacity::Owner) {
        let held = Revocation {
            decided: now,
            decided_as: Some(by),
            ..*there
        };
        return Ok((Change::Held, Some(held)));
    }
    Err(Error::Conflict(format!(
        "certificate {} is on hold already",
        certificate.serial
    )))
}

/// Ends a hold as if it had not been. An owner ends what an owner set; an operator, every hold. A certificate whose key is
/// known to be compromised is never valid again.
pub(crate) fn release(certificate: &Issued, by: Capacity, key_is_compromised: bool) -> Decision {
    let serial = certificate.serial;
    match &certificate.revocation {
        Some(there) if there.reason == Reason::CertificateHold => {
            if by == Capacity::Owner && there.decided_as != Some(Capacity::Owner) {
                return Err(Error::Forbidden(format!(
                    "certificate {serial} was put on hold by an operator; only an operator releases it (permission \
                     certificates:revoke)"
                )));
            }
            if key_is_compromised {
                return Err(Error::Conflict(format!(
                    "the key of certificate {serial} is known to be compromised; revoke the certificate with reason \
                     key-compromise"
                )));
            }
            Ok((Change::Released, None))
        }
        Some(there) => Err(revoked_already(certificate.serial, there)),
        None => Err(Error::Conflict(format!("certificate {serial} is not on hold"))),
    }
}

/// For good, from now on or since a hold; or how a revocation is amended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    pub(crate) reason: Reason,
    /// RFC 5280 section 5.3.2.
    pub(crate) invalidity: Option<OffsetDateTime>,
    /// With it the key is recorded as compromised, which it was not.
    pub(crate) records_key: bool,
}

impl Wish {
    /// The same for another certificate of the compromised key. Its date is within the life of that certificate, and not
    /// later than what is known of it already; none where that leaves no time. The reason is one for its kind.
    pub(crate) fn for_other(self, other: &Issued, is_ca: bool, now: OffsetDateTime) -> Self {
        let earliest = other.not_before;
        let latest = other.revocation.map_or(now, |there| there.time);
        let at = self.invalidity.filter(|_| earliest <= latest);
        Self {
            reason: if self.reason == Reason::CaCompromise && !is_ca {
                Reason::KeyCompromise
            } else {
                self.reason
            },
            // A key cannot have been misused with a certificate that did not exist yet, nor since later than it is revoked.
            invalidity: at.map(|at| at.clamp(earliest, latest)),
            ..self
        }
    }

    /// Whether the certificate is revoked for compromise already, and this would add nothing.
    pub(crate) fn is_fulfilled(self, certificate: &Issued) -> bool {
        !self.records_key
            && certificate.revocation.is_some_and(|there| {
                is_compromise(there.reason) && self.invalidity.is_none_or(|at| there.invalidity == Some(at))
            })
    }
}

/// Revokes for good, or amends what is revoked already: toward compromise only, and never its date. A hold that becomes
/// final keeps the date of the hold: since then the certificate was not to be trusted.
pub(crate) fn revoke(certificate: &Brief, wish: Wish, by: Capacity, now: OffsetDateTime) -> Decision {
    let Wish {
        reason, invalidity, ..
    } = wish;
    if let Some(at) = invalidity {
        check_invalidity(certificate, at, now)?;
    }
    let Some(there) = &certificate.revocation else {
        let revoked = Revocation {
            time: now,
            reason,
            invalidity,
            decided: now,
            decided_as: Some(by),
        };
        return Ok((Change::Revoked, Some(revoked)));
    };
    let of_hold = there.reason == Reason::CertificateHold;
    let next = Revocation {
        time: there.time,
        reason,
        invalidity: invalidity.or(there.invalidity),
        decided: now,
        // What an operator decided stays that, whatever an owner adds.
        decided_as: match by {
            Capacity::Owner if !of_hold => there.decided_as,
            Capacity::Owner | Capacity::Operator => Some(by),
        },
    };
    let worse = is_compromise(reason) && !is_compromise(there.reason);
    let dated = reason == there.reason && is_compromise(reason) && next.invalidity != there.invalidity;
    let confirmed = reason == there.reason && wish.records_key;
    let change = if of_hold {
        Change::Revoked
    } else if worse || dated || confirmed {
        Change::Amended
    } else {
        return Err(revoked_already(certificate.serial, there));
    };
    if let Some(at) = invalidity {
        check_moves_earlier(there, at, by)?;
    }
    Ok((change, Some(next)))
}

/// What was signed before the invalidity date may still be relied on, and without one, what was signed before the
/// revocation date (RFC 5280 section 5.3.2). A later date thus makes signatures good again: for an owner, who may have made
/// them, only an earlier one is taken.
fn check_moves_earlier(there: &Revocation, at: OffsetDateTime, by: Capacity) -> Result<(), Error> {
    let known = there.invalidity.unwrap_or(there.time);
    if by == Capacity::Operator {
        return Ok(());
    }
    // Where it is not known who decided, it counts as an operator.
    let of_operator = there.decided_as != Some(Capacity::Owner);
    if of_operator && there.invalidity.is_some_and(|there| there != at) {
        return Err(Error::Forbidden(format!(
            "invalidity_time: is {} by the decision of an operator; only an operator changes it (permission \
             certificates:revoke)",
            kit::clock::rfc3339(known)
        )));
    }
    if at <= known {
        return Ok(());
    }
    Err(Error::Forbidden(format!(
        "invalidity_time: is later than {}, since when the certificate is not relied on; only an operator moves that to \
         later (permission certificates:revoke)",
        kit::clock::rfc3339(known)
    )))
}

fn revoked_already(serial: Serial, there: &Revocation) -> Error {
    Error::Conflict(format!(
        "certificate {serial} is revoked already ({}); a revocation is final, only its reason can be changed to a compromise",
        there.reason
    ))
}
