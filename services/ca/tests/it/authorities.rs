//! CAs that another replica added.

use ca::USER_PROFILES;
use kit::dry_run::Commit;
use kit::error::{Fault, Kind};
use testkit::on_both_databases;
use time::Duration;

use crate::world::{World, anyone, key, refused, server};

on_both_databases!(the_table_is_read_at_most_once_a_second_for_unknown_names);

async fn the_table_is_read_at_most_once_a_second_for_unknown_names(world: World) {
    let replica = world.replica().await;
    let known = async |name: &str| match replica.app().authorities().by_name(name).await {
        Ok(found) => found.name == name,
        Err(error) => {
            assert_eq!(error.kind(), Kind::NotFound, "{error:?}");
            false
        }
    };
    world.add_authority("first", USER_PROFILES).await;
    assert!(!known("first").await, "the table was read a moment ago");
    world.clock.advance(Duration::SECOND);
    assert!(known("first").await);

    world.add_authority("second", USER_PROFILES).await;
    assert!(!known("second").await);
    assert!(known("first").await);
    // A clock that is set back must not stop the readings.
    world.clock.advance(Duration::HOUR * -1);
    assert!(known("second").await);
}

on_both_databases!(without_the_configured_default_a_request_has_to_name_its_ca);

async fn without_the_configured_default_a_request_has_to_name_its_ca(world: World) {
    let settings = ca::Config {
        default_ca: "nope".to_owned(),
        ..ca::Config::default()
    };
    let ca = world.with_settings(world.keymgr.clone(), settings).await;
    let key = key();
    let mut request = server(&key, "a.example.test");
    let refused = refused(
        ca.app().issue(&anyone(), request.clone(), &Commit).await,
        Kind::Conflict,
    )
    .to_string();
    for part in ["ca.default_ca", "nope", "issuing", "services"] {
        assert!(refused.contains(part), "{part:?} is not in {refused}");
    }
    request.ca = Some("issuing".to_owned());
    let issued = ca.app().issue(&anyone(), request, &Commit).await.unwrap();
    assert_eq!(&*issued.ca, "issuing");
}
