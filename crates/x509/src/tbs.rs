//! The part of a certificate that is signed, and putting the signature to it (RFC 5280 section 4.1).
//!
//! [`CertificateSpec::to_tbs`] writes exact DER in one pass, version 3, and decides nothing: what may be in a
//! certificate is the business of `rules` and `lint`. [`assemble`] serves certificates and CRLs alike and refuses to
//! put a signature under a TBS that names another algorithm.

use der::Encode as _;
use time::OffsetDateTime;

use crate::asn1::{DerError, Reader, Writer, tag};
use crate::extension::{Extension, ExtensionError};
use crate::moment::rfc3339;
use crate::validity::{Validity, ValidityError};
use crate::{DistinguishedName, PublicKey, Serial, SignatureAlgorithm};

/// Why a certificate, CRL or OCSP response cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// The issuer has an empty name (section 4.1.2.4).
    #[error("the issuer of a certificate or CRL must have a name")]
    EmptyIssuer,
    /// One extension occurs twice (section 4.2).
    #[error("extension {0} appears more than once")]
    RepeatedExtension(String),
    /// A time cannot be encoded, or a period ends before it starts.
    #[error(transparent)]
    Validity(#[from] ValidityError),
    /// The signature algorithm cannot be encoded.
    #[error("signature algorithm {algorithm} cannot be encoded: {problem}")]
    Algorithm {
        /// The algorithm.
        algorithm: SignatureAlgorithm,
        /// What the encoder said.
        problem: String,
    },
    /// The octets to sign are not a TBSCertificate or TBSCertList.
    #[error("the octets to be signed are not a certificate or CRL: {0}")]
    NotTbs(#[from] DerError),
    /// The TBS names another algorithm than the signature was made with (section 4.1.1.2).
    #[error("the octets to be signed name another signature algorithm than {0}")]
    AlgorithmMismatch(SignatureAlgorithm),
    /// The next update of a CRL or OCSP response not come after this one.
    #[error(
        "the next update at {} does not come after this update at {}",
        rfc3339(*.next_update),
        rfc3339(*.this_update)
    )]
    UpdateOrder {
        /// The moment that it is of.
        this_update: OffsetDateTime,
        /// When it is out of date.
        next_update: OffsetDateTime,
    },
    /// One serial number is listed twice.
    #[error("serial number {0} appears more than once in the CRL")]
    RepeatedSerial(Serial),
    /// The entries of a CRL do not come in the order of the octets of their serial numbers.
    #[error(
        "serial number {serial} comes after {after} in the CRL; entries must ascend by the octets of their serial numbers"
    )]
    SerialOrder {
        /// The refused serial number.
        serial: Serial,
        /// The one before it.
        after: Serial,
    },
    /// The entries of the second pass over a CRL are not those of the first.
    #[error("the entries of the CRL changed while it was written; begin again")]
    EntriesChanged,
    /// A length takes more than four octets.
    #[error("the CRL would have {0} octets; it must have less than 4 GiB: make shards")]
    CrlTooLong(u64),
    /// A delta CRL of a list that is yet to come (section 5.2.4).
    #[error("delta CRL number {number} cannot change the later CRL number {base}")]
    BaseNumber {
        /// Number of the complete list.
        base: u64,
        /// Number of the delta.
        number: u64,
    },
    /// A location that cannot be written.
    #[error(transparent)]
    Extension(#[from] ExtensionError),
    /// `removeFromCRL` belongs in delta CRLs (section 5.3.1).
    #[error("serial number {0}: removeFromCRL may only appear in a delta CRL")]
    RemoveFromFullCrl(Serial),
    /// `removeFromCRL` belongs in delta CRLs.
    #[error("removeFromCRL may only appear in a delta CRL, not in an OCSP response")]
    RemoveFromCrlInResponse,
    /// An OCSP response without an answer.
    #[error("an OCSP response must have an answer for at least one certificate")]
    NoResponse,
    /// The octets to sign are not a ResponseData.
    #[error("the octets to be signed are not those of an OCSP response")]
    NotResponseData,
}

/// All that a certificate says, ready to be encoded.
#[derive(Clone, Debug)]
pub struct CertificateSpec {
    /// Serial number, unique for the issuer.
    pub serial: Serial,
    /// Algorithm of the signature to come.
    pub signature_algorithm: SignatureAlgorithm,
    /// Subject of the issuer's certificate, octet for octet.
    pub issuer: DistinguishedName,
    /// Validity period.
    pub validity: Validity,
    /// Subject; may be empty if there are critical alternative names.
    pub subject: DistinguishedName,
    /// The subject's key.
    pub public_key: PublicKey,
    /// Extensions in the order in which they are written.
    pub extensions: Vec<Extension>,
}

impl CertificateSpec {
    /// The DER of the TBSCertificate.
    ///
    /// # Errors
    /// [`BuildError`] for an empty issuer, a repeated extension, or times that cannot be encoded.
    pub fn to_tbs(&self) -> Result<Vec<u8>, BuildError> {
        if self.issuer.is_empty() {
            return Err(BuildError::EmptyIssuer);
        }
        for (at, extension) in self.extensions.iter().enumerate() {
            if self
                .extensions
                .iter()
                .take(at)
                .any(|earlier| earlier.oid() == extension.oid())
            {
                return Err(BuildError::RepeatedExtension(extension.name()));
            }
        }
        let mut validity = Writer::with_capacity(40);
        Validity::new(self.validity.not_before, self.validity.not_after)?.write(&mut validity)?;
        let validity = validity.into_vec();
        let algorithm = identifier(self.signature_algorithm)?;
        let mut out = Writer::with_capacity(1024);
        out.sequence(|out| {
            out.constructed(tag::context_constructed(0), |version| version.unsigned(&[2]));
            out.unsigned(self.serial.as_bytes());
            out.raw(&algorithm);
            out.raw(self.issuer.der());
            out.raw(&validity);
            out.raw(self.subject.der());
            out.raw(self.public_key.spki());
            write_extensions(out, tag::context_constructed(3), &self.extensions);
        });
        Ok(out.into_vec())
    }
}

/// Writes extensions in their explicit tag, or nothing if there are none.
pub(crate) fn write_extensions(out: &mut Writer, outer: u8, extensions: &[Extension]) {
    if !extensions.is_empty() {
        out.constructed(outer, |out| {
            out.sequence(|out| extensions.iter().for_each(|extension| extension.write(out)));
        });
    }
}

/// The DER of an AlgorithmIdentifier.
pub(crate) fn identifier(algorithm: SignatureAlgorithm) -> Result<Vec<u8>, BuildError> {
    let to_problem = |problem: der::Error| BuildError::Algorithm {
        algorithm,
        problem: problem.to_string(),
    };
    algorithm.identifier().to_der().map_err(to_problem)
}

/// Closes a certificate or CRL: the TBS, its algorithm, and the signature (for ECDSA the DER of r and s).
///
/// # Errors
/// [`BuildError::NotTbs`] and [`BuildError::AlgorithmMismatch`].
pub fn assemble(tbs: &[u8], algorithm: SignatureAlgorithm, signature: &[u8]) -> Result<Vec<u8>, BuildError> {
    let algorithm_der = identifier(algorithm)?;
    if inner_algorithm(tbs)? != algorithm_der {
        return Err(BuildError::AlgorithmMismatch(algorithm));
    }
    let Frame { mut before, after } = frame(tbs.len() as u64, &algorithm_der, signature)?;
    before.reserve(tbs.len() + after.len());
    before.extend_from_slice(tbs);
    before.extend_from_slice(&after);
    Ok(before)
}

/// What is before and after a TBS in the signed structure. For one that is too long to be in memory; others are closed by
/// [`assemble`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Tag and length of the whole.
    pub before: Vec<u8>,
    /// Algorithm and signature.
    pub after: Vec<u8>,
}

/// The frame of a TBS of this many octets.
pub(crate) fn frame(tbs_len: u64, algorithm: &[u8], signature: &[u8]) -> Result<Frame, BuildError> {
    let mut after = Writer::with_capacity(algorithm.len() + signature.len() + 8);
    after.raw(algorithm);
    after.bit_octets(signature);
    let after = after.into_vec();
    let length = tbs_len.saturating_add(after.len() as u64);
    // Readers take lengths of four octets.
    let length = u32::try_from(length).map_err(|_| BuildError::CrlTooLong(length))?;
    let length = usize::try_from(length).map_err(|_| BuildError::CrlTooLong(tbs_len))?;
    let mut before = Vec::with_capacity(6);
    Writer::append(&mut before, |out| out.header(tag::SEQUENCE, length));
    Ok(Frame { before, after })
}

/// The algorithm that a TBS names: the first SEQUENCE in it, for certificates and CRLs of every version.
fn inner_algorithm(tbs: &[u8]) -> Result<&[u8], DerError> {
    let mut fields = Reader::within(tbs, tag::SEQUENCE)?;
    loop {
        let field = fields.any()?;
        if field.tag == tag::SEQUENCE {
            return Ok(field.whole);
        }
    }
}

/// The three parts of a signed structure, as received.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signed<'a> {
    pub(crate) tbs: &'a [u8],
    pub(crate) algorithm: &'a [u8],
    pub(crate) signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// Reads the outer structure, in which the TBS is called `signed`. An error is that of the part that it names.
    pub(crate) fn read(signed: &'static str, der: &'a [u8]) -> Result<Self, (&'static str, DerError)> {
        let of = |part| move |error| (part, error);
        let mut parts = Reader::within(der, tag::SEQUENCE).map_err(of("structure"))?;
        let tbs = parts.any().map_err(of(signed))?;
        tbs.expect(tag::SEQUENCE).map_err(of(signed))?;
        let algorithm = parts.any().map_err(of("signatureAlgorithm"))?;
        algorithm
            .expect(tag::SEQUENCE)
            .map_err(of("signatureAlgorithm"))?;
        let signature = parts
            .expect(tag::BIT_STRING)
            .and_then(crate::asn1::bit_octets)
            .map_err(of("signatureValue"))?;
        parts.finish().map_err(of("structure"))?;
        Ok(Self {
            tbs: tbs.whole,
            algorithm: algorithm.whole,
            signature,
        })
    }
}

/// Far more than anyone puts into a certificate; it bounds the search for repetitions.
const MAX_EXTENSIONS: usize = 128;

/// Reads extensions of a certificate, CRL or entry; each may appear once (section 4.2). The inner error is the name of
/// one that occurs twice.
pub(crate) fn read_extensions(list: &[u8]) -> Result<Result<Vec<Extension>, String>, DerError> {
    let mut entries = Reader::within(list, tag::SEQUENCE)?;
    let mut extensions: Vec<Extension> = Vec::new();
    while !entries.is_empty() {
        let extension = Extension::read(&mut entries)?;
        if extensions.len() == MAX_EXTENSIONS {
            return Err(DerError::Value("list of extensions: there are too many"));
        }
        if extensions.iter().any(|earlier| earlier.oid() == extension.oid()) {
            return Ok(Err(extension.name()));
        }
        extensions.push(extension);
    }
    Ok(Ok(extensions))
}
