//! How long entries stay.

use std::time::Duration;

use proto::ca::v1 as wire;
use serde_json::json;
use testkit::on_both_databases;

use crate::world::{NOT_AFTER_US, NOW, World};

on_both_databases!(
    an_expired_entry_stays_for_one_list_past_its_end,
    what_is_said_twice_changes_nothing,
    an_event_of_an_earlier_version_is_read,
    a_clock_that_was_ahead_takes_nothing_out_of_the_lists,
);

const HOUR: Duration = Duration::from_secs(3600);

async fn an_expired_entry_stays_for_one_list_past_its_end(world: World) {
    let process = world.start().await;
    world.complete_with(0).await;
    let end = store::time::to_micros(NOW + HOUR);
    let data = json!({
        "issuer": "issuing", "crl_shard": 0, "reason": "superseded", "not_after_us": end,
        "revocation_time_us": store::time::to_micros(NOW), "invalidity_time_us": null,
    });
    world.ca.tell("certificate.revoked", "0a", data);
    let mut last = world.complete_with(1).await.number;
    process.stop().await;
    for (hours, entries) in [(30, 1), (60, 0)] {
        world.clock.set(NOW + HOUR * hours);
        let process = world.start().await;
        let next = world
            .published(|list| list.kind == "complete" && list.number > last)
            .await;
        assert_eq!(next.entries, entries, "after {hours} hours");
        last = next.number;
        // It is removed once a list is out that does not have it.
        while entries == 0 && world.count("entries").await > 0 {
            tokio::task::yield_now().await;
        }
        process.stop().await;
    }
}

async fn an_event_of_an_earlier_version_is_read(world: World) {
    let process = world.start().await;
    world.complete_with(0).await;
    let snapshots = world.ca.snapshots();
    let data = json!({
        "serial": "0a", "ca": "issuing", "issuer": "issuing", "crl_shard": 0, "not_after": "2099-12-31T23:59:59Z",
        "not_after_us": NOT_AFTER_US, "profile": "tls-server", "requester": "test:anyone", "actor": "test:anyone",
        "status": "revoked", "reason": "key-compromise", "revocation_time": kit::clock::rfc3339(NOW), "invalidity_time": null,
        "revocation_time_us": store::time::to_micros(NOW), "invalidity_time_us": null, "decided_as": "operator",
    });
    world.ca.tell("certificate.revoked", "0a", data);
    world.complete_with(1).await;
    assert_eq!(world.ca.snapshots(), snapshots);
    process.stop().await;
}

async fn what_is_said_twice_changes_nothing(world: World) {
    let process = world.start().await;
    world.complete_with(0).await;
    for _ in 0..2 {
        world.ca.revoke("0a", "certificate-hold", 0);
        world.ca.revoke("0a", "key-compromise", 0);
    }
    // The hold is one from before: what is revoked for good stays so.
    world.ca.revoke("0a", "certificate-hold", 0);
    world.ca.release("0a");
    world.ca.revoke("0b", "key-compromise", 0);
    world.complete_with(2).await;
    process.stop().await;
}

async fn a_clock_that_was_ahead_takes_nothing_out_of_the_lists(world: World) {
    world.ca.set_snapshot(vec![wire::RevokedCertificate {
        issuer: "issuing".to_owned(),
        serial: vec![10],
        not_after_us: store::time::to_micros(NOW + HOUR),
        revocation: Some(wire::Revocation {
            time_us: store::time::to_micros(NOW),
            reason: wire::Reason::KeyCompromise.into(),
            ..wire::Revocation::default()
        }),
        crl_shard: 0,
    }]);
    for (hours, entries) in [(0, 1), (30, 1), (60, 0), (0, 1)] {
        let before = world.all_published().await.iter().map(|list| list.number).max();
        world.clock.set(NOW + HOUR * hours);
        let process = world.start().await;
        world
            .published(|list| {
                list.kind == "complete" && list.entries == entries && Some(list.number) > before
            })
            .await;
        while entries == 0 && world.count("entries").await > 0 {
            tokio::task::yield_now().await;
        }
        process.stop().await;
    }
    // Nothing was published after the clock was set back that did not have it.
    let all = world.all_published().await;
    let complete = all.iter().filter(|list| list.kind == "complete");
    let mut entries: Vec<u64> = complete.map(|list| list.entries).collect();
    entries.dedup();
    assert_eq!(entries, [1, 0, 1]);
}
