//! Hostile clients against every listener: the others are served in the meantime.

mod guesses;
mod separate;

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kit::transport::channel;
use proto::auth::v1::AuthenticateRequest;
use proto::auth::v1::auth_client::AuthClient;
use reqwest::StatusCode;
use serde_json::json;
use testkit::hostile::{Abuse, Attack, Target, targets};
use testkit::system::System;
use tokio::sync::Mutex;

use crate::csr;
use crate::metrics::sum;
use crate::procfs::{cpu_time, listening, resident};
use crate::rest::Rest;

/// Where the attacker is: not where the other callers are.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);
/// The tests of this file share the cores with those whom they attack: one at a time.
static CORES: Mutex<()> = Mutex::const_new(());
const MIB: usize = 1024 * 1024;
/// A service that may call `auth`.
const SERVICE: &str = "ca";

fn system() -> System {
    System::bootstrapped(&[], &[SERVICE]).unwrap()
}

fn all_targets(system: &System) -> Vec<Target> {
    let identity = system.ready().data_dir.join("identities").join(SERVICE);
    let mut found = targets(system.dir(), Some(&identity)).unwrap();
    // The attacker on HTTPS has a credential of its own: whoever has none gets less far, and a principal pays for itself.
    let made = system.cli_ok(&[
        "apikey",
        "create",
        "attacker",
        "--role",
        "ca-operator",
        "-o",
        "json",
    ]);
    let made: serde_json::Value = serde_json::from_str(&made.unwrap()).unwrap();
    for target in &mut found {
        if target.name == "https" {
            target.token = Some(made["token"].as_str().unwrap().to_owned());
        }
    }
    found
}

/// A caller who does nothing wrong, on every listener.
struct Caller {
    rest: Rest,
    body: serde_json::Value,
    grpc: AuthClient<kit::transport::Transport>,
    plain: [String; 2],
}

impl Caller {
    fn of(system: &System) -> Self {
        let folder = system.ready().data_dir.join("identities").join(SERVICE);
        let files = kit::tls::IdentityFiles::new(&folder, "tls", folder.join("roots.pem"));
        let clock = Arc::new(kit::clock::SystemClock::default());
        let identity = kit::tls::Identity::from_files(files, clock).unwrap();
        let grpc = channel(&system.ready().grpc, "gigvault", &identity).unwrap();
        Self {
            rest: Rest::of(system),
            body: json!({"csr": csr::p256("a.example.test"), "profile": "tls-server"}),
            grpc: AuthClient::new(grpc),
            plain: [&system.ready().http, &system.ready().metrics].map(|base| format!("{base}/healthz")),
        }
    }

    /// Calls every listener some times; how long the slowest call took.
    async fn calls(&mut self) -> Duration {
        let mut slowest = Duration::ZERO;
        for _ in 0..3 {
            let begun = Instant::now();
            self.rest.issue(&self.body).await;
            slowest = slowest.max(begun.elapsed());
            let begun = Instant::now();
            let token = self.rest.token.clone();
            self.grpc
                .authenticate(AuthenticateRequest { token })
                .await
                .unwrap();
            slowest = slowest.max(begun.elapsed());
            for url in &self.plain {
                let begun = Instant::now();
                // A client of its own: the limits are on connections too.
                let http = reqwest::Client::new();
                assert_eq!(
                    http.get(url).send().await.unwrap().status(),
                    StatusCode::OK,
                    "{url}"
                );
                slowest = slowest.max(begun.elapsed());
            }
        }
        slowest
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_every_listener_others_are_served_while_one_client_misbehaves() {
    let _alone = CORES.lock().await;
    let system = system();
    let mut caller = Caller::of(&system);
    caller.calls().await;
    let found = all_targets(&system);
    let before = resident(system.ready().pid);
    for target in &found {
        for abuse in Abuse::ALL.into_iter().filter(|abuse| abuse.fits(target)) {
            let attack = Attack::begin(target, abuse, ELSEWHERE);
            attack.stands(4).await.unwrap();
            let slowest = caller.calls().await;
            assert!(
                slowest < Duration::from_secs(10),
                "{abuse:?} on {}: a call took {slowest:?}",
                target.name
            );
            let more = resident(system.ready().pid).saturating_sub(before) / MIB;
            assert!(more < 192, "{abuse:?} on {}: {more} MiB more", target.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_every_listener_others_are_served_while_everything_is_tried_at_once() {
    let _alone = CORES.lock().await;
    let system = system();
    let mut caller = Caller::of(&system);
    let mut attacks = Vec::new();
    for target in &all_targets(&system) {
        for (number, abuse) in Abuse::ALL.into_iter().enumerate() {
            if abuse.fits(target) && !matches!(abuse, Abuse::Resets | Abuse::Pings) {
                let from = Ipv4Addr::new(127, 0, 1, u8::try_from(number).unwrap() + 1);
                // All of them together wait for the part of the cores that callers without a credential have.
                attacks.push(Attack::with(target, abuse, from, 2));
            }
        }
    }
    for attack in &attacks {
        attack.stands_within(1, Duration::from_secs(60)).await.unwrap();
    }
    let slowest = caller.calls().await;
    assert!(slowest < Duration::from_secs(20), "{slowest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_takes_nothing_is_cut_off() {
    let _alone = CORES.lock().await;
    let system = system();
    let https = all_targets(&system)
        .into_iter()
        .find(|target| target.name == "https");
    let https = https.unwrap();
    for abuse in [Abuse::SlowReaders, Abuse::ShutWindows] {
        let attack = Attack::begin(&https, abuse, ELSEWHERE);
        attack.stands(8).await.unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        while attack.ended() < 8 {
            assert!(
                Instant::now() < deadline,
                "{abuse:?}: {} of 8 were cut off",
                attack.ended()
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_client_has_a_bounded_number_of_connections() {
    let _alone = CORES.lock().await;
    let system = System::up().unwrap();
    let targets = targets(system.dir(), None).unwrap();
    for target in targets {
        let attack = Attack::begin(&target, Abuse::Connections, ELSEWHERE);
        attack.stands(600).await.unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        // 600 are tried and 512 are let in.
        while attack.ended() < 80 {
            assert!(
                Instant::now() < deadline,
                "{}: {} were refused",
                target.name,
                attack.ended()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[test]
fn every_socket_that_is_listened_on_is_attacked() {
    let system = System::up_with(&["--listen", "0.0.0.0"]).unwrap();
    let attacked = targets(system.dir(), None).unwrap();
    let attacked: BTreeSet<u16> = attacked.iter().map(|target| target.address.port()).collect();
    let listening = listening(system.ready().pid);
    assert!(listening.len() >= 4, "{listening:?}");
    assert_eq!(
        attacked, listening,
        "a listener is missing in the ready file, or testkit::hostile does not understand its URL"
    );
}

/// Attacks of that kind on every listener that it fits, from one address, once they are under way.
async fn attacks(found: &[Target], abuse: Abuse, from: Ipv4Addr) -> Vec<Attack> {
    let fitting = found.iter().filter(|target| abuse.fits(target));
    let attacks: Vec<_> = fitting.map(|target| Attack::begin(target, abuse, from)).collect();
    for attack in &attacks {
        attack.stands(1).await.unwrap();
    }
    attacks
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_for_a_client_without_a_credential_uses_a_bounded_part_of_the_cores() {
    let _alone = CORES.lock().await;
    const LENGTH: Duration = Duration::from_secs(3);
    let system = system();
    let cores = std::thread::available_parallelism().unwrap().get();
    // Others have requests under way on all cores: such as use no time themselves, so that the rest is the attacker's.
    let https = all_targets(&system)
        .into_iter()
        .find(|target| target.token.is_some());
    let https = https.unwrap();
    let mut others = Vec::new();
    for last in 1..=3 {
        let from = Ipv4Addr::new(127, 0, 5, last);
        let attack = Attack::with(&https, Abuse::StalledBodies, from, cores);
        attack.stands(cores).await.unwrap();
        others.push(attack);
        // Each request is 408 after five seconds: not all of them at the same time.
        tokio::time::sleep(Duration::from_millis(1700)).await;
    }
    let found = targets(system.dir(), None).unwrap();
    for (number, abuse) in Abuse::WORK.into_iter().enumerate() {
        let from = Ipv4Addr::new(127, 0, 2, u8::try_from(number).unwrap() + 1);
        let _attacks = attacks(&found, abuse, from).await;
        // What it may use at once is soon used.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (begun, before) = (Instant::now(), cpu_time(system.ready().pid));
        tokio::time::sleep(LENGTH).await;
        let used = cpu_time(system.ready().pid) - before;
        let part = used.as_secs_f64() / begun.elapsed().as_secs_f64() / cores as f64;
        // A tenth, and what the kernel does for its connections: most where it makes new ones all the time.
        assert!(part < 0.4, "{abuse:?}: {part:.2} of all cores");
    }
    let _attacks = attacks(&found, Abuse::CheapRequests, ELSEWHERE).await;
    let deadline = Instant::now() + Duration::from_secs(60);
    while sum(&system, "gigvault_cpu_waits_total").await == 0 {
        assert!(Instant::now() < deadline, "no client was made to wait");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_is_answered_while_one_client_asks_for_all_the_work_it_can() {
    let _alone = CORES.lock().await;
    let system = system();
    let found = targets(system.dir(), None).unwrap();
    let ready = system.ready();
    for (number, abuse) in Abuse::WORK.into_iter().enumerate() {
        let from = Ipv4Addr::new(127, 0, 4, u8::try_from(number).unwrap() + 1);
        let _attacks = attacks(&found, abuse, from).await;
        for _ in 0..3 {
            // What it may use at once is soon used; and readiness is asked again once a second.
            tokio::time::sleep(Duration::from_millis(1100)).await;
            for base in [&ready.https, &ready.http, &ready.metrics] {
                let answer = system.http().unwrap().get(format!("{base}/readyz")).send().await;
                let answer = answer.unwrap();
                let (status, body) = (answer.status(), answer.text().await.unwrap());
                assert_eq!(status, StatusCode::OK, "{abuse:?}: {base}: {body}");
            }
        }
    }
}
