//! Attribute types and values: which string type, which upper bound, and the way from text to DER and back.

use std::{borrow::Cow, collections::HashSet};

use crate::Oid;
use data_encoding::HEXLOWER;

use super::NameError;
use crate::{
    asn1::{DerError, Reader, Tlv, Writer, is_printable, tag},
    unicode,
};

/// Object identifiers of the attribute types that have a short name here.
pub mod oids {
    use crate::Oid;

    /// `CN` (X.520).
    pub const COMMON_NAME: Oid = Oid::new_unwrap("2.5.4.3");
    /// `SN`, a person's family name.
    pub const SURNAME: Oid = Oid::new_unwrap("2.5.4.4");
    /// `serialNumber` of a device or person, not of a certificate.
    pub const SERIAL_NUMBER: Oid = Oid::new_unwrap("2.5.4.5");
    /// `C`, two letters of ISO 3166.
    pub const COUNTRY: Oid = Oid::new_unwrap("2.5.4.6");
    /// `L`, a town.
    pub const LOCALITY: Oid = Oid::new_unwrap("2.5.4.7");
    /// `ST`, a state or province.
    pub const STATE: Oid = Oid::new_unwrap("2.5.4.8");
    /// `STREET`.
    pub const STREET: Oid = Oid::new_unwrap("2.5.4.9");
    /// `O`.
    pub const ORGANIZATION: Oid = Oid::new_unwrap("2.5.4.10");
    /// `OU`.
    pub const ORGANIZATIONAL_UNIT: Oid = Oid::new_unwrap("2.5.4.11");
    /// `title`.
    pub const TITLE: Oid = Oid::new_unwrap("2.5.4.12");
    /// `businessCategory`.
    pub const BUSINESS_CATEGORY: Oid = Oid::new_unwrap("2.5.4.15");
    /// `postalCode`.
    pub const POSTAL_CODE: Oid = Oid::new_unwrap("2.5.4.17");
    /// `name`.
    pub const NAME: Oid = Oid::new_unwrap("2.5.4.41");
    /// `GN`, a person's given name.
    pub const GIVEN_NAME: Oid = Oid::new_unwrap("2.5.4.42");
    /// `initials`.
    pub const INITIALS: Oid = Oid::new_unwrap("2.5.4.43");
    /// `generationQualifier`, as in "Jr.".
    pub const GENERATION_QUALIFIER: Oid = Oid::new_unwrap("2.5.4.44");
    /// `dnQualifier`.
    pub const DN_QUALIFIER: Oid = Oid::new_unwrap("2.5.4.46");
    /// `pseudonym`.
    pub const PSEUDONYM: Oid = Oid::new_unwrap("2.5.4.65");
    /// `organizationIdentifier`.
    pub const ORGANIZATION_IDENTIFIER: Oid = Oid::new_unwrap("2.5.4.97");
    /// `UID` (RFC 4519).
    pub const USER_ID: Oid = Oid::new_unwrap("0.9.2342.19200300.100.1.1");
    /// `DC`, one label of a domain name (RFC 4519).
    pub const DOMAIN_COMPONENT: Oid = Oid::new_unwrap("0.9.2342.19200300.100.1.25");
    /// `emailAddress` (PKCS #9). New names carry addresses in the subject alternative name instead.
    pub const EMAIL_ADDRESS: Oid = Oid::new_unwrap("1.2.840.113549.1.9.1");
    /// `unstructuredName` (RFC 2985 section 5.4.2), the host name of a network device.
    pub const UNSTRUCTURED_NAME: Oid = Oid::new_unwrap("1.2.840.113549.1.9.2");
    /// `unstructuredAddress` (RFC 2985 section 5.4.3).
    pub const UNSTRUCTURED_ADDRESS: Oid = Oid::new_unwrap("1.2.840.113549.1.9.8");
    /// `jurisdictionL` (CA/Browser Forum EV guidelines).
    pub const JURISDICTION_LOCALITY: Oid = Oid::new_unwrap("1.3.6.1.4.1.311.60.2.1.1");
    /// `jurisdictionST`.
    pub const JURISDICTION_STATE: Oid = Oid::new_unwrap("1.3.6.1.4.1.311.60.2.1.2");
    /// `jurisdictionC`.
    pub const JURISDICTION_COUNTRY: Oid = Oid::new_unwrap("1.3.6.1.4.1.311.60.2.1.3");
}

/// What a built value may hold and how it is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Alphabet {
    /// Any character, as UTF8String.
    Any,
    /// PrintableString.
    Printable,
    /// PrintableString of two upper-case letters.
    Country,
    /// IA5String.
    Ascii,
}

/// One row of the table of known attribute types.
#[derive(Clone, Copy, Debug)]
pub struct AttributeType {
    name: &'static str,
    oid: Oid,
    alphabet: Alphabet,
    bound: usize,
}

const UB_NAME: usize = 32_768;
const UB_UNBOUNDED: usize = 32_768;

const fn row(name: &'static str, oid: Oid, alphabet: Alphabet, bound: usize) -> AttributeType {
    AttributeType {
        name,
        oid,
        alphabet,
        bound,
    }
}

/// Bounds of RFC 5280 appendix A; X.520 and RFC 4524 for what it does not list.
const TABLE: [AttributeType; 27] = [
    row("CN", oids::COMMON_NAME, Alphabet::Any, 64),
    row("O", oids::ORGANIZATION, Alphabet::Any, 64),
    row("OU", oids::ORGANIZATIONAL_UNIT, Alphabet::Any, 64),
    row("C", oids::COUNTRY, Alphabet::Country, 2),
    row("L", oids::LOCALITY, Alphabet::Any, 128),
    row("ST", oids::STATE, Alphabet::Any, 128),
    row("STREET", oids::STREET, Alphabet::Any, 128),
    row("DC", oids::DOMAIN_COMPONENT, Alphabet::Ascii, 63),
    row("UID", oids::USER_ID, Alphabet::Any, 256),
    row("serialNumber", oids::SERIAL_NUMBER, Alphabet::Printable, 64),
    row("emailAddress", oids::EMAIL_ADDRESS, Alphabet::Ascii, 255),
    row("SN", oids::SURNAME, Alphabet::Any, UB_NAME),
    row("GN", oids::GIVEN_NAME, Alphabet::Any, UB_NAME),
    row("title", oids::TITLE, Alphabet::Any, 64),
    row("name", oids::NAME, Alphabet::Any, UB_NAME),
    row("initials", oids::INITIALS, Alphabet::Any, UB_NAME),
    row(
        "generationQualifier",
        oids::GENERATION_QUALIFIER,
        Alphabet::Any,
        UB_NAME,
    ),
    row(
        "dnQualifier",
        oids::DN_QUALIFIER,
        Alphabet::Printable,
        UB_UNBOUNDED,
    ),
    row("pseudonym", oids::PSEUDONYM, Alphabet::Any, 128),
    row("businessCategory", oids::BUSINESS_CATEGORY, Alphabet::Any, 128),
    row("postalCode", oids::POSTAL_CODE, Alphabet::Any, 40),
    row(
        "organizationIdentifier",
        oids::ORGANIZATION_IDENTIFIER,
        Alphabet::Any,
        256,
    ),
    row("unstructuredName", oids::UNSTRUCTURED_NAME, Alphabet::Any, 255),
    row(
        "unstructuredAddress",
        oids::UNSTRUCTURED_ADDRESS,
        Alphabet::Any,
        255,
    ),
    row("jurisdictionL", oids::JURISDICTION_LOCALITY, Alphabet::Any, 128),
    row("jurisdictionST", oids::JURISDICTION_STATE, Alphabet::Any, 128),
    row("jurisdictionC", oids::JURISDICTION_COUNTRY, Alphabet::Country, 2),
];

/// Other spellings that people write.
const ALIASES: [(&str, Oid); 13] = [
    ("commonName", oids::COMMON_NAME),
    ("organizationName", oids::ORGANIZATION),
    ("organizationalUnitName", oids::ORGANIZATIONAL_UNIT),
    ("countryName", oids::COUNTRY),
    ("localityName", oids::LOCALITY),
    ("S", oids::STATE),
    ("stateOrProvinceName", oids::STATE),
    ("streetAddress", oids::STREET),
    ("domainComponent", oids::DOMAIN_COMPONENT),
    ("userId", oids::USER_ID),
    ("E", oids::EMAIL_ADDRESS),
    ("email", oids::EMAIL_ADDRESS),
    ("surname", oids::SURNAME),
];

impl AttributeType {
    /// All attribute types that have a short name.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.into_iter()
    }

    /// The row of an object identifier.
    #[must_use]
    pub fn of(oid: Oid) -> Option<Self> {
        TABLE.into_iter().find(|row| row.oid == oid)
    }

    /// The row of a short name or its long form, without regard to case.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let by_name = TABLE.into_iter().find(|row| row.name.eq_ignore_ascii_case(name));
        by_name.or_else(|| {
            let (_, oid) = ALIASES
                .into_iter()
                .find(|(alias, _)| alias.eq_ignore_ascii_case(name))?;
            Self::of(oid)
        })
    }

    /// The short name, as `Display` of a name writes it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The object identifier.
    #[must_use]
    pub fn oid(&self) -> Oid {
        self.oid
    }

    /// The upper bound in characters.
    #[must_use]
    pub fn bound(&self) -> usize {
        self.bound
    }
}

/// Short name of an attribute type, or its dotted form.
pub(super) fn label(oid: Oid) -> String {
    AttributeType::of(oid).map_or_else(|| oid.to_string(), |row| row.name.to_owned())
}

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
    let bound = AttributeType::of(oid).map_or(UB_UNBOUNDED, |row| row.bound);
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
