//! Requests that must be refused: a 4xx problem that names the field, nothing stored, nothing signed, no other client hurt.

mod csrs;

use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::system::System;

use crate::judge;
use crate::rest::Rest;

struct Api {
    system: System,
    http: reqwest::Client,
    token: String,
}

impl Api {
    fn new() -> Self {
        let system = System::up().unwrap();
        let (http, token) = (system.http().unwrap(), system.token().unwrap());
        Self { system, http, token }
    }

    async fn issue(&self, body: &Value) -> (StatusCode, Value) {
        let url = format!("{}/api/v1/certificates", self.system.ready().https);
        let response = self
            .http
            .post(url)
            .bearer_auth(&self.token)
            .json(body)
            .send()
            .await
            .unwrap();
        (response.status(), response.json().await.unwrap())
    }

    async fn issued(&self) -> usize {
        let url = format!(
            "{}/api/v1/certificates?requester=&limit=500",
            self.system.ready().https
        );
        let url = url.replace("requester=&", "protocol=rest&");
        let list: Value = self
            .http
            .get(url)
            .bearer_auth(&self.token)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        list["items"].as_array().unwrap().len()
    }

    fn csr(&self, key: &[&str], extra: &[&str]) -> String {
        let path = self.system.dir().join("key.pem");
        let mut generate = vec!["genpkey", "-out", judge::text(&path)];
        generate.extend(key);
        judge::run("openssl", &generate);
        let mut request = vec!["req", "-new", "-key", judge::text(&path)];
        request.extend(extra);
        judge::run("openssl", &request)
    }
}

const SUBJECT: &[&str] = &[
    "-subj",
    "/CN=a.example.test",
    "-addext",
    "subjectAltName=DNS:a.example.test",
];

const P256: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];

fn body(csr: &str) -> Value {
    json!({"csr": csr, "profile": "tls-server"})
}

#[tokio::test]
async fn malformed_requests_name_what_is_wrong() {
    let api = Api::new();
    let csr = api.csr(
        P256,
        &[
            "-subj",
            "/CN=a.example.test",
            "-addext",
            "subjectAltName=DNS:a.example.test",
        ],
    );
    let with = |name: &str, value: Value| {
        let mut body = body(&csr);
        body[name] = value;
        body
    };
    let cases = [
        (with("profile", json!("nosuch")), "profile"),
        (with("ca", json!("nosuch")), ""),
        (with("validity", json!("soon")), "validity"),
        (with("validity", json!("100y")), "validity"),
        (with("san", json!(["dns:*.*.example.test"])), "san"),
        (with("san", json!(["ip:1.2.3"])), "san"),
        (with("admin", json!(true)), ""),
    ];
    for (body, field) in cases {
        let (status, problem) = api.issue(&body).await;
        assert!(status.is_client_error(), "{status} {problem}");
        if !field.is_empty() {
            assert_eq!(problem["field"], field, "{problem}");
        }
    }
    let base = format!("{}/api/v1/certificates", api.system.ready().https);
    for query in [
        "limit=0",
        "limit=501",
        "limit=x",
        "cursor=abc",
        "status=gone",
        "nosuch=1",
        "expires_from=yesterday",
        "spki=00",
    ] {
        let response = api
            .http
            .get(format!("{base}?{query}"))
            .bearer_auth(&api.token)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json",
            "{query}"
        );
    }
    for serial in ["xyz", "%00", "..%2f..%2fetc", "0", &"f".repeat(4000)] {
        let response = api
            .http
            .get(format!("{base}/{serial}"))
            .bearer_auth(&api.token)
            .send()
            .await
            .unwrap();
        assert!(
            response.status().is_client_error(),
            "{serial}: {}",
            response.status()
        );
    }
    assert_eq!(api.issued().await, 0);
}

#[tokio::test]
async fn a_query_parameter_that_a_route_does_not_take_is_named() {
    let api = Api::new();
    let (issued, answer) = api.issue(&body(&api.csr(P256, SUBJECT))).await;
    assert_eq!(issued, StatusCode::CREATED, "{answer}");
    let serial = answer["serial"].as_str().unwrap();
    for path in [
        "cas",
        "cas/issuing",
        "profiles",
        "profiles/tls-server",
        "roles",
        "whoami",
        "keys",
        "keys/nosuch",
        "api-keys",
        &format!("certificates/{serial}"),
        &format!("certificates/{serial}/chain"),
    ] {
        let url = format!("{}/api/v1/{path}?nosuch=1", api.system.ready().https);
        let response = api.http.get(url).bearer_auth(&api.token).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{path}");
        let problem: Value = response.json().await.unwrap();
        assert_eq!(problem["field"], "nosuch", "{path}: {problem}");
    }
}

#[tokio::test]
async fn lists_in_memory_are_paged_by_name() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    for list in ["cas", "profiles", "roles"] {
        let page = async |query: &str| {
            let answer = rest.get(&format!("/api/v1/{list}?{query}")).await;
            assert_eq!(answer.status(), StatusCode::OK, "{list}?{query}");
            answer.json::<Value>().await.unwrap()
        };
        let name = |item: &Value| item["name"].as_str().unwrap().to_owned();
        let names = |page: &Value| {
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(name)
                .collect::<Vec<_>>()
        };
        let whole = page("").await;
        assert_eq!(whole["next_cursor"], Value::Null, "{list}");
        assert!(
            names(&whole).is_sorted() && names(&whole).len() > 1,
            "{list}: {whole}"
        );
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let one = page(&format!("limit=1{cursor}")).await;
            assert_eq!(names(&one).len(), 1, "{list}");
            seen.extend(names(&one));
            match one["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(seen, names(&whole), "{list}");
        for (query, field) in [("limit=0", "limit"), ("cursor=x", "cursor")] {
            let answer = rest.get(&format!("/api/v1/{list}?{query}")).await;
            assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{list}?{query}");
            assert_eq!(answer.json::<Value>().await.unwrap()["field"], field);
        }
    }
}

#[tokio::test]
async fn an_idempotency_key_has_one_effect_however_often_it_is_sent() {
    let api = Api::new();
    let csr = api.csr(
        P256,
        &[
            "-subj",
            "/CN=a.example.test",
            "-addext",
            "subjectAltName=DNS:a.example.test",
        ],
    );
    let url = format!("{}/api/v1/certificates", api.system.ready().https);
    let send = |body: Value| {
        let request = api
            .http
            .post(&url)
            .bearer_auth(&api.token)
            .header("idempotency-key", "order-7")
            .json(&body);
        async move {
            let response = request.send().await.unwrap();
            (response.status(), response.json::<Value>().await.unwrap())
        }
    };
    let all = (0..32)
        .map(|_| tokio::spawn(send(body(&csr))))
        .collect::<Vec<_>>();
    let mut serials = std::collections::BTreeSet::new();
    for one in all {
        let (status, answer) = one.await.unwrap();
        assert_eq!(status, StatusCode::CREATED, "{answer}");
        serials.insert(answer["serial"].as_str().unwrap().to_owned());
    }
    assert_eq!(serials.len(), 1);
    assert_eq!(api.issued().await, 1);
    let (status, problem) = send(json!({"csr": csr, "profile": "tls-server", "validity": "1d"})).await;
    assert_eq!(status, StatusCode::CONFLICT, "{problem}");
    assert_eq!(api.issued().await, 1);
}
