//! How often keys sign: limited, and recorded.

use bytes::Bytes;
use keymgr::{Caller, Config, Error, SignRequest};
use kit::error::{Fault, Kind};
use proto::keymgr::v1::Purpose;
use testkit::on_both_databases;
use x509::{PublicKey, SignatureAlgorithm};

use crate::structures::certificate;
use crate::world::{Running, World};

on_both_databases!(signatures_are_recorded_by_what_was_signed);

async fn message(running: &Running, name: &str) -> Bytes {
    let made = running
        .generate(name, "p256", Purpose::CertificateAuthority)
        .await;
    let key = PublicKey::from_spki(&made.spki).unwrap();
    certificate(&key, SignatureAlgorithm::EcdsaSha256).into()
}

fn batch(name: &str, message: &Bytes, count: usize) -> SignRequest {
    SignRequest {
        caller: Caller::Ca,
        name: name.to_owned(),
        messages: vec![message.clone(); count],
        algorithm: String::new(),
    }
}

async fn signatures_are_recorded_by_what_was_signed(world: World) {
    let running = world.start().await;
    let message = message(&running, "issuing").await;
    let app = running.keymgr.app();
    app.sign(batch("issuing", &message, 7)).await.unwrap();
    app.write_signatures().await.unwrap();
    app.sign(batch("issuing", &message, 3)).await.unwrap();
    // What is refused is not counted.
    assert!(
        app.sign(batch("issuing", &Bytes::from_static(b"x"), 1))
            .await
            .is_err()
    );
    app.write_signatures().await.unwrap();
    app.write_signatures().await.unwrap();
    running.stop().await;

    let running = world.start().await;
    let made = running
        .keymgr
        .app()
        .signatures(&"issuing".parse().unwrap())
        .await
        .unwrap();
    let [made] = made.as_slice() else {
        panic!("{made:?}")
    };
    assert_eq!((made.structure.as_str(), made.count), ("certificate", 10));
    assert!(
        running
            .keymgr
            .app()
            .signatures(&"other".parse().unwrap())
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_key_signs_no_faster_than_its_limit() {
    let mut world = World::sqlite();
    world.config = Config {
        max_signatures_per_second: 5,
        ..world.config
    };
    let running = world.start().await;
    let (one, other) = (message(&running, "one").await, message(&running, "other").await);
    let app = running.keymgr.app();
    // Far more than a second of it is ahead now.
    app.sign(batch("one", &one, 50)).await.unwrap();
    let refused = app.sign(batch("one", &one, 1)).await.unwrap_err();
    assert!(
        matches!(&refused, Error::Rate(name) if name.as_str() == "one"),
        "{refused}"
    );
    assert_eq!(refused.kind(), Kind::Unavailable);
    assert!(refused.shown().retry_after.is_some());
    app.sign(batch("other", &other, 1)).await.unwrap();
}

#[tokio::test]
async fn what_is_left_is_written_at_the_stop() {
    let world = World::sqlite();
    let running = world.start().await;
    let message = message(&running, "issuing").await;
    running
        .keymgr
        .app()
        .sign(batch("issuing", &message, 2))
        .await
        .unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    stop.cancel();
    for job in running.keymgr.service().jobs {
        job.run(stop.clone()).await;
    }
    let made = running
        .keymgr
        .app()
        .signatures(&"issuing".parse().unwrap())
        .await
        .unwrap();
    assert_eq!(made.iter().map(|made| made.count).sum::<i64>(), 2);
}
