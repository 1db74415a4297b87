//! Settings of what is signed, and of the signer.

use ocsp::{Config, Signing};
use proto::ca::v1::Reason as WireReason;
use testkit::on_both_databases;
use x509::ocsp::{CertStatus, OcspRequest, OcspResponse};

use crate::world::{World, eventually, id};

on_both_databases!(
    the_key_of_the_ca_signs_where_it_is_set,
    how_long_statuses_are_kept_is_told_where_it_is_set,
);

async fn the_key_of_the_ca_signs_where_it_is_set(world: World) {
    let direct = world
        .replica(Config {
            signing: Signing::Direct,
            ..Config::default()
        })
        .await;
    let certificate = world.issue("issuing").await;
    let issuer = world.authority("issuing").await;
    let request = OcspRequest::build(vec![id(&issuer, certificate.serial())], None).unwrap();
    let answer = direct.post(request.der()).await;
    let response = OcspResponse::from_der(&answer.der).unwrap();
    let verified = response
        .verify(&world.expected(&issuer, certificate.serial(), None))
        .unwrap();
    assert!(verified.delegate.is_none() && response.certificates().is_empty());
    assert_eq!(verified.single.status, CertStatus::Good);
    world.revoke(&certificate, WireReason::Superseded).await;
    eventually("the revocation is told", async || {
        matches!(
            world.status_by(&direct, &certificate).await,
            Ok(CertStatus::Revoked { .. })
        )
    })
    .await;
}

async fn how_long_statuses_are_kept_is_told_where_it_is_set(world: World) {
    let year = std::time::Duration::from_secs(365 * 24 * 3600);
    let telling = world
        .replica(Config {
            archive_cutoff: year,
            ..Config::default()
        })
        .await;
    let certificate = world.issue("issuing").await;
    let issuer = world.authority("issuing").await;
    let request = OcspRequest::build(vec![id(&issuer, certificate.serial())], None).unwrap();
    for (responder, wanted) in [(&telling, Some(year)), (&world.responder, None)] {
        let response = OcspResponse::from_der(&responder.post(request.der()).await.der).unwrap();
        let cutoff = response.responses()[0].archive_cutoff();
        assert_eq!(cutoff, wanted.map(|span| response.produced_at() - span));
    }
}
