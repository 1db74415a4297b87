//! Whose job is next: requesters take turns, and work that this process does not know keeps no other waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use http_body_util::BodyExt as _;
use kit::auth::Caller;
use kit::error::{Fault as _, Kind};
use kit::jobs::{Collected, Failure, ItemDone, JobRequest, Jobs, NotStored, Work, rest};
use serde_json::Value;
use store::jobs::{Job, NewJob, State};
use store::{Db, IdempotencyClaim, Tx};
use testkit::credentials::ByRole;
use testkit::on_both_databases;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::world::World;

on_both_databases!(
    the_jobs_of_one_requester_do_not_fill_all_places,
    a_kind_that_is_not_known_here_keeps_nobody_waiting_and_is_left_as_it_is,
    a_job_that_was_asked_to_end_ends_whatever_its_kind_and_whatever_else_is_done,
    a_job_that_cannot_be_read_ends_as_failed_and_others_go_on,
    a_requester_with_too_many_jobs_is_told_to_wait_and_others_are_not,
    a_requester_with_too_many_items_is_told_to_wait_and_others_are_not,
    an_idempotency_key_stands_for_a_job_for_a_day,
    what_is_accepted_tells_what_its_requester_may_do_with_it,
    a_process_says_that_it_does_no_jobs_of_a_service_and_not_that_it_does_not_run_it,
);

/// Work that has nothing to do, for `slow` takes until it is let go, and for `endless` finds ever more.
#[derive(Clone, Default)]
pub(crate) struct Gated {
    open: CancellationToken,
    slow: Arc<AtomicUsize>,
}

impl Work for Gated {
    fn kind(&self) -> &'static str {
        "test"
    }

    fn format(&self) -> i64 {
        1
    }

    fn collect<'a>(
        &'a self,
        job: &'a Job,
        cursor: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Collected, Failure>> {
        async move {
            if job.requester == "endless" {
                let next = cursor.map_or(0, |cursor| cursor.parse().unwrap()) + 1;
                return Ok(Collected {
                    objects: vec![next.to_string()],
                    next: Some(next.to_string()),
                });
            }
            if job.requester == "slow" {
                self.slow.fetch_add(1, Ordering::SeqCst);
                self.open.cancelled().await;
            }
            Ok(Collected::default())
        }
        .boxed()
    }

    fn item<'a>(&'a self, _: &'a Job, _: &'a mut Tx, _: &'a str) -> BoxFuture<'a, Result<ItemDone, Failure>> {
        std::future::ready(Ok(ItemDone::Skipped("nothing to do".to_owned()))).boxed()
    }
}

/// A process that does such work.
pub(crate) struct Running {
    work: Gated,
    pub(crate) jobs: Jobs,
    stop: CancellationToken,
    worker: JoinHandle<()>,
}

impl Running {
    pub(crate) fn on(world: &World) -> Self {
        let (work, stop) = (Gated::default(), CancellationToken::new());
        let jobs = jobs_of(world);
        let worker = jobs.clone().worker(vec![Box::new(work.clone())]);
        Self {
            work,
            jobs,
            worker: tokio::spawn(worker.run(stop.clone())),
            stop,
        }
    }

    pub(crate) async fn end(self) {
        self.work.open.cancel();
        self.stop.cancel();
        self.worker.await.unwrap();
    }
}

pub(crate) fn jobs_of(world: &World) -> Jobs {
    Jobs::new("ca", world.db.clone(), world.clock.clone())
}

pub(crate) fn request(requester: &str) -> JobRequest {
    JobRequest {
        kind: "test",
        requester: requester.to_owned(),
        request: Value::Null,
        format: 1,
        objects: None,
        claim: None,
    }
}

pub(crate) async fn store(db: &Db, jobs: &Jobs, request: &JobRequest) -> Result<Uuid, NotStored> {
    let mut tx = db.begin().await?;
    let job = jobs.store(&mut tx, request).await?;
    tx.commit().await?;
    jobs.wake();
    Ok(job)
}

/// A job as another version may have stored it.
async fn of_kind(db: &Db, kind: &str, requester: &str) -> Uuid {
    let job = NewJob {
        kind,
        requester,
        request: &Value::Null,
        format: 1,
        claim: None,
        correlation_id: None,
        traceparent: None,
    };
    let mut tx = db.begin().await.unwrap();
    let now = time::OffsetDateTime::UNIX_EPOCH;
    let id = store::jobs::create(&mut tx, &job, now).await.unwrap();
    tx.commit().await.unwrap();
    id
}

pub(crate) async fn execute(db: &Db, sql: &'static str, id: Uuid) {
    let mut tx = db.begin().await.unwrap();
    let done = store::tx!(&mut tx, |c| sqlx::query(sql).bind(id).execute(c).await.map(drop));
    done.unwrap();
    tx.commit().await.unwrap();
}

pub(crate) async fn state_of(db: &Db, id: Uuid) -> String {
    store::read!(db, |c| sqlx::query_scalar("SELECT state FROM jobs WHERE id = $1")
        .bind(id)
        .fetch_one(c)
        .await)
    .unwrap()
}

pub(crate) async fn until(db: &Db, id: Uuid, state: State) {
    let reached = async {
        while state_of(db, id).await != state.as_str() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let reached = tokio::time::timeout(Duration::from_secs(20), reached).await;
    let is = state_of(db, id).await;
    assert!(reached.is_ok(), "the job is {is} and not {}", state.as_str());
}

async fn the_jobs_of_one_requester_do_not_fill_all_places(world: World) {
    let running = Running::on(&world);
    let mut slow = Vec::new();
    for _ in 0..6 {
        slow.push(store(&world.db, &running.jobs, &request("slow")).await.unwrap());
    }
    let urgent = store(&world.db, &running.jobs, &request("operator"))
        .await
        .unwrap();
    until(&world.db, urgent, State::Done).await;
    assert!(running.work.slow.load(Ordering::SeqCst) <= 2);
    running.work.open.cancel();
    for job in slow {
        until(&world.db, job, State::Done).await;
    }
    running.end().await;
}

async fn a_kind_that_is_not_known_here_keeps_nobody_waiting_and_is_left_as_it_is(world: World) {
    let mut unknown = Vec::new();
    for number in 0..70 {
        unknown.push(of_kind(&world.db, "later", &format!("requester {number}")).await);
    }
    let running = Running::on(&world);
    let known = store(&world.db, &running.jobs, &request("a")).await.unwrap();
    until(&world.db, known, State::Done).await;
    running.end().await;
    for job in unknown {
        assert_eq!(state_of(&world.db, job).await, "queued");
    }
}

async fn a_job_that_was_asked_to_end_ends_whatever_its_kind_and_whatever_else_is_done(world: World) {
    let running = Running::on(&world);
    for _ in 0..2 {
        let slow = store(&world.db, &running.jobs, &request("slow")).await.unwrap();
        until(&world.db, slow, State::Running).await;
    }
    let waiting = store(&world.db, &running.jobs, &request("slow")).await.unwrap();
    let later = of_kind(&world.db, "later", "a").await;
    for job in [waiting, later] {
        let mut tx = world.db.begin().await.unwrap();
        store::jobs::cancel(&mut tx, job, "operator", crate::world::NOW)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
    running.jobs.wake();
    for job in [waiting, later] {
        until(&world.db, job, State::Canceled).await;
        let ended = store::jobs::get(&world.db, job).await.unwrap().unwrap();
        assert_eq!(ended.started, None, "nothing of it was begun");
    }
    running.end().await;
}

async fn a_job_that_cannot_be_read_ends_as_failed_and_others_go_on(world: World) {
    let jobs = jobs_of(&world);
    let request_lost = store(&world.db, &jobs, &request("a")).await.unwrap();
    execute(
        &world.db,
        "UPDATE jobs SET request = '{' WHERE id = $1",
        request_lost,
    )
    .await;
    let named = JobRequest {
        objects: Some(vec!["1".to_owned(), "2".to_owned()]),
        ..request("b")
    };
    let item_lost = store(&world.db, &jobs, &named).await.unwrap();
    let sql = "UPDATE job_items SET state = 'lost' WHERE job = $1 AND position = 0";
    execute(&world.db, sql, item_lost).await;
    let running = Running::on(&world);
    until(&world.db, request_lost, State::Failed).await;
    until(&world.db, item_lost, State::Done).await;
    let counts = store::jobs::progress(&world.db, item_lost).await.unwrap();
    assert_eq!((counts.skipped, counts.failed), (1, 1));
    let next = store(&world.db, &running.jobs, &request("a")).await.unwrap();
    until(&world.db, next, State::Done).await;
    running.end().await;
}

async fn a_requester_with_too_many_jobs_is_told_to_wait_and_others_are_not(world: World) {
    // By several replicas at once.
    let mut asking = JoinSet::new();
    let replicas = [world.db.clone(), world.another_handle().await];
    for db in replicas.iter().cycle().take(16) {
        let (db, jobs) = (db.clone(), jobs_of(&world));
        asking.spawn(async move { store(&db, &jobs, &request("a")).await });
    }
    let answers = asking.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 10);
    for refused in answers.into_iter().filter_map(Result::err) {
        assert!(matches!(refused, NotStored::Jobs), "{refused}");
        assert_eq!(refused.kind(), Kind::RateLimited);
        assert!(refused.shown().retry_after.is_some());
    }
    let jobs = jobs_of(&world);
    store(&world.db, &jobs, &request("b")).await.unwrap();
    let running = Running::on(&world);
    let accepted = async {
        while store(&world.db, &running.jobs, &request("a")).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let accepted = tokio::time::timeout(Duration::from_secs(20), accepted).await;
    assert!(accepted.is_ok(), "nothing is accepted though jobs have ended");
    running.end().await;
}

async fn a_requester_with_too_many_items_is_told_to_wait_and_others_are_not(world: World) {
    let jobs = jobs_of(&world);
    let of = |requester: &str, items: usize| JobRequest {
        objects: Some((0..items).map(|item| item.to_string()).collect()),
        ..request(requester)
    };
    store(&world.db, &jobs, &of("a", 19_999)).await.unwrap();
    let refused = store(&world.db, &jobs, &of("a", 2)).await.unwrap_err();
    assert!(matches!(refused, NotStored::Items(19_999)), "{refused}");
    assert_eq!(refused.kind(), Kind::RateLimited);
    store(&world.db, &jobs, &of("b", 2)).await.unwrap();
    store(&world.db, &jobs, &of("a", 1)).await.unwrap();
    // A filter finds some, too.
    let filter = store(&world.db, &jobs, &request("a")).await.unwrap_err();
    assert!(matches!(filter, NotStored::Items(20_000)), "{filter}");
}

async fn an_idempotency_key_stands_for_a_job_for_a_day(world: World) {
    let jobs = jobs_of(&world);
    let claimed = JobRequest {
        claim: Some(IdempotencyClaim {
            key: [1; 32],
            request: [2; 32],
        }),
        ..request("a")
    };
    let first = store(&world.db, &jobs, &claimed).await.unwrap();
    let prune = async || {
        let lease = store::lease::take(&world.db, "pruning", "test", Duration::from_secs(60)).await;
        let lease = lease.unwrap().unwrap();
        jobs.prune(&lease).await.unwrap();
        lease.release(&world.db).await.unwrap();
    };
    world.clock.advance(time::Duration::days(1));
    prune().await;
    assert!(jobs.before(&claimed).await.unwrap().is_some());
    world.clock.advance(time::Duration::seconds(1));
    prune().await;
    assert!(jobs.before(&claimed).await.unwrap().is_none());
    let second = store(&world.db, &jobs, &claimed).await.unwrap();
    assert_ne!(first, second);
}

async fn what_is_accepted_tells_what_its_requester_may_do_with_it(world: World) {
    let jobs = jobs_of(&world);
    let job = store(&world.db, &jobs, &request("a")).await.unwrap();
    for (permissions, allowed) in [
        (vec![], "[]"),
        (vec!["jobs:cancel-own".to_owned()], "[\"cancel\"]"),
    ] {
        let caller = Caller {
            subject: "a".to_owned(),
            roles: Vec::new(),
            permissions,
            expires: None,
            allowed_names: Vec::new(),
        };
        let answer = rest::accepted(&jobs, job, &caller).await.unwrap();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let object: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(object["allowed_actions"].to_string(), allowed);
    }
}

async fn a_process_says_that_it_does_no_jobs_of_a_service_and_not_that_it_does_not_run_it(world: World) {
    let (routes, _) = kit::jobs::routes(vec![jobs_of(&world)], Arc::new(ByRole)).split_for_parts();
    let path = format!("/api/v1/jobs/keymgr-{}", Uuid::nil());
    let request = axum::http::Request::get(path).header("authorization", "Bearer ca-operator");
    let answer = routes
        .oneshot(request.body(axum::body::Body::empty()).unwrap())
        .await
        .unwrap();
    assert_eq!(answer.status(), 404);
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let problem: Value = serde_json::from_slice(&body).unwrap();
    let detail = "this process does no jobs of a service keymgr; if there is one that has jobs, ask a process that runs it";
    assert_eq!(problem["detail"], detail);
}

/// A place that is not a number: only SQLite keeps one.
#[tokio::test]
async fn an_item_without_a_readable_position_is_done_like_the_others() {
    let world = World::sqlite().await;
    let jobs = jobs_of(&world);
    let named = JobRequest {
        objects: Some(vec!["1".to_owned(), "2".to_owned(), "3".to_owned()]),
        ..request("a")
    };
    let job = store(&world.db, &jobs, &named).await.unwrap();
    let lost = "UPDATE job_items SET position = 'lost' WHERE job = $1 AND position = 1";
    execute(&world.db, lost, job).await;
    let running = Running::on(&world);
    until(&world.db, job, State::Done).await;
    let counts = store::jobs::progress(&world.db, job).await.unwrap();
    assert_eq!((counts.skipped, counts.failed), (3, 0));
    running.end().await;
}
