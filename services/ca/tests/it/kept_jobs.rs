//! What a job leaves behind: bounded for each requester, and nothing that was not looked at. A stop does not wait for its end.

use std::time::Duration;

use kit::jobs::JobRequest;
use store::Db;
use store::jobs::{NewJob, State};
use testkit::on_both_databases;
use uuid::Uuid;

use crate::turns::{Running, execute, jobs_of, request, state_of, store, until};
use crate::world::{NOW, World};

on_both_databases!(
    a_stop_does_not_wait_until_all_objects_are_found,
    a_canceled_job_keeps_the_number_of_what_was_not_looked_at_and_nothing_more,
    a_job_that_was_about_to_fail_fails_though_the_process_died,
    of_one_requester_so_many_jobs_are_kept,
    of_one_requester_so_many_items_are_kept,
    of_one_requester_so_many_bytes_are_kept,
    a_form_that_is_not_known_here_is_left_to_a_later_program,
);

const PATIENCE: Duration = Duration::from_secs(20);

async fn a_stop_does_not_wait_until_all_objects_are_found(world: World) {
    let running = Running::on(&world);
    let endless = store(&world.db, &running.jobs, &request("endless"))
        .await
        .unwrap();
    let found = async {
        while store::jobs::count_items(&world.db, endless, None, 10)
            .await
            .unwrap()
            < 3
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let found = tokio::time::timeout(PATIENCE, found).await;
    assert!(found.is_ok(), "it collects nothing");
    let stopped = tokio::time::timeout(PATIENCE, running.end()).await;
    assert!(stopped.is_ok(), "the stop waits for what has no end");
    assert_eq!(
        state_of(&world.db, endless).await,
        "running",
        "it is gone on with later"
    );
}

fn named(requester: &str, items: usize) -> JobRequest {
    JobRequest {
        objects: Some((0..items).map(|item| item.to_string()).collect()),
        ..request(requester)
    }
}

async fn items_of(db: &Db, job: Uuid) -> i64 {
    store::jobs::count_items(db, job, None, 100_000).await.unwrap()
}

async fn a_canceled_job_keeps_the_number_of_what_was_not_looked_at_and_nothing_more(world: World) {
    let jobs = jobs_of(&world);
    let job = store(&world.db, &jobs, &named("a", 2500)).await.unwrap();
    let mut tx = world.db.begin().await.unwrap();
    assert!(store::jobs::cancel(&mut tx, job, "a", NOW).await.unwrap());
    tx.commit().await.unwrap();
    let running = Running::on(&world);
    until(&world.db, job, State::Canceled).await;
    let counts = store::jobs::get(&world.db, job)
        .await
        .unwrap()
        .unwrap()
        .counts
        .unwrap();
    assert_eq!((counts.pending, counts.total()), (2500, 2500));
    assert_eq!(items_of(&world.db, job).await, 0);
    running.end().await;
}

async fn a_job_that_was_about_to_fail_fails_though_the_process_died(world: World) {
    let jobs = jobs_of(&world);
    let job = store(&world.db, &jobs, &named("a", 2)).await.unwrap();
    let mut tx = world.db.begin().await.unwrap();
    store::jobs::fail(&mut tx, job, "it cannot be done")
        .await
        .unwrap();
    store::jobs::drop_pending(&mut tx, job).await.unwrap();
    tx.commit().await.unwrap();
    let running = Running::on(&world);
    until(&world.db, job, State::Failed).await;
    let ended = store::jobs::get(&world.db, job).await.unwrap().unwrap();
    assert_eq!(ended.failure.as_deref(), Some("it cannot be done"));
    assert_eq!(ended.counts.unwrap().pending, 2);
    running.end().await;
}

/// A job that ended some seconds after the first one.
async fn ended(db: &Db, second: i64) -> Uuid {
    ended_of(db, second, &serde_json::Value::Null).await
}

/// One that asked for this.
async fn ended_of(db: &Db, second: i64, asked: &serde_json::Value) -> Uuid {
    let job = NewJob {
        kind: "test",
        requester: "a",
        request: asked,
        format: 1,
        claim: None,
        correlation_id: None,
        traceparent: None,
    };
    let now = NOW + time::Duration::seconds(second);
    let mut tx = db.begin().await.unwrap();
    let id = store::jobs::create(&mut tx, &job, now).await.unwrap();
    store::jobs::add_items(&mut tx, id, &["1".to_owned()])
        .await
        .unwrap();
    store::jobs::end(&mut tx, id, (State::Done, None), now)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    id
}

async fn until_forgotten(db: &Db, job: Uuid) {
    let forgotten = async {
        while store::jobs::get(db, job).await.unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let forgotten = tokio::time::timeout(PATIENCE, forgotten).await;
    assert!(forgotten.is_ok(), "it is kept beside all the others");
    assert_eq!(items_of(db, job).await, 0);
}

async fn of_one_requester_so_many_jobs_are_kept(world: World) {
    let oldest = ended(&world.db, -2000).await;
    let second = ended(&world.db, -1999).await;
    for second in 1..999 {
        ended(&world.db, second - 1500).await;
    }
    let running = Running::on(&world);
    let new = store(&world.db, &running.jobs, &request("a")).await.unwrap();
    until(&world.db, new, State::Done).await;
    until_forgotten(&world.db, oldest).await;
    running.end().await;
    let left = store::jobs::count(&world.db, Some("a"), 10_000).await.unwrap();
    assert_eq!(left, 1000);
    assert!(store::jobs::get(&world.db, second).await.unwrap().is_some());
}

async fn of_one_requester_so_many_items_are_kept(world: World) {
    let old = ended(&world.db, -20).await;
    let large = ended(&world.db, -10).await;
    let sql = "UPDATE jobs SET done_items = 199999 WHERE id = $1";
    execute(&world.db, sql, large).await;
    let running = Running::on(&world);
    let new = store(&world.db, &running.jobs, &named("a", 1)).await.unwrap();
    until(&world.db, new, State::Done).await;
    running.end().await;
    assert!(
        store::jobs::get(&world.db, large).await.unwrap().is_some(),
        "200,000 are kept"
    );
    let one_more = "UPDATE jobs SET done_items = 2 WHERE id = $1";
    execute(&world.db, one_more, old).await;
    let prune = async || {
        let lease = store::lease::take(&world.db, "pruning", "test", Duration::from_secs(60)).await;
        jobs_of(&world).prune(&lease.unwrap().unwrap()).await.unwrap();
    };
    prune().await;
    until_forgotten(&world.db, old).await;
    assert!(store::jobs::get(&world.db, large).await.unwrap().is_some());
}

async fn of_one_requester_so_many_bytes_are_kept(world: World) {
    let half = serde_json::Value::String("x".repeat(2 * 1024 * 1024));
    let old = ended_of(&world.db, -20, &half).await;
    let large = ended_of(&world.db, -10, &half).await;
    let running = Running::on(&world);
    let new = store(&world.db, &running.jobs, &request("a")).await.unwrap();
    until(&world.db, new, State::Done).await;
    until_forgotten(&world.db, old).await;
    running.end().await;
    assert!(store::jobs::get(&world.db, large).await.unwrap().is_some());
}

async fn a_form_that_is_not_known_here_is_left_to_a_later_program(world: World) {
    let jobs = jobs_of(&world);
    let later = JobRequest {
        format: 2,
        ..request("a")
    };
    let later = store(&world.db, &jobs, &later).await.unwrap();
    let known = store(&world.db, &jobs, &request("a")).await.unwrap();
    let running = Running::on(&world);
    until(&world.db, known, State::Done).await;
    running.end().await;
    assert_eq!(state_of(&world.db, later).await, "queued");
}
