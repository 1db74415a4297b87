//! Why the library took no key pair: it says only that it did not, so the structure is looked at once more.

use der::asn1::ObjectIdentifier;
use x509::Oid;
use x509::asn1::{DerError, Reader, Writer, tag};
use x509::key::PublicKey;

use crate::KeyError;

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

/// Of a PKCS#1 `RSAPrivateKey`, DER: its public half is judged as that of a CSR would be.
pub(crate) fn rsa(der: &[u8]) -> KeyError {
    match public_half(der) {
        Ok((_, spki)) => match PublicKey::from_spki(&spki) {
            Err(reason) => KeyError::PublicKey(reason),
            Ok(_) if matches!(public_half(der), Ok((true, _))) => {
                KeyError::Malformed("an RSA key of more than two primes is not supported; make a new key")
            }
            Ok(_) => KeyError::Malformed(
                "the numbers of the RSA key do not belong together: the file is damaged, or was made by hand",
            ),
        },
        Err(_) => KeyError::Malformed("the RSA key in it is cut off or damaged"),
    }
}

/// Whether there are more than two primes, and the SubjectPublicKeyInfo.
fn public_half(der: &[u8]) -> Result<(bool, Vec<u8>), DerError> {
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
    Ok((version == [1], spki))
}

/// Of an EC key on a curve, or with parameters, that are not taken.
pub(crate) fn curve(parameters: Option<&[u8]>) -> KeyError {
    match parameters.and_then(|parameters| parameters.first()) {
        Some(&tag::SEQUENCE) => KeyError::Malformed(
            "the curve is written out instead of named: it must be P-256, P-384 or P-521 by name",
        ),
        _ => KeyError::Malformed("the curve is none of P-256, P-384, P-521"),
    }
}

/// Of a SEC 1 `ECPrivateKey`, DER.
pub(crate) fn sec1(der: &[u8]) -> KeyError {
    let parameters = || {
        let mut fields = Reader::within(der, tag::SEQUENCE)?;
        fields.expect(tag::INTEGER)?;
        fields.expect(tag::OCTET_STRING)?;
        fields.optional(tag::context_constructed(0))
    };
    match parameters() {
        Ok(Some(parameters)) if named(parameters) => {
            KeyError::Malformed("the halves of the EC key do not belong together: the file is damaged")
        }
        Ok(Some(parameters)) => curve(Some(parameters)),
        Ok(None) => KeyError::Malformed("the EC key does not say on which curve it is"),
        Err(_) => KeyError::Malformed("the EC key in it is cut off or damaged"),
    }
}

fn named(parameters: &[u8]) -> bool {
    const CURVES: [ObjectIdentifier; 3] = [
        ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"),
        ObjectIdentifier::new_unwrap("1.3.132.0.34"),
        ObjectIdentifier::new_unwrap("1.3.132.0.35"),
    ];
    Reader::new(parameters)
        .oid()
        .is_ok_and(|curve| CURVES.map(Oid::from).contains(&curve))
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
