//! OCSP over plain HTTP: from memory beside nginx with a file of the same size, and signed for each request.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use anyhow::{Context, ensure};
use testkit::system::System;
use x509::ocsp::{CertId, CertStatus, HashAlgorithm, IssuerIds, Nonce, OcspRequest, OcspResponse};
use x509::{Certificate, Serial};

use crate::load::{Outcome, Run};
use crate::nginx::Nginx;
use crate::plain::Exchange;
use crate::report::Report;
use crate::rest::{latencies, per_second};
use crate::storage::{Configured, Storage};
use crate::{Args, Database, baseline, certificates, metrics};

/// Requests a second at which latency is measured.
const PACE: f64 = 10_000.0;
/// What keymgr would let one key sign is a limit, and not a speed.
const SETTINGS: &str = "keymgr: {max_signatures_per_second: 0}\n";

pub(crate) async fn measure(report: &mut Report, args: &Args) -> anyhow::Result<()> {
    let signatures = baseline::signatures(Duration::from_secs(2))?;
    report.figure("P-256 signatures, all cores", per_second(signatures));
    for database in &args.on {
        let storage = Storage::start(*database).await?;
        let configured = Configured::start(&storage, SETTINGS).await?;
        let serials = certificates::issue(&configured, args, 1).await?;
        let serial: Serial = serials.first().context("no certificate")?.parse()?;
        let asked = Responder::of(&configured.system).await?;
        on(report, args, *database, (&asked, serial), signatures).await?;
        sources(report, *database, &configured.system).await?;
    }
    Ok(())
}

/// Where the responses came from.
async fn sources(report: &mut Report, name: Database, system: &System) -> anyhow::Result<()> {
    let text = metrics::text(system).await?;
    let from = |source: &str| {
        let label = format!("source=\"{source}\"");
        metrics::sum(&text, "gigvault_ocsp_responses_total", &label)
    };
    report.figure(
        format!("{name}: OCSP responses from memory / signed for the request"),
        format!("{:.0} / {:.0}", from("memory"), from("signed")),
    );
    Ok(())
}

/// A responder, and the CA that it answers for.
pub(crate) struct Responder {
    /// `http://host:port`.
    address: String,
    issuer: IssuerIds,
}

impl Responder {
    pub(crate) async fn of(system: &System) -> anyhow::Result<Self> {
        let address = system.ready().http.clone();
        let issuer = reqwest::get(format!("{address}/ca/issuing.crt")).await?;
        let issuer = Certificate::from_der(&issuer.error_for_status()?.bytes().await?)?;
        Ok(Self {
            address,
            issuer: IssuerIds::of(&issuer),
        })
    }

    fn question(&self, serial: Serial, nonce: Option<Nonce>) -> anyhow::Result<OcspRequest> {
        let id = CertId::new(&self.issuer, HashAlgorithm::Sha1, &serial.into());
        Ok(OcspRequest::build(vec![id], nonce)?)
    }

    /// What is answered to a POST; it must say that the certificate is good.
    pub(crate) async fn ask(&self, serial: Serial) -> anyhow::Result<Vec<u8>> {
        let request = self.question(serial, None)?;
        let client = reqwest::Client::new();
        let answer = client
            .post(format!("{}/ocsp", self.address))
            .header("content-type", "application/ocsp-request")
            .body(request.der().to_vec());
        let der = answer.send().await?.error_for_status()?.bytes().await?;
        let response = OcspResponse::from_der(&der)?;
        let status = response.responses().first().map(|single| &single.status);
        ensure!(
            matches!(status, Some(CertStatus::Good)),
            "{serial} is {status:?} to OCSP"
        );
        Ok(der.to_vec())
    }

    /// The head of a POST, and the body.
    fn post(&self, request: &OcspRequest) -> Vec<u8> {
        let host = self.address.trim_start_matches("http://");
        let head = format!(
            "POST /ocsp HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/ocsp-request\r\ncontent-length: {}\r\n\r\n",
            request.der().len()
        );
        [head.as_bytes(), request.der()].concat()
    }

    /// A GET about one certificate.
    fn by_get(&self, serial: Serial, least: usize) -> anyhow::Result<Exchange> {
        let path = format!("/ocsp/{}", self.question(serial, None)?.to_get_path());
        Ok(Exchange::get(&self.address, &path, least))
    }

    /// POSTs about these certificates, in turns.
    pub(crate) fn by_post(&self, serials: &[Serial], least: usize) -> anyhow::Result<Exchange> {
        let posts: anyhow::Result<Vec<_>> = serials
            .iter()
            .map(|serial| Ok(self.post(&self.question(*serial, None)?)))
            .collect();
        let posts = posts?;
        Ok(Exchange::new(&self.address, least, move |number, out| {
            out.extend(posts.get(number % posts.len()).into_iter().flatten());
        }))
    }

    /// POSTs about one certificate, each with a nonce of its own.
    fn by_post_with_nonce(&self, serial: Serial, least: usize) -> anyhow::Result<Exchange> {
        let nonce = [0xa5; Nonce::CLIENT_LEN];
        let post = self.post(&self.question(serial, Some(Nonce::from_bytes(&nonce)?))?);
        let at = post
            .windows(nonce.len())
            .position(|window| window == nonce)
            .context("no nonce")?;
        Ok(Exchange::new(&self.address, least, move |number, out| {
            out.extend(&post);
            if let Some(octets) = out.get_mut(at..at + size_of::<usize>()) {
                octets.copy_from_slice(&number.to_be_bytes());
            }
        }))
    }
}

async fn on(
    report: &mut Report,
    args: &Args,
    name: Database,
    (responder, serial): (&Responder, Serial),
    signatures: f64,
) -> anyhow::Result<()> {
    let response = responder.ask(serial).await?;
    let nginx = Nginx::serving(&response)?;
    let (least, clients) = (response.len(), args.clients);
    let static_file = Exchange::get(&nginx.address(), Nginx::PATH, least);
    let [get, post, live] = [
        responder.by_get(serial, least)?,
        responder.by_post(&[serial], least)?,
        responder.by_post_with_nonce(serial, least)?,
    ];
    let length = Duration::from_secs(args.seconds);
    let full = || Run::full(length, &Arc::new(AtomicUsize::new(0)));
    let run = async |run: Run, exchange: &Exchange| -> anyhow::Result<Outcome> {
        run.run(exchange.connect(clients).await?).await
    };
    // The first second of either warms it up.
    for exchange in [&static_file, &get] {
        run(Run::full(Duration::from_secs(1), &Arc::default()), exchange).await?;
    }
    let before = run(full(), &static_file).await?;
    let by_get = run(full(), &get).await?;
    let by_post = run(full(), &post).await?;
    let after = run(full(), &static_file).await?;
    let paced = run(full().paced(PACE), &get).await?;
    let signed = run(full(), &live).await?;
    let refused = static_file.refused() + get.refused() + post.refused() + live.refused();
    ensure!(refused == 0, "{refused} answers are refusals");

    let file = f64::midpoint(before.rate, after.rate);
    report.figure(
        format!("{name}: nginx, static file of {least} octets, before and after"),
        format!("{}, {}", per_second(before.rate), per_second(after.rate)),
    );
    for (method, outcome) in [("GET", &by_get), ("POST", &by_post)] {
        report.ratio(
            format!("{name}: OCSP from memory, {method}"),
            per_second(outcome.rate),
            outcome.rate / file,
            "nginx",
        );
    }
    report.figure(
        format!(
            "{name}: OCSP from memory, GET, {PACE:.0} requests a second asked for, {:.0} answered, p50 / p99",
            paced.rate
        ),
        latencies(&paced),
    );
    let steps = (by_post.rate.recip() + signatures.recip()).recip();
    report.ratio(
        format!("{name}: OCSP signed for each request (nonce)"),
        per_second(signed.rate),
        signed.rate / steps,
        "the same exchange from memory and one raw signature",
    );
    Ok(())
}
