//! What becomes of an entry, as the feed and the snapshots of ca tell it.

use std::collections::BTreeMap;

use kit::revocations::RevokedCertificate;
use time::OffsetDateTime;
use x509::Serial;
use x509::crl::{CrlEntry, Reason};

use super::{Scope, is_compromise};

/// A certificate that is revoked or on hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Revoked {
    pub(crate) entry: CrlEntry,
    pub(crate) not_after: OffsetDateTime,
}

impl Revoked {
    /// As ca tells it, with the list that it belongs in.
    pub(crate) fn of(told: RevokedCertificate) -> (Scope, Self) {
        let (scope, serial) = Scope::of(told.subject);
        let entry = CrlEntry {
            serial,
            time: told.revocation.time,
            reason: Some(told.revocation.reason),
            invalidity: told.revocation.invalidity,
        };
        let not_after = told.not_after;
        (scope, Self { entry, not_after })
    }
}

/// What one event says of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Revoked(Revoked),
    /// No longer on hold.
    Released(Serial),
}

/// The last word on each certificate of several events, by scope.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) scopes: BTreeMap<Scope, ScopeChanges>,
}

/// What changes in one scope.
#[derive(Debug, Default)]
pub(crate) struct ScopeChanges {
    /// By serial number; in its order statements lock rows.
    pub(crate) by_serial: BTreeMap<Serial, Change>,
    /// Whether one of them is a compromise.
    pub(crate) compromise: bool,
}

impl Changes {
    /// Adds what the next event says. What is revoked for good stays so: an event that came before is seen again after a snapshot.
    pub(crate) fn add(&mut self, scope: Scope, change: Change) {
        let changes = self.scopes.entry(scope).or_default();
        let serial = match &change {
            Change::Revoked(revoked) => revoked.entry.serial,
            Change::Released(serial) => *serial,
        };
        if let Change::Revoked(Revoked { entry, .. }) = &change {
            changes.compromise |= entry.reason.is_some_and(is_compromise);
        }
        let known = changes.by_serial.get(&serial);
        if known.is_some_and(Change::is_final) && !change.is_final() {
            return;
        }
        changes.by_serial.insert(serial, change);
    }
}

impl Change {
    /// Revoked, and not only on hold.
    fn is_final(&self) -> bool {
        match self {
            Self::Revoked(revoked) => revoked.entry.reason != Some(Reason::CertificateHold),
            Self::Released(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2027-01-02 3:04:05 UTC);

    fn serial() -> Serial {
        Serial::from_bytes(&[1]).unwrap()
    }

    fn revoked(reason: Reason) -> Change {
        Change::Revoked(Revoked {
            entry: CrlEntry {
                serial: serial(),
                time: NOW,
                reason: Some(reason),
                invalidity: None,
            },
            not_after: NOW,
        })
    }

    fn last(all: &[Change]) -> (Change, bool) {
        let mut changes = Changes::default();
        for change in all {
            changes.add(Scope::whole("a"), *change);
        }
        let scope = &changes.scopes[&Scope::whole("a")];
        (scope.by_serial[&serial()], scope.compromise)
    }

    #[test]
    fn the_last_word_counts_but_nothing_undoes_a_revocation() {
        let (hold, released) = (revoked(Reason::CertificateHold), Change::Released(serial()));
        let (superseded, compromise) = (revoked(Reason::Superseded), revoked(Reason::KeyCompromise));
        for (all, expected) in [
            (vec![hold, released], (released, false)),
            (vec![released, hold], (hold, false)),
            (vec![hold, superseded], (superseded, false)),
            (vec![superseded, hold], (superseded, false)),
            (vec![superseded, released], (superseded, false)),
            (vec![superseded, compromise], (compromise, true)),
            (vec![compromise, superseded], (superseded, true)),
        ] {
            assert_eq!(last(&all), expected, "{all:?}");
        }
    }
}
