//! Subject public keys and signature algorithms, as far as lints tell them apart (RFC 3279, 4055, 5480, 5758, 8410).

use x509::Oid;

use crate::oid;
use crate::tlv::{Broken, Reader, tag};
use crate::view::Algorithm;

/// A SubjectPublicKeyInfo.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spki<'a> {
    /// The whole SEQUENCE.
    pub(crate) der: &'a [u8],
    pub(crate) algorithm: Algorithm<'a>,
    /// Unused bits of the last octet.
    pub(crate) unused: u8,
    /// Octets of the BIT STRING.
    pub(crate) key: &'a [u8],
}

/// An RSAPublicKey (RFC 8017 appendix A.1.1): contents of its INTEGERs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rsa<'a> {
    pub(crate) modulus: &'a [u8],
    pub(crate) exponent: &'a [u8],
}

/// A curve that certificates are issued for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    /// Octets of a coordinate.
    pub(crate) fn width(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

impl<'a> Spki<'a> {
    pub(super) fn read(fields: &mut Reader<'a>) -> Result<Self, Broken> {
        let info = fields.any()?;
        Self::parts(info.whole)
    }

    /// Reads the DER of a SubjectPublicKeyInfo.
    pub(crate) fn parts(der: &'a [u8]) -> Result<Self, Broken> {
        let mut parts = Reader::within(der, tag::SEQUENCE)?;
        let algorithm = Algorithm::read(&mut parts)?;
        let bits = parts.expect(tag::BIT_STRING)?;
        parts.finish()?;
        let (&unused, key) = bits.split_first().ok_or(Broken::Value("the key is empty"))?;
        Ok(Self {
            der,
            algorithm,
            unused,
            key,
        })
    }

    pub(crate) fn is_rsa(&self) -> bool {
        self.algorithm.is(oid::RSA_ENCRYPTION)
    }

    pub(crate) fn is_ec(&self) -> bool {
        self.algorithm.is(oid::EC_PUBLIC_KEY)
    }

    pub(crate) fn is_ed25519(&self) -> bool {
        self.algorithm.is(oid::ED25519)
    }

    /// The numbers of an RSA key, if it is one and they can be read.
    pub(crate) fn rsa(&self) -> Option<Rsa<'a>> {
        if !self.is_rsa() {
            return None;
        }
        let mut numbers = Reader::within(self.key, tag::SEQUENCE).ok()?;
        let modulus = numbers.expect(tag::INTEGER).ok()?;
        let exponent = numbers.expect(tag::INTEGER).ok()?;
        numbers.finish().ok()?;
        Some(Rsa { modulus, exponent })
    }

    /// The named curve of an elliptic-curve key, if it is a known one.
    pub(crate) fn curve(&self) -> Option<Curve> {
        let parameters = self.algorithm.parameters.filter(|_| self.is_ec())?;
        let name = parameters.expect(tag::OID).ok()?;
        [
            (oid::P256, Curve::P256),
            (oid::P384, Curve::P384),
            (oid::P521, Curve::P521),
        ]
        .into_iter()
        .find_map(|(oid, curve)| oid::is(name, oid).then_some(curve))
    }
}

/// How a signature is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    RsaPkcs1,
    RsaPss,
    /// With the curve that its hash belongs to.
    Ecdsa(Curve),
    Ed25519,
}

const SCHEMES: [(Oid, Scheme); 8] = [
    (oid::ECDSA_WITH_SHA256, Scheme::Ecdsa(Curve::P256)),
    (oid::ECDSA_WITH_SHA384, Scheme::Ecdsa(Curve::P384)),
    (oid::ECDSA_WITH_SHA512, Scheme::Ecdsa(Curve::P521)),
    (oid::SHA256_WITH_RSA, Scheme::RsaPkcs1),
    (oid::SHA384_WITH_RSA, Scheme::RsaPkcs1),
    (oid::SHA512_WITH_RSA, Scheme::RsaPkcs1),
    (oid::RSASSA_PSS, Scheme::RsaPss),
    (oid::ED25519, Scheme::Ed25519),
];

impl Scheme {
    /// The scheme of an algorithm, whatever its parameters; none if it is not allowed.
    pub(crate) fn of(algorithm: &Algorithm<'_>) -> Option<Self> {
        SCHEMES
            .into_iter()
            .find_map(|(oid, scheme)| algorithm.is(oid).then_some(scheme))
    }

    /// Whether keys of this kind make such signatures.
    pub(crate) fn fits(self, key: &Spki<'_>) -> bool {
        match self {
            Self::RsaPkcs1 | Self::RsaPss => key.is_rsa(),
            Self::Ecdsa(_) => key.is_ec(),
            Self::Ed25519 => key.is_ed25519(),
        }
    }
}
