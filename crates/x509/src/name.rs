//! Distinguished names (RFC 5280 section 4.1.2.4, text form by RFC 4514).
//!
//! A [`DistinguishedName`] is its DER. A name that was received keeps its octets, whatever string types its
//! maker chose, because issuer and subject chain by octets; a name that is built here gets the encodings and
//! upper bounds of RFC 5280 appendix A. [`DistinguishedName::canonical`] takes a received name to the built form.
//! Two values are equal when their octets are; [`DistinguishedName::matches`] and [`DistinguishedName::is_within`]
//! compare names as RFC 5280 section 7.1 does.

mod attribute;
mod text;

use std::fmt;
use std::sync::Arc;

pub(crate) use attribute::text_of;
pub use attribute::{AttributeType, oids};

use crate::Oid;
use crate::asn1::{DerError, Reader, Writer, tag};
use attribute::Attribute;

/// Longest text that is read as a name, in bytes. Longer text is refused before anything is read of it.
pub const MAX_TEXT: usize = 4096;

/// Why a name was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The octets are not the DER of a Name.
    #[error("not a distinguished name: {0}")]
    Der(#[from] DerError),
    /// The text does not follow RFC 4514.
    #[error("distinguished name, at character {at}: {problem}")]
    Syntax {
        /// Offset in characters from the start of the text.
        at: usize,
        /// What is wrong there and what to write instead.
        problem: &'static str,
    },
    /// The text is longer than that of any name in use.
    #[error("a distinguished name has {length} bytes as text; at most {MAX_TEXT} are accepted")]
    LongText {
        /// Bytes of the refused text.
        length: usize,
    },
    /// The attribute type has no known name and is not a dotted number.
    #[error(
        "unknown attribute `{0}` in the distinguished name; write a short name such as CN or a dotted OID"
    )]
    UnknownAttribute(String),
    /// The value has no content, or only a filler such as `-`.
    #[error("the value of {0} is empty or a filler such as `.` or `-`; leave the attribute out instead")]
    Empty(String),
    /// The value holds a character that no name may hold, see [`unfit`](crate::unicode::unfit).
    #[error(
        "the value of {attribute} holds U+{code_point:04X}, a control, format or invisible character; leave it out"
    )]
    UnfitCharacter {
        /// Short name or OID of the attribute.
        attribute: String,
        /// The first such character.
        code_point: u32,
    },
    /// The value is over its upper bound (RFC 5280 appendix A).
    #[error("the value of {attribute} has {length} characters; at most {bound} are allowed")]
    TooLong {
        /// Short name or OID of the attribute.
        attribute: String,
        /// Characters of the refused value.
        length: usize,
        /// Upper bound in characters.
        bound: usize,
    },
    /// The value has characters that the attribute's string type cannot carry.
    #[error("the value of {attribute} must be {wanted}")]
    Alphabet {
        /// Short name or OID of the attribute.
        attribute: String,
        /// The alphabet that it must keep to.
        wanted: &'static str,
    },
    /// The received value is of a type that has no text form.
    #[error("the value of {0} is not a character string")]
    NotText(String),
    /// The received value has octets that its string type cannot have.
    #[error("the value of {attribute} is a {string} with octets that none can have")]
    BrokenString {
        /// Short name or OID of the attribute.
        attribute: String,
        /// The string type.
        string: &'static str,
    },
    /// One type occurs twice in one relative distinguished name (X.501 section 9.3).
    #[error("{0} appears more than once in one multi-valued part of the distinguished name")]
    Repeated(String),
}

/// A distinguished name, kept as DER.
///
/// `FromStr` and `Display` speak RFC 4514: most specific part first, `CN=web,O=Example,C=DE`. `Ord` is the order
/// of the octets and has no meaning beyond sorting.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DistinguishedName {
    der: Arc<[u8]>,
}

impl DistinguishedName {
    /// Takes a received name. Only its structure is checked, so foreign string types, lengths and orders pass;
    /// see [`canonical`](Self::canonical).
    ///
    /// # Errors
    /// [`NameError::Der`] if the octets are not exactly one Name.
    pub fn from_der(der: &[u8]) -> Result<Self, NameError> {
        let mut parts = Reader::within(der, tag::SEQUENCE)?;
        while !parts.is_empty() {
            let mut attributes = parts.enter(tag::SET)?;
            if attributes.is_empty() {
                return Err(DerError::Value("RelativeDistinguishedName: a SET without attributes").into());
            }
            while !attributes.is_empty() {
                Attribute::read(&mut attributes)?;
            }
        }
        Ok(Self { der: der.into() })
    }

    /// A name with nothing but a common name.
    ///
    /// # Errors
    /// Whatever [`from_rdns`](Self::from_rdns) refuses.
    pub fn common_name(common_name: &str) -> Result<Self, NameError> {
        Self::from_rdns([[(oids::COMMON_NAME, common_name)]])
    }

    /// Builds a name from its relative distinguished names in encoding order: country first, common name last,
    /// the reverse of the text form. Empty parts are left out.
    ///
    /// # Errors
    /// Empty and filler values, control characters, values over their bound or outside their alphabet.
    pub fn from_rdns<'a, R, A>(rdns: R) -> Result<Self, NameError>
    where
        R: IntoIterator<Item = A>,
        A: IntoIterator<Item = (Oid, &'a str)>,
    {
        let mut built = Vec::new();
        for rdn in rdns {
            let attributes: Vec<Vec<u8>> = rdn
                .into_iter()
                .map(|(oid, value)| attribute::encode(oid, value))
                .collect::<Result<_, _>>()?;
            built.push(attributes);
        }
        Self::from_encoded(built)
    }

    /// Assembles encoded attributes; a SET is sorted by its octets (X.690 section 11.6).
    fn from_encoded(rdns: Vec<Vec<Vec<u8>>>) -> Result<Self, NameError> {
        let mut name = Writer::default();
        for mut attributes in rdns {
            if attributes.is_empty() {
                continue;
            }
            attributes.sort();
            attribute::check_distinct_types(&attributes)?;
            name.constructed(tag::SET, |set| {
                attributes.iter().for_each(|attribute| set.raw(attribute))
            });
        }
        Ok(Self {
            der: Writer::one(tag::SEQUENCE, |out| out.raw(&name.into_vec())).into(),
        })
    }

    /// The same attributes in the encodings that names built here have, for issuing under a name that came from
    /// outside: UTF8String, PrintableString for C, serialNumber and dnQualifier, IA5String for DC and emailAddress.
    ///
    /// # Errors
    /// Whatever [`from_rdns`](Self::from_rdns) refuses, and values without a text form.
    pub fn canonical(&self) -> Result<Self, NameError> {
        let mut built = Vec::new();
        for rdn in self.rdns() {
            let attributes: Vec<Vec<u8>> = rdn
                .iter()
                .map(|attribute| {
                    let text = attribute.text().ok_or_else(|| attribute.without_text())?;
                    attribute::encode(attribute.oid, &text)
                })
                .collect::<Result<_, _>>()?;
            built.push(attributes);
        }
        Self::from_encoded(built)
    }

    /// The DER of the Name, exactly as received or built.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whether there is no attribute at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.der.len() <= 2
    }

    /// Whether a value that claims to be UTF-8 is not.
    pub(crate) fn has_broken_utf8(&self) -> bool {
        let rdns = self.rdns();
        let mut values = rdns.iter().flatten().map(|attribute| attribute.value);
        values.any(|value| value.tag == tag::UTF8_STRING && std::str::from_utf8(value.content).is_err())
    }

    /// The values of all common names, in encoding order.
    #[must_use]
    pub fn common_names(&self) -> Vec<String> {
        self.values_of(oids::COMMON_NAME)
    }

    /// The values of all attributes of one type, in encoding order.
    #[must_use]
    pub fn values_of(&self, wanted: Oid) -> Vec<String> {
        self.attributes()
            .filter(|(oid, _)| *oid == wanted)
            .map(|(_, value)| value)
            .collect()
    }

    /// All attributes in encoding order. A value that is not a character string is given as `#` and its DER in hex.
    pub fn attributes(&self) -> impl Iterator<Item = (Oid, String)> {
        self.rdns()
            .into_iter()
            .flatten()
            .map(|attribute| (attribute.oid, attribute.display()))
    }

    /// Whether this name is within the subtree of `base`: the parts of `base` are its first parts, values compared
    /// as RFC 4518 prepares them, whatever their string type (RFC 5280 sections 4.2.1.10 and 7.1).
    #[must_use]
    pub fn is_within(&self, base: &Self) -> bool {
        let (ours, theirs) = (self.rdns(), base.rdns());
        let keys = |rdn: &Vec<Attribute<'_>>| {
            let mut keys: Vec<_> = rdn.iter().map(Attribute::comparison_key).collect();
            keys.sort();
            keys
        };
        theirs.len() <= ours.len()
            && theirs
                .iter()
                .zip(&ours)
                .all(|(base, own)| keys(base) == keys(own))
    }

    /// Whether both names identify the same entry by RFC 5280 section 7.1. Neither is encoded again.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self == other || self.is_within(other) && other.is_within(self)
    }

    /// The parts in encoding order. The structure was checked when the name was made, so nothing is lost.
    fn rdns(&self) -> Vec<Vec<Attribute<'_>>> {
        let mut rdns = Vec::new();
        let Ok(mut parts) = Reader::within(&self.der, tag::SEQUENCE) else {
            return rdns;
        };
        while let Ok(mut set) = parts.enter(tag::SET) {
            let mut attributes = Vec::new();
            while let Ok(attribute) = Attribute::read(&mut set) {
                attributes.push(attribute);
            }
            rdns.push(attributes);
        }
        rdns
    }
}

impl Default for DistinguishedName {
    /// The empty name.
    fn default() -> Self {
        Self {
            der: Arc::from([tag::SEQUENCE, 0]),
        }
    }
}

impl fmt::Debug for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DistinguishedName({self})")
    }
}

#[cfg(test)]
mod tests;
