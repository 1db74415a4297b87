//! Fermat's factorisation: finds prime factors that are close together (CVE-2022-26320).
//!
//! n = a² − b² with a near √n exactly if the factors are a ± b with small b. A hundred values of a are tried, as
//! public CAs do: for 2048 bits that finds factors that agree in their first 508 bits, which never happens by
//! chance.

use num_bigint::BigUint;

const ROUNDS: usize = 100;

/// Whether at most 100 rounds of Fermat's method split the odd modulus.
pub(super) fn close_primes(modulus: &BigUint) -> bool {
    let mut a = modulus.sqrt();
    if &a * &a < *modulus {
        a += 1u8;
    }
    let mut b_squared = &a * &a - modulus;
    for _ in 0..ROUNDS {
        if is_square(&b_squared) {
            return true;
        }
        // (a + 1)² − n = (a² − n) + 2a + 1
        b_squared += &a << 1u8;
        b_squared += 1u8;
        a += 1u8;
    }
    false
}

/// Two cheap tests let about one number in 200 through to the square root.
fn is_square(number: &BigUint) -> bool {
    const ODD_PRIMES: u32 = 3 * 5 * 7 * 11 * 13 * 17 * 19 * 23;
    let low = number.iter_u64_digits().next().unwrap_or_default();
    if !is_residue(low % 256, 256) {
        return false;
    }
    let residue = (number % ODD_PRIMES).iter_u64_digits().next().unwrap_or_default();
    if [3, 5, 7, 11, 13, 17, 19, 23]
        .iter()
        .any(|prime| !is_residue(residue % prime, *prime))
    {
        return false;
    }
    let root = number.sqrt();
    root.clone() * root == *number
}

fn is_residue(value: u64, modulus: u64) -> bool {
    (0..modulus).any(|root| root * root % modulus == value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn power(bits: u32) -> BigUint {
        BigUint::from(1u8) << bits
    }

    #[test]
    fn squares_are_told_from_their_neighbours() {
        for root in [0u32, 1, 2, 3, 255, 256, 65_535, 1_000_003] {
            let square = BigUint::from(root) * root;
            assert!(is_square(&square));
            assert!(!is_square(&(square + 2u8)), "{root}");
        }
        assert!(is_square(&((power(1024) + 77u8) * (power(1024) + 77u8))));
    }

    #[test]
    fn close_factors_are_found_and_distant_ones_are_not() {
        let p = power(1024) - 105u8;
        assert!(close_primes(&(&p * &p)), "equal factors");
        assert!(close_primes(&(&p * (&p + 2u8))), "neighbors");
        // It takes (q − p)² / 8√n rounds: 8 for a difference of 2^515, 128 for 2^517.
        assert!(close_primes(&(&p * (&p + power(515)))));
        assert!(!close_primes(&(&p * (&p + power(517)))));
        assert!(!close_primes(&(&p * (&p + power(900)))));
    }
}
