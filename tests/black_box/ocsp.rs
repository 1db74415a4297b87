//! The OCSP responder, asked by other programs at the URL in certificates.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use testkit::port;
use testkit::system::System;

use crate::judge::{self, Killed};
use crate::rest::Rest;

/// The media type of requests.
const REQUEST: &str = "application/ocsp-request";
/// Reached only by a failure.
const PATIENCE: usize = 500;

/// A certificate, its key, and the files that clients need to ask about it.
struct Asked {
    serial: String,
    leaf: PathBuf,
    issuer: PathBuf,
    root: PathBuf,
    url: String,
}

impl Asked {
    fn of(system: &System, name: &str) -> Self {
        system.cli_ok(&["cert", "create", name]).unwrap();
        let leaf = system.dir().join(format!("{name}.crt"));
        let said = |what: &str| {
            let shown = judge::run("openssl", &["x509", "-in", judge::text(&leaf), "-noout", what]);
            shown.trim().to_owned()
        };
        let serial = said("-serial").trim_start_matches("serial=").to_lowercase();
        Self {
            serial,
            url: said("-ocsp_uri"),
            issuer: system.ready().data_dir.join("ca.crt"),
            root: system.ready().data_dir.join("root.crt"),
            leaf,
        }
    }

    /// What `openssl ocsp` says with these options before, and these certificates behind the one.
    fn openssl(&self, options: &[&str], more: &[&str]) -> String {
        let output = self.try_openssl(options, more);
        let said = said(&output);
        assert!(
            output.status.success() && said.contains("Response verify OK"),
            "{said}"
        );
        // A client with default options has nothing to warn about.
        assert!(!said.contains("WARNING"), "{said}");
        said
    }

    fn try_openssl(&self, options: &[&str], more: &[&str]) -> Output {
        let mut arguments = vec!["ocsp", "-CAfile", judge::text(&self.root), "-url", &self.url];
        arguments.extend(["-verify_other", judge::text(&self.issuer)]);
        arguments.extend(options);
        arguments.extend([
            "-issuer",
            judge::text(&self.issuer),
            "-cert",
            judge::text(&self.leaf),
        ]);
        arguments.extend(more);
        judge::try_run("openssl", &arguments)
    }

    /// Until `openssl ocsp` says this of it.
    async fn is(&self, status: &str) {
        let wanted = format!("{}: {status}", judge::text(&self.leaf));
        for _ in 0..PATIENCE {
            if self.openssl(&[], &[]).contains(&wanted) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("never {wanted}: {}", self.openssl(&[], &[]));
    }

    /// A request for it, DER.
    fn request(&self, more: &[&str]) -> Vec<u8> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("request.der");
        let mut arguments = vec!["ocsp", "-reqout", judge::text(&file)];
        arguments.extend(more);
        arguments.extend([
            "-issuer",
            judge::text(&self.issuer),
            "-cert",
            judge::text(&self.leaf),
        ]);
        judge::run("openssl", &arguments);
        std::fs::read(file).unwrap()
    }
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[tokio::test]
async fn openssl_believes_what_is_said_of_a_certificate_through_its_life() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let asked = Asked::of(&system, "a.example.test");
    asked.is("good").await;
    asked.openssl(&["-no_nonce"], &[]);
    asked.openssl(&["-sha256"], &[]);

    rest.hold(&asked.serial).await;
    asked.is("revoked").await;
    rest.release(&asked.serial).await;
    asked.is("good").await;
    rest.revoke(&asked.serial, "key-compromise").await;
    asked.is("revoked").await;
    let said = asked.openssl(&[], &[]);
    assert!(said.contains("Reason: keyCompromise"), "{said}");

    // Several at once, one of which was never issued.
    let other = Asked::of(&system, "b.example.test");
    let more = ["-cert", judge::text(&other.leaf), "-serial", "0x7f01"];
    let said = asked.openssl(&[], &more);
    assert!(
        said.contains(&format!("{}: good", judge::text(&other.leaf))),
        "{said}"
    );
    assert!(said.contains("0x7f01: unknown"), "{said}");
}

#[tokio::test]
async fn gnutls_and_pkilint_find_no_fault_in_responses() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let [good, revoked] = ["a.example.test", "b.example.test"].map(|name| Asked::of(&system, name));
    rest.revoke(&revoked.serial, "superseded").await;
    revoked.is("revoked").await;
    let lint = std::env::var("GIGVAULT_PKILINT").expect("run through make test");
    for (asked, status) in [(&good, "good"), (&revoked, "revoked")] {
        let file = system.dir().join(format!("{status}.der"));
        let ask = format!("--ask={}", asked.url);
        let arguments = [
            ask.as_str(),
            "--load-issuer",
            judge::text(&asked.issuer),
            "--load-cert",
            judge::text(&asked.leaf),
            "--load-trust",
            judge::text(&asked.issuer),
            "--outfile",
            judge::text(&file),
        ];
        let output = judge::try_run("ocsptool", &arguments);
        let said = said(&output);
        assert!(output.status.success(), "{said}");
        assert!(said.contains(&format!("Certificate Status: {status}")), "{said}");
        let output = Command::new(format!("{lint}/lint_ocsp_response"))
            .args(["lint", "-s", "ERROR", judge::text(&file)])
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(printed.trim().is_empty(), "{printed}");
    }
}

#[tokio::test]
async fn curl_gets_a_response_that_caches_may_keep_and_asks_whether_it_is_the_same() {
    let system = System::up().unwrap();
    let asked = Asked::of(&system, "a.example.test");
    let request = asked.request(&["-no_nonce"]);
    let file = system.dir().join("request.der");
    std::fs::write(&file, &request).unwrap();
    let base64 = judge::run("openssl", &["base64", "-A", "-in", judge::text(&file)]);
    let escaped = base64
        .trim()
        .replace('/', "%2F")
        .replace('+', "%2B")
        .replace('=', "%3D");
    let client = reqwest::Client::new();
    let posted = client
        .post(&asked.url)
        .header("content-type", REQUEST)
        .body(request.clone());
    let posted = posted.send().await.unwrap();
    assert_eq!(
        (posted.status(), posted.version()),
        (reqwest::StatusCode::OK, reqwest::Version::HTTP_11)
    );
    let first = posted.bytes().await.unwrap();

    let headers = system.dir().join("headers");
    let body = system.dir().join("response.der");
    for path in [
        format!("/{escaped}"),
        format!("//{escaped}"),
        format!("/{}", base64.trim()),
    ] {
        let url = format!("{}{path}", asked.url);
        judge::run(
            "curl",
            &[
                "-sSf",
                "--path-as-is",
                "-D",
                judge::text(&headers),
                "-o",
                judge::text(&body),
                &url,
            ],
        );
        assert_eq!(std::fs::read(&body).unwrap(), first, "{url}");
    }
    let headers = std::fs::read_to_string(&headers).unwrap().to_lowercase();
    for wanted in [
        "content-type: application/ocsp-response",
        "cache-control: max-age=300,public,no-transform,must-revalidate",
        "last-modified: ",
        "expires: ",
        "etag: \"",
    ] {
        assert!(headers.contains(wanted), "{headers}");
    }
    let etag = headers
        .lines()
        .find_map(|line| line.strip_prefix("etag: "))
        .unwrap();
    let again = client
        .get(format!("{}/{escaped}", asked.url))
        .header("if-none-match", etag);
    assert_eq!(again.send().await.unwrap().status(), 304);

    // The same routes over HTTPS, for whoever cannot do without.
    let https = format!("{}/ocsp/{escaped}", system.ready().https);
    let root = judge::text(&asked.root);
    judge::run(
        "curl",
        &["-sSf", "--cacert", root, "-o", judge::text(&body), &https],
    );
    assert_eq!(std::fs::read(&body).unwrap(), first);
}

#[tokio::test]
async fn what_is_not_a_request_costs_little_and_gets_its_error() {
    let system = System::up().unwrap();
    let asked = Asked::of(&system, "a.example.test");
    let client = reqwest::Client::new();
    let post = async |body: Vec<u8>, media_type: &str| {
        let sent = client
            .post(&asked.url)
            .header("content-type", media_type)
            .body(body);
        let answer = sent.send().await.unwrap();
        (answer.status().as_u16(), answer.bytes().await.unwrap().to_vec())
    };
    let malformed = vec![0x30, 3, 0x0a, 1, 1];
    let unauthorized = vec![0x30, 3, 0x0a, 1, 6];
    let request = asked.request(&["-no_nonce"]);
    assert_eq!(post(Vec::new(), REQUEST).await, (200, malformed.clone()));
    assert_eq!(
        post(request[..40].to_vec(), REQUEST).await,
        (200, malformed.clone())
    );
    assert_eq!(post(vec![0x30; 200_000], REQUEST).await, (200, malformed));
    // A million octets of a nonce, and ten thousand certificates: no body of that length is read.
    assert_eq!(post(vec![0x30; 1_000_000], REQUEST).await.0, 413);
    assert_eq!(post(request.clone(), "text/plain").await.0, 415);
    // A certificate of another CA: the root is not one of those that are answered for.
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("request.der");
    judge::run(
        "openssl",
        &[
            "ocsp",
            "-no_nonce",
            "-reqout",
            judge::text(&file),
            "-issuer",
            judge::text(&asked.root),
            "-serial",
            "1",
        ],
    );
    assert_eq!(
        post(std::fs::read(file).unwrap(), REQUEST).await,
        (200, unauthorized)
    );
    for (path, status) in [("/%25", 200), ("/x?y=1", 400), ("/%zz", 400), ("", 200)] {
        let answer = client.get(format!("{}{path}", asked.url)).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
    }
    let refused = client.put(&asked.url).body("x").send().await.unwrap();
    assert_eq!(refused.status(), 405);
    asked.is("good").await;
}

#[tokio::test]
async fn nginx_staples_what_it_verified() {
    let system = System::up().unwrap();
    let asked = Asked::of(&system, "web.example.test");
    asked.is("good").await;
    let port = port::unused().unwrap();
    let dir = system.dir().display();
    let chain = system.dir().join("trusted.pem");
    let trusted = [&asked.issuer, &asked.root].map(|file| std::fs::read_to_string(file).unwrap());
    std::fs::write(&chain, trusted.concat()).unwrap();
    let config = format!(
        "daemon off; master_process off; pid {dir}/nginx.pid; error_log {dir}/nginx.log info;
         events {{}}
         http {{
             access_log off; client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy;
             fastcgi_temp_path {dir}/fastcgi; uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
             server {{
                 listen 127.0.0.1:{port} ssl; server_name web.example.test;
                 ssl_certificate {dir}/web.example.test.chain.pem;
                 ssl_certificate_key {dir}/web.example.test.key;
                 ssl_stapling on; ssl_stapling_verify on; ssl_trusted_certificate {chain};
                 location / {{ return 200 'served'; }}
             }}
         }}",
        chain = chain.display()
    );
    let file = system.dir().join("nginx.conf");
    std::fs::write(&file, config).unwrap();
    let nginx = Command::new("nginx")
        .args(["-c", judge::text(&file), "-p", judge::text(system.dir())])
        .spawn()
        .unwrap();
    let _nginx = Killed(nginx);
    // It asks after the first handshake.
    for _ in 0..PATIENCE {
        let said = handshake(port, &asked.root);
        if said.contains("OCSP Response Status: successful") {
            assert!(said.contains("Cert Status: good"), "{said}");
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let log = std::fs::read_to_string(system.dir().join("nginx.log")).unwrap_or_default();
    panic!("nginx staples nothing: {log}");
}

/// What a client says that asks for a staple.
fn handshake(port: u16, root: &Path) -> String {
    let address = format!("127.0.0.1:{port}");
    let output = Command::new("openssl")
        .args([
            "s_client",
            "-connect",
            &address,
            "-servername",
            "web.example.test",
            "-status",
        ])
        .args(["-CAfile", judge::text(root)])
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}
