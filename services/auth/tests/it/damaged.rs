//! Keys of whose rows something cannot be read: they are revoked like the others, named, and open nothing.

use auth::{ApiKey, CreateRequest, Created, DamagedKey, Descendants, Error};
use axum::http::StatusCode;
use kit::auth::AuthFault;
use kit::dry_run::Commit;
use serde_json::json;
use testkit::on_both_databases;

use crate::rest::call;
use crate::world::{Running, World, caller_with, text};

on_both_databases!(
    a_branch_below_a_damaged_key_is_revoked_with_it,
    keys_below_an_unreadable_prefix_are_named_as_such,
    a_damaged_key_is_revoked_by_its_prefix,
    a_damaged_key_is_named_before_it_is_revoked,
    who_is_limited_to_names_revokes_no_key_whose_names_cannot_be_read,
    a_damaged_admin_does_not_stand_in_for_the_last_one,
    a_wrong_secret_of_a_damaged_key_is_refused_like_any_other,
);

/// Makes one column of the row of a key unreadable on both databases.
const DAMAGES: [(&str, &str); 6] = [
    ("name", "''"),
    ("roles", "'{'"),
    ("allowed_names", "'{'"),
    ("last_used_us", "9223372036854775807"),
    ("expires_us", "9223372036854775807"),
    ("revoked_us", "9223372036854775807"),
];

async fn set(running: &Running, key: &Created, column: &str, value: &str) {
    let sql = format!("UPDATE api_keys SET {column} = {value} WHERE prefix = $1");
    let mut tx = running.db.begin().await.unwrap();
    store::tx!(&mut tx, |c| {
        let change = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(key.key.prefix.as_str());
        change.execute(c).await.map(drop)
    })
    .unwrap();
    tx.commit().await.unwrap();
}

async fn get(running: &Running, key: &Created, column: &str) -> String {
    let sql = format!("SELECT CAST({column} AS TEXT) FROM api_keys WHERE prefix = $1");
    let value: Option<String> = store::read!(running.db, |c| {
        let read = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(key.key.prefix.as_str());
        read.fetch_one(c).await
    })
    .unwrap();
    value.map_or_else(|| "NULL".to_owned(), |value| format!("'{value}'"))
}

async fn child(running: &Running, maker: &Created) -> Created {
    let requester = running.auth.authenticator().authenticate(text(maker)).await;
    let request = CreateRequest {
        name: "child".parse().unwrap(),
        roles: vec!["root-admin".to_owned()],
        validity: None,
        allowed_names: Vec::new(),
        requester: requester.unwrap(),
        idempotency_key: None,
    };
    running.auth.app().create(request, &Commit).await.unwrap()
}

async fn is_refused(running: &Running, key: &Created) -> bool {
    let answer = running.auth.authenticator().authenticate(text(key)).await;
    matches!(answer, Err(AuthFault::Invalid))
}

async fn revoke(running: &Running, key: &Created, descendants: Descendants) -> auth::Revoked {
    let admin = caller_with("root-admin");
    let app = running.auth.app();
    let done = app.revoke(&key.key.prefix, descendants, &admin, &Commit).await;
    done.unwrap()
}

fn sound(keys: &[ApiKey]) -> Vec<&str> {
    keys.iter().map(|key| key.prefix.as_str()).collect()
}

/// Prefix, damage, and whether it is revoked.
fn damaged(keys: &[DamagedKey]) -> Vec<(Option<&str>, String, bool)> {
    let shown = |key: &DamagedKey| key.revoked.is_some();
    let keys = keys.iter();
    keys.map(|key| {
        let prefix = key.prefix.as_ref().map(auth::Prefix::as_str);
        (prefix, key.damage.to_string(), shown(key))
    })
    .collect()
}

async fn a_branch_below_a_damaged_key_is_revoked_with_it(world: World) {
    let running = world.start().await;
    running.key(&["root-admin"], None).await;
    for (column, value) in DAMAGES {
        let first = running.key(&["root-admin"], None).await;
        let second = child(&running, &first).await;
        let third = child(&running, &second).await;
        let before = get(&running, &second, column).await;
        set(&running, &second, column, value).await;
        let prefix = second.key.prefix.as_str();

        let shown = revoke(&running, &first, Descendants::Keep).await;
        assert_eq!(sound(&shown.remaining), [third.key.prefix.as_str()], "{column}");
        assert_eq!(
            damaged(&shown.damaged),
            [(Some(prefix), column.to_owned(), false)]
        );

        let taken = revoke(&running, &first, Descendants::Revoke).await;
        assert_eq!(sound(&taken.taken), [third.key.prefix.as_str()], "{column}");
        assert_eq!(damaged(&taken.damaged), [(Some(prefix), column.to_owned(), true)]);
        // As doctor tells operators to do.
        if column != "revoked_us" {
            set(&running, &second, column, &before).await;
        }
        for key in [&first, &second, &third] {
            assert!(is_refused(&running, key).await, "{column}");
        }
        let events = running.events().await;
        let (kind, subject, data) = &events[events.len() - 2];
        assert_eq!((&**kind, &**subject), ("auth.api_key_revoked", prefix));
        assert_eq!(data["damage"], json!([column]));
        let none = revoke(&running, &first, Descendants::Revoke).await;
        assert_eq!(none, auth::Revoked::default());
    }
}

async fn keys_below_an_unreadable_prefix_are_named_as_such(world: World) {
    let running = world.start().await;
    running.key(&["root-admin"], None).await;
    let first = running.key(&["root-admin"], None).await;
    let second = child(&running, &first).await;
    let sibling = child(&running, &first).await;
    set(&running, &second, "prefix", "'zz'").await;
    let taken = revoke(&running, &first, Descendants::Revoke).await;
    assert_eq!(sound(&taken.taken), [sibling.key.prefix.as_str()]);
    assert_eq!(damaged(&taken.damaged), [(None, "prefix".to_owned(), true)]);
    let sql = format!(
        "UPDATE api_keys SET prefix = '{}' WHERE prefix = 'zz'",
        second.key.prefix
    );
    let mut tx = running.db.begin().await.unwrap();
    store::tx!(&mut tx, |c| sqlx::query(sqlx::AssertSqlSafe(sql))
        .execute(c)
        .await
        .map(drop))
    .unwrap();
    tx.commit().await.unwrap();
    assert!(is_refused(&running, &second).await);
}

async fn a_damaged_key_is_revoked_by_its_prefix(world: World) {
    let running = world.start().await;
    let admin = running.key(&["root-admin"], None).await;
    for (column, value) in DAMAGES {
        let key = running.key(&["root-admin"], None).await;
        let before = get(&running, &key, column).await;
        set(&running, &key, column, value).await;
        let line = format!("DELETE /api/v1/api-keys/{}", key.key.prefix);
        let (status, answer) = call(&running, &line, Some(text(&admin)), None).await;
        assert_eq!(status, StatusCode::OK, "{column}: {answer}");
        let named = json!([{"prefix": key.key.prefix.as_str(), "status": "revoked", "damage": [column]}]);
        assert_eq!(answer, json!({"revoked": [], "remaining": [], "damaged": named}));
        if column != "revoked_us" {
            set(&running, &key, column, &before).await;
        }
        assert!(is_refused(&running, &key).await, "{column}");
        let (status, _) = call(&running, &line, Some(text(&admin)), None).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{column}");
    }
}

async fn a_damaged_key_is_named_before_it_is_revoked(world: World) {
    let running = world.start().await;
    let admin = running.key(&["root-admin"], None).await;
    let first = running.key(&["root-admin"], None).await;
    let second = child(&running, &first).await;
    let third = child(&running, &second).await;
    set(&running, &second, "last_used_us", "9223372036854775807").await;
    for (query, kinds) in [
        (
            "",
            &[
                "auth.api_key_revoked",
                "auth.api_key_remaining",
                "auth.api_key_damaged",
            ][..],
        ),
        (
            "&descendants=true",
            &["auth.api_key_revoked", "auth.api_key_damaged"],
        ),
    ] {
        let line = format!("DELETE /api/v1/api-keys/{}?dry_run=true{query}", first.key.prefix);
        let (status, preview) = call(&running, &line, Some(text(&admin)), None).await;
        assert_eq!(status, StatusCode::OK, "{preview}");
        let consequences = preview["consequences"].as_array().unwrap();
        let found: Vec<_> = consequences
            .iter()
            .map(|one| one["kind"].as_str().unwrap())
            .collect();
        assert_eq!(found, kinds, "{preview}");
        let named = &consequences[kinds.len() - 1]["objects"];
        assert_eq!(*named, json!([format!("{}: last_used_us", second.key.prefix)]));
    }
    assert!(!is_refused(&running, &third).await);
}

async fn who_is_limited_to_names_revokes_no_key_whose_names_cannot_be_read(world: World) {
    let running = world.start().await;
    running.key(&["root-admin"], None).await;
    let limited = |names: &str| CreateRequest {
        name: "limited".parse().unwrap(),
        roles: vec!["root-admin".to_owned()],
        validity: None,
        allowed_names: vec![names.to_owned()],
        requester: caller_with("root-admin"),
        idempotency_key: None,
    };
    let app = running.auth.app();
    let by = app.create(limited("dns:*.example.test"), &Commit).await.unwrap();
    let by = running
        .auth
        .authenticator()
        .authenticate(text(&by))
        .await
        .unwrap();
    let key = app.create(limited("dns:a.example.test"), &Commit).await.unwrap();
    let ask = async || app.revoke(&key.key.prefix, Descendants::Keep, &by, &Commit).await;
    set(&running, &key, "allowed_names", "'{'").await;
    let refused = ask().await.unwrap_err();
    assert!(matches!(refused, Error::WiderKey { .. }), "{refused}");
    set(&running, &key, "allowed_names", "'[\"dns:a.example.test\"]'").await;
    set(&running, &key, "name", "''").await;
    assert_eq!(ask().await.unwrap().damaged.len(), 1);
}

async fn a_damaged_admin_does_not_stand_in_for_the_last_one(world: World) {
    let running = world.start().await;
    let last = running.key(&["root-admin"], None).await;
    let admin = caller_with("root-admin");
    let refusal = async || {
        let app = running.auth.app();
        let asked = app
            .revoke(&last.key.prefix, Descendants::Keep, &admin, &Commit)
            .await;
        matches!(asked, Err(Error::LastAdmin(_)))
    };
    let mut others = Vec::new();
    // More than are read at first.
    for (column, value) in [("last_used_us", "9223372036854775807"), ("roles", "'{'")].repeat(10) {
        let other = running.key(&["root-admin"], None).await;
        set(&running, &other, column, value).await;
        others.push(other);
    }
    assert!(refusal().await);
    // When it ends is not known, for that of its maker cannot be read.
    let maker = running.key(&["root-admin"], None).await;
    let below = child(&running, &maker).await;
    revoke(&running, &maker, Descendants::Keep).await;
    set(&running, &maker, "expires_us", "9223372036854775807").await;
    assert!(refusal().await);
    let asked = running.auth.authenticator().authenticate(text(&below)).await;
    assert!(matches!(asked, Err(AuthFault::Unavailable { .. })));
    let line = format!("GET /api/v1/api-keys/{}", last.key.prefix);
    let (_, shown) = call(&running, &line, Some(text(&last)), None).await;
    assert_eq!(shown["allowed_actions"], json!([]));
    let done = revoke(&running, &others[0], Descendants::Keep).await;
    assert_eq!(done.damaged.len(), 1);
    running.key(&["root-admin"], None).await;
    assert!(!refusal().await);
}

/// A value that is not a number: only SQLite keeps one.
#[tokio::test]
async fn an_unreadable_end_of_one_key_stops_no_revocation_of_another() {
    let world = World::sqlite();
    let running = world.start().await;
    let [last, damaged, other] = [
        running.key(&["root-admin"], None).await,
        running.key(&["root-admin"], None).await,
        running.key(&["root-admin"], None).await,
    ];
    set(&running, &damaged, "expires_us", "'x'").await;
    set(&running, &damaged, "token_sha256", "'x'").await;
    assert_eq!(
        revoke(&running, &other, Descendants::Keep).await,
        auth::Revoked::default()
    );
    assert!(is_refused(&running, &other).await && !is_refused(&running, &last).await);
    assert_eq!(
        revoke(&running, &damaged, Descendants::Keep).await.damaged.len(),
        1
    );
}

async fn a_wrong_secret_of_a_damaged_key_is_refused_like_any_other(world: World) {
    let running = world.start().await;
    let key = running.key(&["root-admin"], None).await;
    let (kept, last) = text(&key).split_at(text(&key).len() - 1);
    let wrong = format!("{kept}{}", if last == "A" { "B" } else { "A" });
    for (column, value) in &DAMAGES[..5] {
        let before = get(&running, &key, column).await;
        set(&running, &key, column, value).await;
        let authenticator = running.auth.authenticator();
        let refused = authenticator.authenticate(&wrong).await;
        assert!(
            matches!(refused, Err(AuthFault::Invalid)),
            "{column}: {refused:?}"
        );
        let failed = authenticator.authenticate(text(&key)).await;
        assert!(
            matches!(failed, Err(AuthFault::Unavailable { .. })),
            "{column}: {failed:?}"
        );
        set(&running, &key, column, &before).await;
        assert!(authenticator.authenticate(text(&key)).await.is_ok(), "{column}");
    }
}

/// A hash of another length: only SQLite keeps one.
#[tokio::test]
async fn a_key_whose_hash_cannot_be_read_is_damaged_until_it_is_revoked() {
    let world = World::sqlite();
    let running = world.start().await;
    let admin = running.key(&["root-admin"], None).await;
    let key = running.key(&["auditor"], None).await;
    set(&running, &key, "token_sha256", "'x'").await;
    let look = async || {
        let checks = running.auth.service().doctor;
        let check = checks
            .iter()
            .find(|check| check.name == "stored API keys")
            .unwrap();
        check.look().await
    };
    let found = look().await;
    assert!(found.detail.contains("token_sha256"), "{found:?}");
    let (status, listed) = call(&running, "GET /api/v1/api-keys", Some(text(&admin)), None).await;
    assert_eq!(status, StatusCode::OK, "{listed}");
    let prefix = key.key.prefix.as_str();
    assert!(!listed.to_string().contains(prefix), "{listed}");
    let revoked = revoke(&running, &key, Descendants::Keep).await;
    assert_eq!(
        damaged(&revoked.damaged),
        [(Some(prefix), "token_sha256".to_owned(), true)]
    );
    let found = look().await;
    assert_eq!(found.verdict, kit::service::Verdict::Ok, "{found:?}");
}
