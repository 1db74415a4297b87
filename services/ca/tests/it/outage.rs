//! keymgr does not answer.

use kit::dry_run::Commit;
use kit::error::{Fault, Kind};
use kit::transport::Transport;
use testkit::on_both_databases;
use tonic::Status;

use crate::world::{World, anyone, key, refused, server, with_key};

on_both_databases!(
    without_keymgr_nothing_is_stored_and_the_answer_is_try_again,
    what_keymgr_says_of_a_key_is_asked_of_it_each_time,
);

fn dead() -> Transport {
    Transport::new(tower::service_fn(async |_request| {
        Err(Status::unavailable("keymgr is down"))
    }))
}

async fn without_keymgr_nothing_is_stored_and_the_answer_is_try_again(world: World) {
    let request = with_key(&server(&key(), "a.example.test"), "once");
    let cut_off = world.with_keymgr(dead()).await;
    let answer = cut_off.app().issue(&anyone(), request.clone(), &Commit).await;
    let error = refused(answer, Kind::Unavailable);
    assert!(error.shown().retry_after.is_some(), "{error:?}");
    for table in ["certificates", "certificate_names", "idempotency_keys"] {
        assert_eq!(world.count(table).await, 0, "{table}");
    }
    assert!(world.events().await.is_empty());

    // The same request goes through once keymgr is back.
    let issued = world.issue(request).await;
    assert_eq!(world.events().await[0].subject, issued.serial.to_string());
}

async fn what_keymgr_says_of_a_key_is_asked_of_it_each_time(world: World) {
    let authority = world.ca.app().authorities().by_name("issuing").await.unwrap();
    let key = world.ca.app().key_of(&authority).await.unwrap();
    assert_eq!(
        (key.name.as_str(), key.algorithm.as_str()),
        ("ca-issuing", "p256")
    );
    assert_eq!(
        (key.purpose, key.backend.as_str()),
        ("certificate-authority", "software")
    );
    assert_eq!(key.created, crate::world::NOW);

    let cut_off = world.with_keymgr(dead()).await;
    let refused = cut_off.app().key_of(&authority).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Unavailable);
}
