//! Group commit: who shares a signing call and a transaction with whom, and who suffers with whom.
//!
//! These run on one thread, so that it is certain which requests wait at a moment: every task has gone as far as it
//! can once control comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use ca::{Ca, Error, IssueRequest, Issued};
use http_body_util::BodyExt;
use kit::dry_run::Commit;
use kit::error::{Fault, Kind};
use kit::transport::Transport;
use tokio::task::JoinHandle;
use tower::ServiceExt;

use crate::world::{Gate, World, anyone, key, refused, requester, server};

type Waiting = JoinHandle<Result<Issued, Error>>;

/// Asks, and goes on once the request waits.
async fn ask(ca: &Ca, request: IssueRequest) -> Waiting {
    let ca = ca.clone();
    let waiting = tokio::spawn(async move { ca.app().issue(&anyone(), request, &Commit).await });
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    waiting
}

async fn ask_for_host(ca: &Ca, number: usize) -> Waiting {
    ask(ca, server(&key(), &format!("n{number}.example.test"))).await
}

/// The transactions that certificates were stored in.
async fn transactions(world: &World) -> Vec<String> {
    let mut all: Vec<String> = world
        .events()
        .await
        .iter()
        .map(|event| event.cursor.to_string().split('-').next().unwrap().to_owned())
        .collect();
    all.dedup();
    all
}

#[tokio::test]
async fn a_request_alone_waits_for_nobody_and_those_that_come_in_the_meantime_share_call_and_transaction() {
    let world = World::sqlite().await;
    let gate = Gate::closed();
    let ca = world.with_keymgr(gate.before(world.keymgr.clone())).await;
    let first = ask_for_host(&ca, 0).await;
    gate.called(1).await;
    let mut others = Vec::new();
    for number in 1..=20 {
        others.push(ask_for_host(&ca, number).await);
    }
    assert_eq!(gate.calls(), 1);
    gate.open();
    first.await.unwrap().unwrap();
    for other in others {
        other.await.unwrap().unwrap();
    }
    assert_eq!(gate.calls(), 2);
    assert_eq!(transactions(&world).await.len(), 2);
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_says_when_to_come_back() {
    let world = World::sqlite().await;
    let gate = Gate::closed();
    let settings = ca::Config {
        queue: 1,
        ..ca::Config::default()
    };
    let ca = world
        .with_settings(gate.before(world.keymgr.clone()), settings)
        .await;
    let signed = ask_for_host(&ca, 0).await;
    gate.called(1).await;
    let queued = ask_for_host(&ca, 1).await;
    let error = refused(ask_for_host(&ca, 2).await.await.unwrap(), Kind::Unavailable);
    assert!(matches!(error, Error::Overloaded), "{error:?}");
    assert!(error.shown().retry_after.is_some());
    gate.open();
    signed.await.unwrap().unwrap();
    queued.await.unwrap().unwrap();
    assert_eq!(world.count("certificates").await, 2);
}

#[tokio::test]
async fn a_group_too_large_for_one_call_is_signed_in_several() {
    let world = World::sqlite().await;
    let gate = Gate::closed();
    let ca = world.with_keymgr(gate.before(world.keymgr.clone())).await;
    let first = ask_for_host(&ca, 0).await;
    gate.called(1).await;
    let mut others = Vec::new();
    for number in 0..190 {
        let long = "x".repeat(1900);
        let names = (0..15).map(|n| {
            format!("uri:https://a.example.test/{number}/{n}/{long}")
                .parse()
                .unwrap()
        });
        let request = IssueRequest {
            sans: Some(names.collect()),
            ..crate::world::on_profile("tls-client", &key(), "uri:https://a.example.test/")
        };
        others.push(ask(&ca, request).await);
    }
    gate.open();
    first.await.unwrap().unwrap();
    for other in others {
        other.await.unwrap().unwrap();
    }
    // Some 5.5 MB, of which a call takes 2.
    assert_eq!(gate.calls(), 4);
    assert_eq!(transactions(&world).await.len(), 2);
}

#[tokio::test]
async fn a_row_that_the_database_refuses_costs_no_other_request_its_certificate() {
    let world = World::sqlite().await;
    let mut tx = world.db.begin().await.unwrap();
    store::tx!(&mut tx, |connection| {
        sqlx::query(
            "CREATE TRIGGER refuse BEFORE INSERT ON certificates WHEN NEW.requester = 'test:refused'
             BEGIN SELECT RAISE(ABORT, 'refused'); END",
        )
        .execute(connection)
        .await
        .map(drop)
    })
    .unwrap();
    tx.commit().await.unwrap();

    let gate = Gate::closed();
    let ca = world.with_keymgr(gate.before(world.keymgr.clone())).await;
    let first = ask_for_host(&ca, 0).await;
    gate.called(1).await;
    let before = ask_for_host(&ca, 1).await;
    let bad = tokio::spawn({
        let (ca, request) = (ca.clone(), server(&key(), "bad.example.test"));
        async move {
            let refused = requester("test:refused", ca::ProfileScope::Any);
            ca.app().issue(&refused, request, &Commit).await
        }
    });
    let after = ask_for_host(&ca, 2).await;
    gate.open();
    for good in [first, before, after] {
        good.await.unwrap().unwrap();
    }
    refused(bad.await.unwrap(), Kind::Internal);
    assert_eq!(gate.calls(), 2, "the three went together at first");
    assert_eq!(world.count("certificates").await, 3);
    assert_eq!(world.events().await.len(), 3);
}

#[tokio::test]
async fn a_panic_fails_one_group_and_not_the_service() {
    let world = World::sqlite().await;
    let (calls, keymgr) = (Arc::new(AtomicUsize::new(0)), world.keymgr.clone());
    let ca = world
        .with_keymgr(Transport::new(tower::service_fn(move |request| {
            let (first, keymgr) = (calls.fetch_add(1, Ordering::SeqCst) == 0, keymgr.clone());
            async move {
                assert!(!first, "as a bug would");
                keymgr.oneshot(request).await
            }
        })))
        .await;
    refused(ask_for_host(&ca, 0).await.await.unwrap(), Kind::Internal);
    ask_for_host(&ca, 1).await.await.unwrap().unwrap();
}

#[tokio::test]
async fn nothing_is_issued_with_a_key_that_is_not_the_cas() {
    let world = World::sqlite().await;
    let mut tx = world.db.begin().await.unwrap();
    store::tx!(&mut tx, |connection| {
        sqlx::query("UPDATE authorities SET key_name = 'ca-services' WHERE name = 'issuing'")
            .execute(connection)
            .await
            .map(drop)
    })
    .unwrap();
    tx.commit().await.unwrap();
    let ca = world.replica().await;
    let error = refused(ask_for_host(&ca, 0).await.await.unwrap(), Kind::Internal);
    assert!(error.to_string().contains("is not the key of CA"), "{error:?}");
    assert_eq!(world.count("certificates").await, 0);
}

/// Changes the last octet of every answer of more than one signature: it belongs to the last of them.
fn spoiling_the_last(keymgr: Transport, single: usize) -> Transport {
    Transport::new(tower::service_fn(move |request| {
        let keymgr = keymgr.clone();
        async move {
            let answer = keymgr.oneshot(request).await?;
            Ok(answer.map(|body| {
                tonic::body::Body::new(body.map_frame(move |frame| {
                    frame.map_data(|data: Bytes| {
                        let mut data = data.to_vec();
                        if data.len() > single {
                            *data.last_mut().unwrap() ^= 1;
                        }
                        data.into()
                    })
                }))
            }))
        }
    }))
}

#[tokio::test]
async fn a_wrong_signature_among_many_fails_its_certificate_alone() {
    // A P-256 signature, its length, and the frame around the answer.
    const SINGLE: usize = 72 + 2 + 5;
    let world = World::sqlite().await;
    let gate = Gate::closed();
    let spoiled = spoiling_the_last(world.keymgr.clone(), SINGLE);
    let ca = world.with_keymgr(gate.before(spoiled)).await;
    let first = ask_for_host(&ca, 0).await;
    gate.called(1).await;
    let mut others = Vec::new();
    for number in 1..=9 {
        others.push(ask_for_host(&ca, number).await);
    }
    gate.open();
    first.await.unwrap().unwrap();
    let last = others.pop().unwrap();
    for other in others {
        other.await.unwrap().unwrap();
    }
    refused(last.await.unwrap(), Kind::Internal);
    assert_eq!(world.count("certificates").await, 9);
}
