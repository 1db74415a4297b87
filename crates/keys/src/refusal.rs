//! Why the library took no key pair: it says only that it did not, so the structure is looked at once more.

use der::asn1::ObjectIdentifier;
use x509::asn1::{DerError, Reader, Writer, tag};
use x509::key::PublicKey;

use crate::KeyError;

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

/// Of a PKCS#1 `RSAPrivateKey`, DER: its public half is judged as that of a CSR would be.
pub(crate) fn rsa(der: &[u8]) -> KeyError {
    let Ok((version, spki)) = public_half(der) else {
        return KeyError::Malformed("the RSA key in it is cut off or damaged");
    };
    match (PublicKey::from_spki(&spki), version) {
        (_, version) if !matches!(version, [0 | 1]) => {
            KeyError::Malformed("the version of the RSA key must be 0 (RFC 8017 appendix A.1.2)")
        }
        (Err(reason), _) => KeyError::PublicKey(reason),
        (Ok(_), [1]) => {
            KeyError::Malformed("an RSA key of more than two primes is not supported; make a new key")
        }
        (Ok(_), _) => KeyError::Malformed(
            "the numbers of the RSA key do not belong together: the file is damaged, or was made by hand",
        ),
    }
}

/// The version, and the SubjectPublicKeyInfo.
fn public_half(der: &[u8]) -> Result<(&[u8], Vec<u8>), DerError> {
    let mut fields = Reader::within(der, tag::SEQUENCE)?;
    let version = fields.expect(tag::INTEGER)?;
    let (modulus, exponent) = (fields.expect(tag::INTEGER)?, fields.expect(tag::INTEGER)?);
    let key = Writer::one(tag::SEQUENCE, |key| {
        key.primitive(tag::INTEGER, modulus);
        key.primitive(tag::INTEGER, exponent);
    });
    let spki = Writer::one(tag::SEQUENCE, |spki| {
        spki.sequence(|algorithm| {
            algorithm.oid(&RSA_ENCRYPTION.into());
            algorithm.primitive(tag::NULL, &[]);
        });
        spki.bit_octets(&key);
    });
    Ok((version, spki))
}

/// Of a key of a kind that is not supported.
pub(crate) fn kind(algorithm: ObjectIdentifier) -> KeyError {
    let dotted = algorithm.to_string();
    let name = match dotted.as_str() {
        "1.2.840.113549.1.1.10" => "an RSA-PSS key; make a plain RSA key, which signs with PSS as well",
        "1.2.840.10040.4.1" => "a DSA key; make a new key",
        "1.3.101.110" | "1.3.101.111" => "an X25519 or X448 key, which cannot sign; use EC, RSA, Ed25519",
        "1.3.101.113" => "an Ed448 key; use EC, RSA, Ed25519",
        _ if algorithm == EC_PUBLIC_KEY => "an EC key that is not read",
        _ => "of a kind that is none of EC, RSA, Ed25519",
    };
    KeyError::NotAKeyFile(name)
}
