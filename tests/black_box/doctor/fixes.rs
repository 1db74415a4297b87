//! What `doctor` says under FIX, typed as it is said.

use std::fs;
use std::process::Command;

use serde_json::Value;
use testkit::system::{ALLOW_UNSAFE, System, binary};

use super::{beside, doctor, row, stopped};
use crate::judge;

/// The commands in a sentence.
fn commands(fix: &str) -> Vec<String> {
    let quoted = fix.split('`').skip(1).step_by(2);
    quoted.map(str::to_owned).collect()
}

/// What a shell in the folder of the data directory makes of it.
fn typed(system: &System, command: &str) {
    let command = match command.strip_prefix("gigvault ") {
        Some(rest) => format!("{} {rest}", judge::text(&binary().unwrap())),
        None => command.to_owned(),
    };
    let output = Command::new("sh")
        .args(["-c", &command])
        .current_dir(system.dir())
        .env(ALLOW_UNSAFE, "true")
        .output()
        .unwrap();
    assert!(output.status.success(), "{command}: {output:?}");
}

fn failed(system: &System, check: &str) -> Value {
    let (code, report) = doctor(&mut beside(system));
    let found = row(&report, check).clone();
    assert_eq!(
        (code, &found["result"]),
        (Some(1), &Value::from("failed")),
        "{report:#}"
    );
    found
}

fn fix(system: &System, check: &str) -> Vec<String> {
    let row = failed(system, check);
    let commands = commands(row["fix"].as_str().unwrap());
    assert!(!commands.is_empty(), "{row}");
    commands
}

fn is_healthy(system: &System) {
    let (code, report) = doctor(&mut beside(system));
    assert_eq!(code, Some(0), "{report:#}");
}

/// After another start the ports are others, and what was issued before points to the old ones: the rest of it is in order.
fn is_whole(system: &System) {
    let (_, report) = doctor(&mut beside(system));
    for check in ["files", "installation", "server", "credential"] {
        assert_eq!(row(&report, check)["result"], "ok", "{report:#}");
    }
}

#[test]
fn a_lost_root_certificate_is_written_again_by_what_is_said() {
    let system = System::up().unwrap();
    let root = system.ready().data_dir.join("root.crt");
    let whole = fs::read(&root).unwrap();
    fs::remove_file(&root).unwrap();
    typed(&system, &fix(&system, "client")[0]);
    assert_eq!(fs::read(&root).unwrap(), whole);
    is_healthy(&system);
    fs::write(&root, "-----BEGIN CERTIFICATE-----\n").unwrap();
    typed(&system, &fix(&system, "client")[0]);
    is_healthy(&system);
}

#[test]
fn a_directory_in_the_place_of_the_admin_key_is_moved_away_by_what_is_said() {
    let mut system = System::up().unwrap();
    let token = system.ready().data_dir.join("admin.token");
    fs::remove_file(&token).unwrap();
    fs::create_dir(&token).unwrap();
    let said = fix(&system, "server");
    let [away, new] = said.as_slice() else {
        panic!("{said:?}")
    };
    typed(&system, away);
    system.terminate().unwrap();
    typed(&system, new);
    system.restart().unwrap();
    is_healthy(&system);
}

#[test]
fn open_files_are_closed_and_secrets_too_by_what_is_said() {
    use std::os::unix::fs::PermissionsExt;
    let (system, _) = stopped();
    let data = system.ready().data_dir.clone();
    for (path, mode, check) in [
        ("db", 0o777, "files"),
        ("keys/root/root.crt", 0o666, "files"),
        ("keys/kek", 0o644, "installation"),
        ("keys", 0o755, "files"),
    ] {
        fs::set_permissions(data.join(path), fs::Permissions::from_mode(mode)).unwrap();
        typed(&system, &fix(&system, check)[0]);
        let (_, report) = doctor(&mut beside(&system));
        for check in ["files", "installation"] {
            assert_eq!(row(&report, check)["result"], "ok", "{path}: {report:#}");
        }
    }
}

#[test]
fn databases_that_nothing_was_compared_with_are_not_said_to_be_as_new_as_they_were() {
    let (mut system, _) = stopped();
    let high_water = system.ready().data_dir.join("high-water");
    let whole = fs::read_to_string(&high_water).unwrap();
    let without_ca: String = {
        let mut all: Value = serde_json::from_str(&whole).unwrap();
        all["marks"].as_object_mut().unwrap().remove("ca");
        all.to_string()
    };
    let of_another = {
        let mut all: Value = serde_json::from_str(&whole).unwrap();
        all["installation"] = "0123456789abcdef0123456789abcdef".into();
        all.to_string()
    };
    for damage in [None, Some(without_ca), Some(of_another)] {
        match damage {
            None => fs::remove_file(&high_water).unwrap(),
            Some(text) => fs::write(&high_water, text).unwrap(),
        }
        let (_, report) = doctor(&mut beside(&system));
        let found = row(&report, "installation");
        let detail = found["detail"].as_str().unwrap();
        assert!(
            found["result"] == "warning" && detail.contains("is not known") && detail.contains("high-water"),
            "{found}"
        );
        let said = commands(found["fix"].as_str().unwrap());
        assert!(said[0].starts_with("gigvault up --data-dir /"), "{said:?}");
        // The second way of the two: the first runs until it is stopped, as the next lines show.
        typed(&system, &said[1]);
        let (_, report) = doctor(&mut beside(&system));
        assert_eq!(row(&report, "installation")["result"], "ok", "{report:#}");
    }
    fs::remove_file(&high_water).unwrap();
    system.restart().unwrap();
    is_whole(&system);
}

#[test]
fn a_database_that_is_older_is_accepted_by_what_is_said() {
    let (mut system, kept) = stopped();
    fs::copy(kept, system.ready().data_dir.join("db/ca.db")).unwrap();
    typed(&system, &fix(&system, "installation")[0]);
    system.restart().unwrap();
    is_whole(&system);
}

#[test]
fn exchanged_databases_are_put_back_by_what_is_said() {
    let (mut system, _) = stopped();
    let db = system.ready().data_dir.join("db");
    // Each in the place of the next.
    for (from, to) in [("ca", "x"), ("auth", "ca"), ("keymgr", "auth"), ("x", "keymgr")] {
        fs::rename(db.join(format!("{from}.db")), db.join(format!("{to}.db"))).unwrap();
    }
    typed(&system, &fix(&system, "installation")[0]);
    system.restart().unwrap();
    is_whole(&system);
}
