//! `make bench`: what GigVault does in a second, beside what this machine does in a second.
//!
//! Every figure is a ratio to a baseline taken in the same run, so that two machines can be compared. Nothing here
//! passes or fails by its speed; the table goes to `docs/performance.md` with machine and date.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that prints a table"
)]

mod api;
mod baseline;
mod certificates;
mod crl;
mod fairness;
mod filling;
mod footprint;
mod grpc;
mod inventory;
mod ldap;
mod lists;
mod load;
mod memory;
mod metrics;
mod nginx;
mod ocsp;
mod ocsp_memory;
mod plain;
mod report;
mod requests;
mod rest;
mod revocations;
mod steps;
mod storage;

use clap::{Parser, ValueEnum};
use report::Report;

/// Measures throughput, latency, memory, search, and revocation.
#[derive(Parser)]
struct Args {
    /// What to measure; everything if not given.
    #[arg(long, value_enum)]
    only: Vec<Part>,
    /// On which databases; both if not given.
    #[arg(long, value_enum)]
    on: Vec<Database>,
    /// Clients at the same time.
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Seconds a measurement.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Of fairness, only beside what has this in its name.
    #[arg(long = "while", value_name = "TEXT", default_value = "")]
    beside: String,
    /// Rows of the inventory on PostgreSQL.
    #[arg(long, default_value_t = 10_000_000)]
    postgres_rows: i64,
    /// Rows of the inventory on SQLite.
    #[arg(long, default_value_t = 1_000_000)]
    sqlite_rows: i64,
    /// Numbers of revoked certificates that CRLs are made of.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 10_000, 100_000, 1_000_000])]
    crl_entries: Vec<i64>,
    /// Entries of the CRL that is read by LDAP and HTTP.
    #[arg(long, default_value_t = 100_000)]
    ldap_entries: i64,
    /// Valid certificates beside which the memory of the OCSP responder is measured.
    #[arg(long, default_value_t = 1_000_000)]
    valid_rows: i64,
    /// Certificates that one job revokes.
    #[arg(long, default_value_t = 100_000)]
    revocations: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// What one certificate costs a core, step by step.
    Steps,
    /// Certificates a second and latency, REST and gRPC, on both databases.
    Issuance,
    /// Start, idle memory, size of the binary.
    Footprint,
    /// Search at full size against search in a small inventory.
    Inventory,
    /// What issuance keeps of its rate while another caller does its worst.
    Fairness,
    /// OCSP responses a second, from memory and signed for the request, beside nginx with a file of that size.
    Ocsp,
    /// Memory with many valid certificates, after OCSP requests.
    OcspMemory,
    /// Making CRLs, by the number of revoked certificates, and what one revocation costs beside them.
    Crl,
    /// A CRL read over LDAP, beside the same over HTTP.
    Ldap,
    /// Many certificates revoked by one job, which a restart does not stop.
    Revocations,
}

/// A database to measure on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Database {
    /// Embedded, one file per service.
    Sqlite,
    /// A server started for the run, with `fsync` on.
    Postgresql,
}

impl std::fmt::Display for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgresql => "PostgreSQL",
        })
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let _first = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut args = Args::parse();
    if args.on.is_empty() {
        args.on = vec![Database::Sqlite, Database::Postgresql];
    }
    let wants = |part| args.only.is_empty() || args.only.contains(&part);
    let mut report = Report::default();
    if wants(Part::Footprint) {
        footprint::measure(&mut report).await?;
    }
    if wants(Part::Steps) {
        steps::measure(&mut report, std::time::Duration::from_secs(1))?;
    }
    if wants(Part::Issuance) {
        rest::measure(&mut report, &args).await?;
    }
    if wants(Part::Inventory) {
        inventory::measure(&mut report, &args).await?;
    }
    if wants(Part::Fairness) {
        fairness::measure(&mut report, &args).await?;
    }
    if wants(Part::Ocsp) {
        ocsp::measure(&mut report, &args).await?;
    }
    if wants(Part::OcspMemory) {
        ocsp_memory::measure(&mut report, &args).await?;
    }
    if wants(Part::Crl) {
        crl::measure(&mut report, &args).await?;
    }
    if wants(Part::Ldap) {
        ldap::measure(&mut report, &args).await?;
    }
    if wants(Part::Revocations) {
        revocations::measure(&mut report, &args).await?;
    }
    println!("{report}");
    Ok(())
}
