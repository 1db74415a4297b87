//! A first start that is cut off before every durable step, or finds the disk full there: the next one finishes it.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use serde_json::Value;
use testkit::Postgres;
use testkit::system::{ALLOW_UNSAFE, FREE_PORTS, ServerInfo, binary, spawn};

use crate::judge::{self, Killed};

const MOST_POINTS: u32 = 300;
const WORKERS: usize = 4;

/// `database` is the URL of one on PostgreSQL, or none for SQLite.
fn up(dir: &Path, database: Option<&str>, fault: Option<&str>) -> Result<(Killed, ServerInfo), String> {
    let mut command = Command::new(binary().unwrap());
    command.arg("up");
    command.args(FREE_PORTS);
    if let Some(url) = database {
        command.args(["--database-url", url]).env(ALLOW_UNSAFE, "true");
    }
    command.arg("--data-dir").arg(dir.join("data"));
    if let Some(fault) = fault {
        command.env("GIGVAULT_FAULT_POINT", fault);
    }
    let (child, ready) = spawn(command, dir).map_err(|error| format!("{error:#}"))?;
    Ok((Killed(child), ready))
}

/// Everything belongs together and works.
fn whole(dir: &Path, ready: &ServerInfo) {
    let data = &ready.data_dir;
    let cli = |arguments: &[&str]| -> Value {
        let output = Command::new(binary().unwrap())
            .current_dir(dir)
            .env("GIGVAULT_URL", &ready.https)
            .env(
                "GIGVAULT_TOKEN",
                std::fs::read_to_string(data.join("admin.token")).unwrap().trim(),
            )
            .env("GIGVAULT_CA_FILE", data.join("root.crt"))
            .args(arguments)
            .args(["-o", "json"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
        serde_json::from_slice(&output.stdout).unwrap()
    };
    cli(&["cert", "create", "a.example.test"]);
    let folder = data.join("keys/root");
    cli(&["rootca", "verify", "--without-key", "--dir", judge::text(&folder)]);
    let ledger = std::fs::read_to_string(folder.join("issued.jsonl")).unwrap();
    let signed: Vec<Value> = ledger
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let cas = cli(&["ca", "list"]);
    let cas = cas.get("items").unwrap_or(&cas).as_array().unwrap();
    assert_eq!(
        (signed.len(), cas.len()),
        (2, 2),
        "two CAs are signed, and both are in use: {ledger}"
    );
    assert_eq!(
        std::fs::read(folder.join("root.crt")).unwrap(),
        std::fs::read(data.join("root.crt")).unwrap(),
        "there is one root"
    );
    for folder in [
        "",
        "keys",
        "keys/root",
        "keys/root/issued",
        "identities/https",
        "identities/gigvault",
        "db",
    ] {
        let folder = data.join(folder);
        // With PostgreSQL there is no `db`.
        if !folder.exists() {
            continue;
        }
        for entry in std::fs::read_dir(&folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(
                !name.ends_with(".tmp") && !name.ends_with(".new"),
                "{name} was left in {}",
                folder.display()
            );
        }
    }
}

/// To look is of use after a start that was cut off: what the next one takes is not called a failure.
fn looked_at(dir: &Path) {
    let beside = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(dir.join("data"), beside.path().join("gigvault-data")).unwrap();
    let mut doctor = Command::new(binary().unwrap());
    doctor.current_dir(beside.path()).args(["doctor", "-o", "json"]);
    let report: Value = serde_json::from_slice(&doctor.output().unwrap().stdout).unwrap();
    let checks = report["checks"].as_array().unwrap();
    for check in ["files", "installation", "identities"] {
        // Before the first step there is no directory to look at.
        let row = checks.iter().find(|row| row["check"] == check);
        assert_eq!(row.is_some(), dir.join("data").exists(), "{report:#}");
        assert!(row.is_none_or(|row| row["result"] != "failed"), "{report:#}");
    }
}

/// Fails first starts at their points, `step` apart, and has the next start finish each. `database` makes a new one.
fn every_point(effect: &str, step: usize, database: impl Fn() -> Option<String> + Sync) {
    let (next, completed) = (AtomicU32::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while !completed.load(Ordering::Relaxed) {
                    let point = next.fetch_add(u32::try_from(step).unwrap(), Ordering::Relaxed) + 1;
                    assert!(point < MOST_POINTS, "a first start does not complete");
                    let (dir, database) = (tempfile::tempdir().unwrap(), database());
                    let up = |fault| up(dir.path(), database.as_deref(), fault);
                    match up(Some(&format!("{point}{effect}"))) {
                        Ok(_) => completed.store(true, Ordering::Relaxed),
                        Err(_) => {
                            looked_at(dir.path());
                            let (process, ready) =
                                up(None).unwrap_or_else(|error| panic!("{point}: {error}"));
                            whole(dir.path(), &ready);
                            drop(process);
                        }
                    }
                }
            });
        }
    });
    assert!(
        next.load(Ordering::Relaxed) > 40,
        "these are fewer points than files and databases"
    );
}

#[test]
fn a_first_start_that_is_killed_before_any_durable_step_is_finished_by_the_next() {
    every_point("", 1, || None);
}

#[test]
fn a_first_start_on_a_disk_that_is_full_at_any_step_is_finished_when_there_is_space() {
    every_point(":enospc", 3, || None);
}

/// A sample of the steps: a new database and two starts for each take long. What differs from SQLite are the commits, and the
/// files before and after them, which are at many of the steps.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_start_on_postgresql_that_is_killed_before_a_durable_step_is_finished_by_the_next() {
    let postgres = Postgres::shared().await.unwrap();
    let runtime = tokio::runtime::Handle::current();
    let database = move || Some(runtime.block_on(postgres.fresh_database()).unwrap());
    tokio::task::spawn_blocking(move || every_point("", 10, database))
        .await
        .unwrap();
}
