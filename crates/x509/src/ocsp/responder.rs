//! Who a response says that it is from (RFC 6960 section 4.2.1, ResponderID).

use std::fmt;

use data_encoding::HEXLOWER;

use super::cert_id::sha1_of_key;
use crate::asn1::{DerError, Reader, Writer, tag};
use crate::{Certificate, DistinguishedName};

const BY_NAME: u8 = tag::context_constructed(1);
const BY_KEY: u8 = tag::context_constructed(2);

/// The responder of a response. By key is shorter, and what RFC 9919 section 3.2.2 calls for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ResponderId {
    /// The subject of the certificate of the responder.
    ByName(DistinguishedName),
    /// SHA-1 of its key: of the content of the BIT STRING without its count of unused bits.
    ByKey([u8; 20]),
}

impl ResponderId {
    /// Names the responder with this certificate by its key.
    #[must_use]
    pub fn by_key(certificate: &Certificate) -> Self {
        Self::ByKey(sha1_of_key(certificate))
    }

    /// Names the responder with this certificate by its subject.
    #[must_use]
    pub fn by_name(certificate: &Certificate) -> Self {
        Self::ByName(certificate.subject().clone())
    }

    /// Whether the responder is the one with this certificate.
    #[must_use]
    pub fn matches(&self, certificate: &Certificate) -> bool {
        match self {
            Self::ByName(name) => name.matches(certificate.subject()),
            Self::ByKey(hash) => *hash == sha1_of_key(certificate),
        }
    }

    pub(super) fn read(fields: &mut Reader<'_>) -> Result<Self, DerError> {
        let id = fields.any()?;
        match id.tag {
            BY_NAME => DistinguishedName::from_der(id.content)
                .map(Self::ByName)
                .map_err(|_| DerError::Value("Name")),
            BY_KEY => Reader::single(id.content, tag::OCTET_STRING)?
                .try_into()
                .map(Self::ByKey)
                .map_err(|_| DerError::Value("KeyHash: it must have 20 octets")),
            found => Err(DerError::Tag {
                expected: BY_KEY,
                found,
            }),
        }
    }

    pub(super) fn write(&self, out: &mut Writer) {
        match self {
            Self::ByName(name) => out.constructed(BY_NAME, |out| out.raw(name.der())),
            Self::ByKey(hash) => out.constructed(BY_KEY, |out| out.primitive(tag::OCTET_STRING, hash)),
        }
    }
}

impl fmt::Display for ResponderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByName(name) => name.fmt(f),
            Self::ByKey(hash) => write!(f, "key {}", HEXLOWER.encode(hash)),
        }
    }
}
