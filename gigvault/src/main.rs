//! `gigvault`: the server of every service, the operator's CLI, the offline root.

mod cli;
mod commands;
mod connection;
mod exit;
mod output;
mod process;
mod wiring;

use std::process::ExitCode;

use clap::Parser;

// Small allocations on many threads are what a CA does all day.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    process::keep_memory_private();
    let cli = cli::Cli::parse();
    // The only TLS provider in the tree; nothing can have installed another.
    let _first = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let connection = cli.connection.clone();
    match commands::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::report(&error, &connection),
    }
}
