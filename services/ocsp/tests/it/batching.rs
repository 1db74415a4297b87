//! Requests that are waiting at the same time share calls.

use futures::future::join_all;
use futures::poll;
use testkit::on_both_databases;
use x509::ocsp::{CertStatus, Nonce, OcspRequest, OcspResponse};

use crate::world::{World, id};

on_both_databases!(what_waits_at_the_same_time_is_asked_and_signed_together);

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
