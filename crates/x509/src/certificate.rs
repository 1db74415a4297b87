//! Certificates as they are: a parsed view over octets that are never re-encoded (RFC 5280 section 4.1).
//!
//! Parsing takes what other CAs made: any name, any extension, string types and keys that would not be issued here.
//! It refuses what no verifier could judge — broken DER, repeated or malformed extensions that decide
//! about trust, two signature algorithms. So that weak keys can be looked at, the subject key is only parsed
//! when [`Certificate::public_key`] is called, and that is a `Result`; [`Certificate::spki`] is always there.

mod describe;
mod error;
mod facts;
mod fields;
mod verify;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use time::OffsetDateTime;

pub(crate) use describe::{extension_lines, write_extensions};
pub use error::CertificateError;

use crate::digest::sha256;
use crate::extension::{Eku, Extension, KeyUsageFlags, NameConstraints};
use crate::key::KeyError;
use crate::signature::{Identified, SignatureError};
use crate::tbs::Signed;
use crate::validity::Validity;
use crate::{DistinguishedName, Oid, PublicKey, ReceivedSerial, San, SignatureAlgorithm, artifact, pem};
use facts::Facts;
use fields::Fields;

const PEM_LABEL: &str = "CERTIFICATE";

/// An X.509 certificate. Clones share the octets. Equal certificates have equal octets.
#[derive(Clone)]
pub struct Certificate {
    inner: Arc<Inner>,
}

struct Inner {
    der: Box<[u8]>,
    tbs: Range<usize>,
    algorithm: Range<usize>,
    signature: Range<usize>,
    spki: Range<usize>,
    version: u8,
    serial: ReceivedSerial,
    issuer: DistinguishedName,
    validity: Validity,
    subject: DistinguishedName,
    extensions: Vec<Extension>,
    facts: Facts,
    public_key: OnceLock<Result<PublicKey, KeyError>>,
}

impl Certificate {
    /// Most octets of a certificate. Real ones have one to four thousand, those with very many names a hundred
    /// thousand.
    pub const MAX_LEN: usize = 256 * 1024;

    /// Parses the DER of one certificate.
    ///
    /// # Errors
    /// [`CertificateError`] says which part is not what it must be.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > Self::MAX_LEN {
            return Err(CertificateError::TooLong(der.len()));
        }
        Self::read(der).map_err(|error| match artifact::of(der) {
            Some(other) if other != artifact::CERTIFICATE => CertificateError::NotACertificate(other),
            _ => error,
        })
    }

    fn read(der: &[u8]) -> Result<Self, CertificateError> {
        let signed = Signed::read("tbsCertificate", der)
            .map_err(|(part, source)| CertificateError::Der { part, source })?;
        let tbs = Fields::read(signed.tbs)?;
        if tbs.algorithm != signed.algorithm {
            return Err(CertificateError::AlgorithmMismatch);
        }
        let facts = Facts::of(&tbs.extensions)?;
        let inner = Inner {
            tbs: range_in(der, signed.tbs),
            algorithm: range_in(der, signed.algorithm),
            signature: range_in(der, signed.signature),
            spki: range_in(der, tbs.spki),
            version: tbs.version,
            serial: tbs.serial,
            issuer: tbs.issuer,
            validity: tbs.validity,
            subject: tbs.subject,
            extensions: tbs.extensions,
            facts,
            public_key: OnceLock::new(),
            der: der.into(),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Parses the first certificate of a PEM text; other blocks are passed over.
    ///
    /// # Errors
    /// If there is none, or it cannot be parsed.
    pub fn from_pem(text: &[u8]) -> Result<Self, CertificateError> {
        let blocks = pem::decode(text, PEM_LABEL)?;
        let first = blocks.first().ok_or(CertificateError::NoCertificate)?;
        Self::from_der(first)
    }

    /// Parses all certificates of a PEM text in their order; other blocks are passed over.
    ///
    /// # Errors
    /// If there is none, or any cannot be parsed.
    pub fn chain_from_pem(text: &[u8]) -> Result<Vec<Self>, CertificateError> {
        pem::decode(text, PEM_LABEL)?
            .iter()
            .map(|der| Self::from_der(der))
            .collect()
    }

    /// The octets as received.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.inner.der
    }

    /// The certificate as PEM (RFC 7468).
    #[must_use]
    pub fn pem(&self) -> String {
        pem::encode(PEM_LABEL, self.der())
    }

    /// The signed octets.
    #[must_use]
    pub fn tbs_der(&self) -> &[u8] {
        self.part(&self.inner.tbs)
    }

    /// The signature: for ECDSA the DER of r and s.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        self.part(&self.inner.signature)
    }

    /// The DER of the subject's SubjectPublicKeyInfo, whatever its algorithm and strength.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        self.part(&self.inner.spki)
    }

    /// SHA-256 of [`spki`](Self::spki): the same for all certificates of one key.
    #[must_use]
    pub fn spki_fingerprint(&self) -> [u8; 32] {
        sha256(self.spki())
    }

    /// SHA-256 of the certificate.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        sha256(self.der())
    }

    /// The subject's key. It is parsed, and searched for weaknesses, at the first call.
    ///
    /// # Errors
    /// [`KeyError`] if the key is of a kind that is not supported, or weak.
    pub fn public_key(&self) -> Result<&PublicKey, KeyError> {
        let key = self
            .inner
            .public_key
            .get_or_init(|| PublicKey::from_spki(self.spki()));
        key.as_ref().map_err(Clone::clone)
    }

    /// Version as people count: 1, 2 or 3.
    #[must_use]
    pub fn version(&self) -> u8 {
        self.inner.version
    }

    /// Serial number, whatever the issuer made it; [`ReceivedSerial::proper`] is one that can be stored or revoked.
    #[must_use]
    pub fn serial(&self) -> &ReceivedSerial {
        &self.inner.serial
    }

    /// Issuer name, octet for octet.
    #[must_use]
    pub fn issuer(&self) -> &DistinguishedName {
        &self.inner.issuer
    }

    /// Subject name, octet for octet.
    #[must_use]
    pub fn subject(&self) -> &DistinguishedName {
        &self.inner.subject
    }

    /// Validity period.
    #[must_use]
    pub fn validity(&self) -> Validity {
        self.inner.validity
    }

    /// First second of the validity.
    #[must_use]
    pub fn not_before(&self) -> OffsetDateTime {
        self.inner.validity.not_before
    }

    /// Last second of the validity.
    #[must_use]
    pub fn not_after(&self) -> OffsetDateTime {
        self.inner.validity.not_after
    }

    /// Subject alternative names; empty if there is no such extension.
    #[must_use]
    pub fn sans(&self) -> &[San] {
        &self.inner.facts.sans
    }

    /// Whether basicConstraints say that this is a CA.
    #[must_use]
    pub fn is_ca(&self) -> bool {
        self.inner.facts.ca
    }

    /// How many CA certificates may follow this one in a chain; `None` if any number may.
    #[must_use]
    pub fn path_len(&self) -> Option<u8> {
        self.inner.facts.path_len
    }

    /// Key usages; `None` if the extension is missing, which allows all.
    #[must_use]
    pub fn key_usage(&self) -> Option<KeyUsageFlags> {
        self.inner.facts.key_usage
    }

    /// Extended key usages; `None` if the extension is missing, which allows all.
    #[must_use]
    pub fn eku(&self) -> Option<&[Eku]> {
        self.inner.facts.eku.as_deref()
    }

    /// Subject key identifier: 20 octets in certificates issued here, any number in others.
    #[must_use]
    pub fn subject_key_identifier(&self) -> Option<&[u8]> {
        self.inner.facts.subject_key_identifier.as_deref()
    }

    /// Key identifier of the issuer's key.
    #[must_use]
    pub fn authority_key_identifier(&self) -> Option<&[u8]> {
        self.inner.facts.authority_key_identifier.as_deref()
    }

    /// Constraints on the names of all certificates below this one.
    #[must_use]
    pub fn name_constraints(&self) -> Option<&NameConstraints> {
        self.inner.facts.name_constraints.as_ref()
    }

    /// All extensions in their order.
    #[must_use]
    pub fn extensions(&self) -> &[Extension] {
        &self.inner.extensions
    }

    /// The extension of this type.
    #[must_use]
    pub fn extension(&self, oid: Oid) -> Option<&Extension> {
        self.inner
            .extensions
            .iter()
            .find(|extension| extension.oid() == oid)
    }

    /// The algorithm of the signature.
    ///
    /// # Errors
    /// If it is not supported or broken, such as SHA-1.
    pub fn signature_algorithm(&self) -> Result<SignatureAlgorithm, SignatureError> {
        self.identified().map(Identified::algorithm)
    }

    fn identified(&self) -> Result<Identified, SignatureError> {
        Identified::from_der(self.part(&self.inner.algorithm))
    }

    /// Whether subject and issuer are the same name (RFC 5280 section 7.1): roots, and keys of one CA that certify each
    /// other.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.inner.subject.matches(&self.inner.issuer)
    }

    fn part(&self, range: &Range<usize>) -> &[u8] {
        self.inner.der.get(range.clone()).unwrap_or_default()
    }
}

/// The range of `part`, a slice of `whole`, within it.
pub(crate) fn range_in(whole: &[u8], part: &[u8]) -> Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(whole.as_ptr().addr());
    start..start.saturating_add(part.len())
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der() == other.der()
    }
}

impl Eq for Certificate {}

impl Hash for Certificate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.der().hash(state);
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({}, {})", self.serial(), self.subject())
    }
}
