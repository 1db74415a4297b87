//! `cert revoke --ca X --all`: nothing unasked, nothing twice, nothing of another CA.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};
use testkit::system::System;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::csr;
use crate::rest::Rest;

fn all(system: &System, more: &[&str]) -> Value {
    let arguments = ["cert", "revoke", "--ca", "issuing", "--all", "-o", "json"];
    serde_json::from_str(&system.cli_ok(&[&arguments[..], more].concat()).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_certificate_of_a_ca_is_revoked_once_and_none_of_another() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    for host in 0..20 {
        let csr = csr::p256(&format!("host-{host}.example.test"));
        rest.issue(&json!({"csr": csr, "profile": "tls-server"})).await;
    }
    let serials = rest.all("protocol=rest", 500).await;
    rest.revoke(&serials[0], "superseded").await;
    rest.hold(&serials[1]).await;

    // The server's own HTTPS certificate is not among them: the services CA issued it. Nor is the CA's OCSP responder, which tells of
    // the revocations.
    let dry = all(&system, &["--dry-run"]);
    assert_eq!(
        dry,
        json!({"ca": "issuing", "reason": "unspecified", "dry_run": true, "suspended": false, "stop_issuing": false,
               "valid": 18, "on_hold": 1, "revoked": 0, "revoked_by_others": 0, "left": 19})
    );
    let both = all(&system, &["--dry-run", "--stop-issuing"]);
    assert_eq!(
        (&both["stop_issuing"], &both["suspended"], &both["left"]),
        (&json!(true), &json!(false), &json!(19))
    );
    let for_people = ["--all", "--dry-run", "--stop-issuing", "-o", "table"];
    let shown = system.cli_ok(&[&["cert", "revoke", "--ca", "issuing"], &for_people[..]].concat());
    assert!(shown.unwrap().contains("it would be, before all else"));
    let unasked = system
        .cli(&["cert", "revoke", "--ca", "issuing", "--all"])
        .unwrap();
    assert_eq!(unasked.status.code(), Some(2));
    assert_eq!(rest.all("ca=issuing&status=valid", 500).await.len(), 18);

    let done = all(&system, &["--yes", "--reason", "cessation-of-operation"]);
    assert_eq!(done["suspended"], false, "a dry run suspended it");
    assert_eq!(
        (&done["revoked"], &done["revoked_by_others"], &done["left"]),
        (&json!(19), &json!(0), &json!(0))
    );
    assert!(rest.all("ca=issuing&status=valid", 500).await.is_empty());
    assert!(rest.all("ca=issuing&status=on_hold", 500).await.is_empty());
    assert_eq!(rest.all("ca=issuing&status=revoked", 500).await.len(), 20);
    assert!(
        !rest
            .all("ca=services&status=valid&internal=true", 500)
            .await
            .is_empty()
    );
    for (serial, reason) in [
        (&serials[0], "superseded"),
        (&serials[1], "cessation-of-operation"),
    ] {
        let shown: Value = rest
            .get(&format!("/api/v1/certificates/{serial}"))
            .await
            .json()
            .await
            .unwrap();
        assert_eq!(shown["revocation"]["reason"], reason);
    }

    let again = all(&system, &["--yes"]);
    assert_eq!(
        (&again["valid"], &again["on_hold"], &again["revoked"]),
        (&json!(0), &json!(0), &json!(0))
    );
}

/// Four clients that issue until they are told to stop, or are told that the CA is suspended.
struct Issuing {
    stop: Arc<AtomicBool>,
    clients: tokio::task::JoinSet<usize>,
}

impl Issuing {
    fn start(rest: &Rest) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let csr = csr::p256("busy.example.test");
        let mut clients = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let (rest, csr, stop) = (rest.clone(), csr.clone(), Arc::clone(&stop));
            clients.spawn(async move {
                let mut issued = 0;
                while !stop.load(Ordering::SeqCst) {
                    let answer = rest
                        .try_issue(&json!({"csr": csr, "profile": "tls-server"}))
                        .await;
                    if answer.status() == 409 {
                        break;
                    }
                    issued += usize::from(answer.status() == 201);
                }
                issued
            });
        }
        Self { stop, clients }
    }

    async fn end(self) -> usize {
        self.stop.store(true, Ordering::SeqCst);
        self.clients.join_all().await.into_iter().sum()
    }
}

async fn in_background(system: &System, arguments: &[&str]) -> std::process::Output {
    let mut command = system.command().unwrap();
    command
        .args([
            "cert", "revoke", "--ca", "issuing", "--all", "--yes", "-o", "json",
        ])
        .args(arguments);
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ca_that_is_stopped_first_has_nothing_valid_left_however_busy_it_was() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let busy = Issuing::start(&rest);
    while rest.all("ca=issuing&status=valid", 500).await.len() < 20 {}
    let output = in_background(&system, &["--stop-issuing", "--reason", "superseded"]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["suspended"], &report["left"]), (&json!(true), &json!(0)));
    let issued = busy.end().await;
    assert!(rest.all("ca=issuing&status=valid", 500).await.is_empty());
    assert_eq!(rest.all("ca=issuing&status=revoked", 500).await.len(), issued);
    assert_eq!(rest.get("/readyz").await.status(), 200);

    let refused = rest
        .try_issue(&json!({"csr": csr::p256("a.example.test"), "profile": "tls-server"}))
        .await;
    assert_eq!(refused.status(), 409);
    system.cli_ok(&["ca", "resume", "issuing"]).unwrap();
    rest.issue(&json!({"csr": csr::p256("a.example.test"), "profile": "tls-server"}))
        .await;
}

/// What happens on the way to the server.
#[derive(Clone)]
enum OnTheWay {
    /// A certificate is issued before each list of valid ones: no pass finds none.
    Overtaken,
    /// This many looks at a job find the server away.
    Away(Arc<AtomicUsize>),
}

/// A way to the server.
async fn way(rest: &Rest, happens: OnTheWay) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let rest = rest.clone();
    // Ends with the test's runtime.
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            let (rest, happens) = (rest.clone(), happens.clone());
            tokio::spawn(async move { pass_on(client, &rest, &happens).await });
        }
    });
    url
}

/// One request and its answer.
async fn pass_on(client: TcpStream, rest: &Rest, happens: &OnTheWay) {
    let mut client = BufReader::new(client);
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        let mut line = String::new();
        client.read_line(&mut line).await.unwrap();
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    client.read_exact(&mut body).await.unwrap();
    let words: Vec<_> = head.split(' ').collect();
    let (method, path) = (words[0], words[1]);
    match happens {
        OnTheWay::Overtaken if path.contains("status=valid") => {
            let csr = csr::p256("late.example.test");
            rest.issue(&json!({"csr": csr, "profile": "tls-server"})).await;
        }
        OnTheWay::Away(looks) if path.contains("/jobs/") => {
            let one_less = |looks: usize| looks.checked_sub(1);
            if looks
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less)
                .is_ok()
            {
                let away =
                    "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                client.get_mut().write_all(away.as_bytes()).await.unwrap();
                return;
            }
        }
        OnTheWay::Overtaken | OnTheWay::Away(_) => {}
    }
    let method = method.parse().unwrap();
    let request = rest.http.request(method, format!("{}{path}", rest.base));
    let request = request
        .bearer_auth(&rest.token)
        .header("content-type", "application/json");
    let answer = request.body(body).send().await.unwrap();
    let (status, body) = (answer.status(), answer.bytes().await.unwrap());
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let client = client.get_mut();
    client.write_all(head.as_bytes()).await.unwrap();
    client.write_all(&body).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_busy_ca_leaves_is_a_failure() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let url = way(&rest, OnTheWay::Overtaken).await;
    let output = in_background(&system, &["--reason", "superseded", "--url", &url]).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    // As many jobs as there may be, one certificate each.
    assert_eq!(
        (&report["revoked"], &report["left"]),
        (&json!(10), &json!(1)),
        "{report}"
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("left 1 certificate of CA issuing") && said.contains("--stop-issuing"),
        "{said}"
    );
    assert_eq!(rest.all("ca=issuing&status=valid", 500).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_while_it_is_at_the_job_is_waited_for() {
    // More than a request is repeated by itself.
    const LOOKS: usize = 8;
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let csr = csr::p256("a.example.test");
    rest.issue(&json!({"csr": csr, "profile": "tls-server"})).await;
    let looks = Arc::new(AtomicUsize::new(LOOKS));
    let url = way(&rest, OnTheWay::Away(Arc::clone(&looks))).await;
    let output = in_background(&system, &["--reason", "superseded", "--url", &url]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(looks.load(Ordering::SeqCst), 0);
    assert!(rest.all("ca=issuing&status=valid", 500).await.is_empty());
}

#[test]
fn what_does_not_go_together_is_refused() {
    let system = System::up().unwrap();
    for (code, arguments) in [
        (2, &["--all"][..]),
        (2, &["--ca", "issuing"]),
        (2, &["--dry-run"]),
        (2, &["00ab", "--ca", "issuing", "--all"]),
        (
            2,
            &["--ca", "issuing", "--all", "--yes", "--reason", "remove-from-crl"],
        ),
        (
            2,
            &["--ca", "issuing", "--all", "--yes", "--reason", "ca-compromise"],
        ),
        (2, &["00ab", "--yes", "--reason", "certificate-hold"]),
        (2, &["00ab", "--yes", "--stop-issuing"]),
        (4, &["--ca", "nosuch", "--all", "--yes"]),
    ] {
        let output = system.cli(&[&["cert", "revoke"], arguments].concat()).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}
