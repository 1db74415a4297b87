//! What is answered while another service does not answer.

use proto::ca::v1::Reason as WireReason;
use testkit::on_both_databases;
use x509::Certificate;
use x509::crl::Reason;
use x509::ocsp::{CertStatus, ErrorStatus};

use crate::world::{World, eventually};

on_both_databases!(
    with_a_silent_feed_the_ca_is_asked_and_without_the_ca_nothing_is_called_good,
    without_the_key_manager_what_was_signed_is_given,
);

fn is_revoked(status: Result<CertStatus, ErrorStatus>, reason: Reason) -> bool {
    matches!(status, Ok(CertStatus::Revoked { reason: Some(told), .. }) if told == reason)
}

async fn with_a_silent_feed_the_ca_is_asked_and_without_the_ca_nothing_is_called_good(world: World) {
    let [certificate, revoked, held] = [
        world.issue("issuing").await,
        world.issue("issuing").await,
        world.issue("issuing").await,
    ];
    world.revoke(&revoked, WireReason::KeyCompromise).await;
    world.hold(&held).await;
    eventually("both are told", async || {
        is_revoked(world.status(&revoked).await, Reason::KeyCompromise)
            && is_revoked(world.status(&held).await, Reason::CertificateHold)
    })
    .await;
    assert_eq!(world.status(&certificate).await, Ok(CertStatus::Good));

    // Nothing is heard of the CA any more.
    world.to_ca.cut("Watch");
    world.responder.feed.cancel();
    let before = world.to_ca.calls("Status");
    eventually("the CA is asked for what is in memory", async || {
        world.status(&certificate).await.unwrap();
        world.to_ca.calls("Status") > before
    })
    .await;
    let signed = world.to_keymgr.calls("SignBatch");
    assert_eq!(world.status(&certificate).await, Ok(CertStatus::Good));
    assert_eq!(
        world.to_keymgr.calls("SignBatch"),
        signed,
        "what is in memory is still true"
    );
    let other = what_happens_now_is_told_at_once(&world, &held).await;

    world.to_ca.cut("Status");
    for unsure in [&certificate, &held, &other] {
        assert_eq!(world.status(unsure).await, Err(ErrorStatus::TryLater));
    }
    // For good is for good.
    assert!(is_revoked(world.status(&revoked).await, Reason::KeyCompromise));
    world.to_ca.mend();
    assert_eq!(world.status(&certificate).await, Ok(CertStatus::Good));
}

/// The CA is asked for it.
async fn what_happens_now_is_told_at_once(world: &World, held: &Certificate) -> Certificate {
    world.release(held).await;
    assert_eq!(world.status(held).await, Ok(CertStatus::Good));
    let other = world.issue("issuing").await;
    assert_eq!(world.status(&other).await, Ok(CertStatus::Good));
    world.revoke(&other, WireReason::Superseded).await;
    assert!(is_revoked(world.status(&other).await, Reason::Superseded));
    other
}

async fn without_the_key_manager_what_was_signed_is_given(world: World) {
    let [certificate, other] = [world.issue("issuing").await, world.issue("issuing").await];
    assert_eq!(world.status(&certificate).await, Ok(CertStatus::Good));
    world.to_keymgr.cut("SignBatch");
    assert_eq!(world.status(&certificate).await, Ok(CertStatus::Good));
    assert_eq!(world.status(&other).await, Err(ErrorStatus::TryLater));
    // Never `good` for what is known to be revoked.
    world.revoke(&certificate, WireReason::Superseded).await;
    eventually("the revocation is known", async || {
        world.status(&certificate).await == Err(ErrorStatus::TryLater)
    })
    .await;
    world.to_keymgr.mend();
    assert!(matches!(
        world.status(&certificate).await,
        Ok(CertStatus::Revoked { .. })
    ));
    assert_eq!(world.status(&other).await, Ok(CertStatus::Good));
}
