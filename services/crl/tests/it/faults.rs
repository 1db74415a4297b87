//! What fails changes nothing that is out.

use std::time::Duration;

use crl::Kind;
use proto::ca::v1 as wire;
use testkit::on_both_databases;

use crate::world::{Mood, NOW, World};

on_both_databases!(
    a_list_that_is_due_and_not_made_is_named,
    what_is_out_stays_while_keymgr_does_not_sign,
    a_signature_over_something_else_is_not_published,
    a_process_that_is_killed_while_it_writes_leaves_nothing_that_is_served,
    a_ca_whose_key_does_not_sign_keeps_no_other_from_its_lists,
);

async fn what_is_out_stays_while_keymgr_does_not_sign(world: World) {
    let process = world.start().await;
    let first = world.complete_with(0).await;
    world.keymgr.set(Mood::Refuses);
    world.ca.revoke("0a", "key-compromise", 0);
    while world.count("entries").await == 0 {
        tokio::task::yield_now().await;
    }
    let list = process.list(&world, 0, Kind::Complete).await;
    assert_eq!(list.number(), Some(first.number));
    world.keymgr.set(Mood::Signs);
    let next = world.complete_with(1).await;
    assert!(next.number > first.number);
    process.stop().await;
    // What failed left nothing behind.
    let published = world.all_published().await.len();
    assert_eq!(world.count("publications").await, published as i64);
}

async fn a_signature_over_something_else_is_not_published(world: World) {
    world.keymgr.set(Mood::Forges);
    let process = world.start().await;
    while world.keymgr.signed() == 0 {
        tokio::task::yield_now().await;
    }
    assert!(!process.is_ready().await);
    world.keymgr.set(Mood::Signs);
    world.complete_with(0).await;
    let signed = world.all_published().await;
    assert!(signed.iter().all(|list| list.number > 1), "{signed:?}");
    process.stop().await;
}

async fn a_process_that_is_killed_while_it_writes_leaves_nothing_that_is_served(world: World) {
    let process = world.start().await;
    let first = world.complete_with(0).await;
    world.published(|list| list.kind == "delta").await;
    let gate = world.keymgr.close_gate();
    world.ca.revoke("0a", "key-compromise", 0);
    // The delta waits for its signature.
    while world.count("publications").await < 3 {
        tokio::task::yield_now().await;
    }
    process.kill();
    let idle = world.idle().await;
    assert_eq!(
        idle.list(&world, 0, Kind::Complete).await.number(),
        Some(first.number)
    );
    gate.add_permits(1000);
    let process = world.start().await;
    let next = world.complete_with(1).await;
    // The number that was taken is not used again.
    assert!(next.number > first.number + 1, "{next:?}");
    assert_eq!(
        process.list(&world, 0, Kind::Complete).await.number(),
        Some(next.number)
    );
    process.stop().await;
}

async fn a_ca_whose_key_does_not_sign_keeps_no_other_from_its_lists(world: World) {
    // By name it comes first, and it has more scopes than lists are written at a time.
    world.ca.add(wire::CaInfo {
        name: "another".to_owned(),
        issuer: "another".to_owned(),
        key_name: "unknown-to-keymgr".to_owned(),
        certificate: world.issuer.der().to_vec(),
        crl_shards: 4,
        ..wire::CaInfo::default()
    });
    let process = world.start().await;
    world.complete_with(0).await;
    world.ca.revoke("0a", "key-compromise", 0);
    world.complete_with(1).await;
    world
        .published(|list| list.kind == "delta" && list.entries == 1)
        .await;
    let state = process.doctor().await;
    assert!(format!("{state:?}").contains("another"), "{state:?}");
    process.stop().await;
}

async fn a_list_that_is_due_and_not_made_is_named(world: World) {
    let process = world.start().await;
    world.published(|list| list.kind == "delta").await;
    world.keymgr.set(Mood::Refuses);
    let due = NOW + Duration::from_secs(2 * 3600);
    let mut found = Vec::new();
    for minutes in [0, 1, 3] {
        world.clock.set(due + Duration::from_secs(minutes * 60));
        let all = process.doctor().await;
        found.push(
            all.iter()
                .any(|finding| format!("{finding:?}").contains("is due since")),
        );
    }
    assert_eq!(found, [false, false, true]);
    // What is out is served all the same.
    assert!(process.is_ready().await);
    process.stop().await;
}
