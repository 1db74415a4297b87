//! What the service finds wrong in its own state.

use std::time::Duration;

use kit::auth::roles::ROOT_ADMIN;
use kit::page::Ask;
use kit::service::{Finding, Verdict};
use testkit::on_both_databases;

use crate::world::{Running, World};

on_both_databases!(
    the_end_of_the_last_admin_key_is_announced,
    a_damaged_key_is_named_and_hides_no_other,
);

async fn found(running: &Running) -> Finding {
    let [check, _] = running.auth.service().doctor.try_into().ok().unwrap();
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

async fn a_damaged_key_is_named_and_hides_no_other(world: World) {
    let running = world.start().await;
    let mut prefixes = Vec::new();
    for _ in 0..6 {
        let made = running.key(&[ROOT_ADMIN], None).await;
        prefixes.push(made.key.prefix.to_string());
        world.clock.advance(time::Duration::seconds(1));
    }
    let stored = async || {
        let [_, check] = running.auth.service().doctor.try_into().ok().unwrap();
        check.look().await
    };
    assert_eq!(stored().await.verdict, Verdict::Ok);
    for (at, column, value) in [
        (1, "roles", "'{'"),
        (2, "allowed_names", "'{'"),
        (3, "last_used_us", "9223372036854775807"),
        (4, "name", "''"),
    ] {
        let prefix = &prefixes[at];
        let mut tx = running.db.begin().await.unwrap();
        let sql = format!("UPDATE api_keys SET {column} = {value} WHERE prefix = $1");
        store::tx!(&mut tx, |c| {
            let damage = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(prefix);
            damage.execute(c).await.map(drop)
        })
        .unwrap();
        tx.commit().await.unwrap();
        let named =
            format!("what the database holds of API key {prefix} is damaged: {column} cannot be read");
        let found = stored().await;
        assert_eq!(found.verdict, Verdict::Failed);
        assert!(found.detail.contains(&named), "{found:?}");
    }
    // In pages of one, all that can be read are reached.
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let ask = Ask::over_grpc("keys", 1, cursor.unwrap_or_default()).unwrap();
        let page = running.auth.app().list(&ask).await.unwrap();
        seen.extend(page.items.iter().map(|key| key.prefix.to_string()));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, [&*prefixes[5], &*prefixes[0]]);
}
