//! `ca health`: what relying parties see of a CA, for people.

use client::{CaCrl, CaHealth, CaOcsp, CaResponder, CaSelfCheck, Client, Part};
use serde::Serialize;

use super::{now, times};
use crate::output::{Column, Output};

const COLUMNS: [Column; 6] = [
    Column::whole("name", 0),
    Column::whole("status", 0),
    Column::whole("crl ends", 1),
    Column::whole("responder ends", 2),
    Column::whole("p95", 3),
    Column::value("found", 0),
];

/// The form of a list.
#[derive(Serialize)]
struct All {
    items: Vec<CaHealth>,
}

pub(super) async fn run(client: &Client, name: Option<&str>, output: Output) -> anyhow::Result<()> {
    if let Some(name) = name {
        return show(&client.cas().health(name).await?, output);
    }
    let mut items = Vec::new();
    for ca in client.cas().list().items().all().await? {
        items.push(client.cas().health(&ca.name).await?);
    }
    let all = All { items };
    output.list(&all, &COLUMNS, all.items.iter().map(row))
}

fn row(health: &CaHealth) -> Vec<String> {
    let first = |times: Option<time::OffsetDateTime>| times.map(times::minute).unwrap_or_default();
    let (crl_ends, responder_ends, p95) = match (&health.crls, &health.ocsp) {
        (crls, Part::Known(ocsp)) => (ends_of(crls), ends_of_responders(ocsp), ocsp.p95_seconds),
        (crls, Part::Unavailable { .. }) => (ends_of(crls), None, None),
    };
    let checks = &health.self_check;
    let mut found = checks
        .iter()
        .flat_map(|check| check.problems.iter().chain(&check.unknown));
    vec![
        health.ca.clone(),
        health.status.clone(),
        first(crl_ends),
        first(responder_ends),
        p95.map(milliseconds).unwrap_or_default(),
        found.next().cloned().unwrap_or_default(),
    ]
}

/// When the first of its lists runs out.
fn ends_of(crls: &Part<Vec<CaCrl>>) -> Option<time::OffsetDateTime> {
    match crls {
        Part::Known(lists) => lists.iter().map(|list| list.next_update).min(),
        Part::Unavailable { .. } => None,
    }
}

fn ends_of_responders(ocsp: &CaOcsp) -> Option<time::OffsetDateTime> {
    ocsp.responders
        .iter()
        .filter_map(|responder| responder.not_after)
        .min()
}

fn milliseconds(seconds: f64) -> String {
    format!("{:.1} ms", seconds * 1000.0)
}

fn show(health: &CaHealth, output: Output) -> anyhow::Result<()> {
    output.one(
        health,
        &[
            ("ca", health.ca.clone()),
            ("status", health.status.clone()),
            ("crls", told(&health.crls, |lists| lines(lists, crl))),
            ("ocsp", told(&health.ocsp, ocsp)),
            ("self-check", lines(&health.self_check, self_check)),
        ],
    )
}

fn told<T>(part: &Part<T>, show: impl Fn(&T) -> String) -> String {
    match part {
        Part::Known(known) => show(known),
        Part::Unavailable { unavailable, .. } => {
            format!("unavailable: {}: {}", unavailable.service, unavailable.detail)
        }
    }
}

fn lines<T>(all: &[T], show: impl Fn(&T) -> String) -> String {
    match all {
        [] => "none yet".to_owned(),
        all => all.iter().map(show).collect::<Vec<_>>().join("\n"),
    }
}

fn crl(list: &CaCrl) -> String {
    format!(
        "{}: {} {}, {} entries, next {}",
        list.url,
        list.kind,
        list.number,
        list.entries,
        times::until(list.next_update, now())
    )
}

fn ocsp(ocsp: &CaOcsp) -> String {
    let responder = |responder: &CaResponder| match responder.not_after {
        Some(until) => format!("{}: signs until {}", responder.issuer, times::until(until, now())),
        None => format!("{}: no responder", responder.issuer),
    };
    let known = match ocsp.current {
        true => "revocations are current",
        false => "revocations are not current: ca is asked for each answer",
    };
    let fast = ocsp.p95_seconds.map_or_else(String::new, |seconds| {
        format!("\n95 of 100 answers within {}", milliseconds(seconds))
    });
    format!("{}\n{known}{fast}", lines(&ocsp.responders, responder))
}

fn self_check(found: &CaSelfCheck) -> String {
    let mut text = format!(
        "{} ({} UTC): {}",
        found.issuer,
        times::minute(found.checked_at),
        found.status
    );
    let unknown = found.unknown.iter().map(|what| format!("not known: {what}"));
    for what in found.problems.iter().cloned().chain(unknown) {
        text.push_str("\n  ");
        text.push_str(&what);
    }
    text
}
