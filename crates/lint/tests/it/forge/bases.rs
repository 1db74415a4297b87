//! Certificates in which no lint finds anything; a test changes one of them.

use lint::{Context, Finding};

use super::keys::*;
use super::oids::*;
use super::values::*;
use super::{Forge, validity};
use crate::der::{all, ia5, int, name, null, octets, printable, seq, tlv, utf8};

const ROOT_ID: [u8; 20] = [0x11; 20];
const CA_ID: [u8; 20] = [0x22; 20];
const LEAF_ID: [u8; 20] = [0x33; 20];

fn key_identifier(id: [u8; 20]) -> Vec<u8> {
    octets(&id)
}

fn named(common_name: &str) -> Vec<u8> {
    name(&[
        (C, printable("DE")),
        (O, utf8("Example Org")),
        (CN, utf8(common_name)),
    ])
}

fn bare(subject: Vec<u8>, issuer: Vec<u8>) -> Forge {
    Forge {
        version: all(0xa0, &[int(&[2])]),
        serial: int(&[0x5a; 16]),
        signature: ecdsa_sha256(),
        issuer,
        validity: validity("261124120000Z", "270101115959Z"),
        subject,
        spki: p256(),
        unique_identifiers: Vec::new(),
        extensions: Vec::new(),
        tail: Vec::new(),
    }
}

/// A self-signed CA.
pub(crate) fn root() -> Forge {
    let mut root = bare(named("Test Root"), named("Test Root"));
    root.validity = validity("260101000000Z", "451231235959Z");
    root.add(BASIC, true, basic_ca(None));
    root.add(USAGE, true, usage(KEY_CERT_SIGN | CRL_SIGN));
    root.add(SKI, false, key_identifier(ROOT_ID));
    root.add(AKI, false, authority(&ROOT_ID));
    root
}

/// A CA below [`root`].
pub(crate) fn ca() -> Forge {
    let mut ca = bare(named("Test CA"), named("Test Root"));
    ca.validity = validity("260102000000Z", "351231235959Z");
    ca.add(BASIC, true, basic_ca(Some(0)));
    ca.add(USAGE, true, usage(KEY_CERT_SIGN | CRL_SIGN));
    ca.add(SKI, false, key_identifier(CA_ID));
    ca.add(AKI, false, authority(&ROOT_ID));
    pointers(&mut ca);
    ca
}

fn pointers(forge: &mut Forge) {
    forge.add(CRL, false, crl_at("http://pki.example.test/ca.crl"));
    forge.add(AIA, false, ocsp_at("http://ocsp.example.test/"));
}

/// An end entity below [`ca`], without names and purposes.
fn end_entity(subject: Vec<u8>) -> Forge {
    let mut leaf = bare(subject, named("Test CA"));
    leaf.add(USAGE, true, usage(DIGITAL_SIGNATURE));
    leaf.add(SKI, false, key_identifier(LEAF_ID));
    leaf.add(AKI, false, authority(&CA_ID));
    leaf
}

/// A TLS server.
pub(crate) fn leaf() -> Forge {
    let mut leaf = end_entity(name(&[(C, printable("DE")), (O, utf8("Example Org"))]));
    leaf.add(EKU, false, purposes(&[SERVER_AUTH, CLIENT_AUTH]));
    let names = [
        dns("web.example.test"),
        dns("xn--bcher-kva.example.test"),
        ip(&[192, 0, 2, 7]),
    ];
    leaf.add(SAN, false, seq(&names));
    pointers(&mut leaf);
    leaf.add(POLICIES, false, seq(&[policy("1.3.6.1.4.1.55555.9", &[])]));
    leaf
}

/// A TLS server with an RSA key.
pub(crate) fn rsa_leaf() -> Forge {
    let mut leaf = leaf();
    leaf.spki = rsa();
    leaf.usage(DIGITAL_SIGNATURE | KEY_ENCIPHERMENT);
    leaf
}

pub(crate) fn ed25519_leaf() -> Forge {
    Forge {
        spki: ed25519(),
        ..leaf()
    }
}

/// A TLS client with alternative names of every other kind.
pub(crate) fn client() -> Forge {
    let mut client = end_entity(name(&[
        (DC, ia5("test")),
        (DC, ia5("example")),
        (CN, utf8("Jürgen")),
        (EMAIL, ia5("first.last@example.test")),
    ]));
    client.add(EKU, false, purposes(&[CLIENT_AUTH]));
    let names = [
        email("first.last@example.test"),
        other_name("1.3.6.1.5.5.7.8.9", utf8("jürgen@example.test")),
        other_name("1.3.6.1.4.1.311.20.2.3", utf8("jürgen@example.test")),
        uri("spiffe://example.test/svc/ca"),
        all(0xa4, &[named("Directory")]),
        tlv(0x88, &crate::der::arcs("1.3.6.1.4.1.55555.1")),
        ip(&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]),
    ];
    client.add(SAN, false, seq(&names));
    pointers(&mut client);
    client
}

/// A TLS server that lives a day and cannot be revoked, named by alternative names alone.
pub(crate) fn short_lived() -> Forge {
    let mut leaf = leaf();
    leaf.subject = seq(&[]);
    leaf.criticality(SAN, true);
    leaf.validity = validity("261124120000Z", "261125115959Z");
    leaf.remove(CRL);
    leaf.put(
        AIA,
        seq(&[access(CA_ISSUERS, uri("http://pki.example.test/ca.cer"))]),
    );
    leaf.add(NO_REV_AVAIL, false, null());
    leaf
}

/// An OCSP responder.
pub(crate) fn ocsp_signer() -> Forge {
    let mut signer = end_entity(named("Test OCSP"));
    signer.add(EKU, false, purposes(&[OCSP_SIGNING]));
    signer.add(NO_CHECK, false, null());
    signer
}

/// A base, and the issuer that goes with it.
pub(crate) struct Base {
    pub(crate) name: &'static str,
    pub(crate) subject: fn() -> Forge,
    /// None: a root.
    pub(crate) issuer: Option<fn() -> Forge>,
}

pub(crate) static BASES: [Base; 8] = [
    base("root", root, None),
    base("ca", ca, Some(root)),
    base("leaf", leaf, Some(ca)),
    base("rsa_leaf", rsa_leaf, Some(ca)),
    base("ed25519_leaf", ed25519_leaf, Some(ca)),
    base("client", client, Some(ca)),
    base("short_lived", short_lived, Some(ca)),
    base("ocsp_signer", ocsp_signer, Some(ca)),
];

const fn base(name: &'static str, subject: fn() -> Forge, issuer: Option<fn() -> Forge>) -> Base {
    Base {
        name,
        subject,
        issuer,
    }
}

impl Base {
    pub(crate) fn named(name: &str) -> &'static Self {
        BASES.iter().find(|base| base.name == name).unwrap()
    }

    /// What is found in the subject after `change`, next to its issuer.
    pub(crate) fn findings_after(&self, change: impl FnOnce(&mut Forge)) -> Vec<Finding> {
        let mut forge = (self.subject)();
        change(&mut forge);
        match self.issuer {
            None => forge.findings(&Context::self_signed()),
            Some(issuer) => {
                let issuer = issuer().certificate();
                forge.findings(&Context::issued_by(&issuer))
            }
        }
    }
}
