//! CRLs as relying parties see them: openssl, pkilint, and curl judge what a running server publishes.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;
use testkit::system::System;

use crate::rest::Rest;
use crate::{csr, judge};

/// Far beyond what it takes: a list that is not published fails the test.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server and what its relying parties have.
struct Relying {
    system: System,
    rest: Rest,
    dir: tempfile::TempDir,
}

impl Relying {
    fn new() -> Self {
        let system = System::up().unwrap();
        Self {
            rest: Rest::of(&system),
            system,
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.system.ready().http)
    }

    /// Fetches the list at that path into a file of that name, PEM, and answers what openssl says of it.
    fn fetch(&self, path: &str, name: &str) -> String {
        let (der, pem) = (self.file("der"), self.file(name));
        judge::run("curl", &["-sSf", "-o", judge::text(&der), &self.url(path)]);
        let arguments = [
            "crl",
            "-inform",
            "DER",
            "-in",
            judge::text(&der),
            "-out",
            judge::text(&pem),
        ];
        judge::run("openssl", &arguments);
        judge::run("openssl", &["crl", "-in", judge::text(&pem), "-noout", "-text"])
    }

    /// Fetches it until it is like that: a client is not told when it is published.
    fn fetch_until(&self, path: &str, name: &str, wanted: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        loop {
            let answer = judge::try_run("curl", &["-sf", "-o", "/dev/null", &self.url(path)]);
            if answer.status.success() {
                let said = self.fetch(path, name);
                if wanted(&said) {
                    return said;
                }
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "{path} did not become what was waited for"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    async fn issue(&self, name: &str) -> (String, PathBuf) {
        let body = json!({"csr": csr::p256(name), "profile": "tls-server"});
        let issued = self.rest.issue(&body).await;
        let leaf = self.file(&format!("{name}.pem"));
        std::fs::write(&leaf, issued["certificate"].as_str().unwrap()).unwrap();
        std::fs::write(self.file("issuing.pem"), issued["chain"].as_str().unwrap()).unwrap();
        (issued["serial"].as_str().unwrap().to_owned(), leaf)
    }

    /// What openssl says of a certificate, with these lists.
    fn verify(&self, leaf: &Path, lists: &[&str]) -> Result<(), String> {
        let (root, untrusted) = (self.system.dir().join("data/root.crt"), self.file("issuing.pem"));
        let mut arguments = vec!["verify", "-crl_check", "-use_deltas", "-extended_crl"];
        arguments.extend([
            "-CAfile",
            judge::text(&root),
            "-untrusted",
            judge::text(&untrusted),
        ]);
        let lists: Vec<PathBuf> = lists.iter().map(|name| self.file(name)).collect();
        for list in &lists {
            arguments.extend(["-CRLfile", judge::text(list)]);
        }
        arguments.push(judge::text(leaf));
        let output = judge::try_run("openssl", &arguments);
        match output.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }
}

/// How openssl writes a serial number.
fn listed(said: &str, serial: &str) -> bool {
    said.contains(&format!("Serial Number: {}", serial.to_uppercase()))
}

const COMPLETE: &str = "/crl/issuing.crl";
const DELTA: &str = "/crl/issuing/delta.crl";

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_and_a_hold_reach_relying_parties_by_complete_lists_and_deltas() {
    let relying = Relying::new();
    relying.fetch_until(COMPLETE, "first.pem", |_| true);
    relying.fetch_until(DELTA, "delta.pem", |_| true);
    let (held, leaf) = relying.issue("held.example.test").await;
    let (revoked, _) = relying.issue("revoked.example.test").await;
    assert_eq!(relying.verify(&leaf, &["first.pem", "delta.pem"]), Ok(()));

    relying.rest.hold(&held).await;
    relying.fetch_until(DELTA, "delta.pem", |said| listed(said, &held));
    // A client with the complete list from before learns it from the delta.
    let refused = relying.verify(&leaf, &["first.pem", "delta.pem"]).unwrap_err();
    assert!(refused.contains("certificate revoked"), "{refused}");
    let on_hold = relying.fetch_until(COMPLETE, "held.pem", |said| listed(said, &held));
    assert!(on_hold.contains("Certificate Hold"), "{on_hold}");
    relying.verify(&leaf, &["held.pem", "delta.pem"]).unwrap_err();

    relying.rest.release(&held).await;
    let released = relying.fetch_until(DELTA, "released.pem", |said| said.contains("Remove From CRL"));
    assert!(listed(&released, &held), "{released}");
    assert_eq!(relying.verify(&leaf, &["held.pem", "released.pem"]), Ok(()));
    relying.fetch_until(COMPLETE, "after.pem", |said| !listed(said, &held));

    relying.rest.revoke(&revoked, "key-compromise").await;
    let said = relying.fetch_until(COMPLETE, "revoked.pem", |said| listed(said, &revoked));
    assert!(
        said.contains("Key Compromise") && said.contains("X509v3 Freshest CRL"),
        "{said}"
    );
    relying.fetch(DELTA, "delta.pem");
    for list in ["first.pem", "revoked.pem", "delta.pem", "released.pem"] {
        let list = relying.file(list);
        judge::pkilint(
            "lint_crl",
            &[
                "lint",
                "-s",
                "ERROR",
                "-p",
                "PKIX",
                "-t",
                "CRL",
                judge::text(&list),
            ],
        );
    }
    // Those that GigVault issues to itself have one too.
    relying.fetch_until("/crl/services.crl", "services.pem", |_| true);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_fetched_in_parts_and_only_where_they_are_new() {
    let relying = Relying::new();
    relying.fetch_until(COMPLETE, "list.pem", |_| true);
    let (url, whole, part) = (relying.url(COMPLETE), relying.file("der"), relying.file("part"));
    let code = |arguments: &[&str]| {
        let common = ["-sS", "-o", judge::text(&part), "-w", "%{http_code}", &url];
        judge::run("curl", &[arguments, &common].concat())
    };
    assert_eq!(code(&["-r", "10-19"]), "206");
    let whole = std::fs::read(whole).unwrap();
    assert_eq!(std::fs::read(&part).unwrap(), whole[10..20]);
    let head = judge::run("curl", &["-sSI", &url]).to_lowercase();
    assert!(head.contains("content-type: application/pkix-crl"), "{head}");
    assert!(
        head.contains(&format!("content-length: {}", whole.len())),
        "{head}"
    );
    let header = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().to_owned()
    };
    assert_eq!(
        code(&["-H", &format!("If-None-Match: {}", header("etag:"))]),
        "304"
    );
    assert_eq!(code(&["-H", "If-None-Match: \"other\"", "-r", "0-9"]), "206");
    let seen = ["-H", &format!("If-Modified-Since: {}", modified(&url))];
    assert_eq!(code(&seen), "304");

    let before = header("etag:");
    let (serial, _) = relying.issue("a.example.test").await;
    relying.rest.revoke(&serial, "superseded").await;
    relying.fetch_until(COMPLETE, "list.pem", |said| listed(said, &serial));
    assert_eq!(code(&["-H", &format!("If-None-Match: {before}")]), "200");
}

/// `Last-Modified` as it was sent.
fn modified(url: &str) -> String {
    let head = judge::run("curl", &["-sSI", url]);
    let line = head
        .lines()
        .find(|line| line.to_lowercase().starts_with("last-modified:"));
    line.unwrap().split_once(':').unwrap().1.trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_go_on_after_the_server_was_killed() {
    let mut relying = Relying::new();
    let mut last = 0;
    for round in 0..3 {
        let (serial, _) = relying.issue(&format!("{round}.example.test")).await;
        relying.rest.revoke(&serial, "key-compromise").await;
        if round == 1 {
            // While it may be writing a list.
            relying.system.kill().unwrap();
            relying.system.restart().unwrap();
            relying.rest = Rest::of(&relying.system);
        }
        let said = relying.fetch_until(COMPLETE, "list.pem", |said| listed(said, &serial));
        let number = said
            .split("X509v3 CRL Number:")
            .nth(1)
            .unwrap()
            .split_whitespace()
            .next()
            .unwrap();
        let number: u64 = number.parse().unwrap();
        assert!(number > last, "{number} follows {last}");
        last = number;
    }
}
