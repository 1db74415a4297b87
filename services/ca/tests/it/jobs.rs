//! Long work of several replicas on one database: each item once, by one of them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ca::{RevokeMany, Selection};
use kit::dry_run::Commit;
use kit::service::Job;
use serde_json::json;
use testkit::on_both_databases;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use x509::crl::Reason;

use crate::world::{World, anyone, key, server};

on_both_databases!(
    three_replicas_revoke_each_certificate_once,
    of_three_replicas_one_does_what_the_leader_does_and_each_its_own,
    what_is_revoked_already_is_skipped
);

async fn issued(world: &World, count: usize) -> Vec<String> {
    let mut serials = Vec::new();
    for number in 0..count {
        let issued = world
            .issue(server(&key(), &format!("a{number}.example.test")))
            .await;
        serials.push(issued.serial.to_string());
    }
    serials
}

fn all(selection: Selection) -> RevokeMany {
    RevokeMany {
        selection,
        reason: Reason::CessationOfOperation,
        invalidity: None,
        idempotency_key: None,
    }
}

async fn until_ended(world: &World, job: uuid::Uuid) -> store::jobs::Job {
    loop {
        let found = store::jobs::get(&world.db, job).await.unwrap().unwrap();
        if found.ended.is_some() {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn three_replicas_revoke_each_certificate_once(world: World) {
    let serials = issued(&world, 40).await;
    let stop = CancellationToken::new();
    let mut running = JoinSet::new();
    let (second, third) = (world.replica().await, world.replica().await);
    for replica in [&world.ca, &second, &third] {
        for worker in replica.service().workers {
            running.spawn(worker.run(stop.clone()));
        }
    }
    let filter = Selection::Matching(Box::default(), json!({}));
    let requester = anyone();
    let first = world.ca.app().revoke_many(&requester, all(filter), &Commit);
    // The same certificates by another replica at the same time: whoever is second skips.
    let named = Selection::Serials(serials.clone());
    let other = second.app().revoke_many(&requester, all(named), &Commit);
    let (first, other) = tokio::join!(first, other);
    let (first, other) = (
        until_ended(&world, first.unwrap()).await.counts.unwrap(),
        until_ended(&world, other.unwrap()).await.counts.unwrap(),
    );
    assert_eq!(first.failed + other.failed, 0);
    assert_eq!(first.done + other.done, 40, "{first:?} {other:?}");
    let revoked: Vec<String> = world
        .events()
        .await
        .into_iter()
        .filter(|event| event.kind == "certificate.revoked")
        .map(|event| event.subject)
        .collect();
    assert_eq!(revoked.len(), serials.len());
    let distinct: BTreeSet<_> = revoked.into_iter().collect();
    assert_eq!(distinct, serials.into_iter().collect());
    stop.cancel();
    running.join_all().await;
}

async fn of_three_replicas_one_does_what_the_leader_does_and_each_its_own(world: World) {
    const NEVER: Duration = Duration::from_secs(3600);
    let stop = CancellationToken::new();
    let (of_leader, of_each) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut running = JoinSet::new();
    for _ in 0..3 {
        // Each with a pool of its own, as another process has.
        let db = world.another_handle().await;
        let (leader, each) = (Arc::clone(&of_leader), Arc::clone(&of_each));
        let leader = Job::leader("counting", NEVER, db.clone(), move |lease| {
            let (db, counter) = (db.clone(), Arc::clone(&leader));
            async move {
                let mut tx = db.begin().await?;
                lease.hold(&mut tx).await?;
                counter.fetch_add(1, Ordering::SeqCst);
                tx.commit().await
            }
        });
        let each = Job::each("counting", NEVER, move || {
            each.fetch_add(1, Ordering::SeqCst);
            std::future::ready(Ok::<_, std::io::Error>(()))
        });
        for job in [leader, each] {
            running.spawn(job.run(stop.clone()));
        }
    }
    while of_leader.load(Ordering::SeqCst) == 0 || of_each.load(Ordering::SeqCst) < 3 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // Who waits for the database now has asked by the end of its first round.
    stop.cancel();
    running.join_all().await;
    assert_eq!(of_leader.load(Ordering::SeqCst), 1);
    assert_eq!(of_each.load(Ordering::SeqCst), 3);
}

async fn what_is_revoked_already_is_skipped(world: World) {
    let serials = issued(&world, 3).await;
    world.revoke(&serials[0], Reason::Superseded).await.unwrap();
    world.hold(&serials[1]).await.unwrap();
    let stop = CancellationToken::new();
    let mut running = JoinSet::new();
    for worker in world.ca.service().workers {
        running.spawn(worker.run(stop.clone()));
    }
    let request = all(Selection::Serials(serials));
    let job = world.ca.app().revoke_many(&anyone(), request, &Commit).await;
    let counts = until_ended(&world, job.unwrap()).await.counts.unwrap();
    assert_eq!((counts.done, counts.skipped, counts.failed), (2, 1, 0));
    stop.cancel();
    running.join_all().await;
}
