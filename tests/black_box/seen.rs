//! Changes to a certificate as the caller saw it, and what it says may be done with it.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::system::System;

use crate::csr;
use crate::rest::Rest;

/// The ETag of a certificate and what may be done with it.
async fn seen(rest: &Rest, serial: &str) -> (String, Vec<String>) {
    let answer = rest.get(&format!("/api/v1/certificates/{serial}")).await;
    let tag = answer.headers()["etag"].to_str().unwrap().to_owned();
    let object: Value = answer.json().await.unwrap();
    let actions = object["allowed_actions"].as_array().unwrap().iter();
    (
        tag,
        actions
            .map(|action| action.as_str().unwrap().to_owned())
            .collect(),
    )
}

/// The verb on what has that tag; answers status and body.
async fn act(rest: &Rest, serial: &str, verb: &str, tag: &str) -> (StatusCode, Value) {
    let url = format!("{}/api/v1/certificates/{serial}/{verb}", rest.base);
    let request = rest.http.post(url).bearer_auth(&rest.token);
    let request = request.header("if-match", tag).json(&json!({}));
    let answer = request.send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_refused_where_the_certificate_is_not_as_it_was_seen() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let made = rest
        .issue(&json!({"csr": csr::p256("a.example.test"), "profile": "tls-server"}))
        .await;
    let serial = made["serial"].as_str().unwrap();
    let (first, _) = seen(&rest, serial).await;
    let (status, held) = act(&rest, serial, "hold", &first).await;
    assert_eq!(
        (status, &held["status"]),
        (StatusCode::OK, &json!("on_hold")),
        "{held}"
    );
    let (status, problem) = act(&rest, serial, "release", &first).await;
    assert_eq!(status, StatusCode::PRECONDITION_FAILED, "{problem}");
    assert_eq!(problem["type"], "https://gigvault.io/problems/changed");
    let (second, _) = seen(&rest, serial).await;
    assert_ne!(first, second);
    let (status, released) = act(&rest, serial, "release", &second).await;
    assert_eq!(
        (status, &released["status"]),
        (StatusCode::OK, &json!("valid")),
        "{released}"
    );
    let (status, problem) = act(&rest, serial, "renew", &second).await;
    assert_eq!(
        (status, &problem["field"]),
        (StatusCode::BAD_REQUEST, &json!("if-match"))
    );
    let (status, problem) = act(&rest, serial, "hold", "\"a,b\"").await;
    assert_eq!(status, StatusCode::PRECONDITION_FAILED, "{problem}");
    let (status, problem) = act(&rest, serial, "hold", "not-a-tag").await;
    assert_eq!(
        (status, &problem["field"]),
        (StatusCode::BAD_REQUEST, &json!("If-Match"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_read_has_a_tag_and_is_sent_as_the_client_wants_it() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let made = rest
        .issue(&json!({"csr": csr::p256("a.example.test"), "profile": "tls-server"}))
        .await;
    let object = format!("/api/v1/certificates/{}", made["serial"].as_str().unwrap());
    for path in [
        object.clone(),
        format!("{object}/chain"),
        "/api/openapi.json".to_owned(),
    ] {
        let tag = rest.get(&path).await.headers()["etag"]
            .to_str()
            .unwrap()
            .to_owned();
        for (name, value, status) in [
            ("if-none-match", tag.clone(), 304),
            ("if-none-match", format!("\"a,b\", W/{tag}"), 304),
            ("if-none-match", "\"a,b\"".to_owned(), 200),
            ("if-match", format!("\"a,b\", {tag}"), 200),
            ("if-match", "\"a,b\"".to_owned(), 412),
            ("if-match", format!("W/{tag}"), 412),
            ("if-match", "not-a-tag".to_owned(), 400),
        ] {
            for method in [Method::GET, Method::HEAD] {
                let request = rest.http.request(method.clone(), format!("{}{path}", rest.base));
                let request = request.bearer_auth(&rest.token).header(name, &value);
                let answer = request.send().await.unwrap();
                assert_eq!(answer.status(), status, "{method} {path} {name}: {value}");
                if status == 412 && method == Method::GET {
                    let problem: Value = answer.json().await.unwrap();
                    assert_eq!(problem["type"], "https://gigvault.io/problems/changed");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_says_what_its_reader_may_do_with_it_now() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let made = rest
        .issue(&json!({"csr": csr::p256("a.example.test"), "profile": "tls-server"}))
        .await;
    assert_eq!(made["allowed_actions"], json!(["renew", "hold", "revoke"]));
    let serial = made["serial"].as_str().unwrap();
    let auditor = system
        .cli_ok(&["apikey", "create", "reader", "--role", "auditor", "-o", "json"])
        .unwrap();
    let auditor: Value = serde_json::from_str(&auditor).unwrap();
    let auditor = Rest {
        token: auditor["token"].as_str().unwrap().to_owned(),
        ..rest.clone()
    };
    assert_eq!(seen(&auditor, serial).await.1, Vec::<String>::new());
    rest.hold(serial).await;
    assert_eq!(seen(&rest, serial).await.1, ["release", "revoke"]);
    rest.release(serial).await;
    system.cli_ok(&["ca", "suspend", "issuing"]).unwrap();
    assert_eq!(seen(&rest, serial).await.1, ["hold", "revoke"]);
    rest.revoke(serial, "superseded").await;
    assert_eq!(seen(&rest, serial).await.1, ["revoke"], "for compromise");
    rest.revoke(serial, "key-compromise").await;
    assert_eq!(seen(&rest, serial).await.1, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ca_and_an_api_key_say_what_their_reader_may_do_with_them_now() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let made = system
        .cli_ok(&["apikey", "create", "reader", "--role", "auditor", "-o", "json"])
        .unwrap();
    let made: Value = serde_json::from_str(&made).unwrap();
    let auditor = Rest {
        token: made["token"].as_str().unwrap().to_owned(),
        ..rest.clone()
    };
    let of_ca = async |reader: &Rest| {
        let ca: Value = reader.get("/api/v1/cas/issuing").await.json().await.unwrap();
        ca["allowed_actions"].clone()
    };
    let of_key = async |reader: &Rest| {
        let page: Value = reader.get("/api/v1/api-keys").await.json().await.unwrap();
        let keys = page["items"].as_array().unwrap();
        let key = keys.iter().find(|key| key["prefix"] == made["prefix"]).unwrap();
        key["allowed_actions"].clone()
    };
    assert_eq!(
        (of_ca(&rest).await, of_ca(&auditor).await),
        (json!(["suspend"]), json!([]))
    );
    assert_eq!(
        (of_key(&rest).await, of_key(&auditor).await),
        (json!(["revoke"]), json!([]))
    );
    system.cli_ok(&["ca", "suspend", "issuing"]).unwrap();
    assert_eq!(of_ca(&rest).await, json!(["resume"]));
    let prefix = made["prefix"].as_str().unwrap();
    system.cli_ok(&["apikey", "revoke", prefix, "--yes"]).unwrap();
    assert_eq!(of_key(&rest).await, json!([]));
    let shown = system.cli_ok(&["apikey", "show", prefix, "-o", "json"]).unwrap();
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(
        (&shown["name"], &shown["status"]),
        (&json!("reader"), &json!("revoked"))
    );
}
