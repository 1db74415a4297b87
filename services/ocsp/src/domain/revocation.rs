//! A revocation or hold, as far as answers tell it.

use time::OffsetDateTime;
use x509::crl::Reason;
use x509::ocsp::CertStatus;

/// Since when, and why. Whole seconds from 1970 to 2106, which GeneralizedTime of OCSP has and four octets hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    pub(super) seconds: u32,
    reason: Reason,
}

/// A revocation, and when its certificate expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// The revocation.
    pub revocation: Revocation,
    /// The last second of the certificate.
    pub not_after: OffsetDateTime,
}

/// Seconds since 1970, within what four octets hold: what is outside is shown as the nearest that is not.
pub(super) fn seconds(time: OffsetDateTime) -> u32 {
    let seconds = time.unix_timestamp().max(0);
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

impl Revocation {
    /// A hold is one with the reason certificateHold.
    #[must_use]
    pub fn new(time: OffsetDateTime, reason: Reason) -> Self {
        Self {
            seconds: seconds(time),
            reason,
        }
    }

    /// From what the set keeps.
    pub(super) fn of_parts(seconds: u32, reason: u8) -> Self {
        Self {
            seconds,
            // Only codes of reasons are stored.
            reason: Reason::from_code(reason).unwrap_or(Reason::Unspecified),
        }
    }

    pub(super) fn code(self) -> u8 {
        self.reason.code()
    }

    /// Whether it can be taken back.
    #[must_use]
    pub fn is_hold(self) -> bool {
        self.reason == Reason::CertificateHold
    }

    /// A text that another time or reason would make another.
    #[must_use]
    pub(crate) fn version(self) -> String {
        format!("revoked-{}-{}", self.seconds, self.code())
    }

    /// As a response says it.
    #[must_use]
    pub fn status(self) -> CertStatus {
        let time = OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(i64::from(self.seconds));
        CertStatus::Revoked {
            time,
            reason: Some(self.reason),
        }
    }
}

/// As `ca` tells it.
impl From<kit::revocations::Revocation> for Revocation {
    fn from(told: kit::revocations::Revocation) -> Self {
        Self::new(told.time, told.reason)
    }
}
