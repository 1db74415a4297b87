//! Taking keys back.

use auth::{CreateRequest, Created, Descendants, Error, Status};
use kit::auth::{AuthFault, Caller};
use kit::dry_run::Commit;
use kit::page::Ask;
use serde_json::json;
use testkit::on_both_databases;
use time::Duration;

use crate::world::{Running, START, World, caller_with, text};

on_both_databases!(
    a_revoked_key_is_refused_at_once_and_stays_in_the_list,
    the_last_key_that_may_make_keys_stays,
    a_key_limited_to_some_names_is_no_last_admin_and_takes_no_wider_one_back,
    of_two_admins_that_revoke_each_other_one_stays,
    the_last_lasting_admin_is_not_revoked_while_only_shorter_lived_ones_remain,
    an_admin_whose_maker_ends_sooner_does_not_stand_in_for_one_without_an_end,
    an_admin_that_ends_later_takes_the_place_of_one_that_ends_sooner,
    a_key_that_was_revoked_or_ended_after_it_was_authenticated_revokes_nothing,
    of_admins_that_revoke_each_other_only_the_first_is_obeyed,
);

const MINUTE: std::time::Duration = std::time::Duration::from_secs(60);

/// Whom the service takes this key for.
async fn caller(running: &Running, key: &Created) -> Caller {
    let authenticator = running.auth.authenticator();
    authenticator.authenticate(text(key)).await.unwrap()
}

async fn execute(running: &Running, sql: &'static str) {
    let mut tx = running.db.begin().await.unwrap();
    store::tx!(&mut tx, |c| sqlx::query(sql).execute(c).await.map(drop)).unwrap();
    tx.commit().await.unwrap();
}

async fn a_revoked_key_is_refused_at_once_and_stays_in_the_list(world: World) {
    let running = world.start().await;
    let (app, authenticator) = (running.auth.app(), running.auth.authenticator());
    let made = running.key(&["developer"], None).await;
    assert!(authenticator.authenticate(text(&made)).await.is_ok());
    app.revoke(
        &made.key.prefix,
        Descendants::Keep,
        &caller_with("root-admin"),
        &Commit,
    )
    .await
    .unwrap();
    assert!(matches!(
        authenticator.authenticate(text(&made)).await,
        Err(AuthFault::Invalid)
    ));

    world.clock.advance(Duration::hours(1));
    app.revoke(
        &made.key.prefix,
        Descendants::Keep,
        &caller_with("root-admin"),
        &Commit,
    )
    .await
    .unwrap();
    let page = app.list(&Ask::default()).await.unwrap();
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
        json!({
            "prefix": prefix,
            "name": "test",
            "roles": ["developer"],
            "revoked_by": "test:root-admin",
            "damage": [],
        })
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
    let admin = caller_with("root-admin");

    app.revoke(&first.key.prefix, Descendants::Keep, &admin, &Commit)
        .await
        .unwrap();
    let refused = app
        .revoke(&second.key.prefix, Descendants::Keep, &admin, &Commit)
        .await
        .unwrap_err();
    assert!(
        matches!(&refused, Error::LastAdmin(prefix) if *prefix == second.key.prefix),
        "{refused}"
    );
    // A key that opens nothing any more locks out no key.
    app.revoke(&short.key.prefix, Descendants::Keep, &admin, &Commit)
        .await
        .unwrap();
    running.key(&["root-admin"], None).await;
    app.revoke(&second.key.prefix, Descendants::Keep, &admin, &Commit)
        .await
        .unwrap();
}

async fn a_key_limited_to_some_names_is_no_last_admin_and_takes_no_wider_one_back(world: World) {
    let running = world.start().await;
    let app = running.auth.app();
    let admin = running.key(&["root-admin"], None).await;
    let limited = async |names: &[&str]| {
        let request = CreateRequest {
            name: "limited".parse().unwrap(),
            roles: vec!["root-admin".to_owned()],
            validity: None,
            allowed_names: names.iter().map(|&name| name.to_owned()).collect(),
            requester: caller_with("root-admin"),
            idempotency_key: None,
        };
        app.create(request, &Commit).await.unwrap()
    };
    let dev = limited(&["dns:*.dev.example.test"]).await;
    let narrow = limited(&["dns:a.dev.example.test"]).await;
    let other = limited(&["dns:*.prod.example.test"]).await;
    let all = caller_with("root-admin");
    let revoke =
        async |key: &Created, by: &Caller| app.revoke(&key.key.prefix, Descendants::Keep, by, &Commit).await;
    let refused = revoke(&admin, &all).await.unwrap_err();
    assert!(matches!(refused, Error::LastAdmin(_)), "{refused}");

    let by = caller(&running, &dev).await;
    for wider in [&admin, &other] {
        let refused = revoke(wider, &by).await.unwrap_err();
        assert!(matches!(refused, Error::WiderKey { .. }), "{refused}");
    }
    revoke(&narrow, &by).await.unwrap();
    revoke(&dev, &by).await.unwrap();
    revoke(&other, &all).await.unwrap();
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
                app.revoke(&prefix, Descendants::Keep, &caller_with("root-admin"), &Commit)
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
        // For the next round only the two of that round are left.
        execute(
            &running,
            "UPDATE api_keys SET revoked_us = 1, revoked_by = 'test' WHERE revoked_us IS NULL",
        )
        .await;
    }
}

async fn the_last_lasting_admin_is_not_revoked_while_only_shorter_lived_ones_remain(world: World) {
    let running = world.start().await;
    let app = running.auth.app();
    let lasting = running.key(&["root-admin"], None).await;
    let year = running.key(&["root-admin"], Some(365 * 24 * 60 * MINUTE)).await;
    let short = running.key(&["root-admin"], Some(MINUTE / 12)).await;
    let short = caller(&running, &short).await;
    for descendants in [Descendants::Keep, Descendants::Revoke] {
        let refused = app
            .revoke(&lasting.key.prefix, descendants, &short, &Commit)
            .await
            .unwrap_err();
        assert!(
            matches!(&refused, Error::LastAdmin(prefix) if *prefix == lasting.key.prefix),
            "{refused}"
        );
    }
    let itself = caller(&running, &lasting).await;
    let refused = app.revoke(&lasting.key.prefix, Descendants::Keep, &itself, &Commit);
    assert!(
        matches!(refused.await, Err(Error::LastAdmin(_))),
        "not even by itself"
    );
    assert!(
        running
            .auth
            .authenticator()
            .authenticate(text(&lasting))
            .await
            .is_ok()
    );
    assert_eq!(running.events().await.len(), 3, "nothing was revoked");
    // Those that end earlier may go at any time.
    app.revoke(&year.key.prefix, Descendants::Keep, &short, &Commit)
        .await
        .unwrap();
    running.key(&["root-admin"], None).await;
    app.revoke(&lasting.key.prefix, Descendants::Keep, &short, &Commit)
        .await
        .unwrap();
}

async fn an_admin_whose_maker_ends_sooner_does_not_stand_in_for_one_without_an_end(world: World) {
    let running = world.start().await;
    let app = running.auth.app();
    let lasting = running.key(&["root-admin"], None).await;
    let maker = running.key(&["root-admin"], Some(MINUTE)).await;
    for _ in 0..2 {
        let request = CreateRequest {
            name: "child".parse().unwrap(),
            roles: vec!["root-admin".to_owned()],
            validity: None,
            allowed_names: Vec::new(),
            requester: caller(&running, &maker).await,
            idempotency_key: None,
        };
        app.create(request, &Commit).await.unwrap();
    }
    // As a version stored them that did not bound the life of what a key makes.
    execute(
        &running,
        "UPDATE api_keys SET expires_us = NULL WHERE name = 'child'",
    )
    .await;
    let refused = app
        .revoke(
            &lasting.key.prefix,
            Descendants::Keep,
            &caller_with("root-admin"),
            &Commit,
        )
        .await;
    assert!(matches!(refused, Err(Error::LastAdmin(_))));
    // A maker that is revoked takes its children with it only if asked; they still end with it.
    app.revoke(
        &maker.key.prefix,
        Descendants::Keep,
        &caller_with("root-admin"),
        &Commit,
    )
    .await
    .unwrap();
    let refused = app
        .revoke(
            &lasting.key.prefix,
            Descendants::Keep,
            &caller_with("root-admin"),
            &Commit,
        )
        .await;
    assert!(matches!(refused, Err(Error::LastAdmin(_))));
}

async fn an_admin_that_ends_later_takes_the_place_of_one_that_ends_sooner(world: World) {
    let running = world.start().await;
    let app = running.auth.app();
    let first = running.key(&["root-admin"], Some(MINUTE)).await;
    world.clock.advance(Duration::seconds(10));
    let second = running.key(&["root-admin"], Some(MINUTE)).await;
    let requester = caller(&running, &second).await;
    app.revoke(&first.key.prefix, Descendants::Keep, &requester, &Commit)
        .await
        .unwrap();
    let refused = app.revoke(&second.key.prefix, Descendants::Keep, &requester, &Commit);
    assert!(matches!(refused.await, Err(Error::LastAdmin(_))));
}

async fn a_key_that_was_revoked_or_ended_after_it_was_authenticated_revokes_nothing(world: World) {
    let running = world.start().await;
    let app = running.auth.app();
    running.key(&["root-admin"], None).await;
    let target = running.key(&["developer"], None).await;
    let revoked = running.key(&["root-admin"], None).await;
    let short = running.key(&["root-admin"], Some(MINUTE)).await;
    // As a cache remembers them: without an end.
    let requesters =
        [caller(&running, &revoked).await, caller(&running, &short).await].map(|caller| Caller {
            expires: None,
            ..caller
        });
    app.revoke(
        &revoked.key.prefix,
        Descendants::Keep,
        &caller_with("root-admin"),
        &Commit,
    )
    .await
    .unwrap();
    world.clock.advance(Duration::minutes(2));
    for requester in &requesters {
        let refused = app
            .revoke(&target.key.prefix, Descendants::Keep, requester, &Commit)
            .await;
        assert!(matches!(refused, Err(Error::BadCredential)), "{refused:?}");
    }
    assert!(
        running
            .auth
            .authenticator()
            .authenticate(text(&target))
            .await
            .is_ok()
    );
}

async fn of_admins_that_revoke_each_other_only_the_first_is_obeyed(world: World) {
    let running = world.start().await;
    running.key(&["root-admin"], None).await;
    for _ in 0..10 {
        let keys = [
            running.key(&["root-admin"], None).await,
            running.key(&["root-admin"], None).await,
        ];
        let [first, second] = [caller(&running, &keys[0]).await, caller(&running, &keys[1]).await];
        let attempts = [(first, &keys[1]), (second, &keys[0])].map(|(requester, target)| {
            let (app, prefix) = (running.auth.app().clone(), target.key.prefix.clone());
            tokio::spawn(async move { app.revoke(&prefix, Descendants::Keep, &requester, &Commit).await })
        });
        let mut obeyed = 0;
        for attempt in attempts {
            match attempt.await.unwrap() {
                Ok(_) => obeyed += 1,
                Err(Error::BadCredential) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
        assert_eq!(obeyed, 1);
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
            &caller_with("root-admin"),
            &Commit,
        )
        .await
        .unwrap_err();
    assert!(
        matches!(&refused, Error::NotFound(prefix) if prefix == "deadbeef"),
        "{refused}"
    );
}
