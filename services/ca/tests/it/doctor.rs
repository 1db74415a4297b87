//! What the CA service finds wrong in its own state.

use kit::service::{Finding, Verdict};
use testkit::on_both_databases;

use crate::world::World;

on_both_databases!(
    a_ca_whose_key_is_not_in_keymgr_is_named,
    a_ca_that_the_next_start_could_not_read_is_named,
    a_job_that_cannot_be_read_is_named,
);

async fn found(world: &World) -> Finding {
    found_by(world, "CA keys").await
}

async fn found_by(world: &World, name: &str) -> Finding {
    let checks = world.ca.service().doctor;
    let check = checks.iter().find(|check| check.name == name).unwrap();
    check.look().await
}

async fn a_ca_whose_key_is_not_in_keymgr_is_named(world: World) {
    let fine = found(&world).await;
    assert_eq!(fine.verdict, Verdict::Ok, "{fine:?}");
    for (key, problem) in [
        ("elsewhere", "CA issuing: keymgr has no key elsewhere"),
        (
            "ca-services",
            "CA issuing: key ca-services of keymgr is not that of its certificate",
        ),
    ] {
        let mut tx = world.db.begin().await.unwrap();
        store::tx!(&mut tx, |c| {
            let update = sqlx::query("UPDATE authorities SET key_name = $1 WHERE name = 'issuing'");
            update.bind(key).execute(c).await.map(drop)
        })
        .unwrap();
        tx.commit().await.unwrap();
        let found = found(&world).await;
        assert_eq!((found.verdict, found.detail.as_str()), (Verdict::Failed, problem));
    }
}

async fn a_ca_that_the_next_start_could_not_read_is_named(world: World) {
    let mut tx = world.db.begin().await.unwrap();
    store::tx!(&mut tx, |c| {
        let update = sqlx::query("UPDATE authorities SET certificate = $1 WHERE name = 'issuing'");
        update.bind(vec![0_u8]).execute(c).await.map(drop)
    })
    .unwrap();
    tx.commit().await.unwrap();
    let found = found(&world).await;
    assert_eq!(found.verdict, Verdict::Failed, "{found:?}");
    assert!(
        found
            .detail
            .starts_with("the stored certificate of CA issuing cannot be read: restore "),
        "{}",
        found.detail
    );
}

async fn a_job_that_cannot_be_read_is_named(world: World) {
    let fine = found_by(&world, "stored jobs").await;
    assert_eq!(fine.verdict, Verdict::Ok, "{fine:?}");
    let request = serde_json::Value::Null;
    let job = store::jobs::NewJob {
        kind: "test",
        requester: "a",
        request: &request,
        format: 1,
        claim: None,
        correlation_id: None,
        traceparent: None,
    };
    let mut tx = world.db.begin().await.unwrap();
    let now = time::OffsetDateTime::UNIX_EPOCH;
    let id = store::jobs::create(&mut tx, &job, now).await.unwrap();
    store::tx!(&mut tx, |c| {
        let update = sqlx::query("UPDATE jobs SET state = 'lost' WHERE id = $1");
        update.bind(id).execute(c).await.map(drop)
    })
    .unwrap();
    tx.commit().await.unwrap();
    let found = found_by(&world, "stored jobs").await;
    assert_eq!(found.verdict, Verdict::Failed, "{found:?}");
    assert_eq!(found.detail, format!("cannot be read: job {id}: state"));
}
