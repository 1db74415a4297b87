//! Paths over certificates of other CAs: what RFC 5280 lets them do, and what it does not.
#![expect(clippy::unwrap_used, reason = "tests")]

mod hosts;

use x509::asn1::{Writer, tag};
use x509::bundle::{self, Bundle};
use x509::extension::oids;
use x509::path::{PathError, Purpose, notes, validate};
use x509::{
    Certificate, DistinguishedName, Eku, Extension, KeyAlgorithm, KeyUsageFlags, SignatureAlgorithm,
    Validity, assemble,
};

use crate::csr::forge::tlv;
use crate::csr::holder::Holder;
use crate::csr::tool::Tool;
use crate::issue::{NOW, sans, spec};

const ED25519: SignatureAlgorithm = SignatureAlgorithm::Ed25519;

/// A key with a name, as a CA or a leaf.
struct Party {
    holder: Holder,
    subject: String,
}

impl Party {
    fn new(subject: &str) -> Self {
        Self {
            holder: Holder::new(KeyAlgorithm::Ed25519),
            subject: subject.to_owned(),
        }
    }

    /// A certificate of this party by that one.
    fn by(&self, issuer: &Self, extensions: Vec<Extension>) -> Certificate {
        let mut wanted = spec(&self.subject, self.holder.public_key(), ED25519);
        wanted.issuer = issuer.subject.parse().unwrap();
        wanted.extensions = extensions;
        wanted.validity = Validity::starting(NOW, time::Duration::days(30)).unwrap();
        Certificate::from_der(&signed(&wanted.to_tbs().unwrap(), issuer)).unwrap()
    }
}

fn signed(tbs: &[u8], issuer: &Party) -> Vec<u8> {
    assemble(tbs, ED25519, &issuer.holder.sign(tbs, ED25519)).unwrap()
}

fn ca() -> Extension {
    Extension::basic_constraints_ca(None)
}

fn names(texts: &[&str]) -> Extension {
    Extension::subject_alt_name(&sans(texts), false).unwrap()
}

fn any() -> Purpose {
    Purpose {
        time: NOW,
        usage: None,
    }
}

/// A leaf under an intermediate under a root, with these extensions each.
fn judged(
    leaf: &str,
    of_leaf: Vec<Extension>,
    of_intermediate: Vec<Extension>,
    purpose: &Purpose,
) -> Result<Vec<Certificate>, PathError> {
    let [root, intermediate, leaf] = ["CN=root", "CN=issuing", leaf].map(Party::new);
    let anchor = root.by(&root, vec![ca()]);
    let between = intermediate.by(&root, [vec![ca()], of_intermediate].concat());
    validate(&leaf.by(&intermediate, of_leaf), &[between], &[anchor], purpose)
}

/// The same octets with another serial number.
fn renumbered(certificate: &Certificate, issuer: &Party, serial: &[u8]) -> Certificate {
    let mut fields = x509::asn1::Reader::within(certificate.tbs_der(), tag::SEQUENCE).unwrap();
    let mut parts = vec![];
    while !fields.is_empty() {
        let field = fields.any().unwrap();
        parts.push(if field.tag == tag::INTEGER {
            tlv(tag::INTEGER, &[serial])
        } else {
            field.whole.to_vec()
        });
    }
    let tbs = tlv(
        tag::SEQUENCE,
        &parts.iter().map(Vec::as_slice).collect::<Vec<_>>(),
    );
    Certificate::from_der(&signed(&tbs, issuer)).unwrap()
}

#[test]
fn roots_with_zero_negative_and_long_serial_numbers_are_roots() {
    let [root, leaf] = ["CN=root", "CN=leaf"].map(Party::new);
    let plain = root.by(&root, vec![ca()]);
    let leaf = leaf.by(&root, vec![]);
    for (serial, text) in [
        (&[0][..], "00"),
        (&[0x86], "-7a"),
        (&[0x11; 24], "111111111111111111111111111111111111111111111111"),
    ] {
        let anchor = renumbered(&plain, &root, serial);
        assert_eq!(anchor.serial().to_string(), text);
        assert!(anchor.serial().proper().is_err(), "{text}");
        assert!(anchor.describe().contains(text), "{}", anchor.describe());
        validate(&leaf, &[], &[anchor], &any()).unwrap();
    }
}

#[test]
fn bases_that_could_not_be_issued_are_compared() {
    let under = |base: &str, name: &str| {
        let base = tlv(0x82, &[base.as_bytes()]);
        let der = tlv(0x30, &[&tlv(0xa0, &[&tlv(0x30, &[&base])])]);
        let constraints = Extension::other(oids::NAME_CONSTRAINTS, true, der);
        let name = Extension::other(
            oids::SUBJECT_ALT_NAME,
            false,
            tlv(0x30, &[&tlv(0x82, &[name.as_bytes()])]),
        );
        judged("CN=leaf", vec![name], vec![constraints], &any()).is_ok()
    };
    assert!(under("_x.example.test", "web._x.example.test"));
    assert!(under("_X.example.test", "a_b._x.Example.test"));
    assert!(!under("_x.example.test", "web.example.test"));
    assert!(under("r3---sn.example.test", "r3---sn.example.test"));
}

#[test]
fn the_purpose_needs_a_key_usage_that_serves_it() {
    use KeyUsageFlags as Usage;
    let verdict = |usages, usage| {
        let usages = Extension::key_usage(usages).unwrap();
        let purpose = Purpose {
            time: NOW,
            usage: Some(usage),
        };
        judged("CN=leaf", vec![usages], vec![], &purpose)
    };
    for usages in [
        Usage::DIGITAL_SIGNATURE,
        Usage::KEY_AGREEMENT,
        Usage::DIGITAL_SIGNATURE | Usage::NON_REPUDIATION,
    ] {
        verdict(usages, Eku::ServerAuth).unwrap();
        verdict(usages, Eku::ClientAuth).unwrap();
    }
    verdict(Usage::KEY_ENCIPHERMENT, Eku::ServerAuth).unwrap();
    for (usages, usage) in [
        (Usage::NON_REPUDIATION, Eku::ServerAuth),
        (Usage::KEY_CERT_SIGN | Usage::CRL_SIGN, Eku::ServerAuth),
        (Usage::DATA_ENCIPHERMENT, Eku::ClientAuth),
        (Usage::KEY_ENCIPHERMENT, Eku::ClientAuth),
    ] {
        let refused = verdict(usages, usage).unwrap_err();
        assert!(matches!(refused, PathError::KeyUsage { .. }), "{refused}");
        assert!(refused.to_string().contains("digital-signature"), "{refused}");
    }
}

#[test]
fn an_rsa_exponent_of_3_verifies_and_is_noted() {
    let tool = Tool::new();
    tool.write("ca.cnf", "[req]\ndistinguished_name=dn\nx509_extensions=v3\nprompt=no\n[dn]\nCN=three\n[v3]\nbasicConstraints=critical,CA:TRUE\n");
    let rsa = "-algorithm RSA -pkeyopt rsa_keygen_pubexp:3";
    tool.run(&format!(
        "openssl genpkey {rsa} -pkeyopt rsa_keygen_bits:2048 -out ca.key"
    ));
    tool.run("openssl req -x509 -key ca.key -config ca.cnf -days 30 -out ca.crt");
    tool.run("openssl req -new -newkey ed25519 -nodes -keyout leaf.key -subj /CN=leaf -out leaf.csr");
    tool.run(
        "openssl x509 -req -in leaf.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 20 -out leaf.crt",
    );
    let [root, leaf] = ["ca.crt", "leaf.crt"].map(|name| Certificate::from_pem(&tool.read(name)).unwrap());
    let now = Purpose {
        time: leaf.not_before(),
        usage: None,
    };
    let path = validate(&leaf, &[], std::slice::from_ref(&root), &now).unwrap();
    let noted = notes(&path);
    assert_eq!(noted.len(), 1, "{noted:?}");
    assert!(
        noted[0].contains("CN=three") && noted[0].contains("exponent"),
        "{noted:?}"
    );
    // What is issued under a CA here still wants a strong key.
    assert!(leaf.verify_signed_by(&root).is_err());
}

#[test]
fn a_small_rsa_key_shows_nothing_and_the_refusal_asks_nobody_for_a_new_one() {
    let tool = Tool::new();
    tool.write("ca.cnf", "[req]\ndistinguished_name=dn\nx509_extensions=v3\nprompt=no\n[dn]\nCN=small\n[v3]\nbasicConstraints=critical,CA:TRUE\n");
    tool.run("openssl req -x509 -newkey rsa:1024 -nodes -keyout ca.key -config ca.cnf -days 30 -out ca.crt");
    tool.run("openssl req -new -newkey ed25519 -nodes -keyout leaf.key -subj /CN=leaf -out leaf.csr");
    tool.run(
        "openssl x509 -req -in leaf.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 20 -out leaf.crt",
    );
    let [root, leaf] = ["ca.crt", "leaf.crt"].map(|name| Certificate::from_pem(&tool.read(name)).unwrap());
    let now = Purpose {
        time: leaf.not_before(),
        usage: None,
    };
    let refused = validate(&leaf, &[], &[root], &now).unwrap_err().to_string();
    assert!(
        refused.contains("1024") && !refused.contains("generate"),
        "{refused}"
    );
}

#[test]
fn an_anchor_of_version_1_is_an_anchor_and_an_intermediate_of_version_1_is_none() {
    let tool = Tool::new();
    tool.write("empty.cnf", "[req]\ndistinguished_name=dn\n[dn]\n");
    for name in ["root", "inter", "leaf"] {
        tool.run(&format!(
            "openssl req -new -newkey ed25519 -nodes -keyout {name}.key -subj /CN={name} -config empty.cnf -out {name}.csr"
        ));
    }
    tool.run("openssl x509 -req -in root.csr -signkey root.key -set_serial 1 -days 30 -out root.crt");
    for (name, issuer) in [("inter", "root"), ("leaf", "inter")] {
        tool.run(&format!(
            "openssl x509 -req -in {name}.csr -CA {issuer}.crt -CAkey {issuer}.key -set_serial 2 -days 20 -out {name}.crt"
        ));
    }
    let [root, inter, leaf] =
        ["root.crt", "inter.crt", "leaf.crt"].map(|name| Certificate::from_pem(&tool.read(name)).unwrap());
    assert_eq!((root.version(), inter.version()), (1, 1));
    let now = Purpose {
        time: leaf.not_before(),
        usage: None,
    };
    validate(&inter, &[], std::slice::from_ref(&root), &now).unwrap();
    let refused = validate(&leaf, std::slice::from_ref(&inter), &[root], &now).unwrap_err();
    assert!(matches!(refused, PathError::Link { .. }), "{refused}");
    // The certificate of a server is of version 1 too; trusted by itself, it makes no CA of the server.
    let refused = validate(&leaf, &[], &[inter], &now).unwrap_err();
    assert!(matches!(refused, PathError::Link { .. }), "{refused}");
}

#[test]
fn ten_intermediates_are_a_path_and_too_many_are_called_that() {
    let path_over = |count: usize| {
        let parties: Vec<Party> = (0..=count).map(|at| Party::new(&format!("CN=ca{at}"))).collect();
        let root = parties[0].by(&parties[0], vec![ca()]);
        let between: Vec<Certificate> = parties
            .windows(2)
            .map(|pair| pair[1].by(&pair[0], vec![ca()]))
            .collect();
        let leaf = Party::new("CN=leaf").by(&parties[count], vec![]);
        validate(&leaf, &between, &[root], &any())
    };
    assert_eq!(path_over(10).unwrap().len(), 11);
    assert_eq!(path_over(16).unwrap().len(), 17);
    let refused = path_over(17).unwrap_err();
    assert!(matches!(refused, PathError::TooDeep { .. }), "{refused}");
    assert!(refused.to_string().contains("CN=leaf"), "{refused}");
}

#[test]
fn a_required_policy_is_refused_unless_it_never_takes_effect() {
    let policies = |skip: &[u8], critical| {
        let der = tlv(0x30, &[&tlv(0x80, &[skip])]);
        Extension::other(oids::POLICY_CONSTRAINTS, critical, der)
    };
    let under = |extension| judged("CN=leaf", vec![], vec![extension], &any());
    for skip in [0, 1] {
        let refused = under(policies(&[skip], false)).unwrap_err();
        assert!(refused.to_string().contains("policy"), "{refused}");
    }
    under(policies(&[2], false)).unwrap();
    assert!(under(policies(&[2], true)).is_err());
    let mapping = tlv(0x30, &[&tlv(0x81, &[&[0]])]);
    under(Extension::other(oids::POLICY_CONSTRAINTS, false, mapping)).unwrap();
    let of_leaf = judged("CN=leaf", vec![policies(&[0], false)], vec![], &any());
    assert!(of_leaf.is_err());
}

#[test]
fn forms_that_verifiers_would_read_differently_are_refused() {
    let other = |oid, der: &[u8]| Extension::other(oid, false, der.to_vec());
    let short_address = b"\x30\x0a\xa0\x08\x30\x06\x87\x04\x0a\x00\x00\x00";
    for (of_leaf, of_intermediate, why) in [
        (
            vec![other(oids::SUBJECT_ALT_NAME, b"\x30\x00")],
            vec![],
            "subjectAltName",
        ),
        (
            vec![other(oids::EXTENDED_KEY_USAGE, b"\x30\x00")],
            vec![],
            "extKeyUsage",
        ),
        (
            vec![other(oids::CERTIFICATE_POLICIES, b"\x30\x00")],
            vec![],
            "certificatePolicies",
        ),
        (
            vec![other(oids::KEY_USAGE, b"\x03\x02\x07\x00")],
            vec![],
            "keyUsage",
        ),
        (
            vec![],
            vec![other(oids::NAME_CONSTRAINTS, b"\x30\x00")],
            "nameConstraints",
        ),
        (
            vec![],
            vec![other(oids::NAME_CONSTRAINTS, short_address)],
            "address",
        ),
    ] {
        let refused = judged("CN=leaf", of_leaf, of_intermediate, &any()).unwrap_err();
        assert!(matches!(refused, PathError::Malformed { .. }), "{refused}");
        assert!(refused.to_string().contains(why), "{refused}");
    }
}

#[test]
fn empty_extensions_and_broken_utf8_are_refused() {
    let root = Party::new("CN=root");
    let anchor = root.by(&root, vec![ca()]);
    let leaf = Party::new("CN=leaf");
    let mut wanted = spec("CN=leaf", leaf.holder.public_key(), ED25519);
    wanted.issuer = root.subject.parse().unwrap();
    wanted.extensions = vec![];
    let mut empty = wanted.to_tbs().unwrap();
    let content = x509::asn1::Reader::single(&empty, tag::SEQUENCE).unwrap();
    empty = tlv(0x30, &[content, &[0xa3, 2, 0x30, 0]]);
    let latin1 = Writer::one(tag::SEQUENCE, |name| {
        name.constructed(tag::SET, |set| {
            set.sequence(|attribute| {
                attribute.oid(&x509::name::oids::COMMON_NAME);
                attribute.primitive(tag::UTF8_STRING, b"M\xfcller");
            });
        });
    });
    wanted.subject = DistinguishedName::from_der(&latin1).unwrap();
    for (tbs, why) in [(empty, "extensions"), (wanted.to_tbs().unwrap(), "UTF-8")] {
        let leaf = Certificate::from_der(&signed(&tbs, &root)).unwrap();
        let refused = validate(&leaf, &[], std::slice::from_ref(&anchor), &any()).unwrap_err();
        assert!(matches!(refused, PathError::Malformed { .. }), "{refused}");
        assert!(refused.to_string().contains(why), "{refused}");
    }
}

#[test]
fn one_broken_certificate_says_nothing_about_those_beside_it() {
    let root = Party::new("CN=root");
    let good = root.by(&root, vec![ca()]).pem();
    let truncated = x509::pem::encode("CERTIFICATE", b"\x30\x03\x02\x01");
    let damaged = good.replacen("MI", "M!", 1);
    let input = [truncated.as_str(), &good, &damaged, &good].concat();
    let read = Bundle::read(input.as_bytes()).unwrap();
    assert_eq!(read.certificates.len(), 2);
    let numbers: Vec<usize> = read.unreadable.iter().map(|passed| passed.number).collect();
    assert_eq!(numbers, [1, 3]);
    assert!(bundle::certificates(input.as_bytes()).is_err());
    for nothing in [truncated.as_bytes(), damaged.as_bytes(), b"nothing"] {
        assert!(Bundle::read(nothing).is_err());
    }
}
