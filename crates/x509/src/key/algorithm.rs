//! Kinds of public keys and their names.

use std::fmt;
use std::str::FromStr;

use super::KeyError;
use crate::weak;

/// The kind of a public key: what a profile allows and what a signature algorithm needs.
///
/// `Display` and `FromStr` use the names of the command line and the configuration: `p256`, `p384`,
/// `p521`, `ed25519`, `rsa2048`, `rsa3072`, `rsa4096` (any size from 2048 to 8192 bits, by 8, in keys made
/// elsewhere).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyAlgorithm {
    /// ECDSA on secp256r1 (RFC 5480).
    P256,
    /// ECDSA on secp384r1 (RFC 5480).
    P384,
    /// ECDSA on secp521r1 (RFC 5480).
    P521,
    /// RSA (RFC 8017) with a modulus of this many bits.
    Rsa(u32),
    /// EdDSA on edwards25519 (RFC 8410).
    Ed25519,
}

impl KeyAlgorithm {
    /// Whether this is RSA, of any size: only these keys may be used for key encipherment.
    #[must_use]
    pub fn is_rsa(self) -> bool {
        matches!(self, Self::Rsa(_))
    }

    /// Its size in bits: of the modulus, or of the field of the curve.
    #[must_use]
    pub fn bits(self) -> u32 {
        match self {
            Self::P256 => 256,
            Self::P384 => 384,
            Self::P521 => 521,
            Self::Rsa(bits) => bits,
            Self::Ed25519 => 255,
        }
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::P256 => f.write_str("p256"),
            Self::P384 => f.write_str("p384"),
            Self::P521 => f.write_str("p521"),
            Self::Rsa(bits) => write!(f, "rsa{bits}"),
            Self::Ed25519 => f.write_str("ed25519"),
        }
    }
}

impl FromStr for KeyAlgorithm {
    type Err = KeyError;

    fn from_str(name: &str) -> Result<Self, KeyError> {
        match name {
            "p256" => Ok(Self::P256),
            "p384" => Ok(Self::P384),
            "p521" => Ok(Self::P521),
            "ed25519" => Ok(Self::Ed25519),
            _ => name
                .strip_prefix("rsa")
                .filter(|bits| bits.len() == 4 && bits.bytes().all(|b| b.is_ascii_digit()))
                .and_then(|bits| bits.parse().ok())
                .filter(|bits| weak::rsa_size(*bits).is_ok())
                .map(Self::Rsa)
                .ok_or_else(|| KeyError::UnknownName(name.chars().take(32).collect())),
        }
    }
}
