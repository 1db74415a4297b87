//! What `doctor` says where it has not looked, may not look, or where little was there to begin with.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use testkit::Postgres;
use testkit::fleet::{Fleet, Options};
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

/// A command of an operator who works beside the data directory of one of several processes.
fn beside_ca(fleet: &Fleet) -> Command {
    let folder = fleet.dir().join("ca");
    if !folder.join("gigvault-data").exists() {
        std::os::unix::fs::symlink("data", folder.join("gigvault-data")).unwrap();
    }
    let mut command = Command::new(binary().unwrap());
    command.current_dir(folder);
    for name in ["GIGVAULT_URL", "GIGVAULT_TOKEN", "GIGVAULT_CA_FILE"] {
        command.env_remove(name);
    }
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_several_processes_is_not_judged_as_a_whole_installation() {
    let database = Postgres::shared().await.unwrap().fresh_database().await.unwrap();
    let mut fleet = Fleet::start(&database, &Options::default()).unwrap();
    let data = fleet.dir().join("ca/data");
    let said = |arguments: &[&str]| {
        let output = beside_ca(&fleet).args(arguments).output().unwrap();
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };

    // Without the root, which only `bootstrap` wrote.
    let (code, report) = doctor(&mut beside_ca(&fleet));
    assert_eq!(code, Some(1), "{report:#}");
    assert_eq!(row(&report, "installation")["result"], "ok", "{report:#}");
    let fix = row(&report, "client")["fix"].as_str().unwrap().to_owned();
    assert!(
        fix.contains("copy root.crt of the data directory that was bootstrapped")
            && fix.contains("--ca-file")
            && !fix.contains("gigvault up"),
        "{fix}"
    );
    for check in ["grpc", "metrics"] {
        assert_eq!(row(&report, check)["result"], "ok", "{report:#}");
    }
    let (code, text) = said(&["job", "list"]);
    assert!(code != Some(0) && text.contains(&fix), "{text}");

    // With what clients need, wherever its identity is, and whatever else was copied with it.
    let bootstrapped = fleet.bootstrapped();
    let put = |name: &str| fs::copy(bootstrapped.join(name), data.join(name)).unwrap();
    for also in ["root.crt", "admin.token", "identities/ca", "chain.pem", "ca.crt"] {
        match also {
            "identities/ca" => {
                fs::create_dir(data.join(also)).unwrap();
                fs::set_permissions(data.join(also), fs::Permissions::from_mode(0o700)).unwrap();
                for file in ["tls.crt", "tls.key", "roots.pem"] {
                    put(&format!("{also}/{file}"));
                }
            }
            file => {
                put(file);
            }
        }
        let (_, report) = doctor(&mut beside_ca(&fleet));
        let found = row(&report, "installation");
        assert!(
            found["result"] == "ok"
                && found["detail"]
                    .as_str()
                    .unwrap()
                    .contains("process of some services"),
            "{also}: {found:#}"
        );
    }
    let (code, report) = doctor(&mut beside_ca(&fleet));
    assert_eq!(code, Some(0), "{report:#}");
    // Whose jobs it lists, while those of other services are not looked at.
    let (code, text) = said(&["job", "list"]);
    assert!(
        code == Some(0) && text.contains("lists the jobs of ca, and no others"),
        "{text}"
    );

    fleet.terminate("ca").unwrap();
    let (_, report) = doctor(&mut beside_ca(&fleet));
    let fix = row(&report, "server")["fix"].as_str().unwrap();
    assert!(
        fix.contains("gigvault serve ca --config FILE") && !fix.contains("gigvault up"),
        "{fix}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_whose_identity_directory_is_empty_says_where_bootstrap_makes_it() {
    let database = Postgres::shared().await.unwrap().fresh_database().await.unwrap();
    let mut fleet = Fleet::start(&database, &Options::default()).unwrap();
    fleet.terminate("auth").unwrap();
    let directory = fleet.identity("auth");
    fs::rename(&directory, fleet.dir().join("kept")).unwrap();
    let output = Command::new(binary().unwrap())
        .args(["serve", "auth", "--config"])
        .arg(fleet.dir().join("auth/config.yaml"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{said}");
    for part in [
        "`gigvault bootstrap --identity auth` makes the first in identities/auth of the data directory that it works on",
        &format!(
            "move it to {}, where identity.directory has it",
            directory.display()
        ),
    ] {
        assert!(said.contains(part), "{said}");
    }
}
