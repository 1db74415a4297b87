//! What is kept, and what happens while the server does not answer.

use std::time::Duration;

use redis::Error;
use testkit::Redis as Server;

use crate::{connect, eventually, of, until_connected, until_down};

const DAY: Duration = Duration::from_secs(24 * 3600);

#[tokio::test]
async fn a_value_is_there_for_its_time_and_never_longer_than_it_may_be() {
    let server = Server::start().unwrap();
    let redis = connect(of(server.address()));
    until_connected(&redis).await;
    assert_eq!(redis.get("a", 10).await.unwrap(), None);
    redis.set("a", b"ten octets", DAY).await.unwrap();
    assert_eq!(
        redis.get("a", 10).await.unwrap().as_deref(),
        Some(&b"ten octets"[..])
    );
    assert!(matches!(redis.get("a", 9).await, Err(Error::TooLong(9))));
    let left: u64 = server.command(&["TTL", "gigvault:a"]).unwrap().parse().unwrap();
    assert!((1..=24 * 3600).contains(&left), "{left}");

    // What another program has put there.
    server.command(&["LPUSH", "gigvault:list", "x"]).unwrap();
    assert!(matches!(redis.get("list", 10).await, Err(Error::Refused(_))));
    until_connected(&redis).await;

    redis.set("b", b"x", Duration::from_millis(1)).await.unwrap();
    eventually("it ended", async || redis.get("b", 10).await.unwrap().is_none()).await;
}

#[tokio::test]
async fn while_the_server_is_away_commands_fail_at_once_and_afterwards_they_work() {
    let mut server = Server::start().unwrap();
    let redis = connect(of(server.address()));
    until_connected(&redis).await;
    server.kill().unwrap();
    until_down(&redis).await;
    assert!(matches!(redis.get("a", 10).await, Err(Error::Down)));
    server.resume().unwrap();
    until_connected(&redis).await;
    redis.set("a", b"x", DAY).await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_late_once_is_not_asked_until_it_answers() {
    let server = Server::start().unwrap();
    let mut config = of(server.address());
    config.timeout_ms = 1000;
    let redis = connect(config);
    until_connected(&redis).await;
    server.pause().unwrap();
    assert!(matches!(redis.get("a", 10).await, Err(Error::Late(_))));
    until_down(&redis).await;
    for _ in 0..1000 {
        assert!(matches!(redis.get("a", 10).await, Err(Error::Down)));
    }
    server.go_on().unwrap();
    until_connected(&redis).await;
    assert_eq!(redis.get("a", 10).await.unwrap(), None);
}

#[tokio::test]
async fn without_a_server_it_starts_and_says_why_it_is_down() {
    let address = format!("127.0.0.1:{}", testkit::port::unused().unwrap());
    let redis = connect(of(address.clone()));
    eventually("the cause is known", async || {
        let cause = until_down(&redis).await;
        cause.contains(&address) && cause.contains("refused")
    })
    .await;
    assert!(redis::Redis::new(redis::Config::default()).unwrap().is_none());
}

/// It accepts each connection and closes it at the first question.
#[tokio::test]
async fn a_server_that_closes_each_connection_is_told_as_that_and_once() {
    let (log, _logging) = testkit::logs::begin();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let redis = connect(of(address.clone()));
    for _ in 0..4 {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = [0; 64];
        let length = tokio::io::AsyncReadExt::read(&mut stream, &mut asked)
            .await
            .unwrap();
        assert!(String::from_utf8_lossy(&asked[..length]).contains("ROLE"));
    }
    let cause = until_down(&redis).await;
    assert_eq!(
        cause,
        format!("{address} closed the connection before it answered")
    );
    let told = log.of(&address);
    assert!(told.len() == 1 && told[0].starts_with("WARN"), "{told:?}");
}

#[tokio::test]
async fn a_password_is_asked_for_and_given() {
    let server = Server::start_with(
        &["--requirepass", "sesame"],
        &["--no-auth-warning", "-a", "sesame"],
    )
    .unwrap();
    let user = ["ACL", "SETUSER", "app", "on", ">open", "~gigvault:*", "+@all"];
    server.command(&user).unwrap();
    let without = connect(of(server.address()));
    eventually("it is refused", async || {
        until_down(&without).await.contains("NOAUTH")
    })
    .await;
    for (user, password) in [("", "sesame"), ("app", "open")] {
        let config = redis::Config {
            username: user.to_owned(),
            password: Some(kit::config::Secret::literal(password.to_owned())),
            ..of(server.address())
        };
        let redis = connect(config);
        until_connected(&redis).await;
        redis.set("a", b"x", DAY).await.unwrap();
    }
}

#[tokio::test]
async fn refused_commands_are_told_until_they_are_done() {
    let server = Server::start().unwrap();
    let redis = connect(of(server.address()));
    until_connected(&redis).await;
    redis.set("a", b"x", DAY).await.unwrap();
    assert_eq!(redis.refused(), None);
    let acl = |rule: &str| server.command(&["ACL", "SETUSER", "default", rule]).unwrap();
    acl("-set");
    assert!(matches!(redis.set("a", b"x", DAY).await, Err(Error::Refused(_))));
    redis.get("a", 10).await.unwrap();
    let refused = redis.refused().unwrap();
    assert!(
        refused.starts_with("set: ") && refused.contains("no permissions"),
        "{refused}"
    );
    acl("+set");
    redis.set("a", b"x", DAY).await.unwrap();
    assert_eq!(redis.refused(), None);
}
