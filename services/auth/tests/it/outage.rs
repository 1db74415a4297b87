//! The database goes away and comes back.

use auth::Remote;
use kit::auth::{AuthFault, Authenticator};
use testkit::database::TestDatabase;
use testkit::postgres::Postgres;

use crate::world::{World, text};

#[tokio::test]
async fn no_caller_is_called_a_stranger_because_the_database_is_down() {
    let server = Postgres::start().await.unwrap();
    let world = World::on(TestDatabase::of(&server).await.unwrap()).await;
    let running = world.start().await;
    let made = running.key(&["auditor"], None).await;
    let (local, remote) = (running.auth.authenticator(), Remote::new(running.transport("ca")));
    assert!(remote.authenticate(text(&made)).await.is_ok());
    running.db.ready().await.unwrap();

    server.stop().await.unwrap();
    for fault in [
        local.authenticate(text(&made)).await.unwrap_err(),
        remote.authenticate(text(&made)).await.unwrap_err(),
    ] {
        assert!(matches!(fault, AuthFault::Unavailable { .. }), "{fault:?}");
        assert!(
            fault.to_string().contains("the database of auth does not answer"),
            "{fault}"
        );
    }
    assert!(running.auth.app().write_last_used().await.is_err());
    assert!(running.db.ready().await.is_err());

    server.resume().await.unwrap();
    running.auth.app().write_last_used().await.unwrap();
    let key = running.auth.app().authenticate(text(&made)).await.unwrap();
    assert!(key.last_used.is_some(), "a use before the outage was lost");
}
