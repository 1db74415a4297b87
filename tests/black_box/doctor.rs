//! `doctor`: what it says of a healthy deployment, and of those that are not.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::Postgres;
use testkit::fleet::{Fleet, Options};
use testkit::system::{System, binary};

use crate::judge;

mod damaged;
mod fixes;
mod parts;

use damaged::stopped;

/// Exit code, and the report.
fn doctor(command: &mut Command) -> (Option<i32>, Value) {
    let output = command.args(["doctor", "-o", "json"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    (output.status.code(), report)
}

/// As an operator who works in the folder of a data directory, without flags.
fn beside(system: &System) -> Command {
    let dir = system.dir().join("gigvault-data");
    if !dir.exists() {
        std::os::unix::fs::symlink(&system.ready().data_dir, &dir).unwrap();
    }
    let mut command = Command::new(binary().unwrap());
    command.current_dir(system.dir());
    for name in ["GIGVAULT_URL", "GIGVAULT_TOKEN", "GIGVAULT_CA_FILE"] {
        command.env_remove(name);
    }
    command
}

fn row<'a>(report: &'a Value, check: &str) -> &'a Value {
    let rows = report["checks"].as_array().unwrap();
    rows.iter()
        .find(|row| row["check"] == check)
        .unwrap_or_else(|| panic!("no {check} in {report:#}"))
}

#[test]
fn a_healthy_system_is_looked_at_from_end_to_end() {
    let system = System::up().unwrap();
    // From elsewhere nothing is known of its other ports.
    let (code, report) = doctor(&mut system.command().unwrap());
    assert_eq!(code, Some(0), "{report:#}");
    assert!(!report.to_string().contains("\"metrics\""), "{report:#}");
    let (code, report) = doctor(&mut beside(&system));
    assert_eq!(code, Some(0), "{report:#}");
    assert_eq!(report["healthy"], true);
    for check in [
        "files",
        "server",
        "clock",
        "certificate",
        "grpc",
        "metrics",
        "credential",
        "authorities",
        "issuer url",
        "ocsp url",
        "crl url",
        "ldap",
        "CA keys of ca",
        "stored keys of keymgr",
        "admin keys of auth",
    ] {
        assert_eq!(row(&report, check)["result"], "ok", "{report:#}");
    }
    let grpc = row(&report, "grpc")["detail"].as_str().unwrap();
    assert!(grpc.contains("identity of gigvault"), "{grpc}");
    // Looking at a healthy server leaves no warning in its log.
    let log = system.log().unwrap();
    let warnings: Vec<&str> = log.lines().filter(|line| line.contains("WARN")).collect();
    assert!(warnings.is_empty(), "{warnings:#?}");
}

#[test]
fn a_wrong_root_and_a_wrong_credential_are_told_apart() {
    let system = System::up().unwrap();
    let other = system.dir().join("other.crt");
    let make = [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=Other",
        "-keyout",
        "/dev/null",
    ];
    judge::run("openssl", &[&make[..], &["-out", judge::text(&other)]].concat());
    let (code, report) = doctor(system.command().unwrap().env("GIGVAULT_CA_FILE", &other));
    assert_eq!((code, &report["healthy"]), (Some(1), &Value::Bool(false)));
    let server = row(&report, "server");
    assert_eq!(server["result"], "failed");
    assert!(server["fix"].as_str().unwrap().contains("--ca-file"), "{server}");
    let (code, report) = doctor(
        system
            .command()
            .unwrap()
            .env("GIGVAULT_TOKEN", "gv_aaaaaaaa_nonsense"),
    );
    assert_eq!(code, Some(1));
    assert_eq!(row(&report, "server")["result"], "ok");
    assert_eq!(row(&report, "credential")["result"], "failed");
}

#[test]
fn a_server_that_stopped_and_one_that_never_ran_are_rows_of_the_report() {
    let mut system = System::up().unwrap();
    system.terminate().unwrap();
    let (code, report) = doctor(&mut beside(&system));
    assert_eq!(code, Some(1));
    let server = row(&report, "server");
    assert_eq!(server["result"], "failed");
    assert!(
        server["fix"].as_str().unwrap().contains("gigvault up"),
        "{server}"
    );
    std::fs::remove_file(system.ready().data_dir.join("server.json")).unwrap();
    let (code, report) = doctor(&mut beside(&system));
    assert_eq!(code, Some(1));
    let server = row(&report, "server");
    assert!(
        server["detail"].as_str().unwrap().contains("server.json"),
        "{server}"
    );
    assert_eq!(row(&report, "files")["result"], "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_of_one_service_is_judged_by_what_it_serves() {
    let database = Postgres::shared().await.unwrap().fresh_database().await.unwrap();
    let mut fleet = Fleet::start(&database, &Options::default()).unwrap();
    let look = |fleet: &Fleet| {
        let mut command = Command::new(binary().unwrap());
        doctor(
            command
                .current_dir(fleet.dir())
                .env("GIGVAULT_URL", &fleet.ready("ca").unwrap().https)
                .env("GIGVAULT_TOKEN", fleet.token().unwrap())
                .env("GIGVAULT_CA_FILE", fleet.bootstrapped().join("root.crt")),
        )
    };
    let (_, report) = look(&fleet);
    assert_eq!(row(&report, "server")["result"], "ok", "{report:#}");
    assert_eq!(row(&report, "authorities")["result"], "ok", "{report:#}");
    let credential = row(&report, "credential");
    assert_eq!(credential["result"], "warning", "{report:#}");
    assert!(
        credential["detail"]
            .as_str()
            .unwrap()
            .contains("no routes of auth"),
        "{credential}"
    );

    fleet.kill("keymgr").unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let (code, report) = look(&fleet);
        let server = row(&report, "server");
        if server["result"] == "failed" {
            assert_eq!(code, Some(1));
            assert!(
                server["detail"].as_str().unwrap().contains("failing: keymgr"),
                "{server}"
            );
            break;
        }
        assert!(Instant::now() < deadline, "{report:#}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auth_that_does_not_run_is_named_and_not_waited_for() {
    let database = Postgres::shared().await.unwrap().fresh_database().await.unwrap();
    let mut fleet = Fleet::start(&database, &Options::default()).unwrap();
    fleet.terminate("auth").unwrap();
    let mut command = Command::new(binary().unwrap());
    command
        .current_dir(fleet.dir())
        .env("GIGVAULT_URL", &fleet.ready("ca").unwrap().https)
        .env("GIGVAULT_TOKEN", fleet.token().unwrap())
        .env("GIGVAULT_CA_FILE", fleet.bootstrapped().join("root.crt"));
    let begun = Instant::now();
    let (code, report) = doctor(&mut command);
    assert_eq!(code, Some(1), "{report:#}");
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    let credential = row(&report, "credential");
    assert!(
        credential["detail"]
            .as_str()
            .unwrap()
            .contains("auth does not answer")
            && credential["fix"].as_str().unwrap().contains("start auth"),
        "{report:#}"
    );
    let rows = report["checks"].as_array().unwrap();
    let failed = rows.iter().filter(|row| row["result"] == "failed");
    assert_eq!(failed.count(), 1, "{report:#}");
}

#[test]
fn what_a_start_would_refuse_in_the_data_directory_is_found() {
    let mut system = System::up().unwrap();
    system.terminate().unwrap();
    let data = system.ready().data_dir.clone();
    type Put = fn(&Path);
    let put: [(&str, &str, Put); 5] = [
        ("db/other.db", "a symbolic link", |path| {
            std::os::unix::fs::symlink("/etc/hostname", path).unwrap();
        }),
        ("keys/dangling", "a symbolic link", |path| {
            std::os::unix::fs::symlink("nowhere", path).unwrap();
        }),
        ("identities/socket", "a socket", |path| {
            drop(std::os::unix::net::UnixListener::bind(path).unwrap());
        }),
        ("keys/root/extra", "can be written by other users", |path| {
            std::fs::write(path, "x").unwrap();
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666)).unwrap();
        }),
        ("note", "can be written by other users", |path| {
            std::fs::write(path, "x").unwrap();
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o620)).unwrap();
        }),
    ];
    for (name, word, put) in put {
        let path = data.join(name);
        put(&path);
        let (code, report) = doctor(&mut beside(&system));
        assert_eq!(code, Some(1));
        let files = row(&report, "files");
        let detail = files["detail"].as_str().unwrap();
        assert!(
            files["result"] == "failed" && detail.contains(name) && detail.contains(word),
            "{files}"
        );
        // It is what a start says.
        let mut start = Command::new(binary().unwrap());
        let start = start.args(["up", "--data-dir"]).arg(&data).output().unwrap();
        let said = String::from_utf8_lossy(&start.stderr);
        assert!(!start.status.success() && said.contains(name), "{said}");
        std::fs::remove_file(&path).unwrap();
        let (_, report) = doctor(&mut beside(&system));
        assert_eq!(row(&report, "files")["result"], "ok", "{report:#}");
    }
}

#[test]
fn a_suspended_ca_is_shown_as_such() {
    let system = System::up().unwrap();
    let list = || system.cli_ok(&["ca", "list", "-o", "table"]).unwrap();
    assert!(
        list().contains("STATUS") && !list().contains("suspended"),
        "{}",
        list()
    );
    system.cli_ok(&["ca", "suspend", "issuing"]).unwrap();
    let line = list()
        .lines()
        .find(|line| line.starts_with("issuing"))
        .unwrap()
        .to_owned();
    assert!(line.contains("suspended"), "{line}");
    let (code, report) = doctor(&mut system.command().unwrap());
    let found = row(&report, "authorities");
    assert_eq!(
        (code, found["result"].as_str()),
        (Some(0), Some("warning")),
        "{found}"
    );
    assert!(
        found["detail"]
            .as_str()
            .unwrap()
            .contains("CA issuing was suspended"),
        "{found}"
    );
    assert!(
        found["fix"]
            .as_str()
            .unwrap()
            .contains("gigvault ca resume issuing"),
        "{found}"
    );
}

#[test]
fn what_this_user_may_not_read_is_not_taken_for_lost() {
    if !testkit::process::is_root() {
        return;
    }
    let (system, _) = stopped();
    let data = system.ready().data_dir.clone();
    // The folder of the test too, and a program that this user may run.
    let program = system.dir().join("gigvault");
    std::fs::copy(binary().unwrap(), &program).unwrap();
    judge::run("chown", &["-R", "65534", judge::text(system.dir())]);
    let look = || {
        let _linked = beside(&system);
        let mut as_user = Command::new("setpriv");
        as_user
            .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
            .arg(&program)
            .current_dir(system.dir());
        doctor(&mut as_user).1
    };
    assert_eq!(row(&look(), "installation")["result"], "ok", "{:#}", look());
    for (path, says) in [
        (
            "keys",
            "keys belongs to user 0, and this process runs as user 65534",
        ),
        (
            "keys/root",
            "keys/root belongs to user 0, and this process runs as user 65534",
        ),
    ] {
        judge::run("chown", &["0", judge::text(&data.join(path))]);
        let report = look();
        let found = row(&report, "installation");
        let text = found.to_string();
        assert_eq!(found["result"], "failed", "{report:#}");
        assert!(text.contains(says) && !text.contains("restore"), "{report:#}");
        judge::run("chown", &["65534", judge::text(&data.join(path))]);
    }
}
