//! `cert revoke --file` and `cert revoke` with filters: many certificates, shown before they are revoked, by jobs of the server.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context as _;
use client::{Client, Consequence, Filter, Job, Preview, Revoke, Selection};
use kit::dry_run::counted;
use serde::Serialize;
use x509::Serial;
use x509::pem::plain_text;

use super::{Unattended, confirm, files, filters, now, preview, revoke_all};
use crate::cli;
use crate::exit::{Done, Usage, say};
use crate::output::Output;

/// The event of a certificate that a preview says is revoked, and of one that gets another reason.
const CHANGES: [&str; 2] = ["certificate.revoked", "certificate.revocation-amended"];

/// What a preview says of serial numbers that are not found, and of certificates that it would not revoke.
const MISSING: &str = "certificate.missing";
const REFUSED: &str = "certificate.refused";
/// Most that an error names.
const MOST_NAMED: usize = 20;

/// What was done.
#[derive(Serialize)]
struct Report {
    reason: String,
    jobs: Vec<String>,
    revoked: u64,
    /// Revoked before.
    skipped: u64,
    failed: u64,
}

/// What is to be revoked, in requests that the server takes.
enum Chosen {
    Serials(Vec<Vec<String>>),
    Matching(Box<Filter>),
}

pub(super) async fn run(
    client: &Client,
    request: &Revoke,
    arguments: &cli::Revoke,
    output: Output,
) -> anyhow::Result<()> {
    if request.same_key {
        let text = "--same-key is for one certificate: give its serial number";
        return Err(Usage(text.to_owned()).into());
    }
    if request.descendants {
        let text = "--descendants is for one certificate: give its serial number";
        return Err(Usage(text.to_owned()).into());
    }
    let chosen = chosen(arguments)?;
    let mut previews = Vec::new();
    for selection in chosen.selections() {
        previews.push(client.dry_run().revoke_many(selection, request).await?);
    }
    if arguments.dry_run.dry_run {
        return preview::show(&together(previews)?, output);
    }
    let affected = previews.iter().map(affected).sum::<u64>();
    let consequences = previews.iter().flat_map(|preview| &preview.consequences);
    for (severity, text) in consequences.map(preview::fact) {
        say(&format!("{severity}: {text}"));
    }
    let mut report = Report {
        reason: request.reason.clone(),
        jobs: Vec::new(),
        revoked: 0,
        skipped: 0,
        failed: 0,
    };
    if affected > 0 {
        let question = format!("Revoke these with reason {}?", request.reason);
        confirm(&question, arguments.yes, Unattended::Refuse)?;
        // Who was asked is held to what was shown; --yes is consent to what there is then.
        let tokens = previews
            .iter()
            .map(|preview| (!arguments.yes).then_some(&*preview.preview_token));
        let bar = revoke_all::progress(affected)?;
        for (selection, token) in chosen.selections().into_iter().zip(tokens) {
            let certificates = client.certificates();
            let job = certificates.revoke_many(selection, request, token).await?;
            let before = report.revoked + report.skipped;
            let job = revoke_all::until_its_end(client, job, before, &bar).await?;
            report.add(&job);
            if job.state != "done" {
                break;
            }
        }
        bar.finish_and_clear();
    }
    let revoked = counted(report.revoked, "certificate");
    show(&report, output).with_context(|| Done::unshown(&format!("revoked {revoked}")))?;
    ended(&report, chosen.selections().len())?;
    none_left_out(&previews, affected)
}

impl Report {
    fn add(&mut self, job: &Job) {
        self.jobs.push(job.id.clone());
        self.revoked += job.done;
        self.skipped += job.skipped;
        self.failed += job.failed + job.pending;
    }
}

impl Chosen {
    fn selections(&self) -> Vec<Selection<'_>> {
        match self {
            Self::Serials(batches) => batches.iter().map(|batch| Selection::Serials(batch)).collect(),
            Self::Matching(filter) => vec![Selection::Matching(filter)],
        }
    }
}

fn chosen(arguments: &cli::Revoke) -> anyhow::Result<Chosen> {
    let filters = &arguments.filters;
    let none = *filters == cli::Filters::default();
    let usage = |text: &str| Err(Usage(text.to_owned()).into());
    match (&arguments.file, none) {
        _ if arguments.serial.is_some() => usage("a serial number goes with no filter; give one of them"),
        _ if arguments.all => usage("--all goes with one --ca and no other filter"),
        (Some(_), false) => usage("--file goes with no filter; give one of them"),
        (Some(file), true) => Ok(Chosen::Serials(batches(file)?)),
        (None, true) => usage(
            "nothing was named: give a serial number, --file, or filters such as --san-suffix old.example.test",
        ),
        (None, false) if is_ca_alone(filters) => {
            usage("--ca alone means every certificate of that CA: give --all, or say which by another filter")
        }
        (None, false) => Ok(Chosen::Matching(Box::new(filters::of(filters, now())?))),
    }
}

/// Whether nothing but CAs is said: that is all of what they issued.
pub(super) fn is_ca_alone(filters: &cli::Filters) -> bool {
    let others = cli::Filters {
        ca: Vec::new(),
        internal: false,
        ..filters.clone()
    };
    others == cli::Filters::default()
}

/// The serial numbers of a file, each once, as many at a time as a request may have.
fn batches(file: &Path) -> anyhow::Result<Vec<Vec<String>>> {
    let content = files::read(file)?;
    let text = plain_text(&content).map_err(|problem| Usage(format!("{}: {problem}", file.display())))?;
    let serials = serials(text)?;
    if serials.is_empty() {
        return Err(Usage(format!("{} has no serial number", file.display())).into());
    }
    let texts: Vec<String> = serials.iter().map(Serial::to_string).collect();
    Ok(texts
        .chunks(Selection::MOST_SERIALS)
        .map(<[String]>::to_vec)
        .collect())
}

/// The digits, without what other tools write before them: `serial=` of `openssl x509 -serial`, and `0x`.
fn digits(written: &str) -> &str {
    ["serial=", "0x"].iter().fold(written, |written, prefix| {
        match written.split_at_checked(prefix.len()) {
            Some((before, digits)) if before.eq_ignore_ascii_case(prefix) => digits.trim_start(),
            _ => written,
        }
    })
}

fn serials(text: &str) -> anyhow::Result<BTreeSet<Serial>> {
    let mut serials = BTreeSet::new();
    for (at, line) in text.lines().enumerate() {
        let written = line.split('#').next().unwrap_or_default().trim();
        if written.is_empty() {
            continue;
        }
        let serial = digits(written).parse().map_err(|error| {
            Usage(format!(
                "line {}: {:?} is not a serial number: {error}; nothing was done",
                at + 1,
                written.chars().take(64).collect::<String>()
            ))
        })?;
        serials.insert(serial);
    }
    Ok(serials)
}

/// How many a preview says will change.
fn affected(preview: &Preview) -> u64 {
    let all = preview.consequences.iter();
    all.filter(|one| CHANGES.contains(&one.kind.as_str()))
        .map(|one| one.count)
        .sum()
}

/// The previews of all requests as one.
fn together(previews: Vec<Preview>) -> anyhow::Result<Preview> {
    let all = previews.into_iter().reduce(|mut all, preview| {
        all.consequences.extend(preview.consequences);
        all
    });
    all.context("nothing was asked")
}

fn show(report: &Report, output: Output) -> anyhow::Result<()> {
    output.one(
        report,
        &[
            ("reason", report.reason.clone()),
            ("revoked", report.revoked.to_string()),
            ("revoked before", report.skipped.to_string()),
            ("failed", report.failed.to_string()),
            ("jobs", report.jobs.join(" ")),
        ],
    )
}

fn ended(report: &Report, requests: usize) -> anyhow::Result<()> {
    let ids = report.jobs.join(" ");
    if report.failed > 0 {
        anyhow::bail!(
            "not revoked: {}; `gigvault job items ID --state failed` says why, for {ids}",
            counted(report.failed, "certificate")
        );
    }
    if !report.jobs.is_empty() && report.jobs.len() < requests {
        anyhow::bail!("the last of the jobs {ids} did not come to its end; run again to revoke what is left");
    }
    Ok(())
}

/// Fails where serial numbers of the file were not found. What is refused failed in a job, if there was one.
fn none_left_out(previews: &[Preview], affected: u64) -> anyhow::Result<()> {
    let is_left_out = |one: &&Consequence| match one.kind.as_str() {
        MISSING => true,
        REFUSED => affected == 0,
        _ => false,
    };
    let all = previews.iter().flat_map(|preview| &preview.consequences);
    let left_out: Vec<&Consequence> = all.filter(is_left_out).collect();
    let count = left_out.iter().map(|one| one.count).sum::<u64>();
    if count == 0 {
        return Ok(());
    }
    let named = left_out.iter().flat_map(|one| &one.objects);
    let mut named: Vec<&str> = named.map(String::as_str).take(MOST_NAMED).collect();
    if count > MOST_NAMED as u64 {
        named.push("and more");
    }
    anyhow::bail!(
        "not revoked, since not found among the certificates that you may revoke, or refused: {} ({})",
        counted(count, "serial number"),
        named.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_utf_8_with_or_without_a_mark() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("serials");
        let read = |content: &[u8]| {
            ::files::replace(&file, content, 0o600).unwrap();
            batches(&file)
        };
        for content in [&b"\xef\xbb\xbf0a1b\n"[..], b"0a1b", b"\xef\xbb\xbf# all\r\n0a1b"] {
            assert_eq!(read(content).unwrap(), [["0a1b"]]);
        }
        let wide = [&b"\xff\xfe0\0a\0\r\0\n\0"[..], b"0\0a\x001\0b\0\r\0\n\0"];
        for content in wide {
            let refused = read(content).unwrap_err().to_string();
            assert!(refused.contains("UTF-16"), "{refused}");
        }
        assert!(read(b"0a\xff").is_err());
    }

    #[test]
    fn serial_numbers_that_are_not_found_are_named_and_fail() {
        let preview = |kind: &str, objects: &[&str]| {
            let consequence = serde_json::json!({
                "kind": kind, "severity": "warning", "text": "", "count": objects.len(), "objects": objects,
            });
            let preview = serde_json::json!({
                "dry_run": true, "preview_token": "", "expires_at": "2027-01-02T03:04:05Z",
                "consequences": [consequence],
            });
            serde_json::from_value::<Preview>(preview).unwrap()
        };
        let revoked = preview("certificate.revoked", &["0a"]);
        none_left_out(std::slice::from_ref(&revoked), 1).unwrap();
        let missing = [revoked, preview(MISSING, &["0b", "0c"])];
        let error = none_left_out(&missing, 1).unwrap_err().to_string();
        assert!(error.contains("2 serial numbers (0b, 0c)"), "{error}");
        let refused = [preview(REFUSED, &["0d"])];
        none_left_out(&refused, 1).unwrap();
        none_left_out(&refused, 0).unwrap_err();
    }

    #[test]
    fn a_file_has_a_serial_number_on_each_line_and_comments() {
        let found = serials("# two of them\n0a1b\n\n  0A:1B  # again\n00ff\r\n").unwrap();
        let found: Vec<String> = found.iter().map(Serial::to_string).collect();
        assert_eq!(found, ["ff", "0a1b"]);
        assert!(serials("").unwrap().is_empty());
        let of_tools = serials("serial=0A1B\n0x0a1b\n0X0A1B\nSerial= 0A1B").unwrap();
        assert_eq!(of_tools.len(), 1);
        let odd = serials("0x").unwrap_err().to_string();
        assert!(odd.contains("\"0x\" is not a serial number"), "{odd}");
        let refused = serials("0a1b\nweb.example.test\n").unwrap_err().to_string();
        assert!(refused.starts_with("line 2: \"web.example.test\""), "{refused}");
    }
}
