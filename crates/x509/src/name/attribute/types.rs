//! The attribute types that have a short name: how each is encoded, and its upper bound.

use super::oids;
use crate::Oid;

/// What a built value may hold and how it is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alphabet {
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
    pub(super) alphabet: Alphabet,
    bound: usize,
}

const UB_NAME: usize = 32_768;
pub(super) const UB_UNBOUNDED: usize = 32_768;

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
pub(in crate::name) fn label(oid: Oid) -> String {
    AttributeType::of(oid).map_or_else(|| oid.to_string(), |row| row.name.to_owned())
}
