//! The lists of service crl over many revoked certificates.

use std::time::{Duration, Instant};

use anyhow::Context;
use futures::TryStreamExt as _;
use serde_json::{Value, json};

use crate::api::{Api, until};
use crate::certificates::{self, Filled};
use crate::metrics;
use crate::storage::Configured;

/// Where the lists of the CA are described.
const LISTS: &str = "/api/v1/cas/issuing/crl";

/// What service crl forgets, so that it begins as in a new installation beside this ca: with a snapshot.
const FORGET: [&str; 6] = [
    "DELETE FROM pieces",
    "DELETE FROM publications",
    "DELETE FROM entries",
    "DELETE FROM scopes",
    "DELETE FROM feed_cursors",
    "UPDATE snapshots SET begun = 0, ended = 0, removed_until_us = NULL, caught_up_us = NULL",
];

/// Stops the system, revokes that many certificates in its database, starts it with these settings, and waits until the
/// complete list has them.
pub(crate) async fn restart_with_revoked(
    configured: &mut Configured,
    entries: i64,
    settings: &str,
) -> anyhow::Result<()> {
    configured.system.terminate()?;
    certificates::fill(configured, entries, Filled::Revoked).await?;
    let db = configured.open("crl").await?;
    let mut tx = db.begin().await?;
    for sql in FORGET {
        store::tx!(tx, |c| sqlx::query(sql).execute(c).await?.rows_affected());
    }
    tx.commit().await?;
    db.close().await;
    configured.start_with(settings)?;
    let api = Api::of(&configured.system)?;
    until("the complete CRL", async || {
        let listed = entries_of(&api, "complete").await?;
        Ok(listed.filter(|listed| *listed >= entries))
    })
    .await?;
    Ok(())
}

/// Entries of the list of that kind that is out.
pub(crate) async fn entries_of(api: &Api, kind: &str) -> anyhow::Result<Option<i64>> {
    let lists = api.get(LISTS).await?;
    let lists = lists.get("crls").and_then(Value::as_array).context("no lists")?;
    let list = lists
        .iter()
        .find(|list| list.get("kind").and_then(Value::as_str) == Some(kind));
    Ok(list.and_then(|list| list.get("entries")).and_then(Value::as_i64))
}

/// How many lists of a kind were made, and how long that took in all.
#[derive(Clone, Copy)]
struct Generated {
    count: f64,
    seconds: f64,
}

impl Generated {
    async fn read(configured: &Configured, kind: &str) -> anyhow::Result<Self> {
        let text = metrics::text(&configured.system).await?;
        let value = |part: &str| {
            let series = format!("gigvault_crl_generation_seconds_{part}{{kind=\"{kind}\"}}");
            metrics::value(&text, &series).unwrap_or_default()
        };
        Ok(Self {
            count: value("count"),
            seconds: value("sum"),
        })
    }
}

/// Has the lists made now, and answers how long that of this kind took.
pub(crate) async fn publish(configured: &Configured, kind: &str) -> anyhow::Result<Duration> {
    let complete = Generated::read(configured, "complete").await?;
    let before = Generated::read(configured, kind).await?;
    let api = Api::of(&configured.system)?;
    // One that takes longer than a call is made all the same.
    let answered = api.post(&format!("{LISTS}/publish"), &json!({})).await;
    if let Err(error) = answered {
        eprintln!("waiting on: {error:#}");
    }
    // The complete list is the last.
    until("a complete CRL", async || {
        let now = Generated::read(configured, "complete").await?;
        Ok((now.count > complete.count).then_some(()))
    })
    .await?;
    let after = Generated::read(configured, kind).await?;
    let each = (after.seconds - before.seconds) / (after.count - before.count).max(1.0);
    Ok(Duration::from_secs_f64(each.max(0.0)))
}

/// Reads the entries of the CA in the order of a list, by one statement; answers how many there are, and how long it took.
pub(crate) async fn read_rows(configured: &Configured) -> anyhow::Result<(i64, Duration)> {
    const ROWS: &str = "SELECT serial, revoked_us, reason, invalidity_us FROM entries \
        WHERE issuer = 'issuing' AND shard = 0 AND reason <> 8 ORDER BY issuer, shard, serial";
    let db = configured.open("crl").await?;
    let begun = Instant::now();
    let count: anyhow::Result<i64> = store::read!(db, |c| {
        let mut rows = sqlx::query_as::<_, (Vec<u8>, i64, i64, Option<i64>)>(ROWS).fetch(c);
        let mut count = 0;
        while let Some(row) = rows.try_next().await? {
            std::hint::black_box(row);
            count += 1;
        }
        Ok(count)
    });
    let taken = begun.elapsed();
    db.close().await;
    Ok((count?, taken))
}
