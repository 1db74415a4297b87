//! Deltas, and shards.

use std::time::Duration;

use crl::Kind;
use testkit::on_both_databases;
use x509::Serial;
use x509::crl::Reason;

use crate::world::{NOW, World};

on_both_databases!(
    a_hold_that_is_released_is_removed_by_a_delta,
    a_delta_tells_what_changed_since_a_list_that_was_out_for_a_day,
    a_certificate_is_in_the_list_of_its_shard_and_in_no_other,
);

async fn a_hold_that_is_released_is_removed_by_a_delta(world: World) {
    let process = world.start().await;
    world.complete_with(0).await;
    let serial: Serial = "0a".parse().unwrap();
    world.ca.revoke("0a", "certificate-hold", 0);
    world.complete_with(1).await;
    let list = process.list(&world, 0, Kind::Complete).await;
    assert_eq!(list.find(&serial).unwrap().reason, Some(Reason::CertificateHold));
    world.ca.release("0a");
    let empty = world
        .published(|list| list.kind == "complete" && list.entries == 0 && list.number > 1)
        .await;
    assert!(
        process
            .list(&world, 0, Kind::Complete)
            .await
            .find(&serial)
            .is_none()
    );
    let delta = process.list(&world, 0, Kind::Delta).await;
    assert_eq!(delta.find(&serial).unwrap().reason, Some(Reason::RemoveFromCrl));
    // Another delta may have been made in the meantime.
    let all = world.all_published().await;
    assert!(
        all.iter()
            .any(|list| list.kind == "delta" && list.number == empty.number),
        "lists of one moment have one number"
    );
    // Revoked for good after all.
    world.ca.revoke("0a", "key-compromise", 0);
    world
        .published(|list| list.kind == "complete" && list.entries == 1 && list.number > empty.number)
        .await;
    let delta = process.list(&world, 0, Kind::Delta).await;
    assert_eq!(delta.find(&serial).unwrap().reason, Some(Reason::KeyCompromise));
    process.stop().await;
}

async fn a_delta_tells_what_changed_since_a_list_that_was_out_for_a_day(world: World) {
    let process = world.start().await;
    world.ca.revoke("0a", "superseded", 0);
    let old = world.complete_with(1).await;
    process.stop().await;
    world.clock.set(NOW + Duration::from_secs(24 * 3600));
    world.ca.revoke("0b", "superseded", 0);
    let process = world.start().await;
    world.complete_with(2).await;
    let delta = process.list(&world, 0, Kind::Delta).await;
    assert_eq!(delta.extensions().base_number(), Some(old.number));
    let listed: Vec<String> = delta
        .entries()
        .iter()
        .map(|entry| entry.serial.to_string())
        .collect();
    assert_eq!(listed, ["0b"]);
    process.stop().await;
}

async fn a_certificate_is_in_the_list_of_its_shard_and_in_no_other(world: World) {
    world.ca.set_shards(2);
    let process = world.start().await;
    for (serial, shard) in [("0a", 0), ("0b", 1), ("0c", 2)] {
        world.ca.revoke(serial, "key-compromise", shard);
    }
    for shard in 0..=2 {
        world
            .published(|list| list.kind == "complete" && list.shard == shard && list.entries == 1)
            .await;
        world
            .published(|list| list.kind == "delta" && list.shard == shard)
            .await;
        let list = process.list(&world, shard, Kind::Complete).await;
        let serial: Serial = ["0a", "0b", "0c"][shard as usize].parse().unwrap();
        assert!(list.find(&serial).is_some());
        let delta = process.list(&world, shard, Kind::Delta).await;
        // Only shards say what they cover, with the location that certificates have.
        for list in [&list, &delta] {
            let point = list.extensions().issuing_distribution_point().unwrap();
            let location = format!("http://pki.example.test/crl/issuing/{shard}.crl");
            assert_eq!(point.is_some(), shard > 0);
            assert!(point.is_none_or(|point| point.names.uris == [location]));
        }
    }
    process.stop().await;
}
