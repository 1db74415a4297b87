//! SQLite on a disk that runs full: nothing is half done, and space brings the service back.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::json;
use testkit::system::{FREE_PORTS, ServerInfo, binary, spawn};

use crate::csr;
use crate::judge::{self, Killed};
use crate::rest::{Rest, retry_after};

/// `up` with its data on a small file system of its own, in a mount namespace that ends with it.
fn up(dir: &Path) -> (Killed, ServerInfo) {
    let mut command = Command::new("unshare");
    // Not root: a user namespace gives the right to mount.
    command.args(["--map-root-user", "--mount", "sh", "-c"]);
    command.arg("mkdir -p \"$1\" && mount -t tmpfs -o size=4m,mode=700 tmpfs \"$1\" && shift && exec \"$@\"");
    command.args(["sh", judge::text(&dir.join("data"))]);
    command.arg(binary().unwrap()).arg("up");
    command.args(FREE_PORTS);
    command.arg("--data-dir").arg(dir.join("data"));
    let (child, ready) = spawn(command, dir).unwrap();
    (Killed(child), ready)
}

/// A file of the process's own file system, from outside of its namespace.
fn inside(ready: &ServerInfo, name: &str) -> std::path::PathBuf {
    Path::new("/proc")
        .join(ready.pid.to_string())
        .join("root")
        .join(ready.data_dir.strip_prefix("/").unwrap())
        .join(name)
}

fn client(ready: &ServerInfo) -> Rest {
    let _installed_before = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let root = std::fs::read(inside(ready, "root.crt")).unwrap();
    let http = reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(&root).unwrap()])
        .timeout(Duration::from_secs(60));
    Rest {
        http: http.build().unwrap(),
        base: ready.https.clone(),
        token: std::fs::read_to_string(inside(ready, "admin.token"))
            .unwrap()
            .trim()
            .to_owned(),
    }
}

/// Takes all the space that is left.
fn fill(ready: &ServerInfo) {
    use std::io::Write;
    let mut ballast = std::fs::File::options()
        .create(true)
        .append(true)
        .open(inside(ready, "ballast"))
        .unwrap();
    for size in [65536, 4096, 512] {
        while ballast.write(&vec![0_u8; size]).is_ok_and(|written| written > 0) {}
    }
}

/// What `/readyz` says, once it is not older than the state of the disk: a success is repeated for ten seconds.
async fn readiness(rest: &Rest) -> (StatusCode, serde_json::Value) {
    let deadline = Instant::now() + Duration::from_secs(15);
    loop {
        let answer = rest
            .http
            .get(format!("{}/readyz", rest.base))
            .send()
            .await
            .unwrap();
        let (status, report) = (answer.status(), answer.json().await.unwrap());
        if status != StatusCode::OK || Instant::now() > deadline {
            return (status, report);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_means_503_and_space_brings_it_back_without_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (process, ready) = up(dir.path());
    let rest = client(&ready);
    let body = json!({"csr": csr::p256("a.example.test"), "profile": "tls-server"});
    let mut acknowledged = vec![rest.issue(&body).await["serial"].clone()];
    fill(&ready);
    // What the write-ahead log has in reserve lasts for a few more.
    let deadline = Instant::now() + Duration::from_secs(60);
    let refused = loop {
        let answer = rest.try_issue(&body).await;
        if answer.status() != StatusCode::CREATED {
            break answer;
        }
        acknowledged.push(answer.json::<serde_json::Value>().await.unwrap()["serial"].clone());
        assert!(Instant::now() < deadline, "the disk does not run full");
    };
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(retry_after(&refused) > 0);
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
    for _ in 0..5 {
        let answer = rest.try_issue(&body).await;
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
    assert_eq!(
        rest.all("protocol=rest", 500).await.len(),
        acknowledged.len(),
        "reading goes on, and a refused request left nothing"
    );
    let (status, report) = readiness(&rest).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{report}");
    assert!(
        report["reasons"].to_string().contains("no space left"),
        "{report}"
    );
    let log = std::fs::read_to_string(dir.path().join("log")).unwrap();
    for part in ["data/db/", "no space left on its disk", "make room there"] {
        assert!(log.contains(part), "{part:?} is not in {log}");
    }
    let alive = rest
        .http
        .get(format!("{}/healthz", rest.base))
        .send()
        .await
        .unwrap();
    assert_eq!(alive.status(), StatusCode::OK);
    std::fs::remove_file(inside(&ready, "ballast")).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = rest.try_issue(&body).await;
        if answer.status() == StatusCode::CREATED {
            acknowledged.push(answer.json::<serde_json::Value>().await.unwrap()["serial"].clone());
            break;
        }
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(Instant::now() < deadline, "it does not come back");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    while rest
        .http
        .get(format!("{}/readyz", rest.base))
        .send()
        .await
        .unwrap()
        .status()
        != StatusCode::OK
    {
        assert!(Instant::now() < deadline, "it stays not ready");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let mut found = rest.all("protocol=rest", 500).await;
    let mut wanted: Vec<_> = acknowledged
        .iter()
        .map(|serial| serial.as_str().unwrap().to_owned())
        .collect();
    found.sort();
    wanted.sort();
    assert_eq!(found, wanted, "exactly what was acknowledged is there");
    drop(process);
}

/// A first start on a disk of this size, and the next one when there is space. The script's exit code is 0 if the first failed
/// and the second did not.
#[test]
fn a_first_start_on_a_full_disk_is_finished_by_the_next_when_there_is_space() {
    for kilobytes in ["8", "32", "64", "128", "256", "400", "500", "600"] {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let script = "mkdir \"$1\" && mount -t tmpfs -o size=\"$2\"k,mode=700 tmpfs \"$1\" || exit 9
            \"$3\" bootstrap --data-dir \"$1\" && exit 8
            mount -o remount,size=20m \"$1\" || exit 9
            \"$3\" bootstrap --data-dir \"$1\" && \"$3\" rootca verify --without-key --dir \"$1/keys/root\"";
        let output = Command::new("unshare")
            .args(["--map-root-user", "--mount", "sh", "-c", script, "sh"])
            .args([judge::text(&data), kilobytes])
            .arg(binary().unwrap())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{kilobytes} KiB: {said}");
        assert!(
            said.contains("no space left") || said.contains("No space left"),
            "{said}"
        );
    }
}
