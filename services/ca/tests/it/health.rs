//! What a self-check found: kept, told, and old after a while.

use axum::http::StatusCode;
use ca::Report;
use kit::error::Kind;
use kit::service::{Finding, Verdict};
use serde_json::{Value, json};
use testkit::on_both_databases;
use time::Duration;

use crate::damaged_rows::get;
use crate::world::{NOW, World, refused};

on_both_databases!(
    a_change_of_health_is_an_event_and_nothing_else_is,
    what_nobody_looked_at_is_not_healthy,
    what_was_wrong_when_nobody_looks_any_more_is_not_known,
    what_is_stored_and_cannot_be_read_is_not_known,
    an_issuer_that_is_none_is_refused,
    a_look_from_a_clock_that_was_ahead_ages_too,
);

fn nothing() -> Report {
    Report::default()
}

fn wrong(text: &str) -> Report {
    Report {
        problems: vec![text.to_owned()],
        unknown: Vec::new(),
    }
}

fn unknown(text: &str) -> Report {
    Report {
        problems: Vec::new(),
        unknown: vec![text.to_owned()],
    }
}

/// As REST answers it.
async fn health(world: &World, ca: &str) -> Value {
    let path = format!("/api/v1/cas/{ca}/health");
    let (status, body) = get(world, &path, "application/json").await;
    assert_eq!(status, StatusCode::OK, "{body}");
    serde_json::from_str(&body).unwrap()
}

async fn doctor(world: &World) -> Finding {
    let checks = world.ca.service().doctor;
    let check = checks
        .iter()
        .find(|check| check.name == "self-check of CRLs and OCSP");
    check.unwrap().look().await
}

async fn a_change_of_health_is_an_event_and_nothing_else_is(world: World) {
    let app = world.ca.app();
    let reports = [
        // That nothing is wrong, or known, is not news at first.
        ("issuing", nothing(), None),
        ("issuing", wrong("signature"), Some("unhealthy")),
        ("issuing", wrong("number"), None),
        ("issuing", unknown("ca"), Some("unknown")),
        ("issuing", nothing(), Some("healthy")),
        ("issuing.2", unknown("ca"), None),
        ("issuing.2", wrong("nothing answers"), Some("unhealthy")),
    ];
    let mut expected = Vec::new();
    for (at, (issuer, report, event)) in (0..).zip(reports) {
        let checked = NOW + Duration::minutes(at);
        world.clock.set(checked);
        app.report_health(issuer, report, checked).await.unwrap();
        expected.extend(event.map(|status| (issuer.to_owned(), status.to_owned())));
    }
    let events = world.events().await;
    let told: Vec<(String, String)> = events
        .iter()
        .filter(|event| event.kind == "ca.health_changed")
        .map(|event| {
            let data: Value = event.parse_data().unwrap();
            assert_eq!(
                (event.subject.as_str(), &data["ca"]),
                ("issuing", &json!("issuing"))
            );
            let text = |member: &str| data[member].as_str().unwrap().to_owned();
            (text("issuer"), text("health"))
        })
        .collect();
    assert_eq!(told, expected);

    let found = health(&world, "issuing").await;
    let of = |index: usize| &found["self_check"][index];
    let texts =
        |index: usize| ["issuer", "status", "since", "checked_at"].map(|member| of(index)[member].clone());
    let at = |minutes| json!(kit::clock::rfc3339(NOW + Duration::minutes(minutes)));
    assert_eq!(texts(0), [json!("issuing"), json!("healthy"), at(4), at(4)]);
    assert_eq!(texts(1), [json!("issuing.2"), json!("unhealthy"), at(6), at(6)]);
    assert_eq!(of(1)["problems"], json!(["nothing answers"]));
    assert_eq!(found["status"], "unhealthy");
    // Neither runs here.
    assert_eq!(found["ocsp"]["unavailable"]["service"], "ocsp");
    assert_eq!(found["crls"]["unavailable"]["service"], "crl");
}

async fn what_nobody_looked_at_is_not_healthy(world: World) {
    let app = world.ca.app();
    let none = health(&world, "issuing").await;
    assert_eq!(
        (&none["status"], &none["self_check"]),
        (&json!("unknown"), &json!([]))
    );
    // A process that has just started waits for the first.
    assert_eq!(doctor(&world).await.verdict, Verdict::Ok);
    world.clock.advance(Duration::minutes(16));
    let never = doctor(&world).await;
    assert_eq!(never.verdict, Verdict::Warning);
    assert!(
        never.detail.contains("CA issuing was never looked at"),
        "{never:?}"
    );

    let names: Vec<String> = app.authorities().all().iter().map(|ca| ca.name.clone()).collect();
    let looked = NOW + Duration::minutes(16);
    for name in &names {
        app.report_health(name, nothing(), looked).await.unwrap();
    }
    assert_eq!(
        health(&world, "issuing").await["self_check"][0]["status"],
        "healthy"
    );
    assert_eq!(doctor(&world).await.verdict, Verdict::Ok);
    app.report_health("issuing", unknown("ca did not say"), looked)
        .await
        .unwrap();
    let partly = doctor(&world).await;
    assert_eq!(partly.verdict, Verdict::Warning);
    assert!(partly.detail.contains("issuing: ca did not say"), "{partly:?}");
    app.report_health("issuing", wrong("signature"), looked)
        .await
        .unwrap();
    let failed = doctor(&world).await;
    assert_eq!(failed.verdict, Verdict::Failed);
    assert!(failed.detail.contains("issuing: signature"), "{failed:?}");
    app.report_health("issuing", nothing(), looked).await.unwrap();
    when_nobody_looks_any_more(&world).await;
}

async fn when_nobody_looks_any_more(world: &World) {
    world.clock.advance(Duration::minutes(16));
    let old = health(world, "issuing").await;
    assert_eq!(old["self_check"][0]["status"], "unknown");
    assert_eq!(old["status"], "unknown");
    let old = doctor(world).await;
    assert_eq!(old.verdict, Verdict::Warning);
    assert!(
        old.detail.contains("CA issuing was looked at last at 20"),
        "{old:?}"
    );
}

async fn what_was_wrong_when_nobody_looks_any_more_is_not_known(world: World) {
    let app = world.ca.app();
    let names: Vec<String> = app.authorities().all().iter().map(|ca| ca.name.clone()).collect();
    for name in names.iter().filter(|name| *name != "issuing") {
        app.report_health(name, unknown("ca did not say"), NOW)
            .await
            .unwrap();
    }
    app.report_health("issuing", wrong("signature"), NOW)
        .await
        .unwrap();
    app.report_health("issuing.2", wrong("of a generation that has ended"), NOW)
        .await
        .unwrap();
    world.clock.advance(Duration::minutes(15));
    app.age_health().await.unwrap();
    assert_eq!(health(&world, "issuing").await["status"], "unhealthy");
    assert_eq!(doctor(&world).await.verdict, Verdict::Failed);

    // `crl.self_check` was switched off.
    world.clock.advance(Duration::minutes(1));
    let old = health(&world, "issuing").await;
    assert_eq!(old["status"], "unknown", "{old:#}");
    let of_issuing = &old["self_check"][0];
    let at = |minutes| kit::clock::rfc3339(NOW + Duration::minutes(minutes));
    let expected = json!({
        "issuer": "issuing", "status": "unknown", "problems": [],
        "unknown": [
            format!("not looked at since {}, and unhealthy then", at(0)),
            format!("found at {}: signature", at(0)),
        ],
        "since": at(15), "checked_at": at(0),
    });
    assert_eq!(*of_issuing, expected);
    let found = doctor(&world).await;
    assert_eq!(found.verdict, Verdict::Warning, "{found:?}");
    let text = format!("CA issuing was looked at last at {}", at(0));
    assert!(
        found.detail.contains(&text) && found.fix.contains("crl.self_check: true"),
        "{found:?}"
    );

    what_the_event_says(&world, &expected).await;
}

/// Data of the events about that issuer.
async fn told_of(world: &World, issuer: &str) -> Vec<Value> {
    let events = world.events().await.into_iter();
    let told = events.filter(|event| event.kind == "ca.health_changed");
    let told = told.map(|event| event.parse_data::<Value>().unwrap());
    told.filter(|data| data["issuer"] == issuer).collect()
}

/// The same, once.
async fn what_the_event_says(world: &World, expected: &Value) {
    let app = world.ca.app();
    for _ in 0..2 {
        app.age_health().await.unwrap();
    }
    assert_eq!(health(world, "issuing").await["self_check"][0], *expected);
    let told = told_of(world, "issuing").await;
    assert_eq!(told.len(), 2, "{told:?}");
    let said = ["health", "unknown", "problems"].map(|member| &told[1][member]);
    assert_eq!(said, [&json!("unknown"), &expected["unknown"], &json!([])]);
    // Nothing is said of a generation that has ended.
    assert_eq!(told_of(world, "issuing.2").await.len(), 1);
    // Who looks again, and finds the same, says so.
    let again = NOW + Duration::minutes(16);
    app.report_health("issuing", wrong("signature"), again)
        .await
        .unwrap();
    assert_eq!(health(world, "issuing").await["status"], "unhealthy");
    assert_eq!(told_of(world, "issuing").await.len(), 3);
}

async fn what_is_stored_and_cannot_be_read_is_not_known(world: World) {
    let app = world.ca.app();
    app.report_health("issuing", nothing(), NOW).await.unwrap();
    let mut tx = world.db.begin().await.unwrap();
    store::tx!(&mut tx, |c| sqlx::query(
        "UPDATE issuer_health SET problems = '[1'"
    )
    .execute(c)
    .await
    .map(|done| done.rows_affected()))
    .unwrap();
    tx.commit().await.unwrap();
    let found = health(&world, "issuing").await;
    assert_eq!(found["self_check"][0]["status"], "unknown", "{found:#}");
    app.report_health("issuing", nothing(), NOW).await.unwrap();
    let found = health(&world, "issuing").await;
    assert_eq!(found["self_check"][0]["status"], "healthy", "{found:#}");
}

async fn an_issuer_that_is_none_is_refused(world: World) {
    let app = world.ca.app();
    refused(
        app.report_health("issuing.1", nothing(), NOW).await,
        Kind::Invalid,
    );
    refused(app.report_health("nope", nothing(), NOW).await, Kind::NotFound);
    let many = Report {
        problems: vec!["x".repeat(10_000); 1000],
        unknown: vec!["y".repeat(10_000); 1000],
    };
    app.report_health("issuing", many, NOW).await.unwrap();
    let kept = health(&world, "issuing").await;
    for member in ["problems", "unknown"] {
        let texts = kept["self_check"][0][member].as_array().unwrap();
        assert_eq!((texts.len(), texts[0].as_str().unwrap().len()), (20, 500));
    }
}

async fn a_look_from_a_clock_that_was_ahead_ages_too(world: World) {
    let app = world.ca.app();
    // That of crl: it is noted as of now.
    let ahead = NOW + Duration::days(1);
    app.report_health("issuing", nothing(), ahead).await.unwrap();
    let of = async || health(&world, "issuing").await["self_check"][0].clone();
    assert_eq!(of().await["checked_at"], json!(kit::clock::rfc3339(NOW)));
    // Our own, until it was put back.
    world.clock.set(ahead);
    app.report_health("issuing", nothing(), ahead).await.unwrap();
    assert_eq!(of().await["status"], "healthy");
    world.clock.set(NOW + Duration::minutes(16));
    let found = of().await;
    assert_eq!(found["status"], "unknown", "{found:#}");
    assert_eq!(doctor(&world).await.verdict, Verdict::Warning);
    app.age_health().await.unwrap();
    assert_eq!(told_of(&world, "issuing").await.len(), 1);
}
