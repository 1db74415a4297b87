//! Going on with databases as they are: what was accepted is said, and a damaged `high-water` does not prevent it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use testkit::system::{FREE_PORTS, System, binary};

fn gigvault(dir: &Path, arguments: &[&str]) -> Output {
    Command::new("timeout")
        .arg("30")
        .arg(binary().unwrap())
        .args(arguments)
        .args(["--data-dir", "data"])
        .current_dir(dir)
        .env(testkit::system::ALLOW_UNSAFE, "true")
        .output()
        .unwrap()
}

fn refused(dir: &Path) -> String {
    let output = gigvault(dir, &[&["up"][..], &FREE_PORTS].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    said
}

/// Accepts, and answers what is said of the database of ca.
#[track_caller]
fn accepted(dir: &Path) -> Value {
    let output = gigvault(dir, &["bootstrap", "--accept-restored", "-o", "json"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let whole: Value = serde_json::from_slice(&output.stdout).unwrap();
    let all = whole["accepted"].as_array().unwrap().clone();
    assert_eq!(all.len(), 5, "{whole:#}");
    all.into_iter().find(|one| one["database"] == "ca").unwrap()
}

#[test]
fn what_was_accepted_is_said_from_where_to_where() {
    let mut system = System::up().unwrap();
    system.terminate().unwrap();
    let data = system.ready().data_dir.clone();
    let kept = system.dir().join("ca.backup");
    fs::copy(data.join("db/ca.db"), &kept).unwrap();
    system.restart().unwrap();
    system.cli_ok(&["cert", "create", "a.example.test"]).unwrap();
    system.terminate().unwrap();
    fs::copy(&kept, data.join("db/ca.db")).unwrap();
    let said = refused(system.dir());
    assert!(said.contains("database of ca is older"), "{said}");
    // The command finds this installation wherever it is pasted.
    let command = format!(
        "`gigvault bootstrap --accept-restored --data-dir {}`",
        data.display()
    );
    assert!(said.contains(&command), "{said}");
    let ca = accepted(system.dir());
    assert_eq!(ca["older"], true, "{ca}");
    let number = |name: &str| ca[name].as_i64().unwrap();
    assert!(
        number("found_at") < number("seen_at") && number("seen_at") < number("now_at"),
        "{ca}"
    );
    // A second time nothing is older.
    assert_eq!(accepted(system.dir())["older"], false);
    let text = gigvault(system.dir(), &["bootstrap", "--accept-restored", "-o", "table"]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("ca: not older than it was, found at"), "{text}");
    system.restart().unwrap();
}

#[test]
fn a_damaged_high_water_is_written_again_when_the_databases_are_accepted() {
    let mut system = System::up().unwrap();
    system.terminate().unwrap();
    let high_water = system.ready().data_dir.join("high-water");
    for damage in [
        &b"{"[..],
        b"",
        b"\xff\x00",
        &[b' '; 100_000],
        br#"{"installation":"x","marks":{"ca":-1}}"#,
    ] {
        fs::write(&high_water, damage).unwrap();
        let said = refused(system.dir());
        assert!(
            said.contains("high-water is damaged") && said.contains("--accept-restored"),
            "{said}"
        );
        let ca = accepted(system.dir());
        assert_eq!(ca["seen_at"], Value::Null, "{ca}");
        system.restart().unwrap();
        system.terminate().unwrap();
    }
}

#[test]
fn a_data_directory_that_lost_keys_and_databases_is_not_started_over() {
    let mut system = System::up().unwrap();
    system.terminate().unwrap();
    let data = system.ready().data_dir.clone();
    let root = fs::read(data.join("root.crt")).unwrap();
    for folder in ["keys", "db"] {
        fs::remove_dir_all(data.join(folder)).unwrap();
    }
    for _ in 0..2 {
        let said = refused(system.dir());
        assert!(
            said.contains("its keys are missing, and no database is in db/"),
            "{said}"
        );
    }
    // Without the file that names the installation, what is left of it says enough.
    fs::remove_file(data.join("high-water")).unwrap();
    let token = fs::read(data.join("admin.token")).unwrap();
    for keep in ["root.crt", "chain.pem", "admin.token", "identities"] {
        let said = refused(system.dir());
        assert!(
            said.contains(keep) && said.contains("another data directory"),
            "{said}"
        );
        let again = gigvault(system.dir(), &["bootstrap", "--accept-restored"]);
        assert_eq!(again.status.code(), Some(1));
    }
    assert_eq!(fs::read(data.join("admin.token")).unwrap(), token);
    assert_eq!(fs::read(data.join("root.crt")).unwrap(), root);
    assert!(!data.join("keys/kek").exists());
    assert_eq!(fs::read_dir(data.join("db")).unwrap().count(), 0);
}

#[test]
fn nothing_is_accepted_where_nothing_was_restored() {
    let elsewhere = tempfile::tempdir().unwrap();
    let dir = elsewhere.path();
    let refused = || {
        let output = gigvault(dir, &["bootstrap", "--accept-restored"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("nothing was restored there"), "{said}");
    };
    refused();
    assert!(!dir.join("data").exists());
    // A directory that is there, and what is empty in it.
    fs::create_dir(dir.join("data")).unwrap();
    refused();
    assert_eq!(fs::read_dir(dir.join("data")).unwrap().count(), 0);
    fs::create_dir_all(dir.join("data/keys/root")).unwrap();
    refused();
    assert!(!dir.join("data/admin.token").exists() && !dir.join("data/keys/installation").exists());
    // A database that nothing was ever in, as a start leaves it that was cut off early.
    fs::write(dir.join("data/db/ca.db"), b"").unwrap();
    refused();
    let db: Vec<_> = fs::read_dir(dir.join("data/db")).unwrap().collect();
    assert_eq!(db.len(), 1, "{db:?}");
}

#[test]
fn nothing_is_accepted_where_the_first_start_has_not_ended() {
    let elsewhere = tempfile::tempdir().unwrap();
    let dir = elsewhere.path();
    // Cut off later and later, until the record of the installation is there.
    let record = dir.join("data/keys/installation");
    for point in 1..40 {
        if record.exists() {
            break;
        }
        let mut first = Command::new(binary().unwrap());
        first
            .args(["bootstrap", "--data-dir", "data"])
            .current_dir(dir)
            .env("GIGVAULT_FAULT_POINT", point.to_string());
        assert!(!first.output().unwrap().status.success());
    }
    assert!(fs::read_to_string(&record).unwrap().contains("founding"));
    let output = gigvault(dir, &["bootstrap", "--accept-restored"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("has not ended") && said.contains("nothing was restored there"),
        "{said}"
    );
    assert!(!dir.join("data/admin.token").exists());
    let output = gigvault(dir, &["bootstrap"]);
    assert!(output.status.success(), "{output:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_on_a_server_is_not_said_to_be_as_new_as_other_processes_saw_it() {
    let postgres = testkit::Postgres::shared().await.unwrap();
    let database = postgres.fresh_database().await.unwrap();
    let mut system = System::up_with(&["--database-url", &database]).unwrap();
    system.terminate().unwrap();
    let accept = |output: &str| {
        let accept = ["bootstrap", "--accept-restored", "--database-url", &database];
        let said = gigvault(system.dir(), &[&accept[..], &["-o", output]].concat());
        assert!(said.status.success(), "{said:?}");
        String::from_utf8(said.stdout).unwrap()
    };
    let whole: Value = serde_json::from_str(&accept("json")).unwrap();
    for one in whole["accepted"].as_array().unwrap() {
        assert_eq!(one["older"], Value::Null, "{whole:#}");
        assert!(one["seen_at"].is_i64(), "{whole:#}");
    }
    let said = accept("table");
    assert!(
        said.contains("ca: not known to be older by this data directory, found at"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_that_accepts_names_whatever_the_settings_were_made_of() {
    let postgres = testkit::Postgres::shared().await.unwrap();
    let database = postgres.fresh_database().await.unwrap();
    let mut system = System::up_with(&["--database-url", &database]).unwrap();
    system.terminate().unwrap();
    let dir = system.dir();
    fs::write(system.ready().data_dir.join("high-water"), "{").unwrap();
    let config = "data_dir: data\nlisten: {https_port: 0, http_port: 0, grpc_port: 0, metrics_port: 0}\n";
    fs::write(dir.join("gigvault.yaml"), config).unwrap();
    let (whole, data) = (
        dir.canonicalize().unwrap(),
        system.ready().data_dir.canonicalize().unwrap(),
    );
    let named = |config: &str| format!("--config {config} --data-dir {}`", data.display());
    let file = named(&whole.join("gigvault.yaml").display().to_string());
    for (arguments, variables, says) in [
        (
            &["--config", "gigvault.yaml", "--database-url", &database][..],
            &[][..],
            format!("{file} with the same --database-url, GIGVAULT_DATABASE__ALLOW_UNSAFE, then"),
        ),
        (
            &["--config", "gigvault.yaml"],
            &[
                ("GIGVAULT_DATABASE__URL", &*database),
                ("GIGVAULT_LISTEN__NAMES", "[a.example.test]"),
            ],
            format!(
                "{file} with the same GIGVAULT_DATABASE__ALLOW_UNSAFE, GIGVAULT_DATABASE__URL, GIGVAULT_LISTEN__NAMES, then"
            ),
        ),
        (
            &["--config", "-", "--database-url", &database],
            &[],
            format!(
                "{} with the same configuration on standard input, --database-url, GIGVAULT_DATABASE__ALLOW_UNSAFE, then",
                named("-")
            ),
        ),
    ] {
        let mut up = Command::new("timeout");
        up.arg("30")
            .arg(binary().unwrap())
            .arg("up")
            .args(arguments)
            .current_dir(dir)
            .env(testkit::system::ALLOW_UNSAFE, "true")
            .envs(variables.iter().copied())
            .stdin(fs::File::open(dir.join("gigvault.yaml")).unwrap());
        let output = up.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            output.status.code() == Some(1) && said.contains(&says),
            "{says}\n{said}"
        );
        assert!(!said.contains(&database), "{said}");
    }
}
