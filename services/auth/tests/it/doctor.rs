//! What the service finds wrong in its own state.

use std::time::Duration;

use kit::auth::roles::ROOT_ADMIN;
use kit::service::{Finding, Verdict};
use testkit::on_both_databases;

use crate::world::{Running, World};

on_both_databases!(the_end_of_the_last_admin_key_is_announced);

async fn found(running: &Running) -> Finding {
    let [check] = running.auth.service().doctor.try_into().ok().unwrap();
    check.look().await
}

async fn the_end_of_the_last_admin_key_is_announced(world: World) {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let running = world.start().await;
    let none = found(&running).await;
    assert_eq!(none.verdict, Verdict::Failed);
    assert!(none.fix.contains("--new-admin-token"), "{none:?}");

    running.key(&[ROOT_ADMIN], Some(10 * DAY)).await;
    let soon = found(&running).await;
    assert_eq!(soon.verdict, Verdict::Warning);
    assert!(soon.detail.contains("2027-01-12"), "{soon:?}");
    // What a key makes ends with it: only the way without one leads to a later end.
    assert!(
        soon.fix.contains("--new-admin-token") && !soon.fix.contains("apikey create"),
        "{soon:?}"
    );

    world.clock.advance(time::Duration::days(11));
    assert_eq!(found(&running).await.verdict, Verdict::Failed);

    running.key(&[ROOT_ADMIN], Some(60 * DAY)).await;
    assert_eq!(found(&running).await.verdict, Verdict::Ok);
}
