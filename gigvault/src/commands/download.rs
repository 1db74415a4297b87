//! `cert download`: a certificate in PEM, or with its key in a PKCS#12 file.

use std::path::Path;

use anyhow::Context;
use client::Client;
use keys::Signer;

use super::delivery::{self, OWNER_ONLY, PUBLIC};
use super::{files, private_key};
use crate::cli::{Download, FileFormat};
use crate::exit::Usage;
use crate::output::Output;

pub(super) async fn run(client: &Client, arguments: &Download, output: Output) -> anyhow::Result<()> {
    let out = arguments.out.as_deref().filter(|path| !files::is_stream(path));
    if let Some(path) = out {
        files::check_free(&[path], arguments.own.key.as_deref(), arguments.force)?;
    }
    let (content, mode) = match arguments.file.format {
        FileFormat::Pkcs12 => (pkcs12(client, arguments).await?, OWNER_ONLY),
        FileFormat::Pem => {
            let pem = match arguments.chain {
                true => client.certificates().chain(&arguments.serial).await?,
                false => client.certificates().get(&arguments.serial).await?.certificate,
            };
            (pem.into_bytes(), PUBLIC)
        }
    };
    match out {
        Some(path) => files::put(&[&::files::stage(path, &content, mode)?], arguments.force),
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
    let key = private_key::read(&arguments.own)?;
    let pem = client.certificates().chain(&arguments.serial).await?;
    let leaf = x509::Certificate::from_pem(pem.as_bytes()).context("the chain cannot be read")?;
    if leaf.public_key().ok() != Some(key.public_key()) {
        return Err(mismatch(path, &arguments.serial));
    }
    // Last, so that no passphrase is typed for nothing.
    let passphrase = private_key::new_passphrase(arguments.file.out_passphrase_file.as_deref())?;
    delivery::pkcs12(&key, &pem, &arguments.serial, &passphrase)
}

fn mismatch(path: &Path, serial: &str) -> anyhow::Error {
    Usage(format!(
        "the key in {} is not that of certificate {serial}; name the key that it was issued for",
        path.display()
    ))
    .into()
}
