//! Rows that cannot be read: none of them is told as a certificate that is not revoked.

use kit::dry_run::Commit;
use proto::ca::v1::{Reason, SnapshotRevocationsRequest};
use sqlx::AssertSqlSafe;
use store::Pools;
use store::time::to_micros;
use testkit::on_both_databases;
use tonic::Code;
use x509::serial::Serial;

use super::{everything, issued, parts, snapshot, statuses};
use crate::world::{NOW, World};

on_both_databases!(
    a_revocation_that_cannot_be_read_is_told_as_one,
    a_snapshot_ends_with_an_error_rather_than_without_a_revocation,
    a_shard_that_cannot_be_read_is_the_one_that_the_certificate_names,
    many_rows_that_cannot_be_read_are_counted_once_each,
);

const SKIPPING: SnapshotRevocationsRequest = SnapshotRevocationsRequest {
    issuer: String::new(),
    not_after_from_us: 0,
    skip_unreadable: true,
};

async fn damage(world: &World, serial: &Serial, change: &str) {
    let sql = format!("UPDATE certificates SET {change} WHERE serial = $1");
    let mut tx = world.db.begin().await.unwrap();
    let damaged = store::tx!(&mut tx, |connection| sqlx::query(AssertSqlSafe(sql))
        .bind(serial.as_bytes())
        .execute(connection)
        .await
        .map(drop));
    damaged.unwrap();
    tx.commit().await.unwrap();
}

/// What is wrong with the revocation of a certificate, and since when it is told to be revoked: now where that can be read,
/// else since its first second.
const REVOCATIONS: &[(&str, bool)] = &[
    ("reason = NULL", true),
    ("reason = 99", true),
    // removeFromCRL: nothing that is revoked is so for that.
    ("reason = 8", true),
    ("revoked_at = NULL", false),
    ("revoked_at = 9223372036854775807", false),
    ("decided_at = 9223372036854775807", true),
    ("invalidity_at = 9223372036854775807", true),
];
const OF_SQLITE: &[(&str, bool)] = &[
    ("reason = 'zz'", true),
    ("revoked_at = 'zz'", false),
    ("revoked_at = x'00', reason = x'00'", false),
];

fn more<T: Copy>(world: &World, all: &[T], of_sqlite: &[T]) -> Vec<T> {
    match world.db.pools() {
        Pools::Lite { .. } => [all, of_sqlite].concat(),
        Pools::Pg(_) => all.to_vec(),
    }
}

async fn a_revocation_that_cannot_be_read_is_told_as_one(world: World) {
    for (change, dated) in more(&world, REVOCATIONS, OF_SQLITE) {
        let serial = issued(&world, "a.example.test").await;
        world.hold(&serial.to_string()).await.unwrap();
        let not_before = world.issued(&serial).await.not_before;
        damage(&world, &serial, change).await;
        let content = serial.to_content();
        let listed = everything(&world).await;
        let listed = listed.iter().find(|item| item.serial == content);
        let listed = listed.unwrap_or_else(|| panic!("{change}: left out"));
        let status = statuses(&world, "issuing", [content.clone()]).await.unwrap();
        assert!(status[0].issued, "{change}");
        for told in [listed.revocation, status[0].revocation] {
            let told = told.unwrap_or_else(|| panic!("{change}: told as valid"));
            let since = if dated { NOW } else { not_before };
            assert_eq!(
                (told.reason(), told.time_us, told.invalidity_us),
                (Reason::Unspecified, to_micros(since), 0),
                "{change}"
            );
        }
    }
    // Its end hides no revocation.
    let ends: &[&str] = &["not_after = 9223372036854775807"];
    for change in more(&world, ends, &["not_after = 'zz'"]) {
        let serial = issued(&world, "b.example.test").await;
        world.hold(&serial.to_string()).await.unwrap();
        damage(&world, &serial, change).await;
        let listed = everything(&world).await;
        let listed = listed.iter().find(|item| item.serial == serial.to_content());
        let listed = listed.unwrap_or_else(|| panic!("{change}: left out"));
        assert_eq!(listed.revocation.unwrap().reason(), Reason::CertificateHold);
        // 9999-12-31 23:59:59.
        assert_eq!(listed.not_after_us, 253_402_300_799_000_000);
    }
}

/// It cannot be told of which certificate of which issuer it is, or which CRL lists it.
const PLACES: &[&str] = &[
    "serial = substr(der, 1, 30)",
    "generation = -1",
    "generation = 4294967296",
    "crl_shard = -1, der = substr(der, 1, 30)",
];
const PLACES_OF_SQLITE: &[&str] = &["ca = x'ff'", "generation = 'zz'", "crl_shard = 'zz', der = 'zz'"];

async fn a_snapshot_ends_with_an_error_rather_than_without_a_revocation(world: World) {
    let sound = issued(&world, "sound.example.test").await;
    world.hold(&sound.to_string()).await.unwrap();
    for change in more(&world, PLACES, PLACES_OF_SQLITE) {
        let issued = world
            .issue(crate::world::server(&crate::world::key(), "a.example.test"))
            .await;
        world.hold(&issued.serial.to_string()).await.unwrap();
        damage(&world, &issued.serial, change).await;
        let refused = snapshot(&world, SnapshotRevocationsRequest::default()).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.code(), Code::Internal, "{change}: {refused:?}");
        // Who asks for the status of each gets the others.
        let (told, end) = parts(&world, SKIPPING).await.unwrap();
        let is_known = change.starts_with("crl_shard");
        assert_eq!(
            (told.len(), end.unreadable),
            (1 + usize::from(is_known), u64::from(!is_known)),
            "{change}"
        );
        // It is not told to be good, and hides no other.
        let asked = [issued.serial.to_content(), sound.to_content()];
        let found = statuses(&world, "issuing", asked).await.unwrap();
        assert!(!found[0].issued || change.starts_with("crl_shard"), "{change}");
        assert!(found[0].revocation.is_some() || !found[0].issued, "{change}");
        assert!(found[1].revocation.is_some(), "{change}");
        remove(&world, issued.id).await;
        assert_eq!(everything(&world).await.len(), 1);
    }
}

async fn a_shard_that_cannot_be_read_is_the_one_that_the_certificate_names(world: World) {
    let settings = ca::Config {
        crl_shards: 4,
        ..ca::Config::default()
    };
    let sharded = world.with_settings(world.keymgr.clone(), settings).await;
    for shards in [&world.ca, &sharded] {
        for change in more(&world, &["crl_shard = -1"], &["crl_shard = 'zz'"]) {
            let request = crate::world::server(&crate::world::key(), "a.example.test");
            let issued = shards
                .app()
                .issue(&crate::world::anyone(), request, &Commit)
                .await;
            let issued = issued.unwrap();
            world.hold(&issued.serial.to_string()).await.unwrap();
            damage(&world, &issued.serial, change).await;
            let told = everything(&world).await;
            let content = issued.serial.to_content();
            let told = told.iter().find(|told| told.serial == content).unwrap();
            assert_eq!(told.crl_shard, issued.crl_shard, "{change}");
        }
    }
}

async fn many_rows_that_cannot_be_read_are_counted_once_each(world: World) {
    const SOUND: usize = 5;
    for _ in 0..SOUND {
        let serial = issued(&world, "sound.example.test").await;
        world.hold(&serial.to_string()).await.unwrap();
    }
    for (number, change) in more(&world, &["generation = -1"; 4], &["ca = x'ff'"; 4])
        .iter()
        .enumerate()
    {
        let serial = issued(&world, "a.example.test").await;
        world.hold(&serial.to_string()).await.unwrap();
        damage(&world, &serial, change).await;
        let (told, end) = parts(&world, SKIPPING).await.unwrap();
        assert_eq!(
            (told.len(), end.unreadable),
            (SOUND, number as u64 + 1),
            "{change}"
        );
    }
}

/// As an operator who restores the row, but for the certificate: it is not needed any more.
async fn remove(world: &World, id: uuid::Uuid) {
    let mut tx = world.db.begin().await.unwrap();
    store::tx!(&mut tx, |connection| {
        sqlx::query("DELETE FROM certificates WHERE id = $1")
            .bind(id)
            .execute(connection)
            .await
            .map(drop)
    })
    .unwrap();
    tx.commit().await.unwrap();
}
