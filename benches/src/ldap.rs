//! A CRL over LDAP, beside the same over our own HTTP.

use std::time::Duration;

use anyhow::ensure;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use x509::Certificate;

use crate::lists::restart_with_revoked;
use crate::load::{Client, Run};
use crate::memory::{self, Peak};
use crate::plain::Exchange;
use crate::report::Report;
use crate::storage::{Configured, Storage};
use crate::{Args, Database};

const SETTINGS: &str = "crl: {immediate: false}\n";
const LIST: &str = "/crl/issuing.crl";
const ATTRIBUTE: &str = "certificateRevocationList;binary";
/// Most clients: each has a long answer under way.
const CLIENTS: usize = 8;
const READ: usize = 64 * 1024;

pub(crate) async fn measure(report: &mut Report, args: &Args) -> anyhow::Result<()> {
    for database in &args.on {
        let storage = Storage::start(*database).await?;
        let mut configured = Configured::start(&storage, SETTINGS).await?;
        restart_with_revoked(&mut configured, args.ldap_entries, SETTINGS).await?;
        on(report, args, *database, &configured).await?;
    }
    Ok(())
}

async fn on(
    report: &mut Report,
    args: &Args,
    database: Database,
    configured: &Configured,
) -> anyhow::Result<()> {
    let (http, ldap) = (&configured.system.ready().http, &configured.system.ready().ldap);
    let fetch = async |path: &str| reqwest::get(format!("{http}{path}")).await?.error_for_status();
    let list = fetch(LIST).await?.bytes().await?;
    let issuer = Certificate::from_der(&fetch("/ca/issuing.crt").await?.bytes().await?)?;
    let question = search(&issuer.subject().to_string());
    let clients = args.clients.min(CLIENTS);
    let length = Duration::from_secs(args.seconds);
    let run = || Run::full(length, &std::sync::Arc::default());

    let exchange = Exchange::get(http, LIST, list.len());
    let over_http =
        async || -> anyhow::Result<f64> { Ok(run().run(exchange.connect(clients).await?).await?.rate) };
    let before = over_http().await?;
    let mut all = Vec::with_capacity(clients);
    for _ in 0..clients {
        all.push(Ldap::connect(ldap, &question, list.len()).await?);
    }
    let peak = Peak::begin(configured.system.ready().pid)?;
    let over_ldap = run().run(all).await?.rate;
    let most = peak.end()?;
    let after = over_http().await?;
    ensure!(exchange.refused() == 0, "the CRL was not served each time");
    let name = format!("{database}, CRL of {} entries", args.ldap_entries);
    let rate = |rate: f64| format!("{:.1} MB/s", rate * list.len() as f64 / 1e6);
    let over_http = f64::midpoint(before, after);
    report.figure(format!("{name}, over HTTP"), rate(over_http));
    report.ratio(
        format!("{name}, over LDAP"),
        rate(over_ldap),
        over_ldap / over_http,
        "our HTTP",
    );
    report.figure(
        format!("{name}, over LDAP: peak of memory beyond that before, {clients} clients"),
        memory::mebibytes(most),
    );
    Ok(())
}

/// A search for the list in the entry of that name (RFC 4511 section 4.5.1), as message 1.
fn search(base: &str) -> Vec<u8> {
    let parts = [
        tlv(0x04, base.as_bytes()),
        // Scope base, aliases are not followed, no limits, values too.
        vec![0x0a, 1, 0, 0x0a, 1, 0, 2, 1, 0, 2, 1, 0, 1, 1, 0],
        tlv(0x87, b"objectClass"),
        tlv(0x30, &tlv(0x04, ATTRIBUTE.as_bytes())),
    ];
    let operation = tlv(0x63, &parts.concat());
    tlv(0x30, &[&[2, 1, 1][..], &operation].concat())
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    // Four octets of length are BER, however short the content is.
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&[tag, 0x84][..], &length, content].concat()
}

/// One connection.
struct Ldap {
    stream: TcpStream,
    question: Vec<u8>,
    /// Octets of the list.
    least: usize,
    received: Vec<u8>,
}

impl Ldap {
    async fn connect(url: &str, question: &[u8], least: usize) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(url.trim_start_matches("ldap://")).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            question: question.to_vec(),
            least,
            received: Vec::with_capacity(READ),
        })
    }

    async fn read(&mut self) -> anyhow::Result<()> {
        let read = self.stream.read_buf(&mut self.received).await?;
        ensure!(read > 0, "the directory closed the connection");
        Ok(())
    }

    /// Reads one message, of which only the beginning is kept; answers the tag of its operation, and its octets.
    async fn message(&mut self) -> anyhow::Result<(u8, usize)> {
        let (head, length) = loop {
            if let Some(found) = head(&self.received) {
                break found;
            }
            self.read().await?;
        };
        // Behind the number of the message, which has one octet.
        while self.received.len() < head + 4 {
            self.read().await?;
        }
        let tag = self.received.get(head + 3).copied().unwrap_or_default();
        let mut left = head + length;
        while self.received.len() < left {
            left -= self.received.len();
            self.received.clear();
            self.read().await?;
        }
        self.received.drain(..left);
        Ok((tag, length))
    }
}

/// Octets before the content of a message, and octets of the content.
fn head(octets: &[u8]) -> Option<(usize, usize)> {
    let first = usize::from(*octets.get(1)?);
    if first < 0x80 {
        return Some((2, first));
    }
    let count = first - 0x80;
    let digits = octets.get(2..2 + count)?;
    let length = digits
        .iter()
        .fold(0, |length, digit| length << 8 | usize::from(*digit));
    Some((2 + count, length))
}

impl Client for Ldap {
    async fn call(&mut self, _number: usize) -> anyhow::Result<()> {
        self.stream.write_all(&self.question).await?;
        let (tag, length) = self.message().await?;
        ensure!(
            tag == 0x64 && length > self.least,
            "an entry with the CRL was expected, not {length} octets of an operation {tag:#x}"
        );
        let (tag, _) = self.message().await?;
        ensure!(
            tag == 0x65,
            "the end of the search was expected, not operation {tag:#x}"
        );
        Ok(())
    }
}
