//! Making keys: what is kept, what is told, who may.

use auth::{CreateRequest, Error, IdempotencyKey};
use kit::auth::{Caller, roles};
use kit::dry_run::Commit;
use kit::error::{Common, Fault as _, Kind};
use kit::page::Ask;
use serde_json::json;
use testkit::on_both_databases;
use time::Duration;

use crate::world::{START, World, caller_with, text};

on_both_databases!(
    a_key_and_its_event_are_kept_together_and_neither_holds_its_text,
    a_repeated_request_makes_one_key,
    of_concurrent_requests_with_one_idempotency_key_one_makes_a_key,
    pages_hold_every_key_once_from_new_to_old,
);

fn request(roles: &[&str], requester: Caller) -> CreateRequest {
    CreateRequest {
        name: "ci".parse().unwrap(),
        roles: roles.iter().map(|&role| role.to_owned()).collect(),
        validity: None,
        allowed_names: Vec::new(),
        requester,
        idempotency_key: None,
    }
}

async fn a_key_and_its_event_are_kept_together_and_neither_holds_its_text(world: World) {
    let running = world.start().await;
    let made = running
        .key(&["developer"], Some(std::time::Duration::from_secs(3600)))
        .await;
    let events = running.events().await;
    let [(kind, subject, data)] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!(
        (kind.as_str(), subject.as_str()),
        ("auth.api_key_created", made.key.prefix.as_str())
    );
    assert_eq!(
        *data,
        json!({
            "prefix": made.key.prefix.as_str(),
            "name": "test",
            "roles": ["developer"],
            "created_by": "test:root-admin",
            "expires_at": "2027-01-02T04:04:05Z",
            "allowed_names": [],
        })
    );
    let hash: Vec<u8> = store::read!(running.db, |c| sqlx::query_scalar(
        "SELECT token_sha256 FROM api_keys"
    )
    .fetch_one(c)
    .await)
    .unwrap();
    let expected = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text(&made).as_bytes());
    assert_eq!(hash, expected.as_ref());
    let secret = text(&made).split_at(12).1;
    let debug = format!("{made:?}");
    assert!(!debug.contains(secret) && !data.to_string().contains(secret));
}

async fn a_repeated_request_makes_one_key(world: World) {
    let app = world.start().await.auth.app().clone();
    let with_key = |key: &str, roles: &[&str], requester: &str| CreateRequest {
        idempotency_key: Some(IdempotencyKey::new(key).unwrap()),
        ..request(roles, caller_with(requester))
    };
    let first = app
        .create(with_key("retry-1", &["auditor"], "root-admin"), &Commit)
        .await
        .unwrap();
    let again = app
        .create(with_key("retry-1", &["auditor"], "root-admin"), &Commit)
        .await
        .unwrap_err();
    assert!(
        matches!(&again, Error::Repeated(prefix) if *prefix == first.key.prefix),
        "{again}"
    );
    let other = app
        .create(with_key("retry-1", &["developer"], "root-admin"), &Commit)
        .await
        .unwrap_err();
    assert!(
        matches!(other, Error::Common(Common::IdempotencyConflict)),
        "{other}"
    );
    // Another person's Idempotency-Key of the same text is another one.
    let elsewhere = CreateRequest {
        requester: Caller {
            allowed_names: Vec::new(),
            subject: "test:other".to_owned(),
            ..caller_with("root-admin")
        },
        ..with_key("retry-1", &["auditor"], "root-admin")
    };
    assert!(app.create(elsewhere, &Commit).await.is_ok());
    assert_eq!(app.list(&Ask::default()).await.unwrap().items.len(), 2);
}

async fn of_concurrent_requests_with_one_idempotency_key_one_makes_a_key(world: World) {
    let running = world.start().await;
    let attempts: Vec<_> = (0..8)
        .map(|_| {
            let app = running.auth.app().clone();
            let idempotency_key = Some(IdempotencyKey::new("same").unwrap());
            let request = CreateRequest {
                idempotency_key,
                ..request(&["auditor"], caller_with("root-admin"))
            };
            tokio::spawn(async move { app.create(request, &Commit).await })
        })
        .collect();
    let (mut made, mut repeated) = (Vec::new(), Vec::new());
    for attempt in attempts {
        match attempt.await.unwrap() {
            Ok(created) => made.push(created.key.prefix),
            Err(Error::Repeated(prefix)) => repeated.push(prefix),
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!((made.len(), repeated.len()), (1, 7));
    assert!(repeated.iter().all(|prefix| *prefix == made[0]));
    assert_eq!(running.events().await.len(), 1);
}

async fn pages_hold_every_key_once_from_new_to_old(world: World) {
    let running = world.start().await;
    let mut expected = Vec::new();
    for round in 0..4 {
        // Two of each instant.
        world.clock.set(START + Duration::seconds(round));
        for _ in 0..2 {
            let key = running.key(&["auditor"], None).await.key;
            expected.push((key.created, key.prefix));
        }
    }
    expected.sort();
    expected.reverse();
    let (mut seen, mut cursor, mut pages) = (Vec::new(), None::<String>, 0);
    loop {
        let ask = Ask::over_grpc("api-keys", 3, cursor.unwrap_or_default()).unwrap();
        let page = running.auth.app().list(&ask).await.unwrap();
        seen.extend(page.items.into_iter().map(|key| (key.created, key.prefix)));
        pages += 1;
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!((seen, pages), (expected, 3));
}

#[tokio::test]
async fn a_caller_makes_no_key_that_may_do_more_than_itself() {
    let world = World::sqlite();
    let app = world.start().await.auth.app().clone();
    // No built-in role but root-admin may make keys; a future one must not reach beyond itself either.
    for (mine, wanted, allowed) in [
        ("root-admin", roles::NAMES.as_slice(), true),
        ("developer", &["developer"], true),
        ("ca-operator", &["developer"], true),
        ("developer", &["auditor"], false),
        ("developer", &["developer", "ca-operator"], false),
        ("auditor", &["developer"], false),
        ("ca-operator", &["root-admin"], false),
    ] {
        let result = app.create(request(wanted, caller_with(mine)), &Commit).await;
        match result {
            Ok(_) => assert!(allowed, "{mine} made {wanted:?}"),
            Err(Error::Escalation { .. }) => assert!(!allowed, "{mine} could not make {wanted:?}"),
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused_by_field() {
    let world = World::sqlite();
    let running = world.start().await;
    let seconds = |seconds| Some(std::time::Duration::from_secs(seconds));
    let admin = || caller_with("root-admin");
    let cases = [
        ("roles", request(&[], admin())),
        ("roles", request(&["nosuch"], admin())),
        ("roles", request(&["Auditor"], admin())),
        (
            "validity",
            CreateRequest {
                validity: seconds(0),
                ..request(&["auditor"], admin())
            },
        ),
        (
            "validity",
            CreateRequest {
                validity: seconds(u64::MAX),
                ..request(&["auditor"], admin())
            },
        ),
    ];
    for (expected, request) in cases {
        let refused = running.auth.app().create(request, &Commit).await.unwrap_err();
        assert_eq!(
            (refused.kind(), refused.shown().field),
            (Kind::Invalid, Some(expected)),
            "{refused:?}"
        );
    }
    assert!(running.events().await.is_empty());
}
