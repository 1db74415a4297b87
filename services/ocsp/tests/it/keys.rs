//! Keys that cannot sign: what is told of them, and what becomes of them.

use kit::service::Verdict;
use ocsp::{Config, Signing};
use testkit::on_both_databases;
use x509::ocsp::{CertStatus, ErrorStatus};

use crate::world::{World, eventually};

on_both_databases!(
    a_process_that_starts_replaces_a_responder_whose_key_is_lost,
    a_process_that_runs_replaces_a_responder_whose_key_is_damaged,
    a_ca_whose_key_may_not_sign_responses_is_not_ready_and_doctor_says_why,
    a_process_that_nothing_is_signed_for_is_not_ready,
);

const LOST: &str = "DELETE FROM keys WHERE name = 'ocsp.issuing.1'";
/// No key has the empty handle.
const DAMAGED: &str = "UPDATE keys SET handle = substr(handle, 1, 0) WHERE name = 'ocsp.issuing.1'";
async fn a_process_that_starts_replaces_a_responder_whose_key_is_lost(world: World) {
    let certificate = world.issue("issuing").await;
    world.restart_keymgr(Some(LOST), false).await;
    let replica = world.replica(Config::default()).await;
    assert_eq!(
        world.status_by(&replica, &certificate).await,
        Ok(CertStatus::Good)
    );
    assert_eq!(world.count("signers").await, 3);
    // The process that used the lost one finds it too.
    eventually("another signs", async || {
        world.status(&certificate).await == Ok(CertStatus::Good)
    })
    .await;
    assert_eq!(world.count("signers").await, 3);
    assert_eq!(world.responder.of_responders().await.verdict, Verdict::Ok);
}

async fn a_process_that_runs_replaces_a_responder_whose_key_is_damaged(world: World) {
    let [kept, other] = [world.issue("issuing").await, world.issue("issuing").await];
    assert_eq!(world.status(&kept).await, Ok(CertStatus::Good));
    world.restart_keymgr(Some(DAMAGED), false).await;
    // Nothing is wrong with what it signed.
    assert_eq!(world.status(&kept).await, Ok(CertStatus::Good));
    assert_eq!(world.count("signers").await, 2);
    eventually("another signs", async || {
        let told = world.status(&other).await;
        assert!(matches!(told, Ok(CertStatus::Good) | Err(ErrorStatus::TryLater)));
        told.is_ok()
    })
    .await;
    assert_eq!(world.count("signers").await, 3);
    assert!(world.responder.is_ready().await);
}

async fn a_ca_whose_key_may_not_sign_responses_is_not_ready_and_doctor_says_why(world: World) {
    let certificate = world.issue("issuing").await;
    let direct = Config {
        signing: Signing::Direct,
        ..Config::default()
    };
    world.restart_keymgr(None, false).await;
    let replica = world.starting(direct, None).await;
    eventually("doctor says why", async || {
        let found = replica.of_responders().await;
        found.verdict == Verdict::Failed && found.detail.contains("does not sign an OCSP response")
    })
    .await;
    let found = replica.of_responders().await;
    assert!(found.fix.contains("keymgr.ca_keys_sign_ocsp"), "{found:?}");
    assert!(!replica.is_ready().await);
    // What looks after responders tries both CAs again now and then.
    eventually("keymgr is not asked for requests", async || {
        let asked = world.to_keymgr.calls("SignBatch");
        for _ in 0..3 {
            assert_eq!(
                world.status_by(&replica, &certificate).await,
                Err(ErrorStatus::TryLater)
            );
        }
        world.to_keymgr.calls("SignBatch") == asked
    })
    .await;

    world.restart_keymgr(None, true).await;
    assert_eq!(replica.of_responders().await.verdict, Verdict::Ok);
    assert!(replica.is_ready().await);
}

async fn a_process_that_nothing_is_signed_for_is_not_ready(world: World) {
    world.to_keymgr.cut("SignBatch");
    let replica = world.starting(Config::default(), None).await;
    eventually("doctor says why", async || {
        let found = replica.of_responders().await;
        found.verdict == Verdict::Failed && found.detail.contains("cut")
    })
    .await;
    assert!(!replica.is_ready().await);
    // What the other one signed is in its memory.
    assert!(world.responder.is_ready().await);
    world.to_keymgr.mend();
    eventually("it is ready", async || replica.is_ready().await).await;
    assert_eq!(
        world.count("signers").await,
        2,
        "a key that is not asked is not replaced"
    );
}
