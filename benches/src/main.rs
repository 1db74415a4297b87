//! `make bench`: what GigVault does in a second, beside what this machine does in a second.
//!
//! Every figure is a ratio to a baseline taken in the same run, so that two machines can be compared. Nothing here
//! passes or fails; the table goes to `docs/performance.md` with machine and date.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that prints a table"
)]

mod baseline;
mod footprint;
mod grpc;
mod inventory;
mod load;
mod report;
mod requests;
mod rest;

use clap::{Parser, ValueEnum};
use report::Report;

/// Measures throughput, latency, memory and search.
#[derive(Parser)]
struct Args {
    /// What to measure; everything if not given.
    #[arg(long, value_enum)]
    only: Vec<Part>,
    /// Clients at the same time.
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Seconds a measurement.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Rows of the inventory on PostgreSQL.
    #[arg(long, default_value_t = 10_000_000)]
    postgres_rows: i64,
    /// Rows of the inventory on SQLite.
    #[arg(long, default_value_t = 1_000_000)]
    sqlite_rows: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Certificates a second and latency, REST and gRPC, on both databases.
    Issuance,
    /// Start, idle memory, size of the binary.
    Footprint,
    /// Search at full size against search in a small inventory.
    Inventory,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let _first = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let args = Args::parse();
    let wants = |part| args.only.is_empty() || args.only.contains(&part);
    let mut report = Report::default();
    if wants(Part::Footprint) {
        footprint::measure(&mut report).await?;
    }
    if wants(Part::Issuance) {
        rest::measure(&mut report, args.clients, args.seconds).await?;
    }
    if wants(Part::Inventory) {
        inventory::measure(&mut report, args.postgres_rows, args.sqlite_rows).await?;
    }
    println!("{report}");
    Ok(())
}
