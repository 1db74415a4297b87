//! Requests that are waiting at the same time share calls.

use std::task::{Context, Waker};

use futures::future::{BoxFuture, join_all};
use futures::{FutureExt as _, poll};
use ocsp::{App, Reply};
use proto::ca::v1::Reason;
use testkit::on_both_databases;
use tokio::task::{JoinSet, unconstrained};
use x509::asn1::{Writer, tag};
use x509::ocsp::{CertId, CertStatus, Nonce, OcspRequest, OcspResponse};
use x509::{Oid, ReceivedSerial, Serial};

use crate::world::{World, eventually, id};

on_both_databases!(
    what_waits_at_the_same_time_is_asked_and_signed_together,
    responses_of_any_length_are_signed_for_all_who_wait,
    requests_for_many_certificates_take_no_places_from_others,
);

async fn what_waits_at_the_same_time_is_asked_and_signed_together(world: World) {
    let issuer = world.authority("issuing").await;
    let mut requests = Vec::new();
    for index in 0..20_u8 {
        let certificate = world.issue("issuing").await;
        let nonce = (index % 2 == 0).then(|| Nonce::from_bytes(&[index; 32]).unwrap());
        let ids = vec![id(&issuer, certificate.serial())];
        requests.push(OcspRequest::build(ids, nonce).unwrap());
    }
    let app = world.responder.ocsp.app();
    let asked = world.to_ca.calls("Status");
    world.to_ca.hold("Status");
    let answers = join_all(requests.iter().map(|request| app.answer(Ok(request.clone()))));
    let mut answers = std::pin::pin!(answers);
    // All of them are in the queue now, or in the first two calls.
    assert!(poll!(&mut answers).is_pending());
    world.to_ca.release();
    let answers = answers.await;
    assert!(world.to_ca.calls("Status") - asked <= 3);
    for (request, answer) in requests.iter().zip(answers) {
        let response = OcspResponse::from_der(&answer.der).unwrap();
        let serial = request.cert_ids()[0].serial();
        let verified = response.verify(&world.expected(&issuer, serial, request.nonce()));
        assert_eq!(verified.unwrap().single.status, CertStatus::Good);
    }
}

async fn responses_of_any_length_are_signed_for_all_who_wait(world: World) {
    let issuer = world.authority("issuing").await;
    let certificate = world.issue("issuing").await;
    world.revoke(&certificate, Reason::Superseded).await;
    // Of what is known to be revoked `ca` is not asked: all that follows waits for signatures at once.
    world.to_ca.cut("Status");
    eventually("the revocation is known", async || {
        world.status(&certificate).await.is_ok()
    })
    .await;
    // Together, more than a message of gRPC may have: a response repeats it.
    let long = long_request(&id(&issuer, certificate.serial()));
    assert!(long.der().len() * 128 > kit::grpc::MAX_MESSAGE);
    let short = OcspRequest::build(
        vec![id(&issuer, certificate.serial())],
        Some(Nonce::from_bytes(&[1; 32]).unwrap()),
    )
    .unwrap();
    let app = world.responder.ocsp.app();
    world.to_keymgr.hold("SignBatch");
    let before = world.to_keymgr.calls("SignBatch");
    // These are all calls that are made at a time.
    let mut first = JoinSet::new();
    for number in 1..=2 {
        let (app, short) = (app.clone(), short.clone());
        first.spawn(async move { app.answer(Ok(short)).await });
        eventually("it is being signed", async || {
            world.to_keymgr.calls("SignBatch") >= before + number
        })
        .await;
    }
    let answers = all_waiting(app, std::iter::repeat_n(&long, 127).chain([&short]));
    world.to_keymgr.release();
    for answer in join_all(answers).await {
        let response = OcspResponse::from_der(&answer.der).unwrap();
        let status = &response.responses()[0].status;
        assert!(matches!(status, CertStatus::Revoked { .. }), "{status:?}");
    }
    // Each message was one that is taken.
    assert_eq!(world.to_keymgr.refused("SignBatch"), 0);
}

async fn requests_for_many_certificates_take_no_places_from_others(world: World) {
    let issuer = world.authority("issuing").await;
    let certificate = world.issue("issuing").await;
    let never = |index: u8| {
        let serial = ReceivedSerial::Proper(Serial::from_bytes(&[7, index]).unwrap());
        id(&issuer, &serial)
    };
    let many = OcspRequest::build((0..100).map(never).collect(), None).unwrap();
    let one = OcspRequest::build(vec![id(&issuer, certificate.serial())], None).unwrap();
    let app = world.responder.ocsp.app();
    world.to_ca.hold("Status");
    let answers = all_waiting(app, std::iter::repeat_n(&many, 60).chain([&one]));
    world.to_ca.release();
    let mut answers = join_all(answers).await;
    let response = OcspResponse::from_der(&answers.pop().unwrap().der).unwrap();
    assert_eq!(response.responses()[0].status, CertStatus::Good);
    for answer in answers {
        let response = OcspResponse::from_der(&answer.der).unwrap();
        assert_eq!(response.responses().len(), 100);
    }
}

/// Polls each once, which has all that it asks in the queue: neither a budget of the task nor what joins them ends that before.
fn all_waiting<'a>(
    app: &'a App,
    requests: impl Iterator<Item = &'a OcspRequest>,
) -> Vec<BoxFuture<'a, Reply>> {
    let mut context = Context::from_waker(Waker::noop());
    let begun = requests.map(|request| {
        let mut answer = unconstrained(app.answer(Ok(request.clone()))).boxed();
        assert!(answer.as_mut().poll(&mut context).is_pending());
        answer
    });
    begun.collect()
}

/// For a certificate of ours, and 99 of issuers whose hashes are as long as they are read.
fn long_request(ours: &CertId) -> OcspRequest {
    let algorithm = [0x2a; Oid::MAX_LEN];
    let foreign = Writer::one(tag::SEQUENCE, |id| {
        id.sequence(|hash| {
            hash.primitive(tag::OID, &algorithm);
            hash.primitive(tag::OCTET_STRING, &[1; 60]);
        });
        id.primitive(tag::OCTET_STRING, &[2; CertId::MAX_HASH_LEN]);
        id.primitive(tag::OCTET_STRING, &[3; CertId::MAX_HASH_LEN]);
        id.primitive(tag::INTEGER, &[4; ReceivedSerial::MAX_LEN]);
    });
    let all = std::iter::once(ours.der()).chain(std::iter::repeat_n(&foreign[..], 99));
    let der = Writer::one(tag::SEQUENCE, |request| {
        request.sequence(|tbs| tbs.sequence(|list| all.for_each(|id| list.sequence(|one| one.raw(id)))));
    });
    OcspRequest::from_der(&der).unwrap()
}
