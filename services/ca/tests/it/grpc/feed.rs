//! The subscription to events.

use proto::ca::v1::Reason;
use proto::feed::v1::{FeedEvent, WatchRequest};
use tonic::{Code, Streaming};

use super::{issued, refused, revoke};
use crate::world::World;

async fn watch(world: &World, after: &str) -> Streaming<FeedEvent> {
    let request = WatchRequest {
        after: after.to_owned(),
        heartbeat_ms: 0,
    };
    world.client("audit").watch(request).await.unwrap().into_inner()
}

/// The next event about a certificate.
async fn next(events: &mut Streaming<FeedEvent>) -> FeedEvent {
    loop {
        let event = events.message().await.unwrap().unwrap();
        if event.r#type.starts_with("io.gigvault.certificate.") {
            return event;
        }
    }
}

#[tokio::test]
async fn a_subscriber_goes_on_behind_its_cursor_until_the_service_stops() {
    let world = World::sqlite().await;
    let first = issued(&world, "a.example.test").await;
    let mut events = watch(&world, "").await;
    let seen = next(&mut events).await;
    assert_eq!(
        (seen.r#type.as_str(), &seen.subject),
        ("io.gigvault.certificate.issued", &first.serial)
    );
    drop(events);

    let second = issued(&world, "b.example.test").await;
    let mut events = watch(&world, &seen.cursor).await;
    assert_eq!(next(&mut events).await.subject, second.serial);
    // What happens while it waits comes too.
    world
        .client("ra")
        .revoke(revoke(&first.serial, Reason::Superseded))
        .await
        .unwrap();
    let revoked = next(&mut events).await;
    assert_eq!(
        (revoked.r#type.as_str(), revoked.subject),
        ("io.gigvault.certificate.revoked", first.serial)
    );

    world.stop.cancel();
    assert!(events.message().await.unwrap().is_none(), "the stream goes on");

    for (after, heartbeat_ms) in [("elsewhere", 0), ("", 99), ("", 60_001)] {
        let after = after.to_owned();
        let request = WatchRequest { after, heartbeat_ms };
        refused(world.client("audit").watch(request).await, Code::InvalidArgument);
    }
}
