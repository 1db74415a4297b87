//! `gigvault-rootca`: the offline root as a program of its own, for machines that hold nothing else.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use rootca::cli::{self, Terminal};
use time::OffsetDateTime;

/// The offline root of a GigVault PKI.
#[derive(Debug, Parser)]
#[command(name = "gigvault-rootca", version, propagate_version = true)]
struct Cli {
    #[command(flatten)]
    args: cli::Args,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that asks the machine for the time"
)]
fn main() -> ExitCode {
    let args = Cli::parse().args;
    match cli::run(
        args,
        OffsetDateTime::now_utc(),
        &mut cli::Stdout::new(),
        &mut Terminal,
    ) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do if standard error is closed too.
            let text = error.to_string();
            drop(writeln!(std::io::stderr(), "error: {}", cli::printable(&text)));
            ExitCode::from(error.exit_code())
        }
    }
}
