//! `ca list | show | health | suspend | resume`; `ca crl` is in `crl.rs`.

use anyhow::Context;
use client::{Ca, CaKey, Part};

use super::{ca_health, chain, crl, key, listing, now, preview, times};
use crate::cli::{CaCommand, Connection};
use crate::connection;
use crate::exit::Done;
use crate::output::{Column, Output};

pub(super) async fn run(command: CaCommand, connection: &Connection, output: Output) -> anyhow::Result<()> {
    let client = connection::client(connection)?;
    match command {
        CaCommand::Crl(command) => crl::run(command, connection, output).await,
        CaCommand::List { listing } => {
            let row = |ca: &Ca| {
                let left = times::left(ca.not_after, now());
                vec![
                    ca.name.clone(),
                    status(ca).to_owned(),
                    ca.subject.clone(),
                    chain::issuer(&ca.certificate),
                    ca.key_algorithm.clone(),
                    times::minute(ca.not_after),
                    left,
                ]
            };
            const COLUMNS: [Column; 7] = [
                Column::whole("name", 0),
                Column::whole("status", 0),
                Column::value("subject", 0),
                Column::whole("issuer", 4),
                Column::whole("key", 3),
                Column::whole("not after", 2),
                Column::whole("left", 1),
            ];
            listing::run(client.cas().list(), &listing, output, &COLUMNS, row).await
        }
        CaCommand::Show { name } => show(&client.cas().get(&name).await?, output),
        CaCommand::Health { name } => ca_health::run(&client, name.as_deref(), output).await,
        CaCommand::Suspend { name, dry_run } if dry_run.dry_run => {
            preview::show(&client.dry_run().suspend(&name).await?, output)
        }
        CaCommand::Suspend { name, .. } => show(&client.cas().suspend(&name).await?, output)
            .with_context(|| Done::unshown(&format!("CA {name} is suspended"))),
        CaCommand::Resume { name, dry_run } if dry_run.dry_run => {
            preview::show(&client.dry_run().resume(&name).await?, output)
        }
        CaCommand::Resume { name, .. } => show(&client.cas().resume(&name).await?, output)
            .with_context(|| Done::unshown(&format!("CA {name} issues again"))),
    }
}

/// Whether it issues now.
fn status(ca: &Ca) -> &'static str {
    match now() {
        _ if ca.suspended_since.is_some() => "suspended",
        now if now < ca.not_before => "not yet valid",
        now if now > ca.not_after => "expired",
        _ => "active",
    }
}

/// What the key manager says of the key, on one line.
fn of_keymgr(part: &Part<CaKey>) -> String {
    match part {
        Part::Known(known) => {
            let CaKey {
                name,
                algorithm,
                backend,
                ..
            } = known;
            let made = times::minute(known.created_at);
            let signed = match known.signatures.is_empty() {
                true => "nothing".to_owned(),
                false => key::signatures(&known.signatures),
            };
            format!("{name}: {algorithm}, {backend}, made {made}; signed {signed}")
        }
        Part::Unavailable { unavailable, .. } => {
            format!("unavailable: {}: {}", unavailable.service, unavailable.detail)
        }
    }
}

fn show(ca: &Ca, output: Output) -> anyhow::Result<()> {
    let suspended = ca.suspended_since.map(|since| {
        let by = ca.suspended_by.as_deref().unwrap_or_default();
        format!("since {} by {by}; issues nothing", times::minute(since))
    });
    output.one(
        ca,
        &[
            ("name", ca.name.clone()),
            ("status", status(ca).to_owned()),
            ("subject", ca.subject.clone()),
            ("suspended", suspended.unwrap_or_default()),
            ("key", ca.key_algorithm.clone()),
            ("signs with", ca.signature_algorithm.clone()),
            (
                "key of keymgr",
                ca.key.as_ref().map(of_keymgr).unwrap_or_default(),
            ),
            ("not before", times::minute(ca.not_before)),
            ("not after", times::until(ca.not_after, now())),
            ("profiles", ca.profiles.join(", ")),
            ("chain", chain::details(&ca.certificate, &ca.chain)),
            ("certificate", ca.certificate.clone()),
        ],
    )
}
