//! Search at full size, as a ratio to the same search among ten thousand rows.
//!
//! The inventory is filled by SQL with rows of the real shape; only the certificate itself is a few bytes, as no search
//! reads it before its row is found. Indexes are taken away for that and made again as they were. Searches go over
//! REST, as users send them.

use std::time::{Duration, Instant};

use testkit::postgres::Postgres;
use testkit::system::System;

use crate::filling::{self, Filling};
use crate::report::Report;
use crate::{Args, Database};

const SMALL: i64 = 10_000;

/// Filters that a person would try first. `{n}` is the number of a row in the middle, `{key}` and `{certificate}` are
/// its fingerprints.
const SEARCHES: &[&str] = &[
    "",
    "san=dns:h{n}.z7.example.test",
    "san_suffix=z7.example.test",
    "subject=CN%3Dh{n}.z7.example.test",
    "requester=apikey:r7",
    "profile=tls-client",
    "ca=issuing",
    "status=valid",
    "status=revoked",
    "status=expired",
    "expires_from=2026-12-01T00:00:00Z&expires_to=2026-12-02T00:00:00Z",
    "spki={key}",
    "fingerprint={certificate}",
    "key_reused=true",
    "protocol=acme",
    "profile=tls-client&status=revoked",
    "requester=apikey:r7&expires_from=2026-12-01T00:00:00Z",
];

const FILL_POSTGRES: &str = "
    INSERT INTO certificates (id, serial, ca, profile, subject, sans, requester, protocol, issued_at, not_before, not_after,
        spki_sha256, key_use, fingerprint_sha256, der, revoked_at, reason)
    SELECT ('00' || lpad(to_hex(n), 10, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid,
        substring(sha256(('s' || n)::bytea) for 16), 'issuing',
        CASE n % 5 WHEN 0 THEN 'tls-client' ELSE 'tls-server' END,
        'CN=h' || n || '.z' || n % 1000 || '.example.test', '[\"dns:h' || n || '.z' || n % 1000 || '.example.test\"]',
        'apikey:r' || n % 100, CASE n % 3 WHEN 0 THEN 'acme' ELSE 'rest' END, n, 1700000000000000,
        1764547200000000 + (n * 7919 % 63072000) * 1000000, sha256(('k' || n / 2)::bytea), n % 2,
        sha256(('f' || n)::bytea), '\\x30', CASE WHEN n % 50 = 0 THEN n END, CASE WHEN n % 50 = 0 THEN 1 END
    FROM generate_series(1::bigint, $1) AS n";

const NAMES_POSTGRES: &str = "
    INSERT INTO certificate_names (name, id)
    SELECT convert_to('dns:' || reverse('h' || n || '.z' || n % 1000 || '.example.test'), 'UTF8'),
        ('00' || lpad(to_hex(n), 10, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid
    FROM generate_series(1::bigint, $1) AS n";

pub(crate) async fn measure(report: &mut Report, args: &Args) -> anyhow::Result<()> {
    for database in &args.on {
        match database {
            Database::Sqlite => {
                let before = timings(&[], SMALL).await?;
                let after = timings(&[], args.sqlite_rows).await?;
                compare(report, *database, args.sqlite_rows, &before, &after);
            }
            Database::Postgresql => {
                let postgres = Postgres::start_with(filling::server(false)).await?;
                let small = postgres.database("small").await?;
                let large = postgres.database("large").await?;
                let before = timings(&["--database-url", &small], SMALL).await?;
                let after = timings(&["--database-url", &large], args.postgres_rows).await?;
                compare(report, *database, args.postgres_rows, &before, &after);
            }
        }
    }
    Ok(())
}

fn compare(report: &mut Report, database: Database, rows: i64, before: &[Duration], after: &[Duration]) {
    for ((search, small), large) in SEARCHES.iter().zip(before).zip(after) {
        let name = if search.is_empty() { "newest" } else { search };
        report.ratio(
            format!("{database}, {rows} rows: {name}"),
            format!("{:.2} ms", large.as_secs_f64() * 1e3),
            large.as_secs_f64() / small.as_secs_f64(),
            "the same among 10,000",
        );
    }
}

async fn timings(arguments: &[&str], rows: i64) -> anyhow::Result<Vec<Duration>> {
    let mut system = System::up_with(arguments)?;
    system.terminate()?;
    let url = match arguments.get(1) {
        Some(url) => (*url).to_owned(),
        None => format!("sqlite:{}", system.ready().data_dir.join("db/ca.db").display()),
    };
    fill(&url, rows).await?;
    system.restart()?;
    let mut all = Vec::with_capacity(SEARCHES.len());
    let middle = rows / 2 / 1000 * 1000 + 7;
    for search in SEARCHES {
        let search = search
            .replace("{n}", &middle.to_string())
            .replace("{key}", &sha256(&format!("k{}", middle / 2)))
            .replace("{certificate}", &sha256(&format!("f{middle}")));
        all.push(median(&system, &search).await?);
    }
    Ok(all)
}

fn sha256(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The median of 21 answers after three to warm up.
async fn median(system: &System, search: &str) -> anyhow::Result<Duration> {
    let (http, token) = (system.http()?, system.token()?);
    let url = format!("{}/api/v1/certificates?limit=50&{search}", system.ready().https);
    let mut times = Vec::new();
    for _ in 0..24 {
        let start = Instant::now();
        http.get(&url)
            .bearer_auth(&token)
            .send()
            .await?
            .error_for_status()?
            .bytes()
            .await?;
        times.push(start.elapsed());
    }
    let mut times = times.split_off(3);
    times.sort_unstable();
    Ok(times.get(times.len() / 2).copied().unwrap_or_default())
}

async fn fill(url: &str, rows: i64) -> anyhow::Result<()> {
    let filling = Filling {
        postgres: &[FILL_POSTGRES, NAMES_POSTGRES],
        // SQLite has neither SHA-256 nor text reversal: Python's binding fills it.
        sqlite: include_str!("fill_sqlite.py"),
        more: &[],
    };
    filling.run(url, rows).await
}
