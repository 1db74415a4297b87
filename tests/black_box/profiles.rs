//! Every profile, issued for real and judged by others.

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
