//! Databases that were copied back from an older state, and the number that tells.

use std::fs;

use serde_json::Value;
use testkit::system::System;

use super::{command, refused, stopped, up};
use crate::judge;

#[test]
fn a_database_from_an_older_backup_is_refused_until_it_is_accepted() {
    let (mut system, _) = stopped(&[]);
    let data = system.ready().data_dir.clone();
    fs::copy(data.join("db/ca.db"), data.join("ca.backup")).unwrap();
    system.restart().unwrap();
    system.cli_ok(&["cert", "create", "b.example.test"]).unwrap();
    system.terminate().unwrap();
    fs::copy(data.join("ca.backup"), data.join("db/ca.db")).unwrap();
    for _ in 0..2 {
        let said = refused(up(system.dir(), &[]));
        assert!(
            said.contains("database of ca is older") && said.contains("--accept-restored"),
            "{said}"
        );
    }
    let accepted = command(system.dir(), "bootstrap")
        .arg("--accept-restored")
        .output()
        .unwrap();
    assert!(
        accepted.status.success(),
        "{}",
        String::from_utf8_lossy(&accepted.stderr)
    );
    system.restart().unwrap();
    system.cli_ok(&["cert", "create", "c.example.test"]).unwrap();
}

#[test]
fn a_database_that_was_copied_back_within_one_start_is_refused_until_it_is_accepted() {
    for service in ["ca", "auth"] {
        let (mut system, _) = stopped(&[]);
        system.restart().unwrap();
        let db = system.ready().data_dir.join(format!("db/{service}.db"));
        let dir = tempfile::tempdir().unwrap();
        let kept = dir.path().join("kept.db");
        // As a backup of the running server.
        judge::run(
            "python3",
            &[
                "-c",
                "import sqlite3, sys; sqlite3.connect(sys.argv[1]).backup(sqlite3.connect(sys.argv[2]))",
                judge::text(&db),
                judge::text(&kept),
            ],
        );
        let revoked = match service {
            "ca" => system.cli_ok(&["cert", "create", "b.example.test"]),
            _ => system.cli_ok(&["apikey", "create", "lost", "--role", "developer"]),
        };
        revoked.unwrap();
        system.terminate().unwrap();
        fs::copy(&kept, &db).unwrap();
        for verb in ["up", "bootstrap"] {
            let attempt = match verb {
                "up" => up(system.dir(), &[]),
                _ => command(system.dir(), verb),
            };
            let said = refused(attempt);
            assert!(
                said.contains(&format!("database of {service} is older"))
                    && said.contains("--accept-restored"),
                "{said}"
            );
        }
        let accepted = command(system.dir(), "bootstrap")
            .arg("--accept-restored")
            .output()
            .unwrap();
        assert!(
            accepted.status.success(),
            "{}",
            String::from_utf8_lossy(&accepted.stderr)
        );
        system.restart().unwrap();
        system.cli_ok(&["cert", "create", "c.example.test"]).unwrap();
        system.terminate().unwrap();
        system.restart().unwrap();
    }
}

#[test]
fn the_number_of_another_installation_is_dropped_with_a_warning() {
    let ((mut system, _), (other, _)) = (stopped(&[]), stopped(&[]));
    let file = system.ready().data_dir.join("high-water");
    let own: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    fs::copy(other.ready().data_dir.join("high-water"), &file).unwrap();
    let foreign: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_ne!(own["installation"], foreign["installation"]);
    let before = system.log().unwrap().len();
    system.restart().unwrap();
    system.terminate().unwrap();
    let said = system.log().unwrap().split_off(before);
    assert!(
        said.contains("of another installation") && said.contains(foreign["installation"].as_str().unwrap()),
        "{said}"
    );
    let now: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(now["installation"], own["installation"]);
    for service in ["ca", "keymgr", "auth", "ocsp", "crl"] {
        assert!(
            now["marks"][service].as_i64() > own["marks"][service].as_i64(),
            "{now} after {own}"
        );
    }
}

#[test]
fn a_number_that_cannot_be_written_down_is_warned_of_and_stops_nothing() {
    let mut system = System::up().unwrap();
    let file = system.ready().data_dir.join("high-water");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    system.cli_ok(&["cert", "create", "a.example.test"]).unwrap();
    // A stop looks once more.
    system.terminate().unwrap();
    let said = system.log().unwrap();
    assert!(said.contains("record of how far the databases are"), "{said}");
    // At a start it is said who is in the way.
    let said = refused(up(system.dir(), &[]));
    assert!(said.contains("high-water"), "{said}");
    fs::remove_dir(&file).unwrap();
    system.restart().unwrap();
}
