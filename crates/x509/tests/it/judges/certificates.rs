//! Hierarchies of every signature algorithm, times around 2050, all kinds of names and extensions.

use time::OffsetDateTime;
use time::macros::datetime;
use x509::validity::NO_EXPIRY;
use x509::{Extension, KeyAlgorithm, SignatureAlgorithm, Validity};

use super::pkilint::{lint_certificate, lint_link};
use crate::csr::holder::Holder;
use crate::csr::tool::Tool;
use crate::issue::{Authority, Hierarchy, NOW, every_kind_of_san, leaf_spec, spec};

const FILES: [&str; 3] = ["root.crt", "intermediate.crt", "leaf.crt"];

fn written(hierarchy: &Hierarchy) -> Tool {
    let tool = Tool::new();
    let certificates = [
        &hierarchy.root.certificate,
        &hierarchy.intermediate.certificate,
        &hierarchy.leaf,
    ];
    for (file, certificate) in FILES.iter().zip(certificates) {
        tool.write(file, certificate.pem());
    }
    tool.write(
        "chain.pem",
        certificates.iter().rev().map(|c| c.pem()).collect::<String>(),
    );
    tool
}

fn at(moment: OffsetDateTime) -> String {
    format!("-attime {}", moment.unix_timestamp())
}

/// All judges on one hierarchy.
fn judge(key: KeyAlgorithm, algorithm: SignatureAlgorithm) {
    let hierarchy = Hierarchy::lasting(key, algorithm);
    let tool = written(&hierarchy);
    let when = at(NOW);
    let verdict = tool.run(&format!(
        "openssl verify -x509_strict -check_ss_sig {when} -purpose sslserver -verify_hostname web.example.test \
         -CAfile root.crt -untrusted intermediate.crt leaf.crt"
    ));
    assert_eq!(verdict.trim(), "leaf.crt: OK");
    let verdict = tool.run(
        "certtool --verify --verify-profile medium --load-ca-certificate root.crt --infile chain.pem \
         --verify-hostname web.example.test",
    );
    assert!(
        verdict.contains("Chain verification output: Verified."),
        "{verdict}"
    );
    for (file, certificate) in FILES
        .iter()
        .zip([&hierarchy.root.certificate, &hierarchy.intermediate.certificate])
    {
        let printed = tool.run(&format!("openssl x509 -in {file} -noout -serial -text"));
        let serial = certificate.serial().to_string().to_uppercase();
        assert!(
            printed.contains(&format!("serial={serial}\n"))
                || printed.contains(&format!("serial=0{serial}\n")),
            "{printed}"
        );
        assert!(
            printed.contains("CA:TRUE") && printed.contains("Certificate Sign, CRL Sign"),
            "{printed}"
        );
    }
    for file in FILES {
        let info = tool.run(&format!("certtool --certificate-info --infile {file}"));
        assert!(!info.contains("error") && !info.contains("unknown"), "{info}");
        lint_certificate(&tool, file);
    }
}

#[test]
fn p256_hierarchy_satisfies_all_judges() {
    judge(KeyAlgorithm::P256, SignatureAlgorithm::EcdsaSha256);
}

#[test]
fn p384_hierarchy_satisfies_all_judges() {
    judge(KeyAlgorithm::P384, SignatureAlgorithm::EcdsaSha384);
}

#[test]
fn p521_hierarchy_satisfies_all_judges() {
    judge(KeyAlgorithm::P521, SignatureAlgorithm::EcdsaSha512);
}

#[test]
fn ed25519_hierarchy_satisfies_all_judges() {
    judge(KeyAlgorithm::Ed25519, SignatureAlgorithm::Ed25519);
}

#[test]
fn rsa_hierarchy_satisfies_all_judges() {
    judge(KeyAlgorithm::Rsa(2048), SignatureAlgorithm::RsaPkcs1Sha256);
}

#[test]
fn rsa_pss_hierarchy_satisfies_all_judges() {
    judge(KeyAlgorithm::Rsa(2048), SignatureAlgorithm::RsaPssSha256);
}

#[test]
fn every_hash_of_rsa_verifies() {
    let holder = Holder::new(KeyAlgorithm::Rsa(2048));
    for algorithm in holder.algorithms() {
        let mut root = spec("CN=Test Root", holder.public_key(), algorithm);
        root.extensions = crate::issue::ca_extensions(&holder.public_key(), None);
        let tool = Tool::new();
        tool.write("root.crt", crate::issue::sign(&root, &holder).pem());
        let when = at(NOW);
        tool.run(&format!(
            "openssl verify -x509_strict -check_ss_sig {when} -CAfile root.crt root.crt"
        ));
    }
}

#[test]
fn links_of_a_chain_satisfy_pkilint() {
    let tool = written(&Hierarchy::any());
    lint_link(&tool, "root.crt", "intermediate.crt");
    lint_link(&tool, "intermediate.crt", "leaf.crt");
}

#[test]
fn times_around_2050_mean_the_same_to_others() {
    let ca = Authority::root(KeyAlgorithm::P256, SignatureAlgorithm::EcdsaSha256);
    let tool = Tool::new();
    for (end, printed, with_lint) in [
        (
            datetime!(2049-12-31 23:59:58 UTC),
            "Dec 31 23:59:58 2049 GMT",
            false,
        ),
        (
            datetime!(2049-12-31 23:59:59 UTC),
            "Dec 31 23:59:59 2049 GMT",
            true,
        ),
        (
            datetime!(2050-01-01 00:00:00 UTC),
            "Jan  1 00:00:00 2050 GMT",
            true,
        ),
        (
            datetime!(2050-01-01 00:00:01 UTC),
            "Jan  1 00:00:01 2050 GMT",
            false,
        ),
        (NO_EXPIRY, "Dec 31 23:59:59 9999 GMT", true),
    ] {
        let mut spec = leaf_spec(ca.holder.public_key(), ca.algorithm);
        spec.validity = Validity::new(NOW, end).unwrap();
        tool.write("leaf.crt", ca.issue(spec).pem());
        let dates = tool.run("openssl x509 -in leaf.crt -noout -dates");
        assert_eq!(
            dates,
            format!("notBefore=Nov 24 12:00:00 2026 GMT\nnotAfter={printed}\n")
        );
        if with_lint {
            lint_certificate(&tool, "leaf.crt");
        }
    }
}

#[test]
fn openssl_reads_the_period_as_we_do() {
    let hierarchy = Hierarchy::any();
    let tool = written(&hierarchy);
    let verify = |moment: OffsetDateTime| {
        let when = at(moment);
        tool.attempt(&format!(
            "openssl verify {when} -CAfile root.crt -untrusted intermediate.crt leaf.crt"
        ))
    };
    let Validity {
        not_before,
        not_after,
    } = hierarchy.leaf.validity();
    // In the last second itself OpenSSL 3.0 differs from RFC 5280, which counts it in.
    assert!(verify(not_before).is_ok() && verify(not_after - time::Duration::SECOND).is_ok());
    assert!(verify(not_before - time::Duration::SECOND).is_err_and(|said| said.contains("not yet valid")));
    assert!(verify(not_after + time::Duration::SECOND).is_err_and(|said| said.contains("expired")));
}

#[test]
fn every_kind_of_alternative_name_is_understood() {
    let tool = written(&Hierarchy::any());
    let printed = tool.run("openssl x509 -in leaf.crt -noout -ext subjectAltName");
    for expected in [
        "DNS:web.example.test",
        "DNS:*.xn--bcher-kva.example.test",
        "IP Address:192.0.2.7",
        "IP Address:2001:DB8:0:0:0:0:0:7",
        "email:first.last@example.test",
        "othername: SmtpUTF8Mailbox::jürgen@example.test",
        "URI:spiffe://example.test/svc/ca",
        "DirName:/C=DE/O=Example Org/CN=web",
        "Registered ID:1.3.6.1.4.1.55555.1",
        "othername: UPN::user@example.test",
    ] {
        assert!(printed.contains(expected), "{expected} is missing in\n{printed}");
    }
    let info = tool.run("certtool --certificate-info --infile leaf.crt");
    for expected in [
        "DNSname: web.example.test",
        "IPAddress: 2001:db8::7",
        "RFC822Name: first.last@example.test",
        "URI: spiffe://example.test/svc/ca",
        "directoryName: CN=web,O=Example Org,C=DE",
    ] {
        assert!(info.contains(expected), "{expected} is missing in\n{info}");
    }
}

#[test]
fn every_extension_of_a_leaf_is_understood() {
    let tool = written(&Hierarchy::any());
    let printed = tool.run("openssl x509 -in leaf.crt -noout -text");
    for expected in [
        "X509v3 Key Usage: critical\n                Digital Signature\n",
        "X509v3 Extended Key Usage: \n                TLS Web Server Authentication, TLS Web Client Authentication\n",
        "X509v3 CRL Distribution Points: \n                Full Name:\n                  URI:http://pki.example.test/1.crl\n",
        "OCSP - URI:http://ocsp.example.test/\n                CA Issuers - URI:http://pki.example.test/1.cer\n",
        "Policy: 1.3.6.1.4.1.55555.9\n",
        "TLS Feature: \n                status_request\n",
    ] {
        assert!(printed.contains(expected), "{expected} is missing in\n{printed}");
    }
}

#[test]
fn key_identifiers_are_those_that_openssl_computes() {
    let hierarchy = Hierarchy::any();
    let tool = written(&hierarchy);
    tool.write(
        "empty.cnf",
        "[v3]\nsubjectKeyIdentifier=hash\n[req]\ndistinguished_name=dn\n[dn]\n",
    );
    tool.write(
        "leaf.spki",
        x509::pem::encode("PUBLIC KEY", hierarchy.leaf.spki()),
    );
    tool.run("openssl ecparam -name P-256 -genkey -noout -out any.key");
    tool.run("openssl req -new -key any.key -subj /CN=a -config empty.cnf -out any.csr");
    // The SHA-1 of the key bits, as OpenSSL's `hash` makes it of a forced public key.
    let made = tool.run(
        "openssl x509 -req -in any.csr -signkey any.key -force_pubkey leaf.spki -keyform PEM -extfile empty.cnf \
         -extensions v3 -out forced.crt",
    );
    assert!(!made.contains("rror"), "{made}");
    let ski = |file: &str| {
        tool.run(&format!(
            "openssl x509 -in {file} -noout -ext subjectKeyIdentifier"
        ))
    };
    assert_eq!(ski("forced.crt"), ski("leaf.crt"));
}

#[test]
fn a_nameless_subject_needs_critical_names() {
    let ca = Authority::root(KeyAlgorithm::P256, SignatureAlgorithm::EcdsaSha256);
    let mut spec = leaf_spec(ca.holder.public_key(), ca.algorithm);
    spec.subject = x509::DistinguishedName::default();
    spec.extensions
        .retain(|extension| extension.oid() != x509::extension::oids::SUBJECT_ALT_NAME);
    spec.extensions
        .push(Extension::subject_alt_name(&every_kind_of_san(), true).unwrap());
    let tool = Tool::new();
    tool.write("root.crt", ca.certificate.pem());
    tool.write("leaf.crt", ca.issue(spec).pem());
    tool.run(&format!(
        "openssl verify -x509_strict {} -CAfile root.crt leaf.crt",
        at(NOW)
    ));
    lint_certificate(&tool, "leaf.crt");
}

#[test]
fn responders_and_short_lived_leaves_satisfy_pkilint() {
    let ca = Authority::root(KeyAlgorithm::P256, SignatureAlgorithm::EcdsaSha256);
    for (purpose, last) in [
        (x509::Eku::OcspSigning, Extension::ocsp_no_check()),
        (x509::Eku::ServerAuth, Extension::no_rev_avail()),
    ] {
        let mut spec = spec("CN=ocsp.example.test", ca.holder.public_key(), ca.algorithm);
        spec.extensions = vec![
            Extension::key_usage(x509::KeyUsageFlags::DIGITAL_SIGNATURE).unwrap(),
            Extension::extended_key_usage(vec![purpose]).unwrap(),
            Extension::subject_alt_name(&crate::issue::sans(&["dns:ocsp.example.test"]), false).unwrap(),
            last,
        ];
        let tool = Tool::new();
        tool.write("leaf.crt", ca.issue(spec).pem());
        lint_certificate(&tool, "leaf.crt");
    }
}
