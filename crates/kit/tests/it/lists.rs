//! A list as a service writes it: what a client gets of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response, StatusCode};
use axum::routing::get;
use http_body_util::BodyExt;
use kit::http::{List, NoParameters, Page, Paging, Row};
use kit::page::{Ask, Sort};
use kit::problem::Problem;
use serde::Serialize;
use serde_json::{Value, json};
use tower::ServiceExt;

/// More than two of the largest pages.
const ALL: u32 = 1_200;

struct Numbers;

impl List for Numbers {
    const NAME: &'static str = "numbers";
    const SORTS: &'static [&'static str] = &["number", "-number"];
    type Filters = NoParameters;
}

#[derive(Serialize)]
struct Number {
    number: u32,
    text: String,
}

impl Row for Number {
    const COLUMNS: &'static [&'static str] = &["number", "text"];
}

/// How often a page is read, and at which it fails.
#[derive(Clone)]
struct Source {
    read: Arc<AtomicUsize>,
    fails_at: usize,
}

async fn list(
    State(source): State<Source>,
    Paging { pages, .. }: Paging<Numbers>,
) -> Result<Response<Body>, Problem> {
    let page = move |ask: Ask| {
        let source = source.clone();
        async move {
            if source.read.fetch_add(1, Ordering::Relaxed) == source.fails_at {
                return Err(Problem::new(vocabulary::ProblemType::Unavailable, "gone"));
            }
            let page: Page<u32> = ask.of_all(0..ALL, Sort::of("number"), |number| *number)?;
            let text = |number| format!("={number},\"x\"");
            Ok(page.map(|number| Number {
                number,
                text: text(number),
            }))
        }
    };
    pages.answer(page).await
}

fn numbers(fails_at: usize) -> (Router, Arc<AtomicUsize>) {
    let read = Arc::new(AtomicUsize::new(0));
    let source = Source {
        read: Arc::clone(&read),
        fails_at,
    };
    (Router::new().route("/", get(list)).with_state(source), read)
}

async fn ask(router: &Router, query: &str, accept: &str) -> Response<Body> {
    let request = Request::get(format!("/?{query}")).header("accept", accept);
    let request = request.body(Body::empty()).unwrap();
    router.clone().oneshot(request).await.unwrap()
}

async fn json(router: &Router, query: &str) -> (StatusCode, Value) {
    let answer = ask(router, query, "*/*").await;
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn a_page_has_a_cursor_for_each_direction_and_a_count_where_asked() {
    let (router, _) = numbers(usize::MAX);
    let (_, first) = json(&router, "limit=2").await;
    assert_eq!(first["prev_cursor"], Value::Null);
    assert_eq!(first.get("count"), None, "it was not asked for");
    let next = format!(
        "limit=2&count=exact&cursor={}",
        first["next_cursor"].as_str().unwrap()
    );
    let (_, second) = json(&router, &next).await;
    assert_eq!(second["items"][0]["number"], 2);
    assert_eq!(second["count"], json!({"rows": ALL, "precision": "exact"}));
    let back = format!("limit=2&cursor={}", second["prev_cursor"].as_str().unwrap());
    let (_, front) = json(&router, &back).await;
    assert_eq!(
        (&front["items"], &front["prev_cursor"]),
        (&first["items"], &Value::Null)
    );
    let named = format!(
        "limit=2&sort=number&cursor={}",
        first["next_cursor"].as_str().unwrap()
    );
    let (_, same) = json(&router, &named).await;
    assert_eq!(
        same["items"], second["items"],
        "the list's own order may be named"
    );
    let (_, down) = json(&router, "limit=1&sort=-number").await;
    assert_eq!(down["items"][0]["number"], ALL - 1);
}

#[tokio::test]
async fn what_a_list_does_not_take_is_named() {
    let (router, _) = numbers(usize::MAX);
    let (_, first) = json(&router, "limit=2").await;
    let other = format!("sort=-number&cursor={}", first["next_cursor"].as_str().unwrap());
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("sort=text", "sort"),
        ("count=some", "count"),
        ("cursor=x", "cursor"),
        (other.as_str(), "cursor"),
        ("nosuch=1", "nosuch"),
    ] {
        let (status, problem) = json(&router, query).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(problem["field"], field, "{query}: {problem}");
    }
    for query in ["limit=1", "cursor=x", "count=exact"] {
        let answer = ask(&router, query, "text/csv").await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{query}");
    }
}

#[tokio::test]
async fn csv_is_the_whole_list_read_as_the_client_takes_it() {
    let (router, read) = numbers(usize::MAX);
    let answer = ask(&router, "sort=-number", "text/csv, application/json;q=0.5").await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(
        answer.headers()["content-type"],
        "text/csv; charset=utf-8; header=present"
    );
    assert_eq!(
        answer.headers()["content-disposition"],
        "attachment; filename=\"numbers.csv\""
    );
    assert_eq!(
        read.load(Ordering::Relaxed),
        1,
        "nothing is read ahead of the client"
    );
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let text = std::str::from_utf8(&body).unwrap();
    let lines: Vec<&str> = text.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), usize::try_from(ALL).unwrap() + 1);
    assert_eq!(lines[0], "number,text");
    assert_eq!(lines[1], "1199,\"'=1199,\"\"x\"\"\"");
    assert_eq!(lines[1200], "0,\"'=0,\"\"x\"\"\"");
    assert_eq!(read.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn csv_that_cannot_be_read_to_its_end_breaks_off() {
    let (router, _) = numbers(1);
    let answer = ask(&router, "", "text/csv").await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.into_body().collect().await.is_err());
    let (router, _) = numbers(0);
    let answer = ask(&router, "", "text/csv").await;
    assert_eq!(
        answer.status(),
        StatusCode::SERVICE_UNAVAILABLE,
        "before the first line"
    );
}
