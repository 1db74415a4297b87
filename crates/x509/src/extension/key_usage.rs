//! The bits of keyUsage (RFC 5280 section 4.2.1.3).

use std::fmt;
use std::ops::{BitOr, BitOrAssign};
use std::str::FromStr;

use super::ExtensionError;
use crate::asn1::{DerError, Reader, Writer, bit_string, tag};

/// A set of key usages. `Display` lists their names with commas; `FromStr` takes one name or such a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct KeyUsageFlags(u16);

/// Names in the order of the bits.
const NAMES: [&str; 9] = [
    "digital-signature",
    "non-repudiation",
    "key-encipherment",
    "data-encipherment",
    "key-agreement",
    "key-cert-sign",
    "crl-sign",
    "encipher-only",
    "decipher-only",
];

impl KeyUsageFlags {
    /// Signatures other than on certificates and CRLs.
    pub const DIGITAL_SIGNATURE: Self = Self(1);
    /// Signatures that shall bind, also called contentCommitment.
    pub const NON_REPUDIATION: Self = Self(1 << 1);
    /// Encrypting keys: only RSA can.
    pub const KEY_ENCIPHERMENT: Self = Self(1 << 2);
    /// Encrypting data directly.
    pub const DATA_ENCIPHERMENT: Self = Self(1 << 3);
    /// Diffie-Hellman.
    pub const KEY_AGREEMENT: Self = Self(1 << 4);
    /// Signing certificates.
    pub const KEY_CERT_SIGN: Self = Self(1 << 5);
    /// Signing CRLs.
    pub const CRL_SIGN: Self = Self(1 << 6);
    /// With key agreement: only to encipher.
    pub const ENCIPHER_ONLY: Self = Self(1 << 7);
    /// With key agreement: only to decipher.
    pub const DECIPHER_ONLY: Self = Self(1 << 8);
    /// All of them.
    pub const ALL: Self = Self((1 << NAMES.len()) - 1);

    /// The usages of both sets.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether there is no usage.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all usages of the other set are in this one.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// This set without the usages of the other.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The names of the usages, in the order of their bits.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES
            .into_iter()
            .enumerate()
            .filter(move |(bit, _)| self.0 & (1 << bit) != 0)
            .map(|(_, name)| name)
    }

    /// The BIT STRING. Bit 0 of the type is the highest of the first octet.
    pub(crate) fn to_der(self) -> Vec<u8> {
        let [first, second] = self.0.reverse_bits().to_be_bytes();
        let octets: &[u8] = if second != 0 { &[first, second] } else { &[first] };
        let unused = octets.last().map_or(0, |last| last.trailing_zeros());
        let unused = u8::try_from(unused).unwrap_or_default() & 7;
        Writer::primitive_of(tag::BIT_STRING, &[&[unused], octets].concat())
    }

    /// Reads the BIT STRING; bits that RFC 5280 does not name are left out, trailing zero bits are tolerated.
    pub(crate) fn from_der(der: &[u8]) -> Result<Self, DerError> {
        let (_, octets) = bit_string(Reader::single(der, tag::BIT_STRING)?)?;
        let mut octets = octets.iter().copied();
        let pair = [
            octets.next().unwrap_or_default(),
            octets.next().unwrap_or_default(),
        ];
        Ok(Self(u16::from_be_bytes(pair).reverse_bits() & 0x1ff))
    }
}

impl BitOr for KeyUsageFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for KeyUsageFlags {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl fmt::Display for KeyUsageFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, name) in self.names().enumerate() {
            write!(f, "{}{name}", if at > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

impl FromStr for KeyUsageFlags {
    type Err = ExtensionError;

    fn from_str(text: &str) -> Result<Self, ExtensionError> {
        let mut usages = Self::default();
        for name in text.split(',').map(str::trim) {
            let bit = NAMES.iter().position(|known| *known == name);
            usages.0 |= 1 << bit.ok_or_else(|| ExtensionError::UnknownKeyUsage(name.to_owned()))?;
        }
        Ok(usages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_comes_back_from_der_and_text() {
        for bits in 1..512 {
            let usages = KeyUsageFlags(bits);
            let der = usages.to_der();
            assert_eq!(KeyUsageFlags::from_der(&der), Ok(usages));
            assert_eq!(usages.to_string().parse::<KeyUsageFlags>(), Ok(usages));
            let last = der.last().unwrap() >> der[2];
            assert_eq!(last & 1, 1, "the last encoded bit of {usages} is set");
        }
        assert!("sign".parse::<KeyUsageFlags>().is_err());
    }
}
