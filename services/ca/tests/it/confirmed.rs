//! What an owner says of a key that others have certificates over, and what a revocation of many certificates copes with.

use ca::{Capacity, IssueRequest, Issued, Requester, RevokeRequest, Status};
use keys::Signer;
use kit::dry_run::Commit;
use kit::error::{Fault, Kind};
use store::Db;
use testkit::on_both_databases;
use time::{Duration, OffsetDateTime};
use x509::crl::Reason;

use crate::world::{NOW, World, anyone, csr_of, issue_all, key, on_profile, owner, refused, renewal, server};

on_both_databases!(
    an_owner_does_not_decide_on_the_key_of_others,
    an_operator_confirms_what_an_owner_said_of_a_key,
    what_all_owners_say_of_a_key_is_recorded,
    expired_certificates_of_others_vouch_for_nothing,
    a_certificate_that_is_not_valid_yet_is_revoked_with_the_others,
    a_leaf_of_the_key_of_a_ca_is_not_revoked_for_ca_compromise,
    certificates_of_others_do_not_hide_those_of_the_owner,
    an_owner_adds_to_what_an_operator_decided_and_changes_nothing_of_it,
);

fn compromise(of: &Issued) -> RevokeRequest {
    RevokeRequest {
        serial: of.serial.to_string(),
        reason: Reason::KeyCompromise,
        invalidity: None,
        same_key: false,
        descendants: false,
    }
}

async fn not_before(db: &Db, of: &Issued, at: OffsetDateTime) {
    let mut tx = db.begin().await.unwrap();
    store::tx!(&mut tx, |connection| {
        sqlx::query("UPDATE certificates SET not_before = $1 WHERE id = $2")
            .bind(store::time::to_micros(at))
            .bind(of.id)
            .execute(connection)
            .await
            .map(drop)
    })
    .unwrap();
    tx.commit().await.unwrap();
}

/// A CSR that was seen gives a certificate over the key of another.
async fn an_owner_does_not_decide_on_the_key_of_others(world: World) {
    let (ada, eve) = (owner("test:ada"), owner("test:eve"));
    for same_key in [false, true] {
        let app = world.ca.app();
        let key = key();
        let victim = app
            .issue(&ada, server(&key, "a.example.test"), &Commit)
            .await
            .unwrap();
        let other = app
            .issue(&eve, server(&key, "e.example.test"), &Commit)
            .await
            .unwrap();
        app.hold(&ada, &victim.serial.to_string(), &Commit).await.unwrap();
        let request = RevokeRequest {
            same_key,
            descendants: false,
            ..compromise(&other)
        };
        let revoked = app.revoke(&eve, &request, &Commit).await.unwrap();
        let there = revoked.certificate.revocation.unwrap();
        assert_eq!(there.reason, Reason::KeyCompromise, "their own they may");
        let others = revoked.same_key.unwrap();
        assert!(others.unconfirmed && others.of_others == 1);
        let events = world.events().await;
        let data: serde_json::Value = serde_json::from_str(&events.last().unwrap().data).unwrap();
        assert_eq!(data["same_key"]["unconfirmed"], true);
        // Not at the next start either.
        world.replica().await;
        assert!(!app.is_compromised(key.public_key()).await.unwrap());
        app.release(&ada, &victim.serial.to_string(), &Commit)
            .await
            .unwrap();
        app.renew(&ada, renewal(&victim, None), &Commit).await.unwrap();
        let new = csr_of("", &crate::world::key(), &["dns:a.example.test"]);
        app.renew(&ada, renewal(&victim, Some(new)), &Commit)
            .await
            .unwrap();
    }
}

async fn an_operator_confirms_what_an_owner_said_of_a_key(world: World) {
    let (ada, eve) = (owner("test:ada"), owner("test:eve"));
    let app = world.ca.app();
    let key = key();
    let victim = app
        .issue(&ada, server(&key, "a.example.test"), &Commit)
        .await
        .unwrap();
    let other = app
        .issue(&eve, server(&key, "e.example.test"), &Commit)
        .await
        .unwrap();
    let request = compromise(&other);
    app.revoke(&eve, &request, &Commit).await.unwrap();
    // Asked again, they decide no more than before.
    refused(app.revoke(&eve, &request, &Commit).await, Kind::Conflict);
    let all = RevokeRequest {
        same_key: true,
        descendants: false,
        ..request.clone()
    };
    let again = app.revoke(&eve, &all, &Commit).await.unwrap().same_key.unwrap();
    assert!(again.unconfirmed);
    assert!(!app.is_compromised(key.public_key()).await.unwrap());
    // On the certificate that was revoked.
    let confirmed = app.revoke(&anyone(), &request, &Commit).await.unwrap();
    let there = confirmed.certificate.revocation.unwrap();
    assert_eq!(there.decided_as, Some(Capacity::Operator));
    assert!(!confirmed.same_key.unwrap().unconfirmed);
    assert!(app.is_compromised(key.public_key()).await.unwrap());
    refused(
        app.renew(&ada, renewal(&victim, None), &Commit).await,
        Kind::Unprocessable,
    );
    refused(app.revoke(&anyone(), &request, &Commit).await, Kind::Conflict);
}

async fn what_all_owners_say_of_a_key_is_recorded(world: World) {
    let app = world.ca.app();
    let (ada, bob) = (owner("test:ada"), owner("test:bob"));
    let key = key();
    let of_ada = app
        .issue(&ada, server(&key, "a.example.test"), &Commit)
        .await
        .unwrap();
    let of_bob = app
        .issue(&bob, server(&key, "b.example.test"), &Commit)
        .await
        .unwrap();
    let first = app.revoke(&ada, &compromise(&of_ada), &Commit).await.unwrap();
    assert!(first.same_key.unwrap().unconfirmed);
    let last = app.revoke(&bob, &compromise(&of_bob), &Commit).await.unwrap();
    assert!(!last.same_key.unwrap().unconfirmed);
    assert!(app.is_compromised(key.public_key()).await.unwrap());
}

async fn expired_certificates_of_others_vouch_for_nothing(world: World) {
    let app = world.ca.app();
    let (ada, bob) = (owner("test:ada"), owner("test:bob"));
    let key = key();
    let request = |host: &str, days: u64| IssueRequest {
        validity: Some(std::time::Duration::from_secs(days * 86_400)),
        ..server(&key, host)
    };
    app.issue(&bob, request("b.example.test", 1), &Commit)
        .await
        .unwrap();
    let of_ada = app
        .issue(&ada, request("a.example.test", 30), &Commit)
        .await
        .unwrap();
    world.clock.advance(Duration::days(2));
    let revoked = app.revoke(&ada, &compromise(&of_ada), &Commit).await.unwrap();
    assert!(!revoked.same_key.unwrap().unconfirmed);
    assert!(app.is_compromised(key.public_key()).await.unwrap());
}

async fn a_certificate_that_is_not_valid_yet_is_revoked_with_the_others(world: World) {
    let app = world.ca.app();
    let ada = owner("test:ada");
    let key = key();
    let first = app
        .issue(&ada, server(&key, "a.example.test"), &Commit)
        .await
        .unwrap();
    let future = app
        .issue(&ada, server(&key, "b.example.test"), &Commit)
        .await
        .unwrap();
    let held = app
        .issue(&ada, server(&key, "c.example.test"), &Commit)
        .await
        .unwrap();
    app.hold(&ada, &held.serial.to_string(), &Commit).await.unwrap();
    world.clock.advance(Duration::hours(2));
    not_before(&world.db, &future, NOW + Duration::hours(5)).await;
    // It was held before it was valid, and is by now.
    not_before(&world.db, &held, NOW + Duration::hours(1)).await;
    let request = RevokeRequest {
        invalidity: Some(NOW + Duration::minutes(90)),
        same_key: true,
        descendants: false,
        ..compromise(&first)
    };
    let revoked = app.revoke(&ada, &request, &Commit).await.unwrap();
    assert_eq!(revoked.same_key.unwrap().revoked.len(), 2);
    for other in [&future, &held] {
        let there = world.issued(&other.serial).await.revocation.unwrap();
        assert_eq!((there.reason, there.invalidity), (Reason::KeyCompromise, None));
    }
}

async fn a_leaf_of_the_key_of_a_ca_is_not_revoked_for_ca_compromise(world: World) {
    world.add_authority("parent", "sub-ca").await;
    let key = key();
    let below = |name: &str| IssueRequest {
        csr: csr_of(name, &key, &[]),
        ca: Some("parent".to_owned()),
        ..on_profile("sub-ca", &key, "dns:unused.example.test")
    };
    let operator = Requester {
        rights: ca::Rights {
            authority: true,
            ..ca::Rights::default()
        },
        ..anyone()
    };
    let app = world.ca.app();
    let first = app.issue(&operator, below("CN=First"), &Commit).await.unwrap();
    let second = app.issue(&operator, below("CN=Second"), &Commit).await.unwrap();
    let leaf = app
        .issue(&operator, server(&key, "a.example.test"), &Commit)
        .await
        .unwrap();
    let request = RevokeRequest {
        reason: Reason::CaCompromise,
        same_key: true,
        descendants: false,
        ..compromise(&first)
    };
    app.revoke(&operator, &request, &Commit).await.unwrap();
    for (certificate, reason) in [
        (first, Reason::CaCompromise),
        (second, Reason::CaCompromise),
        (leaf, Reason::KeyCompromise),
    ] {
        let there = world.issued(&certificate.serial).await.revocation.unwrap();
        assert_eq!(there.reason, reason, "{}", certificate.subject);
    }
}

async fn certificates_of_others_do_not_hide_those_of_the_owner(world: World) {
    const OF_OTHERS: usize = 210;
    let (ada, bob) = (owner("test:ada"), owner("test:bob"));
    let key = key();
    let app = world.ca.app();
    let first = app
        .issue(&ada, server(&key, "a.example.test"), &Commit)
        .await
        .unwrap();
    let requests = (0..OF_OTHERS).map(|n| {
        let request = server(&key, &format!("n{n}.example.test"));
        (world.ca.clone(), bob.clone(), request)
    });
    for issued in issue_all(requests).await {
        issued.unwrap();
    }
    let own = (0..5).map(|n| {
        let request = server(&key, &format!("own{n}.example.test"));
        (world.ca.clone(), ada.clone(), request)
    });
    let own: Vec<Issued> = issue_all(own).await.into_iter().map(Result::unwrap).collect();
    let request = RevokeRequest {
        same_key: true,
        descendants: false,
        ..compromise(&first)
    };
    let others = app
        .revoke(&ada, &request, &Commit)
        .await
        .unwrap()
        .same_key
        .unwrap();
    assert!(!others.more && others.unconfirmed);
    assert_eq!((others.revoked.len(), others.of_others), (5, OF_OTHERS));
    for issued in own {
        assert_eq!(world.issued(&issued.serial).await.status(NOW), Status::Revoked);
    }
    let events = world.events().await;
    let last: serde_json::Value = serde_json::from_str(&events.last().unwrap().data).unwrap();
    assert_eq!(last["same_key"]["remaining"].as_array().unwrap().len(), 200);
    assert_eq!(last["same_key"]["more"], true);
}

async fn an_owner_adds_to_what_an_operator_decided_and_changes_nothing_of_it(world: World) {
    let app = world.ca.app();
    let ada = owner("test:ada");
    let issue = async |host: &str| app.issue(&ada, server(&key(), host), &Commit).await.unwrap();
    let (dated, plain) = (issue("a.example.test").await, issue("b.example.test").await);
    world.clock.advance(Duration::hours(2));
    let at = |certificate: &Issued, minutes: i64| RevokeRequest {
        invalidity: Some(NOW + Duration::minutes(minutes)),
        ..compromise(certificate)
    };
    app.revoke(&anyone(), &at(&dated, 60), &Commit).await.unwrap();
    for minutes in [30, 90] {
        let error = refused(
            app.revoke(&ada, &at(&dated, minutes), &Commit).await,
            Kind::Denied,
        );
        assert!(error.public().contains("operator"), "{error}");
    }
    let superseded = RevokeRequest {
        reason: Reason::Superseded,
        ..compromise(&plain)
    };
    app.revoke(&anyone(), &superseded, &Commit).await.unwrap();
    let amended = app
        .revoke(&ada, &compromise(&plain), &Commit)
        .await
        .unwrap()
        .certificate;
    let there = amended.revocation.unwrap();
    assert_eq!(there.reason, Reason::KeyCompromise);
    assert_eq!(there.decided_as, Some(Capacity::Operator));
}
