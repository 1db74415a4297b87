//! Several processes on one database.

use std::collections::BTreeSet;

use crl::Kind;
use testkit::on_both_databases;

use crate::world::World;

on_both_databases!(
    two_processes_make_each_list_once,
    another_process_goes_on_where_one_stopped,
);

async fn two_processes_make_each_list_once(world: World) {
    let (one, other) = (world.start().await, world.start().await);
    for serial in ["0a", "0b", "0c"] {
        world.ca.revoke(serial, "key-compromise", 0);
    }
    let last = world.complete_with(3).await;
    for process in [&one, &other] {
        assert_eq!(
            process.list(&world, 0, Kind::Complete).await.number(),
            Some(last.number)
        );
    }
    let mut seen = BTreeSet::new();
    for list in world.all_published().await {
        assert!(
            seen.insert((list.kind.clone(), list.number)),
            "{list:?} was made twice"
        );
    }
    one.stop().await;
    other.stop().await;
}

async fn another_process_goes_on_where_one_stopped(world: World) {
    let (one, other) = (world.start().await, world.start().await);
    world.ca.revoke("0a", "key-compromise", 0);
    let before = world.complete_with(1).await;
    one.stop().await;
    world.ca.revoke("0b", "key-compromise", 0);
    let after = world.complete_with(2).await;
    assert!(after.number > before.number);
    assert_eq!(world.ca.snapshots(), 1);
    other.stop().await;
}
