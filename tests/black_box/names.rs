//! Names that are not what they look like, as a requester would send them: refused with the field and the reason.

use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::system::System;

use crate::judge;

async fn issue(system: &System, body: &Value) -> (StatusCode, Value) {
    let response = system
        .http()
        .unwrap()
        .post(format!("{}/api/v1/certificates", system.ready().https))
        .bearer_auth(system.token().unwrap())
        .json(body)
        .send()
        .await
        .unwrap();
    (response.status(), response.json().await.unwrap())
}

/// The bodies in `tests/data/names`, by file name.
fn found() -> Vec<(String, Value)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/data/names");
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let body = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            (path.file_stem().unwrap().to_string_lossy().into_owned(), body)
        })
        .collect()
}

fn csr(system: &System, subject: &str) -> String {
    let key = system.dir().join("names.pem");
    let curve = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
    judge::run(
        "openssl",
        &[&["genpkey", "-out", judge::text(&key)][..], &curve].concat(),
    );
    judge::run(
        "openssl",
        &[
            "req",
            "-new",
            "-utf8",
            "-key",
            judge::text(&key),
            "-subj",
            subject,
        ],
    )
}

#[tokio::test]
async fn a_name_that_is_not_what_it_looks_like_is_refused() {
    let system = System::up().unwrap();
    let found = found();
    assert!(found.len() >= 16, "the bodies are there");
    for (name, body) in found {
        let (status, problem) = issue(&system, &body).await;
        assert!(status.is_client_error(), "{name}: {status} {problem}");
        let said = problem.to_string();
        assert!(said.contains("san") || said.contains("subject"), "{name}: {said}");
    }
}

#[tokio::test]
async fn addresses_of_no_host_are_refused_and_those_of_a_lab_are_not() {
    let system = System::up().unwrap();
    let csr = csr(&system, "/");
    let mut ask = json!({"csr": csr, "profile": "tls-server"});
    for address in [
        "::ffff:10.0.0.1",
        "::10.0.0.1",
        "64:ff9b::10.0.0.1",
        "2002:a00:1::1",
        "0.0.0.0",
        "::",
        "255.255.255.255",
        "224.0.0.1",
        "ff02::1",
        "240.0.0.1",
    ] {
        ask["san"] = json!([format!("ip:{address}")]);
        let (status, problem) = issue(&system, &ask).await;
        assert!(status.is_client_error(), "{address}: {status} {problem}");
        assert!(problem.to_string().contains(address), "{address}: {problem}");
    }
    for address in [
        "127.0.0.1",
        "10.0.0.1",
        "192.168.1.1",
        "::1",
        "fd00::1",
        "169.254.0.1",
    ] {
        ask["san"] = json!([format!("ip:{address}")]);
        let (status, issued) = issue(&system, &ask).await;
        assert_eq!(status, StatusCode::CREATED, "{address}: {issued}");
    }
}

#[tokio::test]
async fn what_people_and_programs_are_called_is_certified_as_it_is() {
    let system = System::up().unwrap();
    for name in [
        "Jane Doe",
        "ACME Corp. Web Signing",
        "O'Neil & Sons, Inc.",
        "J.R.R. Tolkien",
        "tool-1.2.3",
        "00:1B:63:84:45:E6",
        "Jürgen Groß",
    ] {
        let body = json!({"csr": csr(&system, &format!("/CN={name}")), "profile": "code-signing"});
        let (status, issued) = issue(&system, &body).await;
        assert_eq!(status, StatusCode::CREATED, "{name}: {issued}");
    }
}

#[tokio::test]
async fn a_uri_is_certified_as_it_was_sent_and_found_in_every_spelling() {
    let system = System::up().unwrap();
    let sent = "uri:HTTPS://Host.Example.TEST/%7Eapp";
    let body = json!({"csr": csr(&system, "/CN=App"), "profile": "tls-client", "san": [sent]});
    let (status, issued) = issue(&system, &body).await;
    assert_eq!(status, StatusCode::CREATED, "{issued}");
    assert_eq!(issued["san"], json!([sent]), "{issued}");
    for spelling in [sent, "uri:https://host.example.test/~app"] {
        let list: Value = system
            .http()
            .unwrap()
            .get(format!("{}/api/v1/certificates", system.ready().https))
            .query(&[("san", spelling)])
            .bearer_auth(system.token().unwrap())
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!(list["items"].as_array().unwrap().len(), 1, "{spelling}: {list}");
    }
}

#[tokio::test]
async fn a_name_of_more_text_than_is_certified_is_refused_unread() {
    let system = System::up().unwrap();
    let parts: Vec<String> = (0..20_000).map(|at| format!("CN={at}")).collect();
    let name = format!("dirname:{}", parts.join(","));
    let body = json!({"csr": csr(&system, "/"), "profile": "tls-client", "san": [name]});
    let (status, answer) = issue(&system, &body).await;
    assert!(status.is_client_error(), "{status} {answer}");
    let said = answer.to_string();
    assert!(said.contains("bytes as text; at most 2048"), "{said}");
}

#[tokio::test]
async fn no_attribute_of_the_subject_names_what_the_alternative_names_do_not() {
    let system = System::up().unwrap();
    let ask = async |subject: &str, san: &[&str]| {
        let body = json!({"csr": csr(&system, subject), "profile": "tls-client", "san": san});
        issue(&system, &body).await
    };
    for subject in [
        "/UID=admin@corp.example",
        "/UID=www.bank.example",
        "/GN=S-1-5-21-1-2-3-500",
        "/SN=https:\\/\\/bank.example",
        "/OU=admin%40corp.example",
        "/OU=www.bank.example.",
        "/OU=www。bank。example",
        "/O=10.0.0.1",
        "/L=2001:db8::1",
        "/serialNumber=0177.0.0.1",
        "/DC=www.bank.example",
        "/CN=0x7f000001",
        "/CN=xn--a",
    ] {
        let (status, problem) = ask(subject, &["dns:a.test"]).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{subject}: {problem}");
        assert!(
            problem.to_string().contains("csr.subject"),
            "{subject}: {problem}"
        );
    }
    for (subject, san) in [
        ("/UID=jane.doe/GN=Jane/SN=Doe", "email:jane@corp.example"),
        ("/UID=jane@corp.example", "email:jane@corp.example"),
        ("/O=ACME Inc./OU=Platform Team", "dns:a.test"),
        ("/O=corp.example", "dns:web.corp.example"),
        ("/serialNumber=12345-6", "dns:a.test"),
        ("/serialNumber=SN 00-11", "dns:a.test"),
        ("/CN=123456789", "dns:a.test"),
    ] {
        let (status, issued) = ask(subject, &[san]).await;
        assert_eq!(status, StatusCode::CREATED, "{subject}: {issued}");
    }
}

#[tokio::test]
async fn names_with_more_than_one_reading_are_refused_in_every_kind() {
    let system = System::up().unwrap();
    let csr = csr(&system, "/");
    // _ldap._tcp.a.test as an SRVName.
    let srv = "othername:1.3.6.1.5.5.7.8.7=16115f6c6461702e5f7463702e612e74657374";
    for (profile, name) in [
        ("tls-server", "dns:www。bank.example"),
        ("tls-server", "dns:www．bank.example"),
        ("tls-server", "dns:www｡bank.example"),
        ("tls-server", "dns:2130706433"),
        ("tls-server", "dns:0x7f.1"),
        ("tls-server", "dns:host.123"),
        ("tls-server", "dns:xn--zzzzzzzz9999999.example"),
        ("tls-client", "email:a@www。bank.example"),
        ("user-logon", "upn:a@corp。example"),
        ("device", srv),
        ("mtls", "uri:urn:example"),
        ("mtls", "uri:urn:a_b:c"),
        ("mtls", "uri:https://a_b.test/"),
        ("mtls", "uri:https://user%3apassword@a.test/"),
        ("mtls", "uri:https://a.test:0443/"),
    ] {
        let body = json!({"csr": csr, "profile": profile, "san": [name, "dns:a.test"]});
        let (status, problem) = issue(&system, &body).await;
        assert!(status.is_client_error(), "{profile} {name}: {status} {problem}");
        assert!(problem.to_string().contains("san"), "{profile} {name}: {problem}");
    }
}
