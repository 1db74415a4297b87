//! Octets that mean harm: nothing panics, nothing recurses without bound, and what passes can be read by others.
#![expect(clippy::indexing_slicing, reason = "tests")]

use lint::{Context, CrlContext, Finding, ResponseContext, Severity, check_crl, check_response, check_tbs};
use proptest::prelude::*;
use x509::Certificate;
use x509::crl::TbsCertListReader;

use crate::der::{all, bits, int, name, oid, seq, tlv, utf8};
use crate::forge::{BASES, CN, LISTS, RESPONSES, SAN, ca, client, dns, leaf, root};

/// One change to octets.
#[derive(Clone, Debug)]
enum Mutation {
    Replace(usize, u8),
    Flip(usize, u8),
    Insert(usize, u8),
    Remove(usize, usize),
    Double(usize, usize),
    Cut(usize),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = 0..1200usize;
    prop_oneof![
        (at.clone(), any::<u8>()).prop_map(|(at, octet)| Mutation::Replace(at, octet)),
        (at.clone(), 0..8u8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        (at.clone(), any::<u8>()).prop_map(|(at, octet)| Mutation::Insert(at, octet)),
        (at.clone(), 1..9usize).prop_map(|(at, many)| Mutation::Remove(at, many)),
        (at.clone(), 1..40usize).prop_map(|(at, many)| Mutation::Double(at, many)),
        at.prop_map(Mutation::Cut),
    ]
}

fn mutate(octets: &mut Vec<u8>, mutation: &Mutation) {
    if octets.is_empty() {
        return;
    }
    let length = octets.len();
    match *mutation {
        Mutation::Replace(at, octet) => octets[at % length] = octet,
        Mutation::Flip(at, bit) => octets[at % length] ^= 1 << bit,
        Mutation::Insert(at, octet) => octets.insert(at % length, octet),
        Mutation::Remove(at, many) => drop(octets.drain(at % length..(at % length + many).min(length))),
        Mutation::Double(at, many) => {
            let start = at % length;
            let piece = octets[start..(start + many).min(length)].to_vec();
            octets.splice(start..start, piece);
        }
        Mutation::Cut(at) => octets.truncate(at % length),
    }
}

/// What is told is short, and moves no cursor.
fn check_told(findings: &[Finding]) {
    for finding in findings {
        assert!(finding.detail.chars().count() < 500, "{finding}");
        assert!(!finding.detail.contains(['\0', '\n', '\x1b']), "{finding:?}");
    }
}

/// Judges octets in every context, and whether they are without error.
fn passes(tbs: &[u8]) -> bool {
    let issuer = ca().certificate();
    for context in [Context::issued_by(&issuer), Context::self_signed()] {
        check_told(&check_tbs(tbs, &context));
    }
    let findings = check_tbs(tbs, &Context::default());
    !findings.iter().any(|finding| finding.severity == Severity::Error)
}

/// A certificate around the TBS, which names ECDSA with SHA-256.
fn certificate_of(tbs: &[u8]) -> Vec<u8> {
    let signature = bits(0, &seq(&[int(&[1]), int(&[1])]));
    seq(&[tbs.to_vec(), crate::forge::ecdsa_sha256(), signature])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_certificates_never_panic_and_those_that_pass_can_be_parsed(
        base in 0..BASES.len(),
        mutations in proptest::collection::vec(mutation(), 1..4),
    ) {
        let forge = (BASES[base].subject)();
        let mut tbs = forge.tbs();
        mutations.iter().for_each(|mutation| mutate(&mut tbs, mutation));
        if passes(&tbs) && tbs.windows(forge.signature.len()).any(|part| part == forge.signature) {
            let parsed = Certificate::from_der(&certificate_of(&tbs)).map_err(|error| error.to_string());
            prop_assert!(parsed.is_ok(), "{parsed:?} {tbs:02x?}");
        }
    }

    #[test]
    fn mutated_crls_never_panic_and_those_that_pass_can_be_parsed(
        base in 0..LISTS.len(),
        mutations in proptest::collection::vec(mutation(), 1..4),
    ) {
        let list = (LISTS[base].1)();
        let mut tbs = list.tbs();
        mutations.iter().for_each(|mutation| mutate(&mut tbs, mutation));
        let issuer = list.signer.certificate();
        let context = CrlContext::issued_by(&issuer).covering(&list.shard);
        let findings = check_crl(&tbs, Some(&context));
        check_told(&findings);
        if !findings.iter().any(|finding| finding.severity == Severity::Error) {
            let mut reader = TbsCertListReader::new();
            prop_assert!(reader.push(&tbs).is_ok() && reader.finish().is_ok(), "{tbs:02x?}");
        }
    }

    #[test]
    fn mutated_responses_never_panic(
        base in 0..RESPONSES.len(),
        mutations in proptest::collection::vec(mutation(), 1..4),
    ) {
        let response = (RESPONSES[base].1)();
        let mut tbs = response.tbs();
        mutations.iter().for_each(|mutation| mutate(&mut tbs, mutation));
        let context = ResponseContext::new(&response.signer.certificate(), &ca().certificate());
        check_told(&check_response(&tbs, Some(&context)));
    }

    #[test]
    fn values_of_extensions_never_panic(
        base in 0..BASES.len(),
        at in any::<proptest::sample::Index>(),
        value in proptest::collection::vec(any::<u8>(), 0..40),
        keep in any::<bool>(),
    ) {
        let mut forge = (BASES[base].subject)();
        let length = forge.extensions.len();
        let extension = &mut forge.extensions[at.index(length)];
        if keep {
            // The outermost tag and length stay right.
            extension.value = tlv(extension.value[0], &value);
        } else {
            extension.value = value;
        }
        passes(&forge.tbs());
    }

    #[test]
    fn random_octets_never_panic(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(!passes(&octets));
    }

    #[test]
    fn names_of_any_octets_never_panic(kind in 0x80..0x90u8, octets in proptest::collection::vec(any::<u8>(), 0..80)) {
        let mut forge = client();
        forge.sans(&[tlv(kind, &octets), tlv(kind | 0x20, &octets)]);
        passes(&forge.tbs());
    }

    #[test]
    fn texts_of_any_characters_never_panic(text in any::<String>()) {
        let mut forge = leaf();
        forge.subject = name(&[(CN, utf8(&text))]);
        forge.sans(&[dns(&text), crate::forge::uri(&text), crate::forge::email(&text)]);
        passes(&forge.tbs());
    }
}

#[test]
fn every_prefix_of_a_certificate_is_judged() {
    let tbs = client().tbs();
    for end in 0..tbs.len() {
        assert!(!passes(&tbs[..end]), "{end}");
    }
}

#[test]
fn values_that_nest_without_end_do_not_exhaust_the_stack() {
    // 100,000 sequences that each say they hold all that follows.
    let mut nested = Vec::new();
    for depth in (0..100_000usize).rev() {
        let length = u32::try_from(depth * 6).unwrap().to_be_bytes();
        nested.extend([&[0x30, 0x84][..], &length].concat());
    }
    assert!(!passes(&nested));
    let mut forge = root();
    forge.add(
        "1.3.6.1.4.1.11129.2.4.2",
        false,
        nested[nested.len() - 30_000..].to_vec(),
    );
    assert!(!passes(&forge.tbs()));
}

#[test]
fn lists_of_many_thousands_are_judged() {
    let mut forge = leaf();
    let hosts: Vec<_> = (0..10_000)
        .map(|at| dns(&format!("h{at}.example.test")))
        .collect();
    forge.put(SAN, seq(&hosts));
    let policies: Vec<_> = (0..5_000).map(|_| seq(&[oid("1.2.3")])).collect();
    forge.put("2.5.29.32", seq(&policies));
    assert!(!passes(&forge.tbs()));
    let mut forge = leaf();
    for _ in 0..5_000 {
        forge.add("1.2.3", false, vec![5, 0]);
    }
    assert!(!passes(&forge.tbs()));
    let mut forge = leaf();
    forge.subject = seq(&vec![all(0x31, &[seq(&[oid(CN), utf8("a")])]); 10_000]);
    passes(&forge.tbs());
}
