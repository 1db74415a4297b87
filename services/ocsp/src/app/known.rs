//! The revocations that are known in memory, and how current they are.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use kit::clock::SharedClock;
use time::OffsetDateTime;
use tokio::time::Instant;
use vocabulary::metric;
use x509::Serial;

use crate::domain::{Currency, Position, Revocation, Revocations, Revoked};

/// Time between two snapshots while `ca` cannot read all of it.
const AGAIN: Duration = Duration::from_secs(60);

/// Shared by requests, which read, and the follower of the feed, which writes.
pub(super) struct KnownRevocations {
    state: RwLock<Contents>,
    currency: Currency,
    clock: SharedClock,
}

#[derive(Default)]
struct Contents {
    set: Revocations,
    /// Nothing before the feed was read to its end behind the first snapshot.
    position: Option<Position>,
    /// Nothing before the first snapshot.
    extent: Option<Extent>,
}

/// What the set has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    /// All revocations of certificates whose last second is not before this.
    pub(super) from: OffsetDateTime,
    /// But for so many, of which `ca` cannot read which certificates they are about.
    pub(super) unreadable: u64,
    /// When the snapshot was taken.
    pub(super) taken: Instant,
}

impl Extent {
    /// Whether a certificate that has not expired and is not in the set is not revoked. After a clock that was ahead, the set lacks
    /// certificates that it took for expired.
    fn is_whole(self, now: OffsetDateTime) -> bool {
        self.unreadable == 0 && self.from <= now
    }
}

impl Contents {
    fn is_whole(&self, now: OffsetDateTime) -> bool {
        self.extent.is_some_and(|extent| extent.is_whole(now))
    }
}

/// What is known of one certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KnownStatus {
    /// Whether the feed was read far enough for this to be true now.
    pub(super) current: bool,
    pub(super) revocation: Option<Revocation>,
}

impl KnownStatus {
    /// The revocation, if that can be said now. One that is final is true however old the knowledge of it is.
    pub(super) fn revoked(self) -> Option<Revocation> {
        self.revocation
            .filter(|revocation| self.current || !revocation.is_hold())
    }
}

/// A change of one certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Revoked(Revoked),
    Released,
}

impl KnownRevocations {
    pub(super) fn new(currency: Currency, clock: SharedClock) -> Self {
        Self {
            state: RwLock::default(),
            currency,
            clock,
        }
    }

    pub(super) fn of(&self, issuer: &str, serial: &Serial) -> KnownStatus {
        let now = self.now();
        let state = self.read();
        KnownStatus {
            current: self.currency.allows(state.position, now) && state.is_whole(now.1),
            revocation: state.set.find(issuer, serial),
        }
    }

    pub(super) fn apply(&self, issuer: &str, serial: &Serial, change: Change) {
        let mut state = self.write();
        let there = state.set.find(issuer, serial);
        let is_final = there.is_some_and(|revocation| !revocation.is_hold());
        match change {
            // What is revoked for good stays so: an event from before is seen again behind a snapshot.
            Change::Revoked(revoked) if is_final && revoked.revocation.is_hold() => {}
            Change::Released if is_final => {}
            Change::Revoked(revoked) => state.set.insert(issuer, serial, revoked),
            Change::Released => state.set.remove(issuer, serial),
        }
        measure_size(&state.set);
    }

    /// Puts a snapshot in the place of what was known. How current it is will be known when the feed was read to its end.
    pub(super) fn replace(&self, set: Revocations, extent: Extent) {
        measure_size(&set);
        let old = {
            let mut state = self.write();
            state.extent = Some(extent);
            state.position = None;
            std::mem::replace(&mut state.set, set)
        };
        // A million entries are given back without the lock.
        drop(old);
    }

    pub(super) fn caught_up(&self, as_of: Instant) {
        let (instant, now) = self.now();
        let passed = instant.saturating_duration_since(as_of);
        let position = Position {
            as_of,
            at: now - passed,
        };
        self.write().position = Some(position);
    }

    pub(super) fn forget_expired(&self, before: OffsetDateTime) -> usize {
        let mut state = self.write();
        if let Some(extent) = &mut state.extent {
            extent.from = extent.from.max(before);
        }
        let forgotten = state.set.forget_expired(before);
        measure_size(&state.set);
        forgotten
    }

    pub(super) const fn currency(&self) -> Currency {
        self.currency
    }

    /// Whether there was a snapshot.
    pub(super) fn is_loaded(&self) -> bool {
        self.read().extent.is_some()
    }

    /// How many revocations are missing, since `ca` cannot read them.
    pub(super) fn unreadable(&self) -> u64 {
        self.read().extent.map_or(0, |extent| extent.unreadable)
    }

    /// Whether a certificate that has not expired and is not in the set is not revoked, as far as the feed was read.
    pub(super) fn is_whole(&self) -> bool {
        self.read().is_whole(self.now().1)
    }

    /// Whether a new snapshot would have more: at once where the clock went back, and again and again where `ca` could not read
    /// something, which an operator may have restored.
    pub(super) fn needs_snapshot(&self) -> bool {
        let (instant, now) = self.now();
        self.read().extent.is_some_and(|extent| {
            let taken = instant.saturating_duration_since(extent.taken);
            now < extent.from || (extent.unreadable > 0 && taken >= AGAIN)
        })
    }

    /// How old what is known can be at most; `None` before the feed was read to its end.
    pub(super) fn age(&self) -> Option<Duration> {
        let now = self.now();
        self.read().position.map(|position| position.age(now))
    }

    pub(super) fn len(&self) -> usize {
        self.read().set.len()
    }

    fn now(&self) -> (Instant, OffsetDateTime) {
        (Instant::now(), self.clock.now())
    }

    // A panic while the lock was held leaves a set that is whole: no method of it stops halfway.
    fn read(&self) -> RwLockReadGuard<'_, Contents> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Contents> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn measure_size(set: &Revocations) {
    metrics::gauge!(metric::OCSP_REVOCATIONS).set(set.len() as f64);
}

#[cfg(test)]
mod tests {
    use kit::clock::MockClock;
    use time::macros::datetime;
    use x509::crl::Reason;

    use super::*;

    #[test]
    fn nothing_undoes_a_revocation_but_a_release_does_a_hold() {
        const NOW: OffsetDateTime = datetime!(2027-01-02 03:04:05 UTC);
        let revoked = |reason| {
            Change::Revoked(Revoked {
                revocation: Revocation::new(NOW, reason),
                not_after: NOW,
            })
        };
        let (hold, superseded) = (revoked(Reason::CertificateHold), revoked(Reason::Superseded));
        for (all, expected) in [
            (vec![hold], Some(Reason::CertificateHold)),
            (vec![hold, Change::Released], None),
            (vec![hold, superseded], Some(Reason::Superseded)),
            (vec![superseded, Change::Released], Some(Reason::Superseded)),
            (vec![superseded, hold, Change::Released], Some(Reason::Superseded)),
        ] {
            let max_lag = Duration::from_secs(1);
            let known = KnownRevocations::new(Currency { max_lag }, std::sync::Arc::new(MockClock::new(NOW)));
            let serial: Serial = "0a".parse().unwrap();
            for change in &all {
                known.apply("issuing", &serial, *change);
            }
            let told = known.of("issuing", &serial).revocation;
            assert_eq!(
                told,
                expected.map(|reason| Revocation::new(NOW, reason)),
                "{all:?}"
            );
        }
    }
}
