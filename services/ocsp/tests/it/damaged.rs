//! Rows of revoked certificates in the database of ca that cannot be read: they hide no other, and are never good.

use kit::service::Verdict;
use ocsp::Config;
use proto::ca::v1::Reason as WireReason;
use testkit::on_both_databases;
use x509::crl::Reason;
use x509::ocsp::CertStatus;

use crate::world::{World, eventually};

on_both_databases!(
    a_row_without_a_shard_or_with_an_impossible_reason_is_told_as_revoked,
    a_row_that_cannot_be_read_is_told_as_unknown_and_doctor_says_so,
);

fn reason(told: CertStatus) -> Option<Reason> {
    match told {
        CertStatus::Revoked { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

async fn a_row_without_a_shard_or_with_an_impossible_reason_is_told_as_revoked(world: World) {
    let [shard, impossible] = [world.issue("issuing").await, world.issue("issuing").await];
    for (certificate, change) in [
        (&shard, "crl_shard = -1, der = substr(der, 1, 30)"),
        // removeFromCRL.
        (&impossible, "reason = 8"),
    ] {
        world.revoke(certificate, WireReason::KeyCompromise).await;
        world.damage(certificate, change).await;
    }
    let replica = world.replica(Config::default()).await;
    let before = world.to_ca.calls("Status");
    let told = world.status_by(&replica, &shard).await.unwrap();
    assert_eq!(reason(told), Some(Reason::KeyCompromise));
    let told = world.status_by(&replica, &impossible).await.unwrap();
    // The reason `unspecified` is not encoded.
    assert_eq!(reason(told), None);
    assert_eq!(world.to_ca.calls("Status"), before, "the snapshot has them");
}

async fn a_row_that_cannot_be_read_is_told_as_unknown_and_doctor_says_so(world: World) {
    let [good, revoked, damaged] = [
        world.issue("issuing").await,
        world.issue("issuing").await,
        world.issue("issuing").await,
    ];
    for certificate in [&revoked, &damaged] {
        world.revoke(certificate, WireReason::KeyCompromise).await;
    }
    world.damage(&damaged, "generation = -1").await;
    let replica = world.replica(Config::default()).await;
    eventually("doctor says so", async || {
        let found = replica.look("revocations").await;
        found.verdict == Verdict::Failed && found.detail.starts_with("1 revocations are damaged")
    })
    .await;
    assert_eq!(world.status_by(&replica, &damaged).await, Ok(CertStatus::Unknown));
    let told = world.status_by(&replica, &revoked).await.unwrap();
    assert_eq!(reason(told), Some(Reason::KeyCompromise));
    // Nothing is called good, also from memory, that ca was not asked about.
    for _ in 0..2 {
        let asked = world.to_ca.calls("Status");
        assert_eq!(world.status_by(&replica, &good).await, Ok(CertStatus::Good));
        assert_eq!(world.to_ca.calls("Status"), asked + 1);
    }
}
