//! What a certificate rests on is decided in the transaction that stores it: no successor and no certificate for a
//! compromised key comes after a revocation that is durable, and none comes from a CA after it was suspended.
//!
//! Order is judged by the database: the feed is in the order of commits, and an event that the waiting side saw is before it.

use std::time::Duration;

use ca::{Ca, Error, Issued, RevokeRequest};
use kit::dry_run::Commit;
use kit::error::{Fault, Kind};
use testkit::database::TestDatabase;
use testkit::on_both_databases;
use x509::crl::Reason;

use crate::world::{Gate, NOW, World, anyone, csr, key, on_profile, refused, renewal, server, with_key};

on_both_databases!(
    a_compromised_key_is_certified_by_no_ca_again,
    a_key_revoked_while_its_certificate_is_being_signed_fails_that_certificate_alone,
    a_successor_is_not_stored_once_its_predecessor_is_revoked_or_held,
    a_successor_is_not_stored_once_the_key_of_its_predecessor_is_compromised,
    a_suspended_ca_stores_nothing_that_was_signed_before,
    a_suspended_ca_renews_nothing_and_another_takes_its_place_where_none_is_named,
    an_earlier_answer_is_repeated_with_what_became_of_it,
    keys_revoked_by_an_earlier_version_are_recorded_at_start,
    no_successor_comes_after_a_revocation,
);

fn ask(ca: &Ca, request: ca::IssueRequest) -> tokio::task::JoinHandle<Result<Issued, Error>> {
    let ca = ca.clone();
    tokio::spawn(async move { ca.app().issue(&anyone(), request, &Commit).await })
}

fn compromise(serial: String) -> RevokeRequest {
    RevokeRequest {
        serial,
        reason: Reason::KeyCompromise,
        invalidity: None,
        same_key: false,
        descendants: false,
    }
}

async fn a_compromised_key_is_certified_by_no_ca_again(world: World) {
    world.add_authority("second", ca::USER_PROFILES).await;
    let key = key();
    let old = world.issue(server(&key, "a.example.test")).await;
    let other = world.issue(server(&key, "b.example.test")).await;
    let rekeyed = world.issue(server(&crate::world::key(), "c.example.test")).await;
    world
        .revoke(&old.serial.to_string(), Reason::KeyCompromise)
        .await
        .unwrap();
    let app = world.ca.app();
    for ca in ["issuing", "second"] {
        let request = ca::IssueRequest {
            ca: Some(ca.to_owned()),
            ..server(&key, "d.example.test")
        };
        let error = refused(app.issue(&anyone(), request, &Commit).await, Kind::Unprocessable);
        assert_eq!(error.shown().problem.slug(), "compromised-key");
        assert_eq!(error.shown().field, Some("csr"));
    }
    // Another certificate of that key is still valid, and not renewed with it; nor is one that would take the key.
    refused(world.renew(renewal(&other, None)).await, Kind::Unprocessable);
    let taking = renewal(&rekeyed, Some(csr(&key, &["dns:c.example.test"])));
    refused(world.renew(taking).await, Kind::Unprocessable);
    // Not with another key either: whoever has the old one may be who asks.
    let fresh = renewal(&other, Some(csr(&crate::world::key(), &[])));
    let error = refused(world.renew(fresh).await, Kind::Unprocessable);
    assert_eq!(error.shown().problem.slug(), "compromised-key");
    assert!(error.public().contains(&other.serial.to_string()), "{error}");
    // Other reasons say nothing about the key.
    let key = crate::world::key();
    let old = world.issue(server(&key, "e.example.test")).await;
    world
        .revoke(&old.serial.to_string(), Reason::Superseded)
        .await
        .unwrap();
    world.issue(server(&key, "e.example.test")).await;
}

async fn a_key_revoked_while_its_certificate_is_being_signed_fails_that_certificate_alone(world: World) {
    let key = key();
    let old = world.issue(server(&key, "a.example.test")).await;
    let gate = Gate::closed();
    let ca = world.with_keymgr(gate.before(world.keymgr.clone())).await;
    // The first is on its way to its signature; the two behind it form one group.
    let first = ask(&ca, server(&crate::world::key(), "first.example.test"));
    gate.called(1).await;
    let bad = ask(&ca, server(&key, "bad.example.test"));
    let good = ask(&ca, server(&crate::world::key(), "good.example.test"));
    gate.let_through(1);
    first.await.unwrap().unwrap();
    gate.called(2).await;
    world
        .revoke(&old.serial.to_string(), Reason::KeyCompromise)
        .await
        .unwrap();
    gate.open();
    let error = refused(bad.await.unwrap(), Kind::Unprocessable);
    assert_eq!(error.shown().problem.slug(), "compromised-key");
    good.await.unwrap().unwrap();
    assert_eq!(world.count("certificates").await, 3);
}

async fn a_successor_is_not_stored_once_its_predecessor_is_revoked_or_held(world: World) {
    for held in [true, false] {
        let old = world.issue(server(&key(), "a.example.test")).await;
        let gate = Gate::closed();
        let ca = world.with_keymgr(gate.before(world.keymgr.clone())).await;
        let request = renewal(&old, Some(csr(&key(), &[])));
        let successor = tokio::spawn(async move { ca.app().renew(&anyone(), request, &Commit).await });
        gate.called(1).await;
        let serial = old.serial.to_string();
        match held {
            true => world.hold(&serial).await.unwrap(),
            false => world.revoke(&serial, Reason::Superseded).await.unwrap(),
        };
        gate.let_through(1);
        refused(successor.await.unwrap(), Kind::Conflict);
    }
    assert_eq!(world.count("certificates").await, 2);
}

async fn a_successor_is_not_stored_once_the_key_of_its_predecessor_is_compromised(world: World) {
    let key = key();
    let old = world.issue(server(&key, "a.example.test")).await;
    let other = world.issue(server(&key, "b.example.test")).await;
    let gate = Gate::closed();
    let ca = world.with_keymgr(gate.before(world.keymgr.clone())).await;
    // With a key of its own, for a predecessor that stays valid.
    let request = renewal(&old, Some(csr(&crate::world::key(), &[])));
    let successor = tokio::spawn(async move { ca.app().renew(&anyone(), request, &Commit).await });
    gate.called(1).await;
    world
        .revoke(&other.serial.to_string(), Reason::KeyCompromise)
        .await
        .unwrap();
    gate.let_through(1);
    let error = refused(successor.await.unwrap(), Kind::Unprocessable);
    assert_eq!(error.shown().problem.slug(), "compromised-key");
    assert_eq!(world.issued(&old.serial).await.status(NOW), ca::Status::Valid);
    assert_eq!(world.count("certificates").await, 2);
}

async fn a_suspended_ca_stores_nothing_that_was_signed_before(world: World) {
    let gate = Gate::closed();
    let ca = world.with_keymgr(gate.before(world.keymgr.clone())).await;
    let late = ask(&ca, server(&key(), "a.example.test"));
    gate.called(1).await;
    let app = world.ca.app();
    app.suspend(&anyone(), "issuing", &Commit).await.unwrap();
    gate.open();
    let error = refused(late.await.unwrap(), Kind::Conflict);
    assert_eq!(error.shown().problem.slug(), "ca-suspended");
    assert_eq!(world.count("certificates").await, 0);
    // It lasts over a restart.
    let again = world.with_keymgr(world.keymgr.clone()).await;
    refused(
        ask(&again, server(&key(), "a.example.test")).await.unwrap(),
        Kind::Conflict,
    );
    let app = world.ca.app();
    app.resume(&anyone(), "issuing", &Commit).await.unwrap();
    ask(&again, server(&key(), "a.example.test"))
        .await
        .unwrap()
        .unwrap();
}

async fn a_suspended_ca_renews_nothing_and_another_takes_its_place_where_none_is_named(world: World) {
    let old = world.issue(server(&key(), "a.example.test")).await;
    let app = world.ca.app();
    app.suspend(&anyone(), "issuing", &Commit).await.unwrap();
    app.suspend(&anyone(), "issuing", &Commit).await.unwrap();
    refused(world.renew(renewal(&old, None)).await, Kind::Conflict);
    refused(
        app.issue(&anyone(), server(&key(), "b.example.test"), &Commit)
            .await,
        Kind::Conflict,
    );
    world.add_authority("second", ca::USER_PROFILES).await;
    let issued = world.issue(server(&key(), "b.example.test")).await;
    assert_eq!(&*issued.ca, "second");
    assert!(app.suspend(&anyone(), "nosuch", &Commit).await.is_err());
    // What is there can be looked at and revoked.
    world
        .revoke(&old.serial.to_string(), Reason::Superseded)
        .await
        .unwrap();
    app.resume(&anyone(), "issuing", &Commit).await.unwrap();
    let issued = world.issue(server(&key(), "c.example.test")).await;
    assert_eq!(&*issued.ca, "issuing");
}

async fn an_earlier_answer_is_repeated_with_what_became_of_it(world: World) {
    let request = with_key(&server(&key(), "a.example.test"), "once");
    let first = world.issue(request.clone()).await;
    world
        .revoke(&first.serial.to_string(), Reason::KeyCompromise)
        .await
        .unwrap();
    let again = world.issue(request).await;
    assert_eq!(again.serial, first.serial);
    assert_eq!(again.status(NOW), ca::Status::Revoked);
}

async fn keys_revoked_by_an_earlier_version_are_recorded_at_start(world: World) {
    let keys = [key(), key()];
    for (key, reason) in keys.iter().zip([1_i64, 2]) {
        let old = world.issue(server(key, "a.example.test")).await;
        let mut tx = world.db.begin().await.unwrap();
        store::tx!(&mut tx, |connection| {
            sqlx::query("UPDATE certificates SET revoked_at = $1, reason = $2 WHERE id = $3")
                .bind(store::time::to_micros(NOW))
                .bind(reason)
                .bind(old.id)
                .execute(connection)
                .await
                .map(drop)
        })
        .unwrap();
        tx.commit().await.unwrap();
    }
    let ca = world.with_keymgr(world.keymgr.clone()).await;
    let [compromised, of_a_lost_ca] = &keys;
    refused(
        ask(&ca, server(compromised, "b.example.test")).await.unwrap(),
        Kind::Unprocessable,
    );
    ask(&ca, server(of_a_lost_ca, "b.example.test"))
        .await
        .unwrap()
        .unwrap();
}

/// Renewal with the same key against revocation for key-compromise, with other requests around them: whoever wins, the feed
/// has no successor behind the revocation.
async fn no_successor_comes_after_a_revocation(world: World) {
    const ROUNDS: usize = 150;
    const AT_ONCE: usize = 10;
    let replica = world.with_keymgr(world.keymgr.clone()).await;
    let (mut renewed, mut successors) = (0, Vec::new());
    for _ in 0..ROUNDS / AT_ONCE {
        let mut races = tokio::task::JoinSet::new();
        let mut load = Vec::new();
        for number in 0..AT_ONCE {
            let old = world
                .issue(on_profile("mtls", &key(), "dns:a.example.test"))
                .await;
            load.push(ask(&replica, server(&key(), &format!("n{number}.example.test"))));
            let (renewing, revoking) = (world.ca.clone(), replica.clone());
            races.spawn(async move {
                let request = compromise(old.serial.to_string());
                let by = anyone();
                let (successor, revoked) = tokio::join!(
                    tokio::spawn(async move {
                        renewing
                            .app()
                            .renew(&anyone(), renewal(&old, None), &Commit)
                            .await
                    }),
                    async {
                        // At another point of the renewal in each round.
                        for _ in 0..number * 3 {
                            tokio::task::yield_now().await;
                        }
                        revoking.app().revoke(&by, &request, &Commit).await
                    }
                );
                (request.serial, successor.unwrap(), revoked)
            });
        }
        for (serial, successor, revoked) in races.join_all().await {
            revoked.unwrap();
            match successor {
                Ok(issued) => {
                    renewed += 1;
                    successors.push((serial, issued.serial.to_string()));
                }
                Err(error) => assert!(
                    matches!(error.kind(), Kind::Conflict | Kind::Unprocessable),
                    "{error:?}"
                ),
            }
        }
        for one in load {
            one.await.unwrap().unwrap();
        }
    }
    let events = world.events().await;
    let place = |kind: &str, serial: &str| {
        events
            .iter()
            .position(|event| event.kind == kind && event.subject == serial)
            .unwrap()
    };
    let late = successors
        .iter()
        .filter(|(old, new)| place("certificate.renewed", new) > place("certificate.revoked", old))
        .count();
    assert_eq!(late, 0, "of {renewed} renewals in {ROUNDS} rounds");
    assert!(renewed > 0, "no renewal was ever first: nothing was raced");
    let stored = events.iter().filter(|event| event.kind == "certificate.renewed");
    assert_eq!(stored.count(), renewed, "a refused successor was stored");
}

/// Holds the group's transaction open at the moment where everything was looked at: a revocation waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_revocation_waits_for_the_group_that_relied_on_the_key() {
    let world = World::on(TestDatabase::postgresql().await.unwrap()).await;
    let key = key();
    let old = world.issue(server(&key, "a.example.test")).await;
    // The insert of the group waits here, behind the checks.
    let mut blocker = world.db.begin().await.unwrap();
    store::tx!(&mut blocker, |connection| {
        sqlx::query("LOCK TABLE certificate_names IN EXCLUSIVE MODE")
            .execute(connection)
            .await
            .map(drop)
    })
    .unwrap();
    let successor = {
        let (ca, request) = (world.ca.clone(), renewal(&old, None));
        tokio::spawn(async move { ca.app().renew(&anyone(), request, &Commit).await })
    };
    waiting(&world, 1).await;
    let (ca, serial) = (world.ca.clone(), old.serial.to_string());
    let request = compromise(serial);
    let revocation = tokio::spawn(async move { ca.app().revoke(&anyone(), &request, &Commit).await });
    waiting(&world, 2).await;
    assert!(!revocation.is_finished() && !successor.is_finished());
    blocker.rollback().await.unwrap();
    let successor = successor.await.unwrap().unwrap();
    revocation.await.unwrap().unwrap();
    let kinds: Vec<String> = world.events().await.into_iter().map(|event| event.kind).collect();
    assert_eq!(
        kinds,
        ["certificate.issued", "certificate.renewed", "certificate.revoked"]
    );
    refused(world.renew(renewal(&successor, None)).await, Kind::Unprocessable);
}

/// Holds a revocation's transaction open before its commit: the group waits, and then refuses.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_group_waits_for_a_revocation_that_is_about_to_commit() {
    let world = World::on(TestDatabase::postgresql().await.unwrap()).await;
    let key = key();
    let old = world.issue(server(&key, "a.example.test")).await;
    let mut blocker = world.db.begin().await.unwrap();
    store::tx!(&mut blocker, |connection| {
        sqlx::query("LOCK TABLE outbox IN EXCLUSIVE MODE")
            .execute(connection)
            .await
            .map(drop)
    })
    .unwrap();
    let (ca, serial) = (world.ca.clone(), old.serial.to_string());
    let request = compromise(serial);
    let revocation = tokio::spawn(async move { ca.app().revoke(&anyone(), &request, &Commit).await });
    waiting(&world, 1).await;
    // Neither the key nor the status looks revoked to anyone yet.
    let again = ask(&world.ca, server(&key, "b.example.test"));
    let (ca, request) = (
        world.replica().await,
        renewal(&old, Some(csr(&crate::world::key(), &[]))),
    );
    let successor = tokio::spawn(async move { ca.app().renew(&anyone(), request, &Commit).await });
    waiting(&world, 3).await;
    blocker.rollback().await.unwrap();
    revocation.await.unwrap().unwrap();
    refused(again.await.unwrap(), Kind::Unprocessable);
    refused(successor.await.unwrap(), Kind::Conflict);
    assert_eq!(world.count("certificates").await, 1);
}

/// Returns once this many sessions of this database wait for a lock.
async fn waiting(world: &World, sessions: i64) {
    for _ in 0..1000 {
        let waiting: i64 = store::read!(&world.db, |connection| {
            sqlx::query_scalar(
                "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
            )
            .fetch_one(connection)
            .await
        })
        .unwrap();
        if waiting >= sessions {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no {sessions} sessions wait for a lock");
}
