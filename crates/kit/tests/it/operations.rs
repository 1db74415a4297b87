//! Health, metrics, the OpenAPI document.

use kit::health::Health;
use kit::http::standard_layers;
use tokio_util::sync::CancellationToken;
use utoipa::OpenApi;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, PathItem};

use crate::world::{Served, client, eventually};

#[tokio::test]
async fn a_process_says_whether_it_is_alive_and_ready() {
    let stop = CancellationToken::new();
    let health = Health::new(stop.clone());
    health.register("database", async || {
        Err("password authentication failed for db:5432".into())
    });
    let served = Served::plain(standard_layers(health.router(), "test")).await;
    let get = async |path: &str| {
        let response = client().get(served.http(path)).send().await.unwrap();
        (
            response.status().as_u16(),
            response.json::<serde_json::Value>().await.unwrap(),
        )
    };
    assert_eq!(
        get("/healthz").await,
        (200, serde_json::json!({"status": "alive"}))
    );
    let not_ready = serde_json::json!({"status": "not-ready", "failing": ["database"]});
    assert_eq!(get("/readyz").await, (503, not_ready));
    stop.cancel();
    assert_eq!(
        get("/readyz").await,
        (503, serde_json::json!({"status": "stopping"}))
    );
    assert_eq!(get("/healthz").await.0, 200);
}

#[tokio::test]
async fn metrics_are_served_in_the_text_format() {
    let metrics = kit::metrics::install().unwrap();
    kit::metrics::build_info("0.0.0-test");
    let served = Served::plain(standard_layers(metrics.router(), "metrics")).await;
    let response = client().get(served.http("/metrics")).send().await.unwrap();
    assert_eq!(
        response.headers().get("content-type").unwrap(),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let text = response.text().await.unwrap();
    assert!(
        text.contains(r#"gigvault_build_info{version="0.0.0-test"} 1"#),
        "{text}"
    );
}

#[derive(OpenApi)]
struct Base;

/// The document of one operation a path, each with its permission, completed.
fn completed(operations: &[(&str, Option<&str>)]) -> serde_json::Value {
    let mut document = Base::openapi();
    for (path, permission) in operations {
        let permission =
            permission.map(|name| ExtensionsBuilder::new().add("x-permission", name).build());
        let operation = OperationBuilder::new().extensions(permission);
        document
            .paths
            .paths
            .insert((*path).to_owned(), PathItem::new(HttpMethod::Get, operation));
    }
    kit::openapi::complete(&mut document);
    serde_json::to_value(&document).unwrap()
}

const OPERATIONS: [(&str, Option<&str>); 3] = [
    ("/open", None),
    ("/anyone", Some("")),
    ("/keys", Some("keys:read")),
];

#[test]
fn an_operation_needs_credentials_exactly_if_it_states_a_permission() {
    let document = completed(&OPERATIONS);
    for (path, permission) in OPERATIONS {
        let bearer = match permission {
            Some(_) => serde_json::json!([{"bearer": []}]),
            None => serde_json::Value::Null,
        };
        assert_eq!(document["paths"][path]["get"]["security"], bearer, "{path}");
    }
    assert!(document["components"]["securitySchemes"]["bearer"].is_object());
}

#[test]
fn operations_get_what_they_have_in_common() {
    let document = completed(&OPERATIONS);
    let responses = |path: &str| {
        let responses = document["paths"][path]["get"]["responses"].as_object().unwrap();
        responses.keys().map(String::as_str).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(responses("/open"), "default");
    assert_eq!(responses("/anyone"), "401 default");
    assert_eq!(responses("/keys"), "401 403 default");
    let forbidden = &document["paths"]["/keys"]["get"]["responses"]["403"];
    assert!(forbidden["description"].as_str().unwrap().contains("keys:read"));
    let schema = &forbidden["content"]["application/problem+json"]["schema"]["$ref"];
    assert_eq!(schema, "#/components/schemas/Problem");
    let properties = document["components"]["schemas"]["Problem"]["properties"]
        .as_object()
        .unwrap();
    assert!(properties.contains_key("type") && properties.contains_key("detail"));
}

#[tokio::test]
async fn a_signal_to_stop_cancels_the_token() {
    let stop = kit::shutdown::on_signal().unwrap();
    assert!(!stop.is_cancelled());
    let own = std::process::id().to_string();
    assert!(
        std::process::Command::new("kill")
            .args(["-TERM", &own])
            .status()
            .unwrap()
            .success()
    );
    eventually("the stop", || stop.is_cancelled()).await;
}
