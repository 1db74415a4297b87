//! A master that changes.

use std::time::Duration;

use redis::{Config, Sentinel};
use testkit::Redis as Server;
use testkit::redis::{MASTER, Sentinels};

use crate::{connect, eventually, of, until_connected};

#[tokio::test]
async fn the_master_is_the_one_that_sentinels_name_also_after_a_fail_over() {
    let mut master = Server::start().unwrap();
    let replica = Server::start_with(&["--replicaof", &format!("127.0.0.1 {}", master.port())], &[]).unwrap();
    let sentinels = Sentinels::over(&master).unwrap();
    // The first is not one.
    let mut addresses = vec![replica.address()];
    addresses.extend(sentinels.addresses());
    let redis = connect(Config {
        addresses,
        sentinel: Some(Sentinel {
            master: MASTER.to_owned(),
            username: String::new(),
            password: None,
        }),
        ..of(String::new())
    });
    assert_eq!(until_connected(&redis).await, master.address());
    redis.set("a", b"x", Duration::from_secs(60)).await.unwrap();
    master.kill().unwrap();
    eventually("the replica has become the master", async || {
        until_connected(&redis).await == replica.address()
    })
    .await;
    redis.set("b", b"x", Duration::from_secs(60)).await.unwrap();
    assert_eq!(replica.command(&["GET", "gigvault:b"]).unwrap(), "x");
}
