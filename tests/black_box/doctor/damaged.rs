//! A data directory that was damaged: `doctor` says what a start says.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use testkit::system::{System, binary};

use super::{beside, doctor, row};
use crate::judge;

/// A stopped system with a certificate, and the database of its CA from before.
pub(super) fn stopped() -> (System, std::path::PathBuf) {
    let mut system = System::up().unwrap();
    system.terminate().unwrap();
    let kept = system.dir().join("ca.backup");
    std::fs::copy(system.ready().data_dir.join("db/ca.db"), &kept).unwrap();
    system.restart().unwrap();
    system.cli_ok(&["cert", "create", "a.example.test"]).unwrap();
    system.terminate().unwrap();
    (system, kept)
}

type Damage = fn(&Path, &Path);

fn sql(data: &Path, service: &str, statement: &str) {
    let file = data.join(format!("db/{service}.db"));
    let run = "import sqlite3, sys\nwith sqlite3.connect(sys.argv[1]) as db: db.execute(sys.argv[2])";
    judge::run("python3", &["-c", run, judge::text(&file), statement]);
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// The row that reports it, what it says, and the damage to a data directory; the second path is an older database of ca.
type Case = (&'static str, &'static str, Damage);

/// Parts that are lost, foreign, or older.
fn lost() -> Vec<Case> {
    vec![
        ("installation", "database of ca is older", |data, kept| {
            std::fs::copy(kept, data.join("db/ca.db")).unwrap();
        }),
        ("installation", "high-water is damaged", |data, _| {
            std::fs::write(data.join("high-water"), "{").unwrap();
        }),
        ("installation", "db/ca.db", |data, _| {
            std::fs::remove_file(data.join("db/ca.db")).unwrap()
        }),
        ("installation", "is damaged", |data, _| {
            std::fs::write(data.join("db/auth.db"), "garbage").unwrap()
        }),
        ("installation", "keys/installation is missing", |data, _| {
            std::fs::remove_dir_all(data.join("keys")).unwrap();
        }),
        (
            "installation",
            "keys/installation is missing from this data directory",
            |data, _| {
                std::fs::remove_dir_all(data.join("keys")).unwrap();
                std::fs::remove_file(data.join("db/auth.db")).unwrap();
            },
        ),
        ("installation", "installation is damaged (EOF", |data, _| {
            std::fs::write(data.join("keys/installation"), "{").unwrap();
        }),
        (
            "installation",
            "its keys are missing, and no database is in db/ (those on",
            |data, _| {
                for folder in ["keys", "db"] {
                    std::fs::remove_dir_all(data.join(folder)).unwrap();
                }
            },
        ),
        (
            "installation",
            "it holds root.crt, root.crl, ca.crt, chain.pem, admin.token",
            |data, _| {
                for folder in ["keys", "db"] {
                    std::fs::remove_dir_all(data.join(folder)).unwrap();
                }
                std::fs::remove_file(data.join("high-water")).unwrap();
            },
        ),
        ("installation", "is not the one that seals the keys", |data, _| {
            std::fs::write(data.join("keys/kek"), "ab".repeat(32)).unwrap();
        }),
        (
            "installation",
            "not which key-encryption key seals them",
            |data, _| {
                sql(data, "keymgr", "DELETE FROM key_encryption_key");
            },
        ),
        (
            "installation",
            "holds the database of auth, which belongs in",
            |data, kept| {
                let (ca, auth) = (data.join("db/ca.db"), data.join("db/auth.db"));
                let aside = kept.with_extension("aside");
                for (from, to) in [(&ca, &aside), (&auth, &ca), (&aside, &auth)] {
                    std::fs::rename(from, to).unwrap();
                }
            },
        ),
        ("installation", "the development root", |data, _| {
            std::fs::write(data.join("keys/root/root.crt"), "hi").unwrap();
        }),
    ]
}

/// Rows that are missing or damaged, and modes.
fn damaged() -> Vec<Case> {
    vec![
        ("installation", "the key of CA issuing", |data, _| {
            sql(data, "keymgr", "DELETE FROM keys");
        }),
        ("installation", "CA services", |data, _| {
            sql(data, "ca", "DELETE FROM authorities WHERE name = 'services'");
        }),
        ("installation", "list of profiles of CA issuing", |data, _| {
            sql(
                data,
                "ca",
                "UPDATE authorities SET profiles = '{' WHERE name = 'issuing'",
            );
        }),
        ("installation", "certificate of CA issuing", |data, _| {
            sql(
                data,
                "ca",
                "UPDATE authorities SET certificate = x'00' WHERE name = 'issuing'",
            );
        }),
        ("installation", "has migration 99999999999999", |data, _| {
            let columns = "version, description, success, checksum, execution_time";
            for (service, ledger) in [("ca", "_sqlx_migrations"), ("auth", "_store_migrations")] {
                let insert =
                    format!("INSERT INTO {ledger} ({columns}) VALUES (99999999999999, '', 1, x'00', 0)");
                sql(data, service, &insert);
            }
        }),
        (
            "installation",
            "can be read by other users (mode 0644)",
            |data, _| {
                set_mode(&data.join("keys/kek"), 0o644);
            },
        ),
        ("files", "lock is a directory, not a regular file", |data, _| {
            std::fs::remove_file(data.join("lock")).unwrap();
            std::fs::create_dir(data.join("lock")).unwrap();
        }),
        ("files", "can be written by other users (mode 0777)", |data, _| {
            set_mode(&data.join("db"), 0o777);
        }),
        ("files", "can be written by other users (mode 0660)", |data, _| {
            set_mode(&data.join("keys/kek"), 0o660);
        }),
    ]
}

/// The names of the files of databases.
fn databases(data: &Path) -> Vec<String> {
    let found = std::fs::read_dir(data.join("db")).into_iter().flatten();
    let names = found.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".db")).collect();
    names.sort();
    names
}

#[test]
fn doctor_says_what_a_start_says_of_every_part_that_it_refuses() {
    let (system, kept) = stopped();
    let data = system.ready().data_dir.clone();
    let whole = system.dir().join("whole");
    judge::run("cp", &["-a", judge::text(&data), judge::text(&whole)]);
    for (check, says, damage) in lost().into_iter().chain(damaged()) {
        damage(&data, &kept);
        let (code, report) = doctor(&mut beside(&system));
        let found = row(&report, check);
        let detail = found["detail"].as_str().unwrap();
        assert!(
            code == Some(1) && found["result"] == "failed" && detail.contains(says),
            "{says}: {report:#}"
        );
        let before = databases(&data);
        let start = Command::new("timeout")
            .arg("30")
            .arg(binary().unwrap())
            .current_dir(system.dir())
            .args(["up", "--data-dir", judge::text(&data.canonicalize().unwrap())])
            .args(testkit::system::FREE_PORTS)
            .env(testkit::system::ALLOW_UNSAFE, "true")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&start.stderr).into_owned();
        // A start knows with which settings to accept what is older; doctor only knows the directory.
        let refused = detail.split("; to go on").next().unwrap();
        assert!(
            start.status.code() == Some(1) && said.contains(refused),
            "doctor: {detail}\nstart: {said}"
        );
        assert_eq!(
            databases(&data),
            before,
            "{says}: what is refused makes no database"
        );
        std::fs::remove_dir_all(&data).unwrap();
        judge::run("cp", &["-a", judge::text(&whole), judge::text(&data)]);
        let (_, report) = doctor(&mut beside(&system));
        for check in ["files", "installation"] {
            assert_eq!(row(&report, check)["result"], "ok", "after {says}: {report:#}");
        }
    }
    // To look changes nothing.
    let names = std::fs::read_dir(data.join("db")).unwrap().count();
    assert_eq!(names, 5);
}

#[test]
fn an_identity_that_is_not_a_directory_is_called_that() {
    let (system, _) = stopped();
    let place = system.ready().data_dir.join("identities/https");
    std::fs::remove_dir_all(&place).unwrap();
    std::fs::write(&place, "").unwrap();
    set_mode(&place, 0o600);
    let (_, report) = doctor(&mut beside(&system));
    let found = row(&report, "identities");
    let detail = found["detail"].as_str().unwrap();
    assert!(
        found["result"] == "failed" && detail.contains("https is a regular file, not a directory"),
        "{report:#}"
    );
    let fix = found["fix"].as_str().unwrap();
    assert!(
        fix.contains("move it out of the data directory") && fix.contains("start it"),
        "{report:#}"
    );
}

#[test]
fn an_identity_that_a_start_would_refuse_is_not_called_valid() {
    let (system, _) = stopped();
    let identities = system.ready().data_dir.join("identities");
    for (folder, content) in [
        ("gigvault", None),
        ("gigvault", Some("x")),
        ("https", None),
        ("https", Some("x")),
    ] {
        let (key, kept) = (identities.join(folder).join("tls.key"), system.dir().join("kept"));
        std::fs::rename(&key, &kept).unwrap();
        if let Some(content) = content {
            std::fs::write(&key, content).unwrap();
            set_mode(&key, 0o600);
        }
        let (_, report) = doctor(&mut beside(&system));
        let found = row(&report, "identities");
        assert!(
            found["result"] == "failed" && found["detail"].as_str().unwrap().contains(folder),
            "{folder} {content:?}: {found}"
        );
        std::fs::rename(&kept, &key).unwrap();
    }
    let (_, report) = doctor(&mut beside(&system));
    assert_eq!(row(&report, "identities")["result"], "ok", "{report:#}");
}

#[test]
fn a_root_that_will_not_sign_is_a_warning() {
    let (system, _) = stopped();
    let data = system.ready().data_dir.clone();
    let root = data.join("keys/root");
    let whole = system.dir().join("whole");
    judge::run("cp", &["-a", judge::text(&root), judge::text(&whole)]);
    type Break = fn(&Path);
    let cases: [(&str, Break); 7] = [
        ("issued.jsonl is missing", |root| {
            std::fs::remove_file(root.join("issued.jsonl")).unwrap();
        }),
        ("revoked.jsonl is missing", |root| {
            std::fs::remove_file(root.join("revoked.jsonl")).unwrap();
        }),
        ("issued/ is missing", |root| {
            std::fs::remove_dir_all(root.join("issued")).unwrap();
        }),
        (".lock is a directory", |root| {
            std::fs::remove_file(root.join(".lock")).unwrap();
            std::fs::create_dir(root.join(".lock")).unwrap();
        }),
        ("root.key", |root| {
            std::fs::write(root.join("root.key"), "garbage").unwrap();
        }),
        ("crl-number", |root| {
            std::fs::remove_file(root.join("crl-number")).unwrap();
        }),
        ("is not in issued.jsonl", |root| {
            std::fs::write(root.join("issued.jsonl"), "").unwrap();
        }),
    ];
    for (says, damage) in cases {
        damage(&root);
        let (_, report) = doctor(&mut beside(&system));
        let found = row(&report, "installation");
        let detail = found["detail"].as_str().unwrap();
        assert!(
            found["result"] == "warning" && detail.contains(says) && detail.contains("lost or damaged"),
            "{says}: {report:#}"
        );
        std::fs::remove_dir_all(&root).unwrap();
        judge::run("cp", &["-a", judge::text(&whole), judge::text(&root)]);
    }
    let (_, report) = doctor(&mut beside(&system));
    assert_eq!(row(&report, "installation")["result"], "ok", "{report:#}");
}
