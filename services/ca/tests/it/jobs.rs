//! Long work of several replicas on one database: each item once, by one of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use ca::{RevokeMany, Selection};
use kit::dry_run::Commit;
use kit::page::Walk;
use kit::service::Job;
use serde_json::{Value, json};
use store::lease::Lease;
use store::{Db, StoreError};
use testkit::on_both_databases;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use x509::crl::Reason;

use crate::world::{World, anyone, key, server};

on_both_databases!(
    three_replicas_revoke_each_certificate_once,
    of_three_replicas_one_does_what_the_leader_does_and_each_its_own,
    a_stop_ends_the_round_of_a_leader_however_much_is_left,
    one_preview_of_many_waits_for_the_other_and_that_of_a_single_one_for_none,
    a_value_of_a_filter_counts_once_and_there_are_64_at_most,
    what_is_revoked_already_is_skipped,
    a_serial_number_counts_once_however_it_is_written,
    a_preview_of_many_reads_neither_certificates_nor_names,
    a_token_holds_a_job_to_the_certificates_that_were_shown
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

fn named(serials: &[String]) -> Selection {
    Selection::Serials(serials.iter().map(|serial| serial.parse().unwrap()).collect())
}

/// Asks for revocations over REST as an operator of CAs.
async fn asked(world: &World, query: &str, token: Option<&Value>, body: &Value) -> (StatusCode, Value) {
    let path = format!("/api/v1/certificates/revocations{query}");
    world.post("ca-operator", &path, token, body).await
}

async fn preview(world: &World, body: &Value) -> Value {
    let (status, preview) = asked(world, "?dry_run=true", None, body).await;
    assert_eq!(status, StatusCode::OK, "{preview:#}");
    preview
}

/// How many certificates each consequence names.
pub(crate) fn counts(preview: &Value) -> BTreeMap<&str, u64> {
    let all = preview["consequences"].as_array().unwrap().iter();
    all.map(|one| (one["kind"].as_str().unwrap(), one["count"].as_u64().unwrap()))
        .collect()
}

/// Does the job that was accepted.
pub(crate) async fn done(world: &World, accepted: &Value) -> store::jobs::Progress {
    let stop = CancellationToken::new();
    let mut running = JoinSet::new();
    for worker in world.ca.service().workers {
        running.spawn(worker.run(stop.clone()));
    }
    let id = accepted["id"].as_str().unwrap().strip_prefix("ca-").unwrap();
    let ended = until_ended(world, id.parse().unwrap()).await;
    stop.cancel();
    running.join_all().await;
    ended.counts.unwrap()
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
    let named = named(&serials);
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

/// Batch after batch, without an end.
async fn endless(db: Db, lease: Lease, batches: Arc<AtomicUsize>) -> Result<(), StoreError> {
    loop {
        let mut tx = db.begin().await?;
        lease.hold(&mut tx).await?;
        tx.commit().await?;
        batches.fetch_add(1, Ordering::SeqCst);
    }
}

async fn a_stop_ends_the_round_of_a_leader_however_much_is_left(world: World) {
    const PATIENCE: Duration = Duration::from_secs(20);
    // The second goes on at once: the first has given its lease back.
    for process in ["first", "second"] {
        let (db, batches) = (world.another_handle().await, Arc::new(AtomicUsize::new(0)));
        let counter = Arc::clone(&batches);
        let job = Job::leader("endless", Duration::from_secs(3600), db.clone(), move |lease| {
            endless(db.clone(), lease, Arc::clone(&counter))
        });
        let stop = CancellationToken::new();
        let running = tokio::spawn(job.run(stop.clone()));
        let begun = async {
            while batches.load(Ordering::SeqCst) < 3 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let begun = tokio::time::timeout(PATIENCE, begun).await;
        assert!(begun.is_ok(), "the {process} does nothing");
        stop.cancel();
        let ended = tokio::time::timeout(PATIENCE, running).await;
        assert!(
            ended.is_ok(),
            "the stop of the {process} waits for what has no end"
        );
    }
}

async fn one_preview_of_many_waits_for_the_other_and_that_of_a_single_one_for_none(world: World) {
    let one = issued(&world, 1).await.remove(0);
    let body = json!({"reason": "key-compromise", "serials": [one]});
    let other = Walk::of("test:ca-operator").await.unwrap();
    let single = format!("/api/v1/certificates/{one}/revoke?dry_run=true");
    let (status, shown) = world
        .post("ca-operator", &single, None, &json!({"reason": "key-compromise"}))
        .await;
    assert_eq!(status, StatusCode::OK, "{shown:#}");
    let mut many = std::pin::pin!(preview(&world, &body));
    let waits = tokio::time::timeout(Duration::from_millis(500), &mut many).await;
    assert!(waits.is_err(), "it waits for the other");
    drop(other);
    assert_eq!(many.await["dry_run"], true);
}

async fn a_value_of_a_filter_counts_once_and_there_are_64_at_most(world: World) {
    let body = |values: Vec<&str>| json!({"reason": "superseded", "filter": {"requester": values}});
    let (status, accepted) = asked(&world, "", None, &body(vec!["test:a", "test:b", "test:a"])).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{accepted:#}");
    let id = accepted["id"].as_str().unwrap().strip_prefix("ca-").unwrap();
    let job = store::jobs::get(&world.db, id.parse().unwrap()).await.unwrap();
    assert_eq!(
        job.unwrap().request["filter"],
        json!({"requester": ["test:a", "test:b"]})
    );
    let (status, problem) = asked(&world, "?dry_run=true", None, &body(vec!["test:a"; 65])).await;
    assert_eq!(
        (status, &problem["field"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("filter.requester"))
    );
    assert!(
        problem["detail"].as_str().unwrap().contains("at most 64"),
        "{problem:#}"
    );
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
    let request = all(named(&serials));
    let job = world.ca.app().revoke_many(&anyone(), request, &Commit).await;
    let counts = until_ended(&world, job.unwrap()).await.counts.unwrap();
    assert_eq!((counts.done, counts.skipped, counts.failed), (2, 1, 0));
    stop.cancel();
    running.join_all().await;
}

async fn a_serial_number_counts_once_however_it_is_written(world: World) {
    // A digit that has a case.
    let serial = loop {
        let serial = issued(&world, 1).await.remove(0);
        if serial.contains(|digit: char| digit.is_ascii_alphabetic()) {
            break serial;
        }
    };
    let spelled = [
        serial.clone(),
        serial.to_uppercase(),
        format!("0000{serial}"),
        serial.clone(),
    ];
    let body = json!({"reason": "superseded", "serials": spelled});
    let preview = preview(&world, &body).await;
    assert_eq!(counts(&preview), BTreeMap::from([("certificate.revoked", 1)]));
    assert_eq!(preview["consequences"][0]["objects"], json!([serial]));
    let (status, accepted) = asked(&world, "", None, &body).await;
    assert_eq!((status, &accepted["total"]), (StatusCode::ACCEPTED, &json!(1)));
    let counts = done(&world, &accepted).await;
    assert_eq!((counts.done, counts.total()), (1, 1));
}

async fn a_preview_of_many_reads_neither_certificates_nor_names(world: World) {
    let serials = issued(&world, 2).await;
    let mut tx = world.db.begin().await.unwrap();
    // Who reads these columns cannot make anything of them.
    store::tx!(&mut tx, |c| sqlx::query(
        "UPDATE certificates SET sans = 'unreadable', lint_warnings = 'unreadable', key_type = 'unreadable'"
    )
    .execute(c)
    .await
    .map(drop))
    .unwrap();
    tx.commit().await.unwrap();
    for selection in [
        json!({"serials": serials}),
        json!({"filter": {"ca": ["issuing"]}}),
    ] {
        let mut body = selection;
        body["reason"] = json!("superseded");
        let preview = preview(&world, &body).await;
        assert_eq!(
            counts(&preview),
            BTreeMap::from([("certificate.revoked", 2)]),
            "{body}"
        );
    }
}

async fn a_token_holds_a_job_to_the_certificates_that_were_shown(world: World) {
    let shown = issued(&world, 3).await;
    let body = json!({"reason": "superseded", "filter": {"ca": ["issuing"]}});
    let preview = preview(&world, &body).await;
    let (status, accepted) = asked(&world, "", Some(&preview["preview_token"]), &body).await;
    assert_eq!((status, &accepted["total"]), (StatusCode::ACCEPTED, &json!(3)));
    // It matches the filter, and comes before the job is begun.
    let late = issued(&world, 1).await.remove(0);
    let counts = done(&world, &accepted).await;
    assert_eq!((counts.done, counts.total()), (3, 3));
    let revoked = async |serial: &str| {
        let found = world.ca.app().find(&anyone(), serial).await.unwrap();
        found.revocation.is_some()
    };
    assert!(!revoked(&late).await);
    for serial in &shown {
        assert!(revoked(serial).await);
    }
}
