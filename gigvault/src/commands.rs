//! What the commands do, one a file.

mod apikey;
mod ca;
mod ca_health;
mod cert;
mod cert_status;
mod chain;
mod config;
mod crl;
mod csr;
mod delivery;
mod doctor;
mod download;
mod files;
mod filters;
mod interrupts;
mod job;
mod key;
mod listing;
mod names;
mod preview;
mod private_key;
mod reference;
mod revoke;
mod revoke_all;
mod revoke_many;
mod serve;
mod times;
mod verify;
mod whoami;

use clap::CommandFactory;

pub(crate) use files::read;
pub(crate) use interrupts::Interrupted;

use crate::cli::{CertCommand, Cli, Command};
use crate::exit::Usage;
use crate::output::Output;

/// Runs the command that was asked for. Each command is named here: one that was forgotten must not run another.
#[warn(clippy::wildcard_enum_match_arm)]
pub(crate) fn run(cli: Cli) -> anyhow::Result<()> {
    let Cli {
        connection,
        output,
        command,
    } = cli;
    let output = Output::new(output);
    match command {
        // These need no server, and some no runtime.
        Command::Rootca(arguments) => rootca(arguments),
        Command::Completions { shell } => completions(shell, output),
        Command::Config(command) => config::run(command, &connection, output),
        Command::Cert(CertCommand::Verify(arguments)) => verify::run(&arguments, &connection, output),
        Command::Cert(CertCommand::Status(arguments)) => {
            block_on(cert_status::run(&arguments, &connection, output))
        }
        Command::Up(arguments) => serve::up(arguments),
        Command::Serve(arguments) => serve::serve(arguments),
        Command::Bootstrap(arguments) => serve::bootstrap(arguments, output),
        Command::Migrate(arguments) => serve::migrate(arguments),
        Command::Reference { folder } => reference::write(&folder),
        Command::Cert(command) => block_on(cert::run(command, &connection, output)),
        Command::Csr(command) => block_on(csr::run(command, &connection, output)),
        Command::Key(command) => block_on(key::run(command, &connection, output)),
        Command::Ca(command) => block_on(ca::run(command, &connection, output)),
        Command::Job(command) => block_on(job::run(command, &connection, output)),
        Command::Apikey(command) => block_on(apikey::run(command, &connection, output)),
        Command::Whoami => block_on(whoami::run(&connection, output)),
        Command::Doctor => block_on(doctor::run(&connection, output)),
    }
}

/// Runs a command that asks a server.
fn block_on(command: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    runtime(1)?.block_on(command)
}

/// Waits for what may be of use after a command has failed. None if there is none.
pub(crate) fn wait_for<T>(asked: impl Future<Output = Option<T>>) -> Option<T> {
    runtime(1).ok()?.block_on(asked)
}

/// A tokio runtime with this many worker threads; 0 is one a core.
///
/// Tasks here run for some hundred microseconds at a time (checking a CSR's signature, say), many times what tokio
/// reckons with. At its usual pace, one look at sockets and foreign wake-ups in 61 tasks, an answer of the database
/// would wait for ten milliseconds while others start work.
fn runtime(workers: usize) -> anyhow::Result<tokio::runtime::Runtime> {
    const TASKS_BETWEEN_LOOKS: u32 = 4;
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder
        .event_interval(TASKS_BETWEEN_LOOKS)
        .global_queue_interval(TASKS_BETWEEN_LOOKS);
    if workers > 0 {
        builder.worker_threads(workers);
    }
    Ok(builder.enable_all().build()?)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the edge of the program: here the clock becomes an argument"
)]
fn now() -> time::OffsetDateTime {
    time::OffsetDateTime::now_utc()
}

fn rootca(arguments: rootca::cli::Args) -> anyhow::Result<()> {
    Ok(rootca::cli::run(
        arguments,
        now(),
        &mut rootca::cli::Stdout::new(),
        &mut rootca::cli::Terminal,
    )?)
}

fn completions(shell: clap_complete::Shell, output: Output) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "gigvault", &mut script);
    output.write(&String::from_utf8_lossy(&script))
}

/// What happens where no user can answer a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unattended {
    /// One thing was named: naming it is consent.
    Proceed,
    /// Many things at once: `--yes` is the consent.
    Refuse,
}

/// Asks on a terminal. `question` is shown as it is: `Revoke certificate 3f21…9ab4 (CN=a) with reason superseded?`
fn confirm(question: &str, yes: bool, unattended: Unattended) -> anyhow::Result<()> {
    use std::io::IsTerminal;
    // The question is written to stderr: without that no user could read it.
    let attended = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    match (yes, attended, unattended) {
        (true, _, _) | (false, false, Unattended::Proceed) => return Ok(()),
        (false, false, Unattended::Refuse) => {
            return Err(Usage("there is no terminal to confirm on; give --yes".to_owned()).into());
        }
        (false, true, _) => {}
    }
    let confirmed = rootca::cli::ask(question)?;
    if confirmed {
        Ok(())
    } else {
        anyhow::bail!("not confirmed; nothing was done")
    }
}
