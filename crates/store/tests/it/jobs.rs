//! A lease lets one process work at a time, and one that is late changes nothing.

use std::time::Duration;

use store::lease::{self, Lease};
use store::{Db, StoreError};

use crate::support::{Scratch, on_both};

on_both!(
    of_many_takers_one_gets_the_lease,
    a_lease_that_is_not_renewed_goes_to_the_next_and_the_late_holder_commits_nothing,
    nobody_takes_a_lease_over_while_a_transaction_holds_it,
    periodic_work_is_done_once_in_its_time_however_many_ask,
);

const TERM: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(50);

async fn take(db: &Db, holder: &str, term: Duration) -> Option<Lease> {
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
