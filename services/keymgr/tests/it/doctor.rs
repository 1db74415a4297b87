//! What the key manager finds wrong in its own state.

use kit::service::{Finding, Verdict};
use proto::keymgr::v1::Purpose;
use testkit::on_both_databases;

use crate::world::{Running, World};

on_both_databases!(a_key_that_cannot_be_opened_is_named);

async fn found(running: &Running) -> Finding {
    let [check] = running.keymgr.service().doctor.try_into().ok().unwrap();
    check.look().await
}

async fn a_key_that_cannot_be_opened_is_named(world: World) {
    let running = world.start().await;
    for name in ["good", "bad"] {
        running
            .generate(name, "p256", Purpose::CertificateAuthority)
            .await;
    }
    let fine = found(&running).await;
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
    running.stop().await;
    // A key that was loaded signs on; the next start finds the damage.
    let running = world.start().await;
    let damaged = found(&running).await;
    assert_eq!(damaged.verdict, Verdict::Failed);
    assert_eq!(damaged.detail, "cannot be opened: bad");
}
