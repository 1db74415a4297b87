//! How a process ends, and what it says to the next one.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt};
use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::process::{is_alive, send_signal};
use testkit::system::{ServerInfo, System, binary, spawn};

use crate::csr;
use crate::judge::Killed;
use crate::rest::Rest;

/// What requests have to end in, by default, and the margin of background work.
const DRAIN: Duration = Duration::from_secs(21);
/// What a loaded machine may add.
const SLACK: Duration = Duration::from_secs(10);

/// A server, and a request that runs there: its head was taken, and its body never ends.
struct Busy {
    process: Killed,
    ready: ServerInfo,
    dir: tempfile::TempDir,
    request: tokio::task::JoinHandle<()>,
}

impl Busy {
    async fn up() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new(binary().unwrap());
        command.arg("up").env(testkit::system::ALLOW_UNSAFE, "true");
        for port in [
            "--https-port",
            "--mtls-port",
            "--http-port",
            "--grpc-port",
            "--ldap-port",
            "--metrics-port",
        ] {
            command.args([port, "0"]);
        }
        command.args(["--data-dir", "data"]);
        let (child, ready) = spawn(command, dir.path()).unwrap();
        let rest = client(&ready);
        assert!(rest.get("/api/v1/cas").await.status().is_success());
        let (sent, first_byte) = tokio::sync::oneshot::channel();
        let request = rest
            .http
            .post(format!("{}/api/v1/certificates", rest.base))
            .bearer_auth(&rest.token)
            .header("content-type", "application/json")
            .body(endless_body(sent));
        let request = tokio::spawn(async move {
            let _cut_off = request.send().await;
        });
        first_byte.await.unwrap();
        // Of one connection the server takes one head after the other.
        assert!(rest.get("/api/v1/cas").await.status().is_success());
        Self {
            process: Killed(child),
            ready,
            dir,
            request,
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap()
    }

    async fn logged(&self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.log().contains(text) {
            assert!(Instant::now() < deadline, "{text:?} is not in {}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn client(ready: &ServerInfo) -> Rest {
    let _installed_before = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let root = std::fs::read(ready.data_dir.join("root.crt")).unwrap();
    let http = reqwest::Client::builder().tls_certs_only([reqwest::Certificate::from_pem(&root).unwrap()]);
    let token = std::fs::read_to_string(ready.data_dir.join("admin.token")).unwrap();
    Rest {
        http: http.build().unwrap(),
        base: ready.https.clone(),
        token: token.trim().to_owned(),
    }
}

/// A body of one byte, and then nothing; says when the byte is on its way.
fn endless_body(sent: tokio::sync::oneshot::Sender<()>) -> reqwest::Body {
    let byte = stream::once(async { Ok::<_, std::io::Error>("{") });
    let nothing = stream::once(async move {
        let _told = sent.send(());
        std::future::pending().await
    });
    reqwest::Body::wrap_stream(byte.chain(nothing))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_ends_within_the_drain_whatever_a_client_holds_open() {
    let mut busy = Busy::up().await;
    let begun = Instant::now();
    send_signal("TERM", busy.ready.pid).unwrap();
    busy.logged("stopping").await;
    let status = tokio::task::spawn_blocking(move || busy.process.0.wait().unwrap())
        .await
        .unwrap();
    assert!(status.success(), "{status}");
    assert!(begun.elapsed() < DRAIN + SLACK, "{:?}", begun.elapsed());
    busy.request.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_the_process_at_once() {
    for (signal, number) in [("TERM", 15), ("INT", 2)] {
        let mut busy = Busy::up().await;
        send_signal("TERM", busy.ready.pid).unwrap();
        busy.logged("stopping").await;
        assert!(
            is_alive(busy.ready.pid),
            "nothing was left to wait for: {}",
            busy.log()
        );
        let begun = Instant::now();
        send_signal(signal, busy.ready.pid).unwrap();
        let status = busy.process.0.wait().unwrap();
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
        assert_eq!((status.code(), status.signal()), (Some(128 + number), None));
        assert!(busy.log().contains("second signal"), "{}", busy.log());
        busy.request.abort();
    }
}

#[test]
fn a_data_directory_in_use_names_the_process_that_holds_it() {
    let system = System::up().unwrap();
    let (pid, data) = (system.ready().pid, &system.ready().data_dir);
    for verb in ["up", "bootstrap"] {
        let output = Command::new(binary().unwrap())
            .args([verb, "--data-dir"])
            .arg(data)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        for part in [
            format!("process {pid}"),
            format!("kill {pid}"),
            data.display().to_string(),
        ] {
            assert!(said.contains(&part), "{verb}: {part:?} is not in {said}");
        }
    }
    system.cli_ok(&["whoami"]).unwrap();
}

#[test]
fn a_server_goes_on_when_nobody_reads_its_log_any_more() {
    let dir = tempfile::tempdir().unwrap();
    let ready_file = dir.path().join("ready.json");
    let mut command = Command::new(binary().unwrap());
    command.args([
        "up",
        "--log",
        "debug",
        "--data-dir",
        "data",
        "--ready-file",
        "ready.json",
    ]);
    for port in [
        "--https-port",
        "--mtls-port",
        "--http-port",
        "--grpc-port",
        "--ldap-port",
        "--metrics-port",
    ] {
        command.args([port, "0"]);
    }
    let mut child = command
        .current_dir(dir.path())
        .env(testkit::system::ALLOW_UNSAFE, "true")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = child.stderr.take().unwrap();
    let mut process = Killed(child);
    let mut first = [0; 16];
    log.read_exact(&mut first).unwrap();
    // From here on every event meets a closed pipe.
    drop(log);
    let deadline = Instant::now() + Duration::from_secs(60);
    while !ready_file.exists() {
        assert_eq!(process.0.try_wait().unwrap(), None, "it ended");
        assert!(Instant::now() < deadline, "it did not become ready");
        std::thread::sleep(Duration::from_millis(20));
    }
    let ready: ServerInfo = serde_json::from_slice(&std::fs::read(&ready_file).unwrap()).unwrap();
    let made = Command::new(binary().unwrap())
        .args(["cert", "create", "a.example.test"])
        .current_dir(dir.path())
        .env("GIGVAULT_URL", &ready.https)
        .env("GIGVAULT_TOKEN", client(&ready).token)
        .env("GIGVAULT_CA_FILE", ready.data_dir.join("root.crt"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    send_signal("TERM", ready.pid).unwrap();
    assert!(process.0.wait().unwrap().success());
}

/// Requests until told to stop; how many were answered, and what is neither an answer nor a refused connection.
async fn load(rest: Rest, stop: Arc<AtomicBool>) -> (usize, Vec<String>) {
    let body = json!({"csr": csr::p256("a.example.test"), "profile": "tls-server"});
    let (mut answered, mut broken) = (0, Vec::new());
    while !stop.load(Ordering::Relaxed) {
        let url = format!("{}/api/v1/certificates", rest.base);
        let request = rest.http.post(url).bearer_auth(&rest.token).json(&body);
        match request.send().await {
            Err(error) if error.is_connect() => tokio::time::sleep(Duration::from_millis(5)).await,
            Err(error) => broken.push(format!("{error:?}")),
            Ok(answer) if answer.status() != StatusCode::CREATED => broken.push(answer.status().to_string()),
            Ok(answer) => match answer.json::<Value>().await {
                Ok(_) => answered += 1,
                Err(error) => broken.push(format!("{error:?}")),
            },
        }
    }
    (answered, broken)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_under_load_breaks_no_request_off() {
    let mut system = System::up().unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..8)
        .map(|_| tokio::spawn(load(Rest::of(&system), Arc::clone(&stop))))
        .collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let begun = Instant::now();
    system.terminate().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    stop.store(true, Ordering::Relaxed);
    let mut all = 0;
    for client in clients {
        let (answered, broken) = client.await.unwrap();
        assert!(broken.is_empty(), "{broken:#?}");
        all += answered;
    }
    assert!(all > 20, "the load was too small: {all}");
    system.restart().unwrap();
    let stored = Rest::of(&system).all("protocol=rest", 500).await;
    assert_eq!(stored.len(), all, "what was stored is not what was answered");
}
