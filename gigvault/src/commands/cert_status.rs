//! `cert status`: what OCSP and CRLs say of a certificate, asked at the URLs in it, as a relying party does.

mod ask;
mod channel;
mod explain;
mod issuer;
mod refusal;
mod verdict;

use serde::Serialize;
use time::OffsetDateTime;
use x509::Certificate;

use self::channel::Channel;
use self::verdict::Verdict;
use super::{now, times, verify};
use crate::cli::{CertStatus, Connection};
use crate::exit::{self, Judged, say};
use crate::output::{Column, Output};

#[derive(Serialize)]
struct Report {
    serial: String,
    subject: String,
    issuer: String,
    /// `good`, `revoked`, `on_hold`, `unknown`, or `not_known` where something was not answered.
    status: &'static str,
    channels: Vec<Channel>,
    /// Why answers differ, and what was not looked at.
    notes: Vec<String>,
}

pub(super) async fn run(
    arguments: &CertStatus,
    connection: &Connection,
    output: Output,
) -> anyhow::Result<()> {
    let own = verify::read_first(&arguments.file)?;
    let (certificate, beside) = own
        .bundle
        .certificates
        .split_first()
        .ok_or_else(|| anyhow::anyhow!("{}: no certificate", own.origin))?;
    let mut near = beside.to_vec();
    if let Some(chain) = &arguments.chain {
        near.extend(verify::read(chain)?.bundle.certificates);
    }
    let found = issuer::find(certificate, near, arguments, connection).await?;
    let now = now();
    let asked = ask::Question {
        certificate,
        issuer: &found.certificate,
        party: &found.party,
        now,
    };
    let channels = ask::ask(&asked, !arguments.crl_only, !arguments.ocsp_only).await;
    let mut notes = found.notes;
    notes.extend(explain::notes(&channels));
    notes.extend(expired(certificate, now));
    let verdict = verdict::verdict(&channels);
    let report = Report {
        serial: certificate.serial().to_string(),
        subject: certificate.subject().to_string(),
        issuer: found.certificate.subject().to_string(),
        status: verdict.as_str(),
        channels,
        notes,
    };
    show(&report, now, output)?;
    judged(verdict, &report)
}

/// An entry is left out of the lists that are made after the end of its certificate (RFC 5280 section 3.3).
fn expired(certificate: &Certificate, now: OffsetDateTime) -> Option<String> {
    (certificate.not_after() < now).then(|| {
        format!(
            "the certificate ended on {} UTC: CRLs no longer list it, whether it was revoked or not",
            times::minute(certificate.not_after())
        )
    })
}

fn show(report: &Report, now: OffsetDateTime, output: Output) -> anyhow::Result<()> {
    const COLUMNS: [Column; 8] = [
        Column::whole("channel", 0),
        Column::whole("answer", 0),
        Column::whole("revoked at", 1),
        Column::whole("reason", 1),
        Column::whole("this update", 3),
        Column::whole("next update", 2),
        Column::whole("age", 4),
        Column::value("url", 0),
    ];
    let row = |channel: &Channel| {
        let minute = |time: Option<OffsetDateTime>| time.map(times::minute).unwrap_or_default();
        vec![
            channel.channel.as_str().to_owned(),
            channel.answer.as_str().to_owned(),
            minute(channel.revoked_at),
            channel.reason.clone().unwrap_or_default(),
            minute(channel.this_update),
            minute(channel.next_update),
            channel.this_update.map(|then| age(then, now)).unwrap_or_default(),
            channel.error.clone().unwrap_or_else(|| channel.url.clone()),
        ]
    };
    output.list(report, &COLUMNS, report.channels.iter().map(row))?;
    for note in &report.notes {
        say(&format!("note: {note}"));
    }
    Ok(())
}

/// In one unit: `40 s`, `12 min`, `5 h`, `3 d`.
fn age(then: OffsetDateTime, now: OffsetDateTime) -> String {
    match (now - then).whole_seconds().max(0) {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

fn judged(verdict: Verdict, report: &Report) -> anyhow::Result<()> {
    let serial = &report.serial;
    let row = verdict::revocation(&report.channels);
    let told = row.map_or_else(String::new, |channel| {
        let reason = channel.reason.as_deref().unwrap_or("unspecified");
        let since = channel.revoked_at.map(times::minute).unwrap_or_default();
        format!(" since {since} UTC ({reason})")
    });
    let (text, code) = match verdict {
        Verdict::Good => return Ok(()),
        Verdict::Revoked => (format!("certificate {serial} is revoked{told}"), exit::REVOKED),
        Verdict::OnHold => (format!("certificate {serial} is on hold{told}"), exit::REVOKED),
        Verdict::Unknown => (
            format!("the responder does not know certificate {serial}"),
            exit::NOT_FOUND,
        ),
        Verdict::NotKnown => {
            let failed = report
                .channels
                .iter()
                .filter(|channel| channel.answer.is_missing())
                .filter_map(|channel| channel.error.as_deref());
            let failed: Vec<&str> = failed.collect();
            if report.channels.is_empty() {
                anyhow::bail!(
                    "whether certificate {serial} is revoked is not known: it names no OCSP responder and no CRL, as the certificate of \
                     a root does"
                );
            }
            anyhow::bail!(
                "whether certificate {serial} is revoked is not known from each URL in it: {}",
                failed.join("; ")
            )
        }
    };
    Err(Judged { text, code }.into())
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;

    #[test]
    fn an_age_is_said_in_one_unit() {
        let now = OffsetDateTime::UNIX_EPOCH + Duration::days(10);
        for (before, said) in [
            (Duration::seconds(-5), "0 s"),
            (Duration::seconds(40), "40 s"),
            (Duration::minutes(12), "12 min"),
            (Duration::hours(5), "5 h"),
            (Duration::days(3), "3 d"),
        ] {
            assert_eq!(age(now - before, now), said);
        }
    }
}
