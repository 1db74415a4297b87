//! Subordinate CAs whose names other tools encoded: their subject and key identifier survive, and chains verify.

use std::fs;

use testkit::judges::{Chain, Judge};
use x509::{Certificate, Csr};

use crate::world::Ceremony;

const IDENTIFIER: &str = "0102030405060708090a0b0c";

/// `<name>.csr` of a CA with a PrintableString subject and a key identifier of its own.
fn printable(ceremony: &Ceremony, name: &str) {
    let config = format!(
        "[req]\nprompt = no\nstring_mask = nombstr\ndistinguished_name = dn\nreq_extensions = ext\n[dn]\n\
         C = DE\nO = EXAMPLE.TEST\nCN = IssuingAuthority\n[ext]\nsubjectKeyIdentifier = {IDENTIFIER}\n"
    );
    fs::write(ceremony.path("ca.cnf"), config).unwrap();
    let (key, csr) = (format!("{name}.key"), format!("{name}.csr"));
    let new = "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config ca.cnf";
    let arguments: Vec<&str> = new.split(' ').chain(["-keyout", &key, "-out", &csr]).collect();
    ceremony.openssl(&arguments).ok();
}

/// `again.crt`: the key and the name of `issuing`, its values as UTF8String, under the root `other.crt`.
fn typed_again(ceremony: &Ceremony) {
    let extensions = format!(
        "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier={IDENTIFIER}\n"
    );
    fs::write(ceremony.path("again.ext"), extensions).unwrap();
    for command in [
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout other.key -out other.crt -days 30 -subj /CN=Other",
        "req -new -key issuing.key -out again.csr -subj /C=DE/O=EXAMPLE.TEST/CN=IssuingAuthority",
        "x509 -req -in again.csr -CA other.crt -CAkey other.key -days 30 -extfile again.ext -out again.crt",
    ] {
        ceremony.openssl(&command.split(' ').collect::<Vec<_>>()).ok();
    }
}

fn certificate(ceremony: &Ceremony, name: &str) -> Certificate {
    Certificate::from_pem(ceremony.read(name).as_bytes()).unwrap()
}

#[test]
fn a_subordinate_keeps_its_subject_and_key_identifier_and_its_chain_verifies() {
    let ceremony = Ceremony::with_root();
    printable(&ceremony, "issuing");
    ceremony.sign("issuing", &["--out", "issuing.crt"]).ok();
    let csr = Csr::from_pem_or_der(ceremony.read("issuing.csr").as_bytes()).unwrap();
    let issuing = certificate(&ceremony, "issuing.crt");
    assert_eq!(issuing.subject().der(), csr.subject().der());
    let identifier = data_encoding::HEXLOWER.encode(issuing.subject_key_identifier().unwrap());
    assert_eq!(identifier, IDENTIFIER);

    ceremony.leaf("web", "web.example.test");
    let leaf = certificate(&ceremony, "web.crt");
    leaf.verify_signed_by(&issuing).unwrap();
    let root = certificate(&ceremony, "root/root.crt");
    issuing.verify_signed_by(&root).unwrap();
    let verify = "verify -x509_strict -CAfile root/root.crt -untrusted issuing.crt web.crt";
    ceremony.openssl(&verify.split(' ').collect::<Vec<_>>()).ok();
    let [root, intermediate, leaf] =
        ["root/root.crt", "issuing.crt", "web.crt"].map(|name| ceremony.path(name));
    let chain = Chain {
        root: &root,
        intermediate: &intermediate,
        leaf: &leaf,
    };
    for judge in Judge::ALL {
        assert_eq!(judge.objection(&chain).unwrap(), None, "{judge:?}");
    }
    // Where a root writes the subject in a way of its own, the chain breaks for those who compare octets.
    typed_again(&ceremony);
    let [root, intermediate] = ["other.crt", "again.crt"].map(|name| ceremony.path(name));
    let chain = Chain {
        root: &root,
        intermediate: &intermediate,
        ..chain
    };
    let objecting = Judge::ALL
        .into_iter()
        .filter(|judge| judge.objection(&chain).unwrap().is_some());
    assert_eq!(
        objecting.collect::<Vec<_>>(),
        [Judge::Go, Judge::Nss, Judge::Rustls]
    );
}

/// RFC 4516: the server of one's own needs no name.
#[test]
fn a_crl_in_a_directory_is_pointed_to() {
    const NO_HOST: &str =
        "ldap:///CN=Root,O=Example?certificateRevocationList;binary?base?objectClass=cRLDistributionPoint";
    const HOST: &str = "ldap://ldap.example.test/CN=Root?certificateRevocationList;binary";
    let ceremony = Ceremony::with_root();
    ceremony.csr("issuing", "/O=Example/CN=Issuing");
    ceremony
        .sign(
            "issuing",
            &["--crl-url", NO_HOST, "--crl-url", HOST, "--out", "issuing.crt"],
        )
        .ok();
    let shown = ceremony
        .openssl(&["x509", "-in", "issuing.crt", "-noout", "-text"])
        .ok()
        .stdout;
    for url in [NO_HOST, HOST] {
        assert!(shown.contains(&format!("URI:{url}\n")), "{url}: {shown}");
    }
    let http = "http:///root.crl";
    ceremony.sign("issuing", &["--crl-url", http]).refused(3, http);
}

#[test]
fn a_subject_given_by_hand_replaces_one_that_could_not_be_certified() {
    let ceremony = Ceremony::with_root();
    ceremony.csr("bad", "/O=Example/OU=-/CN=Sub");
    ceremony.sign("bad", &[]).refused(1, "OU");
    ceremony
        .sign("bad", &["--subject", "CN=Sub,O=Example", "--out", "good.crt"])
        .ok();
    assert_eq!(
        certificate(&ceremony, "good.crt").subject().to_string(),
        "CN=Sub,O=Example"
    );
}
