//! State and event commit together.

use x509::crl::Reason;

use crate::world::{World, key, on_both_databases, refused, renewal, server};
use kit::error::Kind;

on_both_databases!(the_feed_has_exactly_what_happened_in_order);

async fn the_feed_has_exactly_what_happened_in_order(world: World) {
    let mut happened: Vec<(&str, String)> = Vec::new();
    for number in 0..6 {
        let old = world
            .issue(server(&key(), &format!("n{number}.example.test")))
            .await;
        happened.push(("certificate.issued", old.serial.to_string()));
        if number % 2 == 0 {
            let new = world.renew(renewal(&old, None)).await.unwrap();
            happened.push(("certificate.renewed", new.serial.to_string()));
        }
        if number % 3 == 0 {
            let serial = old.serial.to_string();
            world.revoke(&serial, Reason::Superseded).await.unwrap();
            refused(world.revoke(&serial, Reason::Superseded).await, Kind::Conflict);
            happened.push(("certificate.revoked", serial));
        }
    }
    let events = world.events().await;
    let events: Vec<(&str, String)> = events
        .iter()
        .map(|event| (event.kind.as_str(), event.subject.clone()))
        .collect();
    assert_eq!(events, happened);
}
