//! CRLs as OpenSSL, GnuTLS and pkilint see them.
#![expect(clippy::unwrap_used, reason = "tests")]

use time::Duration;
use time::macros::datetime;
use x509::crl::{CertificateList, CrlEntry, CrlKind, CrlSpec, Reason};
use x509::extension::DistributionPoint;
use x509::{KeyAlgorithm, SignatureAlgorithm, assemble};

use super::pkilint::lint_crl;
use crate::csr::tool::Tool;
use crate::issue::{Authority, Hierarchy, NOW};

/// A complete list of this CA.
pub(crate) fn spec(ca: &Authority) -> CrlSpec {
    CrlSpec {
        signature_algorithm: ca.algorithm,
        issuer: ca.certificate.subject().clone(),
        aki: ca.certificate.subject_key_identifier().unwrap().to_vec(),
        number: 4711,
        this_update: NOW,
        next_update: NOW + Duration::days(7),
        kind: CrlKind::COMPLETE,
        shard: vec![],
    }
}

pub(super) fn sign(ca: &Authority, spec: &CrlSpec, entries: &[CrlEntry]) -> CertificateList {
    let tbs = spec.to_tbs(entries).unwrap();
    let signature = ca.holder.sign(&tbs, ca.algorithm);
    CertificateList::from_der(&assemble(&tbs, ca.algorithm, &signature).unwrap()).unwrap()
}

/// A CRL of these entries.
pub(crate) fn crl_of(ca: &Authority, entries: &[CrlEntry]) -> CertificateList {
    sign(ca, &spec(ca), entries)
}

fn judge(tool: &Tool, crl: &CertificateList, issuer: &Authority) -> String {
    tool.write("ca.crt", issuer.certificate.pem());
    tool.write("list.crl", crl.pem());
    lint_crl(tool, "list.crl");
    let info = tool.run("certtool --crl-info --infile list.crl");
    assert!(!info.contains("error"), "{info}");
    let verdict = tool.run("openssl crl -in list.crl -CAfile ca.crt -noout -text");
    assert!(verdict.contains("verify OK"), "{verdict}");
    verdict
}

#[test]
fn an_empty_list_satisfies_all_judges() {
    let ca = Authority::root(KeyAlgorithm::P384, SignatureAlgorithm::EcdsaSha384);
    let printed = judge(&Tool::new(), &crl_of(&ca, &[]), &ca);
    for expected in [
        "Version 2 (0x1)",
        "No Revoked Certificates",
        "X509v3 CRL Number: \n                4711",
    ] {
        assert!(printed.contains(expected), "{expected} is missing in\n{printed}");
    }
}

#[test]
fn every_reason_and_both_kinds_of_time_satisfy_all_judges() {
    let ca = Authority::root(KeyAlgorithm::Rsa(2048), SignatureAlgorithm::RsaPkcs1Sha256);
    let reasons = Reason::ALL
        .into_iter()
        .filter(|reason| *reason != Reason::RemoveFromCrl);
    let mut entries: Vec<CrlEntry> = reasons
        .map(|reason| CrlEntry {
            serial: x509::Serial::from_bytes(&[0xf0, reason.code() + 1]).unwrap(),
            time: datetime!(2026-11-01 08:00 UTC),
            reason: Some(reason),
            invalidity: None,
        })
        .collect();
    entries[1].invalidity = Some(datetime!(2026-10-01 08:00 UTC));
    entries[2].reason = None;
    let printed = judge(&Tool::new(), &crl_of(&ca, &entries), &ca);
    for expected in [
        "Serial Number: F001\n",
        "Key Compromise\n            Invalidity Date: \n                Oct  1 08:00:00 2026 GMT",
        "Certificate Hold",
        "AA Compromise",
    ] {
        assert!(printed.contains(expected), "{expected} is missing in\n{printed}");
    }
    assert!(
        !printed.contains("Unspecified") && !printed.contains("CA Compromise"),
        "{printed}"
    );
}

#[test]
fn a_list_after_2050_satisfies_all_judges() {
    let ca = Authority::root(KeyAlgorithm::P256, SignatureAlgorithm::EcdsaSha256);
    let mut list = spec(&ca);
    list.next_update = datetime!(2050-01-01 00:00 UTC);
    let printed = judge(&Tool::new(), &sign(&ca, &list, &[]), &ca);
    assert!(
        printed.contains("Next Update: Jan  1 00:00:00 2050 GMT"),
        "{printed}"
    );
}

#[test]
fn openssl_refuses_what_the_list_revokes() {
    let hierarchy = Hierarchy::any();
    let entry = CrlEntry {
        serial: hierarchy.leaf.serial().proper().unwrap(),
        time: NOW,
        reason: Some(Reason::Superseded),
        invalidity: None,
    };
    let tool = Tool::new();
    tool.write("root.crt", hierarchy.root.certificate.pem());
    tool.write("intermediate.crt", hierarchy.intermediate.certificate.pem());
    tool.write("leaf.crt", hierarchy.leaf.pem());
    for (entries, verdict) in [(vec![], Ok(())), (vec![entry], Err("certificate revoked"))] {
        let ca = &hierarchy.intermediate;
        tool.write("list.crl", crl_of(ca, &entries).pem());
        let when = NOW.unix_timestamp();
        let said = tool.attempt(&format!(
            "openssl verify -attime {when} -crl_check -CRLfile list.crl -CAfile root.crt -untrusted intermediate.crt leaf.crt"
        ));
        match verdict {
            Ok(()) => assert!(said.is_ok(), "{said:?}"),
            Err(reason) => assert!(
                said.as_ref().is_err_and(|printed| printed.contains(reason)),
                "{said:?}"
            ),
        }
    }
}

/// A list with a delta, and the delta.
fn base_and_delta(ca: &Authority, changes: &[CrlEntry], listed: &[CrlEntry]) -> [CertificateList; 2] {
    let base = CrlSpec {
        kind: CrlKind::Complete {
            freshest: vec!["http://pki.example.test/delta.crl".into()],
        },
        ..spec(ca)
    };
    let delta = CrlSpec {
        number: base.number + 3,
        kind: CrlKind::Delta { base: base.number },
        ..spec(ca)
    };
    [sign(ca, &base, listed), sign(ca, &delta, changes)]
}

#[test]
fn deltas_and_shards_satisfy_all_judges() {
    let ca = Authority::root(KeyAlgorithm::P256, SignatureAlgorithm::EcdsaSha256);
    let tool = Tool::new();
    let removed = CrlEntry {
        serial: x509::Serial::from_bytes(&[0x80, 1]).unwrap(),
        time: NOW,
        reason: Some(Reason::RemoveFromCrl),
        invalidity: None,
    };
    let hold = CrlEntry {
        reason: Some(Reason::CertificateHold),
        ..removed
    };
    let [base, delta] = base_and_delta(&ca, &[removed], &[hold]);
    let shard = CrlSpec {
        shard: vec!["http://pki.example.test/shards/7.crl".into()],
        ..spec(&ca)
    };
    let shard = sign(&ca, &shard, &[hold]);
    for (list, expected) in [
        (
            &base,
            &["X509v3 Freshest CRL", "URI:http://pki.example.test/delta.crl"][..],
        ),
        (
            &delta,
            &[
                "X509v3 Delta CRL Indicator: critical\n                4711",
                "Remove From CRL",
            ],
        ),
        (
            &shard,
            &[
                "X509v3 Issuing Distribution Point: critical",
                "URI:http://pki.example.test/shards/7.crl",
            ],
        ),
    ] {
        let printed = judge(&tool, list, &ca);
        for expected in expected {
            assert!(printed.contains(expected), "{expected} is missing in\n{printed}");
        }
    }
    assert_eq!(delta.extensions().base_number(), base.number());
    assert!(delta.extensions().is_delta() && !base.extensions().is_delta());
    assert_eq!(
        base.extensions().freshest_crl(),
        Ok(vec![DistributionPoint::at("http://pki.example.test/delta.crl")])
    );
    let point = shard.extensions().issuing_distribution_point().unwrap().unwrap();
    assert_eq!(point.names.uris, ["http://pki.example.test/shards/7.crl"]);
    assert_eq!(base.extensions().issuing_distribution_point(), Ok(None));
    let described = [base.describe(), delta.describe(), shard.describe()].concat();
    for expected in ["freshestCRL: http", "delta of: 4711", "(critical): http"] {
        assert!(
            described.contains(expected),
            "{expected} is missing in\n{described}"
        );
    }
}

#[test]
fn openssl_follows_a_delta() {
    let hierarchy = Hierarchy::any();
    let ca = &hierarchy.intermediate;
    let entry = |reason| CrlEntry {
        serial: hierarchy.leaf.serial().proper().unwrap(),
        time: NOW,
        reason: Some(reason),
        invalidity: None,
    };
    let tool = Tool::new();
    tool.write("root.crt", hierarchy.root.certificate.pem());
    tool.write("intermediate.crt", ca.certificate.pem());
    tool.write("leaf.crt", hierarchy.leaf.pem());
    let when = NOW.unix_timestamp();
    for (listed, changes, revoked) in [
        (vec![], vec![entry(Reason::KeyCompromise)], true),
        (
            vec![entry(Reason::CertificateHold)],
            vec![entry(Reason::RemoveFromCrl)],
            false,
        ),
        (vec![entry(Reason::CertificateHold)], vec![], true),
        (vec![], vec![], false),
    ] {
        let [base, delta] = base_and_delta(ca, &changes, &listed);
        tool.write("lists.pem", [base.pem(), delta.pem()].concat());
        let said = tool.attempt(&format!(
            "openssl verify -attime {when} -crl_check -extended_crl -use_deltas -CRLfile lists.pem -CAfile root.crt -untrusted intermediate.crt leaf.crt"
        ));
        let refused = said
            .as_ref()
            .is_err_and(|printed| printed.contains("certificate revoked"));
        assert_eq!((said.is_ok(), refused), (!revoked, revoked), "{said:?}");
    }
}

#[test]
fn a_list_written_in_pieces_satisfies_all_judges() {
    let ca = Authority::root(KeyAlgorithm::P384, SignatureAlgorithm::EcdsaSha384);
    let entries = crate::crl::entries(3000);
    let mut layout = spec(&ca).layout().unwrap();
    entries.iter().for_each(|entry| layout.add(entry).unwrap());
    let mut tbs = Vec::new();
    let mut writer = layout.begin(&mut tbs).unwrap();
    for entry in &entries {
        writer.entry(entry, &mut tbs).unwrap();
    }
    let written = writer.finish(&mut tbs).unwrap();
    let frame = written.close(&ca.holder.sign(&tbs, ca.algorithm)).unwrap();
    let der = [frame.before, tbs, frame.after].concat();
    let printed = judge(&Tool::new(), &CertificateList::from_der(&der).unwrap(), &ca);
    assert_eq!(printed.matches("Serial Number:").count(), entries.len());
}
