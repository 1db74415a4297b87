//! Clocks that were ahead, and are set back.

use ocsp::Config;
use proto::ca::v1::Reason as WireReason;
use testkit::on_both_databases;
use time::Duration;
use x509::ocsp::CertStatus;

use crate::world::{NOW, World, eventually};

on_both_databases!(
    what_was_signed_by_a_clock_that_was_ahead_is_not_given,
    what_a_clock_that_was_ahead_took_for_expired_is_known_again,
);

async fn what_was_signed_by_a_clock_that_was_ahead_is_not_given(world: World) {
    let certificate = world.issue("issuing").await;
    world.clock.advance(Duration::hours(5));
    assert_eq!(world.status(&certificate).await, Ok(CertStatus::Good));
    let signed = world.to_keymgr.calls("SignBatch");
    world.clock.set(NOW);
    // Verified as of now: a client would refuse one that is not valid yet.
    assert_eq!(world.status(&certificate).await, Ok(CertStatus::Good));
    assert_eq!(world.to_keymgr.calls("SignBatch"), signed + 1);
    assert_eq!(world.status(&certificate).await, Ok(CertStatus::Good));
    assert_eq!(
        world.to_keymgr.calls("SignBatch"),
        signed + 1,
        "the new one is kept"
    );
}

async fn what_a_clock_that_was_ahead_took_for_expired_is_known_again(world: World) {
    let certificate = world.issue("issuing").await;
    world.revoke(&certificate, WireReason::KeyCompromise).await;
    world.clock.set(certificate.not_after() + Duration::days(12));
    let replica = world.replica(Config::default()).await;
    let snapshots = world.to_ca.calls("SnapshotRevocations");
    world.clock.set(NOW);
    eventually("it is known without a question", async || {
        let asked = world.to_ca.calls("Status");
        let told = world.status_by(&replica, &certificate).await;
        assert_ne!(told, Ok(CertStatus::Good));
        matches!(told, Ok(CertStatus::Revoked { .. }))
            && world.to_ca.calls("Status") == asked
            && world.to_ca.calls("SnapshotRevocations") > snapshots
    })
    .await;
}
