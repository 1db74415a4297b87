//! What the machine does without us: signatures alone, and the database alone.

use std::time::{Duration, Instant};

use anyhow::Context;
use keys::{Signer, SoftwareKey};
use store::bulk::{Insert, insert as bulk_insert};
use store::{Db, Options, StoreError};
use testkit::system::System;
use uuid::Uuid;
use x509::KeyAlgorithm;
use x509::csr::Csr;

/// P-256 signatures a second on all cores.
pub(crate) fn signatures(length: Duration) -> anyhow::Result<f64> {
    let key = SoftwareKey::generate(KeyAlgorithm::P256)?;
    on_all_cores(length, || {
        Ok(key.sign(&[7_u8; 900], key.algorithm()).map(drop)?)
    })
}

/// CSRs read and their signatures verified, a second on all cores.
pub(crate) fn proofs(csr: &[u8], length: Duration) -> anyhow::Result<f64> {
    on_all_cores(length, || Ok(Csr::from_der(csr).map(drop)?))
}

fn on_all_cores(length: Duration, work: impl Fn() -> anyhow::Result<()> + Sync) -> anyhow::Result<f64> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let one = || -> anyhow::Result<u64> {
        let (start, mut count) = (Instant::now(), 0);
        while start.elapsed() < length {
            work()?;
            count += 1;
        }
        Ok(count)
    };
    let count: anyhow::Result<u64> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().map_err(|_| anyhow::anyhow!("a worker died"))?)
            .sum()
    });
    Ok(count? as f64 / length.as_secs_f64())
}

/// The columns of an inventory row, as they are stored in the database.
type Row = (
    Uuid,
    Vec<u8>,
    String,
    String,
    String,
    String,
    String,
    String,
    i64,
    i64,
    i64,
    Vec<u8>,
    i64,
    Vec<u8>,
    Vec<u8>,
    Option<Vec<u8>>,
);

const COLUMNS: &[&str] = &[
    "id",
    "serial",
    "ca",
    "profile",
    "subject",
    "sans",
    "requester",
    "protocol",
    "issued_at",
    "not_before",
    "not_after",
    "spki_sha256",
    "key_use",
    "fingerprint_sha256",
    "der",
    "replaces",
];

/// The columns of an event, as they are stored in the outbox.
type Event = (
    i64,
    i64,
    Uuid,
    String,
    String,
    i64,
    String,
    Option<String>,
    Option<String>,
);

const EVENT_COLUMNS: &[&str] = &[
    "tx",
    "ordinal",
    "id",
    "kind",
    "subject",
    "time_us",
    "data",
    "correlation_id",
    "traceparent",
];

/// Rows of a run: certificates, names, events.
pub(crate) struct Rows {
    certificates: Vec<Row>,
    names: Vec<(Vec<u8>, Uuid)>,
    events: Vec<Event>,
}

/// Reads what the run has stored.
pub(crate) async fn rows(system: &System, arguments: &[&str]) -> anyhow::Result<Rows> {
    let url = match arguments.get(1) {
        Some(url) => (*url).to_owned(),
        None => format!("sqlite:{}", system.ready().data_dir.join("db/ca.db").display()),
    };
    let db = Db::open(
        &url,
        "ca",
        Options {
            allow_unsafe: true,
            ..Options::default()
        },
    )
    .await?;
    let certificates = store::read!(db, |c| {
        sqlx::query_as::<_, RowOf>("SELECT * FROM certificates LIMIT 20000")
            .fetch_all(c)
            .await
    })?;
    let names = store::read!(db, |c| {
        sqlx::query_as("SELECT name, id FROM certificate_names LIMIT 20000")
            .fetch_all(c)
            .await
    })?;
    let events = store::read!(db, |c| {
        sqlx::query_as(
            "SELECT tx, ordinal, id, kind, subject, time_us, data, correlation_id, traceparent FROM outbox LIMIT 20000",
        )
        .fetch_all(c)
        .await
    })?;
    db.close().await;
    Ok(Rows {
        certificates: certificates.into_iter().map(RowOf::fields).collect(),
        names,
        events,
    })
}

#[derive(sqlx::FromRow)]
struct RowOf {
    id: Uuid,
    serial: Vec<u8>,
    ca: String,
    profile: String,
    subject: String,
    sans: String,
    requester: String,
    protocol: String,
    issued_at: i64,
    not_before: i64,
    not_after: i64,
    spki_sha256: Vec<u8>,
    key_use: i64,
    fingerprint_sha256: Vec<u8>,
    der: Vec<u8>,
    replaces: Option<Vec<u8>>,
}

impl RowOf {
    fn fields(self) -> Row {
        (
            self.id,
            self.serial,
            self.ca,
            self.profile,
            self.subject,
            self.sans,
            self.requester,
            self.protocol,
            self.issued_at,
            self.not_before,
            self.not_after,
            self.spki_sha256,
            self.key_use,
            self.fingerprint_sha256,
            self.der,
            self.replaces,
        )
    }
}

/// The size of groups that costs the database least.
pub(crate) const GROUP: usize = 256;

/// Certificates a second when their rows, names and events are inserted in groups, durable, by one writer, into an
/// empty database of the same schema, with nothing else to do.
pub(crate) async fn insert(
    rows: &Rows,
    arguments: &[&str],
    size: usize,
    length: Duration,
) -> anyhow::Result<f64> {
    let dir = tempfile::tempdir()?;
    let url = match arguments.get(1) {
        Some(url) => (*url).to_owned(),
        None => format!("sqlite:{}", dir.path().join("bare.db").display()),
    };
    let schema = format!("bare_{size}");
    let db = Db::open(
        &url,
        &schema,
        Options {
            allow_unsafe: true,
            ..Options::default()
        },
    )
    .await?;
    db.migrate(&ca::MIGRATIONS).await?;
    let (start, mut count) = (Instant::now(), 0_usize);
    let groups = rows
        .certificates
        .chunks(size)
        .zip(rows.names.chunks(size))
        .zip(rows.events.chunks(size));
    for ((certificates, names), events) in groups {
        if start.elapsed() >= length {
            break;
        }
        group(&db, certificates, names, events)
            .await
            .context("bare insert")?;
        count += certificates.len();
    }
    let rate = count as f64 / start.elapsed().as_secs_f64();
    db.close().await;
    Ok(rate)
}

async fn group(
    db: &Db,
    certificates: &[Row],
    names: &[(Vec<u8>, Uuid)],
    events: &[Event],
) -> Result<(), StoreError> {
    const CERTIFICATES: Insert = Insert::into("certificates", COLUMNS);
    const NAMES: Insert = Insert::into("certificate_names", &["name", "id"]);
    const EVENTS: Insert = Insert::into("outbox", EVENT_COLUMNS);
    let mut tx = db.begin().await?;
    bulk_insert(&mut tx, &CERTIFICATES, certificates.iter().cloned()).await?;
    bulk_insert(&mut tx, &NAMES, names.iter().cloned()).await?;
    bulk_insert(&mut tx, &EVENTS, events.iter().cloned()).await?;
    tx.commit().await
}
