//! What the settings name is taken from there at the first start too, and nothing is made in its default place.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use serde_json::Value;
use testkit::system::System;

use crate::judge;

fn secret(path: &Path, content: &str) {
    fs::write(path, content).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn a_first_start_takes_secrets_and_identities_from_where_the_settings_name_them() {
    let elsewhere = tempfile::tempdir().unwrap();
    let (kek, phrase) = (elsewhere.path().join("kek"), elsewhere.path().join("phrase"));
    secret(&kek, &"5c".repeat(32));
    secret(&phrase, "nine stations on a quiet line\n");
    for (setting, file, flag, other) in [
        ("kek_file", &kek, "--kek-file", ("--passphrase-file", &phrase)),
        (
            "passphrase_file",
            &phrase,
            "--passphrase-file",
            ("--kek-file", &kek),
        ),
    ] {
        let identity = elsewhere.path().join(format!("identity-{setting}"));
        let config = elsewhere.path().join(format!("{setting}.json"));
        let settings = serde_json::json!({
            "keymgr": {"backends": {"software": {setting: file}}},
            "identity": {"directory": identity},
        });
        fs::write(&config, settings.to_string()).unwrap();
        let mut system = System::up_with(&["--config", judge::text(&config)]).unwrap();
        let data = system.ready().data_dir.clone();
        for name in ["a.example.test", "b.example.test"] {
            system.cli_ok(&["cert", "create", name]).unwrap();
            system.terminate().unwrap();
            system.restart().unwrap();
        }
        assert!(!data.join("keys/kek").exists(), "{setting}");
        assert!(!data.join("identities/gigvault").exists(), "{setting}");
        assert!(identity.join("tls.key").is_file(), "{setting}");

        // What protects the keys of keymgr protects the root, and nothing else opens it.
        let root = data.join("keys/root");
        let verify = ["rootca", "verify", "--dir", judge::text(&root)];
        system
            .cli_ok(&[&verify[..], &[flag, judge::text(file)]].concat())
            .unwrap();
        let (flag, file) = other;
        let opened = system.cli(&[&verify[..], &[flag, judge::text(file)]].concat());
        assert!(!opened.unwrap().status.success(), "{setting}");

        symlink(&data, system.dir().join("gigvault-data")).unwrap();
        let report = system.cli(&["doctor", "-o", "json"]).unwrap().stdout;
        let report: Value = serde_json::from_slice(&report).unwrap();
        let checks = report["checks"].as_array().unwrap();
        let result =
            |name: &str| checks.iter().find(|check| check["check"] == name).unwrap()["result"].clone();
        for check in ["files", "installation", "identities", "stored keys of keymgr"] {
            assert_eq!(result(check), "ok", "{setting}: {report}");
        }
    }
}

#[test]
fn a_key_encryption_key_that_was_moved_is_taken_from_where_the_settings_name_it() {
    let elsewhere = tempfile::tempdir().unwrap();
    let (kek, config) = (elsewhere.path().join("kek"), elsewhere.path().join("c.json"));
    fs::write(&config, "{}").unwrap();
    let mut system = System::up_with(&["--config", judge::text(&config)]).unwrap();
    system.terminate().unwrap();
    fs::copy(system.ready().data_dir.join("keys/kek"), &kek).unwrap();
    fs::remove_file(system.ready().data_dir.join("keys/kek")).unwrap();
    let settings = serde_json::json!({"keymgr": {"backends": {"software": {"kek_file": kek}}}});
    fs::write(&config, settings.to_string()).unwrap();
    system.restart().unwrap();
    system.cli_ok(&["cert", "create", "a.example.test"]).unwrap();
}
