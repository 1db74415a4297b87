//! The fingerprint of Infineon's RSALib, whose keys are factored in practice (ROCA, CVE-2017-15361).
//!
//! Its primes are k·M + (65537^a mod M) for M a product of small primes, so modulo each small prime the modulus
//! is a power of 65537. For a sound key all 38 tests hold with a probability of about 2⁻²⁷.
//! Nemec et al., "The Return of Coppersmith's Attack", CCS 2017, section 2.

use super::remainder;

/// The odd primes below 168, of which the library's M for 512-bit keys is the product.
const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
    107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// For each prime, the set of powers of 65537 modulo it, as bits.
static POWERS: [[u64; 3]; 38] = powers();

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated at compile time, where a bad index is an error"
)]
const fn powers() -> [[u64; 3]; 38] {
    let mut sets = [[0; 3]; 38];
    let mut i = 0;
    while i < PRIMES.len() {
        let prime = PRIMES[i];
        let mut power = 1;
        loop {
            sets[i][(power / 64) as usize] |= 1 << (power % 64);
            power = power * (65_537 % prime) % prime;
            if power == 1 {
                break;
            }
        }
        i += 1;
    }
    sets
}

/// Whether the modulus is a power of 65537 modulo every prime of the table.
pub(super) fn has_fingerprint(modulus: &[u8]) -> bool {
    PRIMES.iter().zip(&POWERS).all(|(prime, set)| {
        let residue = remainder(modulus, *prime);
        let word = set.get(residue as usize / 64).copied().unwrap_or_default();
        word >> (residue % 64) & 1 == 1
    })
}
