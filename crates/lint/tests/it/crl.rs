//! CRLs that stream by: judged the same in whatever pieces, in bounded memory, and nothing else passes to the signer.
#![expect(clippy::unwrap_used, reason = "tests")]

use lint::{CrlContext, CrlDigest, CrlLinter, Linted, OtherOctets, Refused, Severity, check_crl, lint_crl};
use x509::digest::sha256;

use crate::broken::lists;
use crate::forge::{LISTS, ListForge, complete, delta, entry, long, reason};

/// What is said of the list if it arrives in pieces of this size.
fn in_pieces(list: &ListForge, size: usize) -> Result<Linted<CrlDigest>, Refused> {
    let issuer = list.signer.certificate();
    let mut linter = CrlLinter::new();
    list.tbs().chunks(size).for_each(|piece| linter.push(piece));
    linter.finish(&CrlContext::issued_by(&issuer).covering(&list.shard))
}

fn whole(list: &ListForge) -> Linted<CrlDigest> {
    in_pieces(list, usize::MAX).unwrap()
}

#[test]
fn lists_in_pieces_of_any_size_are_judged_the_same() {
    let broken = lists().map(|case| case.forge());
    let good = LISTS.iter().map(|(_, list)| list());
    for list in broken.chain(good) {
        let findings = list.findings();
        let refused = findings.iter().any(|finding| finding.severity == Severity::Error);
        for size in [1, 2, 3, 7, 100, 5000] {
            match in_pieces(&list, size) {
                Ok(linted) => assert_eq!((linted.warnings(), refused), (findings.as_slice(), false)),
                Err(error) => assert_eq!((error.findings(), refused), (findings.as_slice(), true)),
            }
        }
    }
}

#[test]
fn what_streamed_by_is_known_by_length_and_hash() {
    let list = long(1000);
    let tbs = list.tbs();
    let linted = whole(&list);
    let digest = linted.get();
    assert_eq!(
        (digest.length(), digest.sha256(), digest.entries()),
        (tbs.len() as u64, sha256(&tbs), 1000)
    );
    assert!(digest.is_of(&tbs));
    assert!(!digest.is_of(&tbs[1..]));
    assert!(!digest.is_of(&delta().tbs()));
}

#[test]
fn a_whole_list_is_in_its_proof() {
    let list = complete();
    let issuer = list.signer.certificate();
    let context = CrlContext::issued_by(&issuer);
    let linted = lint_crl(list.tbs(), &context).unwrap();
    assert_eq!(
        (linted.get().der(), linted.warnings()),
        (&list.tbs()[..], &[][..])
    );
    let mut broken = list;
    broken.reason(0);
    let refused = lint_crl(broken.tbs(), &context).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "rfc5280_crl_reason_not_unspecified (entry 1, serial number 05: the reason is unspecified)"
    );
}

#[test]
fn the_gate_lets_the_list_pass_in_any_pieces() {
    let list = long(300);
    for size in [1, 1000, usize::MAX] {
        let mut gate = whole(&list).get().gate();
        for piece in list.tbs().chunks(size) {
            assert!(!gate.is_complete());
            gate.pass(piece).unwrap();
        }
        assert!(gate.is_complete());
        assert_eq!(gate.pass(b"x"), Err(OtherOctets));
    }
}

#[test]
fn the_gate_keeps_the_end_of_any_other_list() {
    let list = long(300);
    let digest = *whole(&list).get();
    let mut changed = list.tbs();
    let at = changed.len() / 2;
    changed[at] ^= 1;
    let longer = [list.tbs(), vec![0]].concat();
    for other in [changed, longer] {
        let mut gate = digest.gate();
        let passed = other
            .chunks(100)
            .take_while(|piece| gate.pass(piece).is_ok())
            .count();
        assert!(passed * 100 < other.len());
        assert!(!gate.is_complete());
    }
    // A shorter one never becomes complete.
    let mut gate = digest.gate();
    gate.pass(&list.tbs()[..1000]).unwrap();
    assert!(!gate.is_complete());
}

#[test]
fn every_prefix_of_a_list_is_refused() {
    let list = complete();
    let tbs = list.tbs();
    let issuer = list.signer.certificate();
    for end in 0..tbs.len() {
        let refused = lint_crl(tbs[..end].to_vec(), &CrlContext::issued_by(&issuer)).unwrap_err();
        assert!(refused.ids().any(|id| id == "rfc5280_crl_structure"), "{end}");
    }
}

/// The outer length says less than what is there: whether the rest was received already makes no difference.
#[test]
fn a_list_that_ends_early_is_judged_alike_in_pieces_of_any_size() {
    let list = complete();
    let issuer = list.signer.certificate();
    let context = CrlContext::issued_by(&issuer);
    let tbs = list.tbs();
    let header = 2 + usize::from(tbs[1] & 0x7f) * usize::from(tbs[1] >> 7);
    let content = &tbs[header..];
    for length in 0..content.len() {
        for after in [0x1f, 0x80] {
            let [high, low] = u16::try_from(length).unwrap().to_be_bytes();
            let mut short = vec![0x30, 0x82, high, low];
            short.extend_from_slice(&content[..length]);
            short.extend([after; 8]);
            let whole = check_crl(&short, Some(&context));
            for piece in [1, 8] {
                let mut linter = CrlLinter::new();
                short.chunks(piece).for_each(|octets| linter.push(octets));
                let refused = linter.finish(&context).unwrap_err();
                assert_eq!(refused.findings(), whole, "{length}, then {after:#x}, by {piece}");
            }
        }
    }
}

#[test]
fn the_first_broken_entry_of_many_is_told() {
    let mut list = complete();
    let entries: Vec<_> = (1..=200u8)
        .map(|at| entry(&[1, at], &[reason(if at > 150 { 0 } else { 1 })]))
        .collect();
    list.entries(&entries);
    let findings = list.findings();
    let [finding] = findings.as_slice() else {
        panic!("{findings:?}")
    };
    assert_eq!(
        finding.detail,
        "entry 151, serial number 0197: the reason is unspecified"
    );
}

#[test]
fn without_a_context_only_what_is_in_the_list_is_judged() {
    let mut list = complete();
    list.issuer = crate::forge::root().subject;
    assert_eq!(check_crl(&list.tbs(), None), []);
    assert_eq!(check_crl(&crate::forge::shard().tbs(), None), []);
}

#[test]
fn octets_that_are_no_list_are_refused() {
    let issuer = complete().signer.certificate();
    for octets in [
        Vec::new(),
        vec![0x30, 0],
        vec![0x30, 0x80, 0, 0],
        vec![0x30; 40],
        vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
        b"hello".to_vec(),
        crate::forge::leaf().tbs(),
        crate::forge::answers().tbs(),
    ] {
        let refused = lint_crl(octets, &CrlContext::issued_by(&issuer)).unwrap_err();
        assert!(refused.ids().any(|id| id == "rfc5280_crl_structure"));
    }
}

#[test]
fn a_long_list_needs_no_more_memory_than_a_short_one() {
    let list = long(200_000);
    let mut linter = CrlLinter::new();
    let tbs = list.tbs();
    tbs.chunks(64 * 1024).for_each(|piece| linter.push(piece));
    // What it holds is printed by Debug: buffers and counters, no entries.
    let held = format!("{linter:?}").len();
    assert!(tbs.len() > 6_000_000 && held < 20_000, "{held}");
    let issuer = list.signer.certificate();
    let linted = linter.finish(&CrlContext::issued_by(&issuer)).unwrap();
    assert_eq!(linted.get().entries(), 200_000);
}
