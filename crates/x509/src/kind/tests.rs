use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::asn1::Writer;

fn hex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
}

/// Every field that any of the structures has, and some that none has.
static FIELDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    [
        "020100",                                                           // INTEGER 0
        "020101",                                                           // INTEGER 1
        "02020080",                                                         // INTEGER 128
        "a003020100",                                                       // [0] INTEGER 0
        "a003020102",                                                       // [0] INTEGER 2
        "300a06082a8648ce3d040302",                                         // AlgorithmIdentifier
        "3000",                                                             // empty Name
        "300c310a300806035504030c0178",                                     // Name CN=x
        "301e170d3236303130313030303030305a170d3237303130313030303030305a", // Validity
        "170d3236303130313030303030305a",                                   // UTCTime
        "180f32303236303130313030303030305a",                               // GeneralizedTime
        "300e300706032a0304050003030000ff",                                 // SubjectPublicKeyInfo
        "30143012020105170d3236303130313030303030305a",                     // revokedCertificates
        "a000",                                                             // no attributes
        "a003020103",                                                       // [0] INTEGER 3
        "a00d300b0603550403310413020000",                                   // attributes
        "a00b3009300706035504030400",                                       // [0] Extensions
        "a30b3009300706035504030400",                                       // [3] Extensions
        "a10e300c310a300806035504030c0178",                                 // [1] Name
        "a2030401ff",                                                       // [2] OCTET STRING
        "8101ff",                                                           // [1] unique identifier
    ]
    .iter()
    .map(|field| hex(field))
    .chain([responses()])
    .collect()
});

fn responses() -> Vec<u8> {
    Writer::one(tag::SEQUENCE, |list| {
        list.sequence(|single| {
            single.sequence(|id| {
                id.raw(&hex("300706052b0e03021a"));
                id.raw(&hex("0401aa0401bb020105"));
            });
            single.raw(&hex("8000180f32303236303130313030303030305a"));
        });
    })
}

fn of(indices: &[usize]) -> Vec<u8> {
    Writer::one(tag::SEQUENCE, |out| {
        indices.iter().for_each(|i| out.raw(&FIELDS[*i]))
    })
}

fn fitting(der: &[u8]) -> usize {
    let Ok(fields) = Reader::within(der, tag::SEQUENCE) else {
        return 0;
    };
    SHAPES
        .iter()
        .filter(|(_, shape)| shape(fields.clone()).is_ok())
        .count()
}

#[test]
fn each_structure_is_recognised() {
    use SignedStructure::{Certificate, CertificateRequest, Crl, OcspResponse};
    for (indices, kind) in [
        (&[4, 2, 5, 7, 8, 7, 11, 17][..], Certificate),
        (&[0, 5, 7, 8, 6, 11], Certificate),
        (&[1, 5, 7, 9, 10, 12, 16], Crl),
        (&[5, 7, 9], Crl),
        (&[0, 7, 11, 13], CertificateRequest),
        (&[0, 6, 11, 15], CertificateRequest),
        (&[19, 10, 21], OcspResponse),
        (&[18, 10, 21], OcspResponse),
    ] {
        assert_eq!(classify(&of(indices)), Some(kind), "{indices:?}");
    }
}

#[test]
fn anything_else_is_not() {
    for indices in [
        &[][..],
        &[0],
        &[4, 2, 5, 7, 8, 7, 11, 17, 17],
        &[0, 7, 11, 16],
        &[19, 9, 21],
    ] {
        assert_eq!(classify(&of(indices)), None, "{indices:?}");
    }
    assert_eq!(classify(b""), None);
    assert_eq!(classify(b"hello"), None);
    assert_eq!(
        classify(&[&of(&[5, 7, 9])[..], &[0]].concat()),
        None,
        "trailing octet"
    );
}

#[test]
fn no_short_list_of_fields_is_two_structures() {
    // Every list of three fields; longer ones are left to the random lists.
    let count = FIELDS.len();
    for n in 0..count.pow(3) {
        let indices = [n % count, n / count % count, n / count / count];
        assert!(fitting(&of(&indices)) <= 1, "{indices:?}");
    }
}

proptest! {
    #[test]
    fn no_list_of_fields_is_two_structures(indices in proptest::collection::vec(0usize..22, 3..9)) {
        prop_assert!(fitting(&of(&indices)) <= 1);
    }

    #[test]
    fn spoilt_structures_are_never_two(which in 0usize..4, at in any::<prop::sample::Index>(), by in 1u8..) {
        let good: [&[usize]; 4] = [&[4, 2, 5, 7, 8, 7, 11, 17], &[1, 5, 7, 9, 10, 12, 16], &[0, 7, 11, 15], &[19, 10, 21]];
        let mut der = of(good[which]);
        let before = classify(&der);
        let at = at.index(der.len());
        der[at] ^= by;
        prop_assert!(fitting(&der) <= 1);
        prop_assert!(classify(&der).is_none_or(|kind| Some(kind) == before));
    }
}
