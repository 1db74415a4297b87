//! The two HTTPS ports as real clients meet them: one asks for no certificate, the other for an optional one.

use std::path::PathBuf;
use std::process::Output;

use testkit::system::System;

use crate::judge;

fn address(url: &str) -> &str {
    url.strip_prefix("https://").unwrap()
}

/// What `openssl s_client` tells of a handshake.
fn s_client(system: &System, url: &str) -> String {
    let root = system.ready().data_dir.join("root.crt");
    let arguments = [
        "s_client",
        "-connect",
        address(url),
        "-CAfile",
        judge::text(&root),
    ];
    let output: Output = judge::try_run("openssl", &arguments);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// `curl` with these arguments.
fn curl(system: &System, arguments: &[&str]) -> Output {
    let root = system.ready().data_dir.join("root.crt");
    let all = [
        &["-sS", "--max-time", "20", "--cacert", judge::text(&root)],
        arguments,
    ]
    .concat();
    judge::try_run("curl", &all)
}

/// Certificate and key of a client.
fn device(system: &System) -> [PathBuf; 2] {
    system
        .cli_ok(&["cert", "create", "device.example.test", "--profile", "tls-client"])
        .unwrap();
    ["crt", "key"].map(|name| system.dir().join(format!("device.example.test.{name}")))
}

#[test]
fn only_the_mtls_port_asks_for_a_certificate_and_says_of_which_cas() {
    let system = System::up().unwrap();
    let https = s_client(&system, &system.ready().https);
    assert!(https.contains("No client certificate CA names sent"), "{https}");
    let mtls = s_client(&system, &system.ready().mtls);
    let hint = mtls.split("Acceptable client certificate CA names").nth(1);
    let hint = hint.unwrap_or_else(|| panic!("no hint in {mtls}"));
    let names: Vec<&str> = hint
        .lines()
        .skip(1)
        .take_while(|line| line.contains('='))
        .collect();
    assert_eq!(names.len(), 1, "{names:?}");
    assert!(names[0].contains("Issuing CA"), "{names:?}");
}

#[test]
fn the_mtls_port_serves_the_same_routes_with_and_without_a_certificate() {
    let system = System::up().unwrap();
    let [certificate, key] = device(&system);
    let shown = ["--cert", judge::text(&certificate), "--key", judge::text(&key)];
    let bearer = format!("Authorization: Bearer {}", system.token().unwrap());
    let whoami = format!("{}/api/v1/whoami", system.ready().mtls);
    for more in [&shown[..], &[]] {
        let output = curl(&system, &[more, &["-H", &bearer, &whoami]].concat());
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains("root-admin"), "{output:?}");
        // A certificate alone opens nothing yet.
        let status = ["-o", "/dev/null", "-w", "%{http_code}", &whoami];
        let output = curl(&system, &[more, &status].concat());
        assert_eq!(String::from_utf8_lossy(&output.stdout), "401", "{output:?}");
    }

    // One of a foreign CA ends the handshake.
    let (certificate, key) = (system.dir().join("other.crt"), system.dir().join("other.key"));
    let make = "req -x509 -newkey rsa:2048 -nodes -subj /CN=Other -addext extendedKeyUsage=clientAuth";
    let make: Vec<&str> = make.split(' ').collect();
    let to = ["-out", judge::text(&certificate), "-keyout", judge::text(&key)];
    judge::run("openssl", &[&make[..], &to].concat());
    let shown = ["--cert", judge::text(&certificate), "--key", judge::text(&key)];
    let output = curl(&system, &[&shown[..], &["-H", &bearer, &whoami]].concat());
    assert!(!output.status.success(), "{output:?}");
    // The port for browsers does not look at it.
    let whoami = format!("{}/api/v1/whoami", system.ready().https);
    let output = curl(&system, &[&shown[..], &["-H", &bearer, &whoami]].concat());
    assert!(output.status.success(), "{output:?}");
}

/// Whether `openssl s_client` resumes the session of a connection with these arguments in another one.
fn resumes(system: &System, url: &str, shown: &[&str]) -> bool {
    let root = system.ready().data_dir.join("root.crt");
    let session = system.dir().join("session");
    let connect = [
        "s_client",
        "-tls1_2",
        "-connect",
        address(url),
        "-CAfile",
        judge::text(&root),
    ];
    let connected = |more: &[&str]| {
        let output = judge::try_run("openssl", &[&connect[..], shown, more].concat());
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("TLSv1.2, Cipher is"), "{output:?}");
        text
    };
    connected(&["-sess_out", judge::text(&session)]);
    // The server may have given nothing to resume by.
    session.exists() && connected(&["-sess_in", judge::text(&session)]).contains("Reused, TLSv1.2")
}

#[test]
fn a_session_in_which_a_certificate_was_shown_is_not_resumed() {
    let system = System::up().unwrap();
    let [certificate, key] = device(&system);
    let shown = ["-cert", judge::text(&certificate), "-key", judge::text(&key)];
    assert!(!resumes(&system, &system.ready().mtls, &shown));
    assert!(resumes(&system, &system.ready().https, &[]));
}
