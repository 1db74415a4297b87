//! A cursor over BER values of definite length. It reads what DER forbids — long lengths, long tags — and marks it,
//! so that one flaw does not hide the others. Never panics, recurses or allocates.

use std::fmt;

/// Identifier octets of X.509 (X.690 section 8.1.2).
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
    pub(crate) const GENERAL_STRING: u8 = 0x1b;
    pub(crate) const UNIVERSAL_STRING: u8 = 0x1c;
    pub(crate) const BMP_STRING: u8 = 0x1e;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;

    /// The bit of constructed values.
    pub(crate) const CONSTRUCTED: u8 = 0x20;

    /// The kinds of GeneralName (RFC 5280 section 4.2.1.6).
    pub(crate) const OTHER_NAME: u8 = explicit(0);
    pub(crate) const RFC822_NAME: u8 = implicit(1);
    pub(crate) const DNS_NAME: u8 = implicit(2);
    pub(crate) const DIRECTORY_NAME: u8 = explicit(4);
    pub(crate) const URI: u8 = implicit(6);
    pub(crate) const IP_ADDRESS: u8 = implicit(7);
    pub(crate) const REGISTERED_ID: u8 = implicit(8);

    /// Context-specific, primitive.
    pub(crate) const fn implicit(number: u8) -> u8 {
        0x80 | number
    }

    /// Context-specific, constructed.
    pub(crate) const fn explicit(number: u8) -> u8 {
        0xa0 | number
    }
}

/// Why octets cannot be read as what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    Truncated,
    Indefinite,
    /// A length of more than four octets.
    Length,
    /// A tag number of more than 21 bits.
    LongTag,
    Trailing,
    Tag {
        expected: u8,
        found: u8,
    },
    Value(&'static str),
    /// The same within a part of the structure that has a name.
    Part(&'static str, &'static str),
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag { expected, found } => {
                write!(f, "tag 0x{found:02x} where 0x{expected:02x} is required")
            }
            Self::Part(part, problem) => write!(f, "{part}: {problem}"),
            other => f.write_str(other.plain()),
        }
    }
}

impl Broken {
    fn plain(self) -> &'static str {
        match self {
            Self::Truncated => "it ends early",
            Self::Indefinite => "it has an indefinite length",
            Self::Length => "a length is out of bounds",
            Self::LongTag => "a tag number is out of bounds",
            Self::Trailing => "octets follow where it should end",
            Self::Tag { .. } => "a value of another type is there",
            Self::Value(problem) | Self::Part(_, problem) => problem,
        }
    }

    /// Says in which part of the certificate.
    pub(crate) fn within(part: &'static str) -> impl Fn(Self) -> Self {
        move |broken| match broken {
            Self::Part(..) => broken,
            _ => Self::Part(part, broken.plain()),
        }
    }
}

/// One value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tlv<'a> {
    /// The first identifier octet.
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    /// Tag, length and content.
    pub(crate) whole: &'a [u8],
    /// The tag is in its shortest form.
    pub(crate) short_tag: bool,
    /// The length is in its shortest form.
    pub(crate) short_length: bool,
}

impl<'a> Tlv<'a> {
    pub(crate) fn expect(self, expected: u8) -> Result<&'a [u8], Broken> {
        if self.tag == expected {
            Ok(self.content)
        } else {
            Err(Broken::Tag {
                expected,
                found: self.tag,
            })
        }
    }
}

/// A cursor over consecutive values.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets }
    }

    /// The content of the single value that `octets` must be.
    pub(crate) fn single(octets: &'a [u8], expected: u8) -> Result<&'a [u8], Broken> {
        let mut reader = Self::new(octets);
        let content = reader.expect(expected)?;
        reader.finish()?;
        Ok(content)
    }

    /// A cursor into the single constructed value that `octets` must be.
    pub(crate) fn within(octets: &'a [u8], expected: u8) -> Result<Self, Broken> {
        Ok(Self::new(Self::single(octets, expected)?))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next value, whatever it is.
    pub(crate) fn any(&mut self) -> Result<Tlv<'a>, Broken> {
        let head = Head::of(self.rest)?;
        let size = head.octets.saturating_add(head.length);
        let (whole, rest) = self.rest.split_at_checked(size).ok_or(Broken::Truncated)?;
        let content = whole.get(head.octets..).ok_or(Broken::Truncated)?;
        self.rest = rest;
        Ok(Tlv {
            tag: head.tag,
            content,
            whole,
            short_tag: head.short_tag,
            short_length: head.short_length,
        })
    }

    pub(crate) fn expect(&mut self, expected: u8) -> Result<&'a [u8], Broken> {
        self.any()?.expect(expected)
    }

    /// The next value if it has this tag; otherwise the cursor stays.
    pub(crate) fn optional(&mut self, wanted: u8) -> Result<Option<&'a [u8]>, Broken> {
        if self.rest.first() == Some(&wanted) {
            self.any().map(|tlv| Some(tlv.content))
        } else {
            Ok(None)
        }
    }

    /// A cursor into the next value.
    pub(crate) fn enter(&mut self, expected: u8) -> Result<Reader<'a>, Broken> {
        Ok(Reader::new(self.expect(expected)?))
    }

    pub(crate) fn finish(&self) -> Result<(), Broken> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(Broken::Trailing)
        }
    }

    /// Reads values with `item` up to the end.
    pub(crate) fn all<T>(
        mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, Broken>,
    ) -> Result<Vec<T>, Broken> {
        let mut items = Vec::new();
        while !self.is_empty() {
            items.push(item(&mut self)?);
        }
        Ok(items)
    }
}

/// Tag and length of a value whose content need not be there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    /// The first identifier octet.
    pub(crate) tag: u8,
    /// Octets of tag and length.
    pub(crate) octets: usize,
    /// Octets of the content.
    pub(crate) length: usize,
    pub(crate) short_tag: bool,
    pub(crate) short_length: bool,
}

impl Head {
    /// Reads tag and length of the value that begins here; [`Broken::Truncated`] if octets of them are missing.
    pub(crate) fn of(octets: &[u8]) -> Result<Self, Broken> {
        let (tag, short_tag, after_tag) = read_tag(octets)?;
        let (length, short_length, content) = read_length(after_tag)?;
        Ok(Self {
            tag,
            octets: octets.len() - content.len(),
            length,
            short_tag,
            short_length,
        })
    }
}

/// First octet, whether the tag is in its shortest form, what follows.
fn read_tag(octets: &[u8]) -> Result<(u8, bool, &[u8]), Broken> {
    let (&first, mut rest) = octets.split_first().ok_or(Broken::Truncated)?;
    if first & 0x1f != 0x1f {
        return Ok((first, true, rest));
    }
    let padded = rest.first() == Some(&0x80);
    let mut number = 0u32;
    for _ in 0..3 {
        let (&digit, after) = rest.split_first().ok_or(Broken::Truncated)?;
        rest = after;
        number = number << 7 | u32::from(digit & 0x7f);
        if digit & 0x80 == 0 {
            return Ok((first, !padded && number > 30, rest));
        }
    }
    Err(Broken::LongTag)
}

/// The length, whether it is in its shortest form, what follows.
fn read_length(octets: &[u8]) -> Result<(usize, bool, &[u8]), Broken> {
    let (&first, rest) = octets.split_first().ok_or(Broken::Truncated)?;
    match first {
        0x00..=0x7f => return Ok((usize::from(first), true, rest)),
        0x80 => return Err(Broken::Indefinite),
        0x85.. => return Err(Broken::Length),
        _ => {}
    }
    let (digits, rest) = rest
        .split_at_checked(usize::from(first & 0x7f))
        .ok_or(Broken::Truncated)?;
    let length = digits
        .iter()
        .fold(0usize, |sum, digit| sum << 8 | usize::from(*digit));
    let short = length >= 0x80 && digits.first() != Some(&0);
    Ok((length, short, rest))
}
