//! What processes share through Redis, and that it decides nothing.

use std::time::Duration;

use ocsp::Config;
use proto::ca::v1::Reason as WireReason;
use redis::{Config as RedisConfig, Redis, Status};
use testkit::{Redis as Server, on_both_databases};
use x509::Certificate;
use x509::crl::Reason;
use x509::ocsp::{CertStatus, OcspRequest, OcspResponse};

use crate::world::{Responder, World, eventually, id};

on_both_databases!(
    what_one_process_has_signed_the_others_give_away,
    what_is_not_a_response_for_the_request_is_passed_over,
    an_older_response_that_is_genuine_is_never_given_again,
    without_redis_everything_is_answered,
    a_response_of_a_responder_that_was_revoked_is_passed_over,
);

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Two processes and a server.
struct Pair {
    server: Server,
    redis: Redis,
    one: Responder,
    other: Responder,
}

impl Pair {
    async fn of(world: &World, timeout_ms: u16) -> Self {
        let server = Server::start().unwrap();
        let redis = connect(&server, timeout_ms).await;
        let one = world.sharing(&connect(&server, timeout_ms).await).await;
        let other = world.sharing(&connect(&server, timeout_ms).await).await;
        Self {
            server,
            redis,
            one,
            other,
        }
    }

    /// Names of the responses that are shared about a certificate, without the prefix.
    fn names(&self, certificate: &Certificate) -> Vec<String> {
        let pattern = format!("gigvault:ocsp:*:{}:*", certificate.serial());
        let names = self.server.command(&["KEYS", &pattern]).unwrap();
        let names = names.lines().filter_map(|name| name.strip_prefix("gigvault:"));
        names.map(str::to_owned).collect()
    }

    /// The name of the one response once it is there.
    async fn shared(&self, certificate: &Certificate) -> String {
        eventually("it is shared", async || !self.names(certificate).is_empty()).await;
        self.names(certificate).remove(0)
    }
}

async fn connect(server: &Server, timeout_ms: u16) -> Redis {
    let config = RedisConfig {
        addresses: vec![server.address()],
        timeout_ms,
        ..RedisConfig::default()
    };
    let redis = Redis::new(config).unwrap().unwrap();
    eventually("connected", async || {
        matches!(redis.status(), Status::Connected(_))
    })
    .await;
    redis
}

async fn asked(responder: &Responder, world: &World, certificate: &Certificate) -> Vec<u8> {
    let issuer = world.authority("issuing").await;
    let request = OcspRequest::build(vec![id(&issuer, certificate.serial())], None).unwrap();
    responder.post(request.der()).await.der
}

fn is_revoked(status: &Result<CertStatus, x509::ocsp::ErrorStatus>, reason: Reason) -> bool {
    matches!(status, Ok(CertStatus::Revoked { reason: Some(told), .. }) if *told == reason)
}

async fn what_one_process_has_signed_the_others_give_away(world: World) {
    let pair = Pair::of(&world, 5000).await;
    let certificate = world.issue("issuing").await;
    let first = asked(&pair.one, &world, &certificate).await;
    let name = pair.shared(&certificate).await;
    assert!(name.ends_with(":sha1:good"), "{name}");
    let signed = world.to_keymgr.calls("SignBatch");
    assert_eq!(asked(&pair.other, &world, &certificate).await, first);
    assert_eq!(world.to_keymgr.calls("SignBatch"), signed);
    // It is gone by itself when it holds no longer.
    let left: i64 = pair
        .server
        .command(&["TTL", &format!("gigvault:{name}")])
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..8 * 3600).contains(&left), "{left}");

    world.revoke(&certificate, WireReason::Superseded).await;
    for responder in [&pair.one, &pair.other] {
        eventually("the revocation is told", async || {
            is_revoked(
                &world.status_by(responder, &certificate).await,
                Reason::Superseded,
            )
        })
        .await;
    }
}

async fn what_is_not_a_response_for_the_request_is_passed_over(world: World) {
    let pair = Pair::of(&world, 5000).await;
    let another = world.issue("issuing").await;
    let of_another = asked(&pair.one, &world, &another).await;
    let broken: [&dyn Fn(Vec<u8>) -> Vec<u8>; 6] = [
        &|_| b"garbage".to_vec(),
        &|_| vec![0x30; 100_000],
        &|der| der[..der.len() - 1].to_vec(),
        &|der| [der, vec![0]].concat(),
        &|mut der| {
            let last = der.len() - 1;
            der[last] ^= 1;
            der
        },
        &|_| of_another.clone(),
    ];
    for (case, change) in broken.iter().enumerate() {
        let certificate = world.issue("issuing").await;
        let der = asked(&pair.one, &world, &certificate).await;
        let name = pair.shared(&certificate).await;
        pair.redis.set(&name, &change(der), DAY).await.unwrap();
        let signed = world.to_keymgr.calls("SignBatch");
        assert_eq!(
            world.status_by(&pair.other, &certificate).await,
            Ok(CertStatus::Good),
            "{case}"
        );
        assert_eq!(world.to_keymgr.calls("SignBatch"), signed + 1, "{case}");
    }
    let certificate = world.issue("issuing").await;
    asked(&pair.one, &world, &certificate).await;
    let name = format!("gigvault:{}", pair.shared(&certificate).await);
    pair.server.command(&["DEL", &name]).unwrap();
    pair.server.command(&["LPUSH", &name, "x"]).unwrap();
    let told = world.status_by(&pair.other, &certificate).await;
    assert_eq!(told, Ok(CertStatus::Good));
}

async fn an_older_response_that_is_genuine_is_never_given_again(world: World) {
    let pair = Pair::of(&world, 5000).await;
    let [revoked, held] = [world.issue("issuing").await, world.issue("issuing").await];
    let mut good = Vec::new();
    for certificate in [&revoked, &held] {
        let der = asked(&pair.one, &world, certificate).await;
        good.push((pair.shared(certificate).await, der));
    }
    world.revoke(&revoked, WireReason::KeyCompromise).await;
    world.hold(&held).await;
    eventually("both are told", async || {
        is_revoked(&world.status_by(&pair.one, &revoked).await, Reason::KeyCompromise)
            && is_revoked(&world.status_by(&pair.one, &held).await, Reason::CertificateHold)
    })
    .await;
    // Under its own name, and under each that is looked for now.
    for (certificate, (name, der)) in [&revoked, &held].into_iter().zip(&good) {
        pair.redis.set(name, der, DAY).await.unwrap();
        eventually("the revocation is shared", async || {
            pair.names(certificate)
                .iter()
                .any(|name| name.contains(":revoked-"))
        })
        .await;
        for name in pair.names(certificate) {
            pair.redis.set(&name, der, DAY).await.unwrap();
        }
    }
    let late = world.sharing(&connect(&pair.server, 5000).await).await;
    for responder in [&pair.other, &late] {
        eventually("the revocations have arrived", async || {
            let told = world.status_by(responder, &revoked).await;
            assert!(told != Ok(CertStatus::Good) || std::ptr::eq(responder, &pair.other));
            is_revoked(&told, Reason::KeyCompromise)
                && is_revoked(&world.status_by(responder, &held).await, Reason::CertificateHold)
        })
        .await;
    }
    world.release(&held).await;
    for responder in [&pair.one, &pair.other, &late] {
        eventually("the release is told", async || {
            world.status_by(responder, &held).await == Ok(CertStatus::Good)
        })
        .await;
        assert!(is_revoked(
            &world.status_by(responder, &revoked).await,
            Reason::KeyCompromise
        ));
    }
}

async fn without_redis_everything_is_answered(world: World) {
    let mut pair = Pair::of(&world, 500).await;
    let good = async |responder: &Responder| {
        let certificate = world.issue("issuing").await;
        assert_eq!(
            world.status_by(responder, &certificate).await,
            Ok(CertStatus::Good)
        );
        certificate
    };
    pair.server.pause().unwrap();
    for _ in 0..3 {
        good(&pair.one).await;
        good(&pair.other).await;
    }
    pair.server.kill().unwrap();
    for _ in 0..3 {
        good(&pair.one).await;
        good(&pair.other).await;
    }
    assert!(pair.one.is_ready().await);
    pair.server.resume().unwrap();
    eventually("it is used again", async || {
        let certificate = good(&pair.one).await;
        !pair.names(&certificate).is_empty()
    })
    .await;
}

async fn a_response_of_a_responder_that_was_revoked_is_passed_over(world: World) {
    let pair = Pair::of(&world, 5000).await;
    let certificate = world.issue("issuing").await;
    let der = asked(&pair.one, &world, &certificate).await;
    let name = pair.shared(&certificate).await;
    let first = OcspResponse::from_der(&der).unwrap().certificates()[0].clone();
    world.revoke(&first, WireReason::KeyCompromise).await;
    let late = world.sharing(&connect(&pair.server, 5000).await).await;
    pair.redis.set(&name, &der, DAY).await.unwrap();
    eventually("another responder signs", async || {
        let answer = asked(&late, &world, &certificate).await;
        assert_ne!(answer, der);
        OcspResponse::from_der(&answer).is_ok()
    })
    .await;
}

/// Only what they are started with.
impl World {
    async fn sharing(&self, redis: &Redis) -> Responder {
        self.replica_with(Config::default(), Some(redis.clone())).await
    }
}
