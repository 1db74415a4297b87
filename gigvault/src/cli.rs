//! The command tree: types only. What a command does is in `commands/`.

mod apikey;
mod ca;
mod cert;
mod crl;
mod csr;
mod filters;
mod job;
mod key;
mod listing;
mod server;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use apikey::ApikeyCommand;
pub(crate) use ca::CaCommand;
pub(crate) use cert::{CertCommand, CertStatus, Create, Download, List, Renew, Revoke, Verify};
pub(crate) use crl::{CrlCommand, CrlDownload, CrlFormat};
pub(crate) use csr::{CsrCommand, CsrCreate, CsrSubmit};
pub(crate) use filters::Filters;
pub(crate) use job::JobCommand;
pub(crate) use key::KeyCommand;
pub(crate) use listing::Listing;
pub(crate) use server::{Bootstrap, ConfigCommand, Migrate, Serve, Up};

use crate::output::Format;

/// A complete private PKI.
#[derive(Parser)]
#[command(
    version,
    propagate_version = true,
    max_term_width = 100,
    after_help = "Examples:
  gigvault up                              start everything, in ./gigvault-data
  gigvault cert create web.example.test    a key and a certificate for it
  gigvault cert list --expires-before 30d  what expires soon
  gigvault doctor                          what is wrong, in plain words

The server is the one that --url or GIGVAULT_URL names, with --token or GIGVAULT_TOKEN and --ca-file or \
GIGVAULT_CA_FILE; without a URL it is that of ./gigvault-data, with the token in there and no other.

Spans of time are whole numbers with the units y (365 days), w (7 days), d, h, m (minutes), and s, largest first: 90d, \
12h, 90m, 1y 30d. A file named - is standard input where it is read, and standard output where it is written.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 denied, 4 not found, 5 pending approval, 6 revoked, 129, 130 and 143 ended by \
SIGHUP, Ctrl-C or SIGTERM."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// How results are written: a table on a terminal, else JSON.
    #[arg(short, long, global = true, value_enum)]
    pub(crate) output: Option<Format>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Holds the passphrase of `--key`.
pub(crate) const KEY_PASSPHRASE: &str = "GIGVAULT_KEY_PASSPHRASE";
/// Holds the passphrase of a PKCS#12 file that is written.
pub(crate) const OUT_PASSPHRASE: &str = "GIGVAULT_OUT_PASSPHRASE";

/// A private key that is there already, and what opens it. A passphrase is never an argument.
#[derive(Args)]
pub(crate) struct OwnKey {
    /// Use this private key: PKCS#8, SEC 1, PKCS#1 in PEM or DER, or PKCS#12; encrypted or not.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// Read the passphrase of --key from this file (mode 0600). Without it GIGVAULT_KEY_PASSPHRASE is taken, then the terminal
    /// is asked.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) key_passphrase_file: Option<PathBuf>,
}

/// Of every command that acts on the server.
#[derive(Args, Clone, Copy)]
pub(crate) struct DryRun {
    /// Do nothing, and show what would be done.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// In which form a certificate is written.
#[derive(Args)]
pub(crate) struct NewFile {
    /// What is written.
    #[arg(long, value_enum, default_value_t = FileFormat::Pem)]
    pub(crate) format: FileFormat,
    /// Read the passphrase of the new PKCS#12 file from this file (mode 0600). Without it GIGVAULT_OUT_PASSPHRASE is taken,
    /// then the terminal is asked.
    #[arg(long, value_name = "FILE")]
    pub(crate) out_passphrase_file: Option<PathBuf>,
}

/// Forms of a certificate on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FileFormat {
    /// Text.
    Pem,
    /// Certificate, chain and key under a passphrase.
    Pkcs12,
}

/// Which server, and who asks. Without any of these: the `gigvault-data/` in the working directory.
///
/// A token needs a URL beside it: the server that a `gigvault-data/` names only gets the token in that directory.
#[derive(Args, Clone)]
pub(crate) struct Connection {
    /// Server, such as `https://pki.example.test:8443`.
    #[arg(
        long,
        global = true,
        env = "GIGVAULT_URL",
        hide_env_values = true,
        help_heading = "Server"
    )]
    pub(crate) url: Option<String>,
    /// API key, for the server that --url or GIGVAULT_URL names. Better in the environment than here, where other users of
    /// this machine can see it.
    #[arg(
        long,
        global = true,
        env = "GIGVAULT_TOKEN",
        hide_env_values = true,
        help_heading = "Server"
    )]
    pub(crate) token: Option<String>,
    /// Root certificates to trust, PEM.
    #[arg(long, global = true, env = "GIGVAULT_CA_FILE", help_heading = "Server")]
    pub(crate) ca_file: Option<PathBuf>,
    /// What the server must show beside a certificate for its name: `gigvault` is the certificate of the API from the
    /// services CA, `name` is nothing more, `spiffe://<trust-domain>/svc/api` is the API of that installation
    /// [default: gigvault under --ca-file or a data directory, else name].
    #[arg(
        long,
        global = true,
        env = "GIGVAULT_SERVER_IDENTITY",
        value_name = "IDENTITY",
        help_heading = "Server"
    )]
    pub(crate) server_identity: Option<client::ServerIdentity>,
}

/// A span of time that the server will read alike.
fn span(text: &str) -> Result<String, String> {
    kit::config::span::parse(text).map(|_| text.to_owned())
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Start everything in one process: root, CA, key manager, API.
    Up(Up),
    /// Run one or several services as their own process.
    Serve(Serve),
    /// Make databases, hierarchy, first admin and first identities for `serve`, and end.
    Bootstrap(Bootstrap),
    /// Bring databases to the current schema, and end.
    Migrate(Migrate),
    /// Certificates: create, list, show, download, renew, revoke, verify, status.
    #[command(subcommand)]
    Cert(CertCommand),
    /// Certificate signing requests: create, inspect, submit.
    #[command(subcommand)]
    Csr(CsrCommand),
    /// Keys in the key manager.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Certificate authorities.
    #[command(subcommand)]
    Ca(CaCommand),
    /// API keys.
    #[command(subcommand)]
    Apikey(ApikeyCommand),
    /// Long work that the server accepted.
    #[command(subcommand)]
    Job(JobCommand),
    /// Whose the credential is, and what it may do.
    #[command(after_help = "Examples:
  gigvault whoami
  GIGVAULT_URL=https://pki.example.test:8443 GIGVAULT_TOKEN=gv_… \\
      gigvault whoami -o json")]
    Whoami,
    /// The offline root: works with no network and no server.
    Rootca(rootca::cli::Args),
    /// Check a running deployment and say in plain words what is wrong.
    #[command(after_help = "Examples:
  gigvault doctor
  gigvault doctor --url https://pki.example.test:8443 --ca-file root.crt -o json")]
    Doctor,
    /// Show or check configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the completion script of a shell.
    #[command(after_help = "Examples:
  gigvault completions bash > /etc/bash_completion.d/gigvault
  source <(gigvault completions zsh)")]
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Write the generated reference documents into a folder.
    #[command(hide = true)]
    Reference {
        /// The folder, such as docs/reference.
        folder: PathBuf,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Cli;

    /// Every command below `command`, with the end of its help.
    fn notes(command: &clap::Command, path: &str, all: &mut Vec<(String, String)>) {
        for note in [command.get_after_help(), command.get_after_long_help()] {
            all.extend(note.map(|text| (path.to_owned(), text.to_string())));
        }
        for sub in command.get_subcommands() {
            notes(sub, &format!("{path} {}", sub.get_name()), all);
        }
    }

    /// A command that lists has the flags of all others, because it flattens [`super::Listing`].
    #[test]
    fn every_command_that_lists_takes_the_same_flags() {
        let (mut commands, mut lists) = (vec![Cli::command()], 0);
        while let Some(command) = commands.pop() {
            if matches!(command.get_name(), "list" | "items") {
                lists += 1;
                for flag in ["sort", "limit", "cursor", "all", "csv"] {
                    let has = command.get_arguments().any(|argument| argument.get_id() == flag);
                    assert!(has, "{}: --{flag}", command.get_about().unwrap_or_default());
                }
            }
            commands.extend(command.get_subcommands().cloned());
        }
        assert!(lists > 5, "{lists}");
    }

    /// clap breaks lines at the width of the terminal, and keeps those that a text has: a paragraph of several lines would
    /// be ragged, and an example that is broken cannot be pasted.
    #[test]
    fn the_ends_of_help_texts_fit_80_columns() {
        let mut all = Vec::new();
        notes(&Cli::command(), "gigvault", &mut all);
        assert!(all.len() > 30, "{}", all.len());
        for (path, text) in all {
            let mut paragraph = false;
            for line in text.lines() {
                let indented = line.starts_with(' ');
                assert!(!indented || line.chars().count() <= 80, "{path}: {line}");
                let prose = !indented && !line.is_empty() && !line.ends_with(':');
                assert!(
                    !(prose && paragraph),
                    "{path}: join {line:?} with the line before"
                );
                paragraph = prose;
            }
        }
    }
}
