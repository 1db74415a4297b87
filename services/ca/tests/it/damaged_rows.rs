//! Rows of certificates that cannot be read: they hide no other row, keep none from being revoked, and are named.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use http_body_util::BodyExt as _;
use kit::service::{Finding, Verdict};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use store::Damage;
use testkit::on_both_databases;
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::jobs::{counts, done};
use crate::turns::execute;
use crate::world::{World, key, server};

on_both_databases!(
    damaged_certificates_hide_none_and_keep_none_from_being_revoked,
    a_damaged_certificate_is_foreseen_as_one_that_is_not_revoked,
    a_job_whose_place_is_refused_looks_through_its_list_again,
);

/// Columns, and what is wrong with them on both databases.
pub(crate) const DAMAGES: &[(&str, &str)] = &[
    ("sans", "'{'"),
    ("protocol", "'zz'"),
    ("lint_warnings", "'{'"),
    ("key_type", "'zz'"),
    ("issued_at", "9223372036854775807"),
    ("not_before", "9223372036854775807"),
    ("not_after", "9223372036854775807"),
    // Without a reason, which is what is missing then.
    ("reason", "NULL, revoked_at = 1"),
    ("spki_sha256", "substr(der, 1, 5)"),
    ("fingerprint_sha256", "substr(der, 1, 5)"),
    ("der", "substr(der, 1, 5)"),
    ("replaces", "substr(der, 1, 30)"),
    ("generation", "-1"),
    ("crl_shard", "-1"),
    ("serial", "substr(der, 1, 0)"),
];
/// Those that a revocation is decided on: nothing is done to a certificate without them.
const NEEDED: &[&str] = &[
    "serial",
    "ca",
    "generation",
    "crl_shard",
    "requester",
    "not_before",
    "not_after",
    "reason",
    "invalidity_at",
    "decided_at",
    "spki_sha256",
];
/// And what only SQLite takes.
const DAMAGES_OF_SQLITE: &[(&str, &str)] = &[
    ("subject", "x'ff'"),
    ("requester", "x'ff'"),
    ("ca", "x'ff'"),
    ("profile", "x'ff'"),
    ("not_after", "'zz'"),
    ("issued_at", "'zz'"),
    ("invalidity_at", "'zz'"),
    ("decided_at", "'zz'"),
    ("issued_by", "x'ff'"),
    ("generation", "'zz'"),
    ("crl_shard", "'zz'"),
];

pub(crate) async fn damage(world: &World, id: Uuid, (column, value): (&str, &str)) {
    let sql = format!("UPDATE certificates SET {column} = {value} WHERE id = $1");
    let mut tx = world.db.begin().await.unwrap();
    let damaged = store::tx!(&mut tx, |c| sqlx::query(AssertSqlSafe(sql))
        .bind(id)
        .execute(c)
        .await
        .map(drop));
    damaged.unwrap();
    tx.commit().await.unwrap();
}

pub(crate) async fn get(world: &World, path: &str, accept: &str) -> (StatusCode, String) {
    let request = Request::get(path)
        .header(header::AUTHORIZATION, "Bearer ca-operator")
        .header(header::ACCEPT, accept);
    let (router, _) = world.ca.service().rest.split_for_parts();
    let answer = router
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// The serial numbers of all pages of that list.
pub(crate) async fn listed(world: &World, path: &str) -> Vec<String> {
    let (mut serials, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, text) = get(world, &format!("{path}{cursor}"), "application/json").await;
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        let page: Value = serde_json::from_str(&text).unwrap();
        let rows = page["items"].as_array().unwrap().iter();
        serials.extend(rows.map(|row| row["serial"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    serials.sort();
    serials
}

async fn stored_certificates(world: &World) -> Finding {
    check(world, "stored certificates").await
}

pub(crate) async fn check(world: &World, name: &str) -> Finding {
    let checks = world.ca.service().doctor;
    let check = checks.iter().find(|check| check.name == name);
    check.unwrap().look().await
}

pub(crate) async fn revoke(world: &World, query: &str, filter: Value) -> Value {
    let mut body = json!({"reason": "cessation-of-operation"});
    match filter.as_object().unwrap().is_empty() {
        true => body["all"] = json!(true),
        false => body["filter"] = filter,
    }
    let path = format!("/api/v1/certificates/revocations{query}");
    let (status, answer) = world.post("ca-operator", &path, None, &body).await;
    assert!(status.is_success(), "{answer:#}");
    answer
}

async fn only_sound_ones_are_listed(world: &World, sound: &[String]) {
    for query in [
        "?limit=500",
        "?limit=1",
        "?limit=2&sort=not_after",
        "?limit=2&sort=-not_after",
        "?limit=2&sort=subject",
        "?limit=2&sort=-subject",
        "?limit=2&san_suffix=example.test",
    ] {
        assert_eq!(
            listed(world, &format!("/api/v1/certificates{query}")).await,
            sound,
            "{query}"
        );
    }
    let (status, csv) = get(world, "/api/v1/certificates", "text/csv").await;
    assert_eq!(
        (status, csv.lines().count()),
        (StatusCode::OK, sound.len() + 1),
        "{csv}"
    );
}

async fn damaged_ones_are_named(world: &World, damaged: &[(String, &str)]) {
    for (serial, column) in damaged {
        let path = format!("/api/v1/certificates/{serial}");
        let (status, text) = get(world, &path, "application/json").await;
        let (expected, named) = match *column {
            "serial" => (StatusCode::NOT_FOUND, String::new()),
            // Whose it is decides whether one may see it, and cannot be read.
            column if NEEDED.contains(&column) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                format!(
                    "what the database holds of certificate {serial} is damaged: {column} cannot be read"
                ),
            ),
            column => (StatusCode::OK, format!("\"damaged\":[\"{column}\"]")),
        };
        assert_eq!(status, expected, "{column}: {text}");
        assert!(text.contains(&named), "{column}: {text}");
    }
    let found = stored_certificates(world).await;
    assert_eq!(found.verdict, Verdict::Failed, "{found:?}");
    assert!(
        found.detail.starts_with(&format!("{} of all", damaged.len())),
        "{found:?}"
    );
    // The newest five are named; which these are, the clock of the machine decides.
    let named = damaged.iter().filter(|(serial, column)| {
        let text = format!("certificate {serial} is damaged: {column} cannot be read");
        found.detail.contains(&text)
            || (*column == "serial" && found.detail.contains("the certificate with id"))
    });
    assert_eq!(named.count(), 5, "{found:?}");
}

async fn damaged_certificates_hide_none_and_keep_none_from_being_revoked(world: World) {
    let is_sqlite = matches!(world.db.pools(), store::Pools::Lite { .. });
    let more = if is_sqlite { DAMAGES_OF_SQLITE } else { &[] };
    let mut sound = Vec::new();
    let mut damaged = Vec::new();
    for (number, of) in DAMAGES.iter().chain(more).enumerate() {
        if number % 7 == 0 {
            let issued = world
                .issue(server(&key(), &format!("s{number}.example.test")))
                .await;
            sound.push(issued.serial.to_string());
        }
        let issued = world
            .issue(server(&key(), &format!("d{number}.example.test")))
            .await;
        damage(&world, issued.id, *of).await;
        damaged.push((issued.serial.to_string(), of.0));
    }
    sound.sort();
    only_sound_ones_are_listed(&world, &sound).await;
    damaged_ones_are_named(&world, &damaged).await;
    let preview = revoke(&world, "?dry_run=true", json!({})).await;
    let accepted = revoke(&world, "", json!({})).await;
    let progress = done(&world, &accepted).await;
    let needed = damaged
        .iter()
        .filter(|(_, column)| NEEDED.contains(column))
        .count();
    let revoked = sound.len() + damaged.len() - needed;
    assert_eq!((progress.done, progress.failed), (revoked as u64, needed as u64));
    let foreseen = counts(&preview);
    assert_eq!(
        (foreseen["certificate.revoked"], foreseen["certificate.refused"]),
        (progress.done, progress.failed)
    );
    let revoked = damaged.iter().filter(|(_, column)| !NEEDED.contains(column));
    for serial in sound.iter().chain(revoked.map(|(serial, _)| serial)) {
        let (_, text) = get(
            &world,
            &format!("/api/v1/certificates/{serial}"),
            "application/json",
        )
        .await;
        assert!(text.contains("cessation-of-operation"), "{text}");
    }
}

async fn a_damaged_certificate_is_foreseen_as_one_that_is_not_revoked(world: World) {
    let sound = world.issue(server(&key(), "a.example.test")).await;
    let damaged = world.issue(server(&key(), "b.example.test")).await;
    damage(&world, damaged.id, ("not_after", "9223372036854775807")).await;
    let fine = stored_certificates(&world).await;
    assert!(fine.detail.starts_with("1 of all 2 cannot be read"), "{fine:?}");
    for filter in [json!({}), json!({"san_suffix": "example.test"})] {
        let preview = revoke(&world, "?dry_run=true", filter).await;
        let kinds = counts(&preview);
        assert_eq!(
            (kinds["certificate.revoked"], kinds["certificate.refused"]),
            (1, 1),
            "{preview:#}"
        );
        assert!(
            preview.to_string().contains("not_after cannot be read"),
            "{preview:#}"
        );
    }
    let serials =
        json!({"reason": "superseded", "serials": [sound.serial.to_string(), damaged.serial.to_string()]});
    let path = "/api/v1/certificates/revocations?dry_run=true";
    let (_, preview) = world.post("ca-operator", path, None, &serials).await;
    let kinds = counts(&preview);
    assert_eq!(kinds["certificate.refused"], 1, "{preview:#}");
    assert!(!kinds.contains_key("certificate.missing"), "{preview:#}");
}

async fn a_job_whose_place_is_refused_looks_through_its_list_again(world: World) {
    for host in ["a.example.test", "b.example.test"] {
        world.issue(server(&key(), host)).await;
    }
    let accepted = revoke(&world, "", json!({})).await;
    let id: Uuid = accepted["id"]
        .as_str()
        .unwrap()
        .strip_prefix("ca-")
        .unwrap()
        .parse()
        .unwrap();
    execute(
        &world.db,
        "UPDATE jobs SET collect_cursor = 'AAAAAAAAAAAAAAAA' WHERE id = $1",
        id,
    )
    .await;
    let progress = done(&world, &accepted).await;
    assert_eq!((progress.done, progress.failed), (2, 0));
}

/// A name of bytes that are not a text: only SQLite keeps one.
#[tokio::test]
async fn a_job_of_nobody_who_can_be_read_stops_no_other_job() {
    let world = World::sqlite().await;
    world.issue(server(&key(), "a.example.test")).await;
    let nobodys = revoke(&world, "", json!({})).await;
    let id: Uuid = nobodys["id"]
        .as_str()
        .unwrap()
        .strip_prefix("ca-")
        .unwrap()
        .parse()
        .unwrap();
    execute(&world.db, "UPDATE jobs SET requester = x'ff' WHERE id = $1", id).await;
    let accepted = revoke(&world, "", json!({})).await;
    assert_eq!(done(&world, &accepted).await.done, 1);
}

/// A place that is not a number: only SQLite keeps one.
#[tokio::test]
async fn an_item_without_a_readable_place_is_listed_behind_the_others() {
    let world = World::sqlite().await;
    let serials: Vec<String> = (1..=3).map(|number| format!("{number:02x}")).collect();
    let body = json!({"reason": "superseded", "serials": serials});
    let (_, accepted) = world
        .post("ca-operator", "/api/v1/certificates/revocations", None, &body)
        .await;
    let id: Uuid = accepted["id"]
        .as_str()
        .unwrap()
        .strip_prefix("ca-")
        .unwrap()
        .parse()
        .unwrap();
    execute(
        &world.db,
        "UPDATE job_items SET position = 'zz' WHERE job = $1 AND position = 1",
        id,
    )
    .await;
    for (down, at) in [(false, 2), (true, 0)] {
        let slice = store::jobs::Slice {
            behind: None,
            down,
            rows: 10,
        };
        let items = store::jobs::items(&world.db, id, None, &slice).await.unwrap();
        assert_eq!(items.len(), 3);
        assert_eq!(items[at].damage, Damage::from("position"));
        assert_eq!(items[at].object, serials[1]);
    }
}
