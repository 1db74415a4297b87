//! Snapshots of ca.

use std::time::Duration;

use crl::Kind;
use kit::service::{Finding, Verdict};
use proto::ca::v1 as wire;
use testkit::on_both_databases;
use x509::Serial;
use x509::crl::Reason;

use crate::world::{NOT_AFTER_US, NOW, Process, World};

on_both_databases!(
    a_new_database_begins_with_a_snapshot,
    no_entry_is_missing_while_a_snapshot_is_taken_again,
    events_of_an_earlier_version_are_replaced_by_a_snapshot,
    a_backup_of_ca_makes_no_hold_of_a_revocation,
    a_revocation_with_the_reason_of_a_release_stays_one,
    an_event_that_cannot_be_read_stops_no_list,
    an_entry_that_no_list_can_have_keeps_none_of_the_others_out,
    a_silent_ca_is_found,
    a_hold_that_an_older_ca_lost_stays_one_until_it_is_decided,
    an_older_ca_that_has_told_as_much_again_is_known_for_one,
);

pub(crate) fn entry(serial: u8, reason: wire::Reason) -> wire::RevokedCertificate {
    wire::RevokedCertificate {
        issuer: "issuing".to_owned(),
        serial: vec![serial],
        not_after_us: NOT_AFTER_US,
        revocation: Some(wire::Revocation {
            time_us: store::time::to_micros(NOW),
            reason: reason.into(),
            ..wire::Revocation::default()
        }),
        crl_shard: 0,
    }
}

async fn a_new_database_begins_with_a_snapshot(world: World) {
    world.ca.revoke("01", "superseded", 0);
    let all = (1..=10).map(|serial| entry(serial, wire::Reason::Superseded));
    world.ca.set_snapshot(all.collect());
    world.ca.cut_next_snapshot(4);
    let process = world.start().await;
    let first = world.published(|list| list.kind == "complete").await;
    assert_eq!(
        (first.number, first.entries),
        (1, 10),
        "no list was made of a part"
    );
    assert_eq!(world.ca.snapshots(), 2);
    world.ca.revoke("0b", "superseded", 0);
    world.complete_with(11).await;
    process.stop().await;
    // The place in the feed is kept.
    let process = world.start().await;
    world.ca.revoke("0c", "superseded", 0);
    world.complete_with(12).await;
    assert_eq!(world.ca.snapshots(), 2);
    process.stop().await;
}

async fn no_entry_is_missing_while_a_snapshot_is_taken_again(world: World) {
    let process = world.start().await;
    world.complete_with(0).await;
    world.ca.revoke("01", "superseded", 0);
    world.ca.revoke("02", "certificate-hold", 0);
    world.ca.revoke("03", "certificate-hold", 0);
    let before = world.complete_with(3).await.number;
    process.stop().await;
    // In the meantime the feed was pruned, 02 was released, and 04 was revoked. Of 01 ca knows nothing any more.
    world.ca.revoke("04", "superseded", 0);
    world.ca.prune();
    let known = [
        entry(3, wire::Reason::CertificateHold),
        entry(4, wire::Reason::Superseded),
    ];
    world.ca.set_snapshot(known.to_vec());
    let process = world.start().await;
    let has = |serials: [u8; 3]| serials.map(|serial| Serial::from_bytes(&[serial]).unwrap());
    world
        .published(|list| list.kind == "delta" && list.entries == 4)
        .await;
    world
        .published(|list| list.kind == "complete" && list.entries == 3 && list.number > before)
        .await;
    let list = process.list(&world, 0, Kind::Complete).await;
    // Nothing makes a revoked certificate good again.
    for serial in has([1, 3, 4]) {
        assert!(list.find(&serial).is_some(), "{serial}");
    }
    for list in world
        .all_published()
        .await
        .iter()
        .skip_while(|list| list.entries < 3)
    {
        assert!(list.entries >= 3, "an entry was missing: {list:?}");
    }
    process.stop().await;
}

async fn events_of_an_earlier_version_are_replaced_by_a_snapshot(world: World) {
    let process = world.start().await;
    world.complete_with(0).await;
    world
        .ca
        .tell_as_earlier_version("01", vec![entry(1, wire::Reason::Superseded)]);
    world.complete_with(1).await;
    assert_eq!(world.ca.snapshots(), 2);
    process.stop().await;
}

async fn a_backup_of_ca_makes_no_hold_of_a_revocation(world: World) {
    let process = world.start().await;
    world.complete_with(0).await;
    world.ca.revoke("0a", "key-compromise", 0);
    world.complete_with(1).await;
    process.stop().await;
    world.ca.revoke("0d", "superseded", 0);
    world.ca.prune();
    let restored = [
        entry(10, wire::Reason::CertificateHold),
        entry(13, wire::Reason::Superseded),
    ];
    world.ca.set_snapshot(restored.to_vec());
    let process = world.start().await;
    world.complete_with(2).await;
    world.ca.release("0a");
    world.ca.revoke("0b", "key-compromise", 0);
    world.complete_with(3).await;
    let list = process.list(&world, 0, Kind::Complete).await;
    let found = list.find(&Serial::from_bytes(&[10]).unwrap()).unwrap();
    assert_eq!(found.reason, Some(Reason::KeyCompromise));
    let doctor = process.doctor().await;
    let told = doctor
        .iter()
        .filter(|finding| finding.detail.contains("0a of issuing"));
    assert_eq!(told.count(), 1, "{doctor:?}");
    // Ca says it again.
    world.ca.revoke("0a", "superseded", 0);
    world.ca.revoke("0c", "key-compromise", 0);
    world.complete_with(4).await;
    assert!(!format!("{:?}", process.doctor().await).contains("0a of issuing"));
    process.stop().await;
}

async fn a_revocation_with_the_reason_of_a_release_stays_one(world: World) {
    world
        .ca
        .set_snapshot(vec![entry(10, wire::Reason::RemoveFromCrl)]);
    let process = world.start().await;
    world.complete_with(1).await;
    world.ca.revoke("0b", "remove-from-crl", 0);
    world.complete_with(2).await;
    process.stop().await;
}

async fn an_event_that_cannot_be_read_stops_no_list(world: World) {
    let process = world.start().await;
    world.complete_with(0).await;
    // A reason of a later version is none, and for good.
    world.ca.revoke("01", "who-knows", 0);
    world.complete_with(1).await;
    let list = process.list(&world, 0, Kind::Complete).await;
    let serial = Serial::from_bytes(&[1]).unwrap();
    assert_eq!(list.find(&serial).unwrap().reason, None);
    assert_eq!(world.ca.snapshots(), 1);
    // What says nothing is in the snapshot, and what follows is told by the feed.
    let data = serde_json::json!({"issuer": "issuing", "reason": "key-compromise"});
    world.ca.tell("certificate.revoked", "02", data);
    let known = [1, 2].map(|serial| entry(serial, wire::Reason::Superseded));
    world.ca.set_snapshot(known.to_vec());
    world.complete_with(2).await;
    assert_eq!(world.ca.snapshots(), 2);
    world.ca.revoke("03", "key-compromise", 0);
    world.complete_with(3).await;
    process.stop().await;
}

async fn an_entry_that_no_list_can_have_keeps_none_of_the_others_out(world: World) {
    let mut all: Vec<_> = (1..=4)
        .map(|serial| entry(serial, wire::Reason::Superseded))
        .collect();
    all[0].serial = vec![0x80];
    all[1].revocation.as_mut().unwrap().reason = 99;
    all[2].revocation = None;
    world.ca.set_snapshot(all);
    let process = world.start().await;
    world.complete_with(3).await;
    process.stop().await;
}

async fn a_silent_ca_is_found(world: World) {
    let process = world.start().await;
    world.ca.revoke("01", "superseded", 0);
    world.complete_with(1).await;
    let heard = async || process.doctor().await.remove(0);
    while heard().await.verdict != Verdict::Ok {
        tokio::task::yield_now().await;
    }
    world.clock.set(NOW + Duration::from_secs(61));
    let found = heard().await;
    assert_eq!(found.verdict, Verdict::Failed, "{found:?}");
    assert!(found.detail.contains("2027-01-02T03:0"), "{found:?}");
    world.ca.beat();
    while heard().await.verdict != Verdict::Ok {
        tokio::task::yield_now().await;
    }
    process.stop().await;
}

async fn a_hold_that_an_older_ca_lost_stays_one_until_it_is_decided(world: World) {
    let process = world.start().await;
    world.ca.revoke("0a", "certificate-hold", 0);
    world.ca.revoke("0b", "certificate-hold", 0);
    world.complete_with(2).await;
    process.stop().await;
    let known = entry(10, wire::Reason::CertificateHold);
    world.ca.restore(1, vec![known.clone()]);
    world.ca.amend("0a", "certificate-hold");
    let process = world.start().await;
    let found = published_revocations(&process, |found| found.verdict != Verdict::Ok).await;
    assert!(
        found.detail.ends_with("on hold: 0b of issuing") && found.fix.contains("gigvault cert hold"),
        "{found:?}"
    );
    process.stop().await;
    // Another snapshot of the same ca does not end it either.
    world.ca.revoke("0c", "key-compromise", 0);
    world.ca.prune();
    world
        .ca
        .set_snapshot(vec![known, entry(12, wire::Reason::KeyCompromise)]);
    let process = world.start().await;
    let three = world.complete_with(3).await.number;
    assert_eq!(world.ca.snapshots(), 3);
    let list = process.list(&world, 0, Kind::Complete).await;
    let of_0b = list.find(&Serial::from_bytes(&[11]).unwrap()).unwrap();
    assert_eq!(of_0b.reason, Some(Reason::CertificateHold));
    // An operator decides.
    world.ca.revoke("0b", "certificate-hold", 0);
    world.ca.release("0b");
    world
        .published(|list| list.kind == "complete" && list.entries == 2 && list.number > three)
        .await;
    published_revocations(&process, |found| found.verdict == Verdict::Ok).await;
    process.stop().await;
}

/// What `doctor` says of them, once that is so.
async fn published_revocations(process: &Process, wanted: impl Fn(&Finding) -> bool) -> Finding {
    loop {
        let checks = process.crl.service().doctor;
        let row = checks.iter().find(|check| check.name == "published revocations");
        let finding = row.unwrap().look().await;
        if wanted(&finding) {
            return finding;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn an_older_ca_that_has_told_as_much_again_is_known_for_one(world: World) {
    let process = world.start().await;
    world.ca.revoke("0a", "certificate-hold", 0);
    world.ca.revoke("0b", "key-compromise", 0);
    world.complete_with(2).await;
    process.stop().await;
    // Accepted by an operator. Before its feed is followed again, it is as far as the lost one was.
    crl::expect_older_ca(&world.db).await.unwrap();
    world.ca.restore(0, Vec::new());
    world.ca.revoke("0c", "superseded", 0);
    world.ca.revoke("0d", "key-compromise", 0);
    world.ca.set_snapshot(vec![
        entry(12, wire::Reason::Superseded),
        entry(13, wire::Reason::KeyCompromise),
    ]);
    let process = world.start().await;
    world.complete_with(4).await;
    let found = published_revocations(&process, |found| found.verdict != Verdict::Ok).await;
    assert!(found.detail.ends_with("revoked: 0b of issuing"), "{found:?}");
    let list = process.list(&world, 0, Kind::Complete).await;
    let of_0a = list.find(&Serial::from_bytes(&[10]).unwrap()).unwrap();
    assert_eq!(of_0a.reason, Some(Reason::CertificateHold));
    process.stop().await;
}
