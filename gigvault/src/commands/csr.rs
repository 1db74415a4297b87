//! `csr create | inspect | submit`, and how the CLI makes keys and CSRs.

use std::path::Path;

use anyhow::Context;
use client::Issue;
use keys::{Signer, SoftwareKey};
use serde_json::json;
use x509::csr::{Csr, ReceivedCsr};
use x509::{DistinguishedName, San};

use super::delivery::{Delivery, OWNER_ONLY, PUBLIC};
use super::files::{self, Bundle};
use super::names::{self, Hosts};
use super::{preview, private_key};
use crate::cli::{Connection, CsrCommand, CsrCreate, CsrSubmit};
use crate::connection;
use crate::exit::{Done, Usage};
use crate::output::Output;

pub(super) async fn run(command: CsrCommand, connection: &Connection, output: Output) -> anyhow::Result<()> {
    match command {
        CsrCommand::Create(arguments) => create(&arguments, output),
        CsrCommand::Inspect { file } => inspect(&files::read(&file)?, &file.display().to_string(), output),
        CsrCommand::Submit(arguments) => submit(&arguments, connection, output).await,
    }
}

/// What a CSR is to say.
pub(super) struct Wanted<'a> {
    pub(super) cn: Option<&'a str>,
    /// Instead of the common name alone.
    pub(super) subject: Option<&'a DistinguishedName>,
    pub(super) sans: &'a [San],
}

/// A CSR in PEM, signed with the key that it is for.
pub(super) fn sign(wanted: &Wanted<'_>, key: &SoftwareKey) -> anyhow::Result<String> {
    let subject = match (wanted.subject, wanted.cn) {
        (Some(subject), _) => subject.clone(),
        (None, Some(cn)) => DistinguishedName::common_name(cn).context("the common name")?,
        (None, None) => DistinguishedName::default(),
    };
    let algorithm = key.algorithm();
    let der = Csr::build(&subject, wanted.sans, key.public_key(), algorithm, |message| {
        key.sign(message, algorithm)
    })?;
    Ok(x509::pem::encode("CERTIFICATE REQUEST", &der))
}

fn create(arguments: &CsrCreate, output: Output) -> anyhow::Result<()> {
    let bundle = Bundle::new(&arguments.out, &arguments.cn)?.forced(arguments.force);
    let subject = match &arguments.subject {
        Some(text) => Some(
            text.parse()
                .map_err(|error| Usage(format!("--subject: {error}")))?,
        ),
        None => None,
    };
    let named = names::of(&arguments.cn, &arguments.san, Hosts::WithDots)?;
    let wanted = Wanted {
        cn: named.cn.as_deref(),
        subject: subject.as_ref(),
        sans: &named.sans,
    };
    let csr = match arguments.own.key.as_deref() {
        own @ Some(_) => {
            files::check_free(&[&bundle.csr], own, bundle.force)?;
            let key = private_key::read(&arguments.own)?;
            let csr = sign(&wanted, &key)?;
            save(&bundle, None, &csr)?;
            csr
        }
        None => {
            files::check_free(&[&bundle.key, &bundle.csr], None, bundle.force)?;
            let key = SoftwareKey::generate(arguments.key_type)?;
            let csr = sign(&wanted, &key)?;
            save(&bundle, Some(&key), &csr)?;
            csr
        }
    };
    let key = arguments
        .own
        .key
        .as_ref()
        .unwrap_or(&bundle.key)
        .display()
        .to_string();
    let file = bundle.csr.display().to_string();
    let whole = json!({"csr": csr, "csr_file": file, "key_file": key});
    output
        .one(&whole, &[("key", key.clone()), ("csr", file.clone())])
        .with_context(|| Done::unshown(&format!("the CSR is in {file}, for the key in {key}")))
}

/// Writes a CSR, and its key if that is new.
fn save(bundle: &Bundle, key: Option<&SoftwareKey>, csr: &str) -> anyhow::Result<()> {
    let csr = ::files::stage(&bundle.csr, csr.as_bytes(), PUBLIC)?;
    let Some(key) = key else {
        return files::put(&[&csr], bundle.force);
    };
    let key = ::files::stage(&bundle.key, keys::to_pem(key)?.as_bytes(), OWNER_ONLY)?;
    files::put(&[&key, &csr], bundle.force)
}

fn inspect(bytes: &[u8], file: &str, output: Output) -> anyhow::Result<()> {
    let csr = Csr::from_pem_or_der(bytes).with_context(|| format!("{file} would be refused"))?;
    let sans: Vec<String> = csr.sans().iter().map(ToString::to_string).collect();
    let extensions: Vec<String> = csr
        .requested_extensions()
        .iter()
        .map(|extension| extension.oid().to_string())
        .collect();
    let key = csr.public_key();
    let fingerprint = data_encoding::HEXLOWER.encode(&key.fingerprint());
    let whole = json!({
        "subject": csr.subject().to_string(),
        "san": sans,
        "key_algorithm": key.algorithm().to_string(),
        "spki_sha256": fingerprint,
        "requested_extensions": extensions,
        "challenge_password": csr.challenge_password().is_some(),
        "proof_of_possession": true,
    });
    output.one(
        &whole,
        &[
            ("subject", csr.subject().to_string()),
            ("names", sans.join(", ")),
            ("key", key.algorithm().to_string()),
            ("key sha-256", fingerprint.clone()),
            ("extensions", extensions.join(", ")),
            (
                "challenge password",
                if csr.challenge_password().is_some() {
                    "present".to_owned()
                } else {
                    String::new()
                },
            ),
            ("signature", "proves possession of the key".to_owned()),
        ],
    )
}

async fn submit(arguments: &CsrSubmit, connection: &Connection, output: Output) -> anyhow::Result<()> {
    let bytes = files::read(&arguments.file)?;
    let parsed =
        ReceivedCsr::from_pem_or_der(&bytes).with_context(|| arguments.file.display().to_string())?;
    let name = parsed.subject().common_names().into_iter().next();
    let stem = match files::is_stream(&arguments.file) {
        true => name.unwrap_or_else(|| "certificate".to_owned()),
        false => arguments
            .file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
    };
    let new = Issue {
        csr: x509::pem::encode("CERTIFICATE REQUEST", parsed.der()),
        profile: arguments.profile.clone(),
        ca: arguments.ca.clone(),
        validity: arguments.validity.clone(),
        subject: arguments.subject.clone(),
        san: (!arguments.san.is_empty()).then(|| arguments.san.clone()),
    };
    let client = connection::client(connection)?;
    if arguments.dry_run.dry_run {
        return preview::show(&client.dry_run().issue(&new).await?, output);
    }
    let bundle = Bundle::new(&arguments.out, &stem)?.forced(arguments.force);
    let places: [&Path; 2] = [&bundle.certificate, &bundle.chain];
    files::check_free(&places, Some(&arguments.file), bundle.force)?;
    let delivery = Delivery::certificate(bundle, parsed.public_key().fingerprint())?;
    delivery.finish(client.certificates().issue(&new), output).await
}
