//! Revocations beside rows that cannot be read: they become no smaller, and name what they could not do.

use ca::{Issued, RevokeRequest};
use kit::dry_run::Commit;
use kit::error::Kind;
use kit::service::Verdict;
use serde_json::{Value, json};
use store::Damage;
use testkit::on_both_databases;
use x509::crl::Reason;

use crate::damaged_rows::{DAMAGES, check, damage, listed};
use crate::jobs::{counts, done};
use crate::turns::execute;
use crate::world::{World, anyone, key, owner, refused, renewal, server};

on_both_databases!(
    a_start_records_the_key_of_a_damaged_certificate_and_names_those_it_cannot,
    a_damaged_successor_does_not_damage_its_predecessor,
    a_damaged_certificate_of_the_key_is_revoked_too_or_named,
    many_damaged_certificates_of_the_key_keep_none_from_being_revoked,
    a_damaged_certificate_of_others_stops_no_revocation_for_compromise,
    what_is_damaged_is_not_told_to_who_may_not_see_it,
    a_job_does_to_damaged_certificates_what_was_foreseen_and_says_why,
);

fn compromise(of: &Issued, same_key: bool) -> RevokeRequest {
    RevokeRequest {
        serial: of.serial.to_string(),
        reason: Reason::KeyCompromise,
        invalidity: None,
        same_key,
        descendants: false,
    }
}

async fn same_key_of_event(world: &World) -> Value {
    let events = world.events().await;
    let data: Value = serde_json::from_str(&events.last().unwrap().data).unwrap();
    data["same_key"].clone()
}

async fn a_damaged_successor_does_not_damage_its_predecessor(world: World) {
    let first = world.issue(server(&key(), "a.example.test")).await;
    let second = world.renew(renewal(&first, None)).await.unwrap();
    damage(&world, second.id, ("serial", "substr(der, 1, 0)")).await;
    let serial = first.serial.to_string();
    assert_eq!(
        listed(&world, "/api/v1/certificates?limit=5").await,
        std::slice::from_ref(&serial)
    );
    let found = check(&world, "stored certificates").await;
    assert!(found.detail.starts_with("1 of all 2 cannot be read"), "{found:?}");
    let named = format!(
        "the certificate with id {} is damaged: serial cannot be read",
        second.id
    );
    assert!(found.detail.contains(&named), "{found:?}");
    let revoked = world.revoke(&serial, Reason::Superseded).await.unwrap();
    assert_eq!((revoked.replaced_by, revoked.damage), (None, Damage::default()));
}

async fn a_damaged_certificate_of_the_key_is_revoked_too_or_named(world: World) {
    let key = key();
    let first = world.issue(server(&key, "a.example.test")).await;
    let legible = world.issue(server(&key, "b.example.test")).await;
    let needed = world.issue(server(&key, "c.example.test")).await;
    let unnamed = world.issue(server(&key, "d.example.test")).await;
    damage(&world, legible.id, ("lint_warnings", "'{'")).await;
    damage(&world, needed.id, ("not_after", "9223372036854775807")).await;
    damage(&world, unnamed.id, ("serial", "substr(der, 1, 0)")).await;
    for same_key in [false, true] {
        let request = compromise(&first, same_key);
        let answer = world.ca.app().revoke(&anyone(), &request, &Commit).await.unwrap();
        let others = answer.same_key.unwrap();
        let mut damaged: Vec<&str> = others.damaged.iter().map(|one| one.object.as_str()).collect();
        damaged.sort_unstable();
        let mut expected = [needed.serial.to_string(), unnamed.id.to_string()];
        expected.sort_unstable();
        assert_eq!(damaged, expected);
        assert!(
            others
                .damaged
                .iter()
                .any(|one| one.why.contains("not_after cannot be read"))
        );
        let named = if same_key {
            &others.revoked
        } else {
            &others.remaining
        };
        let named: Vec<_> = named.iter().map(|one| one.serial).collect();
        assert_eq!((named.as_slice(), others.more), (&[legible.serial][..], false));
        if !same_key {
            let data = same_key_of_event(&world).await;
            let damaged = data["damaged"].as_array().unwrap();
            assert_eq!(damaged.len(), 2, "{data}");
        }
    }
    let stored = world.issued(&legible.serial).await;
    assert_eq!(stored.revocation.unwrap().reason, Reason::KeyCompromise);
    assert_eq!(stored.damage, Damage::from("lint_warnings"));
}

async fn many_damaged_certificates_of_the_key_keep_none_from_being_revoked(world: World) {
    const DAMAGED: usize = 205;
    let key = key();
    let of_key = |n: usize| {
        (
            world.ca.clone(),
            anyone(),
            server(&key, &format!("n{n}.example.test")),
        )
    };
    for issued in crate::world::issue_all((0..DAMAGED).map(of_key)).await {
        let issued = issued.unwrap();
        damage(&world, issued.id, ("not_after", "9223372036854775807")).await;
    }
    world.issue(server(&key, "b.example.test")).await;
    world.issue(server(&key, "c.example.test")).await;
    let named = world.issue(server(&key, "a.example.test")).await;
    let request = compromise(&named, true);
    let answer = world.ca.app().revoke(&anyone(), &request, &Commit).await.unwrap();
    let others = answer.same_key.unwrap();
    assert_eq!(
        (others.revoked.len(), others.damaged.len(), others.more),
        (2, 200, true)
    );
}

async fn a_damaged_certificate_of_others_stops_no_revocation_for_compromise(world: World) {
    let key = key();
    let app = world.ca.app();
    let issue = async |requester: &str, host: &str| {
        let request = server(&key, host);
        app.issue(&owner(requester), request, &Commit).await.unwrap()
    };
    let own = issue("test:ada", "a.example.test").await;
    let named = issue("test:bob", "b.example.test").await;
    let unnamed = issue("test:bob", "c.example.test").await;
    damage(&world, unnamed.id, ("serial", "substr(der, 1, 0)")).await;
    let revoked = app
        .revoke(&owner("test:ada"), &compromise(&own, false), &Commit)
        .await
        .unwrap();
    let others = revoked.same_key.unwrap();
    assert_eq!(
        (others.of_others, others.damaged.len(), others.unconfirmed),
        (2, 0, true)
    );
    let data = same_key_of_event(&world).await;
    assert_eq!(data["remaining"], json!([named.serial.to_string()]));
    assert_eq!((&data["of_others"], &data["more"]), (&json!(2), &json!(true)));
}

async fn what_is_damaged_is_not_told_to_who_may_not_see_it(world: World) {
    let app = world.ca.app();
    let bobs = app
        .issue(&owner("test:bob"), server(&key(), "b.example.test"), &Commit)
        .await
        .unwrap();
    let serial = bobs.serial.to_string();
    damage(&world, bobs.id, ("not_after", "9223372036854775807")).await;
    let ask = async |requester: ca::Requester| app.find(&requester, &serial).await;
    refused(ask(owner("test:ada")).await, Kind::NotFound);
    refused(ask(owner("test:bob")).await, Kind::Internal);
    refused(ask(anyone()).await, Kind::Internal);
    if matches!(world.db.pools(), store::Pools::Lite { .. }) {
        damage(&world, bobs.id, ("requester", "x'ff'")).await;
        refused(ask(owner("test:bob")).await, Kind::NotFound);
        refused(ask(anyone()).await, Kind::Internal);
    }
}

async fn a_job_does_to_damaged_certificates_what_was_foreseen_and_says_why(world: World) {
    world.issue(server(&key(), "a.example.test")).await;
    let shared = key();
    world.issue(server(&shared, "b.example.test")).await;
    let mut damaged = Vec::new();
    for (key, of) in [
        (&key(), ("sans", "'{'")),
        (&key(), ("serial", "substr(der, 1, 0)")),
        (&shared, ("der", "substr(der, 1, 5)")),
    ] {
        let one = world.issue(server(key, "c.example.test")).await;
        damage(&world, one.id, of).await;
        let object = if of.0 == "serial" {
            one.id.to_string()
        } else {
            one.serial.to_string()
        };
        damaged.push((object, of.0));
    }
    let body = json!({"reason": "key-compromise", "filter": {"san_suffix": "example.test"}});
    let path = "/api/v1/certificates/revocations";
    let (_, preview) = world
        .post("ca-operator", &format!("{path}?dry_run=true"), None, &body)
        .await;
    let (_, accepted) = world.post("ca-operator", path, None, &body).await;
    let progress = done(&world, &accepted).await;
    let foreseen = counts(&preview);
    assert_eq!(
        (foreseen["certificate.revoked"], foreseen["certificate.refused"]),
        (progress.done, progress.failed),
        "{preview:#}"
    );
    assert_eq!((progress.done, progress.failed), (2, 3));
    let job: uuid::Uuid = accepted["id"]
        .as_str()
        .unwrap()
        .strip_prefix("ca-")
        .unwrap()
        .parse()
        .unwrap();
    let sql = "SELECT object, detail FROM job_items WHERE job = $1 AND detail IS NOT NULL";
    let why: Vec<(String, String)> =
        store::read!(world.db, |c| sqlx::query_as(sql).bind(job).fetch_all(c).await).unwrap();
    for (object, column) in damaged {
        let (_, detail) = why.iter().find(|(other, _)| *other == object).unwrap();
        assert!(
            detail.contains(&format!("{column} cannot be read")),
            "{object}: {detail}"
        );
    }
}

/// As an earlier version left it: revoked, and its key not recorded.
async fn revoked_by_an_earlier_version(world: &World, of: &Issued) {
    world
        .revoke(&of.serial.to_string(), Reason::KeyCompromise)
        .await
        .unwrap();
    for sql in [
        "UPDATE certificates SET key_recorded = FALSE WHERE id = $1",
        "DELETE FROM compromised_keys WHERE certificate = $1",
    ] {
        execute(&world.db, sql, of.id).await;
    }
}

async fn a_start_records_the_key_of_a_damaged_certificate_and_names_those_it_cannot(world: World) {
    let is_sqlite = matches!(world.db.pools(), store::Pools::Lite { .. });
    let of_sqlite: &[_] = if is_sqlite { &[("reason", "'zz'")] } else { &[] };
    let needed = [
        ("der", "substr(der, 1, 5)"),
        ("reason", "99"),
        ("reason", "-1"),
        ("reason", "7"),
    ];
    let other = DAMAGES
        .iter()
        .filter(|(column, _)| !["reason", "der"].contains(column));
    let mut revoked = Vec::new();
    for (recorded, of) in other
        .map(|of| (true, of))
        .chain(needed.iter().chain(of_sqlite).map(|of| (false, of)))
    {
        let key = key();
        let one = world.issue(server(&key, "a.example.test")).await;
        revoked_by_an_earlier_version(&world, &one).await;
        damage(&world, one.id, *of).await;
        revoked.push((key, one, recorded, of));
    }
    let ca = world.replica().await;
    for (key, one, recorded, of) in &revoked {
        let sql = "SELECT key_recorded FROM certificates WHERE id = $1";
        let stored: bool = store::read!(world.db, |c| sqlx::query_scalar(sql)
            .bind(one.id)
            .fetch_one(c)
            .await)
        .unwrap();
        assert_eq!(stored, *recorded, "{of:?}");
        if *recorded {
            let again = ca
                .app()
                .issue(&anyone(), server(key, "b.example.test"), &Commit)
                .await;
            let error = refused(again, Kind::Unprocessable);
            assert!(error.to_string().contains("compromised"), "{of:?}: {error}");
        }
    }
    let found = check(&world, "compromised keys").await;
    assert_eq!(found.verdict, Verdict::Failed, "{found:?}");
    let number = needed.len() + of_sqlite.len();
    assert!(
        found.detail.starts_with(&format!(
            "the keys of {number} revoked certificates are not recorded"
        )),
        "{found:?}"
    );
    let (_, first, ..) = revoked.iter().find(|(_, _, recorded, _)| !recorded).unwrap();
    let named = format!("certificate {} is damaged: der cannot be read", first.serial);
    assert!(found.detail.contains(&named), "{found:?}");
}
