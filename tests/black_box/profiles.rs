//! Every profile, issued for real and judged by others.

use std::path::Path;

use serde_json::Value;
use testkit::postgres::Postgres;
use testkit::system::System;

use crate::judge;

/// Profile, and what to ask of `cert create`.
const PROFILES: &[(&str, &[&str])] = &[
    (
        "tls-server",
        &[
            "a.example.test",
            "--san",
            "dns:b.example.test",
            "--san",
            "ip:2001:db8::1",
        ],
    ),
    ("tls-client", &["client-7", "--san", "dns:client.example.test"]),
    ("mtls", &["peer.example.test"]),
    ("code-signing", &["Build Signing"]),
    ("email", &["Ada Example", "--san", "email:ada@example.test"]),
    ("device", &["sensor-0815", "--san", "dns:sensor.example.test"]),
    ("short-lived", &["pod.example.test"]),
];

const KEYS: &[&str] = &["p256", "p384", "rsa2048", "rsa3072", "ed25519"];

fn lint_all(system: &System) {
    for (profile, arguments) in PROFILES {
        let mut all = vec!["cert", "create"];
        all.extend(*arguments);
        let out = system.dir().join(profile);
        all.extend(["--profile", profile, "--out", judge::text(&out), "-o", "json"]);
        let made: Value = serde_json::from_str(&system.cli_ok(&all).unwrap()).unwrap();
        assert_eq!(made["profile"], *profile);
        let leaf = std::fs::read_dir(&out)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| path.extension().is_some_and(|extension| extension == "crt"))
            .unwrap();
        judge::pkilint("lint_pkix_cert", &["lint", "-s", "ERROR", judge::text(&leaf)]);
        let data = &system.ready().data_dir;
        judge::openssl_verify(&data.join("root.crt"), &data.join("ca.crt"), &leaf, &[]);
        judge::run(
            "certtool",
            &["--certificate-info", "--infile", judge::text(&leaf)],
        );
        let text = judge::run("openssl", &["x509", "-in", judge::text(&leaf), "-noout", "-text"]);
        let pointers = text.contains("CRL Distribution Points") && text.contains("OCSP - URI");
        assert_eq!(pointers, *profile != "short-lived", "{profile}: {text}");
    }
    for ca in ["root.crt", "ca.crt"] {
        let path = system.ready().data_dir.join(ca);
        judge::pkilint("lint_pkix_cert", &["lint", "-s", "ERROR", judge::text(&path)]);
    }
}

#[test]
fn pkilint_finds_no_error_in_any_profile_on_sqlite() {
    lint_all(&System::up().unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pkilint_finds_no_error_in_any_profile_on_postgresql() {
    let postgres = Postgres::start().await.unwrap();
    lint_all(&System::up_with(&["--database-url", &postgres.url()]).unwrap());
}

#[test]
fn every_key_type_gets_a_certificate_that_openssl_and_pkilint_accept() {
    let system = System::up().unwrap();
    for key in KEYS {
        let out = system.dir().join(key);
        system
            .cli_ok(&[
                "cert",
                "create",
                "k.example.test",
                "--key-type",
                key,
                "--out",
                judge::text(&out),
            ])
            .unwrap();
        let data = &system.ready().data_dir;
        let leaf = out.join("k.example.test.crt");
        judge::openssl_verify(&data.join("root.crt"), &data.join("ca.crt"), &leaf, &[]);
        judge::pkilint("lint_pkix_cert", &["lint", "-s", "ERROR", judge::text(&leaf)]);
    }
}

/// The errors that pkilint finds. Of URIs it knows nine schemes, `spiffe` not among them, and takes any other for a
/// syntax error; that one finding is not counted.
fn errors(path: &Path) -> Vec<String> {
    let bin =
        std::env::var_os("GIGVAULT_PKILINT").expect("GIGVAULT_PKILINT is not set: run through `make test`");
    let linter = Path::new(&bin).join("lint_pkix_cert");
    let verdict = judge::try_run(linter, &["lint", "-s", "ERROR", judge::text(path)]);
    assert!(verdict.stderr.is_empty(), "{verdict:?}");
    let text = String::from_utf8(verdict.stdout).unwrap();
    let unknown_scheme =
        |line: &&str| line.contains("pkix.invalid_uri_syntax") && line.contains("\"spiffe://");
    text.lines()
        .filter(|line| line.contains("(ERROR)") || line.contains("(FATAL)"))
        .filter(|line| !unknown_scheme(line))
        .map(str::to_owned)
        .collect()
}

#[test]
fn pkilint_finds_no_error_in_what_is_not_for_end_entities_of_users() {
    let system = System::up().unwrap();
    let data = system.ready().data_dir.clone();
    for (profile, name) in [
        ("ocsp-signer", "Example OCSP Responder"),
        ("sub-ca", "Example Sub CA"),
    ] {
        let create = [
            "cert",
            "create",
            name,
            "--profile",
            profile,
            "--out",
            profile,
            "-o",
            "json",
        ];
        let made: Value = serde_json::from_str(&system.cli_ok(&create).unwrap()).unwrap();
        assert_eq!(made["profile"], profile);
        let leaf = system.dir().join(format!("{profile}.crt"));
        std::fs::write(&leaf, made["certificate"].as_str().unwrap()).unwrap();
        assert_eq!(errors(&leaf), [""; 0], "{profile}");
        judge::openssl_verify(&data.join("root.crt"), &data.join("ca.crt"), &leaf, &[]);
    }
    let identity = data.join("identities").join("gigvault");
    for file in ["tls.crt", "roots.pem"] {
        // The linter takes one certificate; in a chain the leaf is the first.
        let (from, first) = (identity.join(file), system.dir().join(file));
        judge::run(
            "openssl",
            &["x509", "-in", judge::text(&from), "-out", judge::text(&first)],
        );
        assert_eq!(errors(&first), [""; 0], "{file}");
    }
    let listed = system
        .cli_ok(&["cert", "list", "--profile", "service-identity", "-o", "json"])
        .unwrap();
    assert!(
        listed.contains("spiffe://gigvault.internal/svc/gigvault"),
        "{listed}"
    );
}
