//! Certificates that OpenSSL made, with what we would not issue.
#![expect(clippy::unwrap_used, reason = "tests")]

use x509::crl::CertificateList;
use x509::extension::{DistributionPoint, ExtensionValue};
use x509::signature::SignatureError;
use x509::{Certificate, CertificateError, San};

use crate::csr::tool::Tool;

const CONFIG: &str = "[req]\ndistinguished_name=dn\nx509_extensions=v3\nprompt=no\n[dn]\nCN=old\n";

fn made(arguments: &str, extensions: &str) -> Certificate {
    let tool = Tool::new();
    tool.write("req.cnf", format!("{CONFIG}[v3]\n{extensions}\n"));
    tool.run(&format!(
        "openssl req -x509 -nodes -keyout k.pem -config req.cnf -out a.crt {arguments}"
    ));
    Certificate::from_pem(&tool.read("a.crt")).unwrap()
}

#[test]
fn a_weak_key_can_be_looked_at_but_not_used() {
    let weak = made("-newkey rsa:1024", "basicConstraints=critical,CA:TRUE");
    assert!(weak.public_key().is_err());
    assert!(!weak.spki().is_empty() && weak.is_ca());
    assert!(matches!(
        weak.verify_signed_by(&weak),
        Err(CertificateError::Key(_))
    ));
    assert!(weak.describe().contains("weak"), "{}", weak.describe());
}

#[test]
fn a_broken_hash_can_be_looked_at_but_not_verified() {
    let old = made("-newkey rsa:2048 -sha1", "basicConstraints=critical,CA:TRUE");
    assert!(matches!(
        old.signature_algorithm(),
        Err(SignatureError::Broken { .. })
    ));
    assert!(matches!(
        old.verify_signed_by(&old),
        Err(CertificateError::Signature(_))
    ));
    assert!(old.describe().contains("SHA-1"), "{}", old.describe());
}

#[test]
fn unsupported_keys_can_be_looked_at() {
    for arguments in ["-newkey ec -pkeyopt ec_paramgen_curve:secp256k1", "-newkey ed448"] {
        let certificate = made(arguments, "basicConstraints=critical,CA:TRUE");
        assert!(certificate.public_key().is_err(), "{arguments}");
        assert!(
            certificate.describe().contains("not supported"),
            "{}",
            certificate.describe()
        );
    }
}

#[test]
fn names_that_would_not_be_issued_are_kept_opaque() {
    let foreign = made(
        "-newkey ed25519",
        "subjectAltName=DNS:a_b.test,DNS:*.*.test,DNS:WEB.test,email:local,URI:relative,dirName:dn,\
         otherName:1.2.3.4;UTF8:x",
    );
    let kinds: Vec<bool> = foreign
        .sans()
        .iter()
        .map(|san| matches!(san, San::Opaque(_)))
        .collect();
    assert_eq!(kinds, [true, true, false, true, true, false, false]);
    assert_eq!(foreign.sans()[2].to_string(), "dns:web.test");
    assert_eq!(foreign.sans()[6].to_string(), "othername:1.2.3.4=0c0178");
}

#[test]
fn extensions_of_others_are_read() {
    let foreign = made(
        "-newkey ed25519",
        "basicConstraints=CA:FALSE\n\
         subjectKeyIdentifier=0102030405\n\
         keyUsage=digitalSignature,decipherOnly\n\
         extendedKeyUsage=serverAuth,1.2.3.4,anyExtendedKeyUsage\n\
         crlDistributionPoints=URI:http://a.test/1,point\n\
         authorityInfoAccess=OCSP;URI:http://o.test/,caIssuers;DNS:not-a-uri.test,1.2.3.4;URI:http://x.test/,OCSP;dirName:dn\n\
         certificatePolicies=1.2.3.4,@policy\n\
         nameConstraints=permitted;DNS:.a.test,excluded;IP:10.0.0.0/255.0.0.0\n\
         tlsfeature=status_request,status_request_v2\n\
         noCheck=ignored\n\
         nsComment=hello\n\
         [point]\nfullname=URI:http://b.test/2,DNS:c.test\nCRLissuer=dirName:dn\nreasons=keyCompromise\n\
         [policy]\npolicyIdentifier=2.5.29.32.0\nCPS.1=http://cps.test/\nuserNotice.1=@notice\n\
         [notice]\nexplicitText=hi",
    );
    assert_eq!(foreign.subject_key_identifier(), Some(&[1, 2, 3, 4, 5][..]));
    assert_eq!(
        foreign.key_usage().unwrap().to_string(),
        "digital-signature, decipher-only"
    );
    let purposes: Vec<String> = foreign.eku().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(purposes, ["server-auth", "1.2.3.4", "2.5.29.37.0"]);
    let values: Vec<ExtensionValue> = foreign.extensions().iter().map(|e| e.value().unwrap()).collect();
    let uris = |uris: &[&str]| uris.iter().map(|uri| (*uri).to_owned()).collect::<Vec<_>>();
    let mut other_issuer = DistributionPoint::at("http://b.test/2");
    other_issuer.names.others = vec![b"\x82\x06c.test".to_vec()];
    (other_issuer.only_some_reasons, other_issuer.has_crl_issuer) = (true, true);
    for expected in [
        ExtensionValue::BasicConstraints {
            ca: false,
            path_len: None,
        },
        ExtensionValue::CrlDistributionPoints(vec![DistributionPoint::at("http://a.test/1"), other_issuer]),
        ExtensionValue::AuthorityInformationAccess {
            ocsp: uris(&["http://o.test/"]),
            ca_issuers: vec![],
            has_other_ocsp: true,
        },
        ExtensionValue::CertificatePolicies(vec!["1.2.3.4".parse().unwrap(), "2.5.29.32.0".parse().unwrap()]),
        ExtensionValue::TlsFeature(vec![5, 17]),
        ExtensionValue::OcspNoCheck,
        ExtensionValue::Unknown,
    ] {
        assert!(
            values.contains(&expected),
            "{expected:?} is missing in {values:?}"
        );
    }
    let constraints = foreign.name_constraints().unwrap();
    assert_eq!(constraints.permitted[0].to_string(), "dns:.a.test");
    assert_eq!(constraints.excluded[0].to_string(), "ip:10.0.0.0/8");
    assert!(foreign.describe().lines().count() > 20);
}

#[test]
fn a_list_with_a_long_number_and_odd_serial_numbers_is_read() {
    let tool = Tool::new();
    tool.write(
        "ca.cnf",
        "[req]\ndistinguished_name=dn\nx509_extensions=v3\nprompt=no\n[dn]\nCN=old\n\
         [v3]\nbasicConstraints=critical,CA:TRUE\n\
         [ca]\ndefault_ca=c\n[c]\ndatabase=index\ncrlnumber=number\ndefault_md=sha256\ndefault_crl_days=30\n\
         crl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid\n",
    );
    let long = "11".repeat(30);
    let revoked = |serial: &str| format!("R\t300101000000Z\t250101000000Z\t{serial}\tunknown\t/CN=x\n");
    tool.write("index", revoked("00") + &revoked(&long));
    tool.write("number", "0123456789ABCDEF0123456789ABCDEF\n");
    tool.run("openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -config ca.cnf -days 30 -out ca.crt");
    tool.run("openssl ca -gencrl -config ca.cnf -keyfile ca.key -cert ca.crt -out a.crl");
    let ca = Certificate::from_pem(&tool.read("ca.crt")).unwrap();
    let list = CertificateList::from_pem(&tool.read("a.crl")).unwrap();
    list.verify_signed_by(&ca).unwrap();
    let serials: Vec<String> = list
        .entries()
        .iter()
        .map(|entry| entry.serial.to_string())
        .collect();
    assert_eq!(serials, ["00", &long]);
    assert_eq!(list.number(), None);
    let text = list.describe();
    assert!(
        text.contains("number: 0x0123456789abcdef0123456789abcdef"),
        "{text}"
    );
}

#[test]
fn version_1_certificates_are_read() {
    let tool = Tool::new();
    tool.write("empty.cnf", "[req]\ndistinguished_name=dn\n[dn]\n");
    tool.run(
        "openssl req -new -newkey ed25519 -nodes -keyout k.pem -subj /CN=v1 -config empty.cnf -out a.csr",
    );
    tool.run("openssl x509 -req -in a.csr -signkey k.pem -set_serial 1 -out a.crt");
    let old = Certificate::from_pem(&tool.read("a.crt")).unwrap();
    assert_eq!(
        (old.version(), old.extensions().len(), old.is_ca()),
        (1, 0, false)
    );
    old.verify_signature(old.public_key().unwrap()).unwrap();
}
