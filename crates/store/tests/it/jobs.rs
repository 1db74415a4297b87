//! A lease lets one process work at a time, and one that is late changes nothing. Lists of jobs are read by key.

use std::time::Duration;

use store::jobs::{self, Form, ItemPlace, ItemState, NewJob, Queued, Slice, State};
use store::lease::{self, Lease};
use store::{Db, StoreError};
use uuid::Uuid;

use crate::support::{Scratch, now, on_both};

on_both!(
    of_many_takers_one_gets_the_lease,
    a_lease_that_is_not_renewed_goes_to_the_next_and_the_late_holder_commits_nothing,
    nobody_takes_a_lease_over_while_a_transaction_holds_it,
    periodic_work_is_done_once_in_its_time_however_many_ask,
    work_in_a_transaction_goes_on_while_its_lease_is_renewed,
    work_whose_lease_was_taken_over_is_left,
    a_clock_that_was_ahead_keeps_nobody_from_a_lease,
    jobs_are_read_behind_a_key_in_either_direction_though_others_are_added,
    items_of_one_state_are_read_and_counted,
    requesters_take_turns,
    only_known_kinds_wait_and_what_was_asked_to_end,
    only_known_forms_wait,
    what_a_requester_has_waiting_is_counted,
);

pub(crate) const TERM: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(50);

pub(crate) async fn take(db: &Db, holder: &str, term: Duration) -> Option<Lease> {
    lease::take(db, "work", holder, term).await.unwrap()
}

async fn of_many_takers_one_gets_the_lease(scratch: Scratch) {
    let db = scratch.migrated().await;
    let takers = (0..8).map(|holder| {
        let db = db.clone();
        tokio::spawn(async move { take(&db, &holder.to_string(), TERM).await })
    });
    let mut got = Vec::new();
    for taker in takers.collect::<Vec<_>>() {
        got.extend(taker.await.unwrap());
    }
    assert_eq!(got.len(), 1);
    assert!(got[0].renew(&db, TERM).await.unwrap());
    assert_eq!(take(&db, "other", TERM).await, None);
    assert!(got[0].release(&db).await.unwrap());
    let next = take(&db, "other", TERM).await.unwrap();
    assert!(next.fence() > got[0].fence());
    assert_eq!(
        lease::take(&db, "other work", "a", TERM)
            .await
            .unwrap()
            .unwrap()
            .fence(),
        1
    );
}

/// The next holder, once the time of the one before has passed.
async fn next(db: &Db, holder: &str) -> Lease {
    loop {
        if let Some(lease) = take(db, holder, TERM).await {
            return lease;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn a_lease_that_is_not_renewed_goes_to_the_next_and_the_late_holder_commits_nothing(scratch: Scratch) {
    let db = scratch.migrated().await;
    let late = take(&db, "late", SHORT).await.unwrap();
    let next = next(&db, "next").await;
    assert!(!late.renew(&db, TERM).await.unwrap());
    assert!(!late.release(&db).await.unwrap());
    let mut tx = db.begin().await.unwrap();
    assert!(matches!(late.hold(&mut tx).await, Err(StoreError::LeaseLost(_))));
    drop(tx);
    let mut tx = db.begin().await.unwrap();
    next.hold(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
}

async fn nobody_takes_a_lease_over_while_a_transaction_holds_it(scratch: Scratch) {
    let db = scratch.migrated().await;
    let first = take(&db, "first", SHORT).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    first.hold(&mut tx).await.unwrap();
    let other = scratch.open().await;
    let taker = tokio::spawn(async move { next(&other, "next").await });
    tokio::time::sleep(SHORT * 4).await;
    assert!(!taker.is_finished());
    tx.commit().await.unwrap();
    assert!(taker.await.unwrap().fence() > first.fence());
}

async fn periodic_work_is_done_once_in_its_time_however_many_ask(scratch: Scratch) {
    let db = scratch.migrated().await;
    let ask = async |holder: &str, every: Duration| {
        lease::take_if_due(&db, "prune", holder, (TERM, every))
            .await
            .unwrap()
    };
    let hour = Duration::from_secs(3600);
    let first = ask("a", hour).await.unwrap();
    assert_eq!(ask("b", hour).await, None, "it is being done");
    assert!(first.done(&db).await.unwrap());
    assert_eq!(ask("b", hour).await, None, "it was just done");
    assert!(ask("b", Duration::ZERO).await.is_some());
}

async fn work_in_a_transaction_goes_on_while_its_lease_is_renewed(scratch: Scratch) {
    let db = scratch.migrated().await;
    let lease = take(&db, "worker", SHORT).await.unwrap();
    let kept = lease.keep(&db, SHORT, async {
        let mut tx = db.begin().await.unwrap();
        lease.hold(&mut tx).await.unwrap();
        // The renewal comes in this time and waits for this transaction.
        tokio::time::sleep(SHORT * 4).await;
        lease.hold(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
    });
    let patience = Duration::from_secs(3);
    let done = tokio::time::timeout(patience, kept).await;
    assert_eq!(done.expect("the work waits for its own renewal"), Some(()));
}

async fn work_whose_lease_was_taken_over_is_left(scratch: Scratch) {
    let db = scratch.migrated().await;
    let late = take(&db, "late", SHORT).await.unwrap();
    next(&db, "next").await;
    let forever = std::future::pending::<()>();
    assert_eq!(late.keep(&db, SHORT, forever).await, None);
}

pub(crate) async fn execute(db: &Db, sql: &'static str) {
    let mut tx = db.begin().await.unwrap();
    let done = store::tx!(&mut tx, |c| sqlx::query(sql).execute(c).await.map(drop));
    done.unwrap();
    tx.commit().await.unwrap();
}

async fn a_clock_that_was_ahead_keeps_nobody_from_a_lease(scratch: Scratch) {
    let db = scratch.migrated().await;
    let hour = Duration::from_secs(3600);
    let ask = async || {
        let every = (TERM, hour);
        lease::take_if_due(&db, "work", "next", every).await.unwrap()
    };
    take(&db, "of that clock", TERM).await.unwrap();
    assert_eq!(ask().await, None, "it is held");
    execute(&db, "UPDATE leases SET until_us = until_us + 3600000000").await;
    let lease = ask().await.expect("no lease is taken for an hour");
    lease.done(&db).await.unwrap();
    assert_eq!(ask().await, None, "it was just done");
    execute(&db, "UPDATE leases SET done_us = done_us + 3600000000").await;
    assert!(ask().await.is_some(), "nothing was done in an hour from now");
}

/// A job of `requester`, accepted `second` seconds after `now()`.
pub(crate) async fn accept(db: &Db, (requester, second): (&str, u64), objects: &[&str]) -> Uuid {
    let job = NewJob {
        kind: "test",
        requester,
        request: &serde_json::Value::Null,
        format: 1,
        claim: None,
        correlation_id: None,
        traceparent: None,
    };
    let objects: Vec<String> = objects.iter().map(ToString::to_string).collect();
    let mut tx = db.begin().await.unwrap();
    let id = jobs::create(&mut tx, &job, now() + Duration::from_secs(second))
        .await
        .unwrap();
    jobs::add_items(&mut tx, id, &objects).await.unwrap();
    tx.commit().await.unwrap();
    id
}

/// All jobs of `a`, three at a time. Downwards, a newer one is added after each time.
pub(crate) async fn all_jobs(db: &Db, down: bool) -> Vec<Uuid> {
    let mut seen = Vec::new();
    loop {
        let slice = Slice {
            behind: seen.last().copied(),
            down,
            rows: 3,
        };
        let found = jobs::list(db, Some("a"), &slice).await.unwrap();
        if down {
            accept(db, ("a", 100), &[]).await;
        }
        seen.extend(found.iter().map(|job| job.id));
        if found.len() < 3 {
            return seen;
        }
    }
}

async fn jobs_are_read_behind_a_key_in_either_direction_though_others_are_added(scratch: Scratch) {
    let db = scratch.migrated().await;
    let mut mine = Vec::new();
    for second in 0..8 {
        mine.push(accept(&db, ("a", second), &[]).await);
        accept(&db, ("b", second), &[]).await;
    }
    assert_eq!(all_jobs(&db, false).await, mine);
    mine.reverse();
    assert_eq!(all_jobs(&db, true).await, mine);
    assert_eq!(jobs::count(&db, Some("b"), 100).await.unwrap(), 8);
    assert_eq!(jobs::count(&db, None, 10).await.unwrap(), 10, "it stops there");
}

async fn items_of_one_state_are_read_and_counted(scratch: Scratch) {
    let db = scratch.migrated().await;
    let job = accept(&db, ("a", 0), &["0", "1", "2", "3"]).await;
    accept(&db, ("a", 1), &["0", "1"]).await;
    let mut tx = db.begin().await.unwrap();
    let failed = (ItemState::Failed, Some("why"));
    for position in [1, 3] {
        assert!(
            jobs::finish_item(&mut tx, (job, &ItemPlace::Position(position)), failed, now())
                .await
                .unwrap()
        );
    }
    tx.commit().await.unwrap();
    let read = async |state, behind: Option<i64>, down| -> Vec<i64> {
        let slice = Slice {
            behind: behind.map(ItemPlace::Position),
            down,
            rows: 10,
        };
        let found = jobs::items(&db, job, state, &slice).await.unwrap();
        found.iter().map(|item| item.position).collect()
    };
    assert_eq!(read(None, None, false).await, [0, 1, 2, 3]);
    assert_eq!(read(None, Some(2), true).await, [1, 0]);
    assert_eq!(read(Some(ItemState::Failed), None, true).await, [3, 1]);
    assert_eq!(read(Some(ItemState::Pending), Some(0), false).await, [2]);
    let count = async |state, most| jobs::count_items(&db, job, state, most).await.unwrap();
    assert_eq!(count(Some(ItemState::Failed), 10).await, 2);
    assert_eq!((count(None, 10).await, count(None, 3).await), (4, 3));
}

async fn started(db: &Db, job: Uuid, second: u64) {
    let mut tx = db.begin().await.unwrap();
    let when = now() + Duration::from_secs(second);
    assert!(jobs::start(&mut tx, job, when).await.unwrap());
    tx.commit().await.unwrap();
}

pub(crate) async fn ended(db: &Db, job: Uuid, second: u64) {
    let mut tx = db.begin().await.unwrap();
    let when = now() + Duration::from_secs(second);
    assert!(jobs::end(&mut tx, job, (State::Done, None), when).await.unwrap());
    tx.commit().await.unwrap();
}

async fn order(db: &Db, kinds: &[&str]) -> Vec<Uuid> {
    let known: Vec<Form<'_>> = kinds.iter().map(|kind| (*kind, 1)).collect();
    let waiting = jobs::waiting(db, &known, 100).await.unwrap();
    waiting.into_iter().map(|job| job.id).collect()
}

async fn requesters_take_turns(scratch: Scratch) {
    let db = scratch.migrated().await;
    let mut of_a = Vec::new();
    for second in 0..4 {
        of_a.push(accept(&db, ("a", second), &[]).await);
    }
    let of_b = [
        accept(&db, ("b", 10), &[]).await,
        accept(&db, ("b", 11), &[]).await,
    ];
    let of_c = accept(&db, ("c", 12), &[]).await;
    assert_eq!(
        order(&db, &["test"]).await,
        [of_a[0], of_b[0], of_c, of_a[1], of_b[1], of_a[2], of_a[3]]
    );
    started(&db, of_a[0], 20).await;
    ended(&db, of_a[0], 21).await;
    assert_eq!(
        order(&db, &["test"]).await,
        [of_b[0], of_c, of_a[1], of_b[1], of_a[2], of_a[3]],
        "who was served is behind the others, though its job is the oldest"
    );
    started(&db, of_b[0], 22).await;
    ended(&db, of_b[0], 23).await;
    assert_eq!(order(&db, &["test"]).await[..3], [of_c, of_a[1], of_b[1]]);
}

async fn only_known_kinds_wait_and_what_was_asked_to_end(scratch: Scratch) {
    let db = scratch.migrated().await;
    let first = accept(&db, ("a", 0), &[]).await;
    let second = accept(&db, ("a", 1), &[]).await;
    assert_eq!(order(&db, &["other", "test"]).await, [first, second]);
    assert!(order(&db, &["other"]).await.is_empty());
    assert!(order(&db, &[]).await.is_empty());
    let mut tx = db.begin().await.unwrap();
    assert!(jobs::cancel(&mut tx, second, "a", now()).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(order(&db, &["other"]).await, [second]);
    assert_eq!(order(&db, &["test"]).await, [second, first]);
}

async fn only_known_forms_wait(scratch: Scratch) {
    let db = scratch.migrated().await;
    let first = accept(&db, ("a", 0), &[]).await;
    let second = accept(&db, ("a", 1), &[]).await;
    execute(
        &db,
        "UPDATE jobs SET format = 2 WHERE created_us = (SELECT MAX(created_us) FROM jobs)",
    )
    .await;
    let order = async |format| -> Vec<Uuid> {
        let waiting = jobs::waiting(&db, &[("test", format), ("other", 9)], 100).await;
        waiting.unwrap().into_iter().map(|job| job.id).collect()
    };
    assert_eq!(order(1).await, [first], "a later program does the other");
    assert_eq!(order(2).await, [first, second]);
}

async fn what_a_requester_has_waiting_is_counted(scratch: Scratch) {
    let db = scratch.migrated().await;
    accept(&db, ("a", 0), &["1", "2", "3"]).await;
    let over = accept(&db, ("a", 1), &["1"]).await;
    accept(&db, ("b", 2), &["1", "2"]).await;
    let count = async |jobs, items| {
        let most = Queued { jobs, items };
        let found = jobs::queued(&db, "a", most).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        assert_eq!(jobs::queued_in(&mut tx, "a", most).await.unwrap(), found);
        (found.jobs, found.items)
    };
    assert_eq!(count(10, 10).await, (2, 4));
    assert_eq!(count(1, 2).await, (1, 2), "it stops there");
    ended(&db, over, 3).await;
    assert_eq!(count(10, 10).await, (1, 3));
}
