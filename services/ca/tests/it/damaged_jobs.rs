//! Jobs whose rows cannot be read, over REST: shown as failed, in whole pages, and ended by whoever may end them.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use http_body_util::BodyExt as _;
use kit::jobs::{JobRequest, Jobs};
use serde_json::Value;
use testkit::credentials::ByRole;
use testkit::on_both_databases;
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::turns::{execute, jobs_of, request, store};
use crate::world::World;

on_both_databases!(
    a_damaged_job_is_shown_as_failed_in_a_whole_page,
    a_damaged_job_can_be_canceled,
    a_damaged_item_is_shown_as_failed_in_a_whole_page,
    the_log_names_a_damaged_job_once,
);

fn routes(jobs: &Jobs) -> Router {
    let (routes, _) = kit::jobs::routes(vec![jobs.clone()], Arc::new(ByRole)).split_for_parts();
    routes
}

async fn answer(routes: &Router, request: Request<Body>) -> String {
    let path = request.uri().to_string();
    let answer = routes.clone().oneshot(request).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8(body.to_vec()).unwrap();
    assert_eq!(status, StatusCode::OK, "{path}: {text}");
    text
}

async fn read(routes: &Router, path: &str, accept: &str) -> String {
    let request = Request::get(path)
        .header(header::AUTHORIZATION, "Bearer ca-operator")
        .header(header::ACCEPT, accept);
    answer(routes, request.body(Body::empty()).unwrap()).await
}

async fn json(routes: &Router, path: &str) -> Value {
    serde_json::from_str(&read(routes, path, "application/json").await).unwrap()
}

/// Three jobs, of which the second is damaged.
async fn one_of_three_damaged(world: &World, jobs: &Jobs) -> [Uuid; 3] {
    let mut all = [Uuid::nil(); 3];
    for job in &mut all {
        *job = store(&world.db, jobs, &request("a")).await.unwrap();
        world.clock.advance(time::Duration::seconds(1));
    }
    execute(&world.db, "UPDATE jobs SET request = '{' WHERE id = $1", all[1]).await;
    all
}

async fn a_damaged_job_is_shown_as_failed_in_a_whole_page(world: World) {
    const DETAIL: &str = "what the database holds of it cannot be read: request";
    let jobs = jobs_of(&world);
    let routes = routes(&jobs);
    let all = one_of_three_damaged(&world, &jobs).await;
    let page = json(&routes, "/api/v1/jobs?sort=created_at").await;
    let shown = page["items"].as_array().unwrap();
    let ids: Vec<String> = all.iter().map(|job| jobs.id(*job).to_string()).collect();
    let found: Vec<&str> = shown.iter().map(|job| job["id"].as_str().unwrap()).collect();
    assert_eq!(found, ids);
    let states: Vec<&str> = shown.iter().map(|job| job["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["queued", "failed", "queued"]);
    assert_eq!(shown[1]["failure"], DETAIL);
    assert_eq!(json(&routes, &format!("/api/v1/jobs/{}", ids[1])).await, shown[1]);
    let csv = read(&routes, "/api/v1/jobs", "text/csv").await;
    assert_eq!(csv.lines().count(), 4, "{csv}");
    assert!(csv.contains(DETAIL), "{csv}");
    // Pages of one: what is behind the damaged row is reached.
    let first = json(&routes, "/api/v1/jobs?sort=created_at&limit=2").await;
    let rest = format!(
        "/api/v1/jobs?sort=created_at&limit=2&cursor={}",
        first["next_cursor"].as_str().unwrap()
    );
    assert_eq!(json(&routes, &rest).await["items"][0]["id"], ids[2].as_str());
}

async fn a_damaged_job_can_be_canceled(world: World) {
    let jobs = jobs_of(&world);
    let routes = routes(&jobs);
    let [_, damaged, _] = one_of_three_damaged(&world, &jobs).await;
    let cancel = Request::post(format!("/api/v1/jobs/{}/cancel", jobs.id(damaged)))
        .header(header::AUTHORIZATION, "Bearer ca-operator")
        .header(header::CONTENT_TYPE, "application/json");
    let canceled = answer(&routes, cancel.body(Body::from("{}")).unwrap()).await;
    let canceled: Value = serde_json::from_str(&canceled).unwrap();
    assert_eq!(canceled["canceled_by"], "test:ca-operator");
    let stored = store::jobs::as_stored(&world.db, damaged).await.unwrap().unwrap();
    assert!(stored.cancel_asked.is_some());
}

async fn a_damaged_item_is_shown_as_failed_in_a_whole_page(world: World) {
    let jobs = jobs_of(&world);
    let routes = routes(&jobs);
    let named = JobRequest {
        objects: Some(vec!["1".to_owned(), "2".to_owned(), "3".to_owned()]),
        ..request("a")
    };
    let job = store(&world.db, &jobs, &named).await.unwrap();
    let lost = "UPDATE job_items SET state = 'lost' WHERE job = $1 AND position = 1";
    execute(&world.db, lost, job).await;
    let path = format!("/api/v1/jobs/{}/items", jobs.id(job));
    let all = json(&routes, &path).await;
    let states = all["items"].as_array().unwrap().iter().map(|item| &item["state"]);
    assert_eq!(states.collect::<Vec<_>>(), ["pending", "failed", "pending"]);
    let failed = json(&routes, &format!("{path}?state=failed&count=exact")).await;
    assert_eq!(failed["items"].as_array().unwrap().len(), 1);
    assert_eq!(failed["items"][0]["object"], "2");
    let detail = "what the database holds of it cannot be read: state";
    assert_eq!(failed["items"][0]["detail"], detail);
    assert_eq!(
        json(&routes, &format!("/api/v1/jobs/{}", jobs.id(job))).await["failed"],
        1
    );
    let csv = read(&routes, &path, "text/csv").await;
    assert_eq!(csv.lines().count(), 4, "{csv}");
}

async fn the_log_names_a_damaged_job_once(world: World) {
    let jobs = jobs_of(&world);
    let routes = routes(&jobs);
    one_of_three_damaged(&world, &jobs).await;
    let (log, _logging) = testkit::logs::begin();
    for _ in 0..3 {
        json(&routes, "/api/v1/jobs").await;
    }
    assert_eq!(log.of("ERROR").len(), 1, "{:?}", log.of("ERROR"));
}
