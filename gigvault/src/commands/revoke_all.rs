//! `cert revoke --ca X --all`: every certificate of a CA that is valid or on hold, page by page.
//!
//! Counts first, then revokes as it reads. Nothing is kept of what was done: the list itself says what is left, so that a
//! run that was cut off is finished by the next.

use anyhow::Context;
use client::{Client, Error, Filter, Revoke};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tokio::task::JoinSet;

use super::{Unattended, confirm};
use crate::cli;
use crate::exit::Usage;
use crate::output::Output;

/// Revocations that are under way at once: enough to hide the way there and back.
const AT_ONCE: usize = 8;

/// What was found and done.
#[derive(Serialize)]
struct Report<'a> {
    ca: &'a str,
    reason: &'a str,
    dry_run: bool,
    /// Found valid.
    valid: u64,
    /// Found on hold.
    on_hold: u64,
    /// Revoked by this run.
    revoked: u64,
    /// Revoked by somebody else while this run worked.
    revoked_meanwhile: u64,
}

pub(super) async fn run(
    client: &Client,
    ca: &str,
    request: &Revoke,
    arguments: &cli::Revoke,
    output: Output,
) -> anyhow::Result<()> {
    if request.reason == "remove-from-crl" {
        return Err(Usage("--all revokes; a hold is released one certificate at a time".to_owned()).into());
    }
    // A CA that does not exist has no certificates either, but that is not what was meant.
    client.cas().get(ca).await?;
    let mut report = Report {
        ca,
        reason: &request.reason,
        dry_run: arguments.dry_run,
        valid: count(client, ca, "valid").await?,
        on_hold: match request.reason.as_str() {
            // They are where they are to be.
            "certificate-hold" => 0,
            _ => count(client, ca, "on_hold").await?,
        },
        revoked: 0,
        revoked_meanwhile: 0,
    };
    let found = report.valid + report.on_hold;
    if found > 0 && !arguments.dry_run {
        let question = format!(
            "Revoke {found} certificates of CA {ca} ({} valid, {} on hold) with reason {}?",
            report.valid, report.on_hold, request.reason
        );
        confirm(&question, arguments.yes, Unattended::Refuse)?;
        // Drawn on stderr, and only where that is a terminal.
        let bar = ProgressBar::new(found).with_style(ProgressStyle::with_template(
            "{bar:30} {pos}/{len} revoked, {eta} left",
        )?);
        for status in ["on_hold", "valid"] {
            if status == "valid" || report.on_hold > 0 {
                revoke(client, status, request, &mut report, &bar)
                    .await
                    .with_context(|| {
                        let revoked = report.revoked;
                        format!(
                            "{revoked} of {found} certificates were revoked; run it again for what is left"
                        )
                    })?;
            }
        }
        bar.finish_and_clear();
    }
    let facts = [
        ("ca", ca.to_owned()),
        ("reason", request.reason.clone()),
        ("valid", report.valid.to_string()),
        ("on hold", report.on_hold.to_string()),
        ("revoked", report.revoked.to_string()),
        ("revoked meanwhile", report.revoked_meanwhile.to_string()),
    ];
    let shown = if arguments.dry_run { 4 } else { facts.len() };
    output.one(&report, facts.get(..shown).unwrap_or_default())
}

fn filter(ca: &str, status: &str) -> Filter {
    Filter {
        ca: Some(ca.to_owned()),
        status: Some(status.to_owned()),
        ..Filter::default()
    }
}

async fn count(client: &Client, ca: &str, status: &str) -> Result<u64, Error> {
    let mut list = client.certificates().all(&filter(ca, status))?;
    let mut found = 0;
    while list.next().await?.is_some() {
        found += 1;
    }
    Ok(found)
}

/// Revokes all of that status. What was begun is ended and counted, also when one of them fails.
async fn revoke(
    client: &Client,
    status: &str,
    request: &Revoke,
    report: &mut Report<'_>,
    bar: &ProgressBar,
) -> Result<(), Error> {
    let mut list = client.certificates().all(&filter(report.ca, status))?;
    let mut under_way = JoinSet::new();
    let mut failed = None;
    loop {
        while under_way.len() < AT_ONCE && failed.is_none() {
            match list.next().await {
                Ok(Some(certificate)) => {
                    let (client, request) = (client.clone(), request.clone());
                    under_way.spawn(async move {
                        client.certificates().revoke(&certificate.serial, &request).await
                    });
                }
                Ok(None) => break,
                Err(error) => failed = Some(error),
            }
        }
        match under_way.join_next().await {
            Some(Ok(Ok(_))) => report.revoked += 1,
            Some(Ok(Err(error))) if error.status() == Some(409) => report.revoked_meanwhile += 1,
            Some(Ok(Err(error))) => failed = Some(error),
            // Nothing aborts these tasks, and they do not panic.
            Some(Err(_)) => {}
            None => return failed.map_or(Ok(()), Err),
        }
        bar.set_position(report.revoked + report.revoked_meanwhile);
    }
}
