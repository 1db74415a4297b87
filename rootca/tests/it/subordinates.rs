//! Subordinate CAs whose names other tools encoded: their subject and key identifier survive, and chains verify.

use std::fs;

use x509::{Certificate, Csr};

use crate::world::Ceremony;

const IDENTIFIER: &str = "0102030405060708090a0b0c";

/// `<name>.csr` of a CA with a PrintableString subject and a key identifier of its own.
fn printable(ceremony: &Ceremony, name: &str) {
    let config = format!(
        "[req]\nprompt = no\nstring_mask = nombstr\ndistinguished_name = dn\nreq_extensions = ext\n[dn]\n\
         C = DE\nO = EXAMPLE.TEST\nCN = Issuing Authority\n[ext]\nsubjectKeyIdentifier = {IDENTIFIER}\n"
    );
    fs::write(ceremony.path("ca.cnf"), config).unwrap();
    let (key, csr) = (format!("{name}.key"), format!("{name}.csr"));
    let new = "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config ca.cnf";
    let arguments: Vec<&str> = new.split(' ').chain(["-keyout", &key, "-out", &csr]).collect();
    ceremony.openssl(&arguments).ok();
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
    let chain = ["web.crt", "issuing.crt", "root/root.crt"].map(|file| ceremony.read(file));
    fs::write(ceremony.path("chain.pem"), chain.concat()).unwrap();
    ceremony
        .program(
            "certtool",
            &[
                "--verify",
                "--load-ca-certificate",
                "root/root.crt",
                "--infile",
                "chain.pem",
            ],
        )
        .ok();
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
