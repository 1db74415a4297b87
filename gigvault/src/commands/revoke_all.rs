//! `cert revoke --ca X --all`: every certificate of a CA that is valid or on hold, job by job, until one finds none.
//!
//! Counts first, then asks the server for a job that revokes what it finds, and waits for its end. The server goes on with it
//! when this command is cut off. A job does not see what is issued after it has looked, so that another one follows. A CA
//! that goes on issuing may never come to an end; `--stop-issuing` suspends it first, and whatever happens, the command fails
//! while anything valid is left.

use std::time::{Duration, Instant};

use anyhow::Context;
use client::{Client, Error, Filter, Job, Revoke, Selection};
use indicatif::{HumanDuration, ProgressBar, ProgressState, ProgressStyle};
use kit::dry_run::counted;
use serde::Serialize;

use super::{Unattended, confirm};
use crate::cli;
use crate::exit::{Done, Usage};
use crate::output::Output;

/// Jobs of one run. Each finds only what was issued during the one before, so that more than a few mean that the CA issues
/// as fast as this revokes.
const MOST_JOBS: u32 = 10;
/// Between two looks at a job.
const LOOK: Duration = Duration::from_millis(200);
/// How long a server that does not answer is waited for while it is at a job; looks are repeated after [`AGAIN`].
const PATIENCE: Duration = Duration::from_secs(120);
const AGAIN: Duration = Duration::from_secs(2);
/// Profile of OCSP responders, which tell of the revocations: the server leaves them out where their profile is not named.
const OCSP_SIGNER: &str = "ocsp-signer";

/// What was found and done.
#[derive(Serialize)]
struct Report<'a> {
    ca: &'a str,
    reason: &'a str,
    dry_run: bool,
    /// The CA issues nothing any more; in a dry run, as it is now.
    suspended: bool,
    /// The CA is to be suspended first.
    stop_issuing: bool,
    /// Found valid at first.
    valid: u64,
    /// Found on hold at first.
    on_hold: u64,
    /// Revoked by this run.
    revoked: u64,
    /// Revoked by another request while this run worked.
    revoked_by_others: u64,
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
        stop_issuing: arguments.stop_issuing,
        valid,
        on_hold,
        revoked: 0,
        revoked_by_others: 0,
        left: valid + on_hold,
    };
    if !arguments.dry_run.dry_run && (report.left > 0 || arguments.stop_issuing) {
        let stop = match arguments.stop_issuing {
            true => " and stop it from issuing",
            false => "",
        };
        let question = format!(
            "Revoke {} of CA {ca} ({valid} valid, {on_hold} on hold) with reason {}{stop}?",
            counted(report.left, "certificate"),
            request.reason
        );
        confirm(&question, arguments.yes, Unattended::Refuse)?;
        if arguments.stop_issuing {
            report.suspended = client.cas().suspend(ca).await?.suspended_since.is_some();
        }
        all_jobs(client, request, &mut report).await?;
    }
    show(&report, output).with_context(|| match report.dry_run {
        true => Done("nothing was done".to_owned()),
        false => Done::unshown(&format!(
            "revoked {} of CA {ca}, left {}",
            counted(report.revoked, "certificate"),
            report.left
        )),
    })?;
    if report.left > 0 && !report.dry_run {
        anyhow::bail!(
            "left {} of CA {ca}: it goes on issuing; run again with --stop-issuing",
            counted(report.left, "certificate")
        );
    }
    Ok(())
}

fn show(report: &Report<'_>, output: Output) -> anyhow::Result<()> {
    let suspended = match report.suspended {
        true => format!("yes; `gigvault ca resume {}` lets it issue again", report.ca),
        false if report.dry_run && report.stop_issuing => "no; it would be, before all else".to_owned(),
        false => "no".to_owned(),
    };
    let facts = [
        ("ca", report.ca.to_owned()),
        ("reason", report.reason.to_owned()),
        ("valid", report.valid.to_string()),
        ("on hold", report.on_hold.to_string()),
        ("suspended", suspended),
        ("revoked", report.revoked.to_string()),
        ("revoked in the meantime", report.revoked_by_others.to_string()),
        ("left", report.left.to_string()),
    ];
    let shown = if report.dry_run { 5 } else { facts.len() };
    output.one(report, facts.get(..shown).unwrap_or_default())
}

fn filter(ca: &str, status: Option<&str>) -> Filter {
    Filter {
        ca: vec![ca.to_owned()],
        status: status.map(str::to_owned).into_iter().collect(),
        internal: true,
        ..Filter::default()
    }
}

async fn count(client: &Client, ca: &str, status: &str) -> Result<u64, Error> {
    let mut list = client.certificates().list(&filter(ca, Some(status)))?.items();
    let mut found = 0;
    while let Some(certificate) = list.next().await? {
        if certificate.profile != OCSP_SIGNER {
            found += 1;
        }
    }
    Ok(found)
}

/// One job after the other until nothing is left, or [`MOST_JOBS`] of them; then counts what is.
async fn all_jobs(client: &Client, request: &Revoke, report: &mut Report<'_>) -> anyhow::Result<()> {
    let found = report.left;
    let bar = progress(found)?;
    for _ in 0..MOST_JOBS {
        let filter = filter(report.ca, None);
        let selection = Selection::Matching(&filter);
        let job = client
            .certificates()
            .revoke_many(selection, request, None)
            .await?;
        let before = report.revoked + report.revoked_by_others;
        let job = until_its_end(client, job, before, &bar).await?;
        report.revoked += job.done;
        report.revoked_by_others += job.skipped;
        let ca = report.ca;
        report.left = count(client, ca, "valid").await? + count(client, ca, "on_hold").await?;
        if job.state != "done" || job.failed > 0 {
            bar.finish_and_clear();
            anyhow::bail!(unfinished(&job, report));
        }
        if report.left == 0 || job.total == Some(0) {
            break;
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// A bar of that many certificates. Drawn on stderr, and only where that is a terminal.
pub(super) fn progress(found: u64) -> anyhow::Result<ProgressBar> {
    let left = |state: &ProgressState, line: &mut dyn std::fmt::Write| {
        // Where the terminal is gone, there is no reader to tell.
        let _unwritten = line.write_str(&time_left(state.pos(), state.eta()));
    };
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} revoked{left}")?;
    Ok(ProgressBar::new(found).with_style(style.with_key("left", left)))
}

/// How long it will take; nothing before there is a pace to tell it by, and in its last second.
fn time_left(done: u64, left: Duration) -> String {
    match done > 0 && left >= Duration::from_secs(1) {
        true => format!(", {:#} left", HumanDuration(left)),
        false => String::new(),
    }
}

/// What a job that did not do everything did, and where the rest is told.
fn unfinished(job: &Job, report: &Report<'_>) -> String {
    let (id, state) = (&job.id, &job.state);
    let what = format!(
        "job {id} is {state}: revoked {}, failed {}, left {} of CA {}",
        counted(job.done, "certificate"),
        job.failed,
        report.left,
        report.ca
    );
    let list = |items: &str| format!("`gigvault job items {id} --state {items}`");
    let why = match &job.failure {
        Some(failure) => format!("; {failure}"),
        None if job.failed > 0 => format!("; {} says why", list("failed")),
        None if job.pending > 0 => format!("; {} lists what it did not look at", list("pending")),
        None => String::new(),
    };
    // Lists leave out what cannot be read, and so does the count of what is left.
    let next = match report.left {
        0 if job.failed > 0 => {
            "what it failed on is in no list, because it cannot be read: restore it, then run again"
        }
        _ => "run again to revoke what is left",
    };
    format!("{what}{why}; {next}")
}

/// Looks at a job. A server that does not answer is at it nevertheless, or will be: it is waited for.
async fn look(client: &Client, id: &str) -> anyhow::Result<Job> {
    let begun = Instant::now();
    loop {
        match client.jobs().get(id).await {
            Err(error) if is_away(&error) && begun.elapsed() < PATIENCE => tokio::time::sleep(AGAIN).await,
            answer => {
                return answer.with_context(|| {
                    format!(
                        "job {id} goes on without this command; `gigvault job show {id}` says how far it is"
                    )
                });
            }
        }
    }
}

/// Whether the same request may be answered later.
fn is_away(error: &Error) -> bool {
    match error {
        Error::Unreachable { .. } | Error::Timeout { .. } => true,
        other => matches!(other.status(), Some(502..=504)),
    }
}

/// Waits for a job. The server does it whether or not this command is there to see.
pub(super) async fn until_its_end(
    client: &Client,
    mut job: Job,
    before: u64,
    bar: &ProgressBar,
) -> anyhow::Result<Job> {
    while !job.has_ended() {
        tokio::time::sleep(LOOK).await;
        job = look(client, &job.id).await?;
        let done = before + job.done + job.skipped;
        bar.set_length(bar.length().unwrap_or(done).max(done));
        bar.set_position(done);
    }
    Ok(job)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(state: &str, [pending, done, failed]: [u64; 3]) -> Job {
        let job = serde_json::json!({
            "id": "ca-1", "service": "ca", "kind": "certificates.revoke", "state": state, "requester": "apikey:1",
            "created_at": "2027-01-02T03:04:05Z", "ended_at": "2027-01-02T03:04:06Z", "total": pending + done + failed,
            "pending": pending, "done": done, "skipped": 0, "failed": failed,
        });
        serde_json::from_value(job).unwrap()
    }

    #[test]
    fn progress_says_no_time_before_there_is_one() {
        assert_eq!(time_left(0, Duration::ZERO), "");
        assert_eq!(time_left(0, Duration::from_secs(90)), "");
        assert_eq!(time_left(3, Duration::from_secs(40)), ", 40s left");
        assert_eq!(time_left(5, Duration::ZERO), "");
    }

    #[test]
    fn a_job_that_did_not_do_everything_says_what_it_did_and_where_the_rest_is_listed() {
        let report = Report {
            ca: "issuing",
            reason: "superseded",
            dry_run: false,
            suspended: false,
            stop_issuing: false,
            valid: 5,
            on_hold: 0,
            revoked: 1,
            revoked_by_others: 0,
            left: 4,
        };
        let canceled = unfinished(&job("canceled", [4, 1, 0]), &report);
        assert!(
            canceled.contains("canceled: revoked 1 certificate, failed 0, left 4 of CA issuing"),
            "{canceled}"
        );
        assert!(
            canceled.contains("--state pending") && !canceled.contains("--state failed"),
            "{canceled}"
        );
        let failed = unfinished(&job("done", [0, 3, 2]), &report);
        assert!(failed.contains("--state failed` says why"), "{failed}");
        assert!(failed.ends_with("run again to revoke what is left"), "{failed}");
        // What cannot be read is in no list, so none of it is counted.
        let unread = unfinished(&job("done", [0, 3, 2]), &Report { left: 0, ..report });
        assert!(
            unread.ends_with("is in no list, because it cannot be read: restore it, then run again"),
            "{unread}"
        );
    }
}
