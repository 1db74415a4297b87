use data_encoding::HEXLOWER;
use der::Encode;

use super::*;

fn id<'a>(dotted: &str, parameters: Option<AnyRef<'a>>) -> AlgorithmIdentifierRef<'a> {
    AlgorithmIdentifierRef {
        oid: ObjectIdentifier::new_unwrap(dotted),
        parameters,
    }
}

/// The byte strings of RFC 8017, RFC 5758, RFC 8410 and of the Baseline Requirements section 7.1.3.2, which give them
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
        assert_eq!(read(&der), Ok(algorithm));
    }
}

fn read(der: &[u8]) -> Result<SignatureAlgorithm, SignatureError> {
    Identified::from_der(der).map(Identified::algorithm)
}

fn recognized(id: AlgorithmIdentifierRef<'_>) -> Result<SignatureAlgorithm, SignatureError> {
    recognize(id).map(|(algorithm, _)| algorithm)
}

/// An RSASSA-PSS identifier with these fields.
fn pss(fields: &str) -> Vec<u8> {
    let fields = HEXLOWER.decode(fields.as_bytes()).unwrap();
    let parameters = AnyRef::new(Tag::Sequence, &fields).ok();
    id("1.2.840.113549.1.1.10", parameters).to_der().unwrap()
}

const HASH: &str = "a00d300b0609608648016503040201";
const HASH_NULL: &str = "a00f300d06096086480165030402010500";
const MASK: &str = "a11a301806092a864886f70d010108300b0609608648016503040201";
const MASK_NULL: &str = "a11c301a06092a864886f70d010108300d06096086480165030402010500";

#[test]
fn pss_hash_identifiers_may_each_lack_their_null_and_salts_have_any_length() {
    for (hash, mask) in [
        (HASH, MASK),
        (HASH, MASK_NULL),
        (HASH_NULL, MASK),
        (HASH_NULL, MASK_NULL),
    ] {
        for (rest, salt) in [
            ("", 20),
            ("a203020114", 20),
            ("a203020120", 32),
            ("a203020100", 0),
            ("a204020200de", 222),
            ("a203020120a303020101", 32),
        ] {
            let found = Identified::from_der(&pss(&[hash, mask, rest].concat()));
            let wanted = Identified {
                algorithm: RsaPssSha256,
                salt: Some(salt),
            };
            assert_eq!(found, Ok(wanted), "{rest}");
        }
    }
}

#[test]
fn other_pss_parameters_are_refused_with_their_reason() {
    let sha384_mask = MASK.replace("040201", "040202");
    for (fields, reason) in [
        (String::new(), "SHA-1"),
        (HASH.to_owned(), "mask"),
        (format!("{HASH}{sha384_mask}"), "mask"),
        (HASH.replace("040201", "040204") + MASK, "a hash other than"),
        (format!("{HASH}{MASK}a303020102"), "trailer"),
        (format!("{HASH}{MASK}a2040202ffff"), "negative"),
        (format!("{HASH}{MASK}a20402027fff"), "salt"),
        (format!("{HASH}{MASK}a303020101a203020120"), "trailing"),
    ] {
        let refused = read(&pss(&fields)).expect_err(&fields);
        let known = matches!(refused, SignatureError::Malformed(_)) || refused.to_string().contains(reason);
        assert!(known, "{fields}: {refused}");
    }
    for parameters in [None, Some(AnyRef::NULL)] {
        let result = recognized(id("1.2.840.113549.1.1.10", parameters));
        assert!(matches!(result, Err(SignatureError::Pss(_))), "{result:?}");
    }
}

#[test]
fn rsa_parameters_may_be_absent_and_all_others_must_be() {
    for algorithm in SignatureAlgorithm::ALL
        .into_iter()
        .filter(|a| a.oid() != RSASSA_PSS)
    {
        let with = |parameters| {
            recognized(AlgorithmIdentifierRef {
                oid: algorithm.oid(),
                parameters,
            })
        };
        assert_eq!(with(None), Ok(algorithm));
        let is_rsa = algorithm.fits(KeyAlgorithm::Rsa(2048));
        assert_eq!(with(Some(AnyRef::NULL)).is_ok(), is_rsa, "{algorithm}");
        let other = AnyRef::new(Tag::Sequence, &[]).ok();
        assert!(matches!(with(other), Err(SignatureError::Parameters { .. })));
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
        let error = recognized(id(oid, None)).unwrap_err();
        assert!(
            error.to_string().contains(hash) && error.to_string().contains(oid),
            "{error}"
        );
    }
    let error = recognized(id("1.3.101.113", None)).unwrap_err();
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
