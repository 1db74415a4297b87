//! The integrity code of a PKCS#12 file: HMAC under a key of RFC 7292 appendix B, or PBMAC1 (RFC 9579).

use aws_lc_rs::{constant_time, hmac};
use x509::Oid;
use x509::asn1::{Reader, Writer, tag, unsigned};
use zeroize::Zeroizing;

use crate::KeyError;
use crate::encryption::{self, MAC, Opener, Pbkdf2, Pkcs12Hash, Pkcs12Kdf, malformed};

const SHA1: Oid = Oid::new_unwrap("1.3.14.3.2.26");
const SHA256: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.2.3");
const PBMAC1: Oid = Oid::new_unwrap("1.2.840.113549.1.5.14");
const HMAC_SHA256: Oid = Oid::new_unwrap("1.2.840.113549.2.9");
const HMAC_SHA384: Oid = Oid::new_unwrap("1.2.840.113549.2.10");
const HMAC_SHA512: Oid = Oid::new_unwrap("1.2.840.113549.2.11");

/// Checks a MacData over the octets of the AuthenticatedSafe.
pub(super) fn verify(mac: &[u8], safe: &[u8], opener: Opener<'_>) -> Result<(), KeyError> {
    let mut fields = Reader::within(mac, tag::SEQUENCE).map_err(malformed)?;
    let mut digest = fields.enter(tag::SEQUENCE).map_err(malformed)?;
    let mut algorithm = digest.enter(tag::SEQUENCE).map_err(malformed)?;
    let expected = digest.expect(tag::OCTET_STRING).map_err(malformed)?;
    let salt = fields.expect(tag::OCTET_STRING).map_err(malformed)?;
    let iterations = fields.optional(tag::INTEGER).map_err(malformed)?;
    let iterations = iterations.map_or(Ok(1), unsigned).map_err(malformed)?;
    let hash = match algorithm.oid().map_err(malformed)? {
        SHA1 => Pkcs12Hash::Sha1,
        SHA256 => Pkcs12Hash::Sha256,
        SHA384 => Pkcs12Hash::Sha384,
        SHA512 => Pkcs12Hash::Sha512,
        PBMAC1 => {
            let parameters = algorithm.any().map_err(malformed)?.whole;
            return pbmac1(parameters, expected, safe, opener);
        }
        _ => {
            return Err(KeyError::UnsupportedEncryption(
                "an integrity code with an unusual hash",
            ));
        }
    };
    let key = mac_key(hash, opener, salt, iterations)?;
    let code = hmac::sign(&hmac::Key::new(hmac_of(hash), &key), safe);
    check(code.as_ref(), expected)
}

fn mac_key(
    hash: Pkcs12Hash,
    opener: Opener<'_>,
    salt: &[u8],
    iterations: u64,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let kdf = Pkcs12Kdf {
        hash,
        password: &opener.utf16(),
        salt,
        iterations,
    };
    kdf.derive(MAC, hash.length())
}

fn pbmac1(parameters: &[u8], expected: &[u8], safe: &[u8], opener: Opener<'_>) -> Result<(), KeyError> {
    let mut fields = Reader::within(parameters, tag::SEQUENCE).map_err(malformed)?;
    let mut derivation = fields.enter(tag::SEQUENCE).map_err(malformed)?;
    derivation.oid().map_err(malformed)?;
    let kdf = Pbkdf2::read(derivation.any().map_err(malformed)?.whole)?;
    let mut scheme = fields.enter(tag::SEQUENCE).map_err(malformed)?;
    let hash = match scheme.oid().map_err(malformed)? {
        HMAC_SHA256 => Pkcs12Hash::Sha256,
        HMAC_SHA384 => Pkcs12Hash::Sha384,
        HMAC_SHA512 => Pkcs12Hash::Sha512,
        _ => return Err(KeyError::UnsupportedEncryption("PBMAC1 with an unusual hash")),
    };
    let key = kdf.derive(opener.utf8(), hash.length())?;
    let code = hmac::sign(&hmac::Key::new(hmac_of(hash), &key), safe);
    check(code.as_ref(), expected)
}

fn check(code: &[u8], expected: &[u8]) -> Result<(), KeyError> {
    constant_time::verify_slices_are_equal(code, expected).map_err(|_| KeyError::WrongPassphrase)
}

fn hmac_of(hash: Pkcs12Hash) -> hmac::Algorithm {
    match hash {
        Pkcs12Hash::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        Pkcs12Hash::Sha256 => hmac::HMAC_SHA256,
        Pkcs12Hash::Sha384 => hmac::HMAC_SHA384,
        Pkcs12Hash::Sha512 => hmac::HMAC_SHA512,
    }
}

/// A MacData with SHA-256, which every reader of PBES2 knows. As many rounds as the encryption: the weaker of the two
/// would be the one that is guessed at.
pub(super) fn write(safe: &[u8], opener: Opener<'_>) -> Result<Vec<u8>, KeyError> {
    let salt = encryption::random::<16>()?;
    let rounds = encryption::ITERATIONS;
    let hash = Pkcs12Hash::Sha256;
    let key = mac_key(hash, opener, &salt, rounds.into())?;
    let code = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), safe);
    Ok(Writer::one(tag::SEQUENCE, |out| {
        out.sequence(|digest| {
            digest.sequence(|algorithm| {
                algorithm.oid(&SHA256);
                algorithm.primitive(tag::NULL, &[]);
            });
            digest.primitive(tag::OCTET_STRING, code.as_ref());
        });
        out.primitive(tag::OCTET_STRING, &salt);
        out.unsigned(&rounds.to_be_bytes());
    }))
}
