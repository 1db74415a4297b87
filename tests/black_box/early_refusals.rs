//! A refusal that is sent before the body was read arrives, with its reason, at real clients of either HTTP version.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::system::System;

use crate::judge;

fn body(system: &System, bytes: usize) -> PathBuf {
    let path = system.dir().join(format!("body.{bytes}"));
    std::fs::write(&path, vec![b'a'; bytes]).unwrap();
    path
}

/// What curl got: status, HTTP version, and the problem document.
#[track_caller]
fn curl(system: &System, version: &str, path: &str, body: &Path, more: &[&str]) -> (String, String, Value) {
    let root = system.ready().data_dir.join("root.crt");
    let url = format!("{}{path}", system.ready().https);
    let data = format!("@{}", judge::text(body));
    let mut arguments = vec!["-sS", version, "--max-time", "30", "--cacert", judge::text(&root)];
    arguments.extend(["-w", "\n%{http_code} %{http_version}", "--data-binary", &data]);
    arguments.extend(more);
    arguments.push(&url);
    let said = judge::run("curl", &arguments);
    let (document, status) = said.rsplit_once('\n').unwrap();
    let (status, version) = status.split_once(' ').unwrap();
    let document = serde_json::from_str(document).unwrap_or_else(|error| panic!("{error}: {said}"));
    (status.to_owned(), version.to_owned(), document)
}

#[test]
fn curl_reads_why_a_body_was_refused_over_http_1_and_http_2() {
    let system = System::up().unwrap();
    let bearer = format!("authorization: Bearer {}", system.token().unwrap());
    let json = ["-H", "content-type: application/json"];
    let known = [&json[..], &["-H", &bearer]].concat();
    let chunked = [
        &known[..],
        &["-H", "content-length:", "-H", "transfer-encoding: chunked"],
    ]
    .concat();
    let get = [&known[..], &["-X", "GET"]].concat();
    let small = body(&system, 200 * 1024);
    let large = body(&system, 2 * 1024 * 1024);
    let certificates = "/api/v1/certificates";
    // Larger than what is thrown away.
    let huge = body(&system, 16 * 1024 * 1024);
    for (version, number) in [("--http1.1", "1.1"), ("--http2", "2")] {
        for (path, body, headers, status, kind) in [
            (certificates, &small, &json[..], "401", "unauthenticated"),
            (certificates, &large, &json[..], "413", "body-too-large"),
            (certificates, &large, &known[..], "413", "body-too-large"),
            (certificates, &huge, &known[..], "413", "body-too-large"),
            (certificates, &large, &get[..], "413", "body-too-large"),
            (certificates, &large, &[][..], "415", "unsupported-media-type"),
            ("/nothing", &large, &json[..], "404", "unknown-path"),
        ] {
            let got = curl(&system, version, path, body, headers);
            assert_eq!((got.0.as_str(), got.1.as_str()), (status, number), "{path}");
            let found = got.2["type"].as_str().unwrap();
            assert!(found.ends_with(kind), "{version} {path}: {found}");
        }
    }
    let got = curl(&system, "--http2", certificates, &large, &chunked);
    assert_eq!((got.0.as_str(), got.1.as_str()), ("413", "2"), "{got:?}");
}

#[test]
fn a_client_that_goes_on_sending_is_not_read_for_ever() {
    let system = System::up().unwrap();
    let slow = body(&system, 2 * 1024 * 1024);
    let started = Instant::now();
    let more = ["-H", "content-type: application/json", "--limit-rate", "20k"];
    let got = curl(&system, "--http2", "/api/v1/certificates", &slow, &more);
    assert_eq!(got.0, "413");
    // The whole body would take 100 seconds.
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "{:?}",
        started.elapsed()
    );
}
