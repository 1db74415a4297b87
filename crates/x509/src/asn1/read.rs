//! The cursor, and what the contents of the simple types may be.

use super::{DerError, tag};
use crate::Oid;

/// One value: its identifier octet, its content, and both with the length as received.
#[derive(Clone, Copy, Debug)]
pub struct Tlv<'a> {
    /// The identifier octet.
    pub tag: u8,
    /// The content octets.
    pub content: &'a [u8],
    /// Identifier, length and content as received.
    pub whole: &'a [u8],
}

impl<'a> Tlv<'a> {
    /// The content, if the value has this tag.
    ///
    /// # Errors
    /// [`DerError::Tag`] if it has another one.
    pub fn expect(self, expected: u8) -> Result<&'a [u8], DerError> {
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
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A cursor at the start of `octets`.
    #[must_use]
    pub fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets }
    }

    /// The content of the single value that `octets` must be.
    ///
    /// # Errors
    /// If it is not well formed, has another tag, or is followed by something.
    pub fn single(octets: &'a [u8], expected: u8) -> Result<&'a [u8], DerError> {
        let mut reader = Self::new(octets);
        let content = reader.expect(expected)?;
        reader.finish()?;
        Ok(content)
    }

    /// A cursor into the single constructed value that `octets` must be.
    ///
    /// # Errors
    /// As [`Self::single`].
    pub fn within(octets: &'a [u8], expected: u8) -> Result<Self, DerError> {
        Ok(Self::new(Self::single(octets, expected)?))
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The identifier octet of the next value.
    #[must_use]
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next value, whatever it is.
    ///
    /// # Errors
    /// If the identifier or the length is not DER, or the octets end before the value does.
    pub fn any(&mut self) -> Result<Tlv<'a>, DerError> {
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
    ///
    /// # Errors
    /// As [`Self::any`]; [`DerError::Tag`] if it has another one.
    pub fn expect(&mut self, expected: u8) -> Result<&'a [u8], DerError> {
        self.any()?.expect(expected)
    }

    /// The next value if it has this tag; otherwise the cursor stays.
    ///
    /// # Errors
    /// As [`Self::any`].
    pub fn optional(&mut self, wanted: u8) -> Result<Option<&'a [u8]>, DerError> {
        if self.peek() == Some(wanted) {
            self.any().map(|tlv| Some(tlv.content))
        } else {
            Ok(None)
        }
    }

    /// A cursor into the next value.
    ///
    /// # Errors
    /// As [`Self::expect`].
    pub fn enter(&mut self, expected: u8) -> Result<Reader<'a>, DerError> {
        Ok(Reader::new(self.expect(expected)?))
    }

    /// Refuses what is left.
    ///
    /// # Errors
    /// [`DerError::Trailing`].
    pub fn finish(&self) -> Result<(), DerError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(DerError::Trailing)
        }
    }

    /// The next value, an OBJECT IDENTIFIER.
    ///
    /// # Errors
    /// If it is not one, or longer than those that are read.
    pub fn oid(&mut self) -> Result<Oid, DerError> {
        Oid::from_content(self.expect(tag::OID)?)
    }
}

/// The identifier octet, the octets of identifier and length, and the length of the content of the value that begins here, of
/// which the content may be missing.
///
/// # Errors
/// [`DerError::Truncated`] if there are too few octets for that; others as [`Reader::any`].
pub(crate) fn head(octets: &[u8]) -> Result<(u8, usize, usize), DerError> {
    let (&tag, after_tag) = octets.split_first().ok_or(DerError::Truncated)?;
    if tag & 0x1f == 0x1f {
        return Err(DerError::Value("tag"));
    }
    let (length, content) = read_length(after_tag)?;
    Ok((tag, octets.len() - content.len(), length))
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
///
/// # Errors
/// [`DerError::Value`] for any other content.
pub fn boolean(content: &[u8]) -> Result<bool, DerError> {
    match content {
        [0x00] => Ok(false),
        [0xff] => Ok(true),
        _ => Err(DerError::Value("BOOLEAN")),
    }
}

/// INTEGER content with the fewest octets (X.690 section 8.3.2), returned unchanged.
///
/// # Errors
/// [`DerError::Value`] if there is no content, or it has more octets than needed.
pub fn integer(content: &[u8]) -> Result<&[u8], DerError> {
    match content {
        [] => Err(DerError::Value("INTEGER")),
        [0x00, next, ..] if *next < 0x80 => Err(DerError::Value("INTEGER")),
        [0xff, next, ..] if *next >= 0x80 => Err(DerError::Value("INTEGER")),
        _ => Ok(content),
    }
}

/// A non-negative INTEGER of at most 64 bits.
///
/// # Errors
/// [`DerError::Value`] if it is negative, longer, or not encoded as [`integer`] requires.
pub fn unsigned(content: &[u8]) -> Result<u64, DerError> {
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
///
/// # Errors
/// [`DerError::Value`] if the count of unused bits is missing or more than 7, or one of them is set.
pub fn bit_string(content: &[u8]) -> Result<(u8, &[u8]), DerError> {
    const BAD: DerError = DerError::Value("BIT STRING");
    let (&unused, octets) = content.split_first().ok_or(BAD)?;
    let clean = match octets.last() {
        None => unused == 0,
        Some(last) => unused < 8 && last & !(0xff_u8 << unused) == 0,
    };
    if clean { Ok((unused, octets)) } else { Err(BAD) }
}

/// A BIT STRING of whole octets: keys and signatures.
///
/// # Errors
/// As [`bit_string`]; [`DerError::Value`] if bits are unused.
pub fn bit_octets(content: &[u8]) -> Result<&[u8], DerError> {
    match bit_string(content)? {
        (0, octets) => Ok(octets),
        _ => Err(DerError::Value("BIT STRING")),
    }
}

/// Whether every character belongs to PrintableString (X.680 section 41.4).
pub fn is_printable(text: &str) -> bool {
    text.bytes()
        .all(|octet| octet.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&octet))
}

/// Text of an IA5String.
///
/// # Errors
/// [`DerError::Value`] if it is not ASCII.
pub fn ia5(content: &[u8]) -> Result<&str, DerError> {
    std::str::from_utf8(content)
        .ok()
        .filter(|text| text.is_ascii())
        .ok_or(DerError::Value("IA5String"))
}
