//! Public keys whose private half others can find, or that make signatures worthless.
//!
//! What is checked: sizes and exponents of RSA ([`check_rsa`]), small prime factors, the ROCA fingerprint,
//! prime factors close to each other, the keys of Debian's broken generator (see [`debian`] for what its
//! list covers), points outside the curve or of small order ([`check_ed25519`]). All of it is bounded work
//! and happens once, when a [`PublicKey`](crate::key::PublicKey) is made.
//!
//! What cannot be checked here: keys that share a factor with another key, and keys known to be
//! compromised; those need a database.

pub mod debian;
mod edwards;
mod factors;
mod fermat;
mod roca;

use num_bigint::BigUint;

use crate::key::KeyAlgorithm;

/// Smallest RSA modulus, in bits.
pub const RSA_MIN_BITS: u32 = 2048;
/// Largest RSA modulus, in bits: what the crypto provider verifies, and a bound on the work of the checks.
pub const RSA_MAX_BITS: u32 = 8192;
/// Largest RSA exponent, in bits: more only slows every verifier down.
pub const EXPONENT_MAX_BITS: u32 = 64;

/// A weakness of a public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Weakness {
    /// Factored in practice or soon.
    #[error("an RSA modulus of {0} bits is below the minimum of {RSA_MIN_BITS}")]
    TooSmall(u32),
    /// No verifier is bound to take it.
    #[error("an RSA modulus of {0} bits is above the maximum of {RSA_MAX_BITS}")]
    TooLarge(u32),
    /// A sign of a broken generator.
    #[error("an RSA modulus of {0} bits is not a multiple of 8 bits long")]
    OddSize(u32),
    /// Not a product of two large primes.
    #[error("the RSA modulus is even")]
    EvenModulus,
    /// Cannot be an RSA exponent.
    #[error("the RSA exponent is even")]
    EvenExponent,
    /// Open to attacks on small exponents.
    #[error("the RSA exponent is below 65537")]
    SmallExponent,
    /// More than [`EXPONENT_MAX_BITS`].
    #[error("the RSA exponent has more than {EXPONENT_MAX_BITS} bits")]
    LargeExponent,
    /// Trial division finds a factor.
    #[error("the RSA modulus has the small prime factor {0}")]
    SmallFactor(u32),
    /// CVE-2017-15361.
    #[error("the RSA modulus has the fingerprint of the ROCA generator (CVE-2017-15361)")]
    Roca,
    /// CVE-2022-26320.
    #[error("the two prime factors of the RSA modulus are close together and Fermat's method finds them")]
    ClosePrimes,
    /// CVE-2008-0166.
    #[error("the key was made by Debian's broken random generator (CVE-2008-0166)")]
    Debian,
    /// The point at infinity has no private key.
    #[error("the elliptic curve point is the point at infinity")]
    Infinity,
    /// Coordinates that do not satisfy the equation of the curve, or are not below its prime.
    #[error("the point is not on the curve {0}")]
    OffCurve(KeyAlgorithm),
    /// Coordinate encoded with a value of the prime or above (RFC 8032 section 5.1.3).
    #[error("the Ed25519 point is not in its canonical encoding")]
    NonCanonical,
    /// One of the eight points for which some signatures verify over any message.
    #[error("the Ed25519 point has small order")]
    SmallOrder,
}

/// Checks an RSA key; both numbers are big-endian without leading zeros. Answers the size in bits.
///
/// # Errors
/// The first [`Weakness`] found, cheap checks first.
pub fn check_rsa(modulus: &[u8], exponent: &[u8]) -> Result<u32, Weakness> {
    let bits = bit_length(modulus);
    rsa_size(bits)?;
    check_exponent(exponent)?;
    check_modulus(modulus).map(|()| bits)
}

/// Checks an RSA key of others, to verify with: only what lets anybody make its signatures. An exponent such as 3 and an
/// odd size are against what is certified here, and no more than that.
///
/// # Errors
/// As [`check_rsa`].
pub fn check_rsa_to_verify(modulus: &[u8], exponent: &[u8]) -> Result<u32, Weakness> {
    let bits = bit_length(modulus);
    match rsa_size(bits) {
        Ok(()) | Err(Weakness::OddSize(_)) => {}
        Err(weakness) => return Err(weakness),
    }
    match check_exponent(exponent) {
        Err(Weakness::SmallExponent) if is_even(exponent) => return Err(Weakness::EvenExponent),
        // With an exponent of 1 a signature is the message itself.
        Err(Weakness::SmallExponent) if bit_length(exponent) >= 2 => {}
        checked => checked?,
    }
    check_modulus(modulus).map(|()| bits)
}

fn check_modulus(modulus: &[u8]) -> Result<(), Weakness> {
    if is_even(modulus) {
        return Err(Weakness::EvenModulus);
    }
    if let Some(prime) = factors::small_factor(modulus) {
        return Err(Weakness::SmallFactor(prime));
    }
    if roca::has_fingerprint(modulus) {
        return Err(Weakness::Roca);
    }
    if debian::is_listed(modulus) {
        return Err(Weakness::Debian);
    }
    if fermat::close_primes(&BigUint::from_bytes_be(modulus)) {
        return Err(Weakness::ClosePrimes);
    }
    Ok(())
}

/// Whether a modulus may have this many bits.
///
/// # Errors
/// The [`Weakness`] of that size.
pub fn rsa_size(bits: u32) -> Result<(), Weakness> {
    match bits {
        ..RSA_MIN_BITS => Err(Weakness::TooSmall(bits)),
        RSA_MIN_BITS..=RSA_MAX_BITS if bits.is_multiple_of(8) => Ok(()),
        RSA_MIN_BITS..=RSA_MAX_BITS => Err(Weakness::OddSize(bits)),
        _ => Err(Weakness::TooLarge(bits)),
    }
}

/// Checks the 32 bytes of an Ed25519 key: canonical, on the curve, not of small order.
///
/// # Errors
/// The [`Weakness`] found.
pub fn check_ed25519(key: &[u8; 32]) -> Result<(), Weakness> {
    edwards::check(key)
}

fn check_exponent(exponent: &[u8]) -> Result<(), Weakness> {
    if bit_length(exponent) > EXPONENT_MAX_BITS {
        return Err(Weakness::LargeExponent);
    }
    match exponent
        .iter()
        .fold(0u64, |value, byte| value << 8 | u64::from(*byte))
    {
        ..65537 => Err(Weakness::SmallExponent),
        even if even % 2 == 0 => Err(Weakness::EvenExponent),
        _ => Ok(()),
    }
}

fn is_even(number: &[u8]) -> bool {
    number.last().is_none_or(|byte| byte % 2 == 0)
}

fn bit_length(number: &[u8]) -> u32 {
    let whole = u32::try_from(number.len())
        .unwrap_or(u32::MAX / 8)
        .saturating_mul(8);
    whole.saturating_sub(number.first().map_or(0, |first| first.leading_zeros()))
}

/// `number` modulo `modulus`, which is not zero.
fn remainder(number: &[u8], modulus: u32) -> u32 {
    let modulus = u64::from(modulus);
    let (head, words) = number.as_rchunks::<4>();
    let head = head.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)) % modulus;
    let rest = words.iter().fold(head, |rest, word| {
        (rest << 32 | u64::from(u32::from_be_bytes(*word))) % modulus
    });
    u32::try_from(rest).unwrap_or_default()
}
