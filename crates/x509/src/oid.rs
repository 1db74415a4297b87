//! Object identifiers as they are received (X.690 section 8.19): arcs of any size, up to 128 octets.
//!
//! Enterprises draw arcs from GUIDs: the certificate templates, policies and purposes of AD CS are
//! `1.3.6.1.4.1.311.21.8.` and seven arcs or more, UUID arcs (X.667) have 128 bits. Nothing in a certificate says that an
//! arc must fit a machine word, so an identifier is its content octets here, compared octet for octet.

use std::fmt;
use std::str::FromStr;

use const_oid::ObjectIdentifier;
use num_bigint::BigUint;

use crate::asn1::DerError;

/// An object identifier. `Display` and `FromStr` use the dotted form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid {
    /// Zero after `length`, so that equal identifiers have equal octets.
    octets: [u8; Oid::MAX_LEN],
    length: usize,
}

/// A text is not an object identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no object identifier: write numbers with dots between them, such as 1.3.6.1.4.1.99999.1, of at most 128 octets"
)]
pub struct OidError;

impl Oid {
    /// Longest one that is read, in octets of content.
    pub const MAX_LEN: usize = 128;
    /// Longest text that is read: no identifier of [`Self::MAX_LEN`] octets is longer.
    const MAX_TEXT: usize = 512;

    /// For constants with arcs up to 32 bits.
    ///
    /// # Panics
    /// If that is not an object identifier; in a constant, the build fails.
    #[must_use]
    pub const fn new_unwrap(dotted: &str) -> Self {
        Self::from_known(&ObjectIdentifier::new_unwrap(dotted))
    }

    const fn from_known(known: &ObjectIdentifier) -> Self {
        let content = known.as_bytes();
        let mut octets = [0; Self::MAX_LEN];
        let (start, _) = octets.split_at_mut(content.len());
        start.copy_from_slice(content);
        Self {
            octets,
            length: content.len(),
        }
    }

    /// Checks content octets: at least one arc, every arc complete and in the fewest octets.
    ///
    /// # Errors
    /// [`DerError`] for what DER forbids, and for more than [`Self::MAX_LEN`] octets.
    pub fn from_content(content: &[u8]) -> Result<Self, DerError> {
        let starts_padded = |arc: &[u8]| arc.first() == Some(&0x80);
        let mut arcs = content.split_inclusive(|octet| octet & 0x80 == 0);
        let complete = content.last().is_some_and(|last| last & 0x80 == 0);
        if !complete || arcs.any(starts_padded) {
            return Err(DerError::Value("OBJECT IDENTIFIER"));
        }
        let mut octets = [0; Self::MAX_LEN];
        octets
            .get_mut(..content.len())
            .ok_or(DerError::LongOid(content.len()))?
            .copy_from_slice(content);
        Ok(Self {
            octets,
            length: content.len(),
        })
    }

    /// The last arc, where those before it are the ones of `above`; of arcs under 128.
    #[must_use]
    pub fn arc_below(&self, above: &Self) -> Option<u8> {
        match self.as_bytes().strip_prefix(above.as_bytes())? {
            [arc @ ..0x80] => Some(*arc),
            _ => None,
        }
    }

    /// The content octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }
}

impl From<ObjectIdentifier> for Oid {
    fn from(known: ObjectIdentifier) -> Self {
        Self::from_known(&known)
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut arcs = self
            .as_bytes()
            .split_inclusive(|octet| octet & 0x80 == 0)
            .map(number);
        let first = arcs.next().unwrap_or_default();
        // The first octets hold two arcs: 40 times the one, which is 0, 1 or 2, and the other.
        let root = (&first / 40_u8).min(BigUint::from(2_u8));
        write!(f, "{root}.{}", first - &root * 40_u8)?;
        arcs.try_for_each(|arc| write!(f, ".{arc}"))
    }
}

fn number(arc: &[u8]) -> BigUint {
    let digits: Vec<u8> = arc.iter().map(|octet| octet & 0x7f).collect();
    BigUint::from_radix_be(&digits, 128).unwrap_or_default()
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Oid({self})")
    }
}

impl FromStr for Oid {
    type Err = OidError;

    fn from_str(text: &str) -> Result<Self, OidError> {
        if text.len() > Self::MAX_TEXT {
            return Err(OidError);
        }
        let mut arcs = Vec::new();
        for arc in text.split('.') {
            let is_number = !arc.is_empty() && arc.bytes().all(|digit| digit.is_ascii_digit());
            if !is_number || arc.len() > 1 && arc.starts_with('0') {
                return Err(OidError);
            }
            arcs.push(arc.parse::<BigUint>().map_err(|_| OidError)?);
        }
        let [root, second, rest @ ..] = arcs.as_slice() else {
            return Err(OidError);
        };
        let (two, forty) = (BigUint::from(2_u8), BigUint::from(40_u8));
        if *root > two || *root < two && *second >= forty {
            return Err(OidError);
        }
        let first = root * forty + second;
        let mut content = Vec::new();
        for arc in std::iter::once(&first).chain(rest) {
            let mut digits = arc.to_radix_be(128);
            if let Some((_, leading)) = digits.split_last_mut() {
                leading.iter_mut().for_each(|digit| *digit |= 0x80);
            }
            content.append(&mut digits);
        }
        Self::from_content(&content).map_err(|_| OidError)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Content octets and their dotted form.
    const BOTH: [(&[u8], &str); 7] = [
        (&[0x2a, 0x03], "1.2.3"),
        (&[0x27], "0.39"),
        (&[0x4f], "1.39"),
        (&[0x50], "2.0"),
        (&[0x55, 4, 3], "2.5.4.3"),
        (&[0x88, 0x37], "2.999"),
        (&[0x2a, 0x90, 0x80, 0x80, 0x80, 0x00], "1.2.4294967296"),
    ];

    #[test]
    fn arcs_of_any_size_have_a_dotted_form() {
        for (content, text) in BOTH {
            let oid = Oid::from_content(content).unwrap();
            assert_eq!(oid.to_string(), text);
            assert_eq!(text.parse(), Ok(oid));
            assert_eq!(oid.as_bytes(), content);
        }
        // A UUID as one arc (X.667).
        let uuid = "2.25.329800735698586629295641978511506172918";
        assert_eq!(uuid.parse::<Oid>().unwrap().to_string(), uuid);
        assert_eq!(Oid::new_unwrap("2.5.29.37"), "2.5.29.37".parse().unwrap());
    }

    #[test]
    fn an_arc_is_told_from_those_above_it() {
        let below = |text: &str| text.parse::<Oid>().unwrap().arc_below(&Oid::new_unwrap("2.5.29"));
        assert_eq!((below("2.5.29.15"), below("2.5.29.127")), (Some(15), Some(127)));
        for other in ["2.5.29", "2.5.4.15", "2.5.29.15.1", "2.5.29.128", "1.2"] {
            assert_eq!(below(other), None, "{other}");
        }
    }

    #[test]
    fn what_der_forbids_is_refused() {
        for content in [
            &[][..],
            &[0x80],
            &[0x2a, 0x80],
            &[0x2a, 0x86],
            &[0x2a, 0x80, 0x01],
            &[0x80, 0x2a],
        ] {
            let refused = Oid::from_content(content);
            assert_eq!(refused, Err(DerError::Value("OBJECT IDENTIFIER")), "{content:?}");
        }
    }

    #[test]
    fn the_size_is_bounded() {
        let longest = [0x2a; Oid::MAX_LEN];
        let text = Oid::from_content(&longest).unwrap().to_string();
        assert_eq!(text.parse::<Oid>().unwrap().as_bytes(), longest);
        // One arc of all octets.
        let mut widest = [0xff; Oid::MAX_LEN];
        widest[Oid::MAX_LEN - 1] = 0x7f;
        let text = Oid::from_content(&widest).unwrap().to_string();
        assert_eq!(text.parse::<Oid>().unwrap().as_bytes(), widest);
        let refused = Oid::from_content(&[0x2a; 129]).unwrap_err().to_string();
        assert!(refused.contains("129 octets"), "{refused}");
        assert!(format!("1.2.{}", "9".repeat(300)).parse::<Oid>().is_err());
        assert!(format!("1.2.{}", "9".repeat(100_000)).parse::<Oid>().is_err());
    }

    #[test]
    fn texts_that_are_none_are_refused() {
        for text in [
            "", "1", "1.", ".1", "3.1", "1.40", "0.40", "1..2", "1.2.", "1.02", "01.2", "1.2.x", "1.2.-3",
            "1.+2", " 1.2", "1.2.٣",
        ] {
            assert_eq!(text.parse::<Oid>(), Err(OidError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_back(content in proptest::collection::vec(any::<u8>(), 0..140)) {
            if let Ok(oid) = Oid::from_content(&content) {
                prop_assert_eq!(oid.as_bytes(), content.as_slice());
                prop_assert_eq!(oid.to_string().parse(), Ok(oid));
            }
        }

        #[test]
        fn small_ones_are_those_of_the_library(root in 0_u32..2, second in 0_u32..40, arc in any::<u32>()) {
            let text = format!("{root}.{second}.{arc}");
            let theirs = ObjectIdentifier::new(&text).unwrap();
            prop_assert_eq!(text.parse(), Ok(Oid::from(theirs)));
            prop_assert_eq!(Oid::from(theirs).to_string(), text);
        }
    }
}
