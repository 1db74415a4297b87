//! Lists that stream by.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::LazyLock;

use proptest::prelude::*;
use x509::asn1::{Writer, tag};
use x509::crl::{CrlEntry, CrlError, CrlKind, CrlSpec, Reason, TbsCertListReader, TbsCertListSummary};
use x509::kind::{SignedStructure, classify};
use x509::{DerError, KeyAlgorithm, Serial, SignatureAlgorithm};

use super::{entries, entry};
use crate::issue::{Authority, NOW};
use crate::judges::crl_spec;

fn spec() -> CrlSpec {
    CrlSpec {
        kind: CrlKind::Delta { base: 4700 },
        shard: vec!["http://pki.example.test/7.crl".into()],
        ..crl_spec(&Authority::root(
            KeyAlgorithm::P256,
            SignatureAlgorithm::EcdsaSha256,
        ))
    }
}

/// A list with everything.
static LIST: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let removed = CrlEntry {
        reason: Some(Reason::RemoveFromCrl),
        ..entry(77)
    };
    let mut entries = entries(20);
    entries.push(removed);
    spec().to_tbs(&entries).unwrap()
});

fn read(tbs: &[u8], piece: usize) -> Result<TbsCertListSummary, CrlError> {
    let mut reader = TbsCertListReader::new();
    for octets in tbs.chunks(piece) {
        reader.push(octets)?;
    }
    reader.finish()
}

#[test]
fn a_list_in_pieces_of_any_size_is_the_same_list() {
    let spec = spec();
    let entries = entries(300);
    let tbs = spec.to_tbs(&entries).unwrap();
    let whole = read(&tbs, tbs.len()).unwrap();
    assert_eq!(whole.entries, 300);
    assert_eq!(whole.length, tbs.len() as u64);
    assert_eq!(whole.header.version, 2);
    assert_eq!(whole.header.issuer, spec.issuer);
    assert_eq!(whole.header.signature_algorithm, spec.signature_algorithm);
    assert_eq!(whole.header.this_update, NOW);
    assert_eq!(whole.header.next_update, Some(spec.next_update));
    assert_eq!(
        whole.extensions.authority_key_identifier().as_ref(),
        Some(&spec.aki)
    );
    assert_eq!(whole.extensions.number(), Some(4711));
    assert_eq!(whole.extensions.base_number(), Some(4700));
    assert!(whole.extensions.is_delta());
    let point = whole.extensions.issuing_distribution_point().unwrap().unwrap();
    assert_eq!(point.names.uris, spec.shard);
    for piece in [1, 2, 3, 7, 64, 1000, 16 * 1024, 16 * 1024 + 1] {
        assert_eq!(read(&tbs, piece).as_ref(), Ok(&whole), "{piece}");
    }
    let empty = crl_spec(&Authority::root(
        KeyAlgorithm::Ed25519,
        SignatureAlgorithm::Ed25519,
    ));
    let empty = read(&empty.to_tbs(&[]).unwrap(), 5).unwrap();
    assert_eq!((empty.entries, empty.extensions.is_delta()), (0, false));
}

/// The outer length says less than what is there: whether the rest was received already makes no difference.
#[test]
fn a_list_that_ends_early_is_refused_alike_in_pieces_of_any_size() {
    let (_, content) = LIST.split_at(LIST.len() - usize::from(u16::from_be_bytes([LIST[2], LIST[3]])));
    assert_eq!(LIST[1], 0x82);
    for length in 0..content.len() {
        for after in [0x00, 0x1f, 0x30, 0x80, 0xff] {
            let mut short = Vec::new();
            Writer::append(&mut short, |writer| writer.header(tag::SEQUENCE, length));
            short.extend_from_slice(&content[..length]);
            short.extend([after; 8]);
            let whole = read(&short, short.len());
            assert!(whole.is_err(), "{length}");
            for piece in [1, 2, 3, 5] {
                assert_eq!(
                    read(&short, piece),
                    whole,
                    "{length}, then {after:#x}, by {piece}"
                );
            }
        }
    }
}

#[test]
fn the_header_is_there_before_the_entries_are() {
    let mut reader = TbsCertListReader::new();
    let mut seen_at = None;
    for (at, octet) in LIST.iter().enumerate() {
        reader.push(&[*octet]).unwrap();
        if reader.header().is_some() {
            seen_at = seen_at.or(Some(at));
        }
    }
    assert!(seen_at.unwrap() < 200, "{seen_at:?}");
    assert_eq!(reader.header(), Some(&read(&LIST, 9).unwrap().header));
    reader.finish().unwrap();
}

#[test]
fn a_cut_at_any_place_and_anything_behind_is_refused() {
    for end in 0..LIST.len() {
        let refused = read(&LIST[..end], 50);
        assert!(
            matches!(
                refused,
                Err(CrlError::Der {
                    source: DerError::Truncated,
                    ..
                })
            ),
            "cut at {end}: {refused:?}"
        );
    }
    let longer = [&LIST[..], &[0]].concat();
    assert!(matches!(
        read(&longer, 50),
        Err(CrlError::Der {
            part: "tbsCertList",
            source: DerError::Trailing
        })
    ));
}

#[test]
fn whatever_is_taken_is_a_list_and_nothing_else() {
    let mut taken = 0;
    for place in 0..LIST.len() {
        for bit in 0..8 {
            let mut changed = LIST.clone();
            changed[place] ^= 1 << bit;
            if read(&changed, 33).is_ok() {
                taken += 1;
                assert_eq!(classify(&changed), Some(SignedStructure::Crl), "octet {place}");
            }
        }
    }
    // In serial numbers, times, names and reasons.
    assert!(taken > 1000, "{taken}");
}

#[test]
fn other_structures_are_refused_at_their_first_wrong_part() {
    let root = Authority::root(KeyAlgorithm::P256, SignatureAlgorithm::EcdsaSha256);
    let mut reader = TbsCertListReader::new();
    let refused = reader.push(root.certificate.tbs_der()).unwrap_err();
    assert!(
        refused.to_string().starts_with("signature of the CRL"),
        "{refused}"
    );
    let refused = TbsCertListReader::new().push(b"hello").unwrap_err().to_string();
    assert!(refused.starts_with("tbsCertList"), "{refused}");
}

/// A list by hand: version, entries and extensions as given.
fn forged(version: &[u8], entries: Option<&[u8]>, extensions: &[u8]) -> Vec<u8> {
    Writer::one(tag::SEQUENCE, |out| {
        out.raw(version);
        out.raw(&[0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]);
        out.raw(spec().issuer.der());
        out.primitive(tag::UTC_TIME, b"261124120000Z");
        if let Some(entries) = entries {
            out.sequence(|list| list.raw(entries));
        }
        out.raw(extensions);
    })
}

#[test]
fn what_a_list_must_not_have_is_refused_by_name() {
    let plain = b"\x30\x12\x02\x01\x05\x17\x0d260101000000Z";
    let removed =
        b"\x30\x20\x02\x01\x05\x17\x0d260101000000Z\x30\x0c\x30\x0a\x06\x03\x55\x1d\x15\x04\x03\x0a\x01\x08";
    let number = |value: &[u8]| {
        Writer::one(tag::context_constructed(0), |out| {
            out.sequence(|list| {
                list.sequence(|one| {
                    one.raw(&[6, 3, 0x55, 0x1d, 0x14]);
                    one.primitive(tag::OCTET_STRING, value);
                });
            });
        })
    };
    let (one, two) = (&[][..], &[2, 1, 1][..]);
    let three = &[2, 1, 2][..];
    assert_eq!(read(&forged(one, None, &[]), 9).unwrap().header.version, 1);
    assert_eq!(read(&forged(one, Some(plain), &[]), 9).unwrap().entries, 1);
    assert_eq!(
        read(&forged(two, Some(plain), &number(&[2, 1, 7])), 9)
            .unwrap()
            .extensions
            .number(),
        Some(7)
    );
    for (tbs, expected) in [
        (forged(three, None, &[]), "version"),
        (forged(two, Some(&[5, 0]), &[]), "revokedCertificates"),
        (forged(two, Some(&plain[..5]), &[]), "revokedCertificates"),
        (forged(one, None, &number(&[2, 1, 7])), "only CRLs of version 2"),
        (forged(one, Some(removed), &[]), "only CRLs of version 2"),
        (forged(two, Some(removed), &[]), "removeFromCRL"),
        (forged(two, None, &number(&[2, 1, 0xff])), "cRLNumber"),
        (forged(two, None, &number(&[5, 0])), "cRLNumber"),
        (forged(two, None, &[5, 0]), "crlExtensions"),
        (
            forged(two, None, &[&number(&[2, 1, 7])[..], &[5, 0]].concat()),
            "crlExtensions",
        ),
    ] {
        let refused = read(&tbs, 9).unwrap_err().to_string();
        assert!(refused.starts_with(expected), "{expected}: {refused}");
    }
}

/// RFC 5280 leaves out what is empty, and others write it.
#[test]
fn what_only_our_own_lists_leave_out_is_read_in_lists_of_others() {
    let two = &[2, 1, 1][..];
    let entry = b"\x30\x14\x02\x01\x05\x17\x0d260101000000Z\x30\x00";
    let authority = |value: &[u8]| {
        Writer::one(tag::context_constructed(0), |out| {
            out.sequence(|list| {
                list.sequence(|one| {
                    one.raw(&[6, 3, 0x55, 0x1d, 0x23]);
                    one.primitive(tag::OCTET_STRING, value);
                });
            });
        })
    };
    for (tbs, part) in [
        (forged(two, Some(&[]), &[]), "revokedCertificates"),
        (forged(two, Some(entry), &[]), "revokedCertificates"),
        (forged(two, None, &[0xa0, 2, 0x30, 0]), "crlExtensions"),
        (
            forged(two, None, &authority(&[0x30, 0])),
            "authorityKeyIdentifier",
        ),
        (
            forged(two, None, &authority(&[0x30, 7, 0xa1, 2, 0xa4, 0, 0x82, 1, 1])),
            "authorityKeyIdentifier",
        ),
    ] {
        assert!(read(&tbs, 9).is_ok(), "{part}: {:?}", read(&tbs, 9));
        let mut ours = TbsCertListReader::ascending();
        let refused = ours.push(&tbs).and_then(|()| ours.finish().map(|_| ()));
        let refused = refused.unwrap_err().to_string();
        assert!(refused.starts_with(part), "{part}: {refused}");
    }
    let refused = read(&forged(two, None, &authority(&[5, 0])), 9).unwrap_err();
    assert!(
        refused.to_string().starts_with("authorityKeyIdentifier"),
        "{refused}"
    );
}

#[test]
fn a_value_that_would_fill_memory_is_refused_by_its_length() {
    let mut reader = TbsCertListReader::new();
    // 4 GiB of a name that never comes.
    let mut head = vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 2, 1, 1];
    head.extend([0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]);
    reader.push(&head).unwrap();
    let refused = reader.push(&[0x30, 0x84, 0xf0, 0, 0, 0]).unwrap_err().to_string();
    assert!(refused.contains("64 KiB"), "{refused}");
}

proptest! {
    #[test]
    fn random_octets_are_survived(octets in prop::collection::vec(any::<u8>(), 0..300), piece in 1_usize..50) {
        let _ = read(&octets, piece);
    }
}

#[test]
fn a_reader_of_ascending_entries_sees_every_repetition() {
    let read = |entries: Vec<CrlEntry>| {
        let tbs = spec().to_tbs(&entries).unwrap();
        let mut reader = TbsCertListReader::ascending();
        reader.push(&tbs)?;
        Ok::<_, CrlError>(reader.finish()?.entries)
    };
    assert_eq!(read(entries(300)), Ok(300));
    assert_eq!(read(Vec::new()), Ok(0));

    let numbered = |first: u8| CrlEntry {
        serial: Serial::from_bytes(&[first, 0x51]).unwrap(),
        ..entry(4)
    };
    let tbs = spec().to_tbs(&[1, 2, 3].map(numbered)).unwrap();
    let refused = |numbers: [u8; 3]| {
        let mut changed = tbs.clone();
        for (number, becomes) in [1, 2, 3].into_iter().zip(numbers) {
            let integer = [tag::INTEGER, 2, number, 0x51];
            let at = tbs.windows(4).position(|octets| octets == integer).unwrap();
            changed[at + 2] = becomes;
        }
        // Whoever reads lists of others takes any order.
        TbsCertListReader::new().push(&changed).unwrap();
        TbsCertListReader::ascending().push(&changed).unwrap_err()
    };
    let serial = |first| numbered(first).serial;
    assert_eq!(refused([1, 1, 3]), CrlError::RepeatedSerial(serial(1)));
    assert_eq!(refused([1, 3, 3]), CrlError::RepeatedSerial(serial(3)));
    let order = CrlError::SerialOrder {
        serial: serial(2),
        after: serial(3),
    };
    assert_eq!(refused([1, 3, 2]), order);
    let negative = refused([1, 2, 0x83]).to_string();
    assert!(negative.contains("the serial number is negative"), "{negative}");
}
