//! What objects say their reader may do with them is what the server then lets them do: every action of every object, asked
//! for by several callers without doing it.

use std::collections::BTreeMap;
use std::path::Path;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::system::System;

use crate::authorization::key_for;
use crate::rest::Rest;
use crate::{csr, jobs};

/// A verb, and how it is asked for below the path of its object.
type Verb = (&'static str, Method, &'static str, Option<Value>);

fn of_certificates() -> Vec<Verb> {
    let post = |verb, path, body| (verb, Method::POST, path, Some(body));
    vec![
        post("renew", "/renew", json!({})),
        post("hold", "/hold", json!({})),
        post("release", "/release", json!({})),
        post("revoke", "/revoke", json!({"reason": "key-compromise"})),
    ]
}

/// Whether the server would do it: a request that changes nothing is none that is offered.
async fn is_possible(rest: &Rest, path: &str, (_, method, below, body): &Verb) -> bool {
    let url = format!("{}{path}{below}?dry_run=true", rest.base);
    let request = rest.http.request(method.clone(), url).bearer_auth(&rest.token);
    let request = match body {
        Some(body) => request.json(body),
        None => request,
    };
    let answer = request.send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert!(!status.is_server_error(), "{path}{below}: {text}");
    if status != StatusCode::OK {
        return false;
    }
    let preview: Value = serde_json::from_str(&text).unwrap();
    !preview["consequences"].as_array().unwrap().is_empty()
}

async fn agrees(who: &str, rest: &Rest, path: &str, shown: &Value, verbs: &[Verb]) {
    let mut possible = Vec::new();
    for verb in verbs {
        if is_possible(rest, path, verb).await {
            possible.push(verb.0);
        }
    }
    assert_eq!(
        shown["allowed_actions"],
        json!(possible),
        "{who} and {path}: {shown:#}"
    );
}

fn with_key(system: &System, rest: &Rest, name: &str, options: &[&str]) -> Rest {
    let create = [&["apikey", "create", name, "-o", "json"], options].concat();
    let made: Value = serde_json::from_str(&system.cli_ok(&create).unwrap()).unwrap();
    Rest {
        token: made["token"].as_str().unwrap().to_owned(),
        ..rest.clone()
    }
}

fn callers(system: &System, admin: &Rest) -> BTreeMap<&'static str, Rest> {
    let limit = ["--allow-name", "dns:*.dev.example.test"];
    let mut callers: BTreeMap<_, _> = ["ca-operator", "ra-approver", "auditor", "developer"]
        .into_iter()
        .map(|role| {
            let token = key_for(system, role);
            (
                role,
                Rest {
                    token,
                    ..admin.clone()
                },
            )
        })
        .collect();
    callers.insert("root-admin", admin.clone());
    for (name, role) in [
        ("limited operator", "ca-operator"),
        ("limited admin", "root-admin"),
    ] {
        let options = [&["--role", role][..], &limit].concat();
        callers.insert(name, with_key(system, admin, name, &options));
    }
    callers
}

async fn issued(rest: &Rest, body: &Value) -> String {
    rest.issue(body).await["serial"].as_str().unwrap().to_owned()
}

/// Certificates in every state, of several owners and profiles.
async fn certificates(system: &System, callers: &BTreeMap<&'static str, Rest>) -> Vec<String> {
    let (admin, operator, developer) = (
        &callers["root-admin"],
        &callers["ca-operator"],
        &callers["developer"],
    );
    let server = |host: &str| json!({"csr": csr::p256(host), "profile": "tls-server"});
    let mut all = vec![
        issued(admin, &server("prod.example.test")).await,
        issued(admin, &server("a.dev.example.test")).await,
        issued(developer, &server("b.dev.example.test")).await,
        issued(
            operator,
            &json!({"csr": csr::p256("alice.example.test"), "profile": "mtls"}),
        )
        .await,
    ];
    for (profile, name) in [("sub-ca", "Example Sub CA"), ("ocsp-signer", "Example Responder")] {
        let create = [
            "cert",
            "create",
            name,
            "--profile",
            profile,
            "--out",
            profile,
            "-o",
            "json",
        ];
        let made: Value = serde_json::from_str(&system.cli_ok(&create).unwrap()).unwrap();
        all.push(made["serial"].as_str().unwrap().to_owned());
    }
    all.extend(admin.all("internal=true&protocol=internal", 50).await);
    for host in ["h1.dev.example.test", "h2.dev.example.test"] {
        let serial = issued(developer, &server(host)).await;
        let by = if host.starts_with("h1") {
            developer
        } else {
            operator
        };
        by.hold(&serial).await;
        all.push(serial);
    }
    for reason in ["superseded", "key-compromise"] {
        let serial = issued(developer, &server("r.dev.example.test")).await;
        developer.revoke(&serial, reason).await;
        all.push(serial);
    }
    all.extend(of_a_shared_key(&system.dir().join("shared.key"), operator, developer).await);
    all
}

/// Two owners have a key certified, and one of them says that it is compromised, which an operator has to confirm.
async fn of_a_shared_key(key: &Path, operator: &Rest, developer: &Rest) -> Vec<String> {
    let csr = csr::with_key(key, "/", "DNS:shared.dev.example.test");
    let body = json!({"csr": csr, "profile": "tls-server"});
    let of_others = issued(operator, &body).await;
    let own = issued(developer, &body).await;
    developer.revoke(&own, "key-compromise").await;
    vec![of_others, own]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_reader_may_do_with_a_certificate_is_what_the_server_lets_them_do() {
    let system = System::up().unwrap();
    let callers = callers(&system, &Rest::of(&system));
    let certificates = certificates(&system, &callers).await;
    let verbs = of_certificates();
    let mut seen = 0;
    for suspended in [false, true] {
        for (who, rest) in &callers {
            for serial in &certificates {
                let path = format!("/api/v1/certificates/{serial}");
                let answer = rest.get(&path).await;
                if answer.status() == StatusCode::OK {
                    let shown: Value = answer.json().await.unwrap();
                    agrees(who, rest, &path, &shown, &verbs).await;
                    seen += 1;
                }
            }
        }
        if !suspended {
            system.cli_ok(&["ca", "suspend", "issuing"]).unwrap();
        }
    }
    assert!(seen > 2 * 5 * certificates.len(), "{seen}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_just_issued_says_what_may_be_done_with_it_then() {
    let system = System::up().unwrap();
    let callers = callers(&system, &Rest::of(&system));
    let verbs = of_certificates();
    for who in ["root-admin", "ca-operator", "developer", "limited operator"] {
        let rest = &callers[who];
        let body = json!({
            "csr": csr::p256("new.dev.example.test"), "profile": "tls-server", "validity": "1d",
        });
        let made = rest.issue(&body).await;
        let path = format!("/api/v1/certificates/{}", made["serial"].as_str().unwrap());
        agrees(who, rest, &path, &made, &verbs).await;
        // An answer that is repeated is about the certificate as it is by then.
        let again = async || {
            let request = rest.http.post(format!("{}/api/v1/certificates", rest.base));
            let request = request.bearer_auth(&rest.token).json(&body);
            let answer = request
                .header("idempotency-key", "the-same")
                .send()
                .await
                .unwrap();
            answer.json::<Value>().await.unwrap()
        };
        let serial = again().await["serial"].as_str().unwrap().to_owned();
        rest.hold(&serial).await;
        let repeated = again().await;
        assert_eq!(repeated["serial"], serial.as_str());
        agrees(
            who,
            rest,
            &format!("/api/v1/certificates/{serial}"),
            &repeated,
            &verbs,
        )
        .await;
        system.cli_ok(&["ca", "suspend", "issuing"]).unwrap();
        assert_eq!(
            again().await["allowed_actions"],
            json!(["release", "revoke"]),
            "{who}"
        );
        system.cli_ok(&["ca", "resume", "issuing"]).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_reader_may_do_with_cas_api_keys_and_jobs_is_what_the_server_lets_them_do() {
    let system = System::up().unwrap();
    let admin = Rest::of(&system);
    let callers = callers(&system, &admin);
    system.cli_ok(&["ca", "suspend", "issuing"]).unwrap();
    let revoked = with_key(&system, &admin, "revoked", &["--role", "auditor"]);
    let prefix = revoked.token.split('_').nth(1).unwrap().to_owned();
    system.cli_ok(&["apikey", "revoke", &prefix, "--yes"]).unwrap();
    let job = jobs::accepted(&admin, &json!({"reason": "superseded", "serials": ["0a"]})).await;
    jobs::until_its_end(&admin, &job).await;
    let post = |verb, path| (verb, Method::POST, path, Some(json!({})));
    let lists = [
        (
            "/api/v1/cas",
            "name",
            vec![post("suspend", "/suspend"), post("resume", "/resume")],
        ),
        (
            "/api/v1/api-keys",
            "prefix",
            vec![("revoke", Method::DELETE, "", None)],
        ),
        ("/api/v1/jobs", "id", vec![post("cancel", "/cancel")]),
    ];
    let mut seen = 0;
    let mut walk = async |round: &str| {
        for (who, rest) in &callers {
            for (list, key, verbs) in &lists {
                let answer = rest.get(list).await;
                if answer.status() != StatusCode::OK {
                    continue;
                }
                let page: Value = answer.json().await.unwrap();
                for shown in page["items"].as_array().unwrap() {
                    let path = format!("{list}/{}", shown[key].as_str().unwrap());
                    agrees(&format!("{who}, {round}"), rest, &path, shown, verbs).await;
                    seen += 1;
                }
            }
        }
    };
    walk("one admin").await;
    // No admin is the last any more.
    with_key(&system, &admin, "second", &["--role", "root-admin"]);
    walk("two admins").await;
    assert!(seen > 60, "{seen}");
}
