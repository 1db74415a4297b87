//! The README's path: one command to a running PKI, a second to a certificate that others accept.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use testkit::system::System;

use crate::judge;

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

fn create(system: &System) {
    system
        .cli_ok(&[
            "cert",
            "create",
            "web.example.test",
            "--san",
            "dns:web.example.test",
            "--san",
            "ip:127.0.0.1",
        ])
        .unwrap();
}

#[test]
fn a_certificate_verifies_under_the_root_that_up_made() {
    let system = System::up().unwrap();
    create(&system);
    let data = &system.ready().data_dir;
    let (leaf, chain) = (
        system.dir().join("web.example.test.crt"),
        system.dir().join("web.example.test.chain.pem"),
    );
    judge::openssl_verify(
        &data.join("root.crt"),
        &chain,
        &leaf,
        &["-purpose", "sslserver", "-verify_hostname", "web.example.test"],
    );
    judge::openssl_verify(&data.join("root.crt"), &data.join("chain.pem"), &leaf, &[]);
    let key = judge::run(
        "openssl",
        &[
            "pkey",
            "-in",
            judge::text(&system.dir().join("web.example.test.key")),
            "-pubout",
        ],
    );
    let certified = judge::run(
        "openssl",
        &["x509", "-in", judge::text(&leaf), "-noout", "-pubkey"],
    );
    assert_eq!(key, certified);
}

#[test]
fn nginx_with_the_certificate_is_accepted_by_curl() {
    let system = System::up().unwrap();
    create(&system);
    let port = free_port();
    let dir = system.dir().display();
    let config = format!(
        "daemon off; master_process off; pid {dir}/nginx.pid; error_log {dir}/nginx.log;
         events {{}}
         http {{
             access_log off; client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy;
             fastcgi_temp_path {dir}/fastcgi; uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
             server {{
                 listen 127.0.0.1:{port} ssl; server_name web.example.test;
                 ssl_certificate {dir}/web.example.test.chain.pem;
                 ssl_certificate_key {dir}/web.example.test.key;
                 location / {{ return 200 'served'; }}
             }}
         }}"
    );
    let file = system.dir().join("nginx.conf");
    std::fs::write(&file, config).unwrap();
    let nginx = Command::new("nginx")
        .args(["-c", judge::text(&file), "-p", judge::text(system.dir())])
        .spawn()
        .unwrap();
    let _nginx = Killed(nginx);
    wait_for(port);
    let root = system.ready().data_dir.join("root.crt");
    let resolve = format!("web.example.test:{port}:127.0.0.1");
    let url = format!("https://web.example.test:{port}/");
    let body = judge::run(
        "curl",
        &["-sS", "--cacert", judge::text(&root), "--resolve", &resolve, &url],
    );
    assert_eq!(body, "served");
    let strange = judge::try_run(
        "curl",
        &[
            "-sS",
            "--cacert",
            "/etc/ssl/certs/ca-certificates.crt",
            "--resolve",
            &resolve,
            &url,
        ],
    );
    assert_eq!(
        strange.status.code(),
        Some(60),
        "a client without our root must refuse it"
    );
}

#[test]
fn openssl_s_server_with_the_certificate_is_accepted_by_openssl_s_client() {
    let system = System::up().unwrap();
    create(&system);
    let port = free_port().to_string();
    let path = |name: &str| system.dir().join(name);
    let (leaf, chain) = (path("web.example.test.crt"), path("web.example.test.chain.pem"));
    let key = path("web.example.test.key");
    let server = Command::new("openssl")
        .args(["s_server", "-quiet", "-accept", &format!("127.0.0.1:{port}")])
        .args([
            "-cert",
            judge::text(&leaf),
            "-cert_chain",
            judge::text(&chain),
            "-key",
            judge::text(&key),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _server = Killed(server);
    wait_for(port.parse().unwrap());
    let root = system.ready().data_dir.join("root.crt");
    let mut client = Command::new("openssl")
        .args([
            "s_client",
            "-connect",
            &format!("127.0.0.1:{port}"),
            "-CAfile",
            judge::text(&root),
        ])
        .args([
            "-verify_return_error",
            "-verify_hostname",
            "web.example.test",
            "-brief",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    client.stdin.take().unwrap().write_all(b"Q\n").unwrap();
    let mut said = String::new();
    client.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("Verification: OK"), "{said}");
    assert!(client.wait().unwrap().success());
}

#[test]
fn a_second_start_finds_everything_of_the_first() {
    let mut system = System::up().unwrap();
    create(&system);
    let before = std::fs::read(system.ready().data_dir.join("root.crt")).unwrap();
    let token = system.token().unwrap();
    system.terminate().unwrap();
    system.restart().unwrap();
    assert_eq!(
        std::fs::read(system.ready().data_dir.join("root.crt")).unwrap(),
        before
    );
    assert_eq!(system.token().unwrap(), token);
    let list = system
        .cli_ok(&["cert", "list", "--san", "dns:web.example.test", "-o", "json"])
        .unwrap();
    assert!(list.contains("dns:web.example.test"), "{list}");
}

#[test]
fn a_redis_that_does_not_answer_keeps_nothing_from_starting() {
    System::up_with(&["--redis-url", "redis://127.0.0.1:1"]).unwrap();
}

#[test]
fn secrets_in_the_data_directory_are_closed_to_others() {
    use std::os::unix::fs::PermissionsExt;
    let system = System::up().unwrap();
    let data = &system.ready().data_dir;
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(data), 0o700);
    assert_eq!(mode(&data.join("admin.token")), 0o600);
    assert_eq!(mode(&data.join("keys")), 0o700);
    assert_eq!(mode(&data.join("keys/kek")), 0o600);
    let log = system.log().unwrap();
    assert!(
        !log.contains(&system.token().unwrap()),
        "the admin's token is in the log"
    );
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn wait_for(port: u16) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < deadline, "nothing listens on port {port}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
