//! What `ca` is told of the responders of a CA.

use kit::transport::in_process;
use proto::ca::v1::Reason as WireReason;
use proto::ocsp::v1::ocsp_client::OcspClient;
use proto::ocsp::v1::{ShowRequest, ShowResponse};
use testkit::on_both_databases;
use tonic::{Code, Status};
use x509::ocsp::CertStatus;

use crate::world::{World, eventually};

on_both_databases!(what_signs_what_is_known_and_how_fast_it_answers_is_told_to_ca_alone);

async fn show(world: &World, caller: &'static str, ca: &str) -> Result<ShowResponse, Status> {
    let mut client = OcspClient::new(in_process(world.responder.ocsp.service().grpc, caller));
    let request = ShowRequest { ca: ca.to_owned() };
    Ok(client.show(request).await?.into_inner())
}

async fn what_signs_what_is_known_and_how_fast_it_answers_is_told_to_ca_alone(world: World) {
    let shown = show(&world, "ca", "issuing").await.unwrap();
    let [responder] = shown.responders.as_slice() else {
        panic!("{shown:?}");
    };
    assert_eq!((responder.issuer.as_str(), responder.is_due), ("issuing", false));
    assert!(responder.not_after_us.unwrap() > store::time::to_micros(crate::world::NOW));
    assert_eq!((shown.responses, shown.p95_us), (0, None));
    assert_eq!(show(&world, "ca", "").await.unwrap().responders.len(), 2);
    assert_eq!(show(&world, "ca", "nope").await.unwrap().responders.len(), 0);
    let refused = show(&world, "crl", "issuing").await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);

    let certificate = world.issue("issuing").await;
    world.revoke(&certificate, WireReason::Superseded).await;
    eventually("the revocation is told", async || {
        matches!(world.status(&certificate).await, Ok(CertStatus::Revoked { .. }))
    })
    .await;
    eventually("all is known", async || {
        let shown = show(&world, "ca", "issuing").await.unwrap();
        shown.is_current && shown.revocations == 1 && shown.responses > 0 && shown.p95_us.is_some()
    })
    .await;
    // Its feed is silent: ca would be asked for each answer.
    world.to_ca.cut("Watch");
    world.responder.feed.cancel();
    eventually("nothing current is known", async || {
        !show(&world, "ca", "issuing").await.unwrap().is_current
    })
    .await;
}
