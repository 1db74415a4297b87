//! What was lost is named, and nothing is made in its place.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use testkit::Postgres;
use testkit::system::binary;

use super::{command, copy_of, refused, remove, started, stopped, up};
use crate::judge;

#[test]
fn what_was_lost_is_named_and_nothing_is_made_in_its_place() {
    let (system, _) = stopped(&[]);
    for (lost, says) in [
        ("db/ca.db", "db/ca.db"),
        ("db/keymgr.db", "db/keymgr.db"),
        ("db/auth.db", "db/auth.db"),
        ("db", "db/ca.db, "),
        ("keys", "keys/"),
        ("keys/root", "keys/root"),
        ("keys/kek", "keys/kek"),
        ("keys/installation", "keys/installation"),
    ] {
        for verb in ["up", "bootstrap"] {
            let dir = copy_of(&system);
            let data = dir.path().join("data");
            remove(&data.join(lost));
            let attempt = || match verb {
                "up" => up(dir.path(), &[]),
                _ => command(dir.path(), verb),
            };
            // The second attempt finds what the first left.
            for _ in 0..2 {
                let said = refused(attempt());
                assert!(
                    said.contains(says) && said.contains("backup"),
                    "{verb} without {lost}: {said}"
                );
            }
            let made = data.join(lost);
            assert!(!made.is_file(), "{verb} made {lost}");
        }
    }
    // Empty is as good as lost.
    let dir = copy_of(&system);
    fs::write(dir.path().join("data/db/ca.db"), b"").unwrap();
    assert!(refused(up(dir.path(), &[])).contains("db/ca.db"));
    // The whole starts.
    let dir = copy_of(&system);
    started(up(dir.path(), &[]), dir.path());
}

#[test]
fn parts_of_two_installations_are_refused() {
    let ((one, _), (other, _)) = (stopped(&[]), stopped(&[]));
    for part in ["db/ca.db", "db/auth.db", "keys/root"] {
        let dir = copy_of(&one);
        let place = dir.path().join("data").join(part);
        remove(&place);
        judge::run(
            "cp",
            &[
                "-a",
                judge::text(&other.ready().data_dir.join(part)),
                judge::text(&place),
            ],
        );
        let said = refused(up(dir.path(), &[]));
        assert!(
            said.contains("belongs to installation") || said.contains("another root"),
            "{part}: {said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgresql_database_that_is_empty_or_of_another_installation_is_refused() {
    let postgres = Postgres::shared().await.unwrap();
    let database = postgres.fresh_database().await.unwrap();
    let (mut system, _) = stopped(&["--database-url", &database]);
    let empty = postgres.fresh_database().await.unwrap();
    let said = refused(up(system.dir(), &["--database-url", &empty]));
    assert!(said.contains("is empty") && said.contains("backup"), "{said}");
    let another = postgres.fresh_database().await.unwrap();
    let (other, _) = stopped(&["--database-url", &another]);
    let said = refused(up(system.dir(), &["--database-url", &another]));
    assert!(said.contains("belongs to installation"), "{said}");
    drop(other);
    // A new data directory beside a used database.
    let dir = tempfile::tempdir().unwrap();
    let said = refused(up(dir.path(), &["--database-url", &database]));
    assert!(said.contains("keys/installation is missing"), "{said}");
    assert!(!dir.path().join("data/keys/kek").exists());
    system.restart().unwrap();
}

/// Makes of a stopped installation what earlier versions left: no id anywhere.
fn forget_the_id(data: &Path) {
    fs::remove_file(data.join("keys/installation")).unwrap();
    fs::remove_file(data.join("high-water")).unwrap();
    let script = "import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1])\n\
                  db.execute('DROP TABLE installation')\n\
                  db.execute('DELETE FROM _store_migrations WHERE version IN (11, 115, 117)')\ndb.commit()";
    for service in ["ca", "keymgr", "auth", "ocsp", "crl"] {
        let file = data.join(format!("db/{service}.db"));
        judge::run("python3", &["-c", script, judge::text(&file)]);
    }
}

#[test]
fn an_installation_of_an_earlier_version_is_adopted_once_if_it_is_whole() {
    let (mut system, _) = stopped(&[]);
    let data = system.ready().data_dir.clone();
    forget_the_id(&data);
    for lost in ["db/ca.db", "db/auth.db", "keys/root", "keys/kek"] {
        let dir = copy_of(&system);
        remove(&dir.path().join("data").join(lost));
        let said = refused(up(dir.path(), &[]));
        assert!(said.contains(lost) && said.contains("backup"), "{lost}: {said}");
    }
    system.restart().unwrap();
    system.cli_ok(&["cert", "create", "b.example.test"]).unwrap();
    system.terminate().unwrap();
    assert!(
        fs::read_to_string(data.join("keys/installation"))
            .unwrap()
            .contains("complete")
    );
    fs::remove_file(data.join("db/ca.db")).unwrap();
    assert!(refused(up(system.dir(), &[])).contains("db/ca.db"));
}

#[test]
fn doctor_names_what_was_lost() {
    let (system, _) = stopped(&[]);
    let data = &system.ready().data_dir;
    symlink(data, system.dir().join("gigvault-data")).unwrap();
    let look = || {
        let output = Command::new(binary().unwrap())
            .current_dir(system.dir())
            .args(["doctor", "-o", "json"])
            .output()
            .unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let rows = report["checks"].as_array().unwrap();
        rows.iter()
            .find(|row| row["check"] == "installation")
            .cloned()
            .unwrap()
    };
    assert_eq!(look()["result"], "ok");
    fs::remove_file(data.join("db/ca.db")).unwrap();
    let row = look();
    assert_eq!(row["result"], "failed");
    assert!(row["detail"].as_str().unwrap().contains("db/ca.db"), "{row}");
}

/// Removes the database of a service from a stopped installation, and its name from a list in a file.
fn forget_service(data: &Path, service: &str, (name, list): (&str, &str)) {
    let _is_gone_already = fs::remove_file(data.join(format!("db/{service}.db")));
    let file = data.join(name);
    let mut content: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    match &mut content[list] {
        Value::Array(names) => names.retain(|name| name != service),
        marks => drop(marks.as_object_mut().unwrap().remove(service)),
    }
    fs::write(&file, content.to_string()).unwrap();
}

#[test]
fn a_service_that_a_later_version_brings_gets_its_database_at_the_next_start_and_only_once() {
    let (mut system, _) = stopped(&[]);
    let data = system.ready().data_dir.clone();
    forget_service(&data, "auth", ("keys/installation", "services"));
    // A process worked on it: it was lost.
    let said = refused(up(system.dir(), &[]));
    assert!(said.contains("db/auth.db") && said.contains("backup"), "{said}");
    assert!(!data.join("db/auth.db").exists());
    forget_service(&data, "auth", ("high-water", "marks"));
    system.restart().unwrap();
    system.cli_ok(&["cert", "create", "b.example.test"]).unwrap();
    system.terminate().unwrap();
    fs::remove_file(data.join("db/auth.db")).unwrap();
    let said = refused(up(system.dir(), &[]));
    assert!(said.contains("db/auth.db") && said.contains("backup"), "{said}");
}
