//! An issuer whose name is written otherwise where it is named than in its own certificate is the same issuer: for us, and
//! for OpenSSL.
#![expect(clippy::unwrap_used, reason = "tests")]

use x509::asn1::tag;
use x509::crl::{CertificateList, CrlKind, CrlSpec};
use x509::path::{Purpose, validate};
use x509::{Certificate, DistinguishedName, Extension, KeyAlgorithm, SignatureAlgorithm, assemble};

use crate::csr::forge;
use crate::csr::tool::Tool;
use crate::issue::{Authority, NOW, sans, spec};

const COUNTRY: &str = "2.5.4.6";
const ORGANIZATION: &str = "2.5.4.10";
const COMMON_NAME: &str = "2.5.4.3";

/// A name of such attributes: type, string type, value.
fn name(attributes: [(&str, u8, &[u8]); 3]) -> DistinguishedName {
    let rdns = attributes.map(|(kind, string, value)| {
        let value = forge::tlv(string, &[value]);
        let attribute = forge::tlv(tag::SEQUENCE, &[&forge::oid(kind), &value]);
        forge::tlv(tag::SET, &[&attribute])
    });
    let rdns = rdns.each_ref().map(Vec::as_slice);
    DistinguishedName::from_der(&forge::tlv(tag::SEQUENCE, &rdns)).unwrap()
}

/// The subject of [`Authority::root`] in other string types, other case and other spaces; and one that is not.
fn names() -> [(DistinguishedName, bool); 4] {
    const PRINTABLE: u8 = tag::PRINTABLE_STRING;
    const UTF8: u8 = tag::UTF8_STRING;
    [
        (
            name([
                (COUNTRY, PRINTABLE, b"DE"),
                (ORGANIZATION, PRINTABLE, b"Example Org"),
                (COMMON_NAME, PRINTABLE, b"Test Root"),
            ]),
            true,
        ),
        (
            name([
                (COUNTRY, PRINTABLE, b"de"),
                (ORGANIZATION, UTF8, b"EXAMPLE  org"),
                (COMMON_NAME, PRINTABLE, b" test root "),
            ]),
            true,
        ),
        (
            name([
                (COUNTRY, PRINTABLE, b"DE"),
                (
                    ORGANIZATION,
                    tag::BMP_STRING,
                    b"\0E\0x\0a\0m\0p\0l\0e\0 \0O\0r\0g",
                ),
                (COMMON_NAME, tag::TELETEX_STRING, b"Test Root"),
            ]),
            true,
        ),
        (
            name([
                (COUNTRY, PRINTABLE, b"DE"),
                (ORGANIZATION, PRINTABLE, b"ExampleOrg"),
                (COMMON_NAME, PRINTABLE, b"Test Root"),
            ]),
            false,
        ),
    ]
}

#[test]
fn a_chain_holds_whatever_the_encoding_of_the_issuers_name() {
    let root = Authority::root(KeyAlgorithm::P256, SignatureAlgorithm::EcdsaSha256);
    let tool = Tool::new();
    tool.write("root.crt", root.certificate.pem());
    for (issuer, same) in names() {
        let mut leaf = spec("CN=a.example.test", root.holder.public_key(), root.algorithm);
        leaf.issuer = issuer.clone();
        leaf.extensions
            .push(Extension::subject_alt_name(&sans(&["dns:a.example.test"]), false).unwrap());
        let tbs = leaf.to_tbs().unwrap();
        let der = assemble(&tbs, root.algorithm, &root.holder.sign(&tbs, root.algorithm)).unwrap();
        let leaf = Certificate::from_der(&der).unwrap();
        assert_eq!(leaf.issuer().der(), issuer.der());
        assert_eq!(leaf.verify_signed_by(&root.certificate).is_ok(), same, "{issuer}");
        let purpose = Purpose {
            time: NOW,
            usage: None,
        };
        let path = validate(&leaf, &[], std::slice::from_ref(&root.certificate), &purpose);
        assert_eq!(path.is_ok(), same, "{issuer}: {path:?}");
        tool.write("leaf.crt", leaf.pem());
        let when = NOW.unix_timestamp();
        let theirs = tool.attempt(&format!(
            "openssl verify -attime {when} -CAfile root.crt leaf.crt"
        ));
        assert_eq!(theirs.is_ok(), same, "{issuer}: {theirs:?}");
    }
}

#[test]
fn a_crl_belongs_to_its_issuer_whatever_the_encoding_of_the_name() {
    let root = Authority::root(KeyAlgorithm::P256, SignatureAlgorithm::EcdsaSha256);
    let tool = Tool::new();
    tool.write("root.crt", root.certificate.pem());
    for (issuer, same) in names() {
        let spec = CrlSpec {
            signature_algorithm: root.algorithm,
            issuer,
            aki: root.certificate.subject_key_identifier().unwrap().to_vec(),
            number: 1,
            this_update: NOW,
            next_update: NOW + time::Duration::days(7),
            kind: CrlKind::COMPLETE,
            shard: vec![],
        };
        let tbs = spec.to_tbs(&[]).unwrap();
        let der = assemble(&tbs, root.algorithm, &root.holder.sign(&tbs, root.algorithm)).unwrap();
        let list = CertificateList::from_der(&der).unwrap();
        assert_eq!(
            list.verify_signed_by(&root.certificate).is_ok(),
            same,
            "{}",
            spec.issuer
        );
        tool.write("list.crl", list.pem());
        let theirs = tool.attempt("openssl crl -in list.crl -CAfile root.crt -noout");
        let theirs = theirs.is_ok_and(|said| said.contains("verify OK"));
        assert_eq!(theirs, same, "{}", spec.issuer);
    }
}
