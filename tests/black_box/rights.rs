//! What the right to a route does not include: every profile against every role, and the limits of an API key.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Output;

use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::system::System;

use crate::authorization::{ROLES, key_for};
use crate::csr;
use crate::rest::Rest;

/// Profile, alternative name (none: the subject alone), and the roles that get it.
const PROFILES: &[(&str, Option<&str>, &[&str])] = &[
    (
        "tls-server",
        Some("dns:a.example.test"),
        &["root-admin", "ca-operator", "developer"],
    ),
    (
        "tls-client",
        Some("dns:a.example.test"),
        &["root-admin", "ca-operator", "developer"],
    ),
    (
        "mtls",
        Some("dns:a.example.test"),
        &["root-admin", "ca-operator", "developer"],
    ),
    (
        "short-lived",
        Some("dns:a.example.test"),
        &["root-admin", "ca-operator", "developer"],
    ),
    (
        "user-logon",
        Some("upn:ada@example.test"),
        &["root-admin", "ca-operator"],
    ),
    (
        "workload",
        Some("uri:spiffe://other.test/app"),
        &["root-admin", "ca-operator"],
    ),
    (
        "email",
        Some("email:ada@example.test"),
        &["root-admin", "ca-operator"],
    ),
    (
        "device",
        Some("dns:a.example.test"),
        &["root-admin", "ca-operator"],
    ),
    (
        "opc-ua",
        Some("uri:urn:host.example.test:app"),
        &["root-admin", "ca-operator"],
    ),
    ("code-signing", None, &["root-admin", "ca-operator"]),
    ("ocsp-signer", None, &["root-admin"]),
    ("sub-ca", None, &["root-admin"]),
    ("harmless", None, &["root-admin"]),
    ("service-identity", Some("uri:spiffe://other.test/svc/a"), &[]),
    ("services-ca", None, &[]),
    ("root", None, &[]),
];

/// A profile whose name says nothing of what its holders can do.
const HARMLESS: &str = "ca:
  profiles:
    - name: harmless
      certificate: { sub-ca: { path_len: 0 } }
      subject: { common_name: free }
      keys: [p256]
      default_validity: 30d
      max_validity: 30d
      key_usage: [key-cert-sign, crl-sign]
";

#[tokio::test]
async fn each_role_gets_its_profiles_and_no_other() {
    let config = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(config.path(), HARMLESS).unwrap();
    let system = System::up_with(&["--config", config.path().to_str().unwrap()]).unwrap();
    let listed: Value = Rest::of(&system)
        .get("/api/v1/profiles?limit=500")
        .await
        .json()
        .await
        .unwrap();
    let listed: BTreeSet<&str> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|profile| profile["name"].as_str().unwrap())
        .collect();
    let cases: BTreeSet<&str> = PROFILES.iter().map(|(profile, ..)| *profile).collect();
    assert_eq!(listed, cases, "every profile has a case");
    let csr = csr::with_san("/CN=Ada", "DNS:ignored.test");
    let nameless = csr::with_san("/", "DNS:ignored.test");
    let mut wrong = BTreeMap::new();
    for (role, _) in ROLES {
        let rest = Rest {
            token: key_for(&system, role),
            ..Rest::of(&system)
        };
        for (profile, san, roles) in PROFILES {
            let body = match san {
                // It wants a common name beside its URI.
                Some(san) if *profile == "opc-ua" => {
                    json!({"csr": csr, "profile": profile, "san": [san]})
                }
                Some(san) => json!({"csr": nameless, "profile": profile, "san": [san]}),
                None => json!({"csr": csr, "profile": profile, "san": []}),
            };
            let status = rest.try_issue(&body).await.status();
            let expected = match roles.contains(role) {
                true => status == StatusCode::CREATED,
                // That no CA issues these is not a question of rights.
                false => {
                    let by_no_ca = ["root", "services-ca"].contains(profile);
                    status == StatusCode::FORBIDDEN || (by_no_ca && status.is_client_error())
                }
            };
            if !expected {
                wrong.insert(format!("{role} {profile}"), status);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Other systems trust the CA too: Kubernetes takes members of `system:masters` for administrators, and Windows whom the
/// certificate names by UPN or SID.
#[tokio::test]
async fn developers_are_certified_as_no_account_of_another_system() {
    let system = System::up().unwrap();
    let rest = Rest {
        token: key_for(&system, "developer"),
        ..Rest::of(&system)
    };
    let accounts = [
        ("/O=system:masters/CN=a.test", "dns:a.test", "csr.subject"),
        ("/O=kubeadm:cluster-admins/CN=a.test", "dns:a.test", "csr.subject"),
        ("/CN=a.test", "upn:administrator@corp.example", "san"),
        (
            "/CN=a.test",
            "uri:tag:microsoft.com,2022-09-14:sid:S-1-5-21-1-2-3-500",
            "san",
        ),
    ];
    let profiles = PROFILES.iter().filter(|(.., roles)| roles.contains(&"developer"));
    for (profile, ..) in profiles {
        for (subject, san, field) in accounts {
            let body = json!({"csr": csr::with_san(subject, "DNS:a.test"), "profile": profile, "san": [san]});
            let refused = rest.try_issue(&body).await;
            assert!(refused.status().is_client_error(), "{profile} {subject} {san}");
            let problem: Value = refused.json().await.unwrap();
            assert_eq!(problem["field"], field, "{profile}: {problem}");
        }
    }
}

/// `gigvault apikey create` with that key.
fn create(system: &System, token: &str, more: &[&str]) -> Output {
    let mut command = system.command().unwrap();
    command
        .args(["apikey", "create", "limited", "-o", "json"])
        .args(more)
        .env("GIGVAULT_TOKEN", token);
    command.output().unwrap()
}

fn made(output: Output) -> Value {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

const LIMIT: &str = "dns:*.dev.example.test";

/// A root-admin's key of one hour for names below dev.example.test.
fn limited(system: &System) -> Value {
    let arguments = ["--role", "root-admin", "--validity", "1h", "--allow-name", LIMIT];
    made(create(system, &system.token().unwrap(), &arguments))
}

fn rest_of(system: &System, key: &Value) -> Rest {
    Rest {
        token: key["token"].as_str().unwrap().to_owned(),
        ..Rest::of(system)
    }
}

#[tokio::test]
async fn a_limited_key_gets_and_renews_its_names_only() {
    let system = System::up().unwrap();
    let rest = rest_of(&system, &limited(&system));
    let body = |san: &str| json!({"csr": csr::with_san("/", san), "profile": "tls-server"});
    let own = rest.issue(&body("DNS:a.dev.example.test")).await;
    for san in [
        "DNS:a.example.test",
        "DNS:a.dev.example.test,DNS:b.test",
        "DNS:a.dev.example.test,IP:10.0.0.1",
    ] {
        let refused = rest.try_issue(&body(san)).await;
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY, "{san}");
    }
    let wide = Rest::of(&system).issue(&body("DNS:wide.example.test")).await;
    for (certificate, expected) in [
        (own, StatusCode::CREATED),
        (wide, StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let serial = certificate["serial"].as_str().unwrap();
        let renewed = rest
            .post(&format!("/api/v1/certificates/{serial}/renew"), &json!({}))
            .await;
        assert_eq!(renewed.status(), expected);
    }
}

#[tokio::test]
async fn a_key_that_a_key_made_has_no_more_and_goes_with_it_if_asked() {
    let system = System::up().unwrap();
    let maker = limited(&system);
    let token = maker["token"].as_str().unwrap();
    let child = made(create(&system, token, &["--role", "developer"]));
    assert_eq!(child["allowed_names"], json!([LIMIT]));
    assert!(child["expires_at"].as_str().unwrap() <= maker["expires_at"].as_str().unwrap());
    for wider in [&["--allow-name", "dns:*.example.test"][..], &["--validity", "2h"]] {
        let refused = create(&system, token, &[&["--role", "developer"], wider].concat());
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(3), "{said}");
    }
    let (prefix, below) = (
        maker["prefix"].as_str().unwrap(),
        child["prefix"].as_str().unwrap(),
    );
    let shown = system.cli(&["apikey", "revoke", prefix, "--yes"]).unwrap();
    let said: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(said["remaining"][0]["prefix"], below, "{said}");
    assert_eq!(said["revoked"], json!([]));
    let child = rest_of(&system, &child);
    assert_eq!(child.get("/api/v1/whoami").await.status(), StatusCode::OK);
    system
        .cli_ok(&["apikey", "revoke", prefix, "--yes", "--descendants"])
        .unwrap();
    assert_eq!(
        child.get("/api/v1/whoami").await.status(),
        StatusCode::UNAUTHORIZED
    );
}
