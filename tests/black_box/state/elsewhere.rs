//! Databases that are there, and not where a start looks: exchanged, elsewhere, or closed to their owner.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use testkit::Postgres;
use testkit::system::{ALLOW_UNSAFE, FREE_PORTS, binary};

use super::{command, copy_of, refused, remove, started, stopped, up};
use crate::judge;

fn exchange(data: &Path, one: &str, other: &str) {
    let file = |name: &str| data.join(format!("db/{name}"));
    fs::rename(file(one), file("kept")).unwrap();
    fs::rename(file(other), file(one)).unwrap();
    fs::rename(file("kept"), file(other)).unwrap();
}

fn files(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<String> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn exchanged_databases_are_named_with_the_place_of_each() {
    let (system, _) = stopped(&[]);
    // As an earlier version left them too: they did not record whose they are.
    let forget = "import sqlite3, sys\nwith sqlite3.connect(sys.argv[1]) as db: db.execute('UPDATE installation SET service = NULL')";
    for recorded in [true, false] {
        let dir = copy_of(&system);
        let data = dir.path().join("data");
        if !recorded {
            for service in ["ca", "auth"] {
                let file = data.join(format!("db/{service}.db"));
                judge::run("python3", &["-c", forget, judge::text(&file)]);
            }
        }
        exchange(&data, "ca.db", "auth.db");
        let config = dir.path().join("gigvault.yaml");
        fs::write(&config, "data_dir: data\n").unwrap();
        let mut migrate = Command::new(binary().unwrap());
        migrate
            .current_dir(dir.path())
            .args(["migrate", "--config", "gigvault.yaml"]);
        for attempt in [up(dir.path(), &[]), command(dir.path(), "bootstrap"), migrate] {
            let said = refused(attempt);
            for says in [
                "data/db/ca.db holds the database of auth, which belongs in data/db/auth.db",
                "data/db/auth.db holds the database of ca, which belongs in data/db/ca.db",
            ] {
                assert!(said.contains(says), "{said}");
            }
            assert!(!said.contains("older") && !said.contains("lost"), "{said}");
        }
        exchange(&data, "ca.db", "auth.db");
        started(up(dir.path(), &[]), dir.path());
    }
    let dir = copy_of(&system);
    let db = dir.path().join("data/db");
    fs::copy(db.join("auth.db"), db.join("ca.db")).unwrap();
    let said = refused(up(dir.path(), &[]));
    assert!(
        said.contains("ca.db holds the database of auth")
            && said.contains("database of ca is in none of them")
            && said.contains("backup"),
        "{said}"
    );
}

#[test]
fn a_start_that_is_refused_makes_no_database() {
    let (system, _) = stopped(&[]);
    let dir = copy_of(&system);
    let data = dir.path().join("data");
    for lost in ["keys", "db/auth.db", "db/keymgr.db", "db/ocsp.db", "db/crl.db"] {
        remove(&data.join(lost));
    }
    for attempt in [up(dir.path(), &[]), command(dir.path(), "bootstrap")] {
        let said = refused(attempt);
        assert!(said.contains("keys/installation is missing"), "{said}");
        assert_eq!(files(&data.join("db")), ["ca.db"]);
    }
    // One that cannot be read is in the way before another is made.
    fs::write(data.join("db/keymgr.db"), "garbage").unwrap();
    let said = refused(up(dir.path(), &[]));
    assert!(
        said.contains("db/keymgr.db") && said.contains("damaged"),
        "{said}"
    );
    assert_eq!(files(&data.join("db")), ["ca.db", "keymgr.db"]);
    remove(&data.join("db/keymgr.db"));
    fs::write(dir.path().join("gigvault.yaml"), "data_dir: data\n").unwrap();
    let mut migrate = Command::new(binary().unwrap());
    migrate
        .current_dir(dir.path())
        .args(["migrate", "--config", "gigvault.yaml"]);
    let said = refused(migrate);
    assert!(said.contains("is empty") && said.contains("lost"), "{said}");
    // A process of one service makes none either.
    let mut new_token = command(dir.path(), "bootstrap");
    new_token.arg("--new-admin-token");
    let said = refused(new_token);
    assert!(said.contains("database of auth"), "{said}");
    assert_eq!(files(&data.join("db")), ["ca.db"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_directory_knows_on_which_database_it_is() {
    const SCHEMAS: &str = "SELECT count(*) FROM pg_namespace WHERE nspname IN ('ca', 'keymgr', 'auth')";
    let postgres = Postgres::shared().await.unwrap();
    let database = postgres.fresh_database().await.unwrap();
    let (mut system, _) = stopped(&["--database-url", &database]);
    let place = database.rsplit_once('@').unwrap().1.split('?').next().unwrap();
    let db = system.ready().data_dir.join("db");
    let mut new_token = command(system.dir(), "bootstrap");
    new_token.arg("--new-admin-token");
    for attempt in [
        up(system.dir(), &[]),
        command(system.dir(), "bootstrap"),
        new_token,
    ] {
        let said = refused(attempt);
        assert!(
            said.contains("are on PostgreSQL") && said.contains("--database-url") && said.contains(place),
            "{said}"
        );
        assert!(!said.contains("empty") && !said.contains("backup"), "{said}");
        assert_eq!(files(&db), Vec::<String>::new());
    }
    // Another server than it was on, with nothing there.
    let empty = postgres.fresh_database().await.unwrap();
    let said = refused(up(system.dir(), &["--database-url", &empty]));
    assert!(
        said.contains(&format!("were on PostgreSQL at {place}")) && said.contains("correct the URL"),
        "{said}"
    );
    assert_eq!(postgres.sql_in(&empty, SCHEMAS).await.unwrap().trim(), "0");
    system.restart().unwrap();
    system.terminate().unwrap();

    let (files_only, _) = stopped(&[]);
    let said = refused(up(files_only.dir(), &["--database-url", &empty]));
    assert!(said.contains("leave the database URL out"), "{said}");
    // What is refused by the data directory makes nothing on the server either.
    let used = tempfile::tempdir().unwrap();
    fs::create_dir(used.path().join("data")).unwrap();
    fs::set_permissions(used.path().join("data"), Permissions::from_mode(0o700)).unwrap();
    fs::write(used.path().join("data/root.crt"), "left").unwrap();
    let said = refused(up(used.path(), &["--database-url", &empty]));
    assert!(said.contains("it holds root.crt"), "{said}");
    assert_eq!(postgres.sql_in(&empty, SCHEMAS).await.unwrap().trim(), "0");
}

#[test]
fn a_database_that_its_owner_may_not_write_is_named_and_leaves_nothing_in_the_way() {
    if !testkit::process::is_root() {
        return;
    }
    let (system, _) = stopped(&[]);
    let dir = copy_of(&system);
    let db = dir.path().join("data/db");
    fs::copy(binary().unwrap(), dir.path().join("gigvault")).unwrap();
    let own = || judge::run("chown", &["-R", "65534", judge::text(dir.path())]);
    own();
    let as_user = || {
        let mut up = Command::new("setpriv");
        up.current_dir(dir.path())
            .env(ALLOW_UNSAFE, "true")
            .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
            .args(["./gigvault", "up", "--data-dir", "data"])
            .args(FREE_PORTS);
        up
    };
    let mode = |name: &str, mode| fs::set_permissions(db.join(name), Permissions::from_mode(mode)).unwrap();
    mode("ca.db", 0o400);
    let said = refused(as_user());
    assert!(
        said.contains("data/db/ca.db: its owner may not write it")
            && said.contains("chmod u+w data/db/ca.db"),
        "{said}"
    );
    assert_eq!(files(&db), ["auth.db", "ca.db", "crl.db", "keymgr.db", "ocsp.db"]);
    mode("ca.db", 0o600);
    // What an earlier version left after such a start.
    for name in ["ca.db-shm", "ca.db-wal"] {
        fs::write(db.join(name), "").unwrap();
        mode(name, 0o400);
    }
    own();
    started(as_user(), dir.path());
}
