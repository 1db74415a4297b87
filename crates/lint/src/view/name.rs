//! Distinguished names (RFC 5280 section 4.1.2.4).

use std::borrow::Cow;

use x509::Oid;

use crate::oid;
use crate::tlv::{Broken, Reader, Tlv, tag};

/// A name, flat: attributes know to which RelativeDistinguishedName they belong.
#[derive(Debug, Default)]
pub(crate) struct Name<'a> {
    /// The whole SEQUENCE.
    pub(crate) der: &'a [u8],
    pub(crate) attributes: Vec<Attribute<'a>>,
    /// Whether a RelativeDistinguishedName holds nothing.
    pub(crate) has_empty_rdn: bool,
}

/// An AttributeTypeAndValue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attribute<'a> {
    /// Which RelativeDistinguishedName, counted from 0.
    pub(crate) rdn: usize,
    pub(crate) oid: &'a [u8],
    pub(crate) value: Tlv<'a>,
}

impl<'a> Name<'a> {
    pub(crate) fn read(fields: &mut Reader<'a>) -> Result<Self, Broken> {
        let name = fields.any()?;
        let mut rdns = Reader::new(name.expect(tag::SEQUENCE)?);
        let mut read = Self {
            der: name.whole,
            attributes: Vec::with_capacity(4),
            has_empty_rdn: false,
        };
        let mut rdn = 0;
        while !rdns.is_empty() {
            read.read_rdn(rdn, rdns.enter(tag::SET)?)?;
            rdn += 1;
        }
        Ok(read)
    }

    fn read_rdn(&mut self, rdn: usize, mut set: Reader<'a>) -> Result<(), Broken> {
        self.has_empty_rdn |= set.is_empty();
        while !set.is_empty() {
            let mut pair = set.enter(tag::SEQUENCE)?;
            let (oid, value) = (pair.expect(tag::OID)?, pair.any()?);
            pair.finish()?;
            self.attributes.push(Attribute { rdn, oid, value });
        }
        Ok(())
    }

    /// Reads the content of a RelativeDistinguishedName without its SEQUENCE.
    pub(super) fn of_rdn(content: &'a [u8]) -> Result<Self, Broken> {
        let mut read = Self {
            der: content,
            ..Self::default()
        };
        read.read_rdn(0, Reader::new(content))?;
        Ok(read)
    }

    /// Reads the DER of a Name in another structure.
    pub(crate) fn from_der(der: &'a [u8]) -> Result<Self, Broken> {
        let mut reader = Reader::new(der);
        let name = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(name)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.attributes.is_empty() && !self.has_empty_rdn
    }

    pub(crate) fn all(&self, oid: Oid) -> impl Iterator<Item = &Attribute<'a>> {
        self.attributes.iter().filter(move |attribute| attribute.is(oid))
    }
}

impl<'a> Attribute<'a> {
    pub(crate) fn is(&self, oid: Oid) -> bool {
        oid::is(self.oid, oid)
    }

    /// The text of a character string; none for other types and broken encodings.
    pub(crate) fn text(&self) -> Option<Cow<'a, str>> {
        text_of(&self.value)
    }
}

/// The text of a character string; none for other types and broken encodings.
pub(crate) fn text_of<'a>(value: &Tlv<'a>) -> Option<Cow<'a, str>> {
    let content = value.content;
    match value.tag {
        tag::UTF8_STRING
        | tag::PRINTABLE_STRING
        | tag::IA5_STRING
        | tag::NUMERIC_STRING
        | tag::VISIBLE_STRING
        | tag::GENERAL_STRING => std::str::from_utf8(content).ok().map(Cow::Borrowed),
        // Latin-1 is what its writers meant.
        tag::TELETEX_STRING => Some(content.iter().copied().map(char::from).collect()),
        tag::BMP_STRING => {
            let (units, []) = content.as_chunks::<2>() else {
                return None;
            };
            let units: Vec<u16> = units.iter().copied().map(u16::from_be_bytes).collect();
            String::from_utf16(&units).ok().map(Cow::Owned)
        }
        tag::UNIVERSAL_STRING => {
            let (units, []) = content.as_chunks::<4>() else {
                return None;
            };
            let character = |unit: &[u8; 4]| char::from_u32(u32::from_be_bytes(*unit));
            units
                .iter()
                .map(character)
                .collect::<Option<String>>()
                .map(Cow::Owned)
        }
        _ => None,
    }
}
