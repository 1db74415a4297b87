//! Points of elliptic curves: off the curve, in other forms, with any bit changed.

use x509::key::KeyError;
use x509::weak::Weakness;
use x509::{KeyAlgorithm, PublicKey};

use super::{ED25519, P256, point, spki, weakness};
use crate::csr::forge::oid;
use crate::csr::holder::Holder;

#[test]
fn points_off_the_curve_are_refused() {
    for (algorithm, at) in [
        (KeyAlgorithm::P256, 27),
        (KeyAlgorithm::P384, 25),
        (KeyAlgorithm::P521, 27),
    ] {
        let mut der = Holder::new(algorithm).spki();
        let good = der.clone();
        let last = der.len() - 1;
        der[last] ^= 1;
        assert_eq!(
            weakness(PublicKey::from_spki(&der)),
            Weakness::OffCurve(algorithm)
        );
        // x at or above the prime of the field is not an encoding of any point.
        let mut der = good;
        der[at..at + 32].fill(0xff);
        assert_eq!(
            weakness(PublicKey::from_spki(&der)),
            Weakness::OffCurve(algorithm)
        );
    }
    assert_eq!(
        weakness(point(P256, &[&[4], &[0; 64][..]].concat())),
        Weakness::OffCurve(KeyAlgorithm::P256)
    );
}

#[test]
fn other_forms_of_points_are_refused() {
    let der = Holder::new(KeyAlgorithm::P256).spki();
    let uncompressed = &der[26..];
    let sign = uncompressed[64] & 1;
    assert_eq!(weakness(point(P256, &[0])), Weakness::Infinity);
    let compressed = [&[2 + sign], &uncompressed[1..33]].concat();
    assert_eq!(point(P256, &compressed), Err(KeyError::CompressedPoint));
    let hybrid = [&[6 + sign], &uncompressed[1..]].concat();
    for other in [
        &hybrid[..],
        &uncompressed[..64],
        &[uncompressed, &[0]].concat(),
        &[],
        &[4],
        &[0; 65],
    ] {
        assert!(
            matches!(point(P256, other), Err(KeyError::Malformed(_))),
            "{other:02x?}"
        );
    }
    // A good point of another curve.
    assert!(matches!(
        point("1.3.132.0.34", uncompressed),
        Err(KeyError::Malformed(_))
    ));
}

#[test]
fn ed25519_points_that_are_no_keys_are_refused() {
    let key = |bytes: &[u8]| PublicKey::from_spki(&spki(&[&oid(ED25519)], bytes));
    assert_eq!(weakness(key(&[0; 32])), Weakness::SmallOrder);
    assert_eq!(weakness(key(&[0xff; 32])), Weakness::NonCanonical);
    let off = (2..50u8).map(|y| key(&std::array::from_fn::<_, 32, _>(|i| if i == 0 { y } else { 0 })));
    assert!(
        off.filter(Result::is_err)
            .all(|r| weakness(r) == Weakness::OffCurve(KeyAlgorithm::Ed25519))
    );
    for length in [0, 31, 33, 64] {
        assert!(matches!(key(&vec![9; length]), Err(KeyError::Malformed(_))));
    }
}

#[test]
fn an_elliptic_curve_key_with_any_bit_changed_is_refused() {
    for algorithm in [KeyAlgorithm::P256, KeyAlgorithm::P384, KeyAlgorithm::P521] {
        let good = Holder::new(algorithm).spki();
        for bit in 0..good.len() * 8 {
            let mut der = good.clone();
            der[bit / 8] ^= 1 << (bit % 8);
            assert!(PublicKey::from_spki(&der).is_err(), "{algorithm}, bit {bit}");
        }
    }
}
