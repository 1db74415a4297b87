//! What belongs together: a lost, foreign or older part of an installation is named at the start, and never made anew.

mod clock;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::Postgres;
use testkit::system::{FREE_PORTS, Ready, System, binary, spawn};

use crate::csr;
use crate::judge::{self, Killed};
use crate::rest::Rest;

fn command(dir: &Path, verb: &str) -> Command {
    let mut command = Command::new(binary().unwrap());
    command
        .current_dir(dir)
        .env(testkit::system::ALLOW_UNSAFE, "true")
        .args([verb, "--data-dir", "data"]);
    command
}

fn up(dir: &Path, arguments: &[&str]) -> Command {
    let mut up = command(dir, "up");
    up.args(FREE_PORTS);
    up.args(arguments);
    up
}

fn started(command: Command, dir: &Path) -> (Killed, Ready) {
    let (child, ready) = spawn(command, dir).unwrap();
    (Killed(child), ready)
}

/// What a start says that fails.
#[track_caller]
fn refused(mut command: Command) -> String {
    // A start that succeeds would run for ever.
    let output = Command::new("timeout")
        .args(["30", "env"])
        .arg(command.get_program())
        .args(command.get_args())
        .envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .current_dir(command.get_current_dir().unwrap())
        .output();
    command.env_clear();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    said
}

/// A stopped installation with a certificate in it; its folder holds `data`.
fn stopped(arguments: &[&str]) -> (System, Value) {
    let mut system = System::up_with(arguments).unwrap();
    let made = system
        .cli_ok(&["cert", "create", "a.example.test", "-o", "json"])
        .unwrap();
    system.terminate().unwrap();
    (system, serde_json::from_str(&made).unwrap())
}

fn copy_of(system: &System) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    judge::run(
        "cp",
        &[
            "-a",
            judge::text(&system.ready().data_dir),
            judge::text(&dir.path().join("data")),
        ],
    );
    dir
}

fn remove(path: &Path) {
    match path.is_dir() {
        true => fs::remove_dir_all(path).unwrap(),
        false => fs::remove_file(path).unwrap(),
    }
}

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
fn after_a_clean_stop_the_database_files_alone_are_everything() {
    let (system, made) = stopped(&[]);
    let names: Vec<_> = fs::read_dir(system.ready().data_dir.join("db"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(names.iter().all(|name| name.ends_with(".db")), "{names:?}");
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (&system.ready().data_dir, dir.path().join("data"));
    fs::create_dir_all(to.join("db")).unwrap();
    for name in names {
        fs::copy(from.join("db").join(&name), to.join("db").join(&name)).unwrap();
    }
    judge::run(
        "cp",
        &[
            "-a",
            judge::text(&from.join("keys")),
            judge::text(&to.join("keys")),
        ],
    );
    for folder in ["", "db"] {
        fs::set_permissions(to.join(folder), Permissions::from_mode(0o700)).unwrap();
    }
    let (_process, ready) = started(up(dir.path(), &[]), dir.path());
    let shown = Command::new(binary().unwrap())
        .args(["cert", "show", made["serial"].as_str().unwrap(), "-o", "json"])
        .env("GIGVAULT_URL", &ready.https)
        .env("GIGVAULT_TOKEN", system.token().unwrap())
        .env("GIGVAULT_CA_FILE", ready.data_dir.join("root.crt"))
        .output()
        .unwrap();
    assert!(
        shown.status.success(),
        "{}",
        String::from_utf8_lossy(&shown.stderr)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgresql_database_that_is_empty_or_of_another_installation_is_refused() {
    let postgres = Postgres::shared().await.unwrap();
    let database = postgres.fresh_database().await.unwrap();
    let (mut system, _) = stopped(&["--database-url", &database]);
    let empty = postgres.fresh_database().await.unwrap();
    let said = refused(up(system.dir(), &["--database-url", &empty]));
    assert!(said.contains("is empty") && said.contains("backup"), "{said}");
    let said = refused(up(system.dir(), &[]));
    assert!(said.contains("is empty"), "SQLite instead of PostgreSQL: {said}");
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

#[test]
fn directories_of_others_are_refused_and_open_ones_closed_at_every_start() {
    let (system, _) = stopped(&[]);
    for folder in ["", "keys", "identities", "db"] {
        let dir = copy_of(&system);
        let path = match folder {
            "" => dir.path().join("data"),
            folder => dir.path().join("data").join(folder),
        };
        for mode in [0o777, 0o770, 0o702] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert!(
                refused(up(dir.path(), &[])).contains("chmod 700"),
                "{folder} {mode:o}"
            );
        }
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        let (process, _) = started(up(dir.path(), &[]), dir.path());
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o700,
            "{folder}"
        );
        drop(process);
        let moved = dir.path().join("moved");
        fs::rename(&path, &moved).unwrap();
        symlink(&moved, &path).unwrap();
        assert!(
            refused(up(dir.path(), &[])).contains("a symbolic link"),
            "{folder}"
        );
    }
}

#[test]
fn the_https_certificate_covers_what_is_listened_on() {
    let dir = tempfile::tempdir().unwrap();
    let names = |ready: &Ready| {
        let leaf = ready.data_dir.join("identities/https/tls.crt");
        judge::run("openssl", &["x509", "-in", judge::text(&leaf), "-noout", "-text"])
    };
    for (address, covered) in [("127.0.0.1", false), ("127.0.0.2", true), ("0.0.0.0", false)] {
        let (process, ready) = started(up(dir.path(), &["--listen", address]), dir.path());
        assert_eq!(
            names(&ready).contains("IP Address:127.0.0.2"),
            covered,
            "{address}"
        );
        let list = Command::new(binary().unwrap())
            .args(["cert", "list"])
            .env("GIGVAULT_URL", &ready.https)
            .env(
                "GIGVAULT_TOKEN",
                fs::read_to_string(ready.data_dir.join("admin.token"))
                    .unwrap()
                    .trim(),
            )
            .env("GIGVAULT_CA_FILE", ready.data_dir.join("root.crt"))
            .output()
            .unwrap();
        assert!(
            list.status.success(),
            "{address}: {}",
            String::from_utf8_lossy(&list.stderr)
        );
        drop(process);
    }
}

/// Makes of a stopped installation what earlier versions left: no id anywhere.
fn forget_the_id(data: &Path) {
    fs::remove_file(data.join("keys/installation")).unwrap();
    let script = "import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1])\n\
                  db.execute('DROP TABLE installation')\n\
                  db.execute('DELETE FROM _store_migrations WHERE version IN (11, 115)')\ndb.commit()";
    for service in ["ca", "keymgr", "auth"] {
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

/// The number in the file is never ahead of the database: no crash, at whatever moment, makes a start refuse.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_at_any_moment_starts_again() {
    let mut system = System::up().unwrap();
    for round in 0..25_u64 {
        let rest = Rest::of(&system);
        let load = tokio::spawn(async move {
            loop {
                let body = json!({"csr": csr::p256("a.example.test"), "profile": "tls-server"});
                let url = format!("{}/api/v1/certificates", rest.base);
                let sent = rest.http.post(url).bearer_auth(&rest.token).json(&body).send();
                if sent.await.is_err() {
                    return;
                }
            }
        });
        // Other moments each time, some beyond a round of the number.
        let moment = if round % 8 == 7 { 5500 } else { round * 37 % 400 };
        tokio::time::sleep(std::time::Duration::from_millis(moment)).await;
        system.kill().unwrap();
        load.await.unwrap();
        // Killed while it starts, too.
        let mut starting = up(system.dir(), &[]).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(round * 53 % 600));
        starting.kill().unwrap();
        starting.wait().unwrap();
        system.restart().unwrap();
    }
}

#[test]
fn links_foreign_files_and_open_ones_are_refused_at_every_depth() {
    let (system, _) = stopped(&[]);
    let files = [
        "db/ca.db",
        "keys/kek",
        "identities/https/tls.key",
        "keys/root/issued.jsonl",
    ];
    let folders = ["identities/https", "keys/root", "keys/root/issued"];
    for name in files.iter().chain(&folders) {
        let dir = copy_of(&system);
        let path = dir.path().join("data").join(name);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        fs::set_permissions(&path, Permissions::from_mode(mode | 0o022)).unwrap();
        let said = refused(up(dir.path(), &[]));
        assert!(said.contains(name) && said.contains("chmod"), "{name}: {said}");
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let moved = dir.path().join("moved");
        fs::rename(&path, &moved).unwrap();
        symlink(&moved, &path).unwrap();
        let said = refused(up(dir.path(), &[]));
        assert!(
            said.contains(name) && said.contains("a symbolic link"),
            "{name}: {said}"
        );
        fs::remove_file(&path).unwrap();
        fs::rename(&moved, &path).unwrap();
        drop(started(up(dir.path(), &[]), dir.path()));
    }
}
