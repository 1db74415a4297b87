//! To-be-signed certificates from raw parts. The bases are beyond reproach: no lint finds anything in them.
#![expect(clippy::unwrap_used, reason = "tests")]

use lint::{Context, Finding, check_tbs};
use x509::Certificate;

use crate::der::{all, bits, boolean, ia5, int, name, null, octets, oid, printable, seq, tlv, utc, utf8};

pub(crate) const CN: &str = "2.5.4.3";
pub(crate) const C: &str = "2.5.4.6";
pub(crate) const O: &str = "2.5.4.10";
pub(crate) const OU: &str = "2.5.4.11";
pub(crate) const DC: &str = "0.9.2342.19200300.100.1.25";
pub(crate) const EMAIL: &str = "1.2.840.113549.1.9.1";

pub(crate) const DIRECTORY_ATTRIBUTES: &str = "2.5.29.9";
pub(crate) const SKI: &str = "2.5.29.14";
pub(crate) const USAGE: &str = "2.5.29.15";
pub(crate) const SAN: &str = "2.5.29.17";
pub(crate) const ISSUER_ALT_NAME: &str = "2.5.29.18";
pub(crate) const BASIC: &str = "2.5.29.19";
pub(crate) const CONSTRAINTS: &str = "2.5.29.30";
pub(crate) const CRL: &str = "2.5.29.31";
pub(crate) const POLICIES: &str = "2.5.29.32";
pub(crate) const MAPPINGS: &str = "2.5.29.33";
pub(crate) const AKI: &str = "2.5.29.35";
pub(crate) const POLICY_CONSTRAINTS: &str = "2.5.29.36";
pub(crate) const EKU: &str = "2.5.29.37";
pub(crate) const FRESHEST: &str = "2.5.29.46";
pub(crate) const INHIBIT_ANY: &str = "2.5.29.54";
pub(crate) const NO_REV_AVAIL: &str = "2.5.29.56";
pub(crate) const AIA: &str = "1.3.6.1.5.5.7.1.1";
pub(crate) const SUBJECT_INFO_ACCESS: &str = "1.3.6.1.5.5.7.1.11";
pub(crate) const FEATURE: &str = "1.3.6.1.5.5.7.1.24";
pub(crate) const NO_CHECK: &str = "1.3.6.1.5.5.7.48.1.5";

pub(crate) const OCSP: &str = "1.3.6.1.5.5.7.48.1";
pub(crate) const CA_ISSUERS: &str = "1.3.6.1.5.5.7.48.2";
pub(crate) const SERVER_AUTH: &str = "1.3.6.1.5.5.7.3.1";
pub(crate) const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";
pub(crate) const TIME_STAMPING: &str = "1.3.6.1.5.5.7.3.8";
pub(crate) const OCSP_SIGNING: &str = "1.3.6.1.5.5.7.3.9";

pub(crate) const DIGITAL_SIGNATURE: u16 = 1;
pub(crate) const KEY_ENCIPHERMENT: u16 = 1 << 2;
pub(crate) const DATA_ENCIPHERMENT: u16 = 1 << 3;
pub(crate) const KEY_AGREEMENT: u16 = 1 << 4;
pub(crate) const KEY_CERT_SIGN: u16 = 1 << 5;
pub(crate) const CRL_SIGN: u16 = 1 << 6;
pub(crate) const ENCIPHER_ONLY: u16 = 1 << 7;

/// The parts of a TBSCertificate, each as DER.
#[derive(Clone)]
pub(crate) struct Forge {
    pub(crate) version: Vec<u8>,
    pub(crate) serial: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    pub(crate) issuer: Vec<u8>,
    pub(crate) validity: Vec<u8>,
    pub(crate) subject: Vec<u8>,
    pub(crate) spki: Vec<u8>,
    pub(crate) unique_identifiers: Vec<u8>,
    pub(crate) extensions: Vec<Extension>,
    /// After the certificate.
    pub(crate) tail: Vec<u8>,
}

/// An extension: identifier, criticality as DER or nothing, content of the OCTET STRING.
#[derive(Clone)]
pub(crate) struct Extension {
    pub(crate) oid: Vec<u8>,
    pub(crate) critical: Vec<u8>,
    pub(crate) value: Vec<u8>,
}

impl Forge {
    pub(crate) fn tbs(&self) -> Vec<u8> {
        let extensions: Vec<_> = self
            .extensions
            .iter()
            .map(|extension| {
                seq(&[
                    extension.oid.clone(),
                    extension.critical.clone(),
                    octets(&extension.value),
                ])
            })
            .collect();
        let mut tbs = seq(&[
            self.version.clone(),
            self.serial.clone(),
            self.signature.clone(),
            self.issuer.clone(),
            self.validity.clone(),
            self.subject.clone(),
            self.spki.clone(),
            self.unique_identifiers.clone(),
            all(0xa3, &[seq(&extensions)]),
        ]);
        tbs.extend(&self.tail);
        tbs
    }

    /// The certificate with a signature that no lint verifies.
    pub(crate) fn certificate_der(&self) -> Vec<u8> {
        let signature = seq(&[int(&[1]), int(&[1])]);
        seq(&[self.tbs(), self.signature.clone(), bits(0, &signature)])
    }

    pub(crate) fn certificate(&self) -> Certificate {
        Certificate::from_der(&self.certificate_der()).unwrap()
    }

    pub(crate) fn find(&mut self, oid_of: &str) -> &mut Extension {
        let wanted = oid(oid_of);
        self.extensions
            .iter_mut()
            .find(|extension| extension.oid == wanted)
            .unwrap()
    }

    pub(crate) fn remove(&mut self, oid_of: &str) {
        let unwanted = oid(oid_of);
        self.extensions.retain(|extension| extension.oid != unwanted);
    }

    /// Adds an extension.
    pub(crate) fn add(&mut self, oid_of: &str, critical: bool, value: Vec<u8>) {
        self.extensions.push(Extension {
            oid: oid(oid_of),
            critical: if critical { boolean(0xff) } else { Vec::new() },
            value,
        });
    }

    /// Replaces the value of an extension.
    pub(crate) fn put(&mut self, oid_of: &str, value: Vec<u8>) {
        self.find(oid_of).value = value;
    }

    pub(crate) fn criticality(&mut self, oid_of: &str, critical: bool) {
        self.find(oid_of).critical = if critical { boolean(0xff) } else { Vec::new() };
    }

    pub(crate) fn usage(&mut self, flags: u16) {
        self.put(USAGE, usage(flags));
    }

    /// Replaces the alternative names.
    pub(crate) fn sans(&mut self, names: &[Vec<u8>]) {
        self.put(SAN, seq(names));
    }

    pub(crate) fn purposes(&mut self, oids: &[&str]) {
        self.put(EKU, purposes(oids));
    }

    pub(crate) fn findings(&self, context: &Context<'_>) -> Vec<Finding> {
        check_tbs(&self.tbs(), context)
    }
}

/// keyUsage, trimmed.
pub(crate) fn usage(flags: u16) -> Vec<u8> {
    let [first, second] = flags.reverse_bits().to_be_bytes();
    let content = if second == 0 {
        vec![first]
    } else {
        vec![first, second]
    };
    let last = *content.last().unwrap();
    let unused = if last == 0 { 0 } else { last.trailing_zeros() };
    bits(u8::try_from(unused).unwrap(), &content)
}

pub(crate) fn purposes(oids: &[&str]) -> Vec<u8> {
    seq(&oids.iter().map(|purpose| oid(purpose)).collect::<Vec<_>>())
}

pub(crate) fn dns(host: &str) -> Vec<u8> {
    tlv(0x82, host.as_bytes())
}

pub(crate) fn uri(text: &str) -> Vec<u8> {
    tlv(0x86, text.as_bytes())
}

pub(crate) fn email(text: &str) -> Vec<u8> {
    tlv(0x81, text.as_bytes())
}

pub(crate) fn ip(address: &[u8]) -> Vec<u8> {
    tlv(0x87, address)
}

pub(crate) fn other_name(kind: &str, value: Vec<u8>) -> Vec<u8> {
    all(0xa0, &[oid(kind), all(0xa0, &[value])])
}

/// A DistributionPoint with a full name.
pub(crate) fn crl_point(names: &[Vec<u8>]) -> Vec<u8> {
    seq(&[all(0xa0, &[all(0xa0, names)])])
}

pub(crate) fn access(method: &str, location: Vec<u8>) -> Vec<u8> {
    seq(&[oid(method), location])
}

/// cRLDistributionPoints with one plain address.
pub(crate) fn crl_at(address: &str) -> Vec<u8> {
    seq(&[crl_point(&[uri(address)])])
}

/// authorityInfoAccess with OCSP at this address.
pub(crate) fn ocsp_at(address: &str) -> Vec<u8> {
    seq(&[
        access(OCSP, uri(address)),
        access(CA_ISSUERS, uri("http://pki.example.test/ca.cer")),
    ])
}

pub(crate) fn policy(oid_of: &str, qualifiers: &[Vec<u8>]) -> Vec<u8> {
    let list = if qualifiers.is_empty() {
        Vec::new()
    } else {
        seq(qualifiers)
    };
    seq(&[oid(oid_of), list])
}

pub(crate) fn ecdsa_sha256() -> Vec<u8> {
    seq(&[oid("1.2.840.10045.4.3.2")])
}

/// The generator of P-256.
pub(crate) fn p256_point() -> Vec<u8> {
    let x = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";
    let y = "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
    let hex = format!("04{x}{y}");
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

pub(crate) fn ec_key(curve: Vec<u8>, point: &[u8]) -> Vec<u8> {
    seq(&[seq(&[oid("1.2.840.10045.2.1"), curve]), bits(0, point)])
}

pub(crate) fn p256() -> Vec<u8> {
    ec_key(oid("1.2.840.10045.3.1.7"), &p256_point())
}

pub(crate) fn ed25519() -> Vec<u8> {
    seq(&[seq(&[oid("1.3.101.112")]), bits(0, &[0x58; 32])])
}

/// An RSA key of these numbers.
pub(crate) fn rsa_of(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let key = seq(&[int(modulus), int(exponent)]);
    seq(&[seq(&[oid("1.2.840.113549.1.1.1"), null()]), bits(0, &key)])
}

/// An odd number of `octets` octets, as INTEGER content.
pub(crate) fn modulus(octets: usize) -> Vec<u8> {
    let mut content = vec![0];
    content.resize(octets + 1, 0xc5);
    content
}

pub(crate) fn rsa() -> Vec<u8> {
    rsa_of(&modulus(256), &[1, 0, 1])
}

pub(crate) fn validity(start: &str, end: &str) -> Vec<u8> {
    seq(&[utc(start), utc(end)])
}

const ROOT_ID: [u8; 20] = [0x11; 20];
const CA_ID: [u8; 20] = [0x22; 20];
const LEAF_ID: [u8; 20] = [0x33; 20];

fn key_identifier(id: [u8; 20]) -> Vec<u8> {
    octets(&id)
}

pub(crate) fn authority(id: &[u8]) -> Vec<u8> {
    seq(&[tlv(0x80, id)])
}

pub(crate) fn basic_ca(path_len: Option<u8>) -> Vec<u8> {
    let length = path_len.map(|length| int(&[length])).unwrap_or_default();
    seq(&[boolean(0xff), length])
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
