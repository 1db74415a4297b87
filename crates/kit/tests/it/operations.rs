//! Health, metrics, the OpenAPI document.

use kit::health::Health;
use kit::http::standard_layers;
use tokio_util::sync::CancellationToken;
use utoipa::OpenApi;
use utoipa::openapi::ResponseBuilder;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathItem};

use crate::world::{Served, client, eventually};

#[tokio::test]
async fn a_process_says_whether_it_is_alive_and_ready() {
    let stop = CancellationToken::new();
    let health = Health::of(vec!["ca"], stop.clone());
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
        (200, serde_json::json!({"status": "alive", "services": ["ca"]}))
    );
    let not_ready = serde_json::json!({"status": "not-ready", "services": ["ca"], "failing": ["database"]});
    assert_eq!(get("/readyz").await, (503, not_ready));
    stop.cancel();
    assert_eq!(
        get("/readyz").await,
        (503, serde_json::json!({"status": "stopping", "services": ["ca"]}))
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

/// The document of operations, each with its path, completed.
fn completed(operations: impl IntoIterator<Item = (&'static str, OperationBuilder)>) -> serde_json::Value {
    let mut document = Base::openapi();
    for (path, operation) in operations {
        document
            .paths
            .paths
            .insert(path.to_owned(), PathItem::new(HttpMethod::Get, operation));
    }
    kit::openapi::complete(&mut document);
    serde_json::to_value(&document).unwrap()
}

fn stating(permission: Option<&str>) -> OperationBuilder {
    let extensions = permission.map(|name| ExtensionsBuilder::new().add("x-permission", name).build());
    OperationBuilder::new().extensions(extensions)
}

fn responses(document: &serde_json::Value, path: &str) -> String {
    let responses = document["paths"][path]["get"]["responses"].as_object().unwrap();
    responses.keys().map(String::as_str).collect::<Vec<_>>().join(" ")
}

const OPERATIONS: [(&str, Option<&str>); 3] = [
    ("/open", None),
    ("/anyone", Some("")),
    ("/keys", Some("keys:read")),
];

#[test]
fn an_operation_needs_credentials_exactly_if_it_states_a_permission() {
    let document = completed(OPERATIONS.map(|(path, permission)| (path, stating(permission))));
    for (path, permission) in OPERATIONS {
        let bearer = match permission {
            Some(_) => serde_json::json!([{"bearer": []}]),
            None => serde_json::json!([]),
        };
        assert_eq!(document["paths"][path]["get"]["security"], bearer, "{path}");
    }
    assert!(document["components"]["securitySchemes"]["bearer"].is_object());
}

#[test]
fn operations_get_what_they_have_in_common() {
    let document = completed(OPERATIONS.map(|(path, permission)| (path, stating(permission))));
    assert_eq!(responses(&document, "/open"), "400 default");
    assert_eq!(responses(&document, "/anyone"), "400 401 default");
    assert_eq!(responses(&document, "/keys"), "400 401 403 default");
    let forbidden = &document["paths"]["/keys"]["get"]["responses"]["403"];
    assert!(forbidden["description"].as_str().unwrap().contains("keys:read"));
    let schema = &forbidden["content"]["application/problem+json"]["schema"]["$ref"];
    assert_eq!(schema, "#/components/schemas/Problem");
    let properties = document["components"]["schemas"]["Problem"]["properties"]
        .as_object()
        .unwrap();
    assert!(properties.contains_key("type") && properties.contains_key("detail"));
}

#[test]
fn parameters_bring_their_refusals_and_what_a_handler_says_of_one_stays() {
    let parameter =
        |name: &str, place: ParameterIn| ParameterBuilder::new().name(name).parameter_in(place).build();
    let own = |text: &str| ResponseBuilder::new().description(text).build();
    let document = completed([
        (
            "/things/{name}",
            stating(None).parameter(parameter("name", ParameterIn::Path)),
        ),
        (
            "/tagged",
            stating(None).parameter(parameter("If-Match", ParameterIn::Header)),
        ),
        (
            "/plain",
            stating(None).parameter(parameter("limit", ParameterIn::Query)),
        ),
        (
            "/made",
            stating(None)
                .parameter(parameter("Idempotency-Key", ParameterIn::Header))
                .response("409", own("the name is taken")),
        ),
        (
            "/mine",
            stating(Some("keys:read")).response("403", own("a key of another service")),
        ),
    ]);
    assert_eq!(responses(&document, "/things/{name}"), "400 404 default");
    assert_eq!(responses(&document, "/tagged"), "400 412 default");
    assert_eq!(responses(&document, "/plain"), "400 default");
    assert_eq!(responses(&document, "/made"), "400 409 default");
    let conflict = &document["paths"]["/made"]["get"]["responses"]["409"];
    assert_eq!(conflict["description"], "the name is taken");
    let schema = &conflict["content"]["application/problem+json"]["schema"]["$ref"];
    assert_eq!(schema, "#/components/schemas/Problem");
    assert_eq!(
        document["paths"]["/mine"]["get"]["responses"]["403"]["description"],
        "a key of another service; or without the permission `keys:read`"
    );
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
