//! The servers of tests live as long as they should.

use std::path::Path;
use std::process::Command;

use super::*;

#[tokio::test]
async fn a_server_comes_back_after_a_crash_with_what_it_had() {
    let server = Postgres::start_with(Options {
        fsync: true,
        ..Options::default()
    })
    .await
    .unwrap();
    let url = server.fresh_database().await.unwrap();
    server
        .sql_in(&url, "CREATE TABLE t (n INT); INSERT INTO t VALUES (7)")
        .await
        .unwrap();
    let pid = server.pid().unwrap();
    server.kill().await.unwrap();
    assert_eq!(server.pid(), None);
    server.sql_in(&url, "SELECT n FROM t").await.unwrap_err();
    server.resume().await.unwrap();
    assert_ne!(server.pid(), Some(pid));
    assert_eq!(server.sql_in(&url, "SELECT n FROM t").await.unwrap(), "7");
}

#[tokio::test]
async fn a_dropped_server_leaves_nothing() {
    let server = Postgres::start().await.unwrap();
    let (pid, folder) = (server.pid().unwrap(), server.scratch.path().to_owned());
    assert!(folder.exists());
    drop(server);
    assert!(!is_alive(pid));
    assert!(!folder.exists());
}

/// Set in the process that the next test starts.
const CHILD: &str = "TESTKIT_CHILD_WITH_SERVER";

/// Not a test of its own: starts a server, tells where it is, and waits to be killed.
#[tokio::test]
async fn child_process() {
    if std::env::var_os(CHILD).is_some() {
        let server = Postgres::start().await.unwrap();
        println!(
            "\nserver {} {}",
            server.pid().unwrap(),
            server.scratch.path().display()
        );
        sleep(START_TIMEOUT).await;
    }
}

#[test]
fn a_server_does_not_outlive_an_owner_that_is_killed() {
    use std::io::{BufRead, BufReader};

    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "postgres::tests::child_process", "--nocapture"])
        .env(CHILD, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(owner.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let line = lines
        .into_iter()
        .find(|line| line.starts_with("server "))
        .unwrap();
    let [_, pid, folder] = line.splitn(3, ' ').collect::<Vec<_>>()[..] else {
        panic!("{line}")
    };
    let pid = pid.parse().unwrap();
    assert!(is_alive(pid) && Path::new(folder).exists());

    owner.kill().unwrap();
    owner.wait().unwrap();
    let deadline = Instant::now() + STOP_TIMEOUT;
    while is_alive(pid) || Path::new(folder).exists() {
        assert!(Instant::now() < deadline, "PostgreSQL outlives its owner");
        std::thread::sleep(Duration::from_millis(20));
    }
}
