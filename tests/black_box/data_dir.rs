//! A data directory that cannot be used: the path, the cause, and what to do next.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use reqwest::StatusCode;
use serde_json::json;
use testkit::process::is_root;
use testkit::system::{System, binary};

use crate::rest::Rest;
use crate::{csr, judge};

const PORTS: &str = "--https-port 0 --mtls-port 0 --http-port 0 --grpc-port 0 --ldap-port 0 --metrics-port 0";

/// Runs a script in a mount namespace of its own; `$1` is the folder, `$2` the binary.
fn in_namespace(dir: &Path, script: &str) -> Output {
    Command::new("timeout")
        .args([
            "60",
            "unshare",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            script,
            "sh",
        ])
        .arg(dir)
        .arg(binary().unwrap())
        .env(testkit::system::ALLOW_UNSAFE, "true")
        .output()
        .unwrap()
}

#[track_caller]
fn refused(output: &Output, parts: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    assert!(!said.contains("panic"), "{said}");
}

#[test]
fn a_place_that_cannot_be_written_is_named_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let mount = "mount -t tmpfs -o ro,mode=700 tmpfs \"$1\" || exit 9";
    for (data, path) in [("\"$1\"/data", "/data: "), ("\"$1\"", "/db: ")] {
        for verb in [format!("up {PORTS}"), "bootstrap".to_owned()] {
            let script = format!("{mount}; \"$2\" {verb} --data-dir {data}");
            let output = in_namespace(dir.path(), &script);
            refused(
                &output,
                &[
                    judge::text(dir.path()),
                    path,
                    "Read-only file system",
                    "hint: ",
                    "mounted read-only",
                ],
            );
        }
    }
    if is_root() {
        // Root may write anywhere; other users may not.
        fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let program = dir.path().join("gigvault");
        fs::copy(binary().unwrap(), &program).unwrap();
        let output = Command::new("setpriv")
            .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
            .arg(&program)
            .args(["bootstrap", "--data-dir"])
            .arg(dir.path().join("data"))
            .output()
            .unwrap();
        refused(
            &output,
            &["/data: Permission denied", "user 65534", "name another place"],
        );
    }
}

#[test]
fn a_full_disk_at_a_start_is_named_with_the_file_and_what_to_do() {
    let (mut system, dir) = (System::up().unwrap(), tempfile::tempdir().unwrap());
    system.terminate().unwrap();
    // A first start that runs out of space, and a later one that finds none.
    let data = judge::text(&system.ready().data_dir).to_owned();
    let mount = "mount -t tmpfs -o mode=700,size=";
    for script in [
        format!("{mount}64k tmpfs \"$1\" || exit 9"),
        format!("{mount}300k tmpfs \"$1\" || exit 9"),
        format!(
            "{mount}4m tmpfs \"$1\" && cp -a {data}/. \"$1\" || exit 9; cat /dev/zero > \"$1\"/ballast 2>/dev/null"
        ),
    ] {
        let output = in_namespace(
            dir.path(),
            &format!("{script}; \"$2\" up {PORTS} --data-dir \"$1\""),
        );
        let path = format!("{}/", dir.path().display());
        refused(&output, &[&path, "no space left on its disk", "make room"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_file_that_is_damaged_is_named() {
    let mut system = System::up().unwrap();
    Rest::of(&system)
        .issue(&json!({"csr": csr::p256("a.example.test"), "profile": "tls-server"}))
        .await;
    system.terminate().unwrap();
    let data = &system.ready().data_dir;
    for service in ["ca", "keymgr", "auth"] {
        let file = data.join(format!("db/{service}.db"));
        let whole = fs::read(&file).unwrap();
        // No database at all, and one whose first page is gone.
        for damage in [
            vec![b'x'; whole.len()],
            [&whole[..100], &vec![0xff; whole.len() - 100]].concat(),
        ] {
            fs::write(&file, damage).unwrap();
            let output = Command::new("timeout")
                .arg("30")
                .arg(binary().unwrap())
                .args(["up", "--data-dir"])
                .arg(data)
                .args(PORTS.split(' '))
                .env(testkit::system::ALLOW_UNSAFE, "true")
                .output()
                .unwrap();
            refused(
                &output,
                &[judge::text(&file), "damaged", "restore it from a backup"],
            );
        }
        fs::write(&file, whole).unwrap();
    }
    system.restart().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_default_ca_that_does_not_exist_issues_nothing_in_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("c.yaml");
    fs::write(&config, "ca: {default_ca: nowhere}\n").unwrap();
    let system = System::up_with(&["--config", judge::text(&config)]).unwrap();
    assert!(
        system.log().unwrap().contains("there is no such CA"),
        "{}",
        system.log().unwrap()
    );
    let rest = Rest::of(&system);
    let mut body = json!({"csr": csr::p256("a.example.test"), "profile": "tls-server"});
    let answer = rest.try_issue(&body).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    let problem: serde_json::Value = answer.json().await.unwrap();
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("ca.default_ca is nowhere") && detail.contains("issuing"),
        "{problem}"
    );
    assert!(rest.all("protocol=rest", 500).await.is_empty());
    body["ca"] = json!("issuing");
    assert_eq!(rest.issue(&body).await["ca"], "issuing");
}
