//! What `doctor` says where it has not looked, may not look, or where little was there to begin with.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use testkit::Postgres;
use testkit::system::{ALLOW_UNSAFE, FREE_PORTS, System, binary};

use super::{beside, doctor, row, stopped};
use crate::judge;

/// What a start says that is refused.
fn refused(system: &System, arguments: &[&str]) -> String {
    let output = Command::new("timeout")
        .arg("30")
        .arg(binary().unwrap())
        .args(["up", "--data-dir", judge::text(&system.ready().data_dir)])
        .args(FREE_PORTS)
        .args(arguments)
        .env(ALLOW_UNSAFE, "true")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    said
}

fn installation(command: &mut Command) -> Value {
    row(&doctor(command).1, "installation").clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn databases_that_were_not_looked_at_are_not_said_to_be_empty_or_lost() {
    let postgres = Postgres::shared().await.unwrap();
    let database = postgres.fresh_database().await.unwrap();
    let mut system = System::up_with(&["--database-url", &database]).unwrap();
    system.terminate().unwrap();
    let data = system.ready().data_dir.clone();
    for lost in ["keys/installation", "keys", "high-water"] {
        match data.join(lost) {
            folder if folder.is_dir() => fs::remove_dir_all(folder).unwrap(),
            file => fs::remove_file(file).unwrap(),
        }
        let found = installation(&mut beside(&system));
        let detail = found["detail"].as_str().unwrap();
        assert!(
            found["result"] == "failed"
                && detail.contains("restore the whole of keys/")
                && detail.contains("those on PostgreSQL are looked at only where their URL is given"),
            "{lost}: {found:#}"
        );
        assert!(
            !detail.contains("databases are empty") && !detail.contains("databases were lost"),
            "{lost}: {found:#}"
        );
        // Without the URL a start knows no more, and with it that they are whole.
        assert!(refused(&system, &[]).contains(detail), "{detail}");
        let said = refused(&system, &["--database-url", &database]);
        assert!(said.contains("the databases belong to installation"), "{said}");
    }
}

#[test]
fn a_first_start_that_came_to_little_is_unfinished() {
    let system = System::up().unwrap();
    let fresh = tempfile::tempdir().unwrap();
    let data = fresh.path().join("gigvault-data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
    let look = || {
        let mut command = beside(&system);
        installation(command.current_dir(fresh.path()))
    };
    let unfinished = |after: &str| {
        let found = look();
        assert!(
            found["result"] == "warning" && found["detail"].as_str().unwrap().contains("has not ended"),
            "{after}: {found:#}"
        );
    };
    unfinished("an empty directory");
    for folder in ["db", "keys", "identities"] {
        fs::create_dir(data.join(folder)).unwrap();
        fs::set_permissions(data.join(folder), fs::Permissions::from_mode(0o700)).unwrap();
    }
    for service in ["ca", "auth"] {
        fs::write(data.join(format!("db/{service}.db")), "").unwrap();
        unfinished(service);
    }
    // With what a process of one service has, it is taken for the directory of one; with more, for what is left.
    fs::write(data.join("admin.token"), "gv_aaaaaaaa_x").unwrap();
    assert_eq!(look()["result"], "failed");
    fs::remove_file(data.join("admin.token")).unwrap();
    let mut bootstrap = Command::new(binary().unwrap());
    let made = bootstrap
        .current_dir(fresh.path())
        .arg("bootstrap")
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    assert_eq!(look()["result"], "ok");
}

/// As the user of the service.
fn as_user(system: &System) -> Command {
    let _linked = beside(system);
    let program = system.dir().join("gigvault");
    if !program.exists() {
        fs::copy(binary().unwrap(), &program).unwrap();
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .arg(program)
        .current_dir(system.dir());
    command
}

fn own(path: &Path, user: &str) {
    judge::run("chown", &["-R", user, judge::text(path)]);
}

#[test]
fn what_root_put_back_and_the_owner_cannot_read_is_found_by_root_too() {
    if !testkit::process::is_root() {
        return;
    }
    let (system, _) = stopped();
    let data = system.ready().data_dir.clone();
    own(system.dir(), "65534");
    let files = || row(&doctor(&mut beside(&system)).1, "files").clone();
    assert_eq!(files()["result"], "ok");
    for (path, mode, action) in [
        ("keys/kek", 0o600, Some("read")),
        ("keys/root/issued.jsonl", 0o600, Some("read")),
        ("db/ca.db", 0o600, Some("read")),
        ("db/ca.db", 0o644, Some("write")),
        ("root.crt", 0o644, None),
    ] {
        let path = data.join(path);
        let before = fs::metadata(&path).unwrap().permissions();
        own(&path, "0:0");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let found = files();
        let Some(action) = action else {
            assert_eq!(found["result"], "ok", "{found:#}");
            continue;
        };
        let (detail, fix) = (found["detail"].as_str().unwrap(), found["fix"].as_str().unwrap());
        assert!(
            found["result"] == "failed"
                && detail.contains(judge::text(path.strip_prefix(&data).unwrap()))
                && detail.contains(&format!("may not {action} it")),
            "{found:#}"
        );
        let command = fix.split('`').nth(1).unwrap();
        assert!(command.starts_with("chown -R 65534 "), "{fix}");
        judge::run("sh", &["-c", command]);
        fs::set_permissions(&path, before).unwrap();
        assert_eq!(files()["result"], "ok", "{fix}");
    }
}

#[test]
fn a_ledger_that_may_not_be_read_is_not_called_damaged() {
    if !testkit::process::is_root() {
        return;
    }
    let (system, _) = stopped();
    let ledger = system.ready().data_dir.join("keys/root/issued.jsonl");
    let mut command = as_user(&system);
    own(system.dir(), "65534");
    fs::set_permissions(&ledger, fs::Permissions::from_mode(0o000)).unwrap();
    let found = installation(&mut command);
    let (detail, fix) = (found["detail"].as_str().unwrap(), found["fix"].as_str().unwrap());
    assert!(
        found["result"] == "warning"
            && detail.contains("issued.jsonl")
            && detail.contains("cannot be looked at"),
        "{found:#}"
    );
    assert!(
        !detail.contains("damaged") && !fix.contains("restore"),
        "{found:#}"
    );
    assert!(fix.contains("chmod u+rwX"), "{found:#}");
}
