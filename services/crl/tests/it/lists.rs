//! Complete lists: when they are made, and what is in them.

use std::time::Duration;

use crl::Kind;
use kit::service::Verdict;
use testkit::on_both_databases;
use x509::Serial;
use x509::crl::Reason;

use crate::world::{NOW, World};

on_both_databases!(
    an_empty_list_is_out_before_the_service_is_ready,
    a_revocation_is_listed_as_it_was_decided,
    only_a_compromise_is_told_at_once_unless_all_is,
    lists_are_made_again_in_time,
    numbers_go_on_after_a_restart,
);

async fn an_empty_list_is_out_before_the_service_is_ready(world: World) {
    let idle = world.idle().await;
    assert!(!idle.is_ready().await);
    let process = world.start().await;
    world.published(|list| list.kind == "delta").await;
    assert!(process.is_ready().await && idle.is_ready().await);
    let complete = process.list(&world, 0, Kind::Complete).await;
    assert_eq!((complete.entries().len(), complete.number()), (0, Some(1)));
    assert_eq!(
        complete.this_update(),
        (NOW - Duration::from_secs(900)).replace_nanosecond(0).unwrap()
    );
    assert_eq!(complete.issuer().der(), world.issuer.subject().der());
    // Of the same moment: one number.
    let delta = process.list(&world, 0, Kind::Delta).await;
    assert_eq!(
        (delta.number(), delta.extensions().base_number()),
        (Some(1), Some(1))
    );
    for finding in process.doctor().await {
        assert_eq!(finding.verdict, Verdict::Ok, "{finding:?}");
    }
    process.stop().await;
}

async fn a_revocation_is_listed_as_it_was_decided(world: World) {
    let process = world.start().await;
    world.ca.revoke("0a", "superseded", 0);
    world.ca.revoke("80", "unspecified", 0);
    world.complete_with(2).await;
    let list = process.list(&world, 0, Kind::Complete).await;
    let serial = |text: &str| text.parse::<Serial>().unwrap();
    let superseded = list.find(&serial("0a")).unwrap();
    assert_eq!(superseded.reason, Some(Reason::Superseded));
    assert_eq!(superseded.time, NOW.replace_nanosecond(0).unwrap());
    // A reason that says nothing is not encoded (RFC 5280 section 5.3.1).
    assert_eq!(list.find(&serial("80")).unwrap().reason, None);
    process.stop().await;
}

async fn only_a_compromise_is_told_at_once_unless_all_is(mut world: World) {
    world.config.immediate = Some(false);
    let process = world.start().await;
    world.complete_with(0).await;
    world.ca.revoke("0a", "superseded", 0);
    world.ca.revoke("0b", "key-compromise", 0);
    world.complete_with(2).await;
    let all = world.all_published().await;
    let complete = all.iter().filter(|list| list.kind == "complete");
    assert_eq!(
        complete.count(),
        2,
        "the first revocation alone made a list: {all:?}"
    );
    process.stop().await;
}

async fn lists_are_made_again_in_time(world: World) {
    let process = world.start().await;
    world.published(|list| list.kind == "delta").await;
    process.stop().await;
    // Half of the life of a delta, and not yet that of a complete list.
    world.clock.set(NOW + Duration::from_secs(2 * 3600));
    let process = world.start().await;
    let delta = world
        .published(|list| list.kind == "delta" && list.number == 2)
        .await;
    assert_eq!(delta.base, Some(1));
    process.stop().await;
    world.clock.set(NOW + Duration::from_secs(25 * 3600));
    let process = world.start().await;
    world
        .published(|list| list.kind == "complete" && list.number > 2)
        .await;
    process.stop().await;
}

async fn numbers_go_on_after_a_restart(world: World) {
    let mut last = 0;
    for (entries, serial) in [(1, "0a"), (2, "0b"), (3, "0c")] {
        let process = world.start().await;
        world.ca.revoke(serial, "superseded", 0);
        let number = world.complete_with(entries).await.number;
        assert!(number > last, "{number} follows {last}");
        last = number;
        process.stop().await;
    }
}
