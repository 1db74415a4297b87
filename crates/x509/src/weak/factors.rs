//! Trial division by the primes up to 751, the bound that public CAs have used for years.
//!
//! A product of primes that fits 32 bits is divided once for all of them: 30-odd passes over the modulus
//! instead of 132.

use super::remainder;

const LIMIT: u32 = 751;
const COUNT: usize = 132;

/// The odd primes up to [`LIMIT`].
static PRIMES: [u32; COUNT] = primes();

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated at compile time, where a bad index is an error"
)]
const fn primes() -> [u32; COUNT] {
    let mut found = [0; COUNT];
    let mut count = 0;
    let mut candidate = 3;
    while candidate <= LIMIT {
        let mut divisor = 3;
        while divisor * divisor <= candidate && candidate % divisor != 0 {
            divisor += 2;
        }
        if divisor * divisor > candidate {
            found[count] = candidate;
            count += 1;
        }
        candidate += 2;
    }
    assert!(count == COUNT);
    found
}

/// The smallest odd prime factor up to 751.
pub(super) fn small_factor(modulus: &[u8]) -> Option<u32> {
    let mut rest = PRIMES.as_slice();
    while !rest.is_empty() {
        let (product, taken) = batch(rest);
        let (now, later) = rest.split_at_checked(taken)?;
        let residue = remainder(modulus, product);
        if let Some(prime) = now.iter().find(|prime| residue.is_multiple_of(**prime)) {
            return Some(*prime);
        }
        rest = later;
    }
    None
}

/// How many leading primes have a product of 32 bits, and that product.
fn batch(primes: &[u32]) -> (u32, usize) {
    let mut product = 1u32;
    let mut taken = 0;
    for prime in primes {
        match product.checked_mul(*prime) {
            Some(larger) => product = larger,
            None => break,
        }
        taken += 1;
    }
    (product, taken)
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;

    use super::*;

    #[test]
    fn every_prime_of_the_table_is_found() {
        // 2^2048 - 1942289 has no factor of the table (checked by the second assertion).
        let clean = (BigUint::from(1u8) << 2048u32) - 1_942_289u32;
        assert_eq!(small_factor(&clean.to_bytes_be()), None);
        for prime in PRIMES {
            assert_eq!(small_factor(&(&clean * prime).to_bytes_be()), Some(prime));
        }
        assert_eq!(PRIMES.last(), Some(&751));
    }

    #[test]
    fn remainders_agree_with_big_integers() {
        for length in 1..40u8 {
            let number: Vec<u8> = (0..length)
                .map(|i| i.wrapping_mul(151).wrapping_add(length))
                .collect();
            for modulus in [3, 751, 65_537, u32::MAX] {
                let expected = BigUint::from_bytes_be(&number) % modulus;
                assert_eq!(BigUint::from(remainder(&number, modulus)), expected);
            }
        }
    }
}
