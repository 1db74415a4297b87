//! `cert revoke --ca X --all`: every certificate of a CA that is valid or on hold, page by page, until a pass finds none.
//!
//! Counts first, then revokes as it reads. Nothing is kept of what was done: the list itself says what is left, so that a
//! run that was cut off is finished by the next. A CA that goes on issuing may never come to an end; `--stop-issuing`
//! suspends it first, and whatever happens, the command fails while anything valid is left.

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
/// Passes over the list. Each finds only what was issued during the one before, so that more than a few mean that the CA
/// issues as fast as this revokes.
const MOST_PASSES: u32 = 10;

/// What was found and done.
#[derive(Serialize)]
struct Report<'a> {
    ca: &'a str,
    reason: &'a str,
    dry_run: bool,
    /// The CA issues nothing any more.
    suspended: bool,
    /// Found valid at first.
    valid: u64,
    /// Found on hold at first.
    on_hold: u64,
    /// Revoked by this run.
    revoked: u64,
    /// Revoked by somebody else while this run worked.
    revoked_meanwhile: u64,
    /// Valid or on hold at the end.
    left: u64,
}

pub(super) async fn run(
    client: &Client,
    ca: &str,
    request: &Revoke,
    arguments: &cli::Revoke,
    output: Output,
) -> anyhow::Result<()> {
    if request.reason == "ca-compromise" {
        return Err(Usage(
            "--reason ca-compromise is for the certificate of a CA, and is given by who issued it (`gigvault rootca revoke`); \
             for what the CA has issued use superseded or unspecified"
                .to_owned(),
        )
        .into());
    }
    // A CA that does not exist has no certificates either, but that is not what was meant.
    let authority = client.cas().get(ca).await?;
    let (valid, on_hold) = (
        count(client, ca, "valid").await?,
        count(client, ca, "on_hold").await?,
    );
    let mut report = Report {
        ca,
        reason: &request.reason,
        dry_run: arguments.dry_run.dry_run,
        suspended: authority.suspended_since.is_some(),
        valid,
        on_hold,
        revoked: 0,
        revoked_meanwhile: 0,
        left: valid + on_hold,
    };
    if !arguments.dry_run.dry_run && (report.left > 0 || arguments.stop_issuing) {
        let stop = match arguments.stop_issuing {
            true => " and stop it from issuing",
            false => "",
        };
        let question = format!(
            "Revoke {} certificates of CA {ca} ({valid} valid, {on_hold} on hold) with reason {}{stop}?",
            report.left, request.reason
        );
        confirm(&question, arguments.yes, Unattended::Refuse)?;
        if arguments.stop_issuing {
            report.suspended = client.cas().suspend(ca).await?.suspended_since.is_some();
        }
        all_passes(client, request, &mut report).await?;
    }
    show(&report, output)?;
    if report.left > 0 && !report.dry_run {
        anyhow::bail!(
            "{} certificates of CA {ca} are left: it goes on issuing; run again with --stop-issuing",
            report.left
        );
    }
    Ok(())
}

fn show(report: &Report<'_>, output: Output) -> anyhow::Result<()> {
    let suspended = match report.suspended {
        true => format!("yes; `gigvault ca resume {}` lets it issue again", report.ca),
        false => "no".to_owned(),
    };
    let facts = [
        ("ca", report.ca.to_owned()),
        ("reason", report.reason.to_owned()),
        ("valid", report.valid.to_string()),
        ("on hold", report.on_hold.to_string()),
        ("suspended", suspended),
        ("revoked", report.revoked.to_string()),
        ("revoked in the meantime", report.revoked_meanwhile.to_string()),
        ("left", report.left.to_string()),
    ];
    let shown = if report.dry_run { 5 } else { facts.len() };
    output.one(report, facts.get(..shown).unwrap_or_default())
}

fn filter(ca: &str, status: &str) -> Filter {
    Filter {
        ca: Some(ca.to_owned()),
        status: Some(status.to_owned()),
        internal: true,
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

/// Goes through the list until it is empty, or [`MOST_PASSES`] times, and counts what is left then.
async fn all_passes(client: &Client, request: &Revoke, report: &mut Report<'_>) -> anyhow::Result<()> {
    let found = report.left;
    // Drawn on stderr, and only where that is a terminal.
    let bar = ProgressBar::new(found).with_style(ProgressStyle::with_template(
        "{bar:30} {pos}/{len} revoked, {eta} left",
    )?);
    for _ in 0..MOST_PASSES {
        let before = report.revoked + report.revoked_meanwhile;
        for status in ["on_hold", "valid"] {
            pass(client, status, request, report, &bar)
                .await
                .with_context(|| {
                    let revoked = report.revoked;
                    format!("{revoked} of {found} certificates were revoked; run it again for what is left")
                })?;
        }
        if report.revoked + report.revoked_meanwhile == before {
            break;
        }
    }
    bar.finish_and_clear();
    let ca = report.ca;
    report.left = count(client, ca, "valid").await? + count(client, ca, "on_hold").await?;
    Ok(())
}

/// Revokes all of that status. What was begun is ended and counted, also when one of them fails.
async fn pass(
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
        let done = report.revoked + report.revoked_meanwhile;
        bar.set_length(bar.length().unwrap_or(done).max(done));
        bar.set_position(done);
    }
}
