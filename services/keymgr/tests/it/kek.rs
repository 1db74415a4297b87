//! The key-encryption key at start.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use keymgr::{Error, Software};
use keys::{KeyEncryptionKey, secret_file};
use proto::keymgr::v1::Purpose;
use testkit::on_both_databases;
use x509::{PublicKey, SignatureAlgorithm};

use crate::sign::sign;
use crate::structures::certificate;
use crate::world::World;

on_both_databases!(
    a_passphrase_opens_the_keys_after_a_restart,
    another_key_is_refused_and_named,
    keys_whose_key_encryption_key_is_not_recorded_any_more_are_left_alone,
    replicas_that_start_together_agree_on_one_passphrase_salt,
);

fn with_passphrase(world: &mut World, passphrase: &str) {
    let path = world
        .database
        .dir()
        .join(format!("passphrase-{}", passphrase.len()));
    secret_file::create(&path, passphrase.as_bytes()).unwrap();
    world.config.backends.software = Software {
        kek_file: None,
        passphrase_file: Some(path),
    };
}

async fn refusal(world: &World) -> Error {
    match world.try_start().await {
        Ok(_) => panic!("the service started"),
        Err(error) => error,
    }
}

async fn a_passphrase_opens_the_keys_after_a_restart(mut world: World) {
    with_passphrase(&mut world, "correct horse battery staple\n");
    let running = world.start().await;
    let made = running
        .generate("issuing", "p256", Purpose::CertificateAuthority)
        .await;
    running.stop().await;

    let running = world.start().await;
    let key = PublicKey::from_spki(&made.spki).unwrap();
    let message = certificate(&key, SignatureAlgorithm::EcdsaSha256);
    let signature = sign(&running, "issuing", &message, "").await.unwrap();
    SignatureAlgorithm::EcdsaSha256
        .verify(&key, &message, &signature)
        .unwrap();
    running.stop().await;

    with_passphrase(&mut world, "wrong");
    let refused = refusal(&world).await;
    assert!(matches!(refused, Error::WrongKek { .. }), "{refused}");
    assert!(!refused.to_string().contains("horse"), "{refused}");
}

async fn another_key_is_refused_and_named(mut world: World) {
    world.start().await.stop().await;
    let right = world.config.backends.software.kek_file.clone().unwrap();
    let wrong = world.database.dir().join("other-kek");
    let (present, expected) = (
        KeyEncryptionKey::create_file(&wrong).unwrap().id(),
        KeyEncryptionKey::from_file(&right).unwrap().id(),
    );
    world.config.backends.software.kek_file = Some(wrong);
    let refused = refusal(&world).await.to_string();
    for part in ["other-kek", &present, &expected, "give the right one"] {
        assert!(refused.contains(part), "{refused}");
    }
    world.config.backends.software.kek_file = Some(right);
    world.start().await.stop().await;
}

async fn keys_whose_key_encryption_key_is_not_recorded_any_more_are_left_alone(mut world: World) {
    let running = world.start().await;
    running
        .generate("issuing", "p256", Purpose::CertificateAuthority)
        .await;
    let mut tx = running.db.begin().await.unwrap();
    store::tx!(&mut tx, |c| sqlx::query("DELETE FROM key_encryption_key")
        .execute(c)
        .await
        .map(drop))
    .unwrap();
    tx.commit().await.unwrap();
    running.stop().await;
    let right = world.config.backends.software.kek_file.clone().unwrap();
    let wrong = world.database.dir().join("other-kek");
    KeyEncryptionKey::create_file(&wrong).unwrap();
    for file in [wrong, right] {
        world.config.backends.software.kek_file = Some(file.clone());
        let refused = refusal(&world).await;
        assert!(matches!(refused, Error::LostKek), "{refused}");
        let db = world.database().await;
        assert!(!db.has_rows("key_encryption_key").await.unwrap());
        let checked = keymgr::check_kek(&db, &file).await;
        assert!(matches!(checked, Err(Error::LostKek)));
        db.close().await;
    }
}

async fn replicas_that_start_together_agree_on_one_passphrase_salt(mut world: World) {
    with_passphrase(&mut world, "correct horse");
    world.database().await.close().await;
    let (one, other) = tokio::join!(world.try_start(), world.try_start());
    let (one, other) = (one.unwrap(), other.unwrap());
    let made = one
        .generate("issuing", "p256", Purpose::CertificateAuthority)
        .await;
    let key = PublicKey::from_spki(&made.spki).unwrap();
    let message = certificate(&key, SignatureAlgorithm::EcdsaSha256);
    sign(&other, "issuing", &message, "").await.unwrap();
}

#[tokio::test]
async fn a_passphrase_where_a_file_was_set_up_is_refused() {
    let mut world = World::sqlite();
    world.start().await.stop().await;
    with_passphrase(&mut world, "correct horse");
    let refused = refusal(&world).await.to_string();
    assert!(refused.contains("(a file, id"), "{refused}");
}

#[tokio::test]
async fn a_new_passphrase_that_is_quickly_guessed_is_refused() {
    let mut world = World::sqlite();
    with_passphrase(&mut world, "aaaaaaaaaaaaaa");
    let refused = refusal(&world).await.to_string();
    assert!(refused.contains("too easy to guess"), "{refused}");
    with_passphrase(&mut world, "correct horse battery staple");
    world.start().await.stop().await;
}

#[tokio::test]
async fn a_file_that_others_may_read_is_refused() {
    let world = World::sqlite();
    let path = world.config.backends.software.kek_file.clone().unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let refused = refusal(&world).await.to_string();
    assert!(refused.contains("chmod 600"), "{refused}");
}

#[tokio::test]
async fn settings_that_decide_nothing_are_refused() {
    let mut world = World::sqlite();
    world.config.backends.software = Software::default();
    let refused = refusal(&world).await.to_string();
    assert!(refused.contains("keymgr.backends.software"), "{refused}");
}
