//! Keys from passphrases: PBKDF2 (RFC 8018 section 5.2), scrypt (RFC 7914), and the derivation of PKCS#12 (RFC 7292
//! appendix B).

use std::num::NonZeroU32;

use aws_lc_rs::{digest, pbkdf2};
use x509::Oid;
use x509::asn1::{Reader, Writer, tag, unsigned};
use zeroize::Zeroizing;

use super::{MAX_ITERATIONS, malformed, scrypt};
use crate::KeyError;

const PBKDF2: Oid = Oid::new_unwrap("1.2.840.113549.1.5.12");
const SCRYPT: Oid = Oid::new_unwrap("1.3.6.1.4.1.11591.4.11");
const HMAC_SHA1: Oid = Oid::new_unwrap("1.2.840.113549.2.7");
const HMAC_SHA256: Oid = Oid::new_unwrap("1.2.840.113549.2.9");
const HMAC_SHA384: Oid = Oid::new_unwrap("1.2.840.113549.2.10");
const HMAC_SHA512: Oid = Oid::new_unwrap("1.2.840.113549.2.11");

/// Purposes of RFC 7292 appendix B.3.
pub(super) const KEY: u8 = 1;
pub(super) const IV: u8 = 2;
pub(crate) const MAC: u8 = 3;

/// Derives a key of this length by the function that an AlgorithmIdentifier names.
pub(super) fn derive(
    identifier: &[u8],
    passphrase: &[u8],
    length: usize,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let mut fields = Reader::within(identifier, tag::SEQUENCE).map_err(malformed)?;
    let function = fields.oid().map_err(malformed)?;
    let parameters = fields.any().map_err(malformed)?.whole;
    match function {
        PBKDF2 => Pbkdf2::read(parameters)?.derive(passphrase, length),
        SCRYPT => scrypt::derive(parameters, passphrase, length),
        _ => Err(KeyError::UnsupportedEncryption(
            "a key derivation other than PBKDF2 and scrypt",
        )),
    }
}

/// The parameters of PBKDF2.
pub(crate) struct Pbkdf2 {
    algorithm: pbkdf2::Algorithm,
    iterations: NonZeroU32,
    salt: Vec<u8>,
    length: Option<u64>,
}

impl Pbkdf2 {
    pub(crate) fn sha256(iterations: u32, salt: &[u8]) -> Result<Self, KeyError> {
        Ok(Self {
            algorithm: pbkdf2::PBKDF2_HMAC_SHA256,
            iterations: NonZeroU32::new(iterations).ok_or(KeyError::Crypto("count iterations"))?,
            salt: salt.to_vec(),
            length: None,
        })
    }

    /// Reads PBKDF2-params. The pseudorandom function is HMAC-SHA-1 unless another is named.
    pub(crate) fn read(parameters: &[u8]) -> Result<Self, KeyError> {
        let mut fields = Reader::within(parameters, tag::SEQUENCE).map_err(malformed)?;
        let salt = fields.expect(tag::OCTET_STRING).map_err(malformed)?.to_vec();
        let number = |content| unsigned(content).map_err(malformed);
        let iterations = number(fields.expect(tag::INTEGER).map_err(malformed)?)?;
        let length = fields
            .optional(tag::INTEGER)
            .map_err(malformed)?
            .map(number)
            .transpose()?;
        let function = match fields.optional(tag::SEQUENCE).map_err(malformed)? {
            Some(content) => Reader::new(content).oid().map_err(malformed)?,
            None => HMAC_SHA1,
        };
        let algorithm = match function {
            HMAC_SHA1 => pbkdf2::PBKDF2_HMAC_SHA1,
            HMAC_SHA256 => pbkdf2::PBKDF2_HMAC_SHA256,
            HMAC_SHA384 => pbkdf2::PBKDF2_HMAC_SHA384,
            HMAC_SHA512 => pbkdf2::PBKDF2_HMAC_SHA512,
            _ => return Err(KeyError::UnsupportedEncryption("PBKDF2 with an unusual hash")),
        };
        Ok(Self {
            algorithm,
            iterations: bounded(iterations)?,
            salt,
            length,
        })
    }

    /// Writes the AlgorithmIdentifier; only for [`Pbkdf2::sha256`].
    pub(crate) fn write(&self, out: &mut Writer) {
        out.sequence(|identifier| {
            identifier.oid(&PBKDF2);
            identifier.sequence(|parameters| {
                parameters.primitive(tag::OCTET_STRING, &self.salt);
                parameters.unsigned(&self.iterations.get().to_be_bytes());
                parameters.sequence(|function| {
                    function.oid(&HMAC_SHA256);
                    function.primitive(tag::NULL, &[]);
                });
            });
        });
    }

    pub(crate) fn derive(&self, passphrase: &[u8], length: usize) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let wanted = u64::try_from(length).unwrap_or(u64::MAX);
        if self.length.is_some_and(|given| given != wanted) {
            return Err(KeyError::UnsupportedEncryption(
                "PBKDF2 with a key length other than the cipher's",
            ));
        }
        let mut key = Zeroizing::new(vec![0; length]);
        pbkdf2::derive(self.algorithm, self.iterations, &self.salt, passphrase, &mut key);
        Ok(key)
    }
}

fn bounded(iterations: u64) -> Result<NonZeroU32, KeyError> {
    u32::try_from(iterations)
        .ok()
        .filter(|_| iterations <= MAX_ITERATIONS)
        .and_then(NonZeroU32::new)
        .ok_or(KeyError::UnsupportedEncryption(
            "an iteration count outside 1 to 20,000,000",
        ))
}

/// The parameters of a PKCS#12 scheme.
pub(super) fn salt_and_iterations(parameters: &[u8]) -> Result<(&[u8], u64), KeyError> {
    let mut fields = Reader::within(parameters, tag::SEQUENCE).map_err(malformed)?;
    let salt = fields.expect(tag::OCTET_STRING).map_err(malformed)?;
    let iterations = fields
        .expect(tag::INTEGER)
        .and_then(unsigned)
        .map_err(malformed)?;
    Ok((salt, iterations))
}

/// A passphrase as PKCS#12 takes it: UTF-16, big-endian, with two zero octets at the end.
pub(crate) fn utf16(passphrase: &str) -> Zeroizing<Vec<u8>> {
    let units = passphrase.encode_utf16().chain([0]);
    Zeroizing::new(units.flat_map(u16::to_be_bytes).collect())
}

/// The hashes of PKCS#12 files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pkcs12Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Pkcs12Hash {
    fn algorithm(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }

    pub(crate) fn length(self) -> usize {
        self.algorithm().output_len()
    }
}

/// The derivation of RFC 7292 appendix B.2. `password` is in the form of [`utf16`].
pub(crate) struct Pkcs12Kdf<'a> {
    pub(crate) hash: Pkcs12Hash,
    pub(crate) password: &'a [u8],
    pub(crate) salt: &'a [u8],
    pub(crate) iterations: u64,
}

impl Pkcs12Kdf<'_> {
    pub(crate) fn derive(&self, purpose: u8, length: usize) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let iterations = bounded(self.iterations)?.get();
        let algorithm = self.hash.algorithm();
        let block = algorithm.block_len();
        let mut input = Zeroizing::new(stretched(self.salt, block));
        input.extend(stretched(self.password, block));
        let mut derived = Zeroizing::new(Vec::with_capacity(length + algorithm.output_len()));
        loop {
            let mut first = digest::Context::new(algorithm);
            first.update(&vec![purpose; block]);
            first.update(&input);
            let mut round = first.finish();
            for _ in 1..iterations {
                round = digest::digest(algorithm, round.as_ref());
            }
            derived.extend_from_slice(round.as_ref());
            if derived.len() >= length {
                derived.truncate(length);
                return Ok(derived);
            }
            add_to_blocks(&mut input, &stretched(round.as_ref(), block), block);
        }
    }
}

/// Copies of `octets` up to a multiple of the block length.
fn stretched(octets: &[u8], block: usize) -> Vec<u8> {
    let length = octets.len().div_ceil(block) * block;
    octets.iter().copied().cycle().take(length).collect()
}

/// Adds `addend + 1` to every block, as big-endian numbers.
fn add_to_blocks(input: &mut [u8], addend: &[u8], block: usize) {
    for chunk in input.chunks_mut(block) {
        let mut carry = 1_u16;
        for (octet, add) in chunk.iter_mut().zip(addend).rev() {
            let sum = u16::from(*octet) + u16::from(*add) + carry;
            let [high, low] = sum.to_be_bytes();
            *octet = low;
            carry = u16::from(high);
        }
    }
}
