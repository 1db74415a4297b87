//! No holder of a certificate that users can get passes for the API.

mod reserved_names;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use testkit::system::System;

use crate::rest::Rest;
use crate::{csr, judge};

/// A REST client with that role.
fn with_role(system: &System, role: &str) -> Rest {
    let made = system
        .cli_ok(&["apikey", "create", role, "--role", role, "-o", "json"])
        .unwrap();
    let made: Value = serde_json::from_str(&made).unwrap();
    Rest {
        token: made["token"].as_str().unwrap().to_owned(),
        ..Rest::of(system)
    }
}

/// A TLS server of another party. It answers nothing and keeps what it is told.
struct Impostor {
    child: Child,
    port: u16,
}

impl Impostor {
    fn start(chain: &Path, key: &Path) -> Self {
        let port = testkit::port::unused().unwrap();
        let accept = format!("127.0.0.1:{port}");
        let mut child = Command::new("openssl")
            .args([
                "s_server",
                "-accept",
                &accept,
                "-cert",
                judge::text(chain),
                "-cert_chain",
                judge::text(chain),
            ])
            .args(["-key", judge::text(key), "-alpn", "http/1.1"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // It says ACCEPT when it listens.
        let mut said = [0; 64];
        let mut seen = String::new();
        while !seen.contains("ACCEPT") {
            let read = child.stdout.as_mut().unwrap().read(&mut said).unwrap();
            assert!(read > 0, "openssl s_server ended: {seen}");
            seen.push_str(&String::from_utf8_lossy(&said[..read]));
        }
        Self { child, port }
    }

    /// Everything that it was told.
    fn told(mut self) -> String {
        self.child.kill().unwrap();
        let mut said = String::new();
        self.child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        self.child.wait().unwrap();
        said
    }
}

impl Drop for Impostor {
    fn drop(&mut self) {
        let _dead_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// What `gigvault whoami` said of that server, and what the server was told.
fn whoami(system: &System, chain: &Path, key: &Path, host: &str, more: &[&str]) -> (String, String) {
    let impostor = Impostor::start(chain, key);
    let url = format!("https://{host}:{}", impostor.port);
    let mut child = system
        .command()
        .unwrap()
        .args(["whoami", "--url", &url])
        .args(more)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    if more.is_empty() {
        let output = child.wait_with_output().unwrap();
        assert!(!output.status.success());
        return (String::from_utf8(output.stderr).unwrap(), impostor.told());
    }
    // It answers nothing: what counts is that the request arrives.
    let mut told = String::new();
    let mut impostor = impostor;
    let mut chunk = [0; 4096];
    while !told.contains("gv_") {
        let read = impostor.child.stdout.as_mut().unwrap().read(&mut chunk).unwrap();
        assert!(read > 0, "the impostor ended: {told}");
        told.push_str(&String::from_utf8_lossy(&chunk[..read]));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    (String::new(), told)
}

/// Leaf, then the CAs above it as the server sends them.
fn keep(system: &System, name: &str, made: &Value) -> PathBuf {
    let path = system.dir().join(name);
    let text = format!(
        "{}{}",
        made["certificate"].as_str().unwrap(),
        made["chain"].as_str().unwrap()
    );
    std::fs::write(&path, text).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cli_sends_no_token_to_the_holder_of_a_certificate_for_its_name() {
    let system = System::up().unwrap();
    for role in ["developer", "ca-operator", "root-admin"] {
        let rest = with_role(&system, role);
        for profile in ["tls-server", "mtls", "short-lived"] {
            let key = system.dir().join("impostor.key");
            let csr = csr::with_key(&key, "/", "DNS:localhost,IP:127.0.0.1,IP:::1");
            // Certificates for localhost stay possible.
            let made = rest.issue(&json!({"csr": csr, "profile": profile})).await;
            let chain = keep(&system, "impostor.pem", &made);
            for host in ["127.0.0.1", "localhost"] {
                let (said, told) = whoami(&system, &chain, &key, host, &[]);
                assert!(
                    said.contains("is not the GigVault API"),
                    "{role} {profile} {host}: {said}"
                );
                assert!(said.contains("--server-identity name"), "{said}");
                assert!(!told.contains("gv_") && !told.contains("GET "), "{told}");
            }
        }
    }
    // The attack itself works: it is our check that ends it.
    let (chain, key) = (
        system.dir().join("impostor.pem"),
        system.dir().join("impostor.key"),
    );
    let (_, told) = whoami(&system, &chain, &key, "127.0.0.1", &["--server-identity", "name"]);
    assert!(told.contains("gv_"), "{told}");
}

/// A certificate with the SPIFFE id of the API from a CA that root-admin had certified below the users' CA.
async fn below_a_sub_ca(system: &System) -> (PathBuf, PathBuf) {
    let rest = Rest::of(system);
    let dir = system.dir();
    let (ca_key, key) = (dir.join("sub.key"), dir.join("leaf.key"));
    let csr = csr::with_key(&ca_key, "/CN=GigVault Services CA/O=GigVault", "DNS:ignored.test");
    let body = json!({"csr": csr, "profile": "sub-ca", "san": []});
    let sub = rest.issue(&body).await;
    let sub_chain = keep(system, "sub.pem", &sub);
    let leaf = dir.join("leaf.csr");
    std::fs::write(
        &leaf,
        csr::with_key(
            &key,
            "/",
            "DNS:localhost,IP:127.0.0.1,URI:spiffe://gigvault.internal/svc/api",
        ),
    )
    .unwrap();
    let made = judge::run(
        "openssl",
        &[
            "x509",
            "-req",
            "-in",
            judge::text(&leaf),
            "-CA",
            judge::text(&sub_chain),
            "-CAkey",
            judge::text(&ca_key),
            "-copy_extensions",
            "copyall",
            "-days",
            "1",
        ],
    );
    let chain = dir.join("leaf.pem");
    std::fs::write(&chain, made + &std::fs::read_to_string(&sub_chain).unwrap()).unwrap();
    (chain, key)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sub_ca_of_a_user_cannot_name_the_api() {
    let system = System::up().unwrap();
    let (chain, key) = below_a_sub_ca(&system).await;
    let (said, told) = whoami(&system, &chain, &key, "127.0.0.1", &[]);
    assert!(
        said.contains("the services CA of the installation did not issue it"),
        "{said}"
    );
    assert!(!told.contains("gv_"), "{told}");
}

#[tokio::test]
async fn curl_and_the_cli_reach_the_api_under_the_root() {
    let system = System::up().unwrap();
    let root = system.ready().data_dir.join("root.crt");
    let port = system.ready().https.rsplit(':').next().unwrap();
    for host in ["localhost", "127.0.0.1"] {
        let url = format!("https://{host}:{port}/readyz");
        judge::run("curl", &["-sSf", "--cacert", judge::text(&root), &url]);
        system
            .cli_ok(&["whoami", "--url", &format!("https://{host}:{port}")])
            .unwrap();
    }
    system
        .cli_ok(&[
            "whoami",
            "--server-identity",
            "spiffe://gigvault.internal/svc/api",
        ])
        .unwrap();
    let other = system
        .cli(&["whoami", "--server-identity", "spiffe://other.test/svc/api"])
        .unwrap();
    let said = String::from_utf8(other.stderr).unwrap();
    assert!(said.contains("not of other.test"), "{said}");
    let wrong = system.cli(&["whoami", "--server-identity", "anybody"]).unwrap();
    assert_eq!(wrong.status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_https_certificate_of_an_earlier_version_is_replaced_at_the_next_start() {
    let mut system = System::up().unwrap();
    let rest = Rest::of(&system);
    let folder = system.ready().data_dir.join("identities/https");
    let key = system.dir().join("old.key");
    let csr = csr::with_key(&key, "/", "DNS:localhost,IP:127.0.0.1,IP:::1");
    let old = rest.issue(&json!({"csr": csr, "profile": "tls-server"})).await;
    system.terminate().unwrap();
    let chain = keep(&system, "old.pem", &old);
    std::fs::copy(chain, folder.join("tls.crt")).unwrap();
    std::fs::copy(key, folder.join("tls.key")).unwrap();
    system.restart().unwrap();
    system.cli_ok(&["whoami"]).unwrap();
    let text = judge::run(
        "openssl",
        &[
            "x509",
            "-in",
            judge::text(&folder.join("tls.crt")),
            "-noout",
            "-text",
        ],
    );
    assert!(
        text.contains("Issuer: O = GigVault, CN = GigVault Services CA") || text.contains("Services CA"),
        "{text}"
    );
    assert!(text.contains("URI:spiffe://gigvault.internal/svc/api"), "{text}");
    assert!(text.contains("DNS:localhost"), "{text}");
}
