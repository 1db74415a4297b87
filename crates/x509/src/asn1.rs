//! DER octets: a strict cursor for reading and a back-patching writer.
//!
//! Certificates are judged and kept as the octets that were received, and issued as exactly the octets
//! that were meant (X.690 section 10), so both directions work on plain slices here. A tag is one octet
//! (no X.509 structure uses tag numbers above 30) and a length is at most four octets.
//! The reader never panics, never recurses and never allocates; what a value means is its caller's business.

use const_oid::ObjectIdentifier;

/// Why octets are not the DER that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum DerError {
    /// The value ends before its length says.
    #[error("truncated DER")]
    Truncated,
    /// Octets follow where the structure should end.
    #[error("trailing octets after the DER value")]
    Trailing,
    /// The length is indefinite, not minimal, or over four octets.
    #[error("length that DER does not allow")]
    Length,
    /// Another type stands here.
    #[error("tag 0x{found:02x} where 0x{expected:02x} must stand")]
    Tag {
        /// The identifier octet that the structure calls for.
        expected: u8,
        /// The identifier octet that was found.
        found: u8,
    },
    /// The content does not fit its type: a BOOLEAN that is neither 00 nor FF, an INTEGER with
    /// superfluous octets, a string with octets outside its alphabet, an impossible date.
    #[error("malformed {0}")]
    Value(&'static str),
}

/// Identifier octets used by X.509 (X.690 section 8.1.2).
pub(crate) mod tag {
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const NULL: u8 = 0x05;
    pub(crate) const OID: u8 = 0x06;
    pub(crate) const ENUMERATED: u8 = 0x0a;
    pub(crate) const UTF8_STRING: u8 = 0x0c;
    pub(crate) const NUMERIC_STRING: u8 = 0x12;
    pub(crate) const PRINTABLE_STRING: u8 = 0x13;
    pub(crate) const TELETEX_STRING: u8 = 0x14;
    pub(crate) const IA5_STRING: u8 = 0x16;
    pub(crate) const UTC_TIME: u8 = 0x17;
    pub(crate) const GENERALIZED_TIME: u8 = 0x18;
    pub(crate) const VISIBLE_STRING: u8 = 0x1a;
    pub(crate) const UNIVERSAL_STRING: u8 = 0x1c;
    pub(crate) const BMP_STRING: u8 = 0x1e;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;

    /// Context-specific, primitive.
    pub(crate) const fn context(number: u8) -> u8 {
        0x80 | number
    }

    /// Context-specific, constructed.
    pub(crate) const fn context_constructed(number: u8) -> u8 {
        0xa0 | number
    }
}

/// One value: its identifier octet, its content, and both with the length as received.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tlv<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    pub(crate) whole: &'a [u8],
}

impl<'a> Tlv<'a> {
    /// The content, if the value has this tag.
    pub(crate) fn expect(self, expected: u8) -> Result<&'a [u8], DerError> {
        if self.tag == expected {
            Ok(self.content)
        } else {
            Err(DerError::Tag {
                expected,
                found: self.tag,
            })
        }
    }
}

/// A cursor over consecutive DER values.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets }
    }

    /// The content of the single value that `octets` must be.
    pub(crate) fn single(octets: &'a [u8], expected: u8) -> Result<&'a [u8], DerError> {
        let mut reader = Self::new(octets);
        let content = reader.expect(expected)?;
        reader.finish()?;
        Ok(content)
    }

    /// A cursor into the single constructed value that `octets` must be.
    pub(crate) fn within(octets: &'a [u8], expected: u8) -> Result<Self, DerError> {
        Ok(Self::new(Self::single(octets, expected)?))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next value, whatever it is.
    pub(crate) fn any(&mut self) -> Result<Tlv<'a>, DerError> {
        let (&tag, after_tag) = self.rest.split_first().ok_or(DerError::Truncated)?;
        if tag & 0x1f == 0x1f {
            return Err(DerError::Value("tag"));
        }
        let (length, after_length) = read_length(after_tag)?;
        let (content, rest) = after_length.split_at_checked(length).ok_or(DerError::Truncated)?;
        let (whole, _) = self
            .rest
            .split_at_checked(self.rest.len() - rest.len())
            .ok_or(DerError::Truncated)?;
        self.rest = rest;
        Ok(Tlv { tag, content, whole })
    }

    /// The content of the next value, which must have this tag.
    pub(crate) fn expect(&mut self, expected: u8) -> Result<&'a [u8], DerError> {
        self.any()?.expect(expected)
    }

    /// The next value if it has this tag; otherwise the cursor stays.
    pub(crate) fn optional(&mut self, wanted: u8) -> Result<Option<&'a [u8]>, DerError> {
        if self.peek() == Some(wanted) {
            self.any().map(|tlv| Some(tlv.content))
        } else {
            Ok(None)
        }
    }

    /// A cursor into the next value.
    pub(crate) fn enter(&mut self, expected: u8) -> Result<Reader<'a>, DerError> {
        Ok(Reader::new(self.expect(expected)?))
    }

    pub(crate) fn finish(&self) -> Result<(), DerError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(DerError::Trailing)
        }
    }

    pub(crate) fn oid(&mut self) -> Result<ObjectIdentifier, DerError> {
        oid(self.expect(tag::OID)?)
    }
}

fn read_length(octets: &[u8]) -> Result<(usize, &[u8]), DerError> {
    let (&first, rest) = octets.split_first().ok_or(DerError::Truncated)?;
    if first < 0x80 {
        return Ok((usize::from(first), rest));
    }
    let count = usize::from(first & 0x7f);
    if count == 0 || count > 4 {
        return Err(DerError::Length);
    }
    let (digits, rest) = rest.split_at_checked(count).ok_or(DerError::Truncated)?;
    let length = digits
        .iter()
        .fold(0usize, |sum, digit| (sum << 8) | usize::from(*digit));
    if length < 0x80 || digits.first() == Some(&0) {
        return Err(DerError::Length);
    }
    Ok((length, rest))
}

/// BOOLEAN content: FF or 00 (X.690 section 11.1).
pub(crate) fn boolean(content: &[u8]) -> Result<bool, DerError> {
    match content {
        [0x00] => Ok(false),
        [0xff] => Ok(true),
        _ => Err(DerError::Value("BOOLEAN")),
    }
}

/// INTEGER content with the fewest octets (X.690 section 8.3.2), returned as it stands.
pub(crate) fn integer(content: &[u8]) -> Result<&[u8], DerError> {
    match content {
        [] => Err(DerError::Value("INTEGER")),
        [0x00, next, ..] if *next < 0x80 => Err(DerError::Value("INTEGER")),
        [0xff, next, ..] if *next >= 0x80 => Err(DerError::Value("INTEGER")),
        _ => Ok(content),
    }
}

/// A non-negative INTEGER of at most 64 bits.
pub(crate) fn unsigned(content: &[u8]) -> Result<u64, DerError> {
    let octets = integer(content)?;
    let digits = match octets {
        [0x00, rest @ ..] => rest,
        [first, ..] if *first >= 0x80 => return Err(DerError::Value("INTEGER")),
        _ => octets,
    };
    if digits.len() > 8 {
        return Err(DerError::Value("INTEGER"));
    }
    Ok(digits.iter().fold(0, |sum, digit| (sum << 8) | u64::from(*digit)))
}

/// BIT STRING content as (unused bits, octets); unused bits are zero (X.690 section 11.2.1).
pub(crate) fn bit_string(content: &[u8]) -> Result<(u8, &[u8]), DerError> {
    const BAD: DerError = DerError::Value("BIT STRING");
    let (&unused, octets) = content.split_first().ok_or(BAD)?;
    let clean = match octets.last() {
        None => unused == 0,
        Some(last) => unused < 8 && last & !(0xff_u8 << unused) == 0,
    };
    if clean { Ok((unused, octets)) } else { Err(BAD) }
}

/// A BIT STRING of whole octets: keys and signatures.
pub(crate) fn bit_octets(content: &[u8]) -> Result<&[u8], DerError> {
    match bit_string(content)? {
        (0, octets) => Ok(octets),
        _ => Err(DerError::Value("BIT STRING")),
    }
}

/// OBJECT IDENTIFIER content. Arcs over 32 bits and encodings over 39 octets are refused.
pub(crate) fn oid(content: &[u8]) -> Result<ObjectIdentifier, DerError> {
    let starts_padded = |arc: &[u8]| arc.first() == Some(&0x80);
    let padded = content
        .split_inclusive(|octet| octet & 0x80 == 0)
        .any(starts_padded);
    if padded {
        return Err(DerError::Value("OBJECT IDENTIFIER"));
    }
    ObjectIdentifier::from_bytes(content).map_err(|_| DerError::Value("OBJECT IDENTIFIER"))
}

/// Whether every character belongs to PrintableString (X.680 section 41.4).
pub(crate) fn is_printable(text: &str) -> bool {
    text.bytes()
        .all(|octet| octet.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&octet))
}

/// Text of an IA5String.
pub(crate) fn ia5(content: &[u8]) -> Result<&str, DerError> {
    std::str::from_utf8(content)
        .ok()
        .filter(|text| text.is_ascii())
        .ok_or(DerError::Value("IA5String"))
}

/// Writes DER. Lengths of constructed values are put in when their content is complete.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    octets: Vec<u8>,
}

impl Writer {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self {
            octets: Vec::with_capacity(capacity),
        }
    }

    /// The octets of one constructed value.
    pub(crate) fn one(tag: u8, fill: impl FnOnce(&mut Self)) -> Vec<u8> {
        let mut writer = Self::default();
        writer.constructed(tag, fill);
        writer.into_vec()
    }

    /// The octets of one primitive value.
    pub(crate) fn primitive_of(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut writer = Self::default();
        writer.primitive(tag, content);
        writer.into_vec()
    }

    pub(crate) fn into_vec(self) -> Vec<u8> {
        self.octets
    }

    /// A value, or several, that are DER already.
    pub(crate) fn raw(&mut self, der: &[u8]) {
        self.octets.extend_from_slice(der);
    }

    pub(crate) fn primitive(&mut self, tag: u8, content: &[u8]) {
        self.octets.push(tag);
        match u8::try_from(content.len()) {
            Ok(short) if short < 0x80 => self.octets.push(short),
            _ => {
                let digits = content.len().to_be_bytes();
                let digits = significant(&digits);
                self.octets.push(0x80 | octet_count(digits));
                self.octets.extend_from_slice(digits);
            }
        }
        self.octets.extend_from_slice(content);
    }

    /// A value whose content `fill` writes.
    pub(crate) fn constructed(&mut self, tag: u8, fill: impl FnOnce(&mut Self)) {
        self.octets.push(tag);
        let length_at = self.octets.len();
        self.octets.push(0);
        fill(self);
        let length = self.octets.len() - length_at - 1;
        let first = match u8::try_from(length) {
            Ok(short) if short < 0x80 => short,
            _ => {
                let digits = length.to_be_bytes();
                let digits = significant(&digits);
                self.octets
                    .splice(length_at + 1..length_at + 1, digits.iter().copied());
                0x80 | octet_count(digits)
            }
        };
        if let Some(place) = self.octets.get_mut(length_at) {
            *place = first;
        }
    }

    pub(crate) fn sequence(&mut self, fill: impl FnOnce(&mut Self)) {
        self.constructed(tag::SEQUENCE, fill);
    }

    pub(crate) fn oid(&mut self, oid: &ObjectIdentifier) {
        self.primitive(tag::OID, oid.as_bytes());
    }

    pub(crate) fn boolean_true(&mut self) {
        self.primitive(tag::BOOLEAN, &[0xff]);
    }

    /// A non-negative INTEGER of this big-endian magnitude; superfluous zeros are dropped.
    pub(crate) fn unsigned(&mut self, magnitude: &[u8]) {
        let digits = significant(magnitude);
        if digits.first().is_none_or(|first| *first >= 0x80) {
            self.primitive(tag::INTEGER, &[&[0], digits].concat());
        } else {
            self.primitive(tag::INTEGER, digits);
        }
    }

    /// A BIT STRING of whole octets.
    pub(crate) fn bit_octets(&mut self, octets: &[u8]) {
        self.constructed(tag::BIT_STRING, |writer| {
            writer.raw(&[0]);
            writer.raw(octets);
        });
    }
}

/// `digits` without its leading zeros.
fn significant(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|digit| **digit == 0).count();
    digits.get(zeros..).unwrap_or_default()
}

/// How many octets a length takes: at most eight, so it always fits.
fn octet_count(digits: &[u8]) -> u8 {
    u8::try_from(digits.len()).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_back(content in proptest::collection::vec(any::<u8>(), 0..70_000)) {
            let mut primitive = Writer::default();
            primitive.primitive(tag::OCTET_STRING, &content);
            let primitive = primitive.into_vec();
            prop_assert_eq!(Reader::single(&primitive, tag::OCTET_STRING), Ok(content.as_slice()));
            let constructed = Writer::one(tag::OCTET_STRING, |writer| writer.raw(&content));
            prop_assert_eq!(constructed, primitive);
        }

        #[test]
        fn unsigned_integers_are_minimal(value in any::<u64>()) {
            let mut writer = Writer::default();
            writer.unsigned(&value.to_be_bytes());
            let der = writer.into_vec();
            let content = Reader::single(&der, tag::INTEGER).unwrap();
            prop_assert_eq!(unsigned(content), Ok(value));
        }

        #[test]
        fn random_octets_never_panic(octets in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut reader = Reader::new(&octets);
            while let Ok(tlv) = reader.any() {
                let _ = (boolean(tlv.content), unsigned(tlv.content), bit_string(tlv.content), oid(tlv.content));
            }
        }
    }

    #[test]
    fn lengths_that_der_forbids_are_refused() {
        for octets in [
            &[0x04, 0x80, 0, 0][..],
            &[0x04, 0x81, 0x01, 0],
            &[0x04, 0x82, 0, 0x80],
            &[0x04, 0x85, 0, 0, 0, 0, 1],
        ] {
            assert_eq!(Reader::new(octets).any().err(), Some(DerError::Length));
        }
        assert_eq!(
            Reader::new(&[0x04, 0x02, 0]).any().err(),
            Some(DerError::Truncated)
        );
        assert_eq!(
            Reader::new(&[0x1f, 0x02, 0]).any().err(),
            Some(DerError::Value("tag"))
        );
    }

    #[test]
    fn values_that_der_forbids_are_refused() {
        assert!(boolean(&[1]).is_err());
        assert!(integer(&[0, 1]).is_err() && integer(&[0xff, 0x80]).is_err() && integer(&[]).is_err());
        assert!(unsigned(&[0x80]).is_err());
        assert!(bit_string(&[1, 0x01]).is_err() && bit_string(&[8, 0]).is_err() && bit_string(&[1]).is_err());
        assert!(oid(&[0x2a, 0x80, 0x01]).is_err() && oid(&[]).is_err() && oid(&[0x2a, 0x86]).is_err());
    }
}
