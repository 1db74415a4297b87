//! Issue, find, hold, release, revoke.

use std::time::Duration;

use ca::{IssueRequest, Requester, RevokeRequest, Status};
use kit::dry_run::Commit;
use kit::error::{Fault, Kind};
use testkit::on_both_databases;
use time::OffsetDateTime;
use x509::crl::Reason;

use crate::world::{NOW, World, anyone, key, on_profile, refused, renewal, server};

on_both_databases!(
    a_hold_can_be_released_and_a_revocation_is_final,
    only_a_certificate_on_hold_is_released,
    an_invalidity_time_outside_of_the_validity_or_in_the_future_is_refused,
    a_hold_that_becomes_final_keeps_its_date,
    a_reason_can_be_changed_to_a_compromise_and_to_nothing_else,
    reasons_that_are_not_of_this_certificate_are_refused_with_what_to_do,
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

    world.hold(&serial).await.unwrap();
    assert_eq!(status().await, Status::OnHold);
    refused(world.hold(&serial).await, Kind::Conflict);
    refused(world.renew(renewal(&issued, None)).await, Kind::Conflict);

    world.release(&serial).await.unwrap();
    assert_eq!(status().await, Status::Valid);

    let revoked = world.revoke(&serial, Reason::KeyCompromise).await.unwrap();
    assert_eq!(revoked.revocation.unwrap().reason, Reason::KeyCompromise);
    assert_eq!(status().await, Status::Revoked);
    for reason in [Reason::Superseded, Reason::KeyCompromise] {
        refused(world.revoke(&serial, reason).await, Kind::Conflict);
    }
    refused(world.hold(&serial).await, Kind::Conflict);
    refused(world.release(&serial).await, Kind::Conflict);
    refused(world.renew(renewal(&issued, None)).await, Kind::Conflict);
    assert_eq!(status().await, Status::Revoked);
}

async fn only_a_certificate_on_hold_is_released(world: World) {
    let issued = world.issue(server(&key(), "a.example.test")).await;
    refused(world.release(&issued.serial.to_string()).await, Kind::Conflict);
    for answer in [
        world.hold("1234567890abcdef1234567890abcdef").await,
        world.release("1234567890abcdef1234567890abcdef").await,
        world
            .revoke("1234567890abcdef1234567890abcdef", Reason::Superseded)
            .await,
    ] {
        refused(answer, Kind::NotFound);
    }
}

fn since(serial: &str, reason: Reason, at: OffsetDateTime) -> RevokeRequest {
    RevokeRequest {
        serial: serial.to_owned(),
        reason,
        invalidity: Some(at),
        same_key: false,
        descendants: false,
    }
}

async fn an_invalidity_time_outside_of_the_validity_or_in_the_future_is_refused(world: World) {
    let issued = world.issue(server(&key(), "a.example.test")).await;
    let serial = issued.serial.to_string();
    let second = Duration::from_secs(1);
    for at in [
        NOW + second,
        issued.not_before - second,
        OffsetDateTime::UNIX_EPOCH,
    ] {
        let request = since(&serial, Reason::KeyCompromise, at);
        let error = refused(
            world.ca.app().revoke(&anyone(), &request, &Commit).await,
            Kind::Invalid,
        );
        assert_eq!(error.shown().field, Some("invalidity_time"));
    }
    assert_eq!(world.issued(&issued.serial).await.revocation, None);
    // An expired certificate may be revoked, for a time at which it was valid.
    world.clock.advance(issued.not_after - NOW + second);
    let late = since(&serial, Reason::KeyCompromise, issued.not_after + second);
    refused(
        world.ca.app().revoke(&anyone(), &late, &Commit).await,
        Kind::Invalid,
    );
    for at in [issued.not_after, issued.not_before] {
        let request = since(&serial, Reason::KeyCompromise, at);
        world.ca.app().revoke(&anyone(), &request, &Commit).await.unwrap();
        let stored = world.issued(&issued.serial).await.revocation.unwrap();
        assert_eq!(stored.invalidity, Some(at));
    }
}

async fn a_hold_that_becomes_final_keeps_its_date(world: World) {
    let issued = world.issue(server(&key(), "a.example.test")).await;
    let serial = issued.serial.to_string();
    world.hold(&serial).await.unwrap();
    world.clock.advance(time::Duration::days(3));
    world.revoke(&serial, Reason::Superseded).await.unwrap();
    let stored = world.issued(&issued.serial).await.revocation.unwrap();
    assert_eq!((stored.time, stored.reason), (NOW, Reason::Superseded));
    assert_eq!(stored.decided, NOW + Duration::from_hours(72));

    // A hold that was released is as if it had not been.
    let issued = world.issue(server(&key(), "b.example.test")).await;
    let serial = issued.serial.to_string();
    world.hold(&serial).await.unwrap();
    world.release(&serial).await.unwrap();
    world.clock.advance(time::Duration::days(1));
    world.revoke(&serial, Reason::Superseded).await.unwrap();
    let stored = world.issued(&issued.serial).await.revocation.unwrap();
    assert_eq!(stored.time, NOW + Duration::from_hours(96));
    assert_eq!(stored.decided, stored.time);
}

async fn a_reason_can_be_changed_to_a_compromise_and_to_nothing_else(world: World) {
    let key = key();
    let issued = world.issue(server(&key, "a.example.test")).await;
    let serial = issued.serial.to_string();
    world.revoke(&serial, Reason::CessationOfOperation).await.unwrap();
    world.issue(server(&key, "b.example.test")).await;
    world.clock.advance(time::Duration::days(1));
    for reason in [
        Reason::Superseded,
        Reason::Unspecified,
        Reason::CessationOfOperation,
    ] {
        refused(world.revoke(&serial, reason).await, Kind::Conflict);
    }
    let earlier = NOW - Duration::from_secs(30);
    let request = since(&serial, Reason::KeyCompromise, earlier);
    world.ca.app().revoke(&anyone(), &request, &Commit).await.unwrap();
    let stored = world.issued(&issued.serial).await.revocation.unwrap();
    assert_eq!((stored.time, stored.reason), (NOW, Reason::KeyCompromise));
    assert_eq!(stored.invalidity, Some(earlier));
    assert_eq!(stored.decided, NOW + Duration::from_hours(24));
    refused(
        world
            .ca
            .app()
            .issue(&anyone(), server(&key, "c.example.test"), &Commit)
            .await,
        Kind::Unprocessable,
    );
    // What is found out later is added; what is known already is not a change.
    let request = since(&serial, Reason::KeyCompromise, issued.not_before);
    world.ca.app().revoke(&anyone(), &request, &Commit).await.unwrap();
    refused(
        world.ca.app().revoke(&anyone(), &request, &Commit).await,
        Kind::Conflict,
    );
    refused(world.revoke(&serial, Reason::Superseded).await, Kind::Conflict);
}

async fn reasons_that_are_not_of_this_certificate_are_refused_with_what_to_do(world: World) {
    let leaf = world
        .issue(server(&key(), "a.example.test"))
        .await
        .serial
        .to_string();
    for (reason, word) in [
        (Reason::CertificateHold, "/hold"),
        (Reason::RemoveFromCrl, "/release"),
        (Reason::CaCompromise, "key-compromise"),
        (Reason::AaCompromise, "attribute"),
    ] {
        let error = refused(world.revoke(&leaf, reason).await, Kind::Invalid);
        assert_eq!(error.shown().field, Some("reason"));
        assert!(error.public().contains(word), "{error}");
    }
    world.add_authority("parent", "sub-ca").await;
    let request = IssueRequest {
        csr: crate::world::csr_of("CN=Below", &key(), &[]),
        ca: Some("parent".to_owned()),
        ..on_profile("sub-ca", &key(), "dns:unused.example.test")
    };
    let operator = Requester {
        rights: ca::Rights {
            authority: true,
            ..ca::Rights::default()
        },
        ..anyone()
    };
    let below = world.ca.app().issue(&operator, request, &Commit).await.unwrap();
    let below = below.serial.to_string();
    let revoked = world.revoke(&below, Reason::CaCompromise).await.unwrap();
    assert_eq!(revoked.revocation.unwrap().reason, Reason::CaCompromise);
}
