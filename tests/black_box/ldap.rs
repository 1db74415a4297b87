//! The directory as the tools of OpenLDAP see it, beside what the same server answers over HTTP.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::json;
use testkit::system::System;

use crate::rest::Rest;
use crate::{csr, judge};

/// Far beyond what it takes: a list that is not published fails the test.
const PATIENCE: Duration = Duration::from_secs(30);

const COMPLETE: &str = "/crl/issuing.crl";
const DELTA: &str = "/crl/issuing/delta.crl";

/// A server, its directory, and files for what it answers.
struct Asked {
    system: System,
    dir: tempfile::TempDir,
}

impl Asked {
    fn new() -> Self {
        Self {
            system: System::up().unwrap(),
            dir: tempfile::tempdir().unwrap(),
        }
    }

    /// What `ldapsearch` prints; values that are not text are in files that it names.
    fn search(&self, arguments: &[&str]) -> String {
        let common = ["-x", "-LLL", "-o", "ldif-wrap=no", "-t"];
        let files = ["-T", judge::text(self.dir.path())];
        let server = ["-H", &self.system.ready().ldap];
        judge::run("ldapsearch", &[&common, &files[..], &server, arguments].concat())
    }

    /// The only value of an attribute of an entry.
    fn value(&self, base: &str, filter: &str, attribute: &str) -> Vec<u8> {
        let printed = self.search(&["-b", base, "-s", "base", filter, attribute]);
        let mut paths = printed.lines().filter_map(|line| line.split_once(":< file://"));
        let (name, path) = paths.next().unwrap_or_else(|| panic!("{base}: {printed}"));
        assert!(name.ends_with(";binary"), "{name}");
        assert!(paths.next().is_none(), "{printed}");
        std::fs::read(path).unwrap()
    }

    fn fetch(&self, path: &str) -> Option<Vec<u8>> {
        let file = self.dir.path().join("fetched");
        let url = format!("{}{path}", self.system.ready().http);
        let answer = judge::try_run("curl", &["-sf", "-o", judge::text(&file), &url]);
        answer.status.success().then(|| std::fs::read(&file).unwrap())
    }

    /// Fetches the list at that path until it has this serial number, or any list without one.
    fn fetch_with(&self, path: &str, serial: Option<&str>) -> Vec<u8> {
        let begun = Instant::now();
        loop {
            if let Some(list) = self.fetch(path)
                && serial.is_none_or(|serial| self.lists(&list, serial))
            {
                return list;
            }
            assert!(begun.elapsed() < PATIENCE, "{path} does not list {serial:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn lists(&self, list: &[u8], serial: &str) -> bool {
        let file = self.dir.path().join("list");
        std::fs::write(&file, list).unwrap();
        let said = judge::run(
            "openssl",
            &[
                "crl",
                "-inform",
                "DER",
                "-noout",
                "-text",
                "-in",
                judge::text(&file),
            ],
        );
        said.contains(&format!("Serial Number: {}", serial.to_uppercase()))
    }

    /// The subject of a certificate of the data directory, as LDAP writes names.
    fn subject(&self, file: &str) -> String {
        let path = self.file(file);
        let said = judge::run(
            "openssl",
            &[
                "x509",
                "-noout",
                "-subject",
                "-nameopt",
                "RFC2253",
                "-in",
                judge::text(&path),
            ],
        );
        said.trim().trim_start_matches("subject=").trim().to_owned()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.system.ready().data_dir.join(name)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ldapsearch_finds_in_the_directory_what_http_serves() {
    let asked = Asked::new();
    let issuing = asked.subject("ca.crt");
    let (complete, delta) = (asked.fetch_with(COMPLETE, None), asked.fetch_with(DELTA, None));
    let certificate = {
        let der = asked.dir.path().join("ca.der");
        let (from, to) = (asked.file("ca.crt"), judge::text(&der));
        judge::run(
            "openssl",
            &["x509", "-in", judge::text(&from), "-outform", "DER", "-out", to],
        );
        std::fs::read(der).unwrap()
    };
    for (attribute, octets) in [
        ("certificateRevocationList", &complete),
        ("deltaRevocationList", &delta),
        ("cACertificate", &certificate),
    ] {
        for attribute in [attribute.to_owned(), format!("{attribute};binary")] {
            let base = issuing.to_lowercase();
            assert_eq!(
                asked.value(&base, "(objectClass=pkiCA)", &attribute),
                *octets,
                "{attribute}"
            );
        }
    }
    // Every CA of the installation has an entry.
    let all = asked.search(&["-b", "", "-s", "sub", "(objectClass=pkiCA)", "1.1"]);
    assert!(all.contains(&format!("dn: {issuing}")), "{all}");
    let by_filter = asked.search(&["-b", "", "-s", "sub", "(cn=*services*)", "1.1"]);
    assert_eq!(by_filter.matches("dn: ").count(), 1, "{by_filter}");
    let none = asked.search(&["-b", &issuing, "-s", "one", "1.1"]);
    assert!(!none.contains("dn: "), "{none}");
    let described = asked.search(&["-b", "", "-s", "base", "+"]);
    assert!(
        described.contains(&format!("namingContexts: {issuing}")),
        "{described}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compromised_key_is_in_the_directory_as_soon_as_http_has_it() {
    let asked = Asked::new();
    let rest = Rest::of(&asked.system);
    let issuing = asked.subject("ca.crt");
    for round in 0..3 {
        let name = format!("{round}.example.test");
        let issued = rest
            .issue(&json!({"csr": csr::p256(&name), "profile": "tls-server"}))
            .await;
        let serial = issued["serial"].as_str().unwrap();
        rest.revoke(serial, "key-compromise").await;
        asked.fetch_with(DELTA, Some(serial));
        // Not a moment later: both are asked of the database.
        let value = asked.value(&issuing, "(cn=*)", "deltaRevocationList;binary");
        assert!(asked.lists(&value, serial));
        asked.fetch_with(COMPLETE, Some(serial));
        let value = asked.value(&issuing, "(cn=*)", "certificateRevocationList;binary");
        assert!(asked.lists(&value, serial));
    }
}

/// The URL of the scheme that certificates name for their CRL.
fn pointer(certificate: &std::path::Path, scheme: &str) -> String {
    let said = judge::run(
        "openssl",
        &[
            "x509",
            "-noout",
            "-ext",
            "crlDistributionPoints",
            "-in",
            judge::text(certificate),
        ],
    );
    let mut urls = said.lines().filter_map(|line| line.trim().strip_prefix("URI:"));
    let found = urls.find(|url| url.starts_with(scheme));
    found.unwrap_or_else(|| panic!("{scheme}: {said}")).to_owned()
}

/// What `curl` gets from a directory by such a URL: the values of the attribute in it, in base64.
fn by_curl(url: &str) -> Vec<u8> {
    let said = judge::run("curl", &["-sSf", url]);
    let mut values = said
        .lines()
        .filter_map(|line| line.trim().split_once(";binary:: "));
    let (attribute, value) = values.next().unwrap_or_else(|| panic!("{url}: {said}"));
    assert_eq!(attribute, "certificateRevocationList");
    data_encoding::BASE64.decode(value.trim().as_bytes()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_of_a_profile_name_the_directory_too_and_the_same_list_is_there() {
    const NAMED: &str = "ldap://pki.example.test:3890";
    for shards in [0, 2] {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("gigvault.yaml");
        let profile = json!({
            "name": "inside", "san": {"allowed": ["dns"]}, "keys": ["p256"], "default_validity": "30d",
            "max_validity": "90d", "key_usage": ["digital-signature"], "extended_key_usage": ["server-auth"], "crl_in_ldap": true,
        });
        let settings = json!({"ca": {"ldap_url": NAMED, "crl_shards": shards, "profiles": [profile]}});
        std::fs::write(&config, settings.to_string()).unwrap();
        let system = System::up_with(&["--config", judge::text(&config)]).unwrap();
        let rest = Rest::of(&system);
        let issue = async |profile: &str, name: &str| {
            let body = json!({"csr": csr::p256("a.example.test"), "profile": profile});
            let issued = rest.issue(&body).await;
            let file = dir.path().join(name);
            std::fs::write(&file, issued["certificate"].as_str().unwrap()).unwrap();
            (issued["serial"].as_str().unwrap().to_owned(), file)
        };
        let (serial, inside) = issue("inside", "inside.pem").await;
        let (_, other) = issue("tls-server", "other.pem").await;
        let said = judge::run(
            "openssl",
            &["x509", "-noout", "-text", "-in", judge::text(&other)],
        );
        assert!(!said.contains("ldap:"), "{said}");
        let (http, ldap) = (pointer(&inside, "http://"), pointer(&inside, "ldap://"));
        let here = ldap.replace(NAMED, &system.ready().ldap);
        assert_ne!(here, ldap);
        rest.revoke(&serial, "superseded").await;
        let asked = Asked { system, dir };
        let path = http.replace(&asked.system.ready().http, "");
        let list = asked.fetch_with(&path, Some(&serial));
        assert_eq!(by_curl(&here), list, "{ldap}");
    }
}
