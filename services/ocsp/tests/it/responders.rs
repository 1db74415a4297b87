//! Who signs.

use kit::service::Verdict;
use ocsp::{Config, ResponderIdForm};
use proto::ca::v1::Reason as WireReason;
use testkit::on_both_databases;
use time::Duration;
use x509::ocsp::{CertStatus, OcspRequest, OcspResponse, ResponderId};

use crate::world::{World, eventually, id};

on_both_databases!(
    each_ca_has_one_responder_however_many_processes_there_are,
    a_responder_is_replaced_at_two_thirds_of_its_life_and_no_response_outlives_it,
    a_responder_names_itself_as_it_is_set,
    a_responder_that_is_revoked_is_replaced_at_once,
    a_responder_that_cannot_be_read_is_replaced_and_hides_no_other,
    doctor_says_that_no_ca_is_known,
);

async fn each_ca_has_one_responder_however_many_processes_there_are(world: World) {
    assert_eq!(world.count("signers").await, 2);
    let one = world.replica(Config::default()).await;
    let other = world.replica(Config::default()).await;
    assert_eq!(world.count("signers").await, 2);
    let certificate = world.issue("issuing").await;
    for responder in [&world.responder, &one, &other] {
        assert_eq!(
            world.status_by(responder, &certificate).await,
            Ok(CertStatus::Good)
        );
    }
}

async fn a_responder_is_replaced_at_two_thirds_of_its_life_and_no_response_outlives_it(world: World) {
    let certificate = world.issue("issuing").await;
    let issuer = world.authority("issuing").await;
    let request = OcspRequest::build(vec![id(&issuer, certificate.serial())], None).unwrap();
    let signer = async || {
        let answer = world.responder.post(request.der()).await;
        let response = OcspResponse::from_der(&answer.der).unwrap();
        let verified = response
            .verify(&world.expected(&issuer, certificate.serial(), None))
            .unwrap();
        let signer = verified.delegate.unwrap().clone();
        assert!(verified.single.next_update.unwrap() <= signer.not_after());
        signer
    };
    let first = signer().await;
    let life = first.not_after() - first.not_before();
    assert!(life > Duration::days(29) && life < Duration::days(31), "{life}");

    // No other can be made: the one that there is goes on to its end.
    world.to_ca.cut("IssueOcspSigner");
    world.clock.set(first.not_after() - Duration::hours(2));
    assert_eq!(signer().await, first);
    world.to_ca.mend();
    world.add_authority("third").await;
    eventually("another signs", async || {
        world.clock.advance(Duration::seconds(30));
        signer().await != first
    })
    .await;
    let second = signer().await;
    assert!(second.not_after() > first.not_after() + Duration::days(20));
    assert_ne!(second.spki(), first.spki());
}

async fn a_responder_names_itself_as_it_is_set(world: World) {
    let certificate = world.issue("issuing").await;
    let issuer = world.authority("issuing").await;
    let request = OcspRequest::build(vec![id(&issuer, certificate.serial())], None).unwrap();
    let by_name = world
        .replica(Config {
            responder_id: ResponderIdForm::Name,
            ..Config::default()
        })
        .await;
    for (responder, wanted) in [(&world.responder, "key"), (&by_name, "name")] {
        let answer = responder.post(request.der()).await;
        let response = OcspResponse::from_der(&answer.der).unwrap();
        response
            .verify(&world.expected(&issuer, certificate.serial(), None))
            .unwrap();
        let told = match response.responder() {
            ResponderId::ByKey(_) => "key",
            ResponderId::ByName(_) => "name",
        };
        assert_eq!(told, wanted);
    }
}

async fn a_responder_that_is_revoked_is_replaced_at_once(world: World) {
    let certificate = world.issue("issuing").await;
    let issuer = world.authority("issuing").await;
    let request = OcspRequest::build(vec![id(&issuer, certificate.serial())], None).unwrap();
    let signer = async || {
        let answer = world.responder.post(request.der()).await;
        let response = OcspResponse::from_der(&answer.der).ok()?;
        let verified = response
            .verify(&world.expected(&issuer, certificate.serial(), None))
            .unwrap();
        Some(verified.delegate.unwrap().clone())
    };
    let first = signer().await.unwrap();
    world.revoke(&first, WireReason::KeyCompromise).await;
    eventually("another signs", async || {
        signer().await.is_some_and(|second| second.spki() != first.spki())
    })
    .await;
}

async fn a_responder_that_cannot_be_read_is_replaced_and_hides_no_other(world: World) {
    let certificate = world.issue("issuing").await;
    let sql = match world.is_sqlite() {
        true => "UPDATE signers SET key_name = x'00ff', issuer = 'second' WHERE issuer = 'second'",
        false => "UPDATE signers SET certificate = '\\x00' WHERE issuer = 'second'",
    };
    let mut tx = world.db.begin().await.unwrap();
    let damaged = store::tx!(&mut tx, |c| sqlx::query(sql)
        .execute(c)
        .await
        .unwrap()
        .rows_affected());
    tx.commit().await.unwrap();
    assert_eq!(damaged, 1);
    // A process that has nothing of it in memory.
    let replica = world.replica(Config::default()).await;
    assert_eq!(
        world.status_by(&replica, &certificate).await,
        Ok(CertStatus::Good)
    );
    assert_eq!(world.count("signers").await, 3);
}

async fn doctor_says_that_no_ca_is_known(world: World) {
    for method in ["ListCas", "SnapshotRevocations", "Watch"] {
        world.to_ca.cut(method);
    }
    let replica = world.idle_replica(Config::default());
    for check in replica.service().doctor {
        let found = check.look().await;
        assert_eq!(found.verdict, Verdict::Failed, "{found:?}");
    }
}
