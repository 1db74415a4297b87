//! `ca crl download`: from the URL that certificates point to, and no other one, so that what arrives is what relying parties get.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use client::{Client, Crl};
use data_encoding::HEXLOWER;
use serde::Serialize;
use x509::crl::CertificateList;

use super::super::delivery::PUBLIC;
use super::super::files;
use crate::cli::{CrlDownload, CrlFormat};
use crate::output::{Column, Output};

/// How often a CRL is asked for that is replaced while it is fetched.
const ATTEMPTS: usize = 3;

/// A file that was written.
#[derive(Serialize)]
struct Written {
    file: PathBuf,
    url: String,
    number: u64,
}

pub(super) async fn run(client: &Client, arguments: &CrlDownload, output: Output) -> anyhow::Result<()> {
    if arguments.all {
        return all(client, arguments, output).await;
    }
    let name = arguments.name.as_deref().unwrap_or_default();
    let out = arguments.out.as_deref().filter(|path| !files::is_stream(path));
    if let Some(path) = out {
        files::check_free(&[path], None, arguments.force)?;
    }
    let wanted =
        |crl: &Crl| crl.issuer == name && crl.is_delta() == arguments.delta && crl.shard == arguments.shard;
    let crls = of_ca(client, name).await?;
    let crl = crls.iter().find(|crl| wanted(crl)).ok_or_else(|| {
        anyhow!("no such CRL of {name} is out; `gigvault ca crl show {name}` lists those that are")
    })?;
    let (_, der) = fetch(client, crl).await?;
    let content = formatted(der, arguments.format)?;
    match out {
        Some(path) => files::put(&[&::files::stage(path, &content, PUBLIC)?], arguments.force),
        None => output.bytes(&content),
    }
}

/// All that are out, each into its file: all of them, or none.
async fn all(client: &Client, arguments: &CrlDownload, output: Output) -> anyhow::Result<()> {
    let folder = arguments.out.as_deref().unwrap_or(Path::new("."));
    let trust = client.trust().await?;
    let issuers = trust.roots.iter().chain(&trust.cas);
    let names: BTreeSet<&str> = issuers
        .filter_map(|issuer| issuer.name.as_deref())
        .map(ca_of)
        .collect();
    let mut crls = Vec::new();
    for name in names {
        crls.extend(client.cas().crls(name).await?.crls);
    }
    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let paths: Vec<PathBuf> = crls
        .iter()
        .map(|crl| folder.join(file_name(crl, arguments.format)))
        .collect();
    let borrowed: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    files::check_free(&borrowed, None, arguments.force)?;
    let mut staged = Vec::new();
    let mut written = Vec::new();
    for (crl, file) in crls.iter().zip(paths) {
        let (number, der) = fetch(client, crl).await?;
        let content = formatted(der, arguments.format)?;
        staged.push(::files::stage(&file, &content, PUBLIC)?);
        let url = crl.url.clone();
        written.push(Written { file, url, number });
    }
    files::put(&staged.iter().collect::<Vec<_>>(), arguments.force)?;
    const COLUMNS: [Column; 3] = [
        Column::whole("file", 0),
        Column::whole("number", 0),
        Column::value("url", 1),
    ];
    let row = |one: &Written| {
        vec![
            one.file.display().to_string(),
            one.number.to_string(),
            one.url.clone(),
        ]
    };
    output.list(&written, &COLUMNS, written.iter().map(row))
}

/// The CA of an issuer generation.
fn ca_of(issuer: &str) -> &str {
    issuer.split_once('.').map_or(issuer, |(ca, _)| ca)
}

async fn of_ca(client: &Client, issuer: &str) -> anyhow::Result<Vec<Crl>> {
    Ok(client.cas().crls(ca_of(issuer)).await?.crls)
}

/// Number and octets of what is at the URL of a CRL, which has to be what the server says is out: that one, or one that has taken its
/// place in the meantime.
async fn fetch(client: &Client, crl: &Crl) -> anyhow::Result<(u64, Vec<u8>)> {
    let mut known = crl.clone();
    for _ in 0..ATTEMPTS {
        let octets = usize::try_from(known.octets).unwrap_or(usize::MAX);
        let (status, der) = client::fetch_up_to(&known.url, octets).await?;
        if status != 200 {
            bail!("{} answered HTTP {status}", known.url);
        }
        if HEXLOWER.encode(&x509::digest::sha256(&der)) == known.sha256 {
            return Ok((known.number, der));
        }
        let same = |other: &Crl| other.url == known.url;
        let now = of_ca(client, &known.issuer).await?.into_iter().find(same);
        match now {
            Some(now) if now.sha256 != known.sha256 => known = now,
            _ => break,
        }
    }
    bail!(
        "what is at {} is not CRL {} of {}, which the server says is out: a cache or another server answers there",
        known.url,
        known.number,
        known.issuer
    )
}

fn formatted(der: Vec<u8>, format: CrlFormat) -> anyhow::Result<Vec<u8>> {
    match format {
        CrlFormat::Der => Ok(der),
        CrlFormat::Pem => {
            let list = CertificateList::from_der(&der).context("what was fetched is not a CRL")?;
            Ok(list.pem().into_bytes())
        }
    }
}

/// `issuing.crl`, `issuing-delta.crl`, `issuing-3.crl`, `issuing-3-delta.crl`; `issuing.crl.pem` as text.
fn file_name(crl: &Crl, format: CrlFormat) -> String {
    let shard = match crl.shard {
        0 => String::new(),
        shard => format!("-{shard}"),
    };
    let delta = if crl.is_delta() { "-delta" } else { "" };
    let ending = match format {
        CrlFormat::Pem => ".crl.pem",
        CrlFormat::Der => ".crl",
    };
    // From the server, and a name of a file here.
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    let issuer: String = crl.issuer.chars().filter(|c| plain(*c)).collect();
    format!("{}{shard}{delta}{ending}", issuer.trim_start_matches('.'))
}
