//! Against real servers.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod lies;
mod outages;
mod sentinel;
mod tls;

use std::time::Duration;

use redis::{Config, Redis, Status};

/// Reached only by a failure.
const PATIENCE: usize = 1500;

pub(crate) fn of(address: String) -> Config {
    Config {
        addresses: vec![address],
        // A busy machine is slow, and no test is about that.
        timeout_ms: 5000,
        ..Config::default()
    }
}

pub(crate) fn connect(config: Config) -> Redis {
    Redis::new(config).unwrap().unwrap()
}

pub(crate) async fn until_connected(redis: &Redis) -> String {
    eventually("connected", async || {
        matches!(redis.status(), Status::Connected(_))
    })
    .await;
    match redis.status() {
        Status::Connected(address) => address,
        Status::Down(cause) => panic!("{cause}"),
    }
}

pub(crate) async fn until_down(redis: &Redis) -> String {
    eventually("down", async || matches!(redis.status(), Status::Down(_))).await;
    match redis.status() {
        Status::Down(cause) => cause,
        Status::Connected(address) => panic!("{address}"),
    }
}

/// Waits until something is so.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..PATIENCE {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("never: {what}");
}
