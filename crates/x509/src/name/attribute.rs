//! Attributes of a name: the way of a value from text to DER and back.

pub mod oids;
mod types;

use std::borrow::Cow;
use std::collections::HashSet;

use data_encoding::HEXLOWER;

pub use types::AttributeType;
pub(super) use types::label;

use types::{Alphabet, UB_UNBOUNDED};

use super::NameError;
use crate::asn1::{DerError, Reader, Tlv, Writer, is_printable, tag};
use crate::{Oid, unicode};

/// Refuses two encoded attributes of one type.
pub(super) fn check_distinct_types(encoded: &[Vec<u8>]) -> Result<(), NameError> {
    let mut types = HashSet::with_capacity(encoded.len());
    for attribute in encoded {
        let oid = Attribute::read(&mut Reader::new(attribute))?.oid;
        if !types.insert(oid) {
            return Err(NameError::Repeated(label(oid)));
        }
    }
    Ok(())
}

/// Encodes an AttributeTypeAndValue from text after checking it. Types outside the table become UTF8String.
pub(super) fn encode(oid: Oid, value: &str) -> Result<Vec<u8>, NameError> {
    check_text(oid, value)?;
    let row = AttributeType::of(oid);
    let alphabet = row.map_or(Alphabet::Any, |row| row.alphabet);
    let refuse = |wanted| {
        Err(NameError::Alphabet {
            attribute: label(oid),
            wanted,
        })
    };
    let string_type = match alphabet {
        Alphabet::Any => tag::UTF8_STRING,
        Alphabet::Printable if is_printable(value) => tag::PRINTABLE_STRING,
        Alphabet::Printable => return refuse("letters, digits, space and '()+,-./:=? only"),
        Alphabet::Country if value.len() == 2 && value.bytes().all(|c| c.is_ascii_uppercase()) => {
            tag::PRINTABLE_STRING
        }
        Alphabet::Country => return refuse("two upper-case letters of ISO 3166"),
        Alphabet::Ascii if value.is_ascii() => tag::IA5_STRING,
        Alphabet::Ascii => return refuse("ASCII; write international domain names as A-labels (xn--…)"),
    };
    Ok(Writer::one(tag::SEQUENCE, |out| {
        out.oid(&oid);
        out.primitive(string_type, value.as_bytes());
    }))
}

/// Encodes an attribute whose value the user gave as DER (`#…` in RFC 4514). A known type takes its own encoding;
/// the value of an unknown type stays as given, but a character string among them obeys the same rules.
pub(super) fn encode_der(oid: Oid, value: &[u8]) -> Result<Vec<u8>, NameError> {
    let mut reader = Reader::new(value);
    let attribute = Attribute {
        oid,
        value: reader.any()?,
    };
    reader.finish()?;
    match (attribute.text(), AttributeType::of(oid)) {
        (Some(text), Some(_)) => return encode(oid, &text),
        (None, Some(_)) => return Err(attribute.without_text()),
        (Some(text), None) => check_text(oid, &text)?,
        (None, None) if tag::is_string(attribute.value.tag) => return Err(attribute.without_text()),
        (None, None) => {}
    }
    Ok(Writer::one(tag::SEQUENCE, |out| {
        out.oid(&oid);
        out.raw(value);
    }))
}

fn check_text(oid: Oid, value: &str) -> Result<(), NameError> {
    if let Some(character) = unicode::unfit(value) {
        return Err(NameError::UnfitCharacter {
            attribute: label(oid),
            code_point: character.into(),
        });
    }
    if !value.chars().any(is_content) {
        return Err(NameError::Empty(label(oid)));
    }
    let bound = AttributeType::of(oid).map_or(UB_UNBOUNDED, |row| row.bound());
    match value.chars().count() {
        length if length > bound => Err(NameError::TooLong {
            attribute: label(oid),
            length,
            bound,
        }),
        _ => Ok(()),
    }
}

/// Whether a character says something. A value of spaces, dots, dashes, stars or underscores alone is a filler for
/// "none", which BR section 7.1.4 forbids.
fn is_content(character: char) -> bool {
    !character.is_whitespace()
        && !matches!(
            character,
            '.' | '-' | '_' | '*' | '\u{2010}'..='\u{2015}' | '\u{200b}'
        )
}

/// One attribute of a checked name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attribute<'a> {
    pub(super) oid: Oid,
    pub(super) value: Tlv<'a>,
}

impl<'a> Attribute<'a> {
    /// Reads one AttributeTypeAndValue.
    pub(super) fn read(set: &mut Reader<'a>) -> Result<Self, DerError> {
        let mut fields = set.enter(tag::SEQUENCE)?;
        let attribute = Self {
            oid: fields.oid()?,
            value: fields.any()?,
        };
        fields.finish()?;
        Ok(attribute)
    }

    pub(super) fn label(&self) -> String {
        label(self.oid)
    }

    /// The value as text, if it is a well-formed character string.
    pub(super) fn text(&self) -> Option<Cow<'a, str>> {
        text_of(&self.value)
    }

    /// Why there is no text.
    pub(super) fn without_text(&self) -> NameError {
        let attribute = self.label();
        match tag::string_name(self.value.tag) {
            Some(string) => NameError::BrokenString { attribute, string },
            None => NameError::NotText(attribute),
        }
    }

    /// The value for people: its text, or `#` and its DER in hex (RFC 4514 section 2.4).
    pub(super) fn display(&self) -> String {
        self.text().map_or_else(|| self.hex(), Cow::into_owned)
    }

    pub(super) fn hex(&self) -> String {
        format!("#{}", HEXLOWER.encode(self.value.whole))
    }

    /// What RFC 5280 section 7.1 compares: type, and text as RFC 4518 prepares it. A value without text, or with a
    /// character that leaves the comparison undefined, equals only its own octets.
    pub(super) fn comparison_key(&self) -> (Oid, String) {
        let prepared = self.text().and_then(|text| unicode::prepare(&text));
        // The space leads, so that no text key can equal an octet key, which starts with '#'.
        let key = prepared.map_or_else(|| self.hex(), |text| format!(" {text}"));
        (self.oid, key)
    }
}

/// The text of a well-formed character string. TeletexString is read as Latin-1, which is what its writers meant.
pub(crate) fn text_of<'a>(value: &Tlv<'a>) -> Option<Cow<'a, str>> {
    let content = value.content;
    match value.tag {
        tag::UTF8_STRING => std::str::from_utf8(content).ok().map(Cow::Borrowed),
        // GeneralString in practice is ASCII: Kerberos writes realms in it (RFC 4120 section 5.2.1).
        tag::PRINTABLE_STRING
        | tag::IA5_STRING
        | tag::NUMERIC_STRING
        | tag::VISIBLE_STRING
        | tag::GENERAL_STRING => std::str::from_utf8(content)
            .ok()
            .filter(|text| text.is_ascii())
            .map(Cow::Borrowed),
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
            units
                .iter()
                .copied()
                .map(u32::from_be_bytes)
                .map(char::from_u32)
                .collect::<Option<String>>()
                .map(Cow::Owned)
        }
        _ => None,
    }
}
