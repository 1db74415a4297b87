//! What is said of certificates, and when.

use ocsp::{Config, Unissued};
use proto::ca::v1::Reason as WireReason;
use serde_json::{Value, json};
use testkit::on_both_databases;
use vocabulary::EventType;
use x509::crl::Reason;
use x509::ocsp::{CertStatus, ErrorStatus, OcspRequest, OcspResponse};
use x509::{ReceivedSerial, Serial};

use crate::world::{NOW, World, eventually, id};

on_both_databases!(
    a_revocation_is_told_with_its_time_and_its_reason,
    a_hold_is_told_until_it_is_released,
    a_serial_number_that_was_never_issued_is_unknown_until_it_is_issued,
    what_was_never_issued_is_revoked_where_that_is_set,
    a_request_for_several_certificates_has_an_answer_for_each,
    a_process_that_starts_knows_what_was_revoked_before,
    a_ca_that_is_added_is_answered_for,
    an_event_that_cannot_be_read_hides_nothing,
    an_event_of_an_earlier_version_is_read,
);

fn revoked(reason: Reason) -> CertStatus {
    CertStatus::Revoked {
        time: NOW.replace_nanosecond(0).unwrap(),
        reason: Some(reason),
    }
}

async fn a_revocation_is_told_with_its_time_and_its_reason(world: World) {
    let certificate = world.issue("issuing").await;
    assert_eq!(world.status(&certificate).await, Ok(CertStatus::Good));
    world.revoke(&certificate, WireReason::KeyCompromise).await;
    eventually("the revocation is told", async || {
        world.status(&certificate).await == Ok(revoked(Reason::KeyCompromise))
    })
    .await;
    // For good.
    world.clock.advance(time::Duration::hours(1));
    assert_eq!(
        world.status(&certificate).await,
        Ok(revoked(Reason::KeyCompromise))
    );
}

async fn a_hold_is_told_until_it_is_released(world: World) {
    let certificate = world.issue("issuing").await;
    for _ in 0..3 {
        world.hold(&certificate).await;
        eventually("the hold is told", async || {
            world.status(&certificate).await == Ok(revoked(Reason::CertificateHold))
        })
        .await;
        world.release(&certificate).await;
        eventually("the release is told", async || {
            world.status(&certificate).await == Ok(CertStatus::Good)
        })
        .await;
    }
}

async fn a_serial_number_that_was_never_issued_is_unknown_until_it_is_issued(world: World) {
    let issuer = world.authority("issuing").await;
    let certificate = world.issue("issuing").await;
    // By another CA: the same number of this one was never issued.
    let second = world.authority("second").await;
    let of_second = OcspRequest::build(vec![id(&second, certificate.serial())], None).unwrap();
    let answer = world.responder.post(of_second.der()).await;
    let response = OcspResponse::from_der(&answer.der).unwrap();
    assert_eq!(response.responses()[0].status, CertStatus::Unknown);
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(world.status(&certificate).await, Ok(CertStatus::Good));

    for odd in [&[0x01][..], &[0x7f; 20], &[0xff], &[0x00]] {
        let serial = match Serial::from_bytes(odd) {
            Ok(serial) if odd != [0xff] => ReceivedSerial::Proper(serial),
            _ => ReceivedSerial::Odd(odd.into()),
        };
        let request = OcspRequest::build(vec![id(&issuer, &serial)], None).unwrap();
        let answer = world.responder.post(request.der()).await;
        let response = OcspResponse::from_der(&answer.der).unwrap();
        assert_eq!(response.responses()[0].status, CertStatus::Unknown, "{serial}");
        assert!(!response.has_extended_revoke());
    }
}

async fn what_was_never_issued_is_revoked_where_that_is_set(world: World) {
    let config = Config {
        unissued: Unissued::Revoked,
        ..Config::default()
    };
    let responder = world.replica(config).await;
    let issuer = world.authority("issuing").await;
    let serial = ReceivedSerial::Proper(Serial::from_bytes(&[7; 16]).unwrap());
    let request = OcspRequest::build(vec![id(&issuer, &serial)], None).unwrap();
    let answer = responder.post(request.der()).await;
    let response = OcspResponse::from_der(&answer.der).unwrap();
    let verified = response.verify(&world.expected(&issuer, &serial, None)).unwrap();
    assert_eq!(verified.single.status, CertStatus::NEVER_ISSUED);
    assert!(response.has_extended_revoke());
}

async fn a_request_for_several_certificates_has_an_answer_for_each(world: World) {
    let [issuing, second] = [world.authority("issuing").await, world.authority("second").await];
    let foreign = rootca::Root::create(
        &"CN=Foreign".parse().unwrap(),
        x509::KeyAlgorithm::P256,
        None,
        NOW,
    )
    .unwrap();
    let foreign = foreign.certificate();
    let [good, bad, other] = [
        world.issue("issuing").await,
        world.issue("issuing").await,
        world.issue("second").await,
    ];
    world.revoke(&bad, WireReason::Superseded).await;
    eventually("the revocation is told", async || {
        world.status(&bad).await == Ok(revoked(Reason::Superseded))
    })
    .await;

    let ids = vec![
        id(foreign, good.serial()),
        id(&issuing, good.serial()),
        id(&second, other.serial()),
        id(&issuing, bad.serial()),
        id(&issuing, good.serial()),
    ];
    let request = OcspRequest::build(ids.clone(), None).unwrap();
    let answer = world.responder.post(request.der()).await;
    let response = OcspResponse::from_der(&answer.der).unwrap();
    let told: Vec<_> = response.responses().iter().map(|single| single.status).collect();
    assert_eq!(
        told,
        [
            CertStatus::Unknown,
            CertStatus::Good,
            CertStatus::Unknown,
            revoked(Reason::Superseded),
            CertStatus::Good
        ]
    );
    let echoed: Vec<_> = response
        .responses()
        .iter()
        .map(|single| single.cert_id.clone())
        .collect();
    assert_eq!(echoed, ids);
    // Signed for the first CA that is ours: its responder has no authority over certificates of the other one.
    response
        .verify(&world.expected(&issuing, bad.serial(), None))
        .unwrap();
    assert!(
        response
            .verify(&world.expected(&second, other.serial(), None))
            .is_err()
    );

    let request = OcspRequest::build(vec![id(foreign, good.serial())], None).unwrap();
    let answer = world.responder.post(request.der()).await;
    assert_eq!(answer.der, ErrorStatus::Unauthorized.response());
}

async fn a_process_that_starts_knows_what_was_revoked_before(world: World) {
    let [certificate, held] = [world.issue("issuing").await, world.issue("issuing").await];
    world.revoke(&certificate, WireReason::CessationOfOperation).await;
    world.hold(&held).await;
    let before = world.to_ca.calls("Status");
    let responder = world.replica(Config::default()).await;
    let told = world.status_by(&responder, &certificate).await;
    assert_eq!(told, Ok(revoked(Reason::CessationOfOperation)));
    assert_eq!(world.to_ca.calls("Status"), before, "the snapshot has it");
    assert_eq!(
        world.status_by(&responder, &held).await,
        Ok(revoked(Reason::CertificateHold))
    );
}

async fn a_ca_that_is_added_is_answered_for(world: World) {
    world.add_authority("third").await;
    let third = world.authority("third").await;
    let certificate = world.issue("third").await;
    let request = OcspRequest::build(vec![id(&third, certificate.serial())], None).unwrap();
    eventually("the CA is answered for", async || {
        let answer = world.responder.post(request.der()).await;
        OcspResponse::from_der(&answer.der).is_ok_and(|response| {
            let expected = world.expected(&third, certificate.serial(), None);
            response.verify(&expected).unwrap().single.status == CertStatus::Good
        })
    })
    .await;
}

/// Writes an event about a revocation, whatever its data: what a service appends is checked.
async fn tell_revoked(world: &World, serial: &ReceivedSerial, data: &Value) {
    let (subject, data) = (serial.to_string(), data.to_string());
    let other = json!({"ca": "issuing", "actor": "test:anyone"});
    let event = kit::trace::event(EventType::CaSuspended, &subject, other);
    let mut tx = world.ca_db.clone().declaring(ca::EVENTS).begin().await.unwrap();
    store::outbox::append(&mut tx, &[event], NOW).await.unwrap();
    let changed = store::tx!(&mut tx, |connection| {
        let sql = "UPDATE outbox SET kind = 'certificate.revoked', data = $1 WHERE kind = 'ca.suspended' AND subject = $2";
        let done = sqlx::query(sql).bind(&data).bind(&subject).execute(connection);
        done.await.map(|done| done.rows_affected())
    });
    assert_eq!(changed.unwrap(), 1);
    tx.commit().await.unwrap();
}

async fn an_event_of_an_earlier_version_is_read(world: World) {
    let certificate = world.issue("issuing").await;
    let snapshots = world.to_ca.calls("SnapshotRevocations");
    let data = json!({
        "serial": certificate.serial().to_string(), "ca": "issuing", "issuer": "issuing", "crl_shard": 0,
        "not_after": kit::clock::rfc3339(certificate.not_after()), "not_after_us": store::time::to_micros(certificate.not_after()),
        "profile": "tls-server", "requester": "test:anyone", "actor": "test:anyone", "status": "revoked",
        "reason": "key-compromise", "revocation_time": kit::clock::rfc3339(NOW), "invalidity_time": null,
        "revocation_time_us": store::time::to_micros(NOW), "invalidity_time_us": null, "decided_as": "operator",
    });
    tell_revoked(&world, certificate.serial(), &data).await;
    eventually("what it says is told", async || {
        world.status(&certificate).await == Ok(revoked(Reason::KeyCompromise))
    })
    .await;
    assert_eq!(world.to_ca.calls("SnapshotRevocations"), snapshots);
}

async fn an_event_that_cannot_be_read_hides_nothing(world: World) {
    let [first, second] = [world.issue("issuing").await, world.issue("issuing").await];
    let snapshots = world.to_ca.calls("SnapshotRevocations");
    tell_revoked(&world, first.serial(), &json!({})).await;
    eventually("a snapshot is taken", async || {
        world.to_ca.calls("SnapshotRevocations") > snapshots
    })
    .await;
    world.revoke(&second, WireReason::KeyCompromise).await;
    eventually("what follows is told", async || {
        world.status(&second).await == Ok(revoked(Reason::KeyCompromise))
    })
    .await;
    assert_eq!(world.status(&first).await, Ok(CertStatus::Good));
}
