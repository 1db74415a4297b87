//! The revocations and holds of all certificates that have not expired, in as little memory as that takes.
//!
//! Each issuer has a list of its serial numbers in order, cut into pieces of at most [`PIECE`] entries of 32 octets: a change
//! moves at most one piece, and what is reserved for growth is small. A million entries take less than 60 MiB. Certificates that
//! are valid take nothing.

use std::collections::HashMap;
use std::sync::Arc;

use time::OffsetDateTime;
use x509::Serial;

use super::revocation::seconds;
use super::{Revocation, Revoked};

/// Most entries in a piece: 16 KiB.
const PIECE: usize = 512;
/// By how many entries a piece grows.
const GROWTH: usize = 16;

/// Which certificates are revoked or on hold.
#[derive(Debug, Default)]
pub struct Revocations {
    by_issuer: HashMap<Arc<str>, Sorted>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Right-aligned, so that all have one length.
    serial: [u8; Serial::MAX_LEN],
    seconds: u32,
    not_after: u32,
    reason: u8,
}

/// Pieces in order, none of them empty.
#[derive(Debug, Default)]
struct Sorted {
    pieces: Vec<Vec<Entry>>,
    len: usize,
}

impl Revocations {
    /// That of the certificate which this issuer gave this serial number.
    #[must_use]
    pub fn find(&self, issuer: &str, serial: &Serial) -> Option<Revocation> {
        let entry = self.by_issuer.get(issuer)?.find(&key(serial))?;
        Some(Revocation::of_parts(entry.seconds, entry.reason))
    }

    /// Adds one, or puts it in the place of the one that there is.
    pub fn insert(&mut self, issuer: &str, serial: &Serial, revoked: Revoked) {
        let entry = Entry {
            serial: key(serial),
            seconds: revoked.revocation.seconds,
            not_after: seconds(revoked.not_after),
            reason: revoked.revocation.code(),
        };
        if let Some(sorted) = self.by_issuer.get_mut(issuer) {
            return sorted.insert(entry);
        }
        let mut sorted = Sorted::default();
        sorted.insert(entry);
        self.by_issuer.insert(Arc::from(issuer), sorted);
    }

    /// Takes one out: the certificate was released.
    pub fn remove(&mut self, issuer: &str, serial: &Serial) {
        if let Some(sorted) = self.by_issuer.get_mut(issuer) {
            sorted.remove(&key(serial));
        }
    }

    /// Takes out those whose certificates expired before this, and answers how many.
    pub fn forget_expired(&mut self, before: OffsetDateTime) -> usize {
        let before = seconds(before);
        let each = self.by_issuer.values_mut();
        each.map(|sorted| sorted.forget_expired(before)).sum()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_issuer.values().map(|sorted| sorted.len).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

type Key = [u8; Serial::MAX_LEN];

fn key(serial: &Serial) -> Key {
    let mut key = [0; Serial::MAX_LEN];
    let octets = serial.as_bytes();
    let to = key.iter_mut().rev();
    to.zip(octets.iter().rev()).for_each(|(to, from)| *to = *from);
    key
}

impl Sorted {
    /// The piece that has this key, or would have it.
    fn piece(&self, key: &Key) -> usize {
        let starts_before = |piece: &Vec<Entry>| piece.first().is_some_and(|first| first.serial <= *key);
        self.pieces.partition_point(starts_before).saturating_sub(1)
    }

    fn find(&self, key: &Key) -> Option<&Entry> {
        let piece = self.pieces.get(self.piece(key))?;
        let at = piece.binary_search_by(|entry| entry.serial.cmp(key)).ok()?;
        piece.get(at)
    }

    fn insert(&mut self, entry: Entry) {
        let index = self.piece(&entry.serial);
        let Some(piece) = self.pieces.get_mut(index) else {
            self.pieces.push(vec![entry]);
            self.len = 1;
            return;
        };
        match piece.binary_search_by(|other| other.serial.cmp(&entry.serial)) {
            Ok(at) => {
                if let Some(there) = piece.get_mut(at) {
                    *there = entry;
                }
                return;
            }
            Err(at) => {
                if piece.len() == piece.capacity() {
                    piece.reserve_exact(GROWTH);
                }
                piece.insert(at, entry);
            }
        }
        self.len += 1;
        if piece.len() > PIECE {
            // A snapshot comes in order: the piece at the end is cut where it is full.
            let is_last = index + 1 == self.pieces.len();
            self.split(index, is_last);
        }
    }

    fn split(&mut self, index: usize, is_last: bool) {
        let Some(piece) = self.pieces.get_mut(index) else {
            return;
        };
        let at = if is_last { PIECE - GROWTH } else { PIECE / 2 };
        let behind = piece.split_off(at);
        piece.shrink_to_fit();
        self.pieces.insert(index + 1, behind);
    }

    fn remove(&mut self, key: &Key) {
        let index = self.piece(key);
        let Some(piece) = self.pieces.get_mut(index) else {
            return;
        };
        let Ok(at) = piece.binary_search_by(|entry| entry.serial.cmp(key)) else {
            return;
        };
        piece.remove(at);
        self.len -= 1;
        if piece.is_empty() {
            self.pieces.remove(index);
        }
    }

    fn forget_expired(&mut self, before: u32) -> usize {
        let all = self.len;
        for piece in &mut self.pieces {
            let had = piece.len();
            piece.retain(|entry| entry.not_after >= before);
            if piece.len() < had {
                piece.shrink_to_fit();
            }
        }
        self.pieces.retain(|piece| !piece.is_empty());
        self.len = self.pieces.iter().map(Vec::len).sum();
        all - self.len
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use time::Duration;
    use time::macros::datetime;
    use x509::crl::Reason;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2027-01-02 03:04:05 UTC);

    fn revoked(days: i64, reason: Reason) -> Revoked {
        Revoked {
            revocation: Revocation::new(NOW + Duration::days(days), reason),
            not_after: NOW + Duration::days(days),
        }
    }

    /// Numbers that look random and come again.
    fn serial(number: u64) -> Serial {
        let mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let octets = u128::from(mixed) << 64 | u128::from(mixed.rotate_left(17) | 1);
        Serial::from_bytes(&octets.to_be_bytes()).unwrap()
    }

    #[test]
    fn what_is_found_is_what_was_put_in_last() {
        let mut set = Revocations::default();
        let mut model = BTreeMap::new();
        for step in 0..60_000_u64 {
            let number = step.wrapping_mul(2_654_435_761) % 9_000;
            let issuer = ["issuing", "issuing.2"][(number % 2) as usize];
            if step % 3 == 0 {
                set.remove(issuer, &serial(number));
                model.remove(&(issuer, number));
            } else {
                let reason = Reason::from_code((step % 7) as u8).unwrap();
                let entry = revoked((step % 50) as i64, reason);
                set.insert(issuer, &serial(number), entry);
                model.insert((issuer, number), entry);
            }
        }
        let check = |set: &Revocations, model: &BTreeMap<(&str, u64), Revoked>| {
            assert_eq!(set.len(), model.len());
            for number in 0..9_000 {
                for issuer in ["issuing", "issuing.2", "other"] {
                    let wanted = model.get(&(issuer, number)).map(|revoked| revoked.revocation);
                    assert_eq!(set.find(issuer, &serial(number)), wanted, "{issuer} {number}");
                }
            }
        };
        check(&set, &model);
        let before = NOW + Duration::days(20);
        let forgotten = set.forget_expired(before);
        let had = model.len();
        model.retain(|_, revoked| revoked.not_after >= before);
        assert_eq!(forgotten, had - model.len());
        check(&set, &model);
    }

    #[test]
    fn times_outside_of_four_octets_are_the_nearest_inside() {
        let early = Revocation::new(datetime!(1960-01-01 00:00 UTC), Reason::Superseded);
        let late = Revocation::new(datetime!(9999-12-31 23:59:59 UTC), Reason::Superseded);
        assert_eq!((early.seconds, late.seconds), (0, u32::MAX));
    }

    #[test]
    fn a_million_take_less_than_60_mib_in_whatever_order_they_come() {
        let entry = revoked(30, Reason::KeyCompromise);
        let mut in_order: Vec<Serial> = (0..1_000_000).map(serial).collect();
        let any_order = in_order.clone();
        in_order.sort_unstable();
        for serials in [in_order, any_order] {
            let mut set = Revocations::default();
            for serial in &serials {
                set.insert("issuing", serial, entry);
            }
            assert_eq!(set.len(), 1_000_000);
            let taken = set.octets() / (1024 * 1024);
            assert!(taken < 60, "{taken} MiB");
        }
    }

    impl Revocations {
        /// What is allocated, but for the few octets of each issuer.
        fn octets(&self) -> usize {
            let each = self.by_issuer.values().map(|sorted| {
                let pieces = sorted.pieces.iter().map(Vec::capacity).sum::<usize>();
                pieces * size_of::<Entry>() + sorted.pieces.capacity() * size_of::<Vec<Entry>>()
            });
            each.sum()
        }
    }
}
