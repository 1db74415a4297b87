//! A successor has the same names and profile.

use ca::{ProfileScope, Query};
use keys::Signer;
use kit::dry_run::Commit;
use kit::page::Ask;
use testkit::on_both_databases;

use crate::world::{World, anyone, csr, key, on_profile, renewal, requester};

on_both_databases!(
    renewal_with_the_same_key_counts_it_as_reused,
    renewal_with_a_new_csr_takes_its_key_and_nothing_else,
    a_certificate_renewed_by_another_stays_whose_it_is,
);

async fn reused(world: &World) -> Vec<String> {
    let query = Query {
        key_reused: Some(true),
        ..Query::default()
    };
    let page = world
        .ca
        .app()
        .search(&anyone(), query, &Ask::default())
        .await
        .unwrap();
    page.items
        .iter()
        .map(|issued| issued.serial.to_string())
        .collect()
}

async fn renewal_with_the_same_key_counts_it_as_reused(world: World) {
    let old = world
        .issue(on_profile("mtls", &key(), "dns:a.example.test"))
        .await;
    assert!(reused(&world).await.is_empty());
    let new = world.renew(renewal(&old, None)).await.unwrap();
    assert_ne!(new.serial, old.serial);
    assert_eq!(
        (&new.subject, &new.sans, &new.profile, &new.ca, new.spki_sha256),
        (&old.subject, &old.sans, &old.profile, &old.ca, old.spki_sha256),
    );
    assert_eq!(new.replaces, Some(old.serial));
    assert_eq!(reused(&world).await, [new.serial.to_string()]);
}

async fn renewal_with_a_new_csr_takes_its_key_and_nothing_else(world: World) {
    let old = world
        .issue(on_profile("mtls", &key(), "dns:a.example.test"))
        .await;
    let other = key();
    let request = renewal(&old, Some(csr(&other, &["dns:stranger.example.test"])));
    let new = world.renew(request).await.unwrap();
    assert_eq!(new.spki_sha256, other.public_key().fingerprint());
    assert_eq!(
        (&new.subject, &new.sans, &new.profile),
        (&old.subject, &old.sans, &old.profile),
    );
    assert_eq!(new.replaces, Some(old.serial));
    assert!(reused(&world).await.is_empty());
}

async fn a_certificate_renewed_by_another_stays_whose_it_is(world: World) {
    let (owner, operator) = (
        requester("apikey:owner", ProfileScope::Any),
        requester("apikey:operator", ProfileScope::Any),
    );
    let request = on_profile("mtls", &key(), "dns:a.example.test");
    let app = world.ca.app();
    let first = app.issue(&owner, request, &Commit).await.unwrap();
    assert_eq!(
        (first.requester.as_str(), first.issued_by),
        ("apikey:owner", None)
    );
    let second = app
        .renew(
            &operator,
            renewal(&world.issued(&first.serial).await, None),
            &Commit,
        )
        .await
        .unwrap();
    let third = app.renew(&owner, renewal(&second, None), &Commit).await.unwrap();
    for (renewed, by) in [(&second, Some("apikey:operator")), (&third, None)] {
        let stored = world.issued(&renewed.serial).await;
        assert_eq!(
            (stored.requester.as_str(), stored.issued_by.as_deref()),
            ("apikey:owner", by)
        );
    }
    let actors: Vec<_> = world
        .events()
        .await
        .iter()
        .map(|event| {
            let data: serde_json::Value = serde_json::from_str(&event.data).unwrap();
            (
                data["requester"].as_str().unwrap().to_owned(),
                data["actor"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let expected =
        ["owner", "operator", "owner"].map(|actor| ("apikey:owner".to_owned(), format!("apikey:{actor}")));
    assert_eq!(actors, expected);
}
