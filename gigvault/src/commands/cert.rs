//! `cert create | list | show | renew | hold | release`; the others have files of their own.

use anyhow::Context;
use client::{Certificate, Client, Issue};
use keys::{Signer, SoftwareKey};

use super::csr::{self, Wanted};
use super::delivery::{self, Delivery, Key};
use super::files::Bundle;
use super::revoke::descendants;
use super::{chain, download, filters, listing, names, now, preview, private_key, revoke, times};
use crate::cli::{self, CertCommand, Connection, FileFormat};
use crate::connection;
use crate::exit::{Done, say};
use crate::output::{Column, Output};

pub(super) async fn run(command: CertCommand, connection: &Connection, output: Output) -> anyhow::Result<()> {
    let client = connection::client(connection)?;
    match command {
        CertCommand::Create(arguments) => create(&client, &arguments, output).await,
        CertCommand::List(arguments) => list(&client, &arguments, output).await,
        CertCommand::Show { serial } => show(&client.certificates().get(&serial).await?, output),
        CertCommand::Download(arguments) => download::run(&client, &arguments, output).await,
        CertCommand::Renew(arguments) => renew(&client, &arguments, output).await,
        CertCommand::Revoke(arguments) => revoke::run(&client, &arguments, output).await,
        CertCommand::Hold { serial, dry_run } if dry_run.dry_run => {
            preview::show(&client.dry_run().hold(&serial).await?, output)
        }
        CertCommand::Hold { serial, .. } => hold(&client, &serial, output).await,
        CertCommand::Release { serial, dry_run } if dry_run.dry_run => {
            preview::show(&client.dry_run().release(&serial).await?, output)
        }
        CertCommand::Release { serial, .. } => show(&client.certificates().release(&serial).await?, output)
            .with_context(|| Done::unshown(&format!("certificate {serial} is released"))),
        // These find the server by themselves, or need none.
        CertCommand::Verify(_) | CertCommand::Status(_) => Ok(()),
    }
}

async fn hold(client: &Client, serial: &str, output: Output) -> anyhow::Result<()> {
    let held = client.certificates().hold(serial).await?;
    let mut rows = fields(&held.certificate);
    let mut warning = None;
    if let Some(issued) = &held.descendants {
        rows.extend(descendants::fields(issued));
        warning = descendants::warning_of_hold(serial, issued);
    }
    let shown = output
        .one(&held, &rows)
        .with_context(|| Done::unshown(&format!("certificate {serial} is on hold")));
    if let Some(warning) = warning {
        say(&warning);
    }
    shown
}

async fn create(client: &Client, arguments: &cli::Create, output: Output) -> anyhow::Result<()> {
    let bundle = Bundle::new(&arguments.out, &arguments.cn)?.forced(arguments.force);
    let own = arguments.own.key.as_deref();
    delivery::check_free(&bundle, arguments.file.format, own, own.is_none())?;
    let hosts = names::hosts(client, &arguments.profile).await;
    let named = names::of(&arguments.cn, &arguments.san, hosts)?;
    let wanted = Wanted {
        cn: named.cn.as_deref(),
        subject: None,
        sans: &named.sans,
    };
    let key = match own {
        Some(_) => Key::own(&arguments.own)?,
        None => Key::New(SoftwareKey::generate(arguments.key_type)?),
    };
    let new = Issue {
        csr: csr::sign(&wanted, key.software())?,
        profile: arguments.profile.clone(),
        ca: arguments.ca.clone(),
        validity: arguments.validity.clone(),
        ..Issue::default()
    };
    if arguments.dry_run.dry_run {
        return preview::show(&client.dry_run().issue(&new).await?, output);
    }
    let spki = key.software().public_key().fingerprint();
    let delivery = Delivery::stage(bundle, spki, Some(key), &arguments.file)?;
    delivery.finish(client.certificates().issue(&new), output).await
}

async fn list(client: &Client, arguments: &cli::List, output: Output) -> anyhow::Result<()> {
    let now = now();
    let filter = filters::of_list(arguments, now)?;
    let row = |certificate: &Certificate| {
        let names = if certificate.san.is_empty() {
            certificate.subject.clone()
        } else {
            first_names(&certificate.san)
        };
        vec![
            certificate.serial.clone(),
            names,
            certificate.profile.clone(),
            certificate.ca.clone(),
            certificate.status.clone(),
            times::minute(certificate.not_before),
            times::minute(certificate.not_after),
            times::left(certificate.not_after, now),
        ]
    };
    const COLUMNS: [Column; 8] = [
        // Whole, since other commands take it: a shortened one would have to be looked up again.
        Column::whole("serial", 0),
        Column::text("names", 0),
        Column::whole("profile", 4),
        Column::whole("ca", 5),
        Column::whole("status", 2),
        Column::whole("not before", 6),
        Column::whole("not after", 3),
        Column::whole("left", 1),
    ];
    let list = client.certificates().list(&filter)?;
    let none = listing::is_empty(list, &arguments.listing, output, &COLUMNS, row).await?;
    if none && !arguments.filters.internal {
        say("note: certificates of GigVault itself, such as service identities, are listed with --internal");
    }
    Ok(())
}

/// The first names and how many more.
pub(super) fn first_names(san: &[String]) -> String {
    const SHOWN: usize = 2;
    let bare = |name: &String| name.strip_prefix("dns:").unwrap_or(name).to_owned();
    let shown = san.iter().take(SHOWN).map(bare).collect::<Vec<_>>().join(", ");
    match san.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// A note for a person, beside the result and not in it.
pub(super) fn note(text: &str) {
    use std::io::IsTerminal;
    if std::io::stderr().is_terminal() {
        say(text);
    }
}

fn show(certificate: &Certificate, output: Output) -> anyhow::Result<()> {
    output.one(certificate, &fields(certificate))
}

/// What is shown of a certificate.
pub(super) fn fields(certificate: &Certificate) -> Vec<(&'static str, String)> {
    let revocation = certificate.revocation.as_ref().map(|revocation| {
        let by = match revocation.decided_as.as_deref() {
            Some(capacity) => format!(" by the {capacity}"),
            None => String::new(),
        };
        format!("{} ({}{by})", times::minute(revocation.time), revocation.reason)
    });
    vec![
        ("serial", certificate.serial.clone()),
        ("status", certificate.status.clone()),
        ("revoked", revocation.unwrap_or_default()),
        ("subject", certificate.subject.clone()),
        ("names", certificate.san.join(", ")),
        ("ca", certificate.ca.clone()),
        (
            "chain",
            chain::subjects(&certificate.certificate, &certificate.chain),
        ),
        ("profile", certificate.profile.clone()),
        ("not before", times::minute(certificate.not_before)),
        ("not after", times::until(certificate.not_after, now())),
        (
            "requested by",
            format!("{} over {}", certificate.requester, certificate.protocol),
        ),
        (
            "last OCSP query",
            certificate
                .last_ocsp_query_at
                .map(times::minute)
                .unwrap_or_default(),
        ),
        ("renewed by", certificate.issued_by.clone().unwrap_or_default()),
        ("renews", certificate.replaces.clone().unwrap_or_default()),
        ("renewed as", certificate.replaced_by.clone().unwrap_or_default()),
        (
            "key",
            certificate
                .key
                .as_ref()
                .map(|key| key.kind.clone())
                .unwrap_or_default(),
        ),
        ("signature", certificate.signature_algorithm.clone()),
        ("extensions", extensions(certificate)),
        (
            "lint",
            certificate
                .lint
                .as_ref()
                .map(|ids| ids.join(", "))
                .unwrap_or_default(),
        ),
        ("sha-256", certificate.fingerprint_sha256.clone()),
        ("key sha-256", certificate.spki_sha256.clone()),
        ("cannot be read", certificate.damaged.join(", ")),
    ]
}

/// A line for each extension, and one for each thing that it says where there are several.
fn extensions(certificate: &Certificate) -> String {
    let one = |extension: &client::Extension| {
        let critical = if extension.critical { " (critical)" } else { "" };
        let name = format!("{}{critical}", extension.name);
        match extension.text.contains('\n') {
            true => format!("{name}:\n  {}", extension.text.replace('\n', "\n  ")),
            false => format!("{name}: {}", extension.text),
        }
    };
    certificate
        .extensions
        .iter()
        .map(one)
        .collect::<Vec<_>>()
        .join("\n")
}

async fn renew(client: &Client, arguments: &cli::Renew, output: Output) -> anyhow::Result<()> {
    if arguments.file.format == FileFormat::Pkcs12 && arguments.own.key.is_none() && !arguments.new_key {
        return Err(private_key::none_for_pkcs12());
    }
    let old = client.certificates().get(&arguments.serial).await?;
    let parsed = x509::Certificate::from_pem(old.certificate.as_bytes())
        .context("the old certificate cannot be read")?;
    let name = parsed.subject().common_names().into_iter().next();
    let bundle = Bundle::new(&arguments.out, name.as_deref().unwrap_or(&old.serial))?.forced(arguments.force);
    let own = arguments.own.key.as_deref();
    delivery::check_free(&bundle, arguments.file.format, own, arguments.new_key)?;
    let key = match (own, arguments.new_key) {
        (Some(_), _) => Some(Key::own(&arguments.own)?),
        (None, true) => Some(Key::New(SoftwareKey::generate(arguments.key_type)?)),
        // The server certifies the key that it knows.
        (None, false) => None,
    };
    let wanted = Wanted {
        cn: None,
        subject: Some(parsed.subject()),
        sans: parsed.sans(),
    };
    let csr = key.as_ref().map(|key| csr::sign(&wanted, key.software()));
    let renewal = client::Renew {
        csr: csr.transpose()?,
        validity: arguments.validity.clone(),
    };
    if arguments.dry_run.dry_run {
        return preview::show(&client.dry_run().renew(&old.serial, &renewal).await?, output);
    }
    let spki = match &key {
        Some(key) => key.software().public_key().fingerprint(),
        None => parsed.spki_fingerprint(),
    };
    let delivery = Delivery::stage(bundle, spki, key, &arguments.file)?.renewing(&old.serial);
    let certificates = client.certificates();
    delivery
        .finish(certificates.renew(&old.serial, &renewal), output)
        .await
}
