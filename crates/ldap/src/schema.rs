//! The attribute types and object classes that are known here (RFC 4519, RFC 4523, RFC 4512).

use x509::name::oids;
use x509::{Oid, unicode};

use crate::dn::attribute_type;

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident = $dotted:literal;)*) => {$(
        $(#[$doc])*
        pub(crate) const $name: Oid = Oid::new_unwrap($dotted);
    )*};
}

numbers! {
    OBJECT_CLASS = "2.5.4.0";
    CA_CERTIFICATE = "2.5.4.37";
    AUTHORITY_REVOCATION_LIST = "2.5.4.38";
    CERTIFICATE_REVOCATION_LIST = "2.5.4.39";
    CROSS_CERTIFICATE_PAIR = "2.5.4.40";
    DELTA_REVOCATION_LIST = "2.5.4.53";
    SUBSCHEMA_SUBENTRY = "2.5.18.10";
    NAMING_CONTEXTS = "1.3.6.1.4.1.1466.101.120.5";
    SUPPORTED_EXTENSION = "1.3.6.1.4.1.1466.101.120.7";
    SUPPORTED_CONTROL = "1.3.6.1.4.1.1466.101.120.13";
    SUPPORTED_LDAP_VERSION = "1.3.6.1.4.1.1466.101.120.15";
    VENDOR_NAME = "1.3.6.1.1.4";
    ATTRIBUTE_TYPES = "2.5.21.5";
    OBJECT_CLASSES = "2.5.21.6";
}

/// How values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Syntax {
    /// Without regard to case and insignificant spaces.
    Text,
    /// Object identifiers by name or number.
    Oid,
    /// Transferred as `;binary`, and not compared.
    Binary,
}

impl Syntax {
    /// What is compared of a value or an assertion; none if it cannot be.
    pub(crate) fn normalize(self, octets: &[u8]) -> Option<String> {
        let text = std::str::from_utf8(octets).ok()?;
        match self {
            Self::Text => unicode::prepare(text),
            Self::Oid => Some(match object_class(text) {
                Some(oid) => oid.to_string(),
                None => text.to_ascii_lowercase(),
            }),
            Self::Binary => None,
        }
    }
}

/// Attributes that have no name in a distinguished name: number, name, whether they are operational.
const ATTRIBUTES: [(Oid, &str, bool); 14] = [
    (OBJECT_CLASS, "objectClass", false),
    (CA_CERTIFICATE, "cACertificate", false),
    (AUTHORITY_REVOCATION_LIST, "authorityRevocationList", false),
    (CERTIFICATE_REVOCATION_LIST, "certificateRevocationList", false),
    (CROSS_CERTIFICATE_PAIR, "crossCertificatePair", false),
    (DELTA_REVOCATION_LIST, "deltaRevocationList", false),
    (SUBSCHEMA_SUBENTRY, "subschemaSubentry", true),
    (NAMING_CONTEXTS, "namingContexts", true),
    (SUPPORTED_EXTENSION, "supportedExtension", true),
    (SUPPORTED_CONTROL, "supportedControl", true),
    (SUPPORTED_LDAP_VERSION, "supportedLDAPVersion", true),
    (VENDOR_NAME, "vendorName", true),
    (ATTRIBUTE_TYPES, "attributeTypes", true),
    (OBJECT_CLASSES, "objectClasses", true),
];

/// Attributes of names, as RFC 4519 and RFC 2985 spell them.
const NAMING: [(Oid, &str); 10] = [
    (oids::COMMON_NAME, "cn"),
    (oids::ORGANIZATION, "o"),
    (oids::ORGANIZATIONAL_UNIT, "ou"),
    (oids::COUNTRY, "c"),
    (oids::LOCALITY, "l"),
    (oids::STATE, "st"),
    (oids::DOMAIN_COMPONENT, "dc"),
    (oids::USER_ID, "uid"),
    (oids::SERIAL_NUMBER, "serialNumber"),
    (oids::SURNAME, "sn"),
];

/// Name of an attribute type as it is answered; the number of one that is not known.
pub(crate) fn name_of(oid: Oid) -> String {
    let own = ATTRIBUTES.iter().map(|(known, name, _)| (*known, *name));
    own.chain(NAMING)
        .find_map(|(known, name)| (known == oid).then(|| name.to_owned()))
        .or_else(|| x509::name::AttributeType::of(oid).map(|row| row.name().to_owned()))
        .unwrap_or_else(|| oid.to_string())
}

/// Whether it is only answered when it is asked for by name, or by `+` (RFC 3673).
pub(crate) fn is_operational(oid: Oid) -> bool {
    ATTRIBUTES
        .iter()
        .any(|(known, _, operational)| *known == oid && *operational)
}

/// Whether it is of a syntax that is transferred as `;binary` (RFC 4523 section 2).
pub(crate) fn is_binary(oid: Oid) -> bool {
    [
        CA_CERTIFICATE,
        AUTHORITY_REVOCATION_LIST,
        CERTIFICATE_REVOCATION_LIST,
        CROSS_CERTIFICATE_PAIR,
        DELTA_REVOCATION_LIST,
    ]
    .contains(&oid)
}

/// An attribute type with options (RFC 4512 section 2.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AttributeDescription {
    /// None if there is no attribute of this name.
    pub(crate) oid: Option<Oid>,
    binary: bool,
    other_options: bool,
}

impl AttributeDescription {
    /// Reads a type by name or number and its options; none if the text is not an attribute description.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(';');
        let name = parts.next().unwrap_or_default();
        let mut description = Self {
            oid: attribute(name),
            binary: false,
            other_options: false,
        };
        let is_keystring = |text: &str| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|octet| octet.is_ascii_alphanumeric() || b"-.".contains(&octet))
        };
        if !is_keystring(name) {
            return None;
        }
        for option in parts {
            match option {
                binary if binary.eq_ignore_ascii_case("binary") => description.binary = true,
                other if is_keystring(other) => description.other_options = true,
                _ => return None,
            }
        }
        Some(description)
    }

    /// Whether values of this attribute are asked for. Those of binary syntaxes are with and without `;binary`; no value has other
    /// options.
    pub(crate) fn covers(&self, oid: Oid) -> bool {
        self.oid == Some(oid) && !self.other_options && (!self.binary || is_binary(oid))
    }

    pub(crate) fn syntax(&self) -> Syntax {
        match self.oid {
            Some(OBJECT_CLASS) => Syntax::Oid,
            Some(oid) if is_binary(oid) => Syntax::Binary,
            _ => Syntax::Text,
        }
    }
}

/// Whether there is an attribute of this type, in some entry or none.
pub(crate) fn is_known(description: &AttributeDescription) -> bool {
    description.oid.is_some_and(|oid| {
        ATTRIBUTES.iter().any(|(known, ..)| *known == oid) || x509::name::AttributeType::of(oid).is_some()
    })
}

fn attribute(name: &str) -> Option<Oid> {
    let own = ATTRIBUTES
        .iter()
        .find(|(_, known, _)| known.eq_ignore_ascii_case(name))
        .map(|(oid, ..)| *oid);
    own.or_else(|| match name.eq_ignore_ascii_case("countryName") {
        // RFC 4519 has it as a second name of c.
        true => Some(oids::COUNTRY),
        false => attribute_type(name),
    })
}

/// Object classes: number, name, description for the subschema.
pub(crate) const CLASSES: [(&str, &str, &str); 9] = [
    ("2.5.6.0", "top", "ABSTRACT MUST objectClass"),
    ("2.5.6.2", "country", "SUP top STRUCTURAL MUST c"),
    ("2.5.6.4", "organization", "SUP top STRUCTURAL MUST o"),
    ("2.5.6.5", "organizationalUnit", "SUP top STRUCTURAL MUST ou"),
    (
        "2.5.6.19",
        "cRLDistributionPoint",
        "SUP top STRUCTURAL MUST cn MAY ( certificateRevocationList $ authorityRevocationList $ deltaRevocationList )",
    ),
    (
        "2.5.6.22",
        "pkiCA",
        "SUP top AUXILIARY MAY ( cACertificate $ certificateRevocationList $ authorityRevocationList $ crossCertificatePair )",
    ),
    (
        "2.5.6.23",
        "deltaCRL",
        "SUP top AUXILIARY MAY deltaRevocationList",
    ),
    (
        "0.9.2342.19200300.100.4.13",
        "domain",
        "SUP top STRUCTURAL MUST dc",
    ),
    (
        "2.5.20.1",
        "subschema",
        "AUXILIARY MAY ( attributeTypes $ objectClasses )",
    ),
];

fn object_class(text: &str) -> Option<Oid> {
    CLASSES
        .iter()
        .find(|(number, name, _)| *number == text || name.eq_ignore_ascii_case(text))
        .and_then(|(number, ..)| number.parse().ok())
}

/// AttributeTypeDescriptions (RFC 4512 section 4.1.2) of all attributes.
pub(crate) fn attribute_types() -> impl Iterator<Item = String> {
    let own = ATTRIBUTES.iter().map(|(oid, name, operational)| {
        let syntax = match *oid {
            OBJECT_CLASS => "EQUALITY objectIdentifierMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.38",
            oid if oid == CA_CERTIFICATE => "SYNTAX 1.3.6.1.4.1.1466.115.121.1.8",
            oid if oid == CROSS_CERTIFICATE_PAIR => "SYNTAX 1.3.6.1.4.1.1466.115.121.1.10",
            oid if is_binary(oid) => "SYNTAX 1.3.6.1.4.1.1466.115.121.1.9",
            _ => "SYNTAX 1.3.6.1.4.1.1466.115.121.1.15",
        };
        let usage = if *operational { " USAGE dSAOperation" } else { "" };
        format!("( {oid} NAME '{name}' {syntax}{usage} )")
    });
    let naming = NAMING.iter().map(|(oid, name)| {
        format!(
            "( {oid} NAME '{name}' EQUALITY caseIgnoreMatch SUBSTR caseIgnoreSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )"
        )
    });
    own.chain(naming)
}

/// ObjectClassDescriptions (RFC 4512 section 4.1.1).
pub(crate) fn object_classes() -> impl Iterator<Item = String> {
    CLASSES
        .iter()
        .map(|(number, name, rest)| format!("( {number} NAME '{name}' {rest} )"))
}
