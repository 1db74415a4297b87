//! Taking keys back.

use auth::{Descendants, Error, Status};
use kit::auth::AuthFault;
use serde_json::json;
use store::page::Limit;
use time::Duration;

use crate::world::{START, World, on_both_databases, somebody, text};

on_both_databases!(
    a_revoked_key_is_refused_at_once_and_stays_in_the_list,
    the_last_key_that_may_make_keys_stays,
    of_two_admins_that_revoke_each_other_one_stays,
);

async fn a_revoked_key_is_refused_at_once_and_stays_in_the_list(world: World) {
    let running = world.start().await;
    let (app, authenticator) = (running.auth.app(), running.auth.authenticator());
    let made = running.key(&["developer"], None).await;
    assert!(authenticator.authenticate(text(&made)).await.is_ok());
    app.revoke(&made.key.prefix, Descendants::Keep, &somebody("root-admin"))
        .await
        .unwrap();
    assert!(matches!(
        authenticator.authenticate(text(&made)).await,
        Err(AuthFault::Invalid)
    ));

    world.clock.advance(Duration::hours(1));
    app.revoke(&made.key.prefix, Descendants::Keep, &somebody("root-admin"))
        .await
        .unwrap();
    let page = app.list(Limit::DEFAULT, None).await.unwrap();
    let [key] = page.items.as_slice() else {
        panic!("{page:?}")
    };
    assert_eq!(key.status(START), Status::Revoked);
    let revocation = key.revoked.clone().unwrap();
    assert_eq!(
        (revocation.time, revocation.by.as_str()),
        (START, "test:root-admin"),
        "the first time counts"
    );

    let events = running.events().await;
    let kinds: Vec<_> = events.iter().map(|(kind, _, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["auth.api_key_created", "auth.api_key_revoked"]);
    let prefix = made.key.prefix.as_str();
    assert_eq!(
        events[1].2,
        json!({ "prefix": prefix, "name": "test", "roles": ["developer"], "revoked_by": "test:root-admin" })
    );
}

async fn the_last_key_that_may_make_keys_stays(world: World) {
    let running = world.start().await;
    let app = running.auth.app();
    let (first, second) = (
        running.key(&["root-admin"], None).await,
        running.key(&["root-admin"], None).await,
    );
    let short = running
        .key(&["root-admin"], Some(std::time::Duration::from_secs(60)))
        .await;
    running.key(&["ca-operator"], None).await;
    world.clock.advance(Duration::minutes(2));
    let admin = somebody("root-admin");

    app.revoke(&first.key.prefix, Descendants::Keep, &admin)
        .await
        .unwrap();
    let refused = app
        .revoke(&second.key.prefix, Descendants::Keep, &admin)
        .await
        .unwrap_err();
    assert!(
        matches!(&refused, Error::LastAdmin(prefix) if *prefix == second.key.prefix),
        "{refused}"
    );
    // A key that opens nothing any more locks nobody out.
    app.revoke(&short.key.prefix, Descendants::Keep, &admin)
        .await
        .unwrap();
    running.key(&["root-admin"], None).await;
    app.revoke(&second.key.prefix, Descendants::Keep, &admin)
        .await
        .unwrap();
}

async fn of_two_admins_that_revoke_each_other_one_stays(world: World) {
    let running = world.start().await;
    for _ in 0..10 {
        let keys = [
            running.key(&["root-admin"], None).await,
            running.key(&["root-admin"], None).await,
        ];
        let attempts = keys.each_ref().map(|made| {
            let (app, prefix) = (running.auth.app().clone(), made.key.prefix.clone());
            tokio::spawn(async move {
                app.revoke(&prefix, Descendants::Keep, &somebody("root-admin"))
                    .await
            })
        });
        let mut refused = 0;
        for attempt in attempts {
            match attempt.await.unwrap() {
                Ok(_) => {}
                Err(Error::LastAdmin(_)) => refused += 1,
                Err(error) => panic!("{error:?}"),
            }
        }
        assert_eq!(refused, 1);
        // For the next round nobody is left but the two of that round.
        let sql = "UPDATE api_keys SET revoked_us = 1, revoked_by = 'test' WHERE revoked_us IS NULL";
        let mut tx = running.db.begin().await.unwrap();
        store::tx!(&mut tx, |c| sqlx::query(sql).execute(c).await.map(drop)).unwrap();
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn a_key_that_is_not_there_is_not_found() {
    let world = World::sqlite();
    let app = world.start().await.auth.app().clone();
    let refused = app
        .revoke(
            &"deadbeef".parse().unwrap(),
            Descendants::Keep,
            &somebody("root-admin"),
        )
        .await
        .unwrap_err();
    assert!(
        matches!(&refused, Error::NotFound(prefix) if prefix == "deadbeef"),
        "{refused}"
    );
}
