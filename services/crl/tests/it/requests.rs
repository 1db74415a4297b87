//! Lists that are made because someone asked for them.

use proto::crl::v1 as wire;
use testkit::on_both_databases;
use tonic::Code;

use crate::world::{Process, World};

on_both_databases!(
    lists_are_made_when_they_are_asked_for,
    another_process_is_told_by_the_database,
    requests_for_what_is_not_made_here_are_refused,
);

async fn publish(process: &Process, ca: &str) -> Result<Vec<wire::List>, tonic::Status> {
    let request = wire::PublishRequest { ca: ca.to_owned() };
    let answer = process.client("ca").publish(request).await;
    answer.map(|answer| answer.into_inner().lists)
}

/// Complete list and delta by their numbers.
fn numbers(lists: &[wire::List]) -> [u64; 2] {
    assert_eq!(lists.len(), 2, "{lists:?}");
    assert!(!lists[0].delta && lists[1].delta);
    [lists[0].number, lists[1].number]
}

async fn lists_are_made_when_they_are_asked_for(mut world: World) {
    world.config.immediate = Some(false);
    let process = world.start().await;
    world.published(|list| list.kind == "delta").await;
    world.ca.revoke("0a", "superseded", 0);
    // The event has arrived when the compromise behind it is published.
    world.ca.revoke("0b", "key-compromise", 0);
    world.complete_with(2).await;
    let lists = publish(&process, "issuing").await.unwrap();
    let [complete, delta] = numbers(&lists);
    assert!(complete > 1 && delta == complete, "{lists:?}");
    assert_eq!(lists[0].entries, 2);
    let again = numbers(&publish(&process, "issuing").await.unwrap());
    assert!(again[0] > complete, "{again:?}");
    // Many at a time share what is made.
    let many = (0..8).map(|_| publish(&process, "issuing"));
    for answer in futures::future::join_all(many).await {
        assert!(numbers(&answer.unwrap())[0] > again[0]);
    }
    let last = numbers(&publish(&process, "issuing").await.unwrap())[0];
    assert!(last <= again[0] + 4, "{last} follows {}", again[0]);
    process.stop().await;
}

async fn another_process_is_told_by_the_database(world: World) {
    let process = world.start().await;
    world.published(|list| list.kind == "delta").await;
    let idle = world.idle().await;
    let lists = publish(&idle, "issuing").await.unwrap();
    assert!(numbers(&lists)[0] > 1, "{lists:?}");
    process.stop().await;
}

async fn requests_for_what_is_not_made_here_are_refused(world: World) {
    let process = world.start().await;
    world.published(|list| list.kind == "delta").await;
    let refused = publish(&process, "nosuch").await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    process.stop().await;
}
