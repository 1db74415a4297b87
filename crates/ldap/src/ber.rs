//! BER as LDAP has it (RFC 4511 section 5.1): definite lengths, which need not be the shortest, and tags of one octet.

/// Identifier octets (RFC 4511 appendix B).
pub(crate) mod tag {
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const ENUMERATED: u8 = 0x0a;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;
}

/// Why octets cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BerError {
    #[error("a value ends early")]
    Truncated,
    #[error("a length is indefinite or has more than four octets")]
    Length,
    #[error("a tag has more than one octet")]
    LongTag,
    #[error("a value of another type was expected")]
    Tag,
    #[error("octets follow the end of a value")]
    Trailing,
    #[error("{0}")]
    Value(&'static str),
}

/// One value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tlv<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
}

/// Tag, octets of tag and length, octets of the content.
pub(crate) fn head(octets: &[u8]) -> Result<(u8, usize, usize), BerError> {
    let (&tag, rest) = octets.split_first().ok_or(BerError::Truncated)?;
    if tag & 0x1f == 0x1f {
        return Err(BerError::LongTag);
    }
    let (&first, rest) = rest.split_first().ok_or(BerError::Truncated)?;
    match first {
        0x00..=0x7f => Ok((tag, 2, usize::from(first))),
        0x81..=0x84 => {
            let count = usize::from(first & 0x7f);
            let digits = rest.get(..count).ok_or(BerError::Truncated)?;
            let length = digits
                .iter()
                .fold(0usize, |sum, digit| sum << 8 | usize::from(*digit));
            Ok((tag, 2 + count, length))
        }
        _ => Err(BerError::Length),
    }
}

/// A cursor over consecutive values. It never panics, recurses or allocates.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The tag of the next value.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    pub(crate) fn any(&mut self) -> Result<Tlv<'a>, BerError> {
        let (tag, taken, length) = head(self.rest)?;
        let after = self.rest.get(taken..).ok_or(BerError::Truncated)?;
        let (content, rest) = after.split_at_checked(length).ok_or(BerError::Truncated)?;
        self.rest = rest;
        Ok(Tlv { tag, content })
    }

    pub(crate) fn expect(&mut self, tag: u8) -> Result<&'a [u8], BerError> {
        match self.any()? {
            value if value.tag == tag => Ok(value.content),
            _ => Err(BerError::Tag),
        }
    }

    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, BerError> {
        match self.peek() {
            Some(found) if found == tag => self.any().map(|value| Some(value.content)),
            _ => Ok(None),
        }
    }

    pub(crate) fn enter(&mut self, tag: u8) -> Result<Self, BerError> {
        Ok(Self::new(self.expect(tag)?))
    }

    pub(crate) fn finish(&self) -> Result<(), BerError> {
        match self.rest {
            [] => Ok(()),
            _ => Err(BerError::Trailing),
        }
    }

    /// An INTEGER or ENUMERATED from 0 to 2^31-1, which is all that LDAP has.
    pub(crate) fn number(&mut self, tag: u8) -> Result<u32, BerError> {
        number(self.expect(tag)?)
    }

    pub(crate) fn boolean(&mut self, tag: u8) -> Result<bool, BerError> {
        match self.expect(tag)? {
            [octet] => Ok(*octet != 0),
            _ => Err(BerError::Value("a BOOLEAN does not have one octet")),
        }
    }

    /// A LDAPString.
    pub(crate) fn text(&mut self) -> Result<&'a str, BerError> {
        text(self.expect(tag::OCTET_STRING)?)
    }
}

/// Content of an INTEGER from 0 to 2^31-1.
pub(crate) fn number(content: &[u8]) -> Result<u32, BerError> {
    const RANGE: BerError = BerError::Value("a number is not between 0 and 2147483647");
    match content {
        [] | [0x80..=0xff, ..] => Err(RANGE),
        digits if digits.len() > 5 => Err(RANGE),
        digits => digits
            .iter()
            .try_fold(0u32, |sum, digit| {
                sum.checked_mul(256)?.checked_add(u32::from(*digit))
            })
            .filter(|number| *number <= i32::MAX.cast_unsigned())
            .ok_or(RANGE),
    }
}

/// Content of a LDAPString.
pub(crate) fn text(content: &[u8]) -> Result<&str, BerError> {
    std::str::from_utf8(content).map_err(|_| BerError::Value("a string is not UTF-8"))
}

/// Appends tag and length.
pub(crate) fn write_head(out: &mut Vec<u8>, tag: u8, length: usize) {
    out.push(tag);
    let digits = length.to_be_bytes();
    let zeros = digits.iter().take_while(|digit| **digit == 0).count();
    let digits = digits.get(zeros..).unwrap_or_default();
    match digits {
        [] => out.push(0),
        [short @ 0x00..=0x7f] => out.push(*short),
        // At most eight octets.
        _ => {
            out.push(0x80 | digits.len() as u8);
            out.extend_from_slice(digits);
        }
    }
}

/// Octets of tag and length before a content of this length.
pub(crate) fn head_length(length: usize) -> usize {
    match length {
        0..=0x7f => 2,
        _ => 2 + (usize::BITS as usize - length.leading_zeros() as usize).div_ceil(8),
    }
}

/// Appends one value.
pub(crate) fn write(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    write_head(out, tag, content.len());
    out.extend_from_slice(content);
}

/// Appends an INTEGER or ENUMERATED.
pub(crate) fn write_number(out: &mut Vec<u8>, tag: u8, number: u32) {
    let digits = number.to_be_bytes();
    // One octet at least, and a zero in front of a digit that would make the number negative.
    let zeros = digits.iter().take(3).take_while(|digit| **digit == 0).count();
    let digits = digits.get(zeros..).unwrap_or_default();
    let is_high = matches!(digits, [0x80..=0xff, ..]);
    write_head(out, tag, digits.len() + usize::from(is_high));
    if is_high {
        out.push(0);
    }
    out.extend_from_slice(digits);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_back_whatever_their_size() {
        for length in [
            0,
            1,
            0x7f,
            0x80,
            0xff,
            0x100,
            0xffff,
            0x1_0000,
            0x0123_4567,
            0xffff_ffff,
        ] {
            let mut out = Vec::new();
            write_head(&mut out, 4, length);
            assert_eq!(out.len(), head_length(length));
            assert_eq!(head(&out), Ok((4, out.len(), length)));
        }
        assert_eq!(head(&[0x30, 0x84, 0, 0, 0, 5]), Ok((0x30, 6, 5)));
        assert_eq!(head(&[0x30, 0x80]), Err(BerError::Length));
        assert_eq!(head(&[0x30, 0x85, 0, 0, 0, 0, 5]), Err(BerError::Length));
        assert_eq!(head(&[0x30, 0x82, 1]), Err(BerError::Truncated));
        assert_eq!(head(&[0x3f, 1]), Err(BerError::LongTag));
    }

    #[test]
    fn numbers_are_read_back_and_those_out_of_range_are_refused() {
        for number in [0, 1, 127, 128, 255, 256, 32768, 0x7fff_ffff] {
            let mut out = Vec::new();
            write_number(&mut out, tag::INTEGER, number);
            assert_eq!(Reader::new(&out).number(tag::INTEGER), Ok(number), "{out:02x?}");
        }
        for content in [&[][..], &[0xff], &[0, 0x80, 0, 0, 0], &[0, 0, 0, 0, 0, 1]] {
            assert!(number(content).is_err(), "{content:02x?}");
        }
    }
}
