//! What relying parties find of the root: its certificate and its CRL, where the CAs below it point to; made by `up`, or imported.

use std::fs;
use std::path::{Path, PathBuf};

use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::system::System;

use crate::rest::Rest;
use crate::{csr, judge};

/// The first URL behind that word in the text of a certificate.
fn url_in(certificate: &Path, before: &str) -> String {
    let text = judge::run(
        "openssl",
        &["x509", "-in", judge::text(certificate), "-noout", "-text"],
    );
    let after = text
        .split_once(before)
        .unwrap_or_else(|| panic!("{before}: {text}"))
        .1;
    let uri = after.split_once("URI:").unwrap().1;
    uri.split_whitespace().next().unwrap().to_owned()
}

async fn fetch(system: &System, url: &str) -> (StatusCode, Vec<u8>) {
    let answer = system.http().unwrap().get(url).send().await.unwrap();
    (answer.status(), answer.bytes().await.unwrap().to_vec())
}

/// The CRL that a certificate points to, as PEM. After a restart the listener has another port.
async fn crl_of(system: &System, certificate: &Path) -> PathBuf {
    let url = url_in(certificate, "X509v3 CRL Distribution Points");
    let path = url.split_once("/crl/").unwrap().1;
    let (status, der) = fetch(system, &format!("{}/crl/{path}", system.ready().http)).await;
    assert_eq!(status, StatusCode::OK, "{url}");
    let (file, pem) = (system.dir().join(path), system.dir().join(format!("{path}.pem")));
    fs::write(&file, der).unwrap();
    let convert = [
        "crl",
        "-inform",
        "DER",
        "-in",
        judge::text(&file),
        "-out",
        judge::text(&pem),
    ];
    judge::run("openssl", &convert);
    pem
}

/// Whether openssl takes a chain with the CRL of each certificate in it; or else what it says.
fn verify_all(data: &Path, lists: &[PathBuf], leaf: &Path) -> Result<(), String> {
    let (root, ca) = (data.join("root.crt"), data.join("ca.crt"));
    let mut arguments = vec![
        "verify",
        "-x509_strict",
        "-crl_check_all",
        "-CAfile",
        judge::text(&root),
    ];
    arguments.extend(["-untrusted", judge::text(&ca)]);
    for list in lists {
        arguments.extend(["-CRLfile", judge::text(list)]);
    }
    arguments.push(judge::text(leaf));
    let verified = judge::try_run("openssl", &arguments);
    match verified.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&verified.stderr).into_owned()),
    }
}

fn serial(certificate: &Path) -> String {
    let said = judge::run(
        "openssl",
        &["x509", "-in", judge::text(certificate), "-noout", "-serial"],
    );
    said.trim().trim_start_matches("serial=").to_lowercase()
}

/// Notes in the ceremony that the root revokes it.
fn note_as_revoked(system: &System, serial: &str) {
    let folder = system.ready().data_dir.join("keys/root");
    let revoke = ["rootca", "revoke", serial, "--dir", judge::text(&folder), "--yes"];
    system.cli_ok(&revoke).unwrap();
}

/// Has the root sign its next list, as on another machine.
fn sign_list(system: &System, to: &Path) {
    let keys = system.ready().data_dir.join("keys");
    let (folder, kek) = (keys.join("root"), keys.join("kek"));
    let (folder, kek) = (judge::text(&folder), judge::text(&kek));
    let sign = [
        "rootca",
        "crl",
        "--dir",
        folder,
        "--kek-file",
        kek,
        "--out",
        judge::text(to),
    ];
    system.cli_ok(&sign).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_crls_of_a_whole_chain_are_at_the_urls_in_its_certificates() {
    let mut system = System::up().unwrap();
    let data = system.ready().data_dir.clone();
    let ca = data.join("ca.crt");
    let issued = Rest::of(&system)
        .issue(&json!({"csr": csr::p256("a.example.test"), "profile": "tls-server"}))
        .await;
    let leaf = system.dir().join("leaf.crt");
    fs::write(&leaf, issued["certificate"].as_str().unwrap()).unwrap();
    let http = system.ready().http.clone();
    assert_eq!(
        url_in(&ca, "X509v3 CRL Distribution Points"),
        format!("{http}/crl/root.crl")
    );
    let issuer = url_in(&ca, "CA Issuers");
    assert_eq!(issuer, format!("{http}/ca/root.crt"));
    let (status, der) = fetch(&system, &issuer).await;
    assert_eq!(status, StatusCode::OK);
    let file = system.dir().join("served.der");
    fs::write(&file, der).unwrap();
    let pem = judge::run("openssl", &["x509", "-inform", "DER", "-in", judge::text(&file)]);
    let root = fs::read_to_string(data.join("root.crt")).unwrap();
    assert_eq!(pem.trim(), root.trim());

    let lists = [crl_of(&system, &leaf).await, crl_of(&system, &ca).await];
    verify_all(&data, &lists, &leaf).unwrap();
    let without_root = verify_all(&data, &lists[..1], &leaf).unwrap_err();
    assert!(
        without_root.contains("unable to get certificate CRL"),
        "{without_root}"
    );

    // Noted in the ceremony, signed and served by the next start.
    system.terminate().unwrap();
    note_as_revoked(&system, &serial(&ca));
    system.restart().unwrap();
    let lists = [crl_of(&system, &leaf).await, crl_of(&system, &ca).await];
    let refused = verify_all(&data, &lists, &leaf).unwrap_err();
    assert!(refused.contains("certificate revoked"), "{refused}");
}

/// Replaces a folder by another one.
fn put_back(from: &Path, to: &Path) {
    fs::remove_dir_all(to).unwrap();
    judge::run("cp", &["-a", judge::text(from), judge::text(to)]);
}

/// What openssl says of the list of the root: its number, and the serial numbers that it has.
async fn list_of_root(system: &System) -> (u64, Vec<String>) {
    let pem = crl_of(system, &system.ready().data_dir.join("ca.crt")).await;
    let shown = judge::run(
        "openssl",
        &["crl", "-in", judge::text(&pem), "-noout", "-crlnumber", "-text"],
    );
    let number = shown.lines().find_map(|line| line.strip_prefix("crlNumber=0x"));
    let serials = shown
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Serial Number: "));
    (
        u64::from_str_radix(number.unwrap(), 16).unwrap(),
        serials.map(str::to_lowercase).collect(),
    )
}

/// A backup of `keys/root` and of the list for others was put back, and the database of `crl` was not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_root_goes_on_with_the_list_that_is_served() {
    let mut system = System::up().unwrap();
    let data = system.ready().data_dir.clone();
    let (folder, older) = (data.join("keys/root"), system.dir().join("older"));
    let issuing = serial(&data.join("ca.crt"));
    system.terminate().unwrap();
    judge::run("cp", &["-a", judge::text(&folder), judge::text(&older)]);
    fs::copy(data.join("root.crl"), system.dir().join("older.crl")).unwrap();
    note_as_revoked(&system, &issuing);
    system.restart().unwrap();
    assert_eq!(list_of_root(&system).await, (2, vec![issuing.clone()]));

    system.terminate().unwrap();
    put_back(&older, &folder);
    fs::copy(system.dir().join("older.crl"), data.join("root.crl")).unwrap();
    system.restart().unwrap();
    assert_eq!(list_of_root(&system).await, (2, vec![issuing.clone()]));

    // The next list has a number of its own, and what was revoked.
    system.terminate().unwrap();
    sign_list(&system, &system.dir().join("next.crl"));
    system.restart().unwrap();
    assert_eq!(list_of_root(&system).await, (3, vec![issuing]));
}

fn json_of(system: &System, arguments: &[&str]) -> Value {
    let more = [arguments, &["-o", "json"]].concat();
    serde_json::from_str(&system.cli_ok(&more).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crl_that_the_root_signed_elsewhere_is_imported_and_served() {
    let system = System::up().unwrap();
    let data = system.ready().data_dir.clone();
    let file = system.dir().join("new.crl");
    sign_list(&system, &file);
    let before = json_of(&system, &["ca", "crl", "show", "root"]);
    assert_eq!(before["crls"][0]["number"], 1);
    assert_eq!(before["crls"][0]["imported"], true);
    let url = before["crls"][0]["url"].as_str().unwrap().to_owned();

    let import = ["ca", "crl", "import", "root", judge::text(&file)];
    let preview = json_of(&system, &[&import[..], &["--dry-run"]].concat());
    let text = preview["consequences"][0]["text"].as_str().unwrap();
    assert!(
        text.contains("CRL 2 of root") && text.contains("in the place of CRL 1"),
        "{text}"
    );
    assert_ne!(fetch(&system, &url).await.1, fs::read(&file).unwrap());
    let imported = json_of(&system, &import);
    assert_eq!(
        (&imported["crl"]["number"], &imported["replaced"]["number"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(fetch(&system, &url).await.1, fs::read(&file).unwrap());
    assert_eq!(json_of(&system, &import)["unchanged"], true);

    // One that was changed, one of an issuer that is not known, one of a CA whose lists are made here, and a certificate.
    let damaged = system.dir().join("damaged.crl");
    let mut octets = fs::read(&file).unwrap();
    *octets.last_mut().unwrap() ^= 1;
    fs::write(&damaged, octets).unwrap();
    for (name, file, code, text) in [
        ("root", &damaged, 1, "signature"),
        ("nosuch", &file, 4, "nosuch"),
        ("issuing", &file, 1, "made here"),
        ("root", &data.join("root.crt"), 1, "a certificate"),
    ] {
        let refused = system
            .cli(&["ca", "crl", "import", name, judge::text(file)])
            .unwrap();
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(said.contains(text), "{name}: {said}");
        assert_eq!(refused.status.code(), Some(code), "{name}: {said}");
    }
    let doctor = json_of(&system, &["doctor"]);
    assert!(doctor.to_string().contains("CRLs of other issuers"), "{doctor}");
}

/// A preview promises nothing that is refused.
fn what_cannot_be_done_is_refused_at_once(system: &System) {
    let publish = ["ca", "crl", "publish", "root"];
    let root = system.ready().data_dir.join("root.crl");
    let root = root.to_str().unwrap();
    for (arguments, told) in [
        (&publish[..], "ca crl import root"),
        (&[&publish[..], &["--dry-run"]].concat(), "ca crl import root"),
        (
            &["ca", "crl", "import", "nosuch", root],
            "CRLs are imported for root",
        ),
    ] {
        let refused = system.cli(arguments).unwrap();
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains(told), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crls_are_shown_made_and_fetched_by_command() {
    let system = System::up().unwrap();
    let numbers = |shown: &Value| -> Vec<u64> {
        let lists = shown["crls"].as_array().unwrap().iter();
        lists.map(|list| list["number"].as_u64().unwrap()).collect()
    };
    let before = numbers(&json_of(&system, &["ca", "crl", "show", "issuing"]));
    let preview = json_of(&system, &["ca", "crl", "publish", "issuing", "--dry-run"]);
    assert_eq!(preview["dry_run"], true);
    let published = json_of(&system, &["ca", "crl", "publish", "issuing"]);
    let after = numbers(&published);
    assert!(
        after[0] > before[0] && after[1] >= after[0],
        "{before:?} {after:?}"
    );
    what_cannot_be_done_is_refused_at_once(&system);

    let pem = system.cli_ok(&["ca", "crl", "download", "issuing"]).unwrap();
    let file = system.dir().join("issuing.pem");
    fs::write(&file, pem).unwrap();
    let said = judge::run(
        "openssl",
        &["crl", "-in", judge::text(&file), "-noout", "-crlnumber"],
    );
    let number = said.trim().trim_start_matches("crlNumber=0x");
    assert_eq!(u64::from_str_radix(number, 16), Ok(after[0]), "{said}");
    let missing = system
        .cli(&["ca", "crl", "download", "issuing", "--shard", "3"])
        .unwrap();
    assert_eq!(missing.status.code(), Some(1), "{missing:?}");

    let folder = system.dir().join("crls");
    let all = [
        "ca",
        "crl",
        "download",
        "--all",
        "--format",
        "der",
        "--out",
        judge::text(&folder),
    ];
    system.cli_ok(&all).unwrap();
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "issuing-delta.crl",
            "issuing.crl",
            "root.crl",
            "services-delta.crl",
            "services.crl"
        ]
    );
    for list in published["crls"].as_array().unwrap() {
        let (_, served) = fetch(&system, list["url"].as_str().unwrap()).await;
        let digest = judge::run(
            "sha256sum",
            &[judge::text(&folder.join(match list["kind"] == "delta" {
                true => "issuing-delta.crl",
                false => "issuing.crl",
            }))],
        );
        assert!(
            digest.starts_with(list["sha256"].as_str().unwrap()),
            "{digest}: {list}"
        );
        assert_eq!(served.len() as u64, list["octets"].as_u64().unwrap());
    }
    assert!(
        !system.cli(&all).unwrap().status.success(),
        "nothing is overwritten unasked"
    );
    system.cli_ok(&[&all[..], &["--force"]].concat()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anybody_may_read_what_is_to_be_trusted() {
    let system = System::up().unwrap();
    let (status, body) = fetch(&system, &format!("{}/api/v1/trust", system.ready().https)).await;
    assert_eq!(status, StatusCode::OK);
    let trust: Value = serde_json::from_slice(&body).unwrap();
    let http = &system.ready().http;
    let root = &trust["roots"][0];
    assert_eq!(root["crl_url"], format!("{http}/crl/root.crl"));
    let fingerprint = judge::run(
        "openssl",
        &[
            "x509",
            "-in",
            judge::text(&system.ready().data_dir.join("root.crt")),
            "-noout",
            "-fingerprint",
            "-sha256",
        ],
    );
    let fingerprint = fingerprint
        .trim()
        .rsplit('=')
        .next()
        .unwrap()
        .replace(':', "")
        .to_lowercase();
    assert_eq!(root["fingerprint_sha256"], fingerprint);
    let names: Vec<&str> = trust["cas"]
        .as_array()
        .unwrap()
        .iter()
        .map(|ca| ca["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["issuing", "services"]);
    assert_eq!(trust["cas"][0]["ocsp_url"], format!("{http}/ocsp"));
}
