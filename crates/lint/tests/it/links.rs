//! Certificate and issuer together.

use lint::{Context, check_tbs};

use crate::der::{all, seq};
use crate::forge::{
    AKI, BASIC, CLIENT_AUTH, CONSTRAINTS, CRL_SIGN, EKU, Forge, KEY_CERT_SIGN, SKI, USAGE, basic_ca, ca,
    client, dns, ec_key, leaf, ocsp_signer, purposes, root, rsa, short_lived, usage, validity,
};

/// A way to break what must hold between two certificates.
pub(crate) struct Link {
    pub(crate) id: &'static str,
    issuer: fn() -> Forge,
    change_issuer: fn(&mut Forge),
    subject: fn() -> Forge,
    change: fn(&mut Forge),
}

const fn issuer(id: &'static str, change_issuer: fn(&mut Forge)) -> Link {
    Link {
        id,
        issuer: ca,
        change_issuer,
        subject: leaf,
        change: |_| {},
    }
}

fn permitting(forge: &mut Forge, host: &str) {
    forge.add(CONSTRAINTS, true, seq(&[all(0xa0, &[seq(&[dns(host)])])]));
}

pub(crate) static LINKS: [Link; 12] = [
    issuer("gigvault_validity_within_issuer", |ca| {
        // One second less than the leaf.
        ca.validity = validity("260102000000Z", "270101115958Z");
    }),
    issuer("gigvault_validity_within_issuer", |ca| {
        ca.validity = validity("261124120001Z", "351231235959Z")
    }),
    issuer("rfc5280_issuer_may_certify", |ca| ca.remove(BASIC)),
    issuer("rfc5280_issuer_may_certify", |ca| ca.usage(CRL_SIGN)),
    issuer("rfc5280_signature_fits_issuer_key", |ca| ca.spki = rsa()),
    issuer("cabf_ecdsa_hash_fits_curve", |ca| {
        ca.spki = ec_key(crate::der::oid("1.3.132.0.34"), &[4; 97]);
    }),
    issuer("rfc5280_aki_is_ski_of_issuer", |ca| {
        ca.put(SKI, crate::der::octets(&[0x77; 20]))
    }),
    issuer("gigvault_purposes_within_issuer", |ca| {
        ca.add(EKU, false, purposes(&[CLIENT_AUTH]))
    }),
    issuer("rfc5280_names_within_issuer_constraints", |ca| {
        permitting(ca, "example.org")
    }),
    Link {
        id: "rfc5280_path_len_below_issuer",
        issuer: root,
        change_issuer: |root| root.put(BASIC, basic_ca(Some(0))),
        subject: ca,
        change: |_| {},
    },
    Link {
        id: "rfc5280_path_len_below_issuer",
        issuer: root,
        change_issuer: |root| root.put(BASIC, basic_ca(Some(2))),
        subject: ca,
        change: |ca| ca.put(BASIC, basic_ca(Some(2))),
    },
    Link {
        id: "rfc5280_names_within_issuer_constraints",
        issuer: ca,
        change_issuer: |ca| permitting(ca, "example.test"),
        subject: leaf,
        change: |leaf| leaf.sans(&[dns("web.example.test"), dns("web.example.org")]),
    },
];

fn ids(subject: &Forge, issuer: &Forge) -> Vec<&'static str> {
    let issuer = issuer.certificate();
    let findings = subject.findings(&Context::issued_by(&issuer));
    findings.iter().map(|finding| finding.lint).collect()
}

#[test]
fn every_broken_link_is_found_by_its_lint_and_by_no_other() {
    for (at, link) in LINKS.iter().enumerate() {
        let (mut issuer, mut subject) = ((link.issuer)(), (link.subject)());
        (link.change_issuer)(&mut issuer);
        (link.change)(&mut subject);
        assert_eq!(ids(&subject, &issuer), [link.id], "link {at}");
    }
}

#[test]
fn limits_of_the_issuer_that_are_kept_are_no_finding() {
    let mut limited = ca();
    permitting(&mut limited, "example.test");
    limited.add(EKU, false, purposes(&["1.3.6.1.5.5.7.3.1", CLIENT_AUTH]));
    for subject in [leaf(), short_lived(), ocsp_signer()] {
        assert_eq!(ids(&subject, &limited), [""; 0]);
    }
    let mut grown = root();
    grown.put(BASIC, basic_ca(Some(1)));
    assert_eq!(ids(&ca(), &grown), [""; 0]);
}

#[test]
fn a_ca_may_certify_its_own_name_anew_at_path_length_zero() {
    let mut old = root();
    old.put(BASIC, basic_ca(Some(0)));
    let mut renewed = root();
    renewed.put(SKI, crate::der::octets(&[0x55; 20]));
    renewed.add(
        "2.5.29.31",
        false,
        crate::forge::crl_at("http://pki.example.test/root.crl"),
    );
    assert_eq!(ids(&renewed, &old), [""; 0]);
}

#[test]
fn without_an_issuer_only_what_stands_in_the_certificate_is_judged() {
    let mut leaf = leaf();
    leaf.put(AKI, crate::forge::authority(&[0x44; 20]));
    leaf.issuer = crate::der::name(&[(crate::forge::CN, crate::der::utf8("Whoever"))]);
    assert_eq!(check_tbs(&leaf.tbs(), &Context::default()), []);
    assert_eq!(check_tbs(&root().tbs(), &Context::default()), []);
    assert_eq!(check_tbs(&client().tbs(), &Context::default()), []);
}

#[test]
fn a_root_from_anywhere_is_held_against_itself() {
    let mut forged = root();
    forged.signature = seq(&[crate::der::oid("1.2.840.113549.1.1.11"), crate::der::null()]);
    let findings = check_tbs(&forged.tbs(), &Context::default());
    let found: Vec<_> = findings.iter().map(|finding| finding.lint).collect();
    assert_eq!(found, ["rfc5280_signature_fits_issuer_key"]);
}

#[test]
fn lints_of_one_kind_of_certificate_leave_others_alone() {
    // What a TLS server may not: the client is none.
    let mut client = client();
    client.validity = validity("261124120000Z", "281124115959Z");
    assert_eq!(ids(&client, &ca()), [""; 0]);
    // What an end entity may not: the CA is none.
    let mut authority = ca();
    authority.put(USAGE, usage(KEY_CERT_SIGN));
    authority.remove("2.5.29.35");
    assert_eq!(ids(&authority, &root()), ["rfc5280_aki_present"]);
}
