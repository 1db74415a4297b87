//! Which identity asks for another one, when it may, and how often.
//!
//! Whoever holds the key of an identity may have its successor made, with another key: so that a theft ends, what an identity asked for
//! is known, and is little.
//!
//! How little, over all generations: `ca` decides how long an identity lives, the same for all (`App::life`). One that was asked for
//! counts among [`MOST_OF_IDENTITY`] for that long, and has no successor before half of it. Of those that are issued for a name within one
//! life, at most that number are not revoked, in whatever way they follow from each other: a count for each chain would not bound more.
//! [`MOST_SUCCESSORS`] keeps who has one key from taking the room of all others at once. A successor outlives what was shown for it, as it
//! should; revoking that takes it, also where that has expired.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use x509::Certificate;
use x509::serial::Serial;

use super::{Damaged, Issued};
use crate::error::Error;

/// Most certificates that are issued to who shows one identity: its successor, one for each process that shares it, and another where an
/// answer was lost.
pub(crate) const MOST_SUCCESSORS: u64 = 16;
/// Most certificates of one SPIFFE id that services asked for and that are neither revoked nor expired: each process has two of them
/// for a third of their life.
pub(crate) const MOST_OF_IDENTITY: u64 = 128;

/// The certificate that a service showed when it asked for its own identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    pub(crate) serial: Serial,
    /// Its SPIFFE id.
    pub(crate) identity: String,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
}

impl Asker {
    /// `certificate` (DER) was verified when the connection was made.
    pub(crate) fn of(certificate: &[u8], identity: &str) -> Result<Self, Error> {
        let unreadable = |problem: String| {
            Error::Forbidden(format!(
                "the certificate that {identity} showed cannot be read: {problem}"
            ))
        };
        let certificate =
            Certificate::from_der(certificate).map_err(|error| unreadable(error.to_string()))?;
        let serial = certificate.serial().proper();
        Ok(Self {
            serial: serial.map_err(|error| unreadable(error.to_string()))?,
            identity: identity.to_owned(),
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
        })
    }

    /// Whether it is time for a successor. Services ask at two thirds of their life, or a little before
    /// (`kit::identity_renewal`); half of it leaves room for clocks that are apart.
    pub(crate) fn check_time(&self, now: OffsetDateTime) -> Result<(), Error> {
        let from = self.not_before + (self.not_after - self.not_before) / 2;
        match now >= from {
            true => Ok(()),
            false => Err(Error::Conflict(format!(
                "the identity {} of {} gets no successor before {}; where it is lost, revoke it, and make another with \
                 `gigvault bootstrap --identity`",
                self.serial,
                self.identity,
                kit::clock::rfc3339(from)
            ))),
        }
    }
}

/// How many certificates were asked for so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct IdentityCounts {
    /// By the serial number that was shown: all that were ever issued for it.
    pub(crate) by_serial: BTreeMap<Serial, u64>,
    /// By SPIFFE id: those that are neither revoked nor expired.
    pub(crate) by_identity: BTreeMap<String, u64>,
}

impl IdentityCounts {
    /// Why one more is refused, if it is.
    pub(crate) fn refusal(&self, asker: &Asker) -> Option<Error> {
        let (serial, identity) = (&asker.serial, &asker.identity);
        if self.by_serial.get(serial).copied().unwrap_or_default() >= MOST_SUCCESSORS {
            return Some(Error::Conflict(format!(
                "{MOST_SUCCESSORS} certificates were issued to who showed the identity {serial} of {identity}, and no more are: if you \
                 do not know who asked for them, revoke it for key-compromise; then make another with \
                 `gigvault bootstrap --identity`"
            )));
        }
        if self.by_identity.get(identity).copied().unwrap_or_default() >= MOST_OF_IDENTITY {
            return Some(Error::Conflict(format!(
                "{MOST_OF_IDENTITY} certificates of {identity} are valid, and no more are issued to services: revoke those that no \
                 process uses"
            )));
        }
        None
    }

    /// Counts one that is issued in the same group.
    pub(crate) fn add(&mut self, asker: &Asker) {
        *self.by_serial.entry(asker.serial).or_default() += 1;
        *self.by_identity.entry(asker.identity.clone()).or_default() += 1;
    }
}

/// The certificates of services that were issued to who showed one, or one of those, and that were valid or on hold.
#[derive(Clone, Debug, Default)]
pub struct Descendants {
    /// Revoked with it.
    pub revoked: Vec<Issued>,
    /// As they were.
    pub remaining: Vec<Issued>,
    /// Those that stay as they are, because what is stored of them cannot be read.
    pub damaged: Vec<Damaged>,
    /// There are more than were looked at.
    pub more: bool,
}

impl Descendants {
    /// With those of another identity.
    pub(crate) fn add(&mut self, other: Self) {
        self.revoked.extend(other.revoked);
        self.remaining.extend(other.remaining);
        self.damaged.extend(other.damaged);
        self.more |= other.more;
    }

    /// What is to be said beside that the identity is revoked.
    pub(crate) fn remark(&self) -> Option<String> {
        let mut remarks = Vec::new();
        if !self.revoked.is_empty() {
            remarks.push(format!(
                "revoked with it, because they were issued to who showed it: {}",
                self.revoked.len()
            ));
        }
        let left = self.remaining.len() + self.damaged.len();
        if left > 0 || self.more {
            let at_least = if self.more { "at least " } else { "" };
            remarks.push(format!(
                "issued to who showed it, and not revoked: {at_least}{left}"
            ));
        }
        (!remarks.is_empty()).then(|| remarks.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;

    fn asker() -> Asker {
        Asker {
            serial: Serial::from_bytes(&[0x11; 16]).unwrap(),
            identity: "spiffe://example.test/svc/ocsp".to_owned(),
            not_before: OffsetDateTime::UNIX_EPOCH,
            not_after: OffsetDateTime::UNIX_EPOCH + Duration::days(90),
        }
    }

    #[test]
    fn a_successor_is_issued_from_half_of_the_life_on() {
        let at = |days| asker().check_time(OffsetDateTime::UNIX_EPOCH + Duration::days(days));
        assert!(at(0).is_err() && at(44).is_err());
        assert!(at(45).is_ok() && at(89).is_ok());
    }

    #[test]
    fn those_of_one_group_are_counted_too() {
        let (mut asked, asker) = (IdentityCounts::default(), asker());
        for _ in 0..MOST_SUCCESSORS {
            assert!(asked.refusal(&asker).is_none());
            asked.add(&asker);
        }
        assert!(asked.refusal(&asker).is_some());
        // Another certificate of the same name has its own, as long as the name has.
        let other = Asker {
            serial: Serial::from_bytes(&[0x12; 16]).unwrap(),
            ..asker
        };
        assert!(asked.refusal(&other).is_none());
        asked.by_identity.insert(other.identity.clone(), MOST_OF_IDENTITY);
        assert!(asked.refusal(&other).is_some());
    }
}
