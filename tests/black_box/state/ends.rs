//! How a process ends, and what the next one finds.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::json;
use testkit::system::{System, binary};

use super::{started, stopped, up};
use crate::rest::Rest;
use crate::{csr, judge};

#[test]
fn after_a_clean_stop_the_database_files_alone_are_everything() {
    let (system, made) = stopped(&[]);
    let names: Vec<_> = fs::read_dir(system.ready().data_dir.join("db"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names.len(), 5, "{names:?}");
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
