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
use crate::{baseline, grpc, requests};

/// Requests made before each measurement; more than any machine of today answers in its seconds.
const PREPARED_A_SECOND: usize = 6_000;

pub(crate) async fn measure(report: &mut Report, clients: usize, seconds: u64) -> anyhow::Result<()> {
    let length = Duration::from_secs(seconds);
    let signatures = baseline::signatures(Duration::from_secs(2))?;
    report.figure("P-256 signatures, all cores", format!("{signatures:.0}/s"));
    let prepared = PREPARED_A_SECOND * usize::try_from(seconds)?;
    let csrs = Arc::new(requests::csrs(prepared)?);
    let postgres = Postgres::start_with(testkit::postgres::Options {
        fsync: true,
        ..Default::default()
    })
    .await?;
    let url = postgres.url();
    for (name, arguments) in [
        ("SQLite", vec![]),
        ("PostgreSQL", vec!["--database-url", url.as_str()]),
    ] {
        let system = System::bootstrapped(&arguments, &[grpc::CALLER])?;
        let next = Arc::new(AtomicUsize::new(0));
        let run = Run::full(length, &next);
        let warm = Run::full(Duration::from_secs(1), &next);
        warm.run(connect_all(&system, clients, &csrs).await?)
            .await
            .context(format!("warming up {name}"))?;
        let rest = run
            .clone()
            .run(connect_all(&system, clients, &csrs).await?)
            .await?;
        let rows = baseline::rows(&system, &arguments).await?;
        let insert = baseline::insert(&rows, &arguments, Duration::from_secs(5)).await?;
        report.figure(
            format!("{name}: bare batched insert of the same rows"),
            format!("{insert:.0}/s"),
        );
        report.ratio(
            format!("{name}: issued over REST"),
            format!("{:.0}/s", rest.rate),
            rest.rate / insert,
            "bare insert",
        );
        report.figure(format!("{name}: REST at full load, p50 / p99"), latencies(&rest));
        let half = run.clone().paced(rest.rate / 2.0);
        let half = half.run(connect_all(&system, clients, &csrs).await?).await?;
        report.figure(format!("{name}: REST at half load, p50 / p99"), latencies(&half));
        let over_grpc = run.run(grpc::connect_all(&system, clients, &csrs)?).await?;
        report.ratio(
            format!("{name}: issued over gRPC"),
            format!("{:.0}/s", over_grpc.rate),
            over_grpc.rate / insert,
            "bare insert",
        );
    }
    Ok(())
}

fn latencies(outcome: &Outcome) -> String {
    let ms = |share| outcome.percentile(share).as_secs_f64() * 1000.0;
    format!("{:.1} / {:.1} ms", ms(0.5), ms(0.99))
}

async fn connect_all(system: &System, clients: usize, csrs: &Arc<Vec<Vec<u8>>>) -> anyhow::Result<Vec<Rest>> {
    let mut all = Vec::with_capacity(clients);
    for _ in 0..clients {
        all.push(Rest::connect(system, Arc::clone(csrs)).await?);
    }
    Ok(all)
}

/// One keep-alive connection. HTTP/1.1 by hand, so that the load generator leaves the cores to the server.
struct Rest {
    stream: TlsStream<TcpStream>,
    head: String,
    csrs: Arc<Vec<Vec<u8>>>,
    buffer: Vec<u8>,
}

impl Rest {
    async fn connect(system: &System, csrs: Arc<Vec<Vec<u8>>>) -> anyhow::Result<Self> {
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
            csrs,
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
        let text = String::from_utf8_lossy(self.buffer.get(..head).unwrap_or_default()).to_ascii_lowercase();
        let length = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .context("no content-length")?;
        let total = head + length.trim().parse::<usize>()?;
        while self.buffer.len() < total {
            ensure!(
                self.stream.read_buf(&mut self.buffer).await? > 0,
                "the answer broke off"
            );
        }
        ensure!(
            text.starts_with("http/1.1 201"),
            "refused: {}",
            String::from_utf8_lossy(&self.buffer)
        );
        Ok(())
    }
}

impl Client for Rest {
    async fn call(&mut self, number: usize) -> anyhow::Result<()> {
        let csr = self
            .csrs
            .get(number % self.csrs.len())
            .context("no CSR was made")?;
        let body = serde_json::json!({"csr": x509::pem::encode("CERTIFICATE REQUEST", csr), "profile": "tls-server"});
        let body = body.to_string();
        let request = format!("{}content-length: {}\r\n\r\n{body}", self.head, body.len());
        self.stream.write_all(request.as_bytes()).await?;
        self.answer().await
    }
}
