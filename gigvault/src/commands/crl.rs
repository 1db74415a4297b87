//! `ca crl show | publish | import | download`.

mod download;

use std::path::Path;

use anyhow::Context;
use client::{Client, Crl, CrlImport, Crls, ImportedCrl};
use data_encoding::BASE64;

use super::cert::note;
use super::{files, now, preview, times};
use crate::cli::{Connection, CrlCommand};
use crate::connection;
use crate::exit::Done;
use crate::output::{Column, Output};

pub(super) async fn run(command: CrlCommand, connection: &Connection, output: Output) -> anyhow::Result<()> {
    let client = connection::client(connection)?;
    match command {
        CrlCommand::Show { name } => show(&client.cas().crls(&name).await?, output),
        CrlCommand::Publish { name, dry_run } if dry_run.dry_run => {
            preview::show(&client.dry_run().publish_crls(&name).await?, output)
        }
        CrlCommand::Publish { name, .. } => show(&client.cas().publish_crls(&name).await?, output)
            .with_context(|| Done::unshown(&format!("the CRLs of {name} are published"))),
        CrlCommand::Import { name, file, dry_run } => {
            import(&client, (&name, &file), dry_run.dry_run, output).await
        }
        CrlCommand::Download(arguments) => download::run(&client, &arguments, output).await,
    }
}

async fn import(
    client: &Client,
    (name, file): (&str, &Path),
    dry_run: bool,
    output: Output,
) -> anyhow::Result<()> {
    let content = files::read(file)?;
    let crl = match (x509::pem::is_pem(&content), String::from_utf8(content)) {
        (true, Ok(text)) => CrlImport { crl: text },
        (_, Ok(text)) => CrlImport {
            crl: BASE64.encode(text.as_bytes()),
        },
        (_, Err(der)) => CrlImport {
            crl: BASE64.encode(der.as_bytes()),
        },
    };
    if dry_run {
        return preview::show(&client.dry_run().import_crl(name, &crl).await?, output);
    }
    let imported = client.cas().import_crl(name, &crl).await?;
    tell(&imported, output).with_context(|| Done::unshown(&format!("the CRL of {name} is imported")))
}

fn tell(imported: &ImportedCrl, output: Output) -> anyhow::Result<()> {
    let crl = &imported.crl;
    let replaced = imported.replaced.as_ref().map(|before| {
        let made = times::minute(before.this_update);
        format!("number {} of {made}", before.number)
    });
    output.one(
        imported,
        &[
            ("url", crl.url.clone()),
            ("number", crl.number.to_string()),
            ("entries", crl.entries.to_string()),
            ("this update", times::minute(crl.this_update)),
            ("next update", times::until(crl.next_update, now())),
            ("replaces", replaced.unwrap_or_default()),
        ],
    )?;
    if imported.unchanged {
        note("This very CRL was served already; nothing was done.");
    }
    Ok(())
}

fn show(crls: &Crls, output: Output) -> anyhow::Result<()> {
    const COLUMNS: [Column; 8] = [
        Column::whole("issuer", 0),
        Column::whole("kind", 0),
        Column::whole("shard", 4),
        Column::whole("number", 0),
        Column::whole("entries", 3),
        Column::whole("octets", 5),
        Column::whole("this update", 2),
        Column::whole("next update", 0),
    ];
    let row = |crl: &Crl| {
        vec![
            crl.issuer.clone(),
            kind(crl),
            shard(crl),
            crl.number.to_string(),
            crl.entries.to_string(),
            crl.octets.to_string(),
            times::minute(crl.this_update),
            times::minute(crl.next_update),
        ]
    };
    output.list(crls, &COLUMNS, crls.crls.iter().map(row))?;
    if crls.crls.is_empty() {
        note("No CRL is out.");
    }
    Ok(())
}

fn kind(crl: &Crl) -> String {
    match crl.base {
        Some(base) => format!("delta of {base}"),
        None if crl.imported => "imported".to_owned(),
        None => crl.kind.clone(),
    }
}

fn shard(crl: &Crl) -> String {
    match crl.shard {
        0 => String::new(),
        shard => shard.to_string(),
    }
}
