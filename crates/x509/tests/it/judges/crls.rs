//! CRLs as OpenSSL, GnuTLS and pkilint see them.
#![expect(clippy::unwrap_used, reason = "tests")]

use time::Duration;
use time::macros::datetime;
use x509::crl::{CertificateList, CrlEntry, CrlSpec, Reason};
use x509::{KeyAlgorithm, SignatureAlgorithm, assemble};

use super::pkilint::lint_crl;
use crate::csr::tool::Tool;
use crate::issue::{Authority, Hierarchy, NOW};

fn spec(ca: &Authority, entries: Vec<CrlEntry>) -> CrlSpec {
    CrlSpec {
        signature_algorithm: ca.algorithm,
        issuer: ca.certificate.subject().clone(),
        aki: ca.certificate.subject_key_identifier().unwrap().to_vec(),
        number: 4711,
        this_update: NOW,
        next_update: NOW + Duration::days(7),
        entries,
    }
}

fn sign(ca: &Authority, spec: &CrlSpec) -> CertificateList {
    let tbs = spec.to_tbs().unwrap();
    let signature = ca.holder.sign(&tbs, ca.algorithm);
    CertificateList::from_der(&assemble(&tbs, ca.algorithm, &signature).unwrap()).unwrap()
}

/// A CRL of these entries.
pub(crate) fn crl_of(ca: &Authority, entries: Vec<CrlEntry>) -> CertificateList {
    sign(ca, &spec(ca, entries))
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
    let printed = judge(&Tool::new(), &sign(&ca, &spec(&ca, vec![])), &ca);
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
    let printed = judge(&Tool::new(), &sign(&ca, &spec(&ca, entries)), &ca);
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
    let mut list = spec(&ca, vec![]);
    list.next_update = datetime!(2050-01-01 00:00 UTC);
    let printed = judge(&Tool::new(), &sign(&ca, &list), &ca);
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
        tool.write("list.crl", sign(ca, &spec(ca, entries)).pem());
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
