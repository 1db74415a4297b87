//! REST at the edge: problem documents for whatever goes wrong, ids, headers.

use std::time::Duration;

use kit::error::{Fault, Kind, Shown};
use kit::http::{Edge, Json, Path, PublicRoutes, Query, Raw, Site, Takes, Unauthenticated};
use kit::problem::Problem;
use reqwest::{Method, Response};
use serde::Deserialize;
use serde_json::Value;

use crate::world::{Served, client};

#[derive(Deserialize)]
struct Order {
    name: String,
}

#[derive(Deserialize)]
struct Page {
    limit: Option<u16>,
}

#[derive(Debug, thiserror::Error)]
#[error("the database does not answer; try again")]
struct Down(#[source] std::io::Error);

impl Fault for Down {
    fn shown(&self) -> Shown<'_> {
        Shown::of(Kind::Unavailable).retry_after(Duration::from_secs(3))
    }
}

/// Short JSON.
const JSON: Takes = Takes::NOTHING.body(&["application/json"], 1000);

pub(crate) fn routes() -> PublicRoutes {
    PublicRoutes::new()
        .post(
            "/orders",
            JSON,
            async |Unauthenticated(Json(order)): Unauthenticated<Json<Order>>| order.name,
        )
        .get("/orders", Takes::NOTHING.query(&["limit"]), list)
        .get(
            "/orders/{number}",
            Takes::NOTHING,
            async |Path(number): Path<u32>| number.to_string(),
        )
        .get("/down", Takes::NOTHING, async || {
            Problem::from(Down(std::io::Error::other("database at db:5432 is down")))
        })
        .get("/panic", Takes::NOTHING, panics)
        .get("/slow", Takes::NOTHING, async || {
            tokio::time::sleep(Duration::from_secs(60)).await;
        })
        .post(
            "/bytes",
            JSON,
            async |Unauthenticated(Raw(body)): Unauthenticated<Raw>| body.len().to_string(),
        )
        .post("/plain", JSON, async |axum::Json(_): axum::Json<Value>| "fine")
        .get("/html", Takes::NOTHING, async || {
            (http::StatusCode::NOT_FOUND, axum::response::Html("<p>not here"))
        })
        .get("/trace", Takes::NOTHING, async || {
            kit::trace::current().traceparent.unwrap_or_default()
        })
}

async fn list(Query(page): Query<Page>) -> String {
    format!("{:?}", page.limit)
}

async fn panics() -> String {
    panic!("secret state")
}

/// The routes behind the usual layers.
pub(crate) fn site(service: &'static str) -> Site {
    Edge::new(service).around_public(routes())
}

pub(crate) async fn served() -> Served {
    let edge = Edge::new("test").time_limit(Duration::from_millis(500));
    Served::plain(edge.around_public(routes())).await
}

/// The problem document of a response, checked for what all have.
async fn problem(response: Response) -> (u16, String, Value) {
    let status = response.status().as_u16();
    assert_eq!(
        response.headers().get("content-type").unwrap(),
        "application/problem+json"
    );
    let correlation_id = response
        .headers()
        .get("x-correlation-id")
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    let document: Value = response.json().await.unwrap();
    assert_eq!(document["status"], status);
    assert_eq!(document["correlation_id"], correlation_id.as_str());
    assert!(
        !document["detail"].as_str().unwrap().is_empty() && !document["title"].as_str().unwrap().is_empty()
    );
    let slug = document["type"]
        .as_str()
        .unwrap()
        .strip_prefix("https://gigvault.io/problems/")
        .unwrap()
        .to_owned();
    (status, slug, document)
}

pub(crate) async fn send(served: &Served, method: Method, path: &str, body: &str) -> Response {
    let request = client()
        .request(method, served.http(path))
        .header("content-type", "application/json");
    request.body(body.to_owned()).send().await.unwrap()
}

#[tokio::test]
async fn whatever_goes_wrong_is_a_problem_document() {
    let served = served().await;
    let long = format!(r#"{{"name": "{}"}}"#, "x".repeat(2000));
    for (method, path, body, status, slug) in [
        (Method::GET, "/nowhere", "", 404, "unknown-path"),
        (Method::DELETE, "/orders", "", 405, "method-not-allowed"),
        (Method::POST, "/orders", "", 400, "invalid-request"),
        (Method::POST, "/orders", "{", 400, "invalid-request"),
        (Method::POST, "/orders", r#"{"name": 3}"#, 422, "invalid-request"),
        (
            Method::POST,
            "/orders",
            r#"{"name": "x", "admin": true}"#,
            422,
            "unknown-member",
        ),
        (Method::POST, "/orders", &long, 413, "body-too-large"),
        (Method::POST, "/bytes", &long, 413, "body-too-large"),
        (Method::POST, "/plain", "{", 400, "invalid-request"),
        (Method::GET, "/orders?limt=3", "", 400, "unknown-parameter"),
        (
            Method::GET,
            "/orders?limit=99999999999999999999",
            "",
            400,
            "invalid-request",
        ),
        (Method::GET, "/orders/first", "", 400, "invalid-request"),
        (Method::GET, "/orders/%ff", "", 400, "invalid-request"),
        (Method::GET, "/down", "", 503, "unavailable"),
        (Method::GET, "/panic", "", 500, "internal"),
        (Method::GET, "/slow", "", 503, "timeout"),
    ] {
        let response = send(&served, method.clone(), path, body).await;
        let (got, problem, document) = problem(response).await;
        assert_eq!((got, problem.as_str()), (status, slug), "{method} {path}");
        let text = document.to_string();
        assert!(
            !text.contains("db:5432") && !text.contains("secret state"),
            "{text}"
        );
    }
    assert!(
        send(&served, Method::POST, "/orders", r#"{"name": "x"}"#)
            .await
            .status()
            .is_success()
    );
}

#[tokio::test]
async fn a_problem_names_its_input_and_what_to_do() {
    let served = served().await;
    let (_, _, document) =
        problem(send(&served, Method::POST, "/orders", r#"{"name": "x", "admin": 1}"#).await).await;
    assert_eq!(document["field"], "admin");
    let (_, _, document) = problem(send(&served, Method::GET, "/orders?limt=3", "").await).await;
    assert_eq!(document["field"], "limt");
    let response = send(&served, Method::DELETE, "/orders", "").await;
    let allow = response.headers().get("allow").unwrap().to_str().unwrap();
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
    assert_eq!(
        send(&served, Method::GET, "/down", "")
            .await
            .headers()
            .get("retry-after")
            .unwrap(),
        "3"
    );
    assert_eq!(
        send(&served, Method::GET, "/slow", "")
            .await
            .headers()
            .get("retry-after")
            .unwrap(),
        "2"
    );
}

#[tokio::test]
async fn a_body_of_another_media_type_is_refused() {
    let served = served().await;
    for media_type in [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonp",
    ] {
        let request = client()
            .post(served.http("/orders"))
            .header("content-type", media_type)
            .body("{}");
        let (status, slug, _) = problem(request.send().await.unwrap()).await;
        assert_eq!(
            (status, slug.as_str()),
            (415, "unsupported-media-type"),
            "{media_type}"
        );
    }
    let request = client()
        .post(served.http("/orders"))
        .header("content-type", "Application/JSON; charset=utf-8");
    assert!(
        request
            .body(r#"{"name": "x"}"#)
            .send()
            .await
            .unwrap()
            .status()
            .is_success()
    );
}

#[tokio::test]
async fn a_body_without_a_length_is_counted_while_it_comes() {
    let served = served().await;
    for path in ["/orders", "/bytes"] {
        let chunks = futures::stream::iter((0..100).map(|_| Ok::<_, std::io::Error>("x".repeat(100))));
        let request = client()
            .post(served.http(path))
            .header("content-type", "application/json");
        let response = request
            .body(reqwest::Body::wrap_stream(chunks))
            .send()
            .await
            .unwrap();
        assert_eq!(problem(response).await.0, 413, "{path}");
    }
}

#[tokio::test]
async fn what_a_handler_meant_stays_as_it_is() {
    let served = served().await;
    let response = send(&served, Method::GET, "/html", "").await;
    assert_eq!(response.status(), 404);
    assert_eq!(response.text().await.unwrap(), "<p>not here");
}

#[tokio::test]
async fn a_panic_ends_its_request_only() {
    let served = served().await;
    let client = client();
    for _ in 0..3 {
        assert_eq!(
            client.get(served.http("/panic")).send().await.unwrap().status(),
            500
        );
        assert_eq!(
            client
                .get(served.http("/orders/7"))
                .send()
                .await
                .unwrap()
                .text()
                .await
                .unwrap(),
            "7"
        );
    }
}

#[tokio::test]
async fn a_trace_is_continued_and_a_broken_one_is_not() {
    let served = served().await;
    let get = async |name: &str, value: &str| {
        let response = client()
            .get(served.http("/trace"))
            .header(name, value)
            .send()
            .await
            .unwrap();
        let id = response
            .headers()
            .get("x-correlation-id")
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        (response.text().await.unwrap(), id)
    };
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let (traceparent, id) = get("traceparent", &format!("00-{trace}-b7ad6b7169203331-01")).await;
    assert!(
        traceparent.starts_with(&format!("00-{trace}-")) && id == trace,
        "{traceparent} {id}"
    );
    let (traceparent, id) = get("traceparent", &format!("ff-{trace}-b7ad6b7169203331-01")).await;
    assert!(
        !traceparent.contains(trace) && traceparent.contains(&id),
        "{traceparent} {id}"
    );
    assert_eq!(get("x-correlation-id", "order-7").await.1, "order-7");
    assert_ne!(get("x-correlation-id", "order 7\"}").await.1, "order 7\"}");
}
