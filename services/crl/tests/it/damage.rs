//! What cannot be read of the database, or of what ca tells, keeps nothing else from being published.

use crl::Kind;
use kit::service::Verdict;
use proto::ca::v1 as wire;
use testkit::on_both_databases;
use x509::Serial;
use x509::crl::Reason;

use crate::world::{Process, World};

on_both_databases!(
    a_list_whose_row_cannot_be_read_is_made_again_and_stops_no_other,
    scopes_whose_list_cannot_be_made_keep_none_of_the_others_waiting,
    a_revocation_that_cannot_be_read_is_listed_for_good,
    an_issuer_that_cannot_be_read_stops_no_other,
    a_place_in_the_feed_that_cannot_be_read_is_replaced_by_a_snapshot,
    a_list_that_is_found_wrong_is_made_again,
);

async fn start(world: &World, shards: u32) -> Process {
    world.ca.set_shards(shards);
    let process = world.start().await;
    for shard in 0..=shards {
        let is_of = |list: &crate::world::Published| list.shard == shard;
        world
            .published(|list| list.kind == "complete" && is_of(list))
            .await;
        world.published(|list| list.kind == "delta" && is_of(list)).await;
    }
    process
}

async fn a_list_whose_row_cannot_be_read_is_made_again_and_stops_no_other(world: World) {
    let process = start(&world, 1).await;
    for kind in ["delta", "complete"] {
        let sql = match kind {
            "delta" => {
                "UPDATE publications SET made_us = 9223372036854775807, digest = $1 \
                 WHERE kind = 'delta' AND shard = 0 AND replaced_us IS NULL"
            }
            _ => {
                "UPDATE publications SET next_update_us = 9223372036854775807, digest = $1 \
                 WHERE kind = 'complete' AND shard = 0 AND replaced_us IS NULL"
            }
        };
        let before = world.published_last(kind, 0).await;
        world.damage(sql, b"").await;
        let serial = if kind == "delta" { "0a" } else { "0b" };
        world.ca.revoke(serial, "key-compromise", 1);
        world
            .published(|list| list.kind == kind && list.shard == 0 && list.number > before)
            .await;
        let serial: Serial = serial.parse().unwrap();
        let entries = if kind == "delta" { 1 } else { 2 };
        world
            .published(|list| list.kind == "complete" && list.shard == 1 && list.entries == entries)
            .await;
        let list = process.list(&world, 1, Kind::Complete).await;
        assert!(list.find(&serial).is_some());
    }
    process.list(&world, 0, Kind::Complete).await;
    process.stop().await;
}

async fn scopes_whose_list_cannot_be_made_keep_none_of_the_others_waiting(world: World) {
    let process = start(&world, 5).await;
    // More than lists that are written at a time. No certificate can have such a serial number.
    for (shard, serial) in [(0, "01"), (1, "02"), (2, "03"), (3, "04")] {
        world.ca.revoke(serial, "superseded", shard);
        world
            .published(|list| list.kind == "complete" && list.shard == shard && list.entries == 1)
            .await;
    }
    let signed = world.keymgr.close_gate();
    world.ca.revoke("05", "superseded", 4);
    while world.count("entries").await < 5 {
        tokio::task::yield_now().await;
    }
    world
        .damage("UPDATE entries SET serial = $1 WHERE shard < 4", &[7; 21])
        .await;
    world
        .damage(
            "UPDATE scopes SET changes = changes + 1, urgent = changes + 1 WHERE shard < 4 AND $1 IS NOT NULL",
            b"",
        )
        .await;
    signed.add_permits(1000);
    world.ca.revoke("06", "key-compromise", 5);
    world
        .published(|list| list.kind == "complete" && list.shard == 5 && list.entries == 1)
        .await;
    world.ca.revoke("07", "key-compromise", 5);
    world
        .published(|list| list.kind == "delta" && list.shard == 5 && list.entries == 2)
        .await;
    process.stop().await;
}

async fn a_revocation_that_cannot_be_read_is_listed_for_good(world: World) {
    let process = start(&world, 0).await;
    world.ca.revoke("0a", "certificate-hold", 0);
    world.complete_with(1).await;
    world
        .damage("UPDATE entries SET reason = 99 WHERE $1 IS NOT NULL", b"")
        .await;
    world.ca.revoke("0b", "superseded", 0);
    world.complete_with(2).await;
    let list = process.list(&world, 0, Kind::Complete).await;
    let found = list.find(&"0a".parse::<Serial>().unwrap()).unwrap();
    assert_ne!(found.reason, Some(Reason::CertificateHold));
    process.stop().await;
}

async fn an_issuer_that_cannot_be_read_stops_no_other(world: World) {
    let issuer = |name: &str, certificate: Vec<u8>| wire::CaInfo {
        name: name.to_owned(),
        issuer: name.to_owned(),
        key_name: "ca-issuing".to_owned(),
        certificate,
        ..wire::CaInfo::default()
    };
    // Of one the certificate cannot be read as ca tells it, of the other as it is stored.
    world.ca.add(issuer("broken", vec![0x30, 0]));
    world.ca.add(issuer("second", world.issuer.der().to_vec()));
    let process = start(&world, 0).await;
    world
        .damage(
            "UPDATE issuers SET certificate = $1 WHERE issuer = 'second'",
            b"x",
        )
        .await;
    world.ca.revoke("0a", "key-compromise", 0);
    world.complete_with(1).await;
    assert_eq!(world.count("issuers").await, 2);
    let found = process.doctor().await;
    let named = |finding: &kit::service::Finding| {
        finding.verdict == Verdict::Failed && finding.detail.contains("issuer \"second\"")
    };
    assert!(found.iter().any(named), "{found:?}");
    process.stop().await;
}

async fn a_place_in_the_feed_that_cannot_be_read_is_replaced_by_a_snapshot(world: World) {
    let process = start(&world, 0).await;
    world.ca.revoke("0a", "key-compromise", 0);
    world.complete_with(1).await;
    process.stop().await;
    // PostgreSQL stores nothing but a number there.
    if world.is_sqlite() {
        world
            .damage("UPDATE feed_cursors SET ordinal = 'x' WHERE $1 IS NOT NULL", b"")
            .await;
    }
    let process = world.start().await;
    world.ca.revoke("0b", "key-compromise", 0);
    world.complete_with(2).await;
    assert_eq!(world.ca.snapshots(), if world.is_sqlite() { 2 } else { 1 });
    process.stop().await;
}

async fn a_list_that_is_found_wrong_is_made_again(world: World) {
    let process = start(&world, 0).await;
    process.stop().await;
    let before = world.published_last("complete", 0).await;
    world
        .damage(
            "UPDATE pieces SET content = $1 WHERE ordinal = 1 AND publication IN \
             (SELECT id FROM publications WHERE kind = 'complete')",
            b"what a disk made of it",
        )
        .await;
    let process = world.start().await;
    for kind in ["delta", "complete"] {
        world
            .published(|list| list.kind == kind && list.number > before)
            .await;
    }
    // It is signed by the CA.
    process.list(&world, 0, Kind::Complete).await;
    process.stop().await;
}
