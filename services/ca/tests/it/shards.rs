//! Shards of CRLs: chosen at issuance, written into the certificate, and told with its revocation.

use std::collections::BTreeSet;

use ca::Issued;
use kit::dry_run::Commit;
use proto::ca::v1::ca_client::CaClient;
use proto::ca::v1::snapshot_revocations_response::Part;
use proto::ca::v1::{ListCasRequest, SnapshotRevocationsRequest};
use testkit::on_both_databases;

use crate::world::{World, anyone, key, on_profile, renewal, server};

on_both_databases!(
    a_certificate_names_the_shard_that_lists_it,
    another_number_of_shards_changes_no_certificate_that_is_there,
);

/// Addresses of CRLs in a certificate.
fn crls(issued: &Issued) -> Vec<String> {
    let text = String::from_utf8_lossy(&issued.der).into_owned();
    let addresses = text.match_indices("http://pki.example.test/crl/");
    let addresses = addresses.filter_map(|(at, _)| {
        let rest = &text[at..];
        rest.find(".crl").map(|end| rest[..end + 4].to_owned())
    });
    addresses.collect()
}

async fn with_shards(world: &World, crl_shards: u32) -> ca::Ca {
    let settings = ca::Config {
        crl_shards,
        ..ca::Config::default()
    };
    world.with_settings(world.keymgr.clone(), settings).await
}

/// The shard of each revoked certificate, by its serial number.
async fn told(world: &World) -> BTreeSet<(Vec<u8>, u32)> {
    let request = SnapshotRevocationsRequest::default();
    let answer = world.client("crl").snapshot_revocations(request).await;
    let mut parts = answer.unwrap().into_inner();
    let mut told = BTreeSet::new();
    while let Some(part) = parts.message().await.unwrap() {
        if let Some(Part::Entries(entries)) = part.part {
            let items = entries.items.into_iter();
            told.extend(items.map(|item| (item.serial, item.crl_shard)));
        }
    }
    told
}

async fn a_certificate_names_the_shard_that_lists_it(world: World) {
    let ca = with_shards(&world, 4).await;
    let mut used = BTreeSet::new();
    let mut expected = BTreeSet::new();
    for number in 0..64 {
        let request = server(&key(), &format!("a{number}.example.test"));
        let issued = ca.app().issue(&anyone(), request, &Commit).await.unwrap();
        let shard = issued.crl_shard;
        assert!((1..=4).contains(&shard));
        let address = format!("http://pki.example.test/crl/issuing/{shard}.crl");
        assert_eq!(crls(&issued), [address]);
        used.insert(shard);
        let held = ca
            .app()
            .hold(&anyone(), &issued.serial.to_string(), &Commit)
            .await;
        assert_eq!(held.unwrap().certificate.crl_shard, shard);
        expected.insert((issued.serial.to_content(), shard));
    }
    // One run in ten million misses one by chance.
    assert_eq!(used.len(), 4);
    assert_eq!(told(&world).await, expected);
    for event in world.events().await {
        let data: serde_json::Value = event.parse_data().unwrap();
        let serial: x509::serial::Serial = event.subject.parse().unwrap();
        let shard = u32::try_from(data["crl_shard"].as_u64().unwrap()).unwrap();
        assert!(expected.contains(&(serial.to_content(), shard)), "{data}");
    }
    // One that names no CRL is in the complete one.
    let request = on_profile("short-lived", &key(), "dns:b.example.test");
    let silent = ca.app().issue(&anyone(), request, &Commit).await.unwrap();
    assert_eq!((silent.crl_shard, crls(&silent)), (0, Vec::new()));
    let mut client = CaClient::new(kit::transport::in_process(ca.service().grpc, "crl"));
    let cas = client.list_cas(ListCasRequest {}).await.unwrap().into_inner();
    let of_cas = cas.items.iter().map(|ca| (ca.issuer.as_str(), ca.crl_shards));
    assert_eq!(of_cas.collect::<Vec<_>>(), [("issuing", 4), ("services", 4)]);
}

async fn another_number_of_shards_changes_no_certificate_that_is_there(world: World) {
    let old = world.issue(server(&key(), "a.example.test")).await;
    assert_eq!(old.crl_shard, 0);
    assert_eq!(crls(&old), ["http://pki.example.test/crl/issuing.crl"]);
    let ca = with_shards(&world, 1024).await;
    let app = ca.app();
    let new = app.renew(&anyone(), renewal(&old, None), &Commit).await.unwrap();
    assert!((1..=1024).contains(&new.crl_shard));
    for serial in [old.serial, new.serial] {
        app.hold(&anyone(), &serial.to_string(), &Commit).await.unwrap();
    }
    // Neither does the number that another process has.
    let shards = [
        (old.serial.to_content(), 0),
        (new.serial.to_content(), new.crl_shard),
    ];
    assert_eq!(told(&world).await, shards.into());
}
