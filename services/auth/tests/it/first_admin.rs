//! The first start.

use std::io;
use std::sync::{Arc, Mutex};

use auth::{CreateRequest, Error};
use kit::dry_run::Commit;
use secrecy::ExposeSecret;
use testkit::on_both_databases;
use time::Duration;

use crate::world::{Running, World, caller_with};

on_both_databases!(
    the_first_start_makes_an_admin_and_later_ones_none,
    of_processes_that_start_at_once_one_makes_the_admin,
    a_key_that_could_not_be_kept_is_not_valid,
    when_all_admins_have_expired_another_is_made,
    when_all_admins_come_from_a_key_that_has_ended_another_is_made,
    a_lost_key_is_replaced_only_where_one_was_made,
);

/// Runs the first start; the text that was kept, if one was.
async fn first_start(running: &Running) -> Option<String> {
    let kept = Arc::new(Mutex::new(None));
    let place = Arc::clone(&kept);
    let keep = move |token: &secrecy::SecretString| {
        *place.lock().unwrap() = Some(token.expose_secret().to_owned());
        Ok(())
    };
    let made = running.auth.ensure_first_admin(Box::new(keep)).await.unwrap();
    let kept = kept.lock().unwrap().take();
    assert_eq!(made, kept.is_some());
    kept
}

async fn execute(running: &Running, sql: &'static str) {
    let mut tx = running.db.begin().await.unwrap();
    store::tx!(&mut tx, |c| sqlx::query(sql).execute(c).await.map(drop)).unwrap();
    tx.commit().await.unwrap();
}

async fn the_first_start_makes_an_admin_and_later_ones_none(world: World) {
    let running = world.start().await;
    let token = first_start(&running).await.unwrap();
    let admin = running.auth.authenticator().authenticate(&token).await.unwrap();
    assert_eq!(admin.roles, ["root-admin"]);
    assert_eq!(first_start(&running).await, None);
    assert_eq!(first_start(&world.start().await).await, None);
    let events = running.events().await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].0, "auth.api_key_created");
}

async fn of_processes_that_start_at_once_one_makes_the_admin(world: World) {
    let (one, other) = tokio::join!(world.start(), world.start());
    let (first, second) = tokio::join!(first_start(&one), first_start(&other));
    let token = first.clone().or(second.clone()).unwrap();
    assert!(first.is_none() || second.is_none());
    assert!(other.auth.authenticator().authenticate(&token).await.is_ok());
    assert_eq!(one.events().await.len(), 1);
}

async fn a_key_that_could_not_be_kept_is_not_valid(world: World) {
    let running = world.start().await;
    let seen = Arc::new(Mutex::new(String::new()));
    let place = Arc::clone(&seen);
    let full = move |token: &secrecy::SecretString| {
        token.expose_secret().clone_into(&mut place.lock().unwrap());
        Err(io::Error::from(io::ErrorKind::StorageFull))
    };
    let refused = running.auth.ensure_first_admin(Box::new(full)).await.unwrap_err();
    assert!(matches!(refused, Error::Keep(_)), "{refused:?}");
    let token = seen.lock().unwrap().clone();
    assert!(running.auth.authenticator().authenticate(&token).await.is_err());
    assert!(running.events().await.is_empty());
    assert!(first_start(&running).await.is_some());
}

async fn when_all_admins_have_expired_another_is_made(world: World) {
    let running = world.start().await;
    let token = first_start(&running).await.unwrap();
    assert!(running.auth.app().authenticate(&token).await.is_ok());
    // As a version left it that let a key of a minute revoke the last lasting one.
    execute(
        &running,
        "UPDATE api_keys SET revoked_us = 1, revoked_by = 'test'",
    )
    .await;
    running
        .key(&["root-admin"], Some(std::time::Duration::from_secs(60)))
        .await;
    assert_eq!(first_start(&running).await, None);
    world.clock.advance(Duration::minutes(1));
    assert!(first_start(&running).await.is_some());
}

async fn a_lost_key_is_replaced_only_where_one_was_made(world: World) {
    let running = world.start().await;
    let refused = running
        .auth
        .replace_first_admin(Box::new(|_| Ok(())))
        .await
        .unwrap_err();
    assert!(matches!(refused, Error::NoAdmin), "{refused:?}");
    let lost = first_start(&running).await.unwrap();
    let kept = Arc::new(Mutex::new(String::new()));
    let place = Arc::clone(&kept);
    let keep = move |token: &secrecy::SecretString| {
        token.expose_secret().clone_into(&mut place.lock().unwrap());
        Ok(())
    };
    assert!(running.auth.replace_first_admin(Box::new(keep)).await.unwrap());
    let token = kept.lock().unwrap().clone();
    for token in [&token, &lost] {
        let admin = running.auth.authenticator().authenticate(token).await.unwrap();
        assert_eq!(admin.roles, ["root-admin"]);
    }
    let events = running.events().await;
    assert_eq!(events.len(), 2);
    assert_eq!(events[1].0, "auth.api_key_created");
}

async fn when_all_admins_come_from_a_key_that_has_ended_another_is_made(world: World) {
    let running = world.start().await;
    let maker = running
        .key(&["root-admin"], Some(std::time::Duration::from_secs(60)))
        .await;
    let request = CreateRequest {
        name: "child".parse().unwrap(),
        roles: vec!["root-admin".to_owned()],
        validity: None,
        allowed_names: Vec::new(),
        requester: kit::auth::Caller {
            subject: maker.key.prefix.subject(),
            ..caller_with("root-admin")
        },
        idempotency_key: None,
    };
    let refused = running.auth.app().create(request.clone(), &Commit).await;
    assert!(matches!(refused, Err(Error::Outlives(_))), "{refused:?}");
    let expires = Some(maker.key.expires.unwrap());
    let requester = kit::auth::Caller {
        expires,
        ..request.requester.clone()
    };
    running
        .auth
        .app()
        .create(CreateRequest { requester, ..request }, &Commit)
        .await
        .unwrap();
    // As a version stored it that did not bound the life of what a key makes.
    execute(
        &running,
        "UPDATE api_keys SET expires_us = NULL WHERE name = 'child'",
    )
    .await;
    assert_eq!(first_start(&running).await, None);
    world.clock.advance(Duration::minutes(2));
    let token = first_start(&running).await.unwrap();
    assert!(running.auth.authenticator().authenticate(&token).await.is_ok());
}
