//! The two passes.
#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use time::Duration;
use time::macros::datetime;
use x509::crl::{CrlEntry, CrlKind, CrlSpec, CrlWriter, Reason};
use x509::kind::{SignedStructure, classify};
use x509::{BuildError, KeyAlgorithm, Serial, SignatureAlgorithm};

use super::entries;
use crate::issue::{Authority, NOW};
use crate::judges::crl_spec;

fn spec() -> CrlSpec {
    crl_spec(&Authority::root(
        KeyAlgorithm::P256,
        SignatureAlgorithm::EcdsaSha256,
    ))
}

fn serial(octets: &[u8]) -> CrlEntry {
    CrlEntry {
        serial: Serial::from_bytes(octets).unwrap(),
        time: NOW,
        reason: None,
        invalidity: None,
    }
}

/// The first pass over these entries.
fn counted(spec: &CrlSpec, entries: &[CrlEntry]) -> CrlWriter {
    let mut layout = spec.layout().unwrap();
    entries.iter().for_each(|entry| layout.add(entry).unwrap());
    assert_eq!(layout.entries(), entries.len() as u64);
    layout.begin(&mut Vec::new()).unwrap()
}

#[test]
fn lengths_are_right_at_every_size() {
    let spec = spec();
    // Around the places where a length takes one octet more.
    for count in [0, 1, 2, 3, 5, 6, 7, 8, 1700, 1800] {
        let entries = entries(count);
        let tbs = spec.to_tbs(&entries).unwrap();
        assert_eq!(classify(&tbs), Some(SignedStructure::Crl), "{count}");
        assert_eq!(counted(&spec, &entries).tbs_len(), tbs.len() as u64);
        if count == 0 {
            let list = tbs.windows(2).any(|window| window == [0x30, 0]);
            assert!(!list, "an empty list of revoked certificates");
        }
    }
}

#[test]
fn entries_must_ascend_by_the_octets_of_their_serial_numbers() {
    let spec = spec();
    let mut layout = spec.layout().unwrap();
    for octets in [
        &[0x01][..],
        &[0x01, 0x00],
        &[0x01, 0x01],
        &[0x7f, 0xff],
        &[0x80],
        &[0xff],
    ] {
        layout.add(&serial(octets)).unwrap();
    }
    assert_eq!(
        layout.add(&serial(&[0xff])),
        Err(BuildError::RepeatedSerial(serial(&[0xff]).serial))
    );
    assert!(matches!(
        layout.add(&serial(&[0x02])),
        Err(BuildError::SerialOrder { .. })
    ));
    assert_eq!(layout.entries(), 6);
    // The second pass refuses by itself.
    let mut writer = counted(&spec, &[serial(&[1]), serial(&[2])]);
    let mut out = Vec::new();
    writer.entry(&serial(&[2]), &mut out).unwrap();
    assert!(matches!(
        writer.entry(&serial(&[1]), &mut out),
        Err(BuildError::SerialOrder { .. })
    ));
}

#[test]
fn a_second_pass_that_differs_from_the_first_is_refused() {
    let spec = spec();
    let first = [serial(&[1]), serial(&[2]), serial(&[3])];
    let finish = |second: &[CrlEntry]| {
        let mut writer = counted(&spec, &first);
        let mut out = Vec::new();
        second
            .iter()
            .try_for_each(|entry| writer.entry(entry, &mut out))?;
        writer.finish(&mut out).map(|written| written.entries())
    };
    assert_eq!(finish(&first), Ok(3));
    let with_reason = CrlEntry {
        reason: Some(Reason::Superseded),
        ..first[2]
    };
    let later = CrlEntry {
        time: NOW + Duration::SECOND,
        ..first[1]
    };
    for second in [
        &first[..2],
        &[first[0], first[1], first[2], serial(&[4])],
        &[first[0], first[1], serial(&[4])],
        &[first[0], later, first[2]],
        &[first[0], first[1], with_reason],
        &[],
    ] {
        assert_eq!(finish(second), Err(BuildError::EntriesChanged), "{second:?}");
    }
}

#[test]
fn remove_from_crl_is_for_deltas() {
    let delta = CrlSpec {
        kind: CrlKind::Delta { base: 4711 },
        ..spec()
    };
    let removed = CrlEntry {
        reason: Some(Reason::RemoveFromCrl),
        ..serial(&[1])
    };
    assert!(delta.to_tbs(&[removed]).is_ok());
    assert_eq!(
        spec().to_tbs(&[removed]),
        Err(BuildError::RemoveFromFullCrl(removed.serial))
    );
    let ahead = CrlSpec {
        kind: CrlKind::Delta { base: 4712 },
        ..spec()
    };
    assert_eq!(
        ahead.to_tbs(&[]),
        Err(BuildError::BaseNumber {
            base: 4712,
            number: 4711
        })
    );
}

#[test]
fn what_a_list_cannot_say_is_refused() {
    for (spec, problem) in [
        (
            CrlSpec {
                issuer: x509::DistinguishedName::from_der(&[0x30, 0]).unwrap(),
                ..spec()
            },
            "must have a name",
        ),
        (
            CrlSpec {
                this_update: datetime!(1949-01-01 0:00 UTC),
                ..spec()
            },
            "1950 to 9999",
        ),
        (
            CrlSpec {
                shard: vec!["/7.crl".into()],
                ..spec()
            },
            "/7.crl",
        ),
        (
            CrlSpec {
                kind: CrlKind::Complete {
                    freshest: vec!["delta".into()],
                },
                ..spec()
            },
            "delta",
        ),
    ] {
        let refused = spec.layout().unwrap_err().to_string();
        assert!(refused.contains(problem), "{refused}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_entries_in_any_order_are_read_back(
        serials in prop::collection::hash_set(prop::collection::vec(1_u8.., 1..=20), 0..40),
        seconds in -631_152_000_i64..253_402_300_800,
        code in 0_u8..11,
    ) {
        let moment = time::OffsetDateTime::from_unix_timestamp(seconds).unwrap();
        let reason = Reason::from_code(code).filter(|reason| *reason != Reason::RemoveFromCrl);
        let entries: Vec<CrlEntry> = serials
            .iter()
            .map(|octets| CrlEntry { time: moment, reason, invalidity: Some(moment), ..serial(octets) })
            .collect();
        let ca = Authority::root(KeyAlgorithm::Ed25519, SignatureAlgorithm::Ed25519);
        let read = crate::judges::crl_of(&ca, &entries);
        prop_assert_eq!(read.entries().len(), entries.len());
        for entry in entries {
            let found = read.find(&entry.serial).unwrap();
            prop_assert_eq!((found.time, found.invalidity), (moment, Some(moment)));
            prop_assert_eq!(found.reason, reason.filter(|reason| *reason != Reason::Unspecified));
        }
    }
}
