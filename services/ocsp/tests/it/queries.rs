//! What `ca` is told of who asks.

use proto::ca::v1::Reason as WireReason;
use testkit::on_both_databases;
use time::{Duration, OffsetDateTime};
use x509::Certificate;
use x509::ocsp::{CertStatus, Nonce, OcspRequest};

use crate::world::{World, eventually, id};

on_both_databases!(
    when_a_certificate_was_last_asked_about_is_told_and_nothing_else_changes,
    a_time_of_a_clock_that_was_ahead_does_not_stay,
);

async fn when_a_certificate_was_last_asked_about_is_told_and_nothing_else_changes(world: World) {
    let issuer = world.authority("issuing").await;
    let [good, revoked, never] = [
        world.issue("issuing").await,
        world.issue("issuing").await,
        world.issue("issuing").await,
    ];
    world.revoke(&revoked, WireReason::Superseded).await;
    eventually("the revocation is told", async || {
        matches!(world.status(&revoked).await, Ok(CertStatus::Revoked { .. }))
    })
    .await;
    let events = world.events().await;
    let app = world.responder.ocsp.app().clone();
    for step in 0..3 {
        world.clock.advance(Duration::minutes(1));
        let nonce = (step == 1).then(|| Nonce::from_bytes(&[1; 32]).unwrap());
        let request = OcspRequest::build(vec![id(&issuer, good.serial())], nonce).unwrap();
        app.answer(Ok(request)).await;
        world.status(&revoked).await.unwrap();
        let asked = kit::clock::Clock::now(&*world.clock);
        eventually("both times are told", async || {
            world.last_query(&good).await == Some(asked) && world.last_query(&revoked).await == Some(asked)
        })
        .await;
    }
    assert_eq!(world.last_query(&never).await, None);
    assert_eq!(world.events().await, events);
}

async fn a_time_of_a_clock_that_was_ahead_does_not_stay(world: World) {
    let certificate = world.issue("issuing").await;
    let hours = Duration::hours(6);
    for step in [hours, -hours] {
        world.clock.advance(step);
        let now = kit::clock::Clock::now(&*world.clock);
        eventually("the time is that of the clock", async || {
            let _status = world.status(&certificate).await;
            world.last_query(&certificate).await == Some(now)
        })
        .await;
    }
}

/// What the database of `ca` has.
impl World {
    async fn last_query(&self, certificate: &Certificate) -> Option<OffsetDateTime> {
        let serial = certificate.serial().proper().unwrap();
        let sql = "SELECT asked_at FROM ocsp_queries WHERE serial = $1";
        let db = &self.ca_db;
        let found: Option<i64> = store::read!(db, |c| sqlx::query_scalar(sql)
            .bind(serial.as_bytes())
            .fetch_optional(c)
            .await)
        .unwrap();
        found.map(|at| store::time::from_micros(at).unwrap())
    }

    async fn events(&self) -> i64 {
        self.ca_db.count_rows("outbox", i64::MAX).await.unwrap()
    }
}
