use data_encoding::HEXLOWER;
use der::Encode;

use super::*;

fn id(dotted: &str, parameters: Option<AnyRef<'static>>) -> AlgorithmIdentifierRef<'static> {
    AlgorithmIdentifierRef {
        oid: ObjectIdentifier::new_unwrap(dotted),
        parameters,
    }
}

/// The byte strings of RFC 8017, RFC 5758, RFC 8410 and of the Baseline Requirements §7.1.3.2, which give them
/// for comparison.
#[test]
fn identifiers_are_exact_to_the_byte() {
    for (algorithm, hex) in [
        (EcdsaSha256, "300a06082a8648ce3d040302"),
        (EcdsaSha384, "300a06082a8648ce3d040303"),
        (EcdsaSha512, "300a06082a8648ce3d040304"),
        (Ed25519, "300506032b6570"),
        (RsaPkcs1Sha256, "300d06092a864886f70d01010b0500"),
        (RsaPkcs1Sha384, "300d06092a864886f70d01010c0500"),
        (RsaPkcs1Sha512, "300d06092a864886f70d01010d0500"),
        (
            RsaPssSha256,
            "304106092a864886f70d01010a3034a00f300d0609608648016503040201\
             0500a11c301a06092a864886f70d010108300d0609608648016503040201\
             0500a203020120",
        ),
        (
            RsaPssSha384,
            "304106092a864886f70d01010a3034a00f300d0609608648016503040202\
             0500a11c301a06092a864886f70d010108300d0609608648016503040202\
             0500a203020130",
        ),
        (
            RsaPssSha512,
            "304106092a864886f70d01010a3034a00f300d0609608648016503040203\
             0500a11c301a06092a864886f70d010108300d0609608648016503040203\
             0500a203020140",
        ),
    ] {
        let der = algorithm.identifier().to_der().unwrap();
        assert_eq!(HEXLOWER.encode(&der), hex, "{algorithm}");
        assert_eq!(SignatureAlgorithm::from_identifier_der(&der), Ok(algorithm));
    }
}

#[test]
fn pss_without_null_in_the_hash_identifiers_is_read() {
    let bare = "303d06092a864886f70d01010a3030a00d300b0609608648016503040201\
                a11a301806092a864886f70d010108300b0609608648016503040201a203020120";
    let der = HEXLOWER.decode(bare.as_bytes()).unwrap();
    assert_eq!(SignatureAlgorithm::from_identifier_der(&der), Ok(RsaPssSha256));
}

#[test]
fn other_pss_parameters_are_refused() {
    let good = RsaPssSha256.identifier().to_der().unwrap();
    for at in 13..good.len() {
        let mut other = good.clone();
        other[at] ^= 1;
        let result = SignatureAlgorithm::from_identifier_der(&other);
        assert!(
            matches!(
                result,
                Err(SignatureError::PssParameters | SignatureError::Malformed(_))
            ),
            "{at}"
        );
    }
    for parameters in [None, Some(AnyRef::NULL), AnyRef::new(Tag::Sequence, &[]).ok()] {
        let result = SignatureAlgorithm::from_identifier(id("1.2.840.113549.1.1.10", parameters));
        assert_eq!(result, Err(SignatureError::PssParameters));
    }
}

#[test]
fn null_and_absent_parameters_are_not_mixed_up() {
    for algorithm in SignatureAlgorithm::ALL
        .into_iter()
        .filter(|a| a.oid() != RSASSA_PSS)
    {
        let wrong = if algorithm.identifier().parameters.is_some() {
            None
        } else {
            Some(AnyRef::NULL)
        };
        let result = SignatureAlgorithm::from_identifier(AlgorithmIdentifierRef {
            oid: algorithm.oid(),
            parameters: wrong,
        });
        assert!(
            matches!(result, Err(SignatureError::Parameters { .. })),
            "{algorithm}"
        );
    }
}

#[test]
fn broken_hashes_are_refused_by_name_and_unknown_algorithms_by_number() {
    for (oid, hash) in [
        ("1.2.840.113549.1.1.5", "SHA-1"),
        ("1.2.840.10045.4.1", "SHA-1"),
        ("1.3.14.3.2.29", "SHA-1"),
        ("1.2.840.113549.1.1.4", "MD5"),
        ("1.2.840.113549.1.1.2", "MD2"),
    ] {
        let error = SignatureAlgorithm::from_identifier(id(oid, None)).unwrap_err();
        assert!(
            error.to_string().contains(hash) && error.to_string().contains(oid),
            "{error}"
        );
    }
    let error = SignatureAlgorithm::from_identifier(id("1.3.101.113", None)).unwrap_err();
    assert!(error.to_string().contains("1.3.101.113"), "{error}");
}

#[test]
fn names_are_read_back() {
    for algorithm in SignatureAlgorithm::ALL {
        assert_eq!(algorithm.to_string().parse(), Ok(algorithm));
    }
    assert!("sha1".parse::<SignatureAlgorithm>().is_err());
}

#[test]
fn each_key_has_a_default_that_fits_and_no_algorithm_fits_another_family() {
    use KeyAlgorithm as Key;
    let keys = [Key::P256, Key::P384, Key::P521, Key::Rsa(2048), Key::Ed25519];
    let families = [3, 3, 3, 6, 1];
    for (key, family) in keys.into_iter().zip(families) {
        assert!(SignatureAlgorithm::default_for(key).fits(key));
        assert_eq!(
            SignatureAlgorithm::ALL
                .into_iter()
                .filter(|a| a.fits(key))
                .count(),
            family,
            "{key}"
        );
    }
}
