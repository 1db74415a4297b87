//! A preview of many revocations says what the job then does, by the decisions that the revocation of one is made by.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use ca::{Issued, RevokeRequest};
use keys::{Signer, SoftwareKey};
use kit::dry_run::Commit;
use serde_json::{Value, json};
use store::jobs::{ItemState, Slice};
use testkit::on_both_databases;
use x509::crl::Reason;

use crate::jobs::{counts, done};
use crate::world::{World, anyone, key, owner, server};

on_both_databases!(
    a_revocation_that_a_job_makes_one_for_compromise_is_foreseen,
    a_preview_of_one_by_a_job_names_what_that_of_a_single_one_names,
    what_becomes_of_a_key_is_foreseen_and_said_of_each_item,
    what_the_first_item_says_of_a_key_is_known_at_the_next,
    a_time_that_is_to_come_is_refused_when_the_job_is_asked_for,
);

const DEVELOPER: &str = "test:developer";
const REVOCATIONS: &str = "/api/v1/certificates/revocations";

fn compromise(serials: &[&Issued]) -> Value {
    let serials: Vec<String> = serials.iter().map(|one| one.serial.to_string()).collect();
    json!({"reason": "key-compromise", "serials": serials})
}

async fn preview(world: &World, role: &str, body: &Value) -> Value {
    let path = format!("{REVOCATIONS}?dry_run=true");
    let (status, preview) = world.post(role, &path, None, body).await;
    assert_eq!(status, StatusCode::OK, "{preview:#}");
    preview
}

/// Holds the job to its preview and answers what became of each item, with what is said of it.
async fn committed(world: &World, role: &str, preview: &Value, body: &Value) -> Vec<(ItemState, String)> {
    let token = &preview["preview_token"];
    let (status, accepted) = world.post(role, REVOCATIONS, Some(token), body).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{accepted:#}");
    done(world, &accepted).await;
    let id = accepted["id"].as_str().unwrap().strip_prefix("ca-").unwrap();
    let slice = Slice {
        behind: None,
        down: false,
        rows: 100,
    };
    let items = store::jobs::items(&world.db, id.parse().unwrap(), None, &slice)
        .await
        .unwrap();
    let items = items.into_iter();
    items
        .map(|item| (item.state, item.detail.unwrap_or_default()))
        .collect()
}

async fn of(world: &World, requester: &str, key: &SoftwareKey, host: &str) -> Issued {
    let request = server(key, &format!("{host}.example.test"));
    world
        .ca
        .app()
        .issue(&owner(requester), request, &Commit)
        .await
        .unwrap()
}

async fn revoked(world: &World, of: &Issued, reason: Reason) {
    world.revoke(&of.serial.to_string(), reason).await.unwrap();
}

async fn is_compromised(world: &World, key: &SoftwareKey) -> bool {
    world.ca.app().is_compromised(key.public_key()).await.unwrap()
}

async fn a_revocation_that_a_job_makes_one_for_compromise_is_foreseen(world: World) {
    let key = key();
    let one = of(&world, DEVELOPER, &key, "a").await;
    revoked(&world, &one, Reason::Superseded).await;
    let body = compromise(&[&one]);
    let preview = preview(&world, "developer", &body).await;
    let expected = [("certificate.revocation-amended", 1), ("key.compromised", 1)];
    assert_eq!(counts(&preview), BTreeMap::from(expected));
    let items = committed(&world, "developer", &preview, &body).await;
    assert_eq!(items, [(ItemState::Done, String::new())]);
    let there = world.issued(&one.serial).await.revocation.unwrap();
    assert_eq!(there.reason, Reason::KeyCompromise);
    assert!(is_compromised(&world, &key).await);
}

/// The names of the consequences of a revocation of one certificate, or what its refusal is for a job.
async fn kinds_of_single(world: &World, role: &str, serial: &str, body: &Value) -> BTreeSet<String> {
    let path = format!("/api/v1/certificates/{serial}/revoke?dry_run=true");
    let (status, answer) = world.post(role, &path, None, body).await;
    match status {
        StatusCode::OK => counts(&answer).into_keys().map(str::to_owned).collect(),
        StatusCode::CONFLICT => ["certificate.skipped".to_owned()].into(),
        StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN => ["certificate.refused".to_owned()].into(),
        StatusCode::NOT_FOUND => ["certificate.missing".to_owned()].into(),
        other => panic!("{other}: {answer:#}"),
    }
}

async fn a_preview_of_one_by_a_job_names_what_that_of_a_single_one_names(world: World) {
    let eve = "test:eve";
    let (shared, twice, gone) = (key(), key(), key());
    let mut all = vec![
        of(&world, DEVELOPER, &key(), "valid").await,
        of(&world, DEVELOPER, &shared, "shared").await,
        of(&world, eve, &shared, "of-eve").await,
        of(&world, DEVELOPER, &twice, "one").await,
        of(&world, DEVELOPER, &twice, "two").await,
    ];
    let held = of(&world, DEVELOPER, &key(), "held").await;
    world.hold(&held.serial.to_string()).await.unwrap();
    let superseded = of(&world, DEVELOPER, &key(), "superseded").await;
    revoked(&world, &superseded, Reason::Superseded).await;
    let compromised = of(&world, DEVELOPER, &gone, "compromised").await;
    revoked(&world, &compromised, Reason::KeyCompromise).await;
    all.extend([held, superseded, compromised]);
    let start = all[0].not_before;
    let times = [None, Some(start), Some(start - time::Duration::days(365))];
    for (role, one) in ["developer", "ca-operator"]
        .iter()
        .flat_map(|role| all.iter().map(move |one| (role, one)))
    {
        for reason in ["superseded", "key-compromise"] {
            for time in times {
                let time = time.map(kit::clock::rfc3339);
                let serial = one.serial.to_string();
                let body = json!({"reason": reason, "invalidity_time": time});
                let single = kinds_of_single(&world, role, &serial, &body).await;
                let body = json!({"reason": reason, "invalidity_time": time, "serials": [serial]});
                let many = preview(&world, role, &body).await;
                let many: BTreeSet<String> = counts(&many).into_keys().map(str::to_owned).collect();
                assert_eq!(many, single, "{role}: {body} of {:?}", one.sans);
            }
        }
    }
}

async fn what_becomes_of_a_key_is_foreseen_and_said_of_each_item(world: World) {
    let (shared, own) = (key(), key());
    let mine = of(&world, DEVELOPER, &shared, "mine").await;
    of(&world, "test:eve", &shared, "of-eve").await;
    let second = of(&world, DEVELOPER, &own, "second").await;
    let left = of(&world, DEVELOPER, &own, "left").await;
    let body = compromise(&[&mine, &second]);
    let preview = preview(&world, "developer", &body).await;
    let all = preview["consequences"].as_array().unwrap();
    let count = |kind: &str| {
        all.iter()
            .filter(|one| one["kind"] == kind)
            .map(|one| one["count"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(count("certificate.revoked"), [2], "{all:#?}");
    assert_eq!(count("key.compromised"), [1], "{all:#?}");
    assert_eq!(count("key.unconfirmed"), [1], "{all:#?}");
    assert_eq!(
        count("certificate.remaining"),
        [1, 1],
        "one of theirs, one of others: {all:#?}"
    );
    let items = committed(&world, "developer", &preview, &body).await;
    let about = |text: &str| {
        items
            .iter()
            .filter(|(state, said)| *state == ItemState::Done && said.contains(text))
            .count()
    };
    assert_eq!(about("not recorded as compromised"), 1, "{items:?}");
    assert_eq!(about("0 that you may revoke, 1 of others"), 1, "{items:?}");
    assert_eq!(about("1 that you may revoke, 0 of others"), 1, "{items:?}");
    assert!(!is_compromised(&world, &shared).await);
    assert!(is_compromised(&world, &own).await);
    assert!(world.issued(&left.serial).await.revocation.is_none());
}

async fn what_the_first_item_says_of_a_key_is_known_at_the_next(world: World) {
    let shared = key();
    let first = of(&world, DEVELOPER, &shared, "first").await;
    let second = of(&world, DEVELOPER, &shared, "second").await;
    of(&world, "test:eve", &shared, "of-eve").await;
    // They said so, and no operator confirmed it.
    for one in [&first, &second] {
        let request = RevokeRequest {
            serial: one.serial.to_string(),
            reason: Reason::KeyCompromise,
            invalidity: None,
            same_key: false,
            descendants: false,
        };
        world
            .ca
            .app()
            .revoke(&owner(DEVELOPER), &request, &Commit)
            .await
            .unwrap();
    }
    let body = compromise(&[&first, &second]);
    let preview = preview(&world, "ca-operator", &body).await;
    let expected = [
        ("certificate.revocation-amended", 1),
        ("certificate.skipped", 1),
        ("key.compromised", 1),
        ("certificate.remaining", 1),
    ];
    assert_eq!(counts(&preview), BTreeMap::from(expected));
    let items = committed(&world, "ca-operator", &preview, &body).await;
    let states: Vec<ItemState> = items.iter().map(|(state, _)| *state).collect();
    assert_eq!(states, [ItemState::Done, ItemState::Skipped], "{items:?}");
    assert!(is_compromised(&world, &shared).await);
}

async fn a_time_that_is_to_come_is_refused_when_the_job_is_asked_for(world: World) {
    let one = world.issue(server(&key(), "a.example.test")).await;
    let mut body = compromise(&[&one]);
    body["invalidity_time"] = json!(kit::clock::rfc3339(
        crate::world::NOW + time::Duration::seconds(2)
    ));
    let dry_run = format!("{REVOCATIONS}?dry_run=true");
    for path in [REVOCATIONS, &dry_run] {
        let (status, problem) = world.post("ca-operator", path, None, &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{problem:#}");
        assert_eq!(problem["field"], "invalidity_time");
    }
    assert_eq!(world.count("jobs").await, 0);
    assert!(
        world
            .ca
            .app()
            .find(&anyone(), &one.serial.to_string())
            .await
            .unwrap()
            .revocation
            .is_none()
    );
}
