//! What issuance of one caller keeps of its rate while another caller does its worst.
//!
//! The disturber has an address and a credential of its own. Each measurement is made between two undisturbed ones, whose
//! mean it is compared with: others use the machine too.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context;
use serde_json::json;
use testkit::hostile::{Abuse, Attack, Target, targets};
use testkit::postgres::Postgres;
use testkit::system::System;
use tokio::task::JoinSet;
use x509::Certificate;
use x509::ocsp::{CertId, HashAlgorithm, IssuerIds, OcspRequest};

use crate::load::Run;
use crate::report::Report;
use crate::rest::{Load, connect_all};
use crate::{Args, Database};

/// Where the disturber is.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);
/// Requests that the disturber has under way.
const LISTS: usize = 16;
const KEYS: usize = 8;
/// What anybody may get over HTTP.
const CA_CERTIFICATE: &str = "/ca/issuing.crt";

pub(crate) async fn measure(report: &mut Report, args: &Args) -> anyhow::Result<()> {
    let load = Load::prepare(args, 12)?;
    for database in &args.on {
        match database {
            Database::Sqlite => on(report, &load, (*database, &args.beside), &[]).await?,
            Database::Postgresql => {
                let options = testkit::postgres::Options {
                    fsync: true,
                    ..Default::default()
                };
                let postgres = Postgres::start_with(options).await?;
                on(
                    report,
                    &load,
                    (*database, &args.beside),
                    &["--database-url", &postgres.url()],
                )
                .await?;
            }
        }
    }
    Ok(())
}

/// One way to disturb.
#[derive(Clone, Copy)]
enum Disturbance {
    StalledBodies,
    Connections,
    Pages,
    Together,
    Keys,
    CheapRequests,
    CheapStreams,
    PingsBesideStreams,
    BadCredentials,
    Handshakes,
    NewConnections,
    Questions,
    CaCertificates,
}

impl Disturbance {
    const ALL: [(Self, &'static str); 13] = [
        (Self::StalledBodies, "stalled bodies"),
        (Self::Connections, "connections up to the limit, HTTPS and HTTP"),
        (Self::Pages, "maximal pages"),
        (Self::Together, "all of these together"),
        (Self::Keys, "RSA-4096 keys are made"),
        (
            Self::CheapRequests,
            "cheap requests without a credential, pipelined, HTTPS and HTTP",
        ),
        (
            Self::CheapStreams,
            "cheap requests without a credential on HTTP/2 streams",
        ),
        (
            Self::PingsBesideStreams,
            "HTTP/2 pings beside streams that do not end",
        ),
        (Self::BadCredentials, "requests with bad credentials, pipelined"),
        (Self::Handshakes, "TLS handshakes without an end"),
        (
            Self::NewConnections,
            "a new connection for each request, HTTPS and HTTP",
        ),
        (Self::Questions, "OCSP is asked from 12 addresses, pipelined"),
        (
            Self::CaCertificates,
            "the certificate of a CA is fetched from 12 addresses, pipelined",
        ),
    ];

    fn begin(self, disturber: &Disturber) -> Vec<Disturbing> {
        match self {
            Self::StalledBodies => vec![disturber.attack("https", Abuse::BodyMemory)],
            Self::Connections => vec![
                disturber.attack("https", Abuse::Connections),
                disturber.attack("http", Abuse::Connections),
            ],
            Self::Pages => vec![disturber.lists()],
            Self::Together => [Self::StalledBodies, Self::Connections, Self::Pages]
                .into_iter()
                .flat_map(|each| each.begin(disturber))
                .collect(),
            Self::Keys => vec![disturber.keys()],
            Self::CheapRequests => vec![
                disturber.attack("https", Abuse::CheapRequests),
                disturber.attack("http", Abuse::CheapRequests),
            ],
            Self::CheapStreams => vec![disturber.attack("https", Abuse::CheapStreams)],
            Self::PingsBesideStreams => vec![disturber.attack("https", Abuse::PingsBesideStreams)],
            Self::BadCredentials => vec![disturber.attack("https", Abuse::BadCredentials)],
            Self::Handshakes => vec![disturber.attack("https", Abuse::FullHandshakes)],
            Self::NewConnections => vec![
                disturber.attack("https", Abuse::NewConnections),
                disturber.attack("http", Abuse::NewConnections),
            ],
            Self::Questions => disturber.many(&disturber.question),
            Self::CaCertificates => disturber.many(CA_CERTIFICATE),
        }
    }
}

/// Goes on until it is dropped.
#[expect(dead_code, reason = "held for its end")]
enum Disturbing {
    Attack(Attack),
    Requests(JoinSet<()>),
}

struct Disturber {
    targets: Vec<Target>,
    http: reqwest::Client,
    base: String,
    token: String,
    keys: Arc<AtomicUsize>,
    /// Path of an OCSP request.
    question: String,
}

impl Disturber {
    async fn of(system: &System) -> anyhow::Result<Self> {
        let made = system.cli_ok(&[
            "apikey",
            "create",
            "disturber",
            "--role",
            "ca-operator",
            "-o",
            "json",
        ])?;
        let made: serde_json::Value = serde_json::from_str(&made)?;
        let token = made
            .get("token")
            .and_then(serde_json::Value::as_str)
            .context("no token")?
            .to_owned();
        let mut targets = targets(system.dir(), None)?;
        for target in &mut targets {
            target.token = Some(token.clone());
        }
        let root = std::fs::read(system.ready().data_dir.join("root.crt"))?;
        let http = reqwest::Client::builder()
            .tls_certs_only([reqwest::Certificate::from_pem(&root)?])
            .local_address(std::net::IpAddr::V4(ELSEWHERE))
            .timeout(Duration::from_secs(60));
        let http = http.build()?;
        let issuer = format!("{}{CA_CERTIFICATE}", system.ready().http);
        let issuer = http.get(&issuer).send().await?.error_for_status()?;
        let issuer = Certificate::from_der(&issuer.bytes().await?)?;
        let asked = CertId::new(&IssuerIds::of(&issuer), HashAlgorithm::Sha1, issuer.serial());
        let question = OcspRequest::build(vec![asked], None)?;
        Ok(Self {
            targets,
            http,
            base: system.ready().https.clone(),
            token,
            keys: Arc::default(),
            question: format!("/ocsp/{}", question.to_get_path()),
        })
    }

    /// Requests for that path from many addresses, each with as many connections as one disturber has.
    fn many(&self, path: &str) -> Vec<Disturbing> {
        let Some(mut target) = self.targets.iter().find(|target| target.name == "http").cloned() else {
            return Vec::new();
        };
        path.clone_into(&mut target.open_path);
        (100..112)
            .map(|host| Ipv4Addr::new(127, 0, 0, host))
            .map(|from| Disturbing::Attack(Attack::begin(&target, Abuse::CheapRequests, from)))
            .collect()
    }

    fn attack(&self, listener: &str, abuse: Abuse) -> Disturbing {
        let found = self.targets.iter().find(|target| target.name == listener);
        match found {
            Some(target) => Disturbing::Attack(Attack::begin(target, abuse, ELSEWHERE)),
            None => Disturbing::Requests(JoinSet::new()),
        }
    }

    fn lists(&self) -> Disturbing {
        let url = format!("{}/api/v1/certificates?limit=500", self.base);
        self.again_and_again(LISTS, move |http| http.get(&url))
    }

    fn keys(&self) -> Disturbing {
        let (url, next) = (format!("{}/api/v1/keys", self.base), Arc::clone(&self.keys));
        self.again_and_again(KEYS, move |http| {
            let name = format!("k{}", next.fetch_add(1, Ordering::Relaxed));
            let key = json!({"name": name, "algorithm": "rsa4096", "purpose": "ocsp-signer"});
            http.post(&url).json(&key)
        })
    }

    fn again_and_again(
        &self,
        clients: usize,
        request: impl Fn(&reqwest::Client) -> reqwest::RequestBuilder + Clone + Send + Sync + 'static,
    ) -> Disturbing {
        let mut tasks = JoinSet::new();
        for _ in 0..clients {
            let (http, token, request) = (self.http.clone(), self.token.clone(), request.clone());
            tasks.spawn(async move {
                loop {
                    let answer = request(&http).bearer_auth(&token).send().await;
                    match answer {
                        // Read to its end, or it would be one more unread answer.
                        Ok(answer) if answer.status().is_success() => drop(answer.bytes().await),
                        _ => tokio::time::sleep(Duration::from_millis(20)).await,
                    }
                }
            });
        }
        Disturbing::Requests(tasks)
    }
}

async fn on(
    report: &mut Report,
    load: &Load,
    (name, beside): (Database, &str),
    arguments: &[&str],
) -> anyhow::Result<()> {
    let system = System::up_with(arguments)?;
    let disturber = Disturber::of(&system).await?;
    let next = Arc::new(AtomicUsize::new(0));
    let rate = async || -> anyhow::Result<f64> {
        let clients = connect_all(&system, load).await?;
        Ok(Run::full(load.length, &next).run(clients).await?.rate)
    };
    rate().await.context("warming up")?;
    let mut before = rate().await?;
    let chosen = Disturbance::ALL
        .into_iter()
        .filter(|(_, what)| what.contains(beside));
    for (disturbance, what) in chosen {
        let disturbing = disturbance.begin(&disturber);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let disturbed = rate().await.context(what)?;
        drop(disturbing);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let after = rate().await?;
        report.ratio(
            format!("{name}: issued over REST while {what}"),
            format!("{disturbed:.0}/s"),
            disturbed / f64::midpoint(before, after),
            "undisturbed",
        );
        before = after;
    }
    Ok(())
}
