//! Keys that keys make: no longer life, no wider names, and taken with their maker if asked for.

use auth::{CreateRequest, Created, Descendants, Error, Status};
use kit::auth::{AuthFault, Caller};
use kit::dry_run::Commit;
use kit::error::{Fault as _, Kind};
use testkit::on_both_databases;
use time::Duration;

use crate::world::{Running, START, World, caller_with, text};

on_both_databases!(
    a_child_ends_with_its_maker_at_the_latest,
    a_child_that_was_made_without_an_end_dies_with_its_maker,
    a_child_names_no_more_than_its_maker,
    a_revoked_or_expired_maker_makes_nothing,
    revoking_shows_what_a_key_made_and_takes_it_if_asked,
    the_last_admin_is_not_taken_with_its_maker,
    what_a_key_makes_while_it_is_taken_with_its_descendants_is_taken_too,
);

const MINUTE: std::time::Duration = std::time::Duration::from_secs(60);

async fn caller(running: &Running, key: &Created) -> Caller {
    running
        .auth
        .authenticator()
        .authenticate(text(key))
        .await
        .unwrap()
}

fn request(requester: Caller) -> CreateRequest {
    CreateRequest {
        name: "child".parse().unwrap(),
        roles: vec!["root-admin".to_owned()],
        validity: None,
        allowed_names: Vec::new(),
        requester,
        idempotency_key: None,
    }
}

async fn child(running: &Running, maker: &Created) -> Created {
    let requester = caller(running, maker).await;
    running
        .auth
        .app()
        .create(request(requester), &Commit)
        .await
        .unwrap()
}

async fn a_child_ends_with_its_maker_at_the_latest(world: World) {
    let running = world.start().await;
    let maker = running.key(&["root-admin"], Some(MINUTE)).await;
    let requester = caller(&running, &maker).await;
    let first = child(&running, &maker).await;
    assert_eq!(first.key.expires, Some(START + Duration::MINUTE));
    let shorter = CreateRequest {
        validity: Some(MINUTE / 2),
        ..request(requester.clone())
    };
    assert!(running.auth.app().create(shorter, &Commit).await.is_ok());
    let longer = CreateRequest {
        validity: Some(MINUTE * 2),
        ..request(requester)
    };
    let refused = running.auth.app().create(longer, &Commit).await.unwrap_err();
    assert!(matches!(refused, Error::Outlives(_)), "{refused}");
    let grandchild = child(&running, &first).await;
    world.clock.advance(Duration::minutes(2));
    for key in [&maker, &first, &grandchild] {
        let refused = running.auth.authenticator().authenticate(text(key)).await;
        assert!(matches!(refused, Err(AuthFault::Invalid)));
    }
}

async fn a_child_that_was_made_without_an_end_dies_with_its_maker(world: World) {
    let running = world.start().await;
    let maker = running.key(&["root-admin"], Some(MINUTE)).await;
    let first = child(&running, &maker).await;
    let grandchild = child(&running, &first).await;
    // As an earlier version stored them.
    let sql = "UPDATE api_keys SET expires_us = NULL WHERE name = 'child'";
    let mut tx = running.db.begin().await.unwrap();
    store::tx!(&mut tx, |c| sqlx::query(sql).execute(c).await.map(drop)).unwrap();
    tx.commit().await.unwrap();
    assert_eq!(
        caller(&running, &grandchild).await.expires,
        Some(START + Duration::MINUTE)
    );
    world.clock.advance(Duration::minutes(2));
    for key in [&first, &grandchild] {
        let refused = running.auth.authenticator().authenticate(text(key)).await;
        assert!(matches!(refused, Err(AuthFault::Invalid)));
    }
}

async fn a_child_names_no_more_than_its_maker(world: World) {
    let running = world.start().await;
    let app = running.auth.app();
    let limited = |names: &[&str], requester: Caller| CreateRequest {
        allowed_names: names.iter().map(|&name| name.to_owned()).collect(),
        ..request(requester)
    };
    let maker = app
        .create(
            limited(&["dns:*.Dev.example.test"], caller_with("root-admin")),
            &Commit,
        )
        .await
        .unwrap();
    assert_eq!(maker.key.allowed_names, ["dns:*.dev.example.test"]);
    let requester = caller(&running, &maker).await;
    assert_eq!(requester.allowed_names, ["dns:*.dev.example.test"]);
    let inherited = child(&running, &maker).await;
    assert_eq!(inherited.key.allowed_names, ["dns:*.dev.example.test"]);
    let narrower = limited(&["dns:a.dev.example.test"], requester.clone());
    assert!(app.create(narrower, &Commit).await.is_ok());
    for wider in [
        &["dns:*.example.test"][..],
        &["dns:a.dev.example.test", "ip:10.0.0.0/8"],
    ] {
        let refused = app
            .create(limited(wider, requester.clone()), &Commit)
            .await
            .unwrap_err();
        assert!(matches!(refused, Error::WiderNames { .. }), "{refused}");
    }
    let refused = app
        .create(limited(&["dns:*"], caller_with("root-admin")), &Commit)
        .await
        .unwrap_err();
    assert_eq!(
        (refused.kind(), refused.shown().field),
        (Kind::Invalid, Some("allowed_names")),
        "{refused}"
    );
}

async fn a_revoked_or_expired_maker_makes_nothing(world: World) {
    let running = world.start().await;
    let app = running.auth.app();
    running.key(&["root-admin"], None).await;
    let (revoked, short) = (
        running.key(&["root-admin"], None).await,
        running.key(&["root-admin"], Some(MINUTE)).await,
    );
    let callers = [caller(&running, &revoked).await, caller(&running, &short).await];
    app.revoke(
        &revoked.key.prefix,
        Descendants::Keep,
        &caller_with("root-admin"),
        &Commit,
    )
    .await
    .unwrap();
    world.clock.advance(Duration::minutes(2));
    for caller in callers {
        // What a cache remembers of it has no end.
        let remembered = Caller {
            expires: None,
            ..caller
        };
        let refused = app.create(request(remembered), &Commit).await.unwrap_err();
        assert!(matches!(refused, Error::BadCredential), "{refused}");
    }
}

async fn revoking_shows_what_a_key_made_and_takes_it_if_asked(world: World) {
    let running = world.start().await;
    let app = running.auth.app();
    let admin = caller_with("root-admin");
    running.key(&["root-admin"], None).await;
    let maker = running.key(&["root-admin"], None).await;
    let first = child(&running, &maker).await;
    let grandchild = child(&running, &first).await;
    let prefixes = |keys: &[auth::ApiKey]| {
        let mut prefixes: Vec<_> = keys.iter().map(|key| key.prefix.clone()).collect();
        prefixes.sort();
        prefixes
    };
    let mut both = [first.key.prefix.clone(), grandchild.key.prefix.clone()];
    both.sort();

    let shown = app
        .revoke(&maker.key.prefix, Descendants::Keep, &admin, &Commit)
        .await
        .unwrap();
    assert_eq!(
        (prefixes(&shown.taken), prefixes(&shown.remaining)),
        (vec![], both.to_vec())
    );
    assert!(
        running
            .auth
            .authenticator()
            .authenticate(text(&grandchild))
            .await
            .is_ok()
    );
    let taken = app
        .revoke(&maker.key.prefix, Descendants::Revoke, &admin, &Commit)
        .await
        .unwrap();
    assert_eq!(
        (prefixes(&taken.taken), prefixes(&taken.remaining)),
        (both.to_vec(), vec![])
    );
    assert!(taken.taken.iter().all(|key| key.status(START) == Status::Revoked));
    for key in [&first, &grandchild] {
        assert!(
            running
                .auth
                .authenticator()
                .authenticate(text(key))
                .await
                .is_err()
        );
    }
    let events = running.events().await;
    let revoked = events.iter().filter(|(kind, ..)| kind == "auth.api_key_revoked");
    assert_eq!(revoked.count(), 3);
    let again = app
        .revoke(&maker.key.prefix, Descendants::Revoke, &admin, &Commit)
        .await
        .unwrap();
    assert_eq!(again, auth::Revoked::default());
}

async fn the_last_admin_is_not_taken_with_its_maker(world: World) {
    let running = world.start().await;
    let app = running.auth.app();
    let maker = running.key(&["root-admin"], None).await;
    let first = child(&running, &maker).await;
    let admin = caller_with("root-admin");
    let refused = app
        .revoke(&maker.key.prefix, Descendants::Revoke, &admin, &Commit)
        .await
        .unwrap_err();
    assert!(matches!(refused, Error::LastAdmin(_)), "{refused}");
    for key in [&maker, &first] {
        assert!(running.auth.authenticator().authenticate(text(key)).await.is_ok());
    }
}

async fn what_a_key_makes_while_it_is_taken_with_its_descendants_is_taken_too(world: World) {
    let running = world.start().await;
    running.key(&["root-admin"], None).await;
    for _ in 0..15 {
        let maker = running.key(&["root-admin"], None).await;
        let first = child(&running, &maker).await;
        let requester = caller(&running, &first).await;
        let making: Vec<_> = (0..4)
            .map(|_| {
                let (app, request) = (running.auth.app().clone(), request(requester.clone()));
                tokio::spawn(async move { app.create(request, &Commit).await })
            })
            .collect();
        let admin = caller_with("root-admin");
        let app = running.auth.app();
        app.revoke(&maker.key.prefix, Descendants::Revoke, &admin, &Commit)
            .await
            .unwrap();
        for made in making {
            match made.await.unwrap() {
                Ok(made) => assert!(
                    running
                        .auth
                        .authenticator()
                        .authenticate(text(&made))
                        .await
                        .is_err()
                ),
                Err(error) => assert!(matches!(error, Error::BadCredential), "{error}"),
            }
        }
    }
}
