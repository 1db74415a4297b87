//! Input as the field sends it: over REST and the command line it is read alike, or named for what it is.

use std::path::{Path, PathBuf};

use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::system::System;

use crate::rest::Rest;
use crate::{csr, judge};

fn file(name: &str) -> PathBuf {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/x509/tests/it/data/field");
    PathBuf::from(data).join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap()
}

const READ: [&str; 7] = [
    "a01-utf8-bom.csr",
    "a02-cr-only.csr",
    "a02-spaces-inside.csr",
    "a02-no-armour.csr",
    "c-rsa-no-null-params.csr",
    "pss-20.csr",
    "oid-bigarc.csr",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_from_the_field_are_issued_over_rest_and_command_line() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    for name in READ {
        let san = ["dns:field.example.test"];
        let body = json!({"csr": text(name), "profile": "tls-server", "subject": "", "san": san});
        let issued = rest.issue(&body).await;
        let pem = issued["certificate"].as_str().unwrap();
        let path = system.dir().join("issued.crt");
        std::fs::write(&path, pem).unwrap();
        let shown = judge::run("openssl", &["x509", "-in", judge::text(&path), "-noout", "-text"]);
        assert!(shown.contains("DNS:field.example.test"), "{name}: {shown}");
        let out = system.dir().join(name);
        let given = file(name);
        let arguments = [
            "csr",
            "submit",
            judge::text(&given),
            "--subject",
            "",
            "--san",
            san[0],
        ];
        system
            .cli_ok(&[&arguments[..], &["--out", judge::text(&out)]].concat())
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_key_beside_a_csr_is_refused_and_neither_shown_nor_logged() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let key_file = system.dir().join("key.pem");
    let request = csr::with_key(&key_file, "/CN=a.example.test", "DNS:a.example.test");
    let key = std::fs::read_to_string(&key_file).unwrap();
    let secret = key.lines().nth(1).unwrap();
    let both = format!("{request}{key}");
    let answer = rest
        .try_issue(&json!({"csr": both, "profile": "tls-server"}))
        .await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    let problem = answer.text().await.unwrap();
    assert!(
        problem.contains("private key") && problem.contains("generate a new key"),
        "{problem}"
    );
    let combined = system.dir().join("both.pem");
    std::fs::write(&combined, &both).unwrap();
    let refused = system.cli(&["csr", "submit", judge::text(&combined)]).unwrap();
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("private key"), "{said}");
    for shown in [&problem, &said, &system.log().unwrap()] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_a_csr_is_named() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    // What is not text cannot be sent to the API as it is.
    let wide = file("a01-utf16le-bom.csr");
    let refused = system.cli(&["csr", "submit", judge::text(&wide)]).unwrap();
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr);
    for part in ["a01-utf16le-bom.csr", "UTF-16", "iconv"] {
        assert!(said.contains(part), "{said}");
    }
    let root = std::fs::read_to_string(system.ready().data_dir.join("root.crt")).unwrap();
    for (csr, says) in [
        (
            root,
            "is a certificate; a certificate signing request (CSR) is needed",
        ),
        (text("a13-enc-pbes2.pem"), "is an encrypted private key"),
        (text("a02-no-armour.csr").replace("MII", "MI-"), "no PEM block"),
        (String::new(), "it is empty"),
    ] {
        let answer = rest
            .try_issue(&json!({"csr": csr, "profile": "tls-server"}))
            .await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["field"], "csr", "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(says), "{problem}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_in_the_request_replace_those_that_could_not_be_issued() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let csr = csr::with_san(
        "/O=Example/OU=-/CN=my_host",
        "DNS:my_host.example.test,URI:http://h/[",
    );
    let refused = rest
        .try_issue(&json!({"csr": csr, "profile": "tls-server"}))
        .await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    let body = json!({
        "csr": csr, "profile": "tls-server",
        "subject": "CN=host.example.test,O=Example", "san": ["dns:host.example.test"],
    });
    let issued = rest.issue(&body).await;
    assert_eq!(issued["subject"], "CN=host.example.test,O=Example");
    assert_eq!(issued["san"], json!(["dns:host.example.test"]));
    let request = system.dir().join("request.csr");
    std::fs::write(&request, &csr).unwrap();
    let submit = |subject| {
        let names = ["--subject", subject, "--san", "dns:host.example.test"];
        let arguments = ["csr", "submit", judge::text(&request), "-o", "json"];
        system.cli(&[&arguments[..], &names].concat()).unwrap()
    };
    let output = submit("CN=host.example.test,O=Example");
    let issued: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    assert_eq!(issued["subject"], "CN=host.example.test,O=Example");
    let refused = submit("CN=other.example.test");
    assert!(!refused.status.success(), "{refused:?}");
    for (subject, field) in [
        ("CN=other.example.test", "csr.subject"),
        ("nonsense", "subject"),
        ("UID=x", "csr.subject"),
    ] {
        let body = json!({"csr": csr, "profile": "tls-server", "subject": subject, "san": ["dns:host.example.test"]});
        let answer = rest.try_issue(&body).await;
        assert!(answer.status().is_client_error());
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["field"], field, "{problem}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_and_opc_ua_applications_have_their_profiles() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    for (name, profile, shows) in [
        ("a04-cisco-unstructured.csr", "device", "unstructuredName"),
        ("a11-opcua.csr", "opc-ua", "Non Repudiation"),
    ] {
        let issued = rest.issue(&json!({"csr": text(name), "profile": profile})).await;
        let path = system.dir().join("issued.crt");
        std::fs::write(&path, issued["certificate"].as_str().unwrap()).unwrap();
        let shown = judge::run("openssl", &["x509", "-in", judge::text(&path), "-noout", "-text"]);
        assert!(shown.contains(shows), "{shown}");
        let subject = |kind: &str, path: &Path| {
            judge::run(
                "openssl",
                &[
                    kind,
                    "-in",
                    judge::text(path),
                    "-noout",
                    "-subject",
                    "-nameopt",
                    "show_type",
                ],
            )
        };
        let asked = subject("req", &file(name));
        assert_eq!(subject("x509", &path), asked, "{name}");
    }
}

/// The root as editors and mail programs leave it: with a mark, with the line ends of another system; and as UTF-16.
#[test]
fn the_root_that_the_client_trusts_is_read_as_editors_leave_it() {
    let system = System::up().unwrap();
    let root = std::fs::read_to_string(system.ready().data_dir.join("root.crt")).unwrap();
    let given = system.dir().join("given.crt");
    let whoami = |content: &[u8]| {
        std::fs::write(&given, content).unwrap();
        system.cli(&["whoami", "--ca-file", judge::text(&given)]).unwrap()
    };
    for content in [
        format!("\u{feff}{root}"),
        root.replace('\n', "\r"),
        root.replace('\n', "\r\n"),
        root.replace('\n', " \n "),
    ] {
        let output = whoami(content.as_bytes());
        assert!(output.status.success(), "{content:?}: {output:?}");
    }
    let wide: Vec<u8> = format!("\u{feff}{root}")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let output = whoami(&wide);
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    for part in ["given.crt", "UTF-16"] {
        assert!(said.contains(part), "{said}");
    }
}

/// `cert verify` of a file with this content, and what it says.
fn verify_says(system: &System, name: &str, content: &[u8]) -> String {
    let file = system.dir().join(name);
    std::fs::write(&file, content).unwrap();
    let output = system.cli(&["cert", "verify", judge::text(&file)]).unwrap();
    assert!(!output.status.success(), "{name}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn cert_verify_names_a_file_that_is_no_certificate() {
    let system = System::up().unwrap();
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds");
    let read = |name: &str| std::fs::read(seeds.join(name)).unwrap();
    for (file, kind) in [
        ("pkcs12/plain.p12", "a PKCS#12 file"),
        ("pkcs12/modern.p12", "a PKCS#12 file"),
        ("pkcs12/scrypt.der", "an encrypted private key"),
        ("csr/p256.der", "a certificate signing request (CSR)"),
        ("odd/list.crl", "a certificate revocation list (CRL)"),
    ] {
        let said = verify_says(&system, &file.replace('/', "-"), &read(file));
        assert!(
            said.contains(&format!("the input is {kind}; a certificate is needed")),
            "{file}: {said}"
        );
    }
}

/// As AD CS makes them of a GUID, with an arc of more than 64 bits, and longer than 39 octets.
const LARGE: [&str; 3] = [
    "1.3.6.1.4.1.311.21.8.13638690.14533061.12211850.8390013.7842412.182.8734582.4294967296",
    "1.3.6.1.4.1.311.21.8.18446744073709551616.402",
    "1.3.6.1.4.1.311.21.8.4294967295.4294967294.4294967293.4294967292.4294967291.4294967290.4294967289.1.402",
];

/// A self-signed certificate of openssl with one more extension.
fn self_signed(key: &Path, extension: &str) -> String {
    judge::run(
        "openssl",
        &[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "30",
            "-keyout",
            judge::text(key),
            "-subj",
            "/CN=oid",
            "-addext",
            extension,
        ],
    )
}

#[test]
fn identifiers_with_arcs_of_any_size_are_read_and_shown() {
    let system = System::up().unwrap();
    let key = system.dir().join("oid.key");
    let file = system.dir().join("oid.pem");
    for oid in LARGE {
        for extension in [
            format!("{oid}=DER:0500"),
            format!("extendedKeyUsage=serverAuth,{oid}"),
            format!("certificatePolicies={oid}"),
            format!("subjectAltName=RID:{oid}"),
            format!("subjectAltName=otherName:{oid};UTF8:a"),
        ] {
            let pem = self_signed(&key, &extension);
            std::fs::write(&file, &pem).unwrap();
            let shown = system
                .cli_ok(&["rootca", "inspect", judge::text(&file), "-o", "table"])
                .unwrap();
            assert!(shown.contains(oid), "{extension}: {shown}");
            // What it is refused for is its issuer.
            let said = verify_says(&system, "oid.pem", pem.as_bytes());
            assert!(
                !said.contains("malformed") && !said.contains("octets"),
                "{extension}: {said}"
            );
        }
        let csr = csr::with_extension(&key, "/CN=oid.test", &format!("{oid}=DER:0500"));
        std::fs::write(&file, &csr).unwrap();
        let shown = system.cli_ok(&["csr", "inspect", judge::text(&file)]).unwrap();
        assert!(shown.contains(oid), "{shown}");
    }
}

#[test]
fn an_identifier_that_is_too_long_is_named_with_the_limit() {
    let system = System::up().unwrap();
    let key = system.dir().join("oid.key");
    let oid = format!("1.2{}", ".7".repeat(140));
    for extension in [format!("{oid}=DER:0500"), format!("extendedKeyUsage={oid}")] {
        let said = verify_says(&system, "oid.pem", self_signed(&key, &extension).as_bytes());
        assert!(
            said.contains("141 octets") && said.contains("128"),
            "{extension}: {said}"
        );
    }
}
