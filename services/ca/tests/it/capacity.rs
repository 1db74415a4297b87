//! Who decides what: an owner does not undo what an operator decided.

use ca::{Capacity, Requester, RevokeRequest, Status};
use kit::dry_run::Commit;
use kit::error::{Fault, Kind};
use proto::ca::v1 as wire;
use testkit::on_both_databases;
use time::{Duration, OffsetDateTime};
use x509::crl::Reason;

use crate::world::{NOW, World, anyone, key, owner, refused, server};

on_both_databases!(
    an_owner_releases_their_own_hold_and_not_that_of_an_operator,
    an_operator_takes_over_the_hold_of_an_owner,
    a_hold_of_an_earlier_version_is_released_by_an_operator_only,
    an_owner_moves_the_date_of_a_compromise_to_earlier_only,
    a_service_acts_as_the_owner_it_names,
);

async fn an_owner_releases_their_own_hold_and_not_that_of_an_operator(world: World) {
    let (app, ada) = (world.ca.app(), owner("test:ada"));
    let issued = app
        .issue(&ada, server(&key(), "a.example.test"), &Commit)
        .await
        .unwrap();
    let serial = issued.serial.to_string();
    let held = app.hold(&ada, &serial, &Commit).await.unwrap();
    assert_eq!(
        held.certificate.revocation.unwrap().decided_as,
        Some(Capacity::Owner)
    );
    app.release(&ada, &serial, &Commit).await.unwrap();

    let held = app.hold(&anyone(), &serial, &Commit).await.unwrap();
    assert_eq!(
        held.certificate.revocation.unwrap().decided_as,
        Some(Capacity::Operator)
    );
    let error = refused(app.release(&ada, &serial, &Commit).await, Kind::Denied);
    assert!(error.public().contains("operator"), "{error}");
    assert_eq!(world.issued(&issued.serial).await.status(NOW), Status::OnHold);
    // An operator who asked for the certificate is an operator.
    let ada_operates = Requester {
        subject: "test:ada".to_owned(),
        ..anyone()
    };
    app.release(&ada_operates, &serial, &Commit).await.unwrap();
    // The owner may always make it final.
    app.hold(&anyone(), &serial, &Commit).await.unwrap();
    let request = RevokeRequest {
        serial,
        reason: Reason::Superseded,
        invalidity: None,
        same_key: false,
        descendants: false,
    };
    app.revoke(&ada, &request, &Commit).await.unwrap();
}

async fn an_operator_takes_over_the_hold_of_an_owner(world: World) {
    let (app, ada) = (world.ca.app(), owner("test:ada"));
    let issued = app
        .issue(&ada, server(&key(), "a.example.test"), &Commit)
        .await
        .unwrap();
    let serial = issued.serial.to_string();
    app.hold(&ada, &serial, &Commit).await.unwrap();
    refused(app.hold(&ada, &serial, &Commit).await, Kind::Conflict);
    world.clock.advance(Duration::HOUR);
    let held = app
        .hold(&anyone(), &serial, &Commit)
        .await
        .unwrap()
        .certificate
        .revocation
        .unwrap();
    assert_eq!((held.time, held.decided), (NOW, NOW + Duration::HOUR));
    refused(app.hold(&anyone(), &serial, &Commit).await, Kind::Conflict);
    refused(app.hold(&ada, &serial, &Commit).await, Kind::Conflict);
    refused(app.release(&ada, &serial, &Commit).await, Kind::Denied);
    app.release(&anyone(), &serial, &Commit).await.unwrap();
}

async fn a_hold_of_an_earlier_version_is_released_by_an_operator_only(world: World) {
    let (app, ada) = (world.ca.app(), owner("test:ada"));
    let issued = app
        .issue(&ada, server(&key(), "a.example.test"), &Commit)
        .await
        .unwrap();
    let serial = issued.serial.to_string();
    app.hold(&ada, &serial, &Commit).await.unwrap();
    let mut tx = world.db.begin().await.unwrap();
    store::tx!(&mut tx, |connection| {
        sqlx::query("UPDATE certificates SET decided_as = NULL")
            .execute(connection)
            .await
            .map(drop)
    })
    .unwrap();
    tx.commit().await.unwrap();
    refused(app.release(&ada, &serial, &Commit).await, Kind::Denied);
    app.release(&anyone(), &serial, &Commit).await.unwrap();
}

async fn an_owner_moves_the_date_of_a_compromise_to_earlier_only(world: World) {
    let (app, ada) = (world.ca.app(), owner("test:ada"));
    let issued = app
        .issue(&ada, server(&key(), "a.example.test"), &Commit)
        .await
        .unwrap();
    let at = |reason, invalidity: OffsetDateTime| RevokeRequest {
        serial: issued.serial.to_string(),
        reason,
        invalidity: Some(invalidity),
        same_key: false,
        descendants: false,
    };
    let minute = Duration::MINUTE;
    world.clock.advance(minute * 60);
    let known = async || world.issued(&issued.serial).await.revocation.unwrap().invalidity;
    app.revoke(&ada, &at(Reason::Superseded, NOW + minute * 10), &Commit)
        .await
        .unwrap();
    world.clock.advance(minute * 60);
    // Neither later than the date that is known, nor with a worse reason.
    for reason in [Reason::KeyCompromise, Reason::Superseded] {
        let result = app.revoke(&ada, &at(reason, NOW + minute * 11), &Commit).await;
        assert!(matches!(
            result.unwrap_err().kind(),
            Kind::Denied | Kind::Conflict
        ));
    }
    app.revoke(&ada, &at(Reason::KeyCompromise, NOW + minute * 10), &Commit)
        .await
        .unwrap();
    app.revoke(&ada, &at(Reason::KeyCompromise, NOW + minute * 5), &Commit)
        .await
        .unwrap();
    let error = refused(
        app.revoke(&ada, &at(Reason::KeyCompromise, NOW + minute * 6), &Commit)
            .await,
        Kind::Denied,
    );
    assert!(error.public().contains("invalidity_time"), "{error}");
    assert_eq!(known().await, Some(NOW + minute * 5));
    app.revoke(&anyone(), &at(Reason::KeyCompromise, NOW + minute * 6), &Commit)
        .await
        .unwrap();
    assert_eq!(known().await, Some(NOW + minute * 6));

    // Without a date the revocation's own counts.
    let issued = app
        .issue(&ada, server(&key(), "b.example.test"), &Commit)
        .await
        .unwrap();
    let serial = issued.serial.to_string();
    let revoked_at = NOW + minute * 120;
    app.hold(&anyone(), &serial, &Commit).await.unwrap();
    world.clock.advance(minute * 60);
    let request = |invalidity| RevokeRequest {
        serial: serial.clone(),
        reason: Reason::KeyCompromise,
        invalidity,
        same_key: false,
        descendants: false,
    };
    let late = request(Some(revoked_at + minute));
    refused(app.revoke(&ada, &late, &Commit).await, Kind::Denied);
    app.revoke(&ada, &request(None), &Commit).await.unwrap();
    refused(app.revoke(&ada, &late, &Commit).await, Kind::Denied);
    app.revoke(&ada, &request(Some(revoked_at)), &Commit)
        .await
        .unwrap();
}

async fn a_service_acts_as_the_owner_it_names(world: World) {
    let mut ra = world.client("ra");
    let issued = ra
        .issue(wire::IssueRequest {
            csr: server(&key(), "a.example.test").csr,
            profile: "tls-server".to_owned(),
            requester: "user:ada".to_owned(),
            ..wire::IssueRequest::default()
        })
        .await
        .unwrap()
        .into_inner();
    let hold = |requester: &str| wire::HoldRequest {
        serial: issued.serial.clone(),
        requester: requester.to_owned(),
    };
    let release = |requester: &str| wire::ReleaseRequest {
        serial: issued.serial.clone(),
        requester: requester.to_owned(),
    };
    let held = ra.hold(hold("user:ada")).await.unwrap().into_inner();
    assert_eq!(held.revocation.unwrap().decided_as(), wire::Capacity::Owner);
    ra.release(release("user:ada")).await.unwrap();
    let held = ra.hold(hold("user:operator")).await.unwrap().into_inner();
    assert_eq!(held.revocation.unwrap().decided_as(), wire::Capacity::Operator);
    let refused = ra.release(release("user:ada")).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::PermissionDenied);
    ra.release(release("user:operator")).await.unwrap();
}
