//! Peers whose certificate is revoked are refused, and cut off where they are connected.

use std::collections::BTreeSet;
use std::sync::Arc;

use kit::peer::Peer;
use kit::tls::{Identity, TlsSource as _};
use kit::transport::{Transport, channel};
use proto::auth::v1::AuthenticateRequest;
use proto::auth::v1::auth_client::AuthClient;
use tokio::sync::Notify;
use tonic::{Code, Status};
use x509::Certificate;
use x509::serial::Serial;

use crate::world::{Ca, Served, echo_site};

fn serial(identity: &Identity) -> BTreeSet<Serial> {
    let certificate = Certificate::from_der(&identity.leaf()).unwrap();
    BTreeSet::from([certificate.serial().proper().unwrap()])
}

async fn call(transport: &Transport, token: &str) -> Result<(), Status> {
    let token = token.to_owned();
    let request = AuthenticateRequest { token };
    AuthClient::new(transport.clone())
        .authenticate(request)
        .await
        .map(drop)
}

/// A call that is being answered when `revoke` runs, and one after it: neither succeeds.
async fn is_cut_off(transport: &Transport, revoke: impl FnOnce()) -> Status {
    call(transport, "x").await.unwrap();
    let begun = Arc::new(Notify::new());
    let running = {
        let (transport, begun) = (transport.clone(), Arc::clone(&begun));
        tokio::spawn(async move {
            begun.notify_one();
            call(&transport, "slow").await
        })
    };
    begun.notified().await;
    // It is on its way once another call, which shares its connection, was answered after it.
    call(transport, "pause").await.unwrap();
    revoke();
    let cut = running.await.unwrap().unwrap_err();
    assert_eq!(cut.code(), Code::Unavailable, "{cut:?}");
    call(transport, "x").await.unwrap_err()
}

#[tokio::test]
async fn a_server_cuts_off_a_client_that_is_revoked_until_it_has_another_certificate() {
    let ca = Ca::new();
    let (server, caller) = (ca.identity("auth"), ca.identity("ca"));
    let served = Served::mutual(&server, echo_site()).await;
    let transport = channel(&served.url(), "auth", &caller).unwrap();
    let refused = is_cut_off(&transport, || server.revoked_peers().replace(serial(&caller))).await;
    assert!(
        matches!(refused.code(), Code::Unavailable | Code::Unauthenticated),
        "{refused:?}"
    );
    // It knows it if it was answered.
    assert_eq!(caller.is_revoked(), refused.code() == Code::Unauthenticated);

    let next = ca.service_pair("ca");
    caller
        .replace(next.chain.as_bytes(), next.key.as_bytes())
        .unwrap();
    call(&transport, "x").await.unwrap();
}

/// A process learns of it from the service that refuses it: it is not sent the set of revoked identities any more.
#[tokio::test]
async fn a_client_that_connects_with_a_revoked_certificate_is_told_and_knows_it() {
    let ca = Ca::new();
    let (server, caller) = (ca.identity("auth"), ca.identity("ca"));
    let served = Served::mutual(&server, echo_site()).await;
    server.revoked_peers().replace(serial(&caller));
    let transport = channel(&served.url(), "auth", &caller).unwrap();
    let refused = call(&transport, "x").await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated, "{refused:?}");
    let named = serial(&caller).pop_first().unwrap().to_string();
    assert!(
        refused.message().contains(&named) && refused.message().contains("bootstrap --identity"),
        "{refused:?}"
    );
    assert!(caller.is_revoked());

    let next = ca.service_pair("ca");
    caller
        .replace(next.chain.as_bytes(), next.key.as_bytes())
        .unwrap();
    assert!(!caller.is_revoked());
    call(&transport, "x").await.unwrap();
}

#[tokio::test]
async fn a_client_leaves_a_server_that_is_revoked_until_it_has_another_certificate() {
    let ca = Ca::new();
    let (server, caller) = (ca.identity("auth"), ca.identity("ca"));
    let served = Served::mutual(&server, echo_site()).await;
    let transport = channel(&served.url(), "auth", &caller).unwrap();
    let refused = is_cut_off(&transport, || caller.revoked_peers().replace(serial(&server))).await;
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    let cause = kit::error::chain(&refused);
    assert!(cause.contains("Revoked"), "{cause}");

    let next = ca.service_pair("auth");
    server
        .replace(next.chain.as_bytes(), next.key.as_bytes())
        .unwrap();
    call(&transport, "x").await.unwrap();
}

#[tokio::test]
async fn a_hold_that_is_released_lets_a_peer_in_again() {
    let ca = Ca::new();
    let (server, caller) = (ca.identity("auth"), ca.identity("ca"));
    let served = Served::mutual(&server, echo_site()).await;
    let transport = channel(&served.url(), "auth", &caller).unwrap();
    server.revoked_peers().replace(serial(&caller));
    call(&transport, "x").await.unwrap_err();
    server.revoked_peers().replace(BTreeSet::new());
    call(&transport, "x").await.unwrap();
}

/// Until then it refuses that certificate itself too, where it calls another service of its own process.
#[tokio::test]
async fn a_client_that_was_told_of_a_hold_believes_its_end() {
    let ca = Ca::new();
    let (server, caller) = (ca.identity("auth"), ca.identity("ca"));
    let (served, itself) = (
        Served::mutual(&server, echo_site()).await,
        Served::mutual(&caller, echo_site()).await,
    );
    let to_server = channel(&served.url(), "auth", &caller).unwrap();
    let to_itself = channel(&itself.url(), "ca", &caller).unwrap();
    server.revoked_peers().replace(serial(&caller));
    call(&to_server, "x").await.unwrap_err();
    assert!(caller.is_revoked());
    call(&to_itself, "x").await.unwrap_err();

    // What the caller itself was told of others has not changed.
    for released in [&server, &caller] {
        released.revoked_peers().replace(BTreeSet::new());
    }
    assert!(!caller.is_revoked());
    call(&to_itself, "x").await.unwrap();
    call(&to_server, "x").await.unwrap();
}

#[tokio::test]
async fn peers_wait_until_it_is_known_which_are_revoked() {
    let ca = Ca::new();
    let (server, caller) = (ca.identity("auth"), ca.identity("ca"));
    assert!(server.revoked_peers().admit(&caller.leaf()));
    for waits in [&server, &caller] {
        waits.revoked_peers().await_word();
        assert!(!waits.revoked_peers().are_known());
        assert!(!waits.revoked_peers().admit(&caller.leaf()));
        // Which would have it renewed.
        assert!(!waits.is_revoked());
    }
    assert_eq!(server.peer(&caller.leaf()), Peer::default());

    let served = Served::mutual(&server, echo_site()).await;
    let transport = channel(&served.url(), "auth", &caller).unwrap();
    let waiting = tokio::spawn(async move { call(&transport, "x").await });
    caller.revoked_peers().replace(BTreeSet::new());
    server.revoked_peers().replace(BTreeSet::new());
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn who_tells_which_are_revoked_is_called_before_that_is_known() {
    let ca = Ca::new();
    let (server, caller) = (ca.identity("auth"), ca.identity("ca"));
    caller.revoked_peers().await_word();
    caller.revoked_peers().are_told_by("auth");
    let served = Served::mutual(&server, echo_site()).await;
    let transport = channel(&served.url(), "auth", &caller).unwrap();
    call(&transport, "x").await.unwrap();
}
