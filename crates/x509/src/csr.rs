//! Certificate signing requests (PKCS#10, RFC 2986).
//!
//! A [`Csr`] is a proof: the request is DER, its subject and names are ones that could be issued, its key is not
//! weak, and the holder of that key signed exactly the bytes that were received (some clients leave the
//! attributes unsorted, so nothing is ever encoded again before it is verified). What it asks for is input to
//! the profile: no extension of a request is copied into a certificate.

mod attributes;
mod build;
mod error;

use std::fmt;

use x509_cert::ext::Extension;

use crate::{
    asn1::{DerError, Reader, bit_octets, integer, tag},
    key::PublicKey,
    name::DistinguishedName,
    pem,
    san::{self, San},
    signature::SignatureAlgorithm,
};
use attributes::Attributes;
pub use build::CsrBuildError;
pub use error::CsrError;

/// A request whose proof of possession was verified.
#[derive(Clone)]
pub struct Csr {
    der: Vec<u8>,
    subject: DistinguishedName,
    sans: Vec<San>,
    public_key: PublicKey,
    attributes: Attributes,
}

impl Csr {
    /// Longest request, in bytes of DER.
    pub const MAX_LEN: usize = 64 * 1024;
    /// Label of the PEM form (RFC 7468 §7).
    pub const PEM_LABEL: &'static str = "CERTIFICATE REQUEST";

    /// Label that RFC 7468 §7 has parsers accept besides.
    const OLD_PEM_LABEL: &'static str = "NEW CERTIFICATE REQUEST";

    /// Reads a request in PEM (exactly one block) or DER and verifies its signature.
    ///
    /// # Errors
    /// [`CsrError`]; its [`field`](CsrError::field) names the part of the request that is at fault.
    pub fn from_pem_or_der(input: &[u8]) -> Result<Self, CsrError> {
        if input.len() > 2 * Self::MAX_LEN {
            return Err(CsrError::TooLong { length: input.len() });
        }
        // A request is longer than 127 bytes, so its second octet is a long-form length and no text.
        if matches!(input, [0x30, 0x80..=0xff, ..]) || !pem::is_pem(input) {
            return Self::from_der(input);
        }
        let mut requests = pem::blocks(input)?
            .into_iter()
            .filter(|block| block.label == Self::PEM_LABEL || block.label == Self::OLD_PEM_LABEL);
        match (requests.next(), requests.next()) {
            (Some(block), None) => Self::from_der(&block.der),
            (None, _) => Err(pem::PemError::Missing(Self::PEM_LABEL.to_owned()).into()),
            (Some(_), Some(_)) => Err(CsrError::SeveralRequests),
        }
    }

    /// Reads a request in DER and verifies its signature.
    ///
    /// # Errors
    /// As [`from_pem_or_der`](Self::from_pem_or_der).
    pub fn from_der(der: &[u8]) -> Result<Self, CsrError> {
        if der.len() > Self::MAX_LEN {
            return Err(CsrError::TooLong { length: der.len() });
        }
        let mut parts = Reader::within(der, tag::SEQUENCE)?;
        let signed = parts.any()?;
        let algorithm = parts.any()?;
        let signature = bit_octets(parts.expect(tag::BIT_STRING)?)?;
        parts.finish()?;

        let info = Info::read(signed.expect(tag::SEQUENCE)?)?;
        let subject = DistinguishedName::from_der(info.subject)?.canonical()?;
        let public_key = PublicKey::from_spki(info.spki)?;
        let attributes = Attributes::read(info.attributes)?;
        let sans = attributes
            .subject_alt_name()
            .map(san::decode)
            .transpose()?
            .unwrap_or_default();

        SignatureAlgorithm::from_identifier_der(algorithm.whole)?.verify(
            &public_key,
            signed.whole,
            signature,
        )?;
        Ok(Self {
            der: der.to_vec(),
            subject,
            sans,
            public_key,
            attributes,
        })
    }

    /// The request as received.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The request in PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem::encode(Self::PEM_LABEL, &self.der)
    }

    /// The subject asked for, in the encodings that a certificate would carry; perhaps empty.
    #[must_use]
    pub fn subject(&self) -> &DistinguishedName {
        &self.subject
    }

    /// The subject alternative names asked for, each once; empty if there is no such extension.
    #[must_use]
    pub fn sans(&self) -> &[San] {
        &self.sans
    }

    /// The key that signed the request.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The challengePassword attribute (RFC 2985 §5.4.1), a secret of some enrolment protocols.
    #[must_use]
    pub fn challenge_password(&self) -> Option<&str> {
        self.attributes.challenge_password.as_deref()
    }

    /// Every extension asked for, subjectAltName included, each type at most once.
    #[must_use]
    pub fn requested_extensions(&self) -> &[Extension] {
        &self.attributes.extensions
    }
}

impl fmt::Debug for Csr {
    // Not derived: the DER and the attributes hold the challenge password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Csr")
            .field("subject", &self.subject)
            .field("sans", &self.sans)
            .field("public_key", &self.public_key)
            .finish_non_exhaustive()
    }
}

/// CertificationRequestInfo, cut into its fields.
struct Info<'a> {
    subject: &'a [u8],
    spki: &'a [u8],
    attributes: &'a [u8],
}

impl<'a> Info<'a> {
    fn read(content: &'a [u8]) -> Result<Self, CsrError> {
        let mut fields = Reader::new(content);
        if integer(fields.expect(tag::INTEGER)?)? != [0] {
            return Err(CsrError::Version);
        }
        let subject = fields.any()?.whole;
        let spki = fields.any()?.whole;
        // RFC 2986 has the field always there; requests without attributes that leave it out are common.
        let attributes = fields.optional(tag::context_constructed(0))?.unwrap_or_default();
        fields.finish()?;
        Ok(Self {
            subject,
            spki,
            attributes,
        })
    }
}

impl From<DerError> for CsrError {
    fn from(error: DerError) -> Self {
        Self::Malformed(error)
    }
}
