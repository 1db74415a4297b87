//! Names of the API and of other systems, which users are refused.

use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::system::System;

use super::with_role;
use crate::rest::Rest;
use crate::{csr, judge};

#[tokio::test]
async fn names_of_the_api_and_of_the_trust_domain_are_refused_to_users() {
    let config = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        config.path(),
        "listen:\n  names: [pki.example.test]\n  public_http_url: http://crl.example.test\n",
    )
    .unwrap();
    let system = System::up_with(&["--config", judge::text(config.path())]).unwrap();
    for role in ["developer", "ca-operator", "root-admin"] {
        let rest = with_role(&system, role);
        for san in [
            "DNS:pki.example.test",
            "DNS:PKI.example.test",
            "DNS:*.example.test",
            "DNS:crl.example.test",
        ] {
            let body = json!({"csr": csr::with_san("/", san), "profile": "tls-server"});
            let expected = if role == "root-admin" {
                StatusCode::CREATED
            } else {
                StatusCode::UNPROCESSABLE_ENTITY
            };
            assert_eq!(rest.try_issue(&body).await.status(), expected, "{role} {san}");
        }
        for profile in ["tls-client", "mtls", "workload", "device"] {
            for id in [
                "spiffe://gigvault.internal/svc/api",
                "SPIFFE://gigvault.internal/svc/api",
                "spiffe://gigvault.internal./x",
            ] {
                let body =
                    json!({"csr": csr::with_san("/", &format!("DNS:a.test,URI:{id}")), "profile": profile});
                let status = rest.try_issue(&body).await.status();
                assert!(status.is_client_error(), "{role} {profile} {id}: {status}");
            }
        }
    }
    assert!(
        Rest::of(&system)
            .all("san=uri:spiffe://gigvault.internal/svc/api&internal=true", 10)
            .await
            .len()
            == 1
    );
}

#[tokio::test]
async fn a_wildcard_of_the_api_reserves_every_name_that_it_covers() {
    let config = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(config.path(), "listen:\n  names: ['*.pki.example.test']\n").unwrap();
    let system = System::up_with(&["--config", judge::text(config.path())]).unwrap();
    let developer = with_role(&system, "developer");
    let admin = with_role(&system, "root-admin");
    let body =
        |san: &str, subject: &str| json!({"csr": csr::with_san(subject, san), "profile": "tls-server"});
    for san in [
        "DNS:console.pki.example.test",
        "DNS:CONSOLE.PKI.example.test",
        "DNS:*.pki.example.test",
    ] {
        let status = developer.try_issue(&body(san, "/")).await.status();
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{san}");
        assert_eq!(
            admin.try_issue(&body(san, "/")).await.status(),
            StatusCode::CREATED,
            "{san}"
        );
    }
    // What the wildcard does not cover is not reserved.
    for san in [
        "DNS:pki.example.test",
        "DNS:a.b.pki.example.test",
        "DNS:*.example.test",
    ] {
        assert_eq!(
            developer.try_issue(&body(san, "/")).await.status(),
            StatusCode::CREATED,
            "{san}"
        );
    }
    let client = json!({
        "csr": csr::with_san("/OU=console.pki.example.test", "DNS:a.test"),
        "profile": "tls-client",
    });
    assert_eq!(
        developer.try_issue(&client).await.status(),
        StatusCode::UNPROCESSABLE_ENTITY
    );
}

#[tokio::test]
async fn a_wildcard_in_a_certificate_of_the_api_from_elsewhere_is_reserved_too() {
    let dir = tempfile::tempdir().unwrap();
    let (key, certificate) = (dir.path().join("tls.key"), dir.path().join("tls.crt"));
    judge::run(
        "openssl",
        &[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "30",
            "-subj",
            "/CN=*.cn.example.test",
            "-addext",
            "subjectAltName=DNS:*.web.example.test,DNS:localhost",
            "-keyout",
            judge::text(&key),
            "-out",
            judge::text(&certificate),
        ],
    );
    let config = dir.path().join("gigvault.yaml");
    let text = format!(
        "listen:\n  tls:\n    certificate: {}\n    key: {}\n",
        judge::text(&certificate),
        judge::text(&key)
    );
    std::fs::write(&config, text).unwrap();
    let system = System::up_with(&["--config", judge::text(&config)]).unwrap();
    // The certificate has no id of the API, so the CLI would not send its token.
    let client = reqwest::Client::builder()
        .danger_accept_invalid_certs(true)
        .build()
        .unwrap();
    let made: Value = client
        .post(format!("{}/api/v1/api-keys", system.ready().https))
        .bearer_auth(system.token().unwrap())
        .json(&json!({"name": "dev", "roles": ["developer"]}))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let token = made["token"].as_str().unwrap();
    for (san, expected) in [
        ("DNS:a.web.example.test", StatusCode::UNPROCESSABLE_ENTITY),
        ("DNS:*.web.example.test", StatusCode::UNPROCESSABLE_ENTITY),
        ("DNS:a.cn.example.test", StatusCode::UNPROCESSABLE_ENTITY),
        ("DNS:a.example.test", StatusCode::CREATED),
    ] {
        let answer = client
            .post(format!("{}/api/v1/certificates", system.ready().https))
            .bearer_auth(token)
            .json(&json!({"csr": csr::with_san("/", san), "profile": "tls-server"}))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), expected, "{san}");
    }
}

#[tokio::test]
async fn a_developer_names_no_account_of_another_system_by_uri() {
    let system = System::up().unwrap();
    let rest = with_role(&system, "developer");
    let csr = csr::with_san("/", "DNS:ignored.test");
    for profile in ["tls-client", "mtls", "short-lived"] {
        let status = async |names: &[&str]| {
            let body = json!({"csr": csr, "profile": profile, "san": names});
            rest.try_issue(&body).await.status()
        };
        for account in [
            "uri:tag:microsoft.com,2022-09-14:sid:S-1-5-21-1-2-3-500",
            "uri:TAG:Microsoft.com,2022-09-14%3aSID:S-1-5-21-1-2-3-500",
            "uri:mailto:ceo@bank.example",
            "uri:sip:ceo@bank.example",
            "othername:1.3.6.1.4.1.311.25.2.1=040131",
        ] {
            let status = status(&["dns:a.test", account]).await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{profile} {account}");
        }
        for thing in ["uri:https://a.test/app", "uri:urn:example:17"] {
            let status = status(&["dns:a.test", thing]).await;
            assert_eq!(status, StatusCode::CREATED, "{profile} {thing}");
        }
    }
}
