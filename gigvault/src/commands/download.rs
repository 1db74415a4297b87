//! `cert download`: a certificate in PEM, or with its key in a PKCS#12 file.

use std::path::Path;

use anyhow::Context;
use client::Client;
use keys::{Pkcs12, Signer};

use super::{files, private_key};
use crate::cli::{Download, DownloadFormat};
use crate::exit::Usage;
use crate::output::Output;

/// The file holds a private key.
const OWNER_ONLY: u32 = 0o600;
const PUBLIC: u32 = 0o644;

pub(super) async fn run(client: &Client, arguments: &Download, output: Output) -> anyhow::Result<()> {
    let (content, mode) = match arguments.format {
        DownloadFormat::Pkcs12 => (pkcs12(client, arguments).await?, OWNER_ONLY),
        DownloadFormat::Pem => {
            let pem = match arguments.chain {
                true => client.certificates().chain(&arguments.serial).await?,
                false => client.certificates().get(&arguments.serial).await?.certificate,
            };
            (pem.into_bytes(), PUBLIC)
        }
    };
    match arguments.out.as_deref().filter(|path| !files::is_stream(path)) {
        Some(path) => Ok(::files::replace(path, &content, mode)?),
        None => output.bytes(&content),
    }
}

async fn pkcs12(client: &Client, arguments: &Download) -> anyhow::Result<Vec<u8>> {
    let (Some(path), Some(_)) = (&arguments.own.key, &arguments.out) else {
        return Err(Usage(
            "a PKCS#12 file holds the private key: name its file with --key, and the new file with --out"
                .to_owned(),
        )
        .into());
    };
    let key = private_key::read(path, arguments.own.key_passphrase_file.as_deref())?;
    let pem = client.certificates().chain(&arguments.serial).await?;
    let chain = x509::Certificate::chain_from_pem(pem.as_bytes()).context("the chain can't be read")?;
    let leaf = chain.first().context("the chain is empty")?;
    if leaf.public_key().ok() != Some(key.public_key()) {
        return Err(mismatch(path, &arguments.serial));
    }
    let name = leaf.subject().common_names().into_iter().next();
    let name = name.unwrap_or_else(|| arguments.serial.clone());
    // Last, so that nobody types a passphrase for nothing.
    let passphrase = private_key::new_passphrase(arguments.out_passphrase_file.as_deref())?;
    Ok(Pkcs12::to_der(&key, &chain, &name, &passphrase)?)
}

fn mismatch(path: &Path, serial: &str) -> anyhow::Error {
    Usage(format!(
        "the key in {} is not that of certificate {serial}; name the key that it was issued for",
        path.display()
    ))
    .into()
}
