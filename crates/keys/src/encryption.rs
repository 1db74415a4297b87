//! Password-based encryption of key files: PBES2 (RFC 8018 section 6.2) read and written, the 3DES scheme of PKCS#12
//! (RFC 7292 appendix C) only read.
//!
//! The ciphers are aws-lc's. CBC does not authenticate: a changed file shows as a key that does not parse, or as a key
//! pair other than expected.

mod kdf;
mod scrypt;

use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, Algorithm, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey,
    PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::rand;
use secrecy::{ExposeSecret, SecretString};
use x509::Oid;
use x509::asn1::{DerError, Reader, Writer, tag};
use zeroize::Zeroizing;

use kdf::utf16;
pub(crate) use kdf::{MAC, Pbkdf2, Pkcs12Hash, Pkcs12Kdf};

use crate::KeyError;

const PBES2: Oid = Oid::new_unwrap("1.2.840.113549.1.5.13");
const PKCS5: Oid = Oid::new_unwrap("1.2.840.113549.1.5");
const PBE_SHA1_3DES: Oid = Oid::new_unwrap("1.2.840.113549.1.12.1.3");
const PKCS12_PBE: Oid = Oid::new_unwrap("1.2.840.113549.1.12.1");
const AES_128_CBC: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.1.2");
const AES_192_CBC: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.1.22");
const AES_256_CBC: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.1.42");
const DES_EDE3_CBC: Oid = Oid::new_unwrap("1.2.840.113549.3.7");

/// OWASP's figure for PBKDF2-HMAC-SHA-256.
pub(crate) const ITERATIONS: u32 = 600_000;
/// What a file may ask of us in each derivation: about ten seconds.
const MAX_ITERATIONS: u64 = 20_000_000;
const SALT_LEN: usize = 16;
const BLOCK_LEN: usize = 16;

#[expect(
    deprecated,
    reason = "files of others are encrypted with it; nothing is written with it"
)]
const TRIPLE_DES: &Algorithm = &aws_lc_rs::cipher::DES_EDE3_FOR_LEGACY_USE_ONLY;

/// What keys are derived from.
#[derive(Clone, Copy)]
pub(crate) enum Opener<'a> {
    /// A passphrase, which may be empty in the files of others.
    Passphrase(&'a SecretString),
    /// No passphrase. PKCS#12 tells that from the empty one, which has an end of two octets there.
    Nothing,
}

impl Opener<'_> {
    /// What PBKDF2 and scrypt derive from.
    pub(crate) fn utf8(&self) -> &[u8] {
        match self {
            Self::Passphrase(passphrase) => passphrase.expose_secret().as_bytes(),
            Self::Nothing => &[],
        }
    }

    /// What PKCS#12 derives from (RFC 7292 appendix B.1).
    pub(crate) fn utf16(&self) -> Zeroizing<Vec<u8>> {
        match self {
            Self::Passphrase(passphrase) => utf16(passphrase.expose_secret()),
            Self::Nothing => Zeroizing::default(),
        }
    }
}

/// A ciphertext and the AlgorithmIdentifier of what made it, DER.
pub(crate) struct Encrypted {
    pub(crate) algorithm: Vec<u8>,
    pub(crate) data: Vec<u8>,
}

/// Encrypts with PBES2, PBKDF2-HMAC-SHA-256 and AES-256-CBC.
pub(crate) fn encrypt(plain: &[u8], passphrase: &SecretString) -> Result<Encrypted, KeyError> {
    if passphrase.expose_secret().is_empty() {
        return Err(KeyError::EmptyPassphrase);
    }
    let (salt, iv) = (random::<SALT_LEN>()?, random::<BLOCK_LEN>()?);
    let kdf = Pbkdf2::sha256(ITERATIONS, &salt)?;
    let key = kdf.derive(passphrase.expose_secret().as_bytes(), 32)?;

    // Room for the padding from the start: growing would leave a copy of the plaintext behind.
    let mut buffer = Zeroizing::new(Vec::with_capacity(plain.len() + BLOCK_LEN));
    buffer.extend_from_slice(plain);
    UnboundCipherKey::new(&AES_256, &key)
        .and_then(PaddedBlockEncryptingKey::cbc_pkcs7)
        .and_then(|cipher| cipher.less_safe_encrypt(&mut *buffer, EncryptionContext::Iv128(iv.into())))
        .map_err(|_| KeyError::Crypto("encrypt the key file"))?;
    let algorithm = Writer::one(tag::SEQUENCE, |out| {
        out.oid(&PBES2);
        out.sequence(|parameters| {
            kdf.write(parameters);
            parameters.sequence(|cipher| {
                cipher.oid(&AES_256_CBC);
                cipher.primitive(tag::OCTET_STRING, &iv);
            });
        });
    });
    Ok(Encrypted {
        algorithm,
        data: buffer.to_vec(),
    })
}

/// Decrypts what an AlgorithmIdentifier says how it was encrypted.
pub(crate) fn decrypt(
    algorithm: &[u8],
    data: &[u8],
    opener: Opener<'_>,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let mut fields = Reader::within(algorithm, tag::SEQUENCE).map_err(malformed)?;
    let scheme = fields.oid().map_err(malformed)?;
    let parameters = fields.any().map_err(malformed)?.whole;
    match scheme {
        PBES2 => pbes2(parameters, data, opener.utf8()),
        PBE_SHA1_3DES => pkcs12_3des(parameters, data, &opener.utf16()),
        other => Err(KeyError::UnsupportedEncryption(name_of(other))),
    }
}

fn name_of(scheme: Oid) -> &'static str {
    match (scheme.arc_below(&PKCS12_PBE), scheme.arc_below(&PKCS5)) {
        (Some(1 | 2), _) => "RC4 (a PKCS#12 scheme of the 1990s)",
        (Some(4), _) => "3DES with two keys",
        (Some(5), _) => "RC2 with 128 bits",
        (Some(6), _) => "RC2 with 40 bits (which anybody can break)",
        (_, Some(1..=11)) => "PBES1 (DES or RC2 with MD2, MD5 or SHA-1)",
        _ => "an unknown scheme",
    }
}

fn pbes2(parameters: &[u8], data: &[u8], passphrase: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let mut fields = Reader::within(parameters, tag::SEQUENCE).map_err(malformed)?;
    let kdf = fields.any().map_err(malformed)?.whole;
    let mut cipher = fields.enter(tag::SEQUENCE).map_err(malformed)?;
    let (algorithm, length) = match cipher.oid().map_err(malformed)? {
        AES_128_CBC => (&AES_128, 16),
        AES_192_CBC => (&AES_192, 24),
        AES_256_CBC => (&AES_256, 32),
        DES_EDE3_CBC => (TRIPLE_DES, 24),
        _ => {
            return Err(KeyError::UnsupportedEncryption(
                "a cipher other than AES-CBC and 3DES-CBC",
            ));
        }
    };
    let iv = cipher.expect(tag::OCTET_STRING).map_err(malformed)?;
    let key = kdf::derive(kdf, passphrase, length)?;
    decrypt_cbc(algorithm, &key, iv, data)
}

fn pkcs12_3des(parameters: &[u8], data: &[u8], password: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let (salt, iterations) = kdf::salt_and_iterations(parameters)?;
    let kdf = Pkcs12Kdf {
        hash: Pkcs12Hash::Sha1,
        password,
        salt,
        iterations,
    };
    let (key, iv) = (kdf.derive(kdf::KEY, 24)?, kdf.derive(kdf::IV, 8)?);
    decrypt_cbc(TRIPLE_DES, &key, &iv, data)
}

fn decrypt_cbc(
    algorithm: &'static Algorithm,
    key: &[u8],
    iv: &[u8],
    data: &[u8],
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let context = if std::ptr::eq(algorithm, TRIPLE_DES) {
        <[u8; 8]>::try_from(iv).map(|iv| DecryptionContext::Iv64(iv.into()))
    } else {
        <[u8; BLOCK_LEN]>::try_from(iv).map(|iv| DecryptionContext::Iv128(iv.into()))
    };
    let context =
        context.map_err(|_| KeyError::Malformed("its initialization vector has the wrong length"))?;
    let mut buffer = Zeroizing::new(data.to_vec());
    let length = UnboundCipherKey::new(algorithm, key)
        .and_then(PaddedBlockDecryptingKey::cbc_pkcs7)
        .and_then(|cipher| Ok(cipher.decrypt(&mut buffer, context)?.len()))
        .map_err(|_| KeyError::WrongPassphrase)?;
    buffer.truncate(length);
    Ok(buffer)
}

pub(crate) fn random<const LENGTH: usize>() -> Result<[u8; LENGTH], KeyError> {
    let mut octets = [0; LENGTH];
    rand::fill(&mut octets).map_err(|_| KeyError::Crypto("draw random bytes"))?;
    Ok(octets)
}

pub(crate) fn malformed(_: DerError) -> KeyError {
    KeyError::Malformed("its structure is damaged")
}
