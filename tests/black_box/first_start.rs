//! Starts that find something missing: keymgr away, no address for others, a lost credential.

use std::process::Command;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::Postgres;
use testkit::fleet::{Fleet, Options};
use testkit::system::{System, binary};

use crate::rest::Rest;
use crate::{csr, judge, services};

#[test]
fn certificates_that_point_to_localhost_are_warned_of_where_others_are_served() {
    let warned = |arguments: &[&str]| {
        let system = System::up_with(&[&["--listen", "0.0.0.0"], arguments].concat()).unwrap();
        let shown = system
            .cli_ok(&["cert", "create", "a.example.test", "-o", "json"])
            .unwrap();
        let shown: Value = serde_json::from_str(&shown).unwrap();
        let leaf = system.dir().join("leaf.crt");
        std::fs::write(&leaf, shown["certificate"].as_str().unwrap()).unwrap();
        let text = judge::run("openssl", &["x509", "-in", judge::text(&leaf), "-noout", "-text"]);
        let warned = system.log().unwrap().contains("listen.public_http_url");
        (
            warned,
            text.contains("http://localhost"),
            text.contains("http://pki.example.test/ca/issuing.crt"),
        )
    };
    assert_eq!(warned(&[]), (true, true, false));
    assert_eq!(
        warned(&["--public-http-url", "http://pki.example.test/"]),
        (false, false, true)
    );
    let system = System::up().unwrap();
    assert!(!system.log().unwrap().contains("listen.public_http_url"));
}
