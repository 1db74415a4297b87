//! RSASSA-PSS-params (RFC 4055 section 3.1) of received signatures.

use super::{RsaPssSha256, RsaPssSha384, RsaPssSha512, SignatureAlgorithm, SignatureError};
use crate::Oid;
use crate::asn1::{DerError, Reader, tag, unsigned};

const SHA1: Oid = Oid::new_unwrap("1.3.14.3.2.26");
const SHA256: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.2.3");
const MGF1: Oid = Oid::new_unwrap("1.2.840.113549.1.1.8");
/// Default of saltLength.
const DEFAULT_SALT: u16 = 20;

/// The parameters that are verified: one hash for message and mask, and a salt length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PssParameters {
    pub(super) algorithm: SignatureAlgorithm,
    pub(super) salt: u16,
}

impl PssParameters {
    /// Reads the content of the SEQUENCE. A hash identifier may have NULL or no parameters (section 2.1), each for
    /// itself; a default that is encoded although DER leaves it out is taken for what it says.
    pub(super) fn read(content: &[u8]) -> Result<Self, SignatureError> {
        let malformed = |error: DerError| SignatureError::Malformed(error.to_string());
        let mut fields = Reader::new(content);
        let mut field = |number| {
            fields
                .optional(tag::context_constructed(number))
                .map_err(malformed)
        };
        let (hash, mask, salt, trailer) = (field(0)?, field(1)?, field(2)?, field(3)?);
        fields.finish().map_err(malformed)?;
        let hash = hash.map_or(Ok(SHA1), read_hash).map_err(malformed)?;
        let mask = mask.map_or(Ok(Some(SHA1)), read_mask).map_err(malformed)?;
        let number = |content| Reader::single(content, tag::INTEGER).and_then(unsigned);
        let salt = salt
            .map_or(Ok(u64::from(DEFAULT_SALT)), number)
            .map_err(malformed)?;
        if trailer.map_or(Ok(1), number).map_err(malformed)? != 1 {
            return Err(SignatureError::Pss("a trailer field other than 1"));
        }
        let algorithm = match hash {
            SHA256 => RsaPssSha256,
            SHA384 => RsaPssSha384,
            SHA512 => RsaPssSha512,
            SHA1 => {
                return Err(SignatureError::Pss(
                    "SHA-1, which is broken (it is the default: name the hash)",
                ));
            }
            _ => {
                return Err(SignatureError::Pss(
                    "a hash other than SHA-256, SHA-384 and SHA-512",
                ));
            }
        };
        if mask != Some(hash) {
            return Err(SignatureError::Pss(
                "another hash in its mask generation than for the message",
            ));
        }
        // The longest salt of RSA with 8192 bits is far shorter.
        let salt = u16::try_from(salt)
            .ok()
            .filter(|salt| *salt <= 1024)
            .ok_or(SignatureError::Pss("a salt longer than any key allows"))?;
        Ok(Self { algorithm, salt })
    }
}

/// The OID of a hash AlgorithmIdentifier.
fn read_hash(der: &[u8]) -> Result<Oid, DerError> {
    let mut fields = Reader::within(der, tag::SEQUENCE)?;
    let oid = fields.oid()?;
    if let Some(null) = fields.optional(tag::NULL)?
        && !null.is_empty()
    {
        return Err(DerError::Value("NULL"));
    }
    fields.finish()?;
    Ok(oid)
}

/// The hash of MGF1; `None` for another mask generation function.
fn read_mask(der: &[u8]) -> Result<Option<Oid>, DerError> {
    let mut fields = Reader::within(der, tag::SEQUENCE)?;
    if fields.oid()? != MGF1 {
        return Ok(None);
    }
    let hash = fields.any()?;
    fields.finish()?;
    read_hash(hash.whole).map(Some)
}
