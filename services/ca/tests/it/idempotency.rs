//! One Idempotency-Key has one effect.

use std::collections::BTreeSet;
use std::time::Duration;

use ca::{Error, IdempotencyKey, IssueRequest, ProfileScope, RenewRequest};
use kit::dry_run::Commit;
use kit::error::{Common, Kind};
use testkit::on_both_databases;

use crate::world::{World, anyone, issue_all, key, refused, renewal, requester, server, with_key};

on_both_databases!(
    concurrent_requests_with_one_key_give_one_certificate_and_one_event,
    the_same_key_with_another_body_conflicts,
    what_is_empty_is_another_body_than_what_is_absent,
    two_requesters_with_the_same_key_do_not_meet,
);

async fn concurrent_requests_with_one_key_give_one_certificate_and_one_event(world: World) {
    let request = with_key(&server(&key(), "a.example.test"), "once");
    let answers = issue_all((0..32).map(|_| (world.ca.clone(), anyone(), request.clone()))).await;
    let serials: BTreeSet<String> = answers
        .into_iter()
        .map(|answer| answer.unwrap().serial.to_string())
        .collect();
    assert_eq!(serials.len(), 1, "{serials:?}");
    assert_eq!(world.count("certificates").await, 1);
    let subjects: BTreeSet<String> = world
        .events()
        .await
        .into_iter()
        .map(|event| event.subject)
        .collect();
    assert_eq!(subjects, serials);
    assert_eq!(world.events().await.len(), 1);
}

async fn the_same_key_with_another_body_conflicts(world: World) {
    let key = key();
    world
        .issue(with_key(&server(&key, "a.example.test"), "once"))
        .await;
    let other = with_key(&server(&key, "b.example.test"), "once");
    let error = refused(
        world.ca.app().issue(&anyone(), other, &Commit).await,
        Kind::Conflict,
    );
    assert!(
        matches!(error, Error::Common(Common::IdempotencyConflict)),
        "{error:?}"
    );
    assert_eq!(world.count("certificates").await, 1);
}

async fn what_is_empty_is_another_body_than_what_is_absent(world: World) {
    let absent = with_key(&server(&key(), "a.example.test"), "once");
    let old = world.issue(absent.clone()).await;
    let empty = [
        IssueRequest {
            sans: Some(Vec::new()),
            ..absent.clone()
        },
        IssueRequest {
            validity: Some(Duration::ZERO),
            ..absent.clone()
        },
        IssueRequest {
            ca: Some(String::new()),
            ..absent.clone()
        },
    ];
    for other in empty {
        let error = refused(
            world.ca.app().issue(&anyone(), other, &Commit).await,
            Kind::Conflict,
        );
        assert!(
            matches!(error, Error::Common(Common::IdempotencyConflict)),
            "{error:?}"
        );
    }

    let absent = RenewRequest {
        idempotency_key: Some(IdempotencyKey::new("again").unwrap()),
        ..renewal(&old, None)
    };
    world.renew(absent.clone()).await.unwrap();
    let empty = [
        RenewRequest {
            csr: Some(Vec::new()),
            ..absent.clone()
        },
        RenewRequest {
            validity: Some(Duration::ZERO),
            ..absent.clone()
        },
    ];
    for other in empty {
        let error = refused(world.renew(other).await, Kind::Conflict);
        assert!(
            matches!(error, Error::Common(Common::IdempotencyConflict)),
            "{error:?}"
        );
    }
    assert_eq!(world.count("certificates").await, 2);
}

async fn two_requesters_with_the_same_key_do_not_meet(world: World) {
    let request = with_key(&server(&key(), "a.example.test"), "once");
    let people = ["test:alice", "test:bob"].map(|name| requester(name, ProfileScope::Any));
    let answers = issue_all(people.map(|who| (world.ca.clone(), who, request.clone()))).await;
    let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    assert_ne!(answers[0].serial, answers[1].serial);
    assert_ne!(answers[0].requester, answers[1].requester);
    assert_eq!(world.count("certificates").await, 2);
}
