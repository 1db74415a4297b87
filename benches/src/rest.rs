//! Issuance over REST keep-alive and over gRPC, durable, on both databases.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use anyhow::{Context, ensure};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use testkit::postgres::Postgres;
use testkit::system::System;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::load::{Client, Outcome, Run};
use crate::report::Report;
use crate::{Args, Database, baseline, grpc, metrics, requests};

/// Requests made before each measurement; more than any machine of today answers in its seconds.
const PREPARED_A_SECOND: usize = 6_000;

pub(crate) async fn measure(report: &mut Report, args: &Args) -> anyhow::Result<()> {
    let mut load = Load::prepare(args, 1)?;
    let brief = Duration::from_secs(2);
    let signatures = baseline::signatures(brief)?;
    report.figure("P-256 signatures, all cores", per_second(signatures));
    let proofs = baseline::proofs(load.csrs.first().context("no CSR was made")?, brief)?;
    report.figure("CSRs read and verified, all cores", per_second(proofs));
    load.cryptography = signatures.recip() + proofs.recip();
    for database in &args.on {
        match database {
            Database::Sqlite => on(report, &load, *database, &[]).await?,
            Database::Postgresql => {
                let options = testkit::postgres::Options {
                    fsync: true,
                    ..Default::default()
                };
                let postgres = Postgres::start_with(options).await?;
                on(report, &load, *database, &["--database-url", &postgres.url()]).await?;
            }
        }
    }
    Ok(())
}

/// What is sent, by how many, for how long.
pub(crate) struct Load {
    clients: usize,
    pub(crate) length: Duration,
    csrs: Arc<Vec<Vec<u8>>>,
    bodies: Arc<Vec<String>>,
    /// The same but for a profile that does not exist.
    refused: Arc<Vec<String>>,
    /// Seconds of all cores for one verification and one signature.
    cryptography: f64,
}

impl Load {
    /// Requests for one measurement; `reused` as often as that.
    pub(crate) fn prepare(args: &Args, reused: usize) -> anyhow::Result<Self> {
        Self::of(args, PREPARED_A_SECOND * usize::try_from(args.seconds)? / reused)
    }

    /// That many requests, each with a key of its own.
    pub(crate) fn of(args: &Args, count: usize) -> anyhow::Result<Self> {
        let csrs = Arc::new(requests::csrs(count)?);
        Ok(Self {
            clients: args.clients,
            length: Duration::from_secs(args.seconds),
            bodies: Arc::new(requests::bodies(&csrs, "tls-server")),
            refused: Arc::new(requests::bodies(
                csrs.get(..1000).unwrap_or(&csrs),
                "no-such-profile",
            )),
            csrs,
            cryptography: 0.0,
        })
    }
}

async fn on(report: &mut Report, load: &Load, name: Database, arguments: &[&str]) -> anyhow::Result<()> {
    let system = System::bootstrapped(arguments, &[grpc::CALLER])?;
    let next = Arc::new(AtomicUsize::new(0));
    let run = Run::full(load.length, &next);
    let warm = Run::full(Duration::from_secs(1), &next);
    warm.run(connect_all(&system, load).await?)
        .await
        .context(format!("warming up {name}"))?;
    let before = Groups::read(&system).await?;
    let rest = run.clone().run(connect_all(&system, load).await?).await?;
    let group = Groups::read(&system).await?.mean_since(&before);
    // All that is issued comes before the bare inserts, after which the disk is busy for a while with what they wrote.
    let half = run.clone().paced(rest.rate / 2.0);
    let half = half.run(connect_all(&system, load).await?).await?;
    let over_grpc = run
        .clone()
        .run(grpc::connect_all(&system, load.clients, &load.csrs)?)
        .await?;
    let exchange = run.run(refused_all(&system, load).await?).await?;
    let rows = baseline::rows(&system, arguments).await?;
    let bare = |group| baseline::insert(&rows, arguments, group, Duration::from_secs(5));
    let insert = bare(baseline::GROUP).await?;
    let in_step = bare(load.clients).await?;
    let steps = exchange.rate.recip() + load.cryptography + in_step.recip();
    for (what, rate) in [
        (
            format!("bare insert of the same rows in groups of {}", baseline::GROUP),
            insert,
        ),
        (
            format!("bare insert in groups of {}, one a client", load.clients),
            in_step,
        ),
        (
            "the exchange alone, refused before any work".to_owned(),
            exchange.rate,
        ),
        (
            "exchange, verification, signature and insert, one after the other".to_owned(),
            steps.recip(),
        ),
    ] {
        report.figure(format!("{name}: {what}"), per_second(rate));
    }
    for (baseline, to) in [
        (insert, "bare insert in groups of 256"),
        (in_step, "bare insert in groups of one a client"),
        (steps.recip(), "all steps one after the other"),
    ] {
        report.ratio(
            format!("{name}: issued over REST, {group:.0} a group"),
            per_second(rest.rate),
            rest.rate / baseline,
            to,
        );
    }
    report.figure(format!("{name}: REST at full load, p50 / p99"), latencies(&rest));
    report.figure(format!("{name}: REST at half load, p50 / p99"), latencies(&half));
    report.ratio(
        format!("{name}: issued over gRPC"),
        per_second(over_grpc.rate),
        over_grpc.rate / insert,
        "bare insert in groups of 256",
    );
    Ok(())
}

/// How many certificates shared a commit, from the metrics of the running system.
struct Groups {
    groups: f64,
    certificates: f64,
}

impl Groups {
    async fn read(system: &System) -> anyhow::Result<Self> {
        let text = metrics::text(system).await?;
        let value = |name| metrics::value(&text, name).with_context(|| format!("no metric {name}"));
        Ok(Self {
            groups: value("gigvault_issuance_group_size_count")?,
            certificates: value("gigvault_issuance_group_size_sum")?,
        })
    }

    fn mean_since(&self, earlier: &Self) -> f64 {
        (self.certificates - earlier.certificates) / (self.groups - earlier.groups).max(1.0)
    }
}

pub(crate) fn latencies(outcome: &Outcome) -> String {
    let ms = |share| outcome.percentile(share).as_secs_f64() * 1000.0;
    format!("{:.1} / {:.1} ms", ms(0.5), ms(0.99))
}

pub(crate) fn per_second(rate: f64) -> String {
    format!("{rate:.0}/s")
}

pub(crate) async fn connect_all(system: &System, load: &Load) -> anyhow::Result<Vec<Rest>> {
    connected(system, load.clients, &load.bodies, "HTTP/1.1 201").await
}

/// Clients whose requests are read, authenticated, understood and refused.
async fn refused_all(system: &System, load: &Load) -> anyhow::Result<Vec<Rest>> {
    connected(system, load.clients, &load.refused, "HTTP/1.1 400").await
}

async fn connected(
    system: &System,
    clients: usize,
    bodies: &Arc<Vec<String>>,
    expected: &'static str,
) -> anyhow::Result<Vec<Rest>> {
    let mut all = Vec::with_capacity(clients);
    for _ in 0..clients {
        all.push(Rest::connect(system, Arc::clone(bodies), expected).await?);
    }
    Ok(all)
}

/// One keep-alive connection. HTTP/1.1 by hand, so that the load generator leaves the cores to the server.
pub(crate) struct Rest {
    stream: TlsStream<TcpStream>,
    head: String,
    bodies: Arc<Vec<String>>,
    expected: &'static str,
    buffer: Vec<u8>,
}

impl Rest {
    async fn connect(
        system: &System,
        bodies: Arc<Vec<String>>,
        expected: &'static str,
    ) -> anyhow::Result<Self> {
        let address = system.ready().https.trim_start_matches("https://").to_owned();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(
            system.ready().data_dir.join("root.crt"),
        )?)?;
        let tls = rustls::ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let socket = TcpStream::connect(&address).await?;
        socket.set_nodelay(true)?;
        let host = address.split(':').next().unwrap_or_default().to_owned();
        let stream = TlsConnector::from(Arc::new(tls))
            .connect(ServerName::try_from(host)?, socket)
            .await?;
        let head = format!(
            "POST /api/v1/certificates HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\n",
            system.token()?
        );
        Ok(Self {
            stream,
            head,
            bodies,
            expected,
            buffer: Vec::with_capacity(16 * 1024),
        })
    }

    /// Reads one answer; returns its status line if it is not 201.
    async fn answer(&mut self) -> anyhow::Result<()> {
        self.buffer.clear();
        let head = loop {
            ensure!(
                self.stream.read_buf(&mut self.buffer).await? > 0,
                "the server closed the connection"
            );
            if let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let text = std::str::from_utf8(self.buffer.get(..head).unwrap_or_default())?;
        let length = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .context("no content-length")?;
        let total = head + length.trim().parse::<usize>()?;
        let answered = text.starts_with(self.expected);
        while self.buffer.len() < total {
            ensure!(
                self.stream.read_buf(&mut self.buffer).await? > 0,
                "the answer broke off"
            );
        }
        ensure!(
            answered,
            "not {}: {}",
            self.expected,
            String::from_utf8_lossy(&self.buffer)
        );
        Ok(())
    }
}

impl Client for Rest {
    async fn call(&mut self, number: usize) -> anyhow::Result<()> {
        let body = self
            .bodies
            .get(number % self.bodies.len())
            .context("no CSR was made")?;
        let request = format!("{}content-length: {}\r\n\r\n{body}", self.head, body.len());
        self.stream.write_all(request.as_bytes()).await?;
        self.answer().await
    }
}
