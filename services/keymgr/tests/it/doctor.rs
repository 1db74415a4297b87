//! What the key manager finds wrong in its own state.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use kit::service::{Finding, Verdict};
use proto::keymgr::v1::Purpose;
use testkit::on_both_databases;

use crate::world::{Running, World};

on_both_databases!(
    a_key_that_cannot_be_opened_is_named_though_it_is_in_memory,
    a_key_encryption_key_that_the_next_start_would_not_find_is_named,
);

async fn found(running: &Running, name: &str) -> Finding {
    let checks = running.keymgr.service().doctor;
    let check = checks.iter().find(|check| check.name == name);
    check.unwrap().look().await
}

async fn a_key_that_cannot_be_opened_is_named_though_it_is_in_memory(world: World) {
    let running = world.start().await;
    for name in ["good", "bad"] {
        running
            .generate(name, "p256", Purpose::CertificateAuthority)
            .await;
    }
    let fine = found(&running, "stored keys").await;
    assert_eq!(
        (fine.verdict, fine.detail.as_str()),
        (Verdict::Ok, "all 2 can be opened")
    );

    let mut tx = running.db.begin().await.unwrap();
    store::tx!(&mut tx, |c| {
        let damage = sqlx::query("UPDATE keys SET handle = $1 WHERE name = 'bad'");
        damage.bind(vec![0_u8; 64]).execute(c).await.map(drop)
    })
    .unwrap();
    tx.commit().await.unwrap();
    // Both were made here, and sign on from memory.
    let damaged = found(&running, "stored keys").await;
    assert_eq!(damaged.verdict, Verdict::Failed);
    assert_eq!(damaged.detail, "cannot be opened: bad");
}

async fn a_key_encryption_key_that_the_next_start_would_not_find_is_named(world: World) {
    let running = world.start().await;
    running
        .generate("good", "p256", Purpose::CertificateAuthority)
        .await;
    let kek = || found(&running, "key-encryption key");
    assert_eq!(kek().await.verdict, Verdict::Ok);
    let file = world.config.backends.software.kek_file.clone().unwrap();
    std::fs::remove_file(&file).unwrap();
    let missing = kek().await;
    assert_eq!(missing.verdict, Verdict::Failed);
    assert!(
        missing.detail.contains(&file.display().to_string()),
        "{missing:?}"
    );
    assert!(missing.fix.contains(&file.display().to_string()), "{missing:?}");
    keys::KeyEncryptionKey::create_file(&file).unwrap();
    std::fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    let exposed = kek().await;
    assert!(
        exposed.detail.contains("`chmod 600 ") && exposed.fix.contains("run that command"),
        "{exposed:?}"
    );
    std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    let other = kek().await;
    assert_eq!(other.verdict, Verdict::Failed);
    assert!(other.detail.contains("is not the one"), "{other:?}");
}
