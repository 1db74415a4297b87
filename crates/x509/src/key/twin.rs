//! The negative of a public key on a curve: whoever has the private key of one has that of the other.

use super::{KeyAlgorithm, PublicKey};
use crate::digest::sha256;

/// The field primes of FIPS 186-4 appendix D.1.2, big-endian.
const P256: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
];
const P384: [u8; 48] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xff, 0xff,
    0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff,
];
const P521: [u8; 66] = {
    let mut prime = [0xff; 66];
    let [first, ..] = &mut prime;
    *first = 1;
    prime
};

impl PublicKey {
    /// The [`fingerprint`](Self::fingerprint) of the other key with the same
    /// [`material_id`](Self::material_id): the negative of a point. `None` for RSA, where any exponent makes another key of
    /// a modulus.
    #[must_use]
    pub fn twin_fingerprint(&self) -> Option<[u8; 32]> {
        let mut spki = self.spki.to_vec();
        let key = spki.get_mut(self.key_at..)?;
        match self.algorithm {
            KeyAlgorithm::P256 => negate(key, &P256)?,
            KeyAlgorithm::P384 => negate(key, &P384)?,
            KeyAlgorithm::P521 => negate(key, &P521)?,
            // The sign of x (RFC 8032 section 5.1.2).
            KeyAlgorithm::Ed25519 => *key.last_mut()? ^= 0x80,
            KeyAlgorithm::Rsa(_) => return None,
        }
        Some(sha256(&spki))
    }
}

/// y becomes p - y. It is not 0: the curves have a prime number of points.
fn negate(point: &mut [u8], prime: &[u8]) -> Option<()> {
    let y = point.get_mut(1 + prime.len()..)?;
    let mut borrow = 0;
    for (digit, prime) in y.iter_mut().rev().zip(prime.iter().rev()) {
        let difference = i16::from(*prime) - i16::from(*digit) - borrow;
        borrow = i16::from(difference < 0);
        *digit = u8::try_from(difference.rem_euclid(256)).ok()?;
    }
    Some(())
}
