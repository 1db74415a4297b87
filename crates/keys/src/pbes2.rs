//! PBES2 (RFC 8018 6.2): the encryption of PKCS#8 key files.
//!
//! Structures come from the `pkcs5` crate, the ciphers from aws-lc. CBC does not authenticate: a
//! changed file shows as a key that does not parse, or as a key pair other than expected.

use std::num::NonZeroU32;

use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, Algorithm, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey,
    PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::{pbkdf2, rand};
use der::asn1::OctetStringRef;
use der::{Decode, Encode};
use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::{self, Kdf, Parameters, Pbkdf2Params, Pbkdf2Prf};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::KeyError;

/// OWASP's figure for PBKDF2-HMAC-SHA-256.
const ITERATIONS: u32 = 600_000;
/// What a file may ask of us: about ten seconds.
const MAX_ITERATIONS: u32 = 20_000_000;
const SALT_LEN: usize = 16;
const BLOCK_LEN: usize = 16;

/// Encrypts a PKCS#8 document into an `EncryptedPrivateKeyInfo` (RFC 5958 section 3), DER.
pub(crate) fn encrypt(pkcs8: &[u8], passphrase: &SecretString) -> Result<Vec<u8>, KeyError> {
    if passphrase.expose_secret().is_empty() {
        return Err(KeyError::EmptyPassphrase);
    }
    let failed = || KeyError::Crypto("encrypt the key file");
    let (mut salt, mut iv) = ([0; SALT_LEN], [0; BLOCK_LEN]);
    rand::fill(&mut salt)
        .and_then(|()| rand::fill(&mut iv))
        .map_err(|_| KeyError::Crypto("draw random bytes"))?;
    let kdf = Pbkdf2Params::hmac_sha256(ITERATIONS, &salt).map_err(|_| failed())?;
    let key = derive(&kdf, passphrase, AES_256_LEN)?;

    // Room for the padding from the start: growing would leave a copy of the plaintext behind.
    let mut buffer = Zeroizing::new(Vec::with_capacity(pkcs8.len() + BLOCK_LEN));
    buffer.extend_from_slice(pkcs8);
    UnboundCipherKey::new(&AES_256, &key)
        .and_then(PaddedBlockEncryptingKey::cbc_pkcs7)
        .and_then(|cipher| cipher.less_safe_encrypt(&mut *buffer, EncryptionContext::Iv128(iv.into())))
        .map_err(|_| failed())?;

    let parameters = Parameters {
        kdf: kdf.into(),
        encryption: pbes2::EncryptionScheme::Aes256Cbc { iv },
    };
    let encrypted_data = OctetStringRef::new(&buffer).map_err(|_| failed())?;
    let encryption_algorithm = EncryptionScheme::Pbes2(parameters);
    EncryptedPrivateKeyInfoRef {
        encryption_algorithm,
        encrypted_data,
    }
    .to_der()
    .map_err(|_| failed())
}

/// Decrypts an `EncryptedPrivateKeyInfo` to the PKCS#8 document inside.
pub(crate) fn decrypt(der: &[u8], passphrase: &SecretString) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let info = EncryptedPrivateKeyInfoRef::from_der(der)
        .map_err(|_| KeyError::UnsupportedEncryption("a scheme other than PBES2 with PBKDF2 and AES-CBC"))?;
    let EncryptionScheme::Pbes2(parameters) = &info.encryption_algorithm else {
        return Err(KeyError::UnsupportedEncryption("PBES1"));
    };
    let Kdf::Pbkdf2(kdf) = &parameters.kdf else {
        return Err(KeyError::UnsupportedEncryption("scrypt"));
    };
    let (algorithm, iv) = cipher(&parameters.encryption)?;
    let key = derive(kdf, passphrase, parameters.encryption.key_size())?;

    let mut buffer = Zeroizing::new(info.encrypted_data.as_bytes().to_vec());
    let length = UnboundCipherKey::new(algorithm, &key)
        .and_then(PaddedBlockDecryptingKey::cbc_pkcs7)
        .and_then(|cipher| {
            Ok(cipher
                .decrypt(&mut buffer, DecryptionContext::Iv128(iv.into()))?
                .len())
        })
        .map_err(|_| KeyError::WrongPassphrase)?;
    buffer.truncate(length);
    Ok(buffer)
}

const AES_256_LEN: usize = 32;

fn cipher(scheme: &pbes2::EncryptionScheme) -> Result<(&'static Algorithm, [u8; BLOCK_LEN]), KeyError> {
    match *scheme {
        pbes2::EncryptionScheme::Aes128Cbc { iv } => Ok((&AES_128, iv)),
        pbes2::EncryptionScheme::Aes192Cbc { iv } => Ok((&AES_192, iv)),
        pbes2::EncryptionScheme::Aes256Cbc { iv } => Ok((&AES_256, iv)),
        _ => Err(KeyError::UnsupportedEncryption("a cipher other than AES-CBC")),
    }
}

fn derive(
    kdf: &Pbkdf2Params,
    passphrase: &SecretString,
    length: usize,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let prf = match kdf.prf {
        Pbkdf2Prf::HmacWithSha1 => pbkdf2::PBKDF2_HMAC_SHA1,
        Pbkdf2Prf::HmacWithSha256 => pbkdf2::PBKDF2_HMAC_SHA256,
        Pbkdf2Prf::HmacWithSha384 => pbkdf2::PBKDF2_HMAC_SHA384,
        Pbkdf2Prf::HmacWithSha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        _ => return Err(KeyError::UnsupportedEncryption("PBKDF2 with an unusual hash")),
    };
    let iterations = NonZeroU32::new(kdf.iteration_count)
        .filter(|count| count.get() <= MAX_ITERATIONS)
        .ok_or(KeyError::UnsupportedEncryption(
            "PBKDF2 with an iteration count outside 1 to 20,000,000",
        ))?;
    if kdf.key_length.is_some_and(|given| usize::from(given) != length) {
        return Err(KeyError::UnsupportedEncryption(
            "PBKDF2 with a key length other than the cipher's",
        ));
    }
    let mut key = Zeroizing::new(vec![0; length]);
    pbkdf2::derive(
        prf,
        iterations,
        kdf.salt.as_bytes(),
        passphrase.expose_secret().as_bytes(),
        &mut key,
    );
    Ok(key)
}
