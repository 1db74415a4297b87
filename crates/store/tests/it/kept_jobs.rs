//! What is kept of jobs, and in which pieces it is forgotten.

use store::jobs::{self, ItemPlace, ItemState, JobBounds, NewJob, Pruned};
use store::{Db, IdempotencyClaim};
use uuid::Uuid;

use crate::jobs::{TERM, accept, ended, take};
use crate::support::{Scratch, now, on_both};

on_both!(
    an_old_job_is_deleted_in_pieces_and_its_row_last,
    the_claim_of_a_job_is_forgotten,
    of_one_requester_the_newest_is_kept_and_the_rest_is_surplus,
    what_is_dropped_is_counted_as_what_was_not_looked_at,
);

async fn an_old_job_is_deleted_in_pieces_and_its_row_last(scratch: Scratch) {
    let db = scratch.migrated().await;
    let lease = take(&db, "pruner", TERM).await.unwrap();
    let objects: Vec<String> = (0..1500).map(|object| object.to_string()).collect();
    let objects: Vec<&str> = objects.iter().map(String::as_str).collect();
    let old = accept(&db, ("a", 0), &objects).await;
    let young = accept(&db, ("a", 1), &["1"]).await;
    ended(&db, old, 2).await;
    ended(&db, young, 4).await;
    let prune = async || {
        let before = now() + std::time::Duration::from_secs(3);
        jobs::prune(&db, &lease, |job| job.to_string(), before)
            .await
            .unwrap()
    };
    let left = async || jobs::count_items(&db, old, None, 10_000).await.unwrap();
    assert_eq!((prune().await, left().await), (Pruned::Some, 500));
    assert!(jobs::get(&db, old).await.unwrap().is_some(), "its row goes last");
    assert_eq!((prune().await, left().await), (Pruned::Some, 0));
    assert!(jobs::get(&db, old).await.unwrap().is_none());
    assert_eq!(prune().await, Pruned::All);
    assert!(jobs::get(&db, young).await.unwrap().is_some());
}

async fn the_claim_of_a_job_is_forgotten(scratch: Scratch) {
    let db = scratch.migrated().await;
    let lease = take(&db, "pruner", TERM).await.unwrap();
    let job = NewJob {
        kind: "test",
        requester: "a",
        request: &serde_json::Value::Null,
        format: 1,
        claim: Some(IdempotencyClaim {
            key: [1; 32],
            request: [2; 32],
        }),
        correlation_id: None,
        traceparent: None,
    };
    let mut tx = db.begin().await.unwrap();
    let id = jobs::create(&mut tx, &job, now()).await.unwrap();
    tx.commit().await.unwrap();
    let forget = async |second| {
        let before = now() + std::time::Duration::from_secs(second);
        jobs::forget_claims(&db, &lease, before).await.unwrap();
        jobs::by_claim(&db, [1; 32]).await.unwrap()
    };
    assert_eq!(forget(0).await, Some((vec![2; 32], id)));
    assert_eq!(forget(1).await, None);
    assert!(jobs::get(&db, id).await.unwrap().is_some());
}

/// Five jobs of `a`, with two items each, that ended one after the other.
async fn five_ended(db: &Db) -> Vec<Uuid> {
    let mut all = Vec::new();
    for second in 0..5 {
        let job = accept(db, ("a", second), &["1", "2"]).await;
        let mut tx = db.begin().await.unwrap();
        for position in 0..2 {
            jobs::finish_item(
                &mut tx,
                (job, &ItemPlace::Position(position)),
                (ItemState::Done, None),
                now(),
            )
            .await
            .unwrap();
        }
        tx.commit().await.unwrap();
        ended(db, job, 10 + second).await;
        all.push(job);
    }
    all
}

async fn of_one_requester_the_newest_is_kept_and_the_rest_is_surplus(scratch: Scratch) {
    let db = scratch.migrated().await;
    let lease = take(&db, "pruner", TERM).await.unwrap();
    let all = five_ended(&db).await;
    ended(&db, accept(&db, ("b", 0), &[]).await, 1).await;
    accept(&db, ("a", 6), &["1"]).await;
    let of_bytes = |jobs, items, bytes| JobBounds { jobs, items, bytes };
    let kept = |jobs, items| of_bytes(jobs, items, u64::MAX);
    // The text of a JSON null.
    let asked = 4;
    let surplus = async |most| jobs::surplus(&db, "a", most).await.unwrap();
    for (most, beyond) in [
        (kept(5, 10), &all[..0]),
        (kept(3, 10), &[all[1], all[0]]),
        (kept(5, 9), &[all[0]]),
        // The newest is kept whatever it has.
        (kept(5, 1), &[all[3], all[2], all[1], all[0]]),
        (of_bytes(5, 10, 5 * asked), &[]),
        (of_bytes(5, 10, 5 * asked - 1), &[all[0]]),
        (of_bytes(5, 10, 0), &[all[3], all[2], all[1], all[0]]),
    ] {
        assert_eq!(surplus(most).await, beyond, "the oldest, {most:?}");
    }
    let of_too_many = async |most| jobs::of_too_many(&db, most).await.unwrap();
    for (most, has) in [
        (kept(4, 10), true),
        (kept(5, 9), true),
        (kept(5, 10), false),
        (of_bytes(5, 10, 5 * asked), false),
        (of_bytes(5, 10, 5 * asked - 1), true),
    ] {
        assert_eq!(of_too_many(most).await == ["a"], has, "{most:?}");
    }
    let forgotten = jobs::forget(&db, &lease, (all[0], "lease of it")).await.unwrap();
    assert_eq!(forgotten, Pruned::All);
    assert!(jobs::get(&db, all[0]).await.unwrap().is_none());
    assert_eq!(jobs::count_items(&db, all[0], None, 10).await.unwrap(), 0);
    assert!(surplus(kept(4, 8)).await.is_empty());
}

async fn what_is_dropped_is_counted_as_what_was_not_looked_at(scratch: Scratch) {
    let db = scratch.migrated().await;
    let objects: Vec<String> = (0..1500).map(|object| object.to_string()).collect();
    let objects: Vec<&str> = objects.iter().map(String::as_str).collect();
    let job = accept(&db, ("a", 0), &objects).await;
    let mut tx = db.begin().await.unwrap();
    jobs::finish_item(
        &mut tx,
        (job, &ItemPlace::Position(0)),
        (ItemState::Done, None),
        now(),
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let drop_some = async || {
        let mut tx = db.begin().await.unwrap();
        let dropped = jobs::drop_pending(&mut tx, job).await.unwrap();
        tx.commit().await.unwrap();
        let progress = jobs::progress(&db, job).await.unwrap();
        assert_eq!((progress.done, progress.pending), (1, 1499));
        dropped
    };
    assert_eq!(drop_some().await, Pruned::Some);
    assert_eq!(drop_some().await, Pruned::All);
    assert_eq!(jobs::count_items(&db, job, None, 10_000).await.unwrap(), 1);
    ended(&db, job, 1).await;
    let counts = jobs::get(&db, job).await.unwrap().unwrap().counts.unwrap();
    assert_eq!((counts.done, counts.pending), (1, 1499));
}
