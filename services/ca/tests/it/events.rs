//! State and event commit together.

use kit::error::Kind;
use testkit::on_both_databases;
use x509::crl::Reason;

use crate::world::{World, key, refused, renewal, server};

on_both_databases!(
    the_feed_has_exactly_what_happened_in_order,
    hold_and_release_are_events_of_their_own,
);

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

async fn hold_and_release_are_events_of_their_own(world: World) {
    let serial = world
        .issue(server(&key(), "a.example.test"))
        .await
        .serial
        .to_string();
    world.hold(&serial).await.unwrap();
    world.release(&serial).await.unwrap();
    world.hold(&serial).await.unwrap();
    world.revoke(&serial, Reason::Superseded).await.unwrap();
    world.revoke(&serial, Reason::KeyCompromise).await.unwrap();
    let events: Vec<(String, String)> = world
        .events()
        .await
        .into_iter()
        .map(|event| {
            let data: serde_json::Value = serde_json::from_str(&event.data).unwrap();
            (event.kind, data["status"].as_str().unwrap_or("valid").to_owned())
        })
        .collect();
    let expected = [
        ("certificate.issued", "valid"),
        ("certificate.held", "on_hold"),
        ("certificate.released", "valid"),
        ("certificate.held", "on_hold"),
        ("certificate.revoked", "revoked"),
        ("certificate.revocation-amended", "revoked"),
    ];
    assert_eq!(
        events,
        expected.map(|(kind, status)| (kind.to_owned(), status.to_owned()))
    );
}
