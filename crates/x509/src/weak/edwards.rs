//! Points of edwards25519: decoding as RFC 8032 section 5.1.3 says, without the square root itself.
//!
//! The crypto provider looks at a point only when it verifies a signature; a key must be known to be
//! sound before that, since with a point of small order one signature can verify for many messages.

use std::cmp::Ordering;

use num_bigint::BigUint;

use super::Weakness;
use crate::key::KeyAlgorithm;

/// p = 2²⁵⁵ − 19, big-endian.
const PRIME: [u8; 32] = {
    let mut p = [0xff; 32];
    p[0] = 0x7f;
    p[31] = 0xed;
    p
};

/// d = −121665/121666 mod p, big-endian.
const D: [u8; 32] = [
    0x52, 0x03, 0x6c, 0xee, 0x2b, 0x6f, 0xfe, 0x73, 0x8c, 0xc7, 0x40, 0x79, 0x77, 0x79, 0xe8, 0x98, 0x00,
    0x70, 0x0a, 0x4d, 0x41, 0x41, 0xd8, 0xab, 0x75, 0xeb, 0x4d, 0xca, 0x13, 0x59, 0x78, 0xa3,
];

pub(super) fn check(key: &[u8; 32]) -> Result<(), Weakness> {
    let mut y = *key;
    y.reverse();
    y[0] &= 0x7f;
    if y.cmp(&PRIME) != Ordering::Less {
        return Err(Weakness::NonCanonical);
    }
    let p = BigUint::from_bytes_be(&PRIME);
    let y = BigUint::from_bytes_be(&y);
    let one = BigUint::from(1u8);
    let square = &y * &y % &p;
    // x² = u / v with u = y² − 1, v = d·y² + 1
    let u = (&square + &p - &one) % &p;
    let v = (BigUint::from_bytes_be(&D) * &square + &one) % &p;
    if is_small_order(&square, &u, &v, &p) {
        return Err(Weakness::SmallOrder);
    }
    // u/v is a square exactly if u·v is; neither is zero here. x = 0 with the sign bit set, the last
    // non-canonical form, has u = 0 and so small order.
    if (&u * &v).modpow(&((&p - &one) >> 1u8), &p) == one {
        Ok(())
    } else {
        Err(Weakness::OffCurve(KeyAlgorithm::Ed25519))
    }
}

/// The order divides 8: y = ±1 (orders 1 and 2), y = 0 (order 4), or twice the point has y = 0, which means
/// x² = −y² and so u = −v·y² (order 8).
fn is_small_order(square: &BigUint, u: &BigUint, v: &BigUint, p: &BigUint) -> bool {
    let zero = BigUint::ZERO;
    *u == zero || *square == zero || (u + v * square) % p == zero
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
    use data_encoding::HEXLOWER_PERMISSIVE as HEX;

    use super::*;

    fn verdict(hex: &str) -> Result<(), Weakness> {
        check(&HEX.decode(hex.as_bytes()).unwrap().try_into().unwrap())
    }

    #[test]
    fn generated_keys_pass() {
        for _ in 0..50 {
            let key = Ed25519KeyPair::generate().unwrap();
            assert_eq!(check(key.public_key().as_ref().try_into().unwrap()), Ok(()));
        }
    }

    /// The list that libsodium and others refuse (from "Taming the many EdDSAs", table 6).
    #[test]
    fn points_of_small_order_are_refused_with_either_sign() {
        for (y, weakness) in [
            (
                "0000000000000000000000000000000000000000000000000000000000000000",
                Weakness::SmallOrder,
            ),
            (
                "0100000000000000000000000000000000000000000000000000000000000000",
                Weakness::SmallOrder,
            ),
            (
                "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
                Weakness::SmallOrder,
            ),
            (
                "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
                Weakness::SmallOrder,
            ),
            (
                "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                Weakness::SmallOrder,
            ),
            (
                "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                Weakness::NonCanonical,
            ),
            (
                "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                Weakness::NonCanonical,
            ),
            (
                "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                Weakness::NonCanonical,
            ),
        ] {
            assert_eq!(verdict(y), Err(weakness), "{y}");
            let mut negative: [u8; 32] = HEX.decode(y.as_bytes()).unwrap().try_into().unwrap();
            negative[31] |= 0x80;
            assert_eq!(check(&negative), Err(weakness), "{y}");
        }
    }

    #[test]
    fn half_of_the_small_y_are_off_the_curve() {
        let on = (2..=101u8).filter(|y| check(&std::array::from_fn(|i| if i == 0 { *y } else { 0 })).is_ok());
        let on = on.count();
        assert!((30..70).contains(&on), "{on}");
    }
}
