//! `ECPrivateKey` (RFC 5915 section 3), looked at before the library reads it: it takes written-out parameters, and keys without
//! any for keys on the curve that it is asked for. What is wrong it does not say.

use aws_lc_rs::signature::{self as aws, EcdsaSigningAlgorithm};
use data_encoding::HEXLOWER;
use x509::Oid;
use x509::asn1::{DerError, Reader, bit_octets, tag};
use zeroize::Zeroizing;

use crate::KeyError;
use crate::software::{SECP256R1, SECP384R1, SECP521R1};

pub(crate) const HALVES: KeyError =
    KeyError::Malformed("the halves of the EC key do not belong together: the file is damaged");
const DAMAGED: KeyError = KeyError::Malformed("the EC key in it is cut off or damaged");
const NO_CURVE: KeyError = KeyError::Malformed(
    "the EC key does not name its curve, as RFC 5915 section 3 demands; export it again, best as PKCS#8",
);

/// The curve of an `ECPrivateKey`, DER. In PKCS#8 the curve is named around it too, by `outer`.
pub(crate) fn curve(der: &[u8], outer: Option<&[u8]>) -> Result<&'static EcdsaSigningAlgorithm, KeyError> {
    // A curve that is not taken is the reason, whatever else there is.
    let around = outer.map(named).transpose()?;
    let key = EcPrivateKey::read(der).map_err(|_| DAMAGED)?;
    if key.version != [1] {
        return Err(KeyError::Malformed(
            "the version of the EC key must be 1 (RFC 5915 section 3)",
        ));
    }
    let inside = key.parameters.map(named).transpose()?;
    if around.is_some() && inside.is_some() && outer != key.parameters {
        return Err(KeyError::Malformed(
            "the EC key is said to be on two curves: the file is damaged, or was made by hand",
        ));
    }
    if key.public_key.is_some_and(|bits| bit_octets(bits).is_err()) {
        return Err(KeyError::Malformed(
            "the bit string of the EC key's public half has unused bits, or is not DER",
        ));
    }
    around.or(inside).ok_or(NO_CURVE)
}

/// Why the library took no key pair of an `ECPrivateKey` on that curve.
pub(crate) fn refusal(der: &[u8], curve: &EcdsaSigningAlgorithm) -> KeyError {
    const OUT_OF_RANGE: KeyError = KeyError::Malformed(
        "the private number of the EC key is zero, or not below the order of its curve: the file is damaged, or was made by hand",
    );
    let Ok(key) = EcPrivateKey::read(der) else {
        return DAMAGED;
    };
    let order = ORDERS.iter().find(|(known, _)| *known == curve);
    let written = Zeroizing::new(HEXLOWER.encode(key.number));
    let digits = written.trim_start_matches('0');
    let is_too_large = |order: &str| (digits.len(), digits) >= (order.len(), order);
    match order {
        Some((_, order)) if digits.is_empty() || is_too_large(order) => OUT_OF_RANGE,
        _ => HALVES,
    }
}

/// Orders of the curves in hexadecimal digits (SEC 2 sections 2.4.2, 2.5.1, 2.6.1).
const ORDERS: [(&EcdsaSigningAlgorithm, &str); 3] = [
    (
        &aws::ECDSA_P256_SHA256_ASN1_SIGNING,
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
    ),
    (
        &aws::ECDSA_P384_SHA384_ASN1_SIGNING,
        "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
    ),
    (
        &aws::ECDSA_P521_SHA512_ASN1_SIGNING,
        "1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa\
         51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
    ),
];

/// The fields that say how to read the others.
struct EcPrivateKey<'a> {
    version: &'a [u8],
    /// The private number, big-endian.
    number: &'a [u8],
    /// DER of ECParameters.
    parameters: Option<&'a [u8]>,
    /// Content of the BIT STRING.
    public_key: Option<&'a [u8]>,
}

impl<'a> EcPrivateKey<'a> {
    fn read(der: &'a [u8]) -> Result<Self, DerError> {
        let mut fields = Reader::within(der, tag::SEQUENCE)?;
        let version = fields.expect(tag::INTEGER)?;
        let number = fields.expect(tag::OCTET_STRING)?;
        let parameters = fields.optional(tag::context_constructed(0))?;
        let public_key = fields.optional(tag::context_constructed(1))?;
        let public_key = public_key
            .map(|bits| Reader::single(bits, tag::BIT_STRING))
            .transpose()?;
        fields.finish()?;
        Ok(Self {
            version,
            number,
            parameters,
            public_key,
        })
    }
}

/// The curve that ECParameters, DER, name (RFC 5480 section 2.1.1).
fn named(parameters: &[u8]) -> Result<&'static EcdsaSigningAlgorithm, KeyError> {
    match parameters.first() {
        Some(&tag::SEQUENCE) => {
            return Err(KeyError::Malformed(
                "the curve is written out instead of named: it must be P-256, P-384 or P-521 by name",
            ));
        }
        // NULL is implicitCurve, which says nothing.
        None | Some(&tag::NULL) => return Err(NO_CURVE),
        Some(_) => {}
    }
    let curves: [(_, &'static EcdsaSigningAlgorithm); 3] = [
        (SECP256R1, &aws::ECDSA_P256_SHA256_ASN1_SIGNING),
        (SECP384R1, &aws::ECDSA_P384_SHA384_ASN1_SIGNING),
        (SECP521R1, &aws::ECDSA_P521_SHA512_ASN1_SIGNING),
    ];
    let mut fields = Reader::new(parameters);
    let name = fields.oid().ok().filter(|_| fields.is_empty());
    let known = curves
        .into_iter()
        .find(|(curve, _)| name.as_ref() == Some(&Oid::from(*curve)));
    known
        .map(|(_, curve)| curve)
        .ok_or(KeyError::Malformed("the curve is none of P-256, P-384, P-521"))
}
