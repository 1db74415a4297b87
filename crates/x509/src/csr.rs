//! Certificate signing requests (PKCS#10, RFC 2986).
//!
//! A [`Csr`] is a proof: the request is DER, its subject and names are ones that could be issued, its key is not
//! weak, and the holder of that key signed exactly the bytes that were received (some clients leave the
//! attributes unsorted, so nothing is ever encoded again before it is verified). A [`ReceivedCsr`] is the same before
//! its names were judged, for requests whose names are replaced. What it asks for is input to
//! the profile: no extension of a request is copied into a certificate.

mod attributes;
mod build;
mod error;

use std::fmt;

use crate::asn1::{DerError, Reader, bit_octets, integer, tag};
use crate::extension::{Extension, oids};
use crate::key::PublicKey;
use crate::name::DistinguishedName;
use crate::san::{self, San};
use crate::signature::Identified;
use crate::{artifact, pem};
use attributes::Attributes;
pub use build::CsrBuildError;
pub use error::CsrError;

/// A request whose proof of possession was verified and whose names could be issued.
#[derive(Clone)]
pub struct Csr {
    der: Vec<u8>,
    subject: DistinguishedName,
    sans: Vec<San>,
    public_key: PublicKey,
    attributes: Attributes,
}

/// A request whose proof of possession was verified and whose names were not judged yet: they may be replaced.
#[derive(Clone)]
pub struct ReceivedCsr {
    der: Vec<u8>,
    subject: DistinguishedName,
    public_key: PublicKey,
    attributes: Attributes,
}

impl ReceivedCsr {
    /// Reads a request in PEM (exactly one block), bare base64 or DER and verifies its signature.
    ///
    /// # Errors
    /// [`CsrError`]; [`CsrError::PrivateKey`] if the text holds a private key as well.
    pub fn from_pem_or_der(input: &[u8]) -> Result<Self, CsrError> {
        if input.len() > 2 * Csr::MAX_LEN {
            return Err(CsrError::TooLong { length: input.len() });
        }
        // A request is longer than 127 bytes, so its second octet is a long-form length and no text.
        if matches!(input, [0x30, 0x80..=0xff, ..]) {
            return Self::from_der(input);
        }
        if !pem::is_pem(input) {
            match pem::bare_base64(input) {
                Some(der) => return Self::from_der(&der),
                None if input.first() == Some(&tag::SEQUENCE) => return Self::from_der(input),
                None => {}
            }
        }
        let labels = pem::labels(input)?;
        let is_request = |label: &String| label == Csr::PEM_LABEL || label == Csr::OLD_PEM_LABEL;
        if labels.iter().any(is_request) && labels.iter().any(|label| label.ends_with("PRIVATE KEY")) {
            return Err(CsrError::PrivateKey);
        }
        match pem::select(input, &[Csr::PEM_LABEL, Csr::OLD_PEM_LABEL])?.as_slice() {
            [block] => Self::from_der(&block.der),
            _ => Err(CsrError::SeveralRequests),
        }
    }

    /// Reads a request in DER and verifies its signature.
    ///
    /// # Errors
    /// As [`from_pem_or_der`](Self::from_pem_or_der).
    pub fn from_der(der: &[u8]) -> Result<Self, CsrError> {
        if der.len() > Csr::MAX_LEN {
            return Err(CsrError::TooLong { length: der.len() });
        }
        Self::read(der).map_err(|error| match artifact::of(der) {
            Some(other) if other != artifact::REQUEST => CsrError::NotARequest(other),
            _ => error,
        })
    }

    fn read(der: &[u8]) -> Result<Self, CsrError> {
        let mut parts = Reader::within(der, tag::SEQUENCE)?;
        let signed = parts.any()?;
        let algorithm = parts.any()?;
        let signature = bit_octets(parts.expect(tag::BIT_STRING)?)?;
        parts.finish()?;

        let info = Info::read(signed.expect(tag::SEQUENCE)?)?;
        let subject = DistinguishedName::from_der(info.subject)?;
        let public_key = PublicKey::from_spki(info.spki)?;
        let attributes = Attributes::read(info.attributes)?;
        Identified::from_der(algorithm.whole)?.verify(&public_key, signed.whole, signature)?;
        Ok(Self {
            der: der.to_vec(),
            subject,
            public_key,
            attributes,
        })
    }

    /// The request as received.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The subject asked for, octet for octet. It was not judged: it is for display.
    #[must_use]
    pub fn subject(&self) -> &DistinguishedName {
        &self.subject
    }

    /// The key that signed the request.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The request with its own names. Those that are given here take the place of the request's, which are then not
    /// looked at.
    ///
    /// # Errors
    /// [`CsrError::Subject`] and [`CsrError::San`] if names that were not replaced could not be issued.
    pub fn with_names(
        self,
        subject: Option<DistinguishedName>,
        sans: Option<Vec<San>>,
    ) -> Result<Csr, CsrError> {
        let subject = match subject {
            Some(subject) => subject,
            None => {
                self.subject.canonical()?;
                self.subject
            }
        };
        let sans = match (sans, self.attributes.extension(oids::SUBJECT_ALT_NAME)) {
            (Some(sans), _) => sans,
            (None, Some(asked)) => san::decode(asked)?,
            (None, None) => Vec::new(),
        };
        Ok(Csr {
            der: self.der,
            subject,
            sans,
            public_key: self.public_key,
            attributes: self.attributes,
        })
    }
}

impl Csr {
    /// Longest request, in bytes of DER.
    pub const MAX_LEN: usize = 64 * 1024;
    /// Label of the PEM form (RFC 7468 section 7).
    pub const PEM_LABEL: &'static str = "CERTIFICATE REQUEST";

    /// Label that RFC 7468 section 7 has parsers accept besides.
    const OLD_PEM_LABEL: &'static str = "NEW CERTIFICATE REQUEST";

    /// Reads a request in PEM (exactly one block), bare base64 or DER, verifies its signature and judges its names.
    ///
    /// # Errors
    /// [`CsrError`]; its [`field`](CsrError::field) names the part of the request that is at fault.
    pub fn from_pem_or_der(input: &[u8]) -> Result<Self, CsrError> {
        ReceivedCsr::from_pem_or_der(input)?.with_names(None, None)
    }

    /// Reads a request in DER, verifies its signature and judges its names.
    ///
    /// # Errors
    /// As [`from_pem_or_der`](Self::from_pem_or_der).
    pub fn from_der(der: &[u8]) -> Result<Self, CsrError> {
        ReceivedCsr::from_der(der)?.with_names(None, None)
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

    /// The subject asked for, octet for octet as received, or the one that replaced it; perhaps empty. Its values are
    /// ones that could be issued.
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

    /// The challengePassword attribute (RFC 2985 section 5.4.1), a secret of some enrollment protocols.
    #[must_use]
    pub fn challenge_password(&self) -> Option<&str> {
        self.attributes.challenge_password.as_deref()
    }

    /// The subject key identifier asked for, of any length; a CA's own choice (RFC 5280 section 4.2.1.2).
    #[must_use]
    pub fn subject_key_identifier(&self) -> Option<&[u8]> {
        let value = self.attributes.extension(oids::SUBJECT_KEY_IDENTIFIER)?;
        Reader::single(value, tag::OCTET_STRING).ok()
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
