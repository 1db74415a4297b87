//! keymgr does not answer.

use kit::dry_run::Commit;
use kit::error::{Fault, Kind};
use kit::transport::Transport;
use testkit::on_both_databases;
use tonic::Status;

use crate::world::{World, anyone, key, refused, server, with_key};

on_both_databases!(without_keymgr_nothing_is_stored_and_the_answer_is_try_again);

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
    assert!(error.retry_after().is_some(), "{error:?}");
    for table in ["certificates", "certificate_names", "idempotency_keys"] {
        assert_eq!(world.count(table).await, 0, "{table}");
    }
    assert!(world.events().await.is_empty());

    // The same request goes through once keymgr is back.
    let issued = world.issue(request).await;
    assert_eq!(world.events().await[0].subject, issued.serial.to_string());
}
