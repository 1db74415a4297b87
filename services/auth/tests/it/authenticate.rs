//! Whose a credential is.

use std::sync::Arc;
use std::time::Duration as Span;

use auth::{Remote, Token};
use kit::auth::{AuthFault, Authenticator, CachedAuthenticator, roles};
use kit::clock::MockClock;
use kit::dry_run::Commit;
use proto::auth::v1::AuthenticateRequest;
use proto::auth::v1::auth_client::AuthClient;
use secrecy::ExposeSecret;
use testkit::on_both_databases;
use time::Duration;
use tonic::Code;

use crate::world::{Running, START, World, caller_with, text};

on_both_databases!(
    a_key_is_its_owner_with_the_permissions_of_its_roles,
    every_bad_credential_is_refused_alike,
    a_key_opens_nothing_from_the_second_it_expires,
    last_use_is_written_at_most_once_a_minute,
);

const DAY: Span = Span::from_secs(24 * 3600);

async fn a_key_is_its_owner_with_the_permissions_of_its_roles(world: World) {
    let running = world.start().await;
    let made = running
        .key(&["developer", "auditor", "developer"], Some(DAY))
        .await;
    let (local, remote) = (running.auth.authenticator(), Remote::new(running.transport("ca")));
    let caller = local.authenticate(text(&made)).await.unwrap();
    assert_eq!(remote.authenticate(text(&made)).await.unwrap(), caller);
    assert_eq!(caller.subject, format!("apikey:{}", made.key.prefix));
    assert_eq!(caller.roles, ["auditor", "developer"]);
    assert_eq!(caller.expires, Some(START + DAY));
    for role in ["auditor", "developer"] {
        for permission in roles::permissions_of(role).unwrap() {
            assert!(caller.may(permission), "{permission}");
        }
    }
    assert!(!caller.may("certificates:revoke") && !caller.may("api-keys:write"));
}

async fn every_bad_credential_is_refused_alike(world: World) {
    let running = world.start().await;
    let made = running.key(&["root-admin"], None).await;
    let (expired, revoked) = (
        running.key(&["auditor"], Some(DAY)).await,
        running.key(&["auditor"], None).await,
    );
    running
        .auth
        .app()
        .revoke(
            &revoked.key.prefix,
            auth::Descendants::Keep,
            &caller_with("root-admin"),
            &Commit,
        )
        .await
        .unwrap();
    world.clock.advance(Duration::days(2));

    let unknown = Token::generate().unwrap();
    let (head, secret) = text(&made).split_at(12);
    let other_secret = format!("{head}{}", "A".repeat(43));
    let other_prefix = format!("gv_{}_{secret}", expired.key.prefix);
    let flipped = text(&made).replace(secret, &secret.chars().rev().collect::<String>());
    let bad = [
        "",
        "root-admin",
        unknown.text().expose_secret(),
        &other_secret,
        &other_prefix,
        &flipped,
        text(&expired),
        text(&revoked),
        &format!("{} ", text(&made)),
        "gv_' OR ''='_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ];
    let remote = Remote::new(running.transport("keymgr"));
    for credential in bad {
        let here = running
            .auth
            .authenticator()
            .authenticate(credential)
            .await
            .unwrap_err();
        let there = remote.authenticate(credential).await.unwrap_err();
        assert!(
            matches!((&here, &there), (AuthFault::Invalid, AuthFault::Invalid)),
            "{credential}: {here:?} {there:?}"
        );
    }
    for credential in ["", "gv_1_2", "bearer", &"gv_".repeat(40)] {
        let here = running.auth.authenticator();
        assert!(!here.is_well_formed(credential) && !remote.is_well_formed(credential));
    }
    assert!(remote.is_well_formed(text(&made)) && remote.is_well_formed(&flipped));
    assert!(remote.authenticate(text(&made)).await.is_ok());
}

async fn a_key_opens_nothing_from_the_second_it_expires(world: World) {
    let running = world.start().await;
    let made = running.key(&["auditor"], Some(DAY)).await;
    let remote = Arc::new(Remote::new(running.transport("ca")));
    let cached = CachedAuthenticator::new(remote, Arc::<MockClock>::clone(&world.clock));
    world.clock.set(START + DAY - Duration::MICROSECOND);
    assert!(cached.authenticate(text(&made)).await.is_ok());
    world.clock.set(START + DAY);
    assert!(matches!(
        cached.authenticate(text(&made)).await,
        Err(AuthFault::Invalid)
    ));
    assert!(matches!(
        running.auth.authenticator().authenticate(text(&made)).await,
        Err(AuthFault::Invalid)
    ));
}

async fn last_use_is_written_at_most_once_a_minute(world: World) {
    let (running, replica) = (world.start().await, world.start().await);
    let made = running.key(&["auditor"], None).await;
    let use_it = async |service: &Running, at: Duration| {
        world.clock.set(START + at);
        service
            .auth
            .authenticator()
            .authenticate(text(&made))
            .await
            .unwrap();
        service.auth.app().write_last_used().await.unwrap();
        running
            .auth
            .app()
            .authenticate(text(&made))
            .await
            .unwrap()
            .last_used
            .map(|last| last - START)
    };
    assert_eq!(
        use_it(&running, Duration::seconds(1)).await,
        Some(Duration::seconds(1))
    );
    assert_eq!(
        use_it(&running, Duration::seconds(60)).await,
        Some(Duration::seconds(1))
    );
    assert_eq!(
        use_it(&replica, Duration::seconds(60)).await,
        Some(Duration::seconds(1))
    );
    assert_eq!(
        use_it(&replica, Duration::seconds(61)).await,
        Some(Duration::seconds(61))
    );
    // What a replica gathered before another one wrote does not turn the time back.
    assert_eq!(
        use_it(&running, Duration::seconds(62)).await,
        Some(Duration::seconds(61))
    );
}

#[tokio::test]
async fn services_that_are_not_on_the_list_may_not_ask() {
    let world = World::sqlite();
    let running = world.start().await;
    let made = running.key(&["auditor"], None).await;
    for caller in ["auth", "ra", "enroll", "", "CA"] {
        let request = AuthenticateRequest {
            token: text(&made).to_owned(),
        };
        let refused = AuthClient::new(running.transport(caller))
            .authenticate(request)
            .await
            .unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{caller:?}");
        let fault = Remote::new(running.transport(caller))
            .authenticate(text(&made))
            .await
            .unwrap_err();
        assert!(
            matches!(fault, AuthFault::Unavailable { .. }),
            "a mistake of the deployment is not the caller's: {fault:?}"
        );
    }
}
