//! Certificates to ask about and to revoke: real ones, issued over REST, and rows of the inventory, filled in by SQL.

use kit::clock::{Clock, SystemClock};
use x509::Serial;

use crate::Args;
use crate::filling::Filling;
use crate::load::Run;
use crate::rest::{Load, connect_all};
use crate::storage::Configured;

/// What the rows of [`fill`] say of themselves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filled {
    Valid,
    /// For reasons that say nothing of keys.
    Revoked,
}

/// Issues that many certificates, each of a key of its own, and answers their serial numbers.
pub(crate) async fn issue(configured: &Configured, args: &Args, count: usize) -> anyhow::Result<Vec<String>> {
    let load = Load::of(args, count)?;
    let clients = connect_all(&configured.system, &load).await?;
    Run::counted(count).run(clients).await?;
    let db = configured.open("ca").await?;
    // Rows that were filled in say another protocol.
    let sql = "SELECT serial FROM certificates WHERE protocol = 'rest' AND reason IS NULL ORDER BY id";
    let serials: Vec<(Vec<u8>,)> = store::read!(db, |c| sqlx::query_as(sql).fetch_all(c).await)?;
    db.close().await;
    let serials: Result<Vec<_>, _> = serials
        .iter()
        .map(|(serial,)| Serial::from_bytes(serial).map(|serial| serial.to_string()))
        .collect();
    Ok(serials?)
}

/// Fills the inventory of a system that is stopped with that many certificates. They end within a year, and are of a day ago.
pub(crate) async fn fill(configured: &Configured, rows: i64, filled: Filled) -> anyhow::Result<()> {
    const DAY: i64 = 24 * 3600 * 1_000_000;
    let now = i64::try_from(SystemClock::default().now().unix_timestamp_nanos() / 1000)?;
    let (issued, revoked, last) = (now - DAY, now - DAY / 2, now + 30 * DAY);
    let (revoked_at, reason) = match filled {
        Filled::Valid => ("NULL".to_owned(), "NULL"),
        // Superseded, cessationOfOperation, or affiliationChanged.
        Filled::Revoked => (format!("{revoked} + n"), "3 + n % 3"),
    };
    let sql = format!(
        "INSERT INTO certificates (id, serial, ca, profile, subject, sans, requester, protocol, issued_at, not_before, not_after,
             spki_sha256, key_use, fingerprint_sha256, der, key_type, lint_warnings, revoked_at, reason, decided_as)
         SELECT ('00' || lpad(to_hex(n), 10, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid,
             set_byte(serial, 0, 64 + get_byte(serial, 0) % 64), 'issuing', 'tls-server',
             'CN=h' || n || '.example.test', '[\"dns:h' || n || '.example.test\"]', 'apikey:r' || n % 100, 'acme',
             {issued}, {issued}, {last} + n * 7919 % 31536000 * 1000000, sha256(('k' || n)::bytea), 0,
             sha256(('f' || n)::bytea), '\\x30', 'p256', '[]', {revoked_at}, {reason},
             CASE WHEN {reason} IS NOT NULL THEN 'operator' END
         FROM generate_series(1::bigint, $1) AS n, LATERAL (SELECT substring(sha256(('s' || n)::bytea) for 16) AS serial) AS s"
    );
    let revoked = match filled {
        Filled::Valid => 0,
        Filled::Revoked => revoked,
    };
    let filling = Filling {
        postgres: &[&sql],
        sqlite: include_str!("fill_statuses.py"),
        more: &[issued, last, revoked].map(|time| time.to_string()),
    };
    filling.run(&configured.url("ca"), rows).await
}

/// The serial number of the row of that number: 16 octets, positive.
pub(crate) fn serial_of_row(number: usize) -> anyhow::Result<Serial> {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, format!("s{number}").as_bytes());
    let mut octets = digest.as_ref().get(..16).unwrap_or_default().to_vec();
    if let Some(first) = octets.first_mut() {
        *first = 64 + *first % 64;
    }
    Ok(Serial::from_bytes(&octets)?)
}
