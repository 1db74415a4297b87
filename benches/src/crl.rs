//! Making CRLs by the number of revoked certificates, and what one more revocation costs beside them.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;

use crate::api::{Api, until};
use crate::lists::{entries_of, publish, read_rows, restart_with_revoked};
use crate::memory::{self, Peak};
use crate::report::Report;
use crate::storage::{Configured, Storage};
use crate::{Args, Database, certificates};

/// Changes of the delta that is measured.
const CHANGES: usize = 1_000;
/// Revocations one after the other, of which the median counts.
const SINGLE: usize = 100;
/// Lists that are made, of which the median counts.
const LISTS: usize = 3;

/// Lists are made when they are asked for.
const WHEN_ASKED: &str = "crl: {immediate: false}\n";
/// A delta and a complete list follow each revocation, as `up` does it.
const AT_ONCE: &str = "crl: {immediate: true}\n";

pub(crate) async fn measure(report: &mut Report, args: &Args) -> anyhow::Result<()> {
    for database in &args.on {
        let storage = Storage::start(*database).await?;
        for entries in &args.crl_entries {
            let measured = beside(&storage, args, *entries).await?;
            measured.tell(report, *database, *entries);
        }
    }
    Ok(())
}

/// What was measured beside a number of revoked certificates.
struct Measurement {
    complete: Duration,
    rows: Duration,
    /// Octets of memory beyond those before.
    memory: f64,
    delta: Duration,
    when_asked: Revocation,
    at_once: Revocation,
}

/// Medians of one revocation over REST.
struct Revocation {
    /// Before there were others.
    alone: Duration,
    beside: Duration,
}

impl Measurement {
    fn tell(&self, report: &mut Report, database: Database, entries: i64) {
        report.ratio(
            format!("{database}, {entries} revoked: complete CRL"),
            milliseconds(self.complete),
            self.complete.as_secs_f64() / self.rows.as_secs_f64(),
            "reading the same rows in order",
        );
        report.figure(
            format!("{database}, {entries} revoked: peak of memory beyond that before, complete CRL"),
            memory::mebibytes(self.memory),
        );
        report.figure(
            format!("{database}, {entries} revoked: delta of {CHANGES} changes"),
            milliseconds(self.delta),
        );
        for (how, one) in [
            ("lists made when asked for", &self.when_asked),
            ("lists made after each", &self.at_once),
        ] {
            report.ratio(
                format!("{database}, {entries} revoked: one revocation over REST, p50, {how}"),
                milliseconds(one.beside),
                one.beside.as_secs_f64() / one.alone.as_secs_f64(),
                "the same before, with none revoked",
            );
        }
    }
}

async fn beside(storage: &Storage, args: &Args, entries: i64) -> anyhow::Result<Measurement> {
    let mut configured = Configured::start(storage, AT_ONCE).await?;
    let serials = certificates::issue(&configured, args, CHANGES + 4 * SINGLE).await?;
    let (changed, single) = serials
        .split_at_checked(CHANGES)
        .context("too few certificates")?;
    let mut single = single.chunks(SINGLE);
    let mut next = || single.next().context("too few certificates");
    let alone_at_once = one_by_one(&configured, next()?).await?;
    configured.restart_with(WHEN_ASKED)?;
    let alone = one_by_one(&configured, next()?).await?;

    restart_with_revoked(&mut configured, entries, WHEN_ASKED).await?;
    let (complete, memory) = complete(&configured).await?;
    let (count, rows) = read_rows(&configured).await?;
    let expected = entries + i64::try_from(2 * SINGLE)?;
    ensure!(
        count == expected,
        "{count} entries of {expected} revoked certificates"
    );
    let delta = delta(&configured, changed).await?;
    let when_asked = Revocation {
        alone,
        beside: one_by_one(&configured, next()?).await?,
    };
    configured.restart_with(AT_ONCE)?;
    let at_once = Revocation {
        alone: alone_at_once,
        beside: one_by_one(&configured, next()?).await?,
    };
    Ok(Measurement {
        complete,
        rows,
        memory,
        delta,
        when_asked,
        at_once,
    })
}

/// The median time of a complete list, and the highest peak of memory.
async fn complete(configured: &Configured) -> anyhow::Result<(Duration, f64)> {
    let (mut times, mut most) = (Vec::new(), 0.0_f64);
    for _ in 0..LISTS {
        let peak = Peak::begin(configured.system.ready().pid)?;
        times.push(publish(configured, "complete").await?);
        most = most.max(peak.end()?);
    }
    Ok((median(times), most))
}

/// Revokes these, and makes the delta that has them, and nothing else.
async fn delta(configured: &Configured, serials: &[String]) -> anyhow::Result<Duration> {
    let api = Api::of(&configured.system)?;
    let job = api.revoke_many("serials", json!(serials)).await?;
    api.wait_for_end(&job, serials.len()).await?;
    let changed = i64::try_from(serials.len())?;
    // Service crl follows ca: the last of them may be on their way.
    let first = until("a delta of all changes", async || {
        let time = publish(configured, "delta").await?;
        let has = entries_of(&api, "delta").await?;
        Ok((has == Some(changed)).then_some(time))
    });
    let mut times = vec![first.await?];
    for _ in 1..LISTS {
        times.push(publish(configured, "delta").await?);
    }
    Ok(median(times))
}

/// The median of revocations one after the other.
async fn one_by_one(configured: &Configured, serials: &[String]) -> anyhow::Result<Duration> {
    let api = Api::of(&configured.system)?;
    // The connection is there before the first of them.
    api.get("/api/v1/certificates?limit=1").await?;
    let mut times = Vec::with_capacity(serials.len());
    for serial in serials {
        let begun = Instant::now();
        let path = format!("/api/v1/certificates/{serial}/revoke");
        api.post(&path, &json!({"reason": "superseded"})).await?;
        times.push(begun.elapsed());
    }
    Ok(median(times))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}
