//! The other certificates of a compromised key: named, and revoked with it if asked for.

use ca::{Issued, Requester, RevokeRequest, Revoked, Status};
use keys::Signer;
use kit::dry_run::Commit;
use kit::error::{Fault, Kind};
use proto::ca::v1 as wire;
use serde_json::json;
use testkit::on_both_databases;
use time::Duration;
use x509::crl::Reason;

use crate::world::{NOW, World, anyone, key, owner, refused, server};

on_both_databases!(
    other_certificates_of_the_key_are_named_in_the_answer_and_in_the_event,
    other_certificates_of_the_key_are_revoked_if_asked_for_also_afterwards,
    an_owner_is_shown_and_takes_their_own_certificates_only,
    the_date_of_a_compromise_fits_every_certificate_of_the_key,
    the_negative_of_a_key_is_that_key,
    what_is_expired_or_revoked_and_other_reasons_name_nothing,
    a_certificate_that_is_stored_while_its_key_is_revoked_is_named,
    a_held_certificate_of_a_compromised_key_is_not_released,
    more_than_one_answer_holds_are_revoked_in_turns,
    services_are_told_of_the_others_too,
);

async fn revoke(world: &World, requester: &Requester, of: &Issued, same_key: bool) -> Revoked {
    let request = RevokeRequest {
        same_key,
        descendants: false,
        ..compromise(of)
    };
    world.ca.app().revoke(requester, &request, &Commit).await.unwrap()
}

fn compromise(of: &Issued) -> RevokeRequest {
    RevokeRequest {
        serial: of.serial.to_string(),
        reason: Reason::KeyCompromise,
        invalidity: None,
        same_key: false,
        descendants: false,
    }
}

fn serials(issued: &[Issued]) -> Vec<String> {
    let mut serials: Vec<_> = issued.iter().map(|issued| issued.serial.to_string()).collect();
    serials.sort();
    serials
}

fn of_ca(ca: &str, request: ca::IssueRequest) -> ca::IssueRequest {
    ca::IssueRequest {
        ca: Some(ca.to_owned()),
        ..request
    }
}

async fn other_certificates_of_the_key_are_named_in_the_answer_and_in_the_event(world: World) {
    world.add_authority("second", ca::USER_PROFILES).await;
    let key = key();
    let first = world.issue(server(&key, "a.example.test")).await;
    let valid = world.issue(of_ca("second", server(&key, "b.example.test"))).await;
    let held = world.issue(server(&key, "c.example.test")).await;
    world.hold(&held.serial.to_string()).await.unwrap();
    world.issue(server(&crate::world::key(), "d.example.test")).await;

    let revoked = revoke(&world, &anyone(), &first, false).await;
    let others = revoked.same_key.unwrap();
    let expected = serials(&[valid.clone(), held.clone()]);
    assert_eq!(serials(&others.remaining), expected);
    assert!(others.revoked.is_empty() && !others.more && others.of_others == 0);
    assert_eq!(world.issued(&valid.serial).await.status(NOW), Status::Valid);
    let events = world.events().await;
    let data: serde_json::Value = serde_json::from_str(&events.last().unwrap().data).unwrap();
    assert_eq!(
        data["same_key"],
        json!({
            "revoked": [], "remaining": expected, "damaged": [], "of_others": 0, "unconfirmed": false, "more": false
        })
    );
}

async fn other_certificates_of_the_key_are_revoked_if_asked_for_also_afterwards(world: World) {
    world.add_authority("second", ca::USER_PROFILES).await;
    for afterwards in [false, true] {
        let key = key();
        let first = world.issue(server(&key, "a.example.test")).await;
        let second = world.issue(of_ca("second", server(&key, "b.example.test"))).await;
        if afterwards {
            revoke(&world, &anyone(), &first, false).await;
        }
        let before = world.events().await.len();
        let revoked = revoke(&world, &anyone(), &first, true).await;
        let others = revoked.same_key.unwrap();
        assert_eq!(serials(&others.revoked), serials(std::slice::from_ref(&second)));
        assert!(others.remaining.is_empty());
        for certificate in [&first, &second] {
            let stored = world.issued(&certificate.serial).await.revocation.unwrap();
            assert_eq!(stored.reason, Reason::KeyCompromise);
        }
        let events = &world.events().await[before..];
        assert!(events.iter().all(|event| event.kind == "certificate.revoked"));
        assert_eq!(
            events.len(),
            if afterwards { 1 } else { 2 },
            "each tells of itself once"
        );
        // Nothing is left to do.
        let again = revoke(&world, &anyone(), &first, true).await.same_key.unwrap();
        assert!(again.revoked.is_empty() && again.remaining.is_empty());
    }
}

async fn an_owner_is_shown_and_takes_their_own_certificates_only(world: World) {
    let key = key();
    let (ada, bob) = (owner("test:ada"), owner("test:bob"));
    let app = world.ca.app();
    let first = app
        .issue(&ada, server(&key, "a.example.test"), &Commit)
        .await
        .unwrap();
    let own = app
        .issue(&ada, server(&key, "b.example.test"), &Commit)
        .await
        .unwrap();
    let foreign = app
        .issue(&bob, server(&key, "c.example.test"), &Commit)
        .await
        .unwrap();
    let others = revoke(&world, &ada, &first, true).await.same_key.unwrap();
    assert_eq!(serials(&others.revoked), serials(&[own]));
    assert!(others.remaining.is_empty());
    assert_eq!(others.of_others, 1);
    assert_eq!(world.issued(&foreign.serial).await.revocation, None);
    // Operators learn of all.
    let events = world.events().await;
    let data: serde_json::Value = serde_json::from_str(&events.last().unwrap().data).unwrap();
    assert_eq!(data["same_key"]["remaining"], json!([foreign.serial.to_string()]));
}

async fn the_date_of_a_compromise_fits_every_certificate_of_the_key(world: World) {
    let key = key();
    let first = world.issue(server(&key, "a.example.test")).await;
    let held = world.issue(server(&key, "b.example.test")).await;
    world.hold(&held.serial.to_string()).await.unwrap();
    world.clock.advance(Duration::hours(3));
    let later = world.issue(server(&key, "c.example.test")).await;
    let at = NOW + Duration::HOUR;
    let request = RevokeRequest {
        invalidity: Some(at),
        same_key: true,
        descendants: false,
        ..compromise(&first)
    };
    world.ca.app().revoke(&anyone(), &request, &Commit).await.unwrap();
    for (certificate, expected) in [(&first, at), (&held, NOW), (&later, later.not_before)] {
        let stored = world.issued(&certificate.serial).await.revocation.unwrap();
        assert_eq!(stored.invalidity, Some(expected), "{}", certificate.subject);
    }
}

async fn the_negative_of_a_key_is_that_key(world: World) {
    let key = key();
    let first = world.issue(server(&key, "a.example.test")).await;
    let other = world.issue(server(&crate::world::key(), "b.example.test")).await;
    // Software here makes no negative keys: stored as if it had.
    let twin = key.public_key().twin_fingerprint().unwrap();
    let mut tx = world.db.begin().await.unwrap();
    store::tx!(&mut tx, |connection| {
        sqlx::query("UPDATE certificates SET spki_sha256 = $1 WHERE id = $2")
            .bind(twin.to_vec())
            .bind(other.id)
            .execute(connection)
            .await
            .map(drop)
    })
    .unwrap();
    tx.commit().await.unwrap();
    let others = revoke(&world, &anyone(), &first, false).await.same_key.unwrap();
    assert_eq!(serials(&others.remaining), serials(&[other]));
}

async fn what_is_expired_or_revoked_and_other_reasons_name_nothing(world: World) {
    let key = key();
    let request = |host: &str, days: u64| ca::IssueRequest {
        validity: Some(std::time::Duration::from_secs(days * 86_400)),
        ..server(&key, host)
    };
    let first = world.issue(request("a.example.test", 30)).await;
    world.issue(request("b.example.test", 1)).await;
    let revoked = world.issue(request("c.example.test", 30)).await;
    let other = world.issue(request("d.example.test", 30)).await;
    world.clock.advance(Duration::days(2));
    let superseded = RevokeRequest {
        reason: Reason::Superseded,
        ..compromise(&revoked)
    };
    let answer = world
        .ca
        .app()
        .revoke(&anyone(), &superseded, &Commit)
        .await
        .unwrap();
    assert!(answer.same_key.is_none());
    let wrong = RevokeRequest {
        same_key: true,
        descendants: false,
        ..superseded
    };
    let error = refused(
        world.ca.app().revoke(&anyone(), &wrong, &Commit).await,
        Kind::Invalid,
    );
    assert_eq!(error.shown().field, Some("same_key"));
    let others = revoke(&world, &anyone(), &first, false).await.same_key.unwrap();
    assert_eq!(serials(&others.remaining), serials(&[other]));
}

/// Whichever is first: the certificate is refused, or the revocation names it.
async fn a_certificate_that_is_stored_while_its_key_is_revoked_is_named(world: World) {
    for round in 0..20 {
        let key = key();
        let first = world.issue(server(&key, "a.example.test")).await;
        let issuing = {
            let (ca, request) = (world.ca.clone(), server(&key, "b.example.test"));
            tokio::spawn(async move { ca.app().issue(&anyone(), request, &Commit).await })
        };
        for _ in 0..round {
            tokio::task::yield_now().await;
        }
        let others = revoke(&world, &anyone(), &first, false).await.same_key.unwrap();
        match issuing.await.unwrap() {
            Ok(issued) => assert_eq!(serials(&others.remaining), serials(&[issued])),
            Err(error) => {
                assert_eq!(error.kind(), Kind::Unprocessable);
                assert!(others.remaining.is_empty());
            }
        }
    }
}

async fn a_held_certificate_of_a_compromised_key_is_not_released(world: World) {
    let key = key();
    let first = world.issue(server(&key, "a.example.test")).await;
    let held = world.issue(server(&key, "b.example.test")).await;
    let serial = held.serial.to_string();
    world.hold(&serial).await.unwrap();
    revoke(&world, &anyone(), &first, false).await;
    let error = refused(world.release(&serial).await, Kind::Conflict);
    assert!(error.public().contains("compromised"), "{error}");
    assert_eq!(world.issued(&held.serial).await.status(NOW), Status::OnHold);
    world.revoke(&serial, Reason::KeyCompromise).await.unwrap();
}

async fn more_than_one_answer_holds_are_revoked_in_turns(world: World) {
    const OTHERS: usize = 230;
    let key = key();
    let first = world.issue(server(&key, "a.example.test")).await;
    let requests = (0..OTHERS).map(|n| {
        let request = server(&key, &format!("n{n}.example.test"));
        (world.ca.clone(), anyone(), request)
    });
    for issued in crate::world::issue_all(requests).await {
        issued.unwrap();
    }
    let shown = revoke(&world, &anyone(), &first, false).await.same_key.unwrap();
    assert!(shown.more && shown.remaining.len() == 200);
    let once = revoke(&world, &anyone(), &first, true).await.same_key.unwrap();
    assert!(once.more && once.revoked.len() == 200);
    let twice = revoke(&world, &anyone(), &first, true).await.same_key.unwrap();
    assert!(!twice.more && twice.revoked.len() == OTHERS - 200);
}

async fn services_are_told_of_the_others_too(world: World) {
    let key = key();
    let mut ra = world.client("ra");
    let issue = |host: &str| wire::IssueRequest {
        csr: server(&key, host).csr,
        profile: "tls-server".to_owned(),
        requester: "user:ada".to_owned(),
        protocol: wire::Protocol::Rest.into(),
        ..wire::IssueRequest::default()
    };
    let first = ra.issue(issue("a.example.test")).await.unwrap().into_inner();
    let second = ra.issue(issue("b.example.test")).await.unwrap().into_inner();
    let foreign = wire::IssueRequest {
        requester: "user:bob".to_owned(),
        ..issue("c.example.test")
    };
    let foreign = ra.issue(foreign).await.unwrap().into_inner();
    let mut request = wire::RevokeRequest {
        serial: first.serial,
        reason: wire::Reason::KeyCompromise.into(),
        requester: "user:ada".to_owned(),
        ..wire::RevokeRequest::default()
    };
    let answer = ra.revoke(request.clone()).await.unwrap().into_inner();
    assert_eq!(
        answer.certificate.unwrap().status(),
        wire::CertificateStatus::Revoked
    );
    let others = answer.same_key.unwrap();
    assert_eq!(
        (others.remaining, others.of_others),
        (vec![second.serial.clone()], 1)
    );
    request.same_key = true;
    let answer = ra.revoke(request).await.unwrap().into_inner();
    assert_eq!(
        answer.same_key.unwrap().revoked,
        std::slice::from_ref(&second.serial)
    );
    let renewal = wire::RenewRequest {
        serial: second.serial,
        requester: "user:ada".to_owned(),
        ..wire::RenewRequest::default()
    };
    assert!(ra.renew(renewal).await.is_err());
    let found = world.ca.app().find(&anyone(), &foreign.serial).await.unwrap();
    assert_eq!(found.revocation, None, "no right to it was looked at");
}
