//! The certificates that GigVault has for itself: kept while they are right, made again where they are not.

use std::fs;
use std::path::Path;
use std::process::Command;

use testkit::system::{ServerInfo, binary};

use super::{started, stopped, up};
use crate::judge;

#[test]
fn the_https_certificate_covers_what_is_listened_on() {
    let dir = tempfile::tempdir().unwrap();
    let names = |ready: &ServerInfo| {
        let leaf = ready.data_dir.join("identities/https/tls.crt");
        judge::run("openssl", &["x509", "-in", judge::text(&leaf), "-noout", "-text"])
    };
    for (address, covered) in [("127.0.0.1", false), ("127.0.0.2", true), ("0.0.0.0", false)] {
        let (process, ready) = started(up(dir.path(), &["--listen", address]), dir.path());
        assert_eq!(
            names(&ready).contains("IP Address:127.0.0.2"),
            covered,
            "{address}"
        );
        let list = Command::new(binary().unwrap())
            .args(["cert", "list"])
            .env("GIGVAULT_URL", &ready.https)
            .env(
                "GIGVAULT_TOKEN",
                fs::read_to_string(ready.data_dir.join("admin.token"))
                    .unwrap()
                    .trim(),
            )
            .env("GIGVAULT_CA_FILE", ready.data_dir.join("root.crt"))
            .output()
            .unwrap();
        assert!(
            list.status.success(),
            "{address}: {}",
            String::from_utf8_lossy(&list.stderr)
        );
        drop(process);
    }
}

const OWN: [&str; 2] = ["identities/gigvault", "identities/https"];

fn read(data: &Path, file: &str) -> String {
    fs::read_to_string(data.join(file)).unwrap()
}

/// Certificate and key of one of our own certificates belong together, and the services CA signed it.
fn check(data: &Path, folder: &str) {
    let file = |name: &str| data.join(folder).join(name);
    let certified = judge::run(
        "openssl",
        &["x509", "-in", judge::text(&file("tls.crt")), "-noout", "-pubkey"],
    );
    let own = judge::run(
        "openssl",
        &["pkey", "-in", judge::text(&file("tls.key")), "-pubout"],
    );
    assert_eq!(certified, own, "{folder}");
    let roots = data.join("identities/gigvault/roots.pem");
    judge::run(
        "openssl",
        &[
            "verify",
            "-partial_chain",
            "-CAfile",
            judge::text(&roots),
            judge::text(&file("tls.crt")),
        ],
    );
}

#[test]
fn a_start_keeps_our_own_certificates_while_they_are_right() {
    let (mut system, _) = stopped(&[]);
    let data = system.ready().data_dir.clone();
    let all = || {
        let files = OWN.map(|folder| {
            [
                read(&data, &format!("{folder}/tls.crt")),
                read(&data, &format!("{folder}/tls.key")),
            ]
        });
        (files, read(&data, "identities/gigvault/roots.pem"))
    };
    let before = all();
    system.restart().unwrap();
    system.terminate().unwrap();
    assert_eq!(all(), before);
}

#[test]
fn a_certificate_of_ours_without_its_key_is_made_anew() {
    let (mut system, _) = stopped(&[]);
    let data = system.ready().data_dir.clone();
    for folder in OWN {
        let before = read(&data, &format!("{folder}/tls.crt"));
        let key = data.join(folder).join("tls.key");
        judge::run(
            "openssl",
            &[
                "genpkey",
                "-algorithm",
                "EC",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-out",
                judge::text(&key),
            ],
        );
        system.restart().unwrap();
        system.cli_ok(&["cert", "list"]).unwrap();
        system.terminate().unwrap();
        assert_ne!(read(&data, &format!("{folder}/tls.crt")), before, "{folder}");
        check(&data, folder);
    }
}

#[test]
fn a_certificate_of_the_same_name_from_another_ca_is_made_anew() {
    let ((mut system, _), (other, _)) = (stopped(&[]), stopped(&[]));
    let data = system.ready().data_dir.clone();
    for folder in OWN {
        for file in ["tls.crt", "tls.key"] {
            let file = format!("{folder}/{file}");
            fs::copy(other.ready().data_dir.join(&file), data.join(&file)).unwrap();
        }
        system.restart().unwrap();
        system.terminate().unwrap();
        check(&data, folder);
    }
}

#[test]
fn an_identity_trusts_the_services_ca_alone_again_after_a_start() {
    let (mut system, _) = stopped(&[]);
    let data = system.ready().data_dir.clone();
    let roots = data.join("identities/gigvault/roots.pem");
    let (before, certificate) = (
        read(&data, "identities/gigvault/roots.pem"),
        read(&data, "identities/gigvault/tls.crt"),
    );
    // Whoever has a certificate of users would be a service under the root.
    for content in [
        read(&data, "root.crt"),
        before.clone() + &read(&data, "root.crt"),
        String::new(),
    ] {
        fs::write(&roots, content).unwrap();
        system.restart().unwrap();
        system.terminate().unwrap();
        assert_eq!(read(&data, "identities/gigvault/roots.pem"), before);
    }
    fs::remove_file(&roots).unwrap();
    system.restart().unwrap();
    system.terminate().unwrap();
    assert_eq!(read(&data, "identities/gigvault/roots.pem"), before);
    assert_eq!(
        read(&data, "identities/gigvault/tls.crt"),
        certificate,
        "nothing was wrong with it"
    );
}
