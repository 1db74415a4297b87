//! `migrate`: databases to the current schema, and a second time to nothing.

use std::path::Path;
use std::process::Command;

use testkit::Postgres;
use testkit::system::binary;

use crate::judge;

fn migrate(dir: &Path) {
    let output = Command::new(binary().unwrap())
        .current_dir(dir)
        .args(["migrate", "--config", "gigvault.yaml"])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

const TABLES: [(&str, &str); 3] = [("auth", "api_keys"), ("ca", "certificates"), ("keymgr", "keys")];

#[test]
fn sqlite_files_are_made_and_a_second_run_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("gigvault.yaml"), "data_dir: data\n").unwrap();
    let dump = |service: &str| {
        let script = "import sqlite3,sys; print('\\n'.join(sqlite3.connect(sys.argv[1]).iterdump()))";
        let file = dir.path().join("data").join("db").join(format!("{service}.db"));
        judge::run("python3", &["-c", script, judge::text(&file)])
    };
    migrate(dir.path());
    let first = TABLES.map(|(service, _)| dump(service));
    for ((service, table), dump) in TABLES.iter().zip(&first) {
        assert!(
            dump.contains(&format!("CREATE TABLE {table}")),
            "{service}: {dump}"
        );
    }
    migrate(dir.path());
    // The dump holds when each migration ran.
    assert_eq!(TABLES.map(|(service, _)| dump(service)), first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_schemas_are_made_and_a_second_run_changes_nothing() {
    let postgres = Postgres::shared().await.unwrap();
    let url = postgres.fresh_database().await.unwrap();
    let database = url.rsplit('/').next().unwrap().split('?').next().unwrap();
    let dir = tempfile::tempdir().unwrap();
    // The URL by reference, so that it is on no command line.
    std::fs::write(dir.path().join("url"), &url).unwrap();
    let text = format!(
        "data_dir: data\ndatabase: {{ url: \"file:{}\", allow_unsafe: true }}\n",
        dir.path().join("url").display()
    );
    std::fs::write(dir.path().join("gigvault.yaml"), text).unwrap();
    migrate(dir.path());
    let state = async || {
        let columns = "SELECT string_agg(c::text, ';' ORDER BY c::text) FROM information_schema.columns c \
                       WHERE table_schema IN ('ca', 'auth', 'keymgr')";
        let mut all = postgres.sql_in(database, columns).await.unwrap();
        for (service, table) in TABLES {
            assert!(all.contains(table), "{service}: {all}");
            let applied =
                format!("SELECT string_agg(m::text, ';' ORDER BY version) FROM {service}._sqlx_migrations m");
            all.push_str(&postgres.sql_in(database, &applied).await.unwrap());
        }
        all
    };
    let first = state().await;
    migrate(dir.path());
    assert_eq!(state().await, first);
}
