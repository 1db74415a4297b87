//! Issue, find, hold, release, revoke.

use std::time::Duration;

use ca::{RevokeRequest, Status};
use kit::error::{Fault, Kind};
use x509::crl::Reason;

use crate::world::{NOW, World, anyone, key, on_both_databases, refused, renewal, server};

on_both_databases!(
    a_hold_can_be_released_and_a_revocation_is_final,
    only_a_certificate_on_hold_is_released,
    an_invalidity_time_in_the_future_is_refused,
);

async fn a_hold_can_be_released_and_a_revocation_is_final(world: World) {
    let issued = world.issue(server(&key(), "a.example.test")).await;
    let serial = issued.serial.to_string();
    let status = async || {
        let found = world.ca.app().find(&anyone(), &serial).await.unwrap();
        assert_eq!(found.der, issued.der);
        assert_eq!(found.sans, ["dns:a.example.test"]);
        found.status(NOW)
    };
    assert_eq!(status().await, Status::Valid);

    world.revoke(&serial, Reason::CertificateHold).await.unwrap();
    assert_eq!(status().await, Status::OnHold);
    refused(
        world.revoke(&serial, Reason::CertificateHold).await,
        Kind::Conflict,
    );
    refused(world.renew(renewal(&issued, None)).await, Kind::Conflict);

    world.revoke(&serial, Reason::RemoveFromCrl).await.unwrap();
    assert_eq!(status().await, Status::Valid);

    let revoked = world.revoke(&serial, Reason::KeyCompromise).await.unwrap();
    assert_eq!(revoked.revocation.unwrap().reason, Reason::KeyCompromise);
    assert_eq!(status().await, Status::Revoked);
    for reason in [Reason::Superseded, Reason::CertificateHold, Reason::RemoveFromCrl] {
        refused(world.revoke(&serial, reason).await, Kind::Conflict);
    }
    refused(world.renew(renewal(&issued, None)).await, Kind::Conflict);
    assert_eq!(status().await, Status::Revoked);
}

async fn only_a_certificate_on_hold_is_released(world: World) {
    let issued = world.issue(server(&key(), "a.example.test")).await;
    let serial = issued.serial.to_string();
    refused(world.revoke(&serial, Reason::RemoveFromCrl).await, Kind::Conflict);
    refused(
        world
            .revoke("1234567890abcdef1234567890abcdef", Reason::Superseded)
            .await,
        Kind::NotFound,
    );
}

async fn an_invalidity_time_in_the_future_is_refused(world: World) {
    let issued = world.issue(server(&key(), "a.example.test")).await;
    let mut request = RevokeRequest {
        serial: issued.serial.to_string(),
        reason: Reason::KeyCompromise,
        invalidity: Some(NOW + Duration::from_secs(1)),
    };
    let error = refused(world.ca.app().revoke(&anyone(), &request).await, Kind::Invalid);
    assert_eq!(error.field(), Some("invalidity_time"));
    let found = world.ca.app().find(&anyone(), &request.serial).await.unwrap();
    assert_eq!(found.revocation, None);

    request.invalidity = Some(NOW - Duration::from_hours(1));
    world.ca.app().revoke(&anyone(), &request).await.unwrap();
    let found = world.ca.app().find(&anyone(), &request.serial).await.unwrap();
    assert_eq!(found.revocation.unwrap().invalidity, request.invalidity);
}
