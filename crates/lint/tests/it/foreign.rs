//! Certificates that others made, and others' judgment on ours.
#![expect(clippy::unwrap_used, reason = "tests")]

use lint::{Context, Finding, Severity, check_tbs};
use time::macros::datetime;
use x509::{
    Certificate, CertificateSpec, DistinguishedName, Eku, Extension, KeyAlgorithm, KeyIdMethod,
    KeyUsageFlags, PublicKey, Serial, SignatureAlgorithm, Validity,
};

use crate::broken::cases;
use crate::forge::BASES;
use crate::tool::Tool;

const CONFIG: &str = "
[req]
distinguished_name = dn
prompt = no
[dn]
C = DE
O = Example Org
CN = Test Root
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[leaf]
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = DNS:web.example.test, IP:192.0.2.7, IP:2001:db8::7
crlDistributionPoints = URI:http://pki.example.test/ca.crl
authorityInfoAccess = OCSP;URI:http://ocsp.example.test/, caIssuers;URI:http://pki.example.test/ca.cer
certificatePolicies = 1.3.6.1.4.1.55555.9
tlsfeature = status_request
[sloppy]
basicConstraints = CA:FALSE
subjectAltName = DNS:web_1.example.test, URI:ldap:web
";

fn certificate(tool: &Tool, file: &str) -> Certificate {
    Certificate::from_pem(&tool.read(file)).unwrap()
}

fn severe(findings: Vec<Finding>) -> Vec<Finding> {
    let is_error = |finding: &Finding| finding.severity == Severity::Error;
    findings.into_iter().filter(is_error).collect()
}

/// A root and a leaf by OpenSSL, with keys and hash as it is told.
fn openssl_hierarchy(key: &str, hash: &str) -> (Certificate, Certificate) {
    let tool = Tool::new();
    tool.write("openssl.cnf", CONFIG);
    tool.openssl(&format!("genpkey {key} -out root.key"));
    tool.openssl(&format!("genpkey {key} -out leaf.key"));
    tool.openssl(&format!(
        "req -x509 -new -key root.key {hash} -days 3650 -config openssl.cnf -extensions root -out root.crt"
    ));
    tool.openssl("req -new -key leaf.key -config openssl.cnf -subj /CN=web.example.test -out leaf.csr");
    tool.openssl(&format!(
        "x509 -req -in leaf.csr -CA root.crt -CAkey root.key -CAcreateserial {hash} -days 47 -extfile openssl.cnf \
         -extensions leaf -out leaf.crt"
    ));
    (certificate(&tool, "root.crt"), certificate(&tool, "leaf.crt"))
}

fn assert_openssl_is_clean(key: &str, hash: &str) {
    let (root, leaf) = openssl_hierarchy(key, hash);
    for context in [Context::self_signed(), Context::default()] {
        assert_eq!(severe(check_tbs(root.tbs_der(), &context)), [], "{key}");
    }
    for context in [Context::issued_by(&root), Context::default()] {
        assert_eq!(severe(check_tbs(leaf.tbs_der(), &context)), [], "{key}");
    }
}

#[test]
fn certificates_that_openssl_makes_by_a_good_profile_have_no_errors() {
    assert_openssl_is_clean("-algorithm EC -pkeyopt ec_paramgen_curve:P-256", "-sha256");
    assert_openssl_is_clean("-algorithm EC -pkeyopt ec_paramgen_curve:P-384", "-sha384");
    assert_openssl_is_clean("-algorithm ED25519", "");
    assert_openssl_is_clean("-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "-sha512");
}

#[test]
fn certificates_that_openssl_makes_by_a_bad_profile_have_errors() {
    let tool = Tool::new();
    tool.write("openssl.cnf", CONFIG);
    tool.openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 -out leaf.key");
    tool.openssl(
        "req -x509 -new -key leaf.key -sha1 -days 1 -config openssl.cnf -extensions sloppy -set_serial 5 -out leaf.crt",
    );
    let findings = check_tbs(certificate(&tool, "leaf.crt").tbs_der(), &Context::default());
    let found: Vec<_> = severe(findings).iter().map(|finding| finding.lint).collect();
    assert_eq!(
        found,
        [
            "cabf_serial_64_bits",
            "cabf_signature_algorithm_allowed",
            "rfc5480_named_curve",
            "rfc5280_dns_syntax",
            "rfc5280_aki_present",
        ]
    );
    tool.openssl("req -new -key leaf.key -config openssl.cnf -out leaf.csr");
    tool.openssl("x509 -req -in leaf.csr -signkey leaf.key -sha256 -out old.crt");
    let findings = check_tbs(certificate(&tool, "old.crt").tbs_der(), &Context::default());
    assert!(
        findings
            .iter()
            .any(|finding| finding.lint == "rfc5280_version_v3")
    );
}

/// A key of this kind by OpenSSL.
fn key(tool: &Tool, options: &str) -> PublicKey {
    tool.openssl(&format!("genpkey {options} -out any.key"));
    PublicKey::from_spki(&tool.openssl("pkey -in any.key -pubout -outform DER")).unwrap()
}

/// A root as our own builder writes it.
fn built_root(key: PublicKey, signature_algorithm: SignatureAlgorithm) -> Vec<u8> {
    let name: DistinguishedName = "CN=Test Root,O=Example Org,C=DE".parse().unwrap();
    let usage = KeyUsageFlags::KEY_CERT_SIGN | KeyUsageFlags::CRL_SIGN;
    let identifier = key.key_identifier(KeyIdMethod::Rfc7093);
    let spec = CertificateSpec {
        serial: Serial::from_bytes(&[0x5a; 16]).unwrap(),
        signature_algorithm,
        issuer: name.clone(),
        validity: Validity::new(datetime!(2026-11-24 12:00 UTC), datetime!(2066-11-24 12:00 UTC)).unwrap(),
        subject: name,
        public_key: key,
        extensions: vec![
            Extension::basic_constraints_ca(Some(1)),
            Extension::key_usage(usage).unwrap(),
            Extension::subject_key_identifier(identifier),
            Extension::authority_key_identifier(identifier),
            Extension::name_constraints(&x509::NameConstraints {
                permitted: vec![
                    "dns:example.test".parse().unwrap(),
                    "ip:10.0.0.0/8".parse().unwrap(),
                    "ip:2001:db8::/33".parse().unwrap(),
                    "email:.example.test".parse().unwrap(),
                    "uri:example.test".parse().unwrap(),
                    "dirname:O=Example,C=DE".parse().unwrap(),
                ],
                excluded: vec![],
            })
            .unwrap(),
        ],
    };
    spec.to_tbs().unwrap()
}

#[test]
fn our_builder_writes_every_algorithm_without_error() {
    let tool = Tool::new();
    let keys = [
        key(&tool, "-algorithm EC -pkeyopt ec_paramgen_curve:P-256"),
        key(&tool, "-algorithm EC -pkeyopt ec_paramgen_curve:P-384"),
        key(&tool, "-algorithm EC -pkeyopt ec_paramgen_curve:P-521"),
        key(&tool, "-algorithm ED25519"),
        key(&tool, "-algorithm RSA -pkeyopt rsa_keygen_bits:2048"),
    ];
    let mut judged = 0;
    for key in keys {
        let usual = SignatureAlgorithm::default_for(key.algorithm());
        let fits = |algorithm: &SignatureAlgorithm| {
            *algorithm == usual
                || matches!(key.algorithm(), KeyAlgorithm::Rsa(_)) && algorithm.fits(key.algorithm())
        };
        for algorithm in SignatureAlgorithm::ALL.into_iter().filter(fits) {
            let tbs = built_root(key.clone(), algorithm);
            assert_eq!(
                severe(check_tbs(&tbs, &Context::self_signed())),
                [],
                "{algorithm}"
            );
            judged += 1;
        }
    }
    assert_eq!(judged, SignatureAlgorithm::ALL.len());
    assert!(Eku::ANY.oid().to_string().starts_with("2.5.29.37"));
}

#[test]
fn pkilint_finds_no_error_in_what_has_none() {
    let tool = Tool::new();
    for base in &BASES {
        tool.write("any.crt", (base.subject)().certificate_der());
        assert_eq!(tool.pkilint("any.crt"), Vec::<String>::new(), "{}", base.name);
    }
}

#[test]
fn pkilint_agrees_on_errors() {
    let tool = Tool::new();
    for id in [
        "rfc5280_version_v3",
        "rfc5280_serial_20_octets",
        "rfc5280_time_exists",
        "rfc5280_time_type",
        "rfc5280_validity_order",
        "rfc5280_name_bounds",
        "rfc5280_email_in_san",
        "rfc5280_extensions_distinct",
        "rfc5280_policies_distinct",
        "rfc6818_explicit_text",
        "rfc5280_name_constraints_critical",
        "rfc5280_name_constraints_no_distance",
        "rfc5280_key_cert_sign_needs_ca",
        "rfc3279_rsa_key_usage",
        "rfc9295_ed25519_key_usage",
        "rfc3161_time_stamping_alone",
        "rfc5280_dns_syntax",
        "rfc5280_ip_length",
        "rfc9598_smtp_utf8_mailbox",
        "rfc5280_crldp_point_named",
    ] {
        let case = cases().find(|case| case.id == id).unwrap();
        tool.write("any.crt", case.forge().certificate_der());
        assert!(!tool.pkilint("any.crt").is_empty(), "{id}");
    }
}
