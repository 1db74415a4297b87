//! The same where each service is a process of its own: one service misbehaves toward all listeners of all others, and
//! no other caller notices.

use std::time::{Duration, Instant};

use proto::ca::v1::ListCasRequest;
use proto::ca::v1::ca_client::CaClient;
use reqwest::StatusCode;
use serde_json::json;
use testkit::fleet::{Fleet, SERVICES};
use testkit::hostile::{Abuse, Attack, Target, targets};

use super::{CORES, ELSEWHERE, MIB};
use crate::procfs::{listening, resident};
use crate::rest::Rest;
use crate::{csr, services};

/// The service that misbehaves. It has an identity, and that of no other caller of this test.
const MISBEHAVING: &str = "ra";
/// Connections of an attack to each listener: these listeners together are more than one process has, and the limits on
/// connections are those of `up`, where they are tried.
const EACH: usize = 4;

/// Every listener of every process, as the ready files have them.
fn all_targets(fleet: &Fleet) -> Vec<Target> {
    let identity = fleet.identity(MISBEHAVING);
    let mut found = Vec::new();
    for service in SERVICES {
        for mut target in targets(&fleet.dir().join(service), Some(&identity)).unwrap() {
            target.name = format!("{} of {service}", target.name);
            found.push(target);
        }
    }
    found
}

/// Callers who do nothing wrong: a user of the API, a service, and a monitor that asks whether each process lives.
struct Callers {
    rest: Rest,
    body: serde_json::Value,
    ca: CaClient<kit::transport::Transport>,
    plain: Vec<String>,
}

impl Callers {
    fn of(fleet: &Fleet) -> Self {
        let plain = SERVICES.iter().flat_map(|service| {
            let ready = fleet.ready(service).unwrap();
            [&ready.http, &ready.metrics].map(|base| format!("{base}/healthz"))
        });
        Self {
            rest: services::rest(fleet),
            body: json!({"csr": csr::p256("a.example.test"), "profile": "tls-server"}),
            ca: CaClient::new(services::way(fleet, "auth", "ca")),
            plain: plain.collect(),
        }
    }

    /// Calls every process; how long the slowest call took. To issue, `ca` calls `auth` and `keymgr`.
    async fn calls(&mut self) -> Duration {
        let begun = Instant::now();
        self.rest.issue(&self.body).await;
        let mut slowest = begun.elapsed();
        let begun = Instant::now();
        self.ca.list_cas(ListCasRequest {}).await.unwrap();
        slowest = slowest.max(begun.elapsed());
        for url in &self.plain {
            let begun = Instant::now();
            let answer = reqwest::Client::new().get(url).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK, "{url}");
            slowest = slowest.max(begun.elapsed());
        }
        slowest
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_misbehaves_towards_all_others_holds_up_none_of_their_callers() {
    let _alone = CORES.lock().await;
    let fleet = services::fleet().await;
    let mut callers = Callers::of(&fleet);
    callers.calls().await;
    let found = all_targets(&fleet);
    let pids = SERVICES.map(|service| fleet.ready(service).unwrap().pid);
    let before = pids.map(resident);
    for abuse in Abuse::ALL {
        let fitting = found.iter().filter(|target| abuse.fits(target));
        let attacks: Vec<_> = fitting
            .map(|target| Attack::with(target, abuse, ELSEWHERE, EACH))
            .collect();
        for attack in &attacks {
            attack.stands(1).await.unwrap();
        }
        let slowest = callers.calls().await;
        assert!(
            slowest < Duration::from_secs(20),
            "{abuse:?}: a call took {slowest:?}"
        );
        for (pid, before) in pids.iter().zip(before) {
            let more = resident(*pid).saturating_sub(before) / MIB;
            assert!(more < 192, "{abuse:?}: {more} MiB more");
        }
    }
}

#[tokio::test]
async fn every_socket_of_every_service_is_attacked() {
    let fleet = services::fleet().await;
    for service in SERVICES {
        let attacked = targets(&fleet.dir().join(service), None).unwrap();
        let attacked = attacked.iter().map(|target| target.address.port()).collect();
        let listening = listening(fleet.ready(service).unwrap().pid);
        assert!(listening.len() >= 3, "{service}: {listening:?}");
        assert_eq!(
            listening, attacked,
            "a listener of {service} is missing in its ready file, or testkit::hostile does not understand its URL"
        );
    }
}
