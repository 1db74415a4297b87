//! Which requests for identities are removed, and that the others still lead to what is valid.

use testkit::on_both_databases;
use time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use x509::crl::Reason;

use super::{ask, ask_of, first, revoke, serials, sorted};
use crate::world::World;

on_both_databases!(requests_are_removed_once_no_valid_certificate_is_found_by_them);

/// Reached only by a failure.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// A process whose identities live 1000 days.
async fn long_lives(world: &World) -> ca::Ca {
    let profiles = rules::Profiles::default();
    let mut profile = profiles.named("service-identity").unwrap().as_ref().clone();
    profile.default_validity = Duration::days(1000).unsigned_abs();
    profile.max_validity = profile.default_validity;
    let settings = ca::Config {
        profiles: vec![profile],
        ..ca::Config::default()
    };
    world.with_settings(world.keymgr.clone(), settings).await
}

/// The requests that are left after a round of the background work.
async fn left(world: &World) -> i64 {
    let mut tx = world.db.begin().await.unwrap();
    // It is due, however short ago the last round was.
    store::tx!(&mut tx, |connection| {
        sqlx::query("DELETE FROM leases")
            .execute(connection)
            .await
            .map(drop)
    })
    .unwrap();
    tx.commit().await.unwrap();
    let stop = CancellationToken::new();
    let mut running = JoinSet::new();
    for job in world.ca.service().jobs {
        running.spawn(job.run(stop.clone()));
    }
    let done = async {
        while !is_done(world).await {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, done).await.unwrap();
    stop.cancel();
    running.join_all().await;
    world.count("identity_requests").await
}

async fn is_done(world: &World) -> bool {
    let rounds: i64 = store::read!(&world.db, |connection| {
        sqlx::query_scalar("SELECT COUNT(*) FROM leases WHERE name = $1 AND done_us > 0")
            .bind("old requests for identities")
            .fetch_one(connection)
            .await
    })
    .unwrap();
    rounds > 0
}

async fn requests_are_removed_once_no_valid_certificate_is_found_by_them(world: World) {
    let (renewed, given_up) = (first(&world).await, first(&world).await);
    let long = super::first_of(&long_lives(&world).await).await;
    let brief_lives = world.with_identities_of(Duration::days(2).unsigned_abs()).await;
    let (mut lineage, mut last_of_given_up) = (vec![renewed.clone()], given_up);
    for round in 1..=16 {
        world.clock.advance(Duration::days(60));
        lineage.push(ask(&world, lineage.last().unwrap()).await.unwrap());
        if round <= 2 {
            last_of_given_up = ask(&world, &last_of_given_up).await.unwrap();
        }
        if round == 9 {
            // The one that it was issued to is still valid when this one is long expired.
            ask_of(&brief_lives, &long, Duration::ZERO).await.unwrap();
        }
    }
    assert_eq!(world.count("identity_requests").await, 19);
    assert_eq!(left(&world).await, 17);

    // The first one expired two years ago, and so did what leads from there to those that are valid.
    let revoked = revoke(&world, &renewed, Reason::KeyCompromise, false).await;
    let valid: Vec<_> = lineage.iter().rev().take(2).collect();
    assert_eq!(serials(&revoked.descendants.unwrap().revoked), sorted(&valid));
    world.clock.advance(Duration::days(1000));
    assert_eq!(left(&world).await, 0);
}
