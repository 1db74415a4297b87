//! Requests for certificates that must be refused by field: malformed, weak, with bad names or extensions.

use std::process::Command;

use reqwest::StatusCode;

use super::{Api, P256, SUBJECT, body};
use crate::{judge, metrics};

type Case = (&'static str, String, &'static [&'static str]);

#[tokio::test]
async fn hostile_csrs_are_refused_by_field_and_leave_nothing() {
    let api = Api::new();
    let good = api.csr(P256, SUBJECT);
    let cases: Vec<Case> = malformed(&good)
        .into_iter()
        .chain(weak_keys(&api))
        .chain(known_weak_keys(&api))
        .chain(bad_names(&api))
        .chain(bad_extensions(&api))
        .collect();
    let signed = metrics::sum(&api.system, "gigvault_signatures_total").await;
    for (what, csr, fields) in cases {
        let (status, problem) = api.issue(&body(&csr)).await;
        assert!(status.is_client_error(), "{what}: {status} {problem}");
        let field = problem["field"].as_str().unwrap_or_default();
        assert!(fields.contains(&field), "{what}: names {field:?}: {problem}");
        assert!(
            problem["type"]
                .as_str()
                .unwrap()
                .starts_with("https://gigvault.io/problems/"),
            "{what}"
        );
    }
    assert_eq!(api.issued().await, 0);
    assert_eq!(
        metrics::sum(&api.system, "gigvault_signatures_total").await,
        signed
    );
    let (status, answer) = api.issue(&body(&good)).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    assert_eq!(api.issued().await, 1);
    assert_eq!(
        metrics::sum(&api.system, "gigvault_signatures_total").await,
        signed + 1
    );
}

fn malformed(good: &str) -> Vec<Case> {
    let lines = good.lines().take(4).chain(["-----END CERTIFICATE REQUEST-----"]);
    let truncated = lines.collect::<Vec<_>>().join("\n");
    let oversized = format!(
        "-----BEGIN CERTIFICATE REQUEST-----\n{}\n-----END CERTIFICATE REQUEST-----\n",
        "A".repeat(100_000)
    );
    vec![
        ("not a CSR", "hello".to_owned(), &["csr"]),
        ("empty", String::new(), &["csr"]),
        ("truncated", truncated, &["csr"]),
        ("oversized", oversized, &["csr"]),
        ("bad signature", flip_signature(good), &["csr.signature"]),
    ]
}

fn weak_keys(api: &Api) -> Vec<Case> {
    let rsa = |bits: &str, exponent: &str| {
        let bits = format!("rsa_keygen_bits:{bits}");
        let exponent = format!("rsa_keygen_pubexp:{exponent}");
        api.csr(
            &["-algorithm", "RSA", "-pkeyopt", &bits, "-pkeyopt", &exponent],
            SUBJECT,
        )
    };
    let curve = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"];
    vec![
        ("RSA under 2048", rsa("1024", "65537"), &["csr.public_key"]),
        ("tiny exponent", rsa("2048", "3"), &["csr.public_key"]),
        ("unknown curve", api.csr(curve, SUBJECT), &["csr.public_key"]),
        (
            "SHA-1 signature",
            api.csr(P256, &[SUBJECT, &["-sha1"]].concat()),
            &["csr.signature"],
        ),
    ]
}

fn bad_names(api: &Api) -> Vec<Case> {
    let san = |san: &str| {
        let san = format!("subjectAltName={san}");
        api.csr(P256, &["-subj", "/CN=a.example.test", "-addext", &san])
    };
    // Too long for an argument: openssl reads it from a file.
    let many = (0..10_000)
        .map(|n| format!("DNS.{n} = h{n}.t\n"))
        .collect::<String>();
    let config = api.system.dir().join("many.cnf");
    let head = "[req]\ndistinguished_name = dn\nreq_extensions = ext\n[dn]\n[ext]\nsubjectAltName = @names\n[names]\n";
    std::fs::write(&config, format!("{head}{many}")).unwrap();
    let many = api.csr(P256, &["-subj", "/CN=h1.t", "-config", judge::text(&config)]);
    vec![
        (
            "wildcard in the middle",
            san("DNS:a.*.example.test"),
            &["csr.san"],
        ),
        ("IP as DNS name", san("DNS:10.0.0.1"), &["csr.san"]),
        ("10,000 names", many, &["csr.san", "csr"]),
        ("underscore", san("DNS:a_b.example.test"), &["csr.san"]),
        ("trailing dot", san("DNS:a.example.test."), &["csr.san"]),
        (
            "common name that no SAN repeats",
            san("DNS:b.example.test"),
            &["csr.subject"],
        ),
    ]
}

/// Keys whose weakness is known: requests of good keys of the same size, with the other key in their place. The key
/// is judged before the signature is, so it makes no difference that these have no holder.
fn known_weak_keys(api: &Api) -> Vec<Case> {
    let rsa = der(&api.csr(
        &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        SUBJECT,
    ));
    let start = [0x30, 0x82, 0x01, 0x22, 0x30, 0x0d];
    let at = rsa.windows(start.len()).position(|bytes| bytes == start).unwrap();
    let with_key = |file: &str| {
        let folder = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../crates/x509/tests/it/data/weak-keys"
        );
        let key = der(&std::fs::read_to_string(format!("{folder}/{file}.pem")).unwrap());
        assert_eq!(key.len(), 294, "{file}");
        pem(&[&rsa[..at], &key, &rsa[at + key.len()..]].concat())
    };
    let changed = |mut der: Vec<u8>, at: usize| {
        der[at] ^= 1;
        pem(&der)
    };
    // The last octet of the SubjectPublicKeyInfo is the last of the exponent, 65537.
    let even = changed(rsa.clone(), at + 293);
    let curve = der(&api.csr(P256, SUBJECT));
    let start = [0x03, 0x42, 0x00, 0x04];
    let point = curve
        .windows(start.len())
        .position(|bytes| bytes == start)
        .unwrap()
        + start.len();
    vec![
        ("ROCA", with_key("roca"), &["csr.public_key"]),
        ("Debian's weak keys", with_key("debian"), &["csr.public_key"]),
        ("close primes", with_key("close-primes"), &["csr.public_key"]),
        ("even exponent", even, &["csr.public_key"]),
        (
            "point off the curve",
            changed(curve, point + 63),
            &["csr.public_key"],
        ),
    ]
}

/// Extensions that openssl writes and signs only when it is given their octets.
fn bad_extensions(api: &Api) -> Vec<Case> {
    let written = |octets: &[u8], more: &[&str]| {
        let hex: Vec<String> = octets.iter().map(|octet| format!("{octet:02x}")).collect();
        let extension = format!("2.5.29.17=DER:{}", hex.join(":"));
        let subject = ["-subj", "/CN=a.example.test", "-addext", &extension];
        api.csr(P256, &[&subject, more].concat())
    };
    let names = |name: &[u8]| [&[0x30, 16, 0x82, 14], name].concat();
    let twice = ["-addext", "subjectAltName=DNS:a.example.test"];
    vec![
        (
            "NUL in a name",
            written(&names(b"a\0example.test"), &[]),
            &["csr.san"],
        ),
        (
            "an extension twice",
            written(&names(b"a.example.test"), &twice),
            &["csr.attributes"],
        ),
    ]
}

/// Changes one bit near the end of the DER, inside the signature.
fn flip_signature(text: &str) -> String {
    let mut der = der(text);
    let at = der.len() - 3;
    der[at] ^= 1;
    pem(&der)
}

/// What is between the lines of a PEM file.
fn der(pem: &str) -> Vec<u8> {
    let body = pem.lines().filter(|line| !line.starts_with("-----"));
    let body: String = body.map(|line| format!("{line}\n")).collect();
    piped(&["base64", "-d"], body.as_bytes())
}

/// A certificate request in PEM.
fn pem(der: &[u8]) -> String {
    let base64 = String::from_utf8(piped(&["base64"], der)).unwrap();
    format!("-----BEGIN CERTIFICATE REQUEST-----\n{base64}-----END CERTIFICATE REQUEST-----\n")
}

/// What openssl makes of its input.
fn piped(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    use std::io::Write;
    use std::process::Stdio;
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap().stdout
}
