//! Pruning the outbox deletes what is old and read, and nothing else.

use std::time::Duration;

use store::Db;
use store::feed::cursors::{self, Step};
use store::feed::{Cursor, Event};
use store::outbox::{self, subscribers};
use time::OffsetDateTime;

use crate::support::{Scratch, all, commit_event, event, now, on_both, subjects};

on_both!(
    pruning_is_bounded_and_keeps_the_young_and_the_last_event,
    pruning_keeps_what_a_subscriber_of_the_service_has_not_read,
    pruning_twice_at_once_deletes_once,
    nothing_is_pruned_before_audit_has_confirmed_it,
    the_slowest_registered_subscriber_decides,
    a_subscriber_that_registers_while_others_prune_misses_nothing,
    a_confirmation_moves_forward_only_and_not_beyond_what_happened,
);

/// A database in which `audit`, which is registered from the first, has gone for good.
async fn nobody_registered(scratch: &Scratch) -> Db {
    let db = scratch.migrated().await;
    let mut tx = db.begin().await.unwrap();
    subscribers::retire(&mut tx, "audit").await.unwrap();
    tx.commit().await.unwrap();
    db
}

async fn confirm(db: &Db, name: &str, to: Cursor) -> bool {
    let mut tx = db.begin().await.unwrap();
    let known = subscribers::confirm(&mut tx, name, to).await.unwrap();
    tx.commit().await.unwrap();
    known
}

const FAR: OffsetDateTime = time::macros::datetime!(9999-01-01 0:00 UTC);

async fn prune_all(db: &Db, before: OffsetDateTime) -> u64 {
    all(db).await;
    outbox::prune(db, before, 1_000).await.unwrap()
}

/// Ten events, a second apart.
async fn ten_events(db: &Db) -> Vec<Event> {
    for n in 0..10 {
        let mut tx = db.begin().await.unwrap();
        outbox::append(&mut tx, &[event(&n.to_string())], now() + Duration::from_secs(n))
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
    all(db).await
}

async fn pruning_is_bounded_and_keeps_the_young_and_the_last_event(scratch: Scratch) {
    let db = nobody_registered(&scratch).await;
    ten_events(&db).await;
    assert_eq!(
        outbox::prune(&db, FAR, 2).await.unwrap(),
        2,
        "no more than the batch"
    );
    assert_eq!(
        prune_all(&db, now() + Duration::from_secs(4)).await,
        2,
        "the young stay"
    );
    assert_eq!(prune_all(&db, FAR).await, 5);
    assert_eq!(prune_all(&db, FAR).await, 0, "the last event stays");
    assert_eq!(subjects(&db).await, ["9"]);
}

async fn pruning_keeps_what_a_subscriber_of_the_service_has_not_read(scratch: Scratch) {
    let db = nobody_registered(&scratch).await;
    let events = ten_events(&db).await;
    let mut tx = db.begin().await.unwrap();
    // the second reads another service's feed, whose positions mean nothing here
    for (feed, to) in [("ca", events[4].cursor), ("auth", "1-1".parse().unwrap())] {
        let step = Step {
            from: Cursor::START,
            to,
        };
        assert!(cursors::advance(&mut tx, feed, "slow", step).await.unwrap());
    }
    tx.commit().await.unwrap();
    assert_eq!(prune_all(&db, FAR).await, 5);

    let mut tx = db.begin().await.unwrap();
    cursors::forget(&mut tx, "ca", "slow").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(prune_all(&db, FAR).await, 4);
}

async fn pruning_twice_at_once_deletes_once(scratch: Scratch) {
    let db = nobody_registered(&scratch).await;
    for n in 0..10 {
        commit_event(&db, &n.to_string()).await;
    }
    all(&db).await;
    let (a, b) = tokio::join!(outbox::prune(&db, FAR, 3), outbox::prune(&db, FAR, 5));
    assert_eq!(a.unwrap() + b.unwrap(), 8);
    assert_eq!(subjects(&db).await, ["8", "9"]);
}

async fn nothing_is_pruned_before_audit_has_confirmed_it(scratch: Scratch) {
    let db = scratch.migrated().await;
    let events = ten_events(&db).await;
    assert_eq!(
        prune_all(&db, FAR).await,
        0,
        "audit exists from the first migration on"
    );
    assert_eq!(outbox::oldest(&db).await.unwrap(), Some(now()));
    assert!(confirm(&db, "audit", events[6].cursor).await);
    assert_eq!(prune_all(&db, FAR).await, 7);
    assert_eq!(subjects(&db).await, ["7", "8", "9"]);
    assert_eq!(
        outbox::oldest(&db).await.unwrap(),
        Some(now() + Duration::from_secs(7))
    );
}

async fn the_slowest_registered_subscriber_decides(scratch: Scratch) {
    let db = scratch.migrated().await;
    let events = ten_events(&db).await;
    let mut tx = db.begin().await.unwrap();
    assert_eq!(
        subscribers::register(&mut tx, "publisher").await.unwrap(),
        Cursor::START
    );
    tx.commit().await.unwrap();
    confirm(&db, "audit", events[9].cursor).await;
    assert_eq!(prune_all(&db, FAR).await, 0, "one lags");
    confirm(&db, "publisher", events[2].cursor).await;
    assert_eq!(prune_all(&db, FAR).await, 3);
    let names = subscribers::registered(&db).await.unwrap();
    let places: Vec<_> = names.iter().map(|s| (s.name.as_str(), s.confirmed)).collect();
    assert_eq!(
        places,
        [("audit", events[9].cursor), ("publisher", events[2].cursor)]
    );
    let mut tx = db.begin().await.unwrap();
    subscribers::retire(&mut tx, "publisher").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(prune_all(&db, FAR).await, 6);
}

async fn a_subscriber_that_registers_while_others_prune_misses_nothing(scratch: Scratch) {
    let db = scratch.migrated().await;
    let events = ten_events(&db).await;
    confirm(&db, "audit", events[9].cursor).await;
    let pruning = async {
        for _ in 0..9 {
            outbox::prune(&db, FAR, 1).await.unwrap();
        }
    };
    let registering = async {
        tokio::task::yield_now().await;
        let mut tx = db.begin().await.unwrap();
        let place = subscribers::register(&mut tx, "late").await.unwrap();
        tx.commit().await.unwrap();
        place
    };
    let ((), place) = tokio::join!(pruning, registering);
    let left: Vec<_> = events.into_iter().filter(|event| event.cursor > place).collect();
    let seen: Vec<_> = all(&db)
        .await
        .into_iter()
        .filter(|event| event.cursor > place)
        .collect();
    assert_eq!(seen, left, "what followed its place when it registered is there");
    let feed = store::feed::Feed::new(db.clone(), Duration::from_secs(1));
    assert_eq!(
        feed.after(place, 100).await.unwrap(),
        left,
        "and the feed goes on from there"
    );
}

async fn a_confirmation_moves_forward_only_and_not_beyond_what_happened(scratch: Scratch) {
    let db = scratch.migrated().await;
    let events = ten_events(&db).await;
    assert!(confirm(&db, "audit", events[5].cursor).await);
    assert!(confirm(&db, "audit", events[1].cursor).await, "late, and known");
    let registered = subscribers::registered(&db).await.unwrap();
    assert_eq!(registered[0].confirmed, events[5].cursor);
    assert!(!confirm(&db, "unknown", events[5].cursor).await);
    let mut tx = db.begin().await.unwrap();
    let ahead = "9000000000000000-1".parse().unwrap();
    let error = subscribers::confirm(&mut tx, "audit", ahead).await.unwrap_err();
    assert!(matches!(error, store::StoreError::Cursor { .. }), "{error:?}");
}
