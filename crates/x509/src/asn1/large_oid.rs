//! Object identifiers that no [`ObjectIdentifier`](const_oid::ObjectIdentifier) holds.

use std::fmt;

use super::dotted;

/// The content of an object identifier with an arc of more than 32 bits, a second arc over 39, or more than 39 octets. `Display` gives its dotted
/// form, cut after as many octets as UUID arcs (X.667) and some more take.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LargeOid {
    octets: [u8; Self::KEPT],
    length: usize,
}

impl LargeOid {
    const KEPT: usize = 48;

    /// Keeps checked content.
    pub(super) fn new(content: &[u8]) -> Self {
        let mut octets = [0; Self::KEPT];
        octets
            .iter_mut()
            .zip(content)
            .for_each(|(kept, octet)| *kept = *octet);
        Self {
            octets,
            length: content.len(),
        }
    }
}

impl fmt::Display for LargeOid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.octets.get(..self.length).unwrap_or(&self.octets);
        // An arc that was cut has no number.
        let whole = kept
            .iter()
            .rposition(|octet| octet & 0x80 == 0)
            .map_or(0, |last| last + 1);
        f.write_str(&dotted(kept.get(..whole).unwrap_or_default()))?;
        if whole < self.length {
            f.write_str("…")?;
        }
        Ok(())
    }
}

impl fmt::Debug for LargeOid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LargeOid({self})")
    }
}
