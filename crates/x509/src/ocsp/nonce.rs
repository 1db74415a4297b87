//! Nonces (RFC 9654): what binds a response to its request.

use std::fmt;

use data_encoding::HEXLOWER;

use crate::asn1::{DerError, Reader, Writer, tag};
use crate::extension::{Extension, oids};

/// A nonce of 1 to 128 octets.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Nonce(Box<[u8]>);

/// Why the octets are not a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NonceError {
    /// The extension does not have the DER of an OCTET STRING.
    #[error("nonce: {0}")]
    Der(#[from] DerError),
    /// No octets, or too many (RFC 9654 section 2.1).
    #[error("the nonce has {0} octets; it must have 1 to {max}", max = Nonce::MAX_LEN)]
    Length(usize),
}

impl Nonce {
    /// Most octets of a nonce (RFC 9654 section 2.1).
    pub const MAX_LEN: usize = 128;
    /// Octets of the nonces that clients send (RFC 9654 section 2.1), drawn from the random generator.
    pub const CLIENT_LEN: usize = 32;

    /// A nonce of these octets.
    ///
    /// # Errors
    /// [`NonceError::Length`].
    pub fn from_bytes(octets: &[u8]) -> Result<Self, NonceError> {
        match octets.len() {
            1..=Self::MAX_LEN => Ok(Self(octets.into())),
            length => Err(NonceError::Length(length)),
        }
    }

    /// The octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The nonce among these extensions. Octets without the OCTET STRING around them, as clients before RFC 6960 sent them,
    /// are refused.
    pub(super) fn find(extensions: &[Extension]) -> Result<Option<Self>, NonceError> {
        let extension = extensions
            .iter()
            .find(|extension| extension.oid() == oids::OCSP_NONCE);
        let content = extension.map(|extension| Reader::single(extension.value_der(), tag::OCTET_STRING));
        content.transpose()?.map(Self::from_bytes).transpose()
    }

    /// The extension, not critical.
    pub(super) fn to_extension(&self) -> Extension {
        let value = Writer::primitive_of(tag::OCTET_STRING, &self.0);
        Extension::other(oids::OCSP_NONCE, false, value)
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nonce({})", HEXLOWER.encode(&self.0))
    }
}
