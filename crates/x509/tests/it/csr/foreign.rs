//! Requests that other tools make.

use x509::{Csr, KeyAlgorithm, San};

use super::forge::{
    CHALLENGE_PASSWORD, EXTENSION_REQUEST, Forge, MICROSOFT_EXTENSIONS, SUBJECT_ALT_NAME, attribute,
    dns_names, dns_request, extension, extensions, tlv,
};
use super::tool::Tool;

const CONFIG: &str = "
[req]
prompt = no
string_mask = utf8only
distinguished_name = dn
attributes = attributes
req_extensions = extensions
[dn]
C = DE
O = Ex\u{e4}mple, Inc.
CN = web.example.test
[attributes]
challengePassword = correct horse
unstructuredName = some name
[extensions]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
1.2.3.4.5 = ASN1:UTF8String:custom
subjectAltName = @names
[names]
DNS.1 = web.example.test
DNS.2 = *.example.test
IP.1 = 192.0.2.7
IP.2 = 2001:db8::7
email.1 = user@example.test
URI.1 = https://example.test/a
RID.1 = 1.2.3.4
otherName.1 = 1.3.6.1.4.1.311.20.2.3;UTF8:user@example.test
dirName.1 = directory
[directory]
O = Example
CN = inner
";

fn sans(texts: &[&str]) -> Vec<San> {
    #[expect(clippy::unwrap_used, reason = "tests")]
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn openssl_requests_of_every_key_type_are_read() {
    let tool = Tool::new();
    for (key, sign, expected) in [
        (
            "EC -pkeyopt ec_paramgen_curve:P-256",
            "-sha256",
            KeyAlgorithm::P256,
        ),
        (
            "EC -pkeyopt ec_paramgen_curve:P-256",
            "-sha512",
            KeyAlgorithm::P256,
        ),
        (
            "EC -pkeyopt ec_paramgen_curve:P-384",
            "-sha256",
            KeyAlgorithm::P384,
        ),
        (
            "EC -pkeyopt ec_paramgen_curve:P-384",
            "-sha384",
            KeyAlgorithm::P384,
        ),
        (
            "EC -pkeyopt ec_paramgen_curve:P-521",
            "-sha256",
            KeyAlgorithm::P521,
        ),
        (
            "EC -pkeyopt ec_paramgen_curve:P-521",
            "-sha512",
            KeyAlgorithm::P521,
        ),
        (
            "RSA -pkeyopt rsa_keygen_bits:2048",
            "-sha256",
            KeyAlgorithm::Rsa(2048),
        ),
        (
            "RSA -pkeyopt rsa_keygen_bits:2056",
            "-sha384",
            KeyAlgorithm::Rsa(2056),
        ),
        (
            "RSA -pkeyopt rsa_keygen_bits:3072",
            "-sha512",
            KeyAlgorithm::Rsa(3072),
        ),
        (
            "RSA -pkeyopt rsa_keygen_bits:2048",
            "-sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest",
            KeyAlgorithm::Rsa(2048),
        ),
        (
            "RSA -pkeyopt rsa_keygen_bits:2048",
            "-sha512 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest",
            KeyAlgorithm::Rsa(2048),
        ),
        ("ED25519", "", KeyAlgorithm::Ed25519),
    ] {
        tool.run(&format!("openssl genpkey -algorithm {key} -out key.pem"));
        tool.run(&format!(
            "openssl req -new -key key.pem -subj /O=Example/CN=x {sign} -out csr.pem"
        ));
        tool.run("openssl pkey -in key.pem -pubout -outform DER -out public.der");
        let csr = Csr::from_pem_or_der(&tool.read("csr.pem")).unwrap_or_else(|e| panic!("{key} {sign}: {e}"));
        assert_eq!(csr.public_key().algorithm(), expected);
        assert_eq!(csr.public_key().spki(), tool.read("public.der"));
        assert_eq!(csr.subject().to_string(), "CN=x,O=Example");
        assert_eq!((csr.sans(), csr.challenge_password()), (&[][..], None));
    }
}

#[test]
fn every_attribute_and_name_of_an_openssl_request_is_read() {
    let tool = Tool::new();
    tool.write("req.cnf", CONFIG);
    tool.run("openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k -config req.cnf -utf8 -out csr.pem");
    tool.run("openssl req -in csr.pem -outform DER -out csr.der");
    let csr = Csr::from_pem_or_der(&tool.read("csr.der")).unwrap();
    assert_eq!(
        csr.subject().to_string(),
        "CN=web.example.test,O=Ex\u{e4}mple\\, Inc.,C=DE"
    );
    assert_eq!(csr.challenge_password(), Some("correct horse"));
    let mut expected = sans(&[
        "dns:web.example.test",
        "dns:*.example.test",
        "ip:192.0.2.7",
        "ip:2001:db8::7",
        "email:user@example.test",
        "uri:https://example.test/a",
        "rid:1.2.3.4",
        "upn:user@example.test",
        "dirname:CN=inner,O=Example",
    ]);
    let mut found = csr.sans().to_vec();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    let asked: Vec<_> = csr
        .requested_extensions()
        .iter()
        .map(|e| (e.oid().to_string(), e.critical()))
        .collect();
    let expected = [
        ("2.5.29.19", false),
        ("2.5.29.15", true),
        ("2.5.29.37", false),
        ("1.2.3.4.5", false),
        ("2.5.29.17", false),
    ];
    assert_eq!(asked, expected.map(|(oid, critical)| (oid.to_owned(), critical)));
}

#[test]
fn gnutls_requests_are_read() {
    let tool = Tool::new();
    let template = "cn = web.example.test\norganization = Example\ndns_name = web.example.test\n\
                    ip_address = 192.0.2.7\nchallenge_password = correct horse\ntls_www_server\n";
    tool.write("template", template);
    for (key, expected) in [
        ("ecdsa --curve=secp256r1", KeyAlgorithm::P256),
        ("ecdsa --curve=secp384r1", KeyAlgorithm::P384),
        ("rsa --bits=2048", KeyAlgorithm::Rsa(2048)),
        ("eddsa --curve=ed25519", KeyAlgorithm::Ed25519),
    ] {
        tool.run(&format!(
            "certtool --generate-privkey --no-text --key-type={key} --outfile key.pem"
        ));
        tool.run("certtool --generate-request --load-privkey key.pem --template template --outfile csr.pem");
        let csr = Csr::from_pem_or_der(&tool.read("csr.pem")).unwrap_or_else(|e| panic!("{key}: {e}"));
        assert_eq!(csr.public_key().algorithm(), expected);
        assert_eq!(csr.subject().common_names(), ["web.example.test"]);
        assert_eq!(csr.sans(), sans(&["dns:web.example.test", "ip:192.0.2.7"]));
        assert_eq!(csr.challenge_password(), Some("correct horse"));
    }
}

#[test]
fn unsorted_attributes_verify_because_nothing_is_encoded_again() {
    let names = dns_request(&["a.example.test"]);
    let password = attribute(CHALLENGE_PASSWORD, &[&tlv(0x13, &[b"pass"])]);
    for order in [[&names, &password], [&password, &names]] {
        let der = Forge::with_attributes(&[order[0], order[1]]).sign();
        let csr = Csr::from_der(&der).unwrap();
        assert_eq!(csr.sans(), sans(&["dns:a.example.test"]));
        assert_eq!(csr.challenge_password(), Some("pass"));
        assert_eq!(csr.der(), der);
    }
}

#[test]
fn the_microsoft_form_of_the_extension_request_is_read() {
    let san = extension(SUBJECT_ALT_NAME, false, &dns_names(&["a.example.test"]));
    let version = attribute("1.3.6.1.4.1.311.13.2.3", &[&tlv(0x16, &[b"10.0.17763.2"])]);
    let der = Forge::with_attributes(&[&version, &extensions(MICROSOFT_EXTENSIONS, &[&san])]).sign();
    assert_eq!(Csr::from_der(&der).unwrap().sans(), sans(&["dns:a.example.test"]));
}

#[test]
fn missing_attributes_and_an_empty_extension_list_ask_for_nothing() {
    let without = Forge {
        attributes: vec![],
        ..Forge::new()
    }
    .sign();
    let empty = Forge::with_attributes(&[&extensions(EXTENSION_REQUEST, &[])]).sign();
    for der in [without, empty] {
        assert!(Csr::from_der(&der).unwrap().requested_extensions().is_empty());
    }
}

#[test]
fn passwords_are_read_from_every_string_type() {
    for value in [
        tlv(0x0c, &["pä55".as_bytes()]),
        tlv(0x1e, &[&[0, b'p', 0, 0xe4, 0, b'5', 0, b'5']]),
        tlv(0x14, &[b"p\xe455"]),
        tlv(0x1c, &[b"\0\0\0p\0\0\0\xe4\0\0\0\x35\0\0\0\x35"]),
    ] {
        let der = Forge::with_attributes(&[&attribute(CHALLENGE_PASSWORD, &[&value])]).sign();
        assert_eq!(Csr::from_der(&der).unwrap().challenge_password(), Some("pä55"));
    }
}

#[test]
fn both_pem_labels_and_text_around_the_block_are_read() {
    let der = Forge::new().sign();
    for label in ["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"] {
        let text = format!(
            "Certificate Request:\n  Data: 0\n{}\n",
            x509::pem::encode(label, &der)
        );
        assert_eq!(Csr::from_pem_or_der(text.as_bytes()).unwrap().der(), der);
    }
}
