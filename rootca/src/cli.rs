//! The commands of the offline root, as `gigvault-rootca` and `gigvault rootca` both have them.
//!
//! Types and help here; one command per file below. A command gets the time, where to write its result, and whom to
//! ask; it reads no clock and opens no socket.

mod crl;
mod init;
mod inspect;
mod output;
mod plan;
mod prompts;
mod revoke;
mod sign_intermediate;
mod stdout;
mod unlock;
mod verify;

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use rules::duration;
use time::OffsetDateTime;

pub use prompts::{Prompts, Terminal, ask};
pub use sign_intermediate::NameFlags;
pub use stdout::{Stdout, printable};

use crate::built::check_clock;
use crate::error::Error;

/// The offline root.
#[derive(Debug, clap::Args)]
#[command(
    about = "The offline root: works on files, with no network and no server",
    long_about = "The offline root: works on files, with no network and no server.\n\n\
        A ceremony folder holds one root: its certificate, its encrypted key, the ledger of everything it signed. \
        Keep it on a machine without a network, and copies of it in safes.",
    after_long_help = EXAMPLES
)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "Examples of a first ceremony:
  init --subject 'CN=Example Root,O=Example' --dir root
  sign-intermediate issuing.csr --dir root --out issuing.crt \\
      --crl-url http://pki.example.test/crl/root.crl \\
      --issuer-url http://pki.example.test/ca/root.crt
  crl --dir root --out root.crl
  verify --dir root";

/// One command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a root: its key, its certificate, its folder
    Init(InitArgs),
    /// Certify an intermediate CA from its CSR
    SignIntermediate(Box<SignIntermediateArgs>),
    /// Note that an intermediate is revoked, for the next CRL
    Revoke(RevokeArgs),
    /// Sign a CRL
    Crl(CrlArgs),
    /// Show a certificate, CSR or CRL, or what a root has signed
    Inspect(InspectArgs),
    /// Check that the files of a root belong together
    Verify(VerifyArgs),
}

/// The folder of a root.
#[derive(Debug, clap::Args)]
pub struct FolderFlag {
    /// Folder of the root
    #[arg(long, value_name = "DIR", default_value = "gigvault-root")]
    pub dir: PathBuf,
}

/// How the answer is written.
#[derive(Debug, clap::Args)]
pub struct AnswerFlag {
    /// Form of the answer: a table on a terminal, else JSON
    #[arg(long, short, value_enum)]
    pub(crate) output: Option<Show>,
}

/// What opens the root's key. Secrets are never on the command line, where other users of the machine see them.
#[derive(Debug, clap::Args)]
pub struct KeyFlags {
    /// Read the passphrase from this file (mode 0600) instead of the terminal
    #[arg(long, value_name = "FILE", conflicts_with = "kek_file")]
    pub passphrase_file: Option<PathBuf>,
    /// The key is sealed under the key-encryption key in this file, as `gigvault up` does it
    #[arg(long, value_name = "FILE")]
    pub kek_file: Option<PathBuf>,
}

/// Flags of `init`.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Example:\n  init --subject 'CN=Example Root,O=Example,C=DE' \\\n      --key-type p384 --validity 20y --dir root \\\n      --crl-url http://pki.example.test/crl/root.crl \\\n      --issuer-url http://pki.example.test/ca/root.crt"
)]
pub struct InitArgs {
    #[command(flatten)]
    pub(crate) folder: FolderFlag,
    /// Name of the root, by RFC 4514, such as 'CN=Example Root,O=Example'
    #[arg(long, value_name = "NAME")]
    pub(crate) subject: String,
    /// p256, p384, p521, rsa3072, rsa4096 or ed25519
    #[arg(long, value_name = "TYPE", default_value = "p384")]
    pub(crate) key_type: String,
    /// Lifetime
    #[arg(long, value_name = "DURATION", default_value = "20y", value_parser = duration::parse)]
    pub(crate) validity: Duration,
    /// Where the CRL of this root will be, http: or ldap:, for every intermediate (repeatable)
    #[arg(long = "crl-url", value_name = "URL")]
    pub(crate) crl_urls: Vec<String>,
    /// Where the certificate of this root will be, http: or ldap:, for every intermediate (repeatable)
    #[arg(long = "issuer-url", visible_alias = "aia-url", value_name = "URL")]
    pub(crate) issuer_urls: Vec<String>,
    #[command(flatten)]
    pub(crate) answer: AnswerFlag,
    #[command(flatten)]
    pub(crate) key: KeyFlags,
}

/// Flags of `sign-intermediate`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Example:
  sign-intermediate issuing.csr --dir root --out issuing.crt \\
      --subject 'CN=Example Issuing CA,O=Example' --validity 10y \\
      --permit-dns example.test --permit-ip 10.0.0.0/8 \\
      --crl-url http://pki.example.test/crl/root.crl \\
      --issuer-url http://pki.example.test/ca/root.crt

Shows what will be signed and asks; --dry-run only shows it and needs no key.")]
pub struct SignIntermediateArgs {
    /// PKCS#10 request, PEM or DER
    #[arg(value_name = "CSR")]
    pub(crate) csr: PathBuf,
    #[command(flatten)]
    pub(crate) folder: FolderFlag,
    /// Write the certificate here, beside the copy in the folder; never overwrites
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Name of the CA instead of the one in the CSR
    #[arg(long, value_name = "NAME")]
    pub(crate) subject: Option<String>,
    /// How many further CAs may be below it
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) path_len: u8,
    /// Lifetime; 10 years without it
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(crate) validity: Option<Duration>,
    /// Hold it to this purpose: server-auth, client-auth, code-signing, email-protection, or another by its OID (repeatable)
    #[arg(long = "purpose", value_name = "PURPOSE")]
    pub(crate) purposes: Vec<String>,
    /// Where this root's CRL will be, http: or ldap:; without it, where `init` was told (repeatable)
    #[arg(long = "crl-url", value_name = "URL")]
    pub(crate) crl_urls: Vec<String>,
    /// Where OCSP is answered for this root, http: (repeatable)
    #[arg(long = "ocsp-url", value_name = "URL")]
    pub(crate) ocsp_urls: Vec<String>,
    /// Where this root's certificate will be, http: or ldap:; without it, where `init` was told (repeatable)
    #[arg(long = "issuer-url", visible_alias = "aia-url", value_name = "URL")]
    pub(crate) issuer_urls: Vec<String>,
    /// Show what would be signed, and sign nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Sign without asking
    #[arg(long, short)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) answer: AnswerFlag,
    #[command(flatten)]
    pub(crate) key: KeyFlags,
    // Last: what follows a heading is shown under it.
    #[command(flatten)]
    pub(crate) names: NameFlags,
}

/// Flags of `revoke`.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  revoke issuing.crt --dir root --reason ca-compromise\n  revoke 4b1f0c6e2a9d583710fe6bc4d2a85e39 --dir root\n  crl --dir root --out root.crl"
)]
pub struct RevokeArgs {
    /// Serial number, as `inspect --dir` lists it, or the file of a certificate that this root signed: one that the ledger
    /// does not know is taken in
    #[arg(value_name = "SERIAL|FILE")]
    pub(crate) certificate: String,
    #[command(flatten)]
    pub(crate) folder: FolderFlag,
    /// unspecified, key-compromise, ca-compromise, affiliation-changed, superseded, cessation-of-operation or
    /// privilege-withdrawn
    #[arg(long, value_name = "REASON", default_value = "unspecified")]
    pub(crate) reason: String,
    /// Revoke without asking
    #[arg(long, short)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) answer: AnswerFlag,
}

/// Flags of `crl`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Example:\n  crl --dir root --validity 180d --out root.crl")]
pub struct CrlArgs {
    #[command(flatten)]
    pub(crate) folder: FolderFlag,
    /// Write the CRL here, beside root.crl in the folder; never overwrites
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Form of --out; distribution points serve DER
    #[arg(long, value_enum, default_value_t = Form::Der)]
    pub(crate) format: Form,
    /// Until when the next CRL will be there
    #[arg(long, value_name = "DURATION", default_value = "180d", value_parser = duration::parse)]
    pub(crate) validity: Duration,
    /// List also serial numbers of revoked.jsonl that are not in issued.jsonl, where their lines there are lost
    #[arg(long)]
    pub(crate) accept_loss: bool,
    #[command(flatten)]
    pub(crate) answer: AnswerFlag,
    #[command(flatten)]
    pub(crate) key: KeyFlags,
}

/// Flags of `inspect`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  inspect issuing.csr\n  inspect --dir root -o json")]
pub struct InspectArgs {
    /// Certificate, CSR or CRL, PEM or DER; without it, the root's folder is shown
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) folder: FolderFlag,
    #[command(flatten)]
    pub(crate) answer: AnswerFlag,
}

/// Flags of `verify`.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  verify --dir root --passphrase-file /media/usb/passphrase\n  verify --dir root --without-key -o json\n  verify --dir root --without-key --repair"
)]
pub struct VerifyArgs {
    #[command(flatten)]
    pub(crate) folder: FolderFlag,
    #[command(flatten)]
    pub(crate) answer: AnswerFlag,
    /// Leave the private key shut: everything else is public
    #[arg(long)]
    pub(crate) without_key: bool,
    /// First finish what a crash left unfinished and repair what is damaged: take in certificates that the ledger does not
    /// know, write copies again that are missing or damaged; what cannot be read is kept in aside/
    #[arg(long)]
    pub(crate) repair: bool,
    /// Go on without ledger lines that do not say any more which certificate they are about, or without a revoked.jsonl that
    /// is missing: what they revoked and root.crl does not list counts as valid again. Where a line does not say any more why or
    /// when, the reason becomes unspecified and the time that of the repair
    #[arg(long, requires = "repair")]
    pub(crate) accept_loss: bool,
    #[command(flatten)]
    pub(crate) key: KeyFlags,
}

/// Encoding of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// Binary.
    Der,
    /// Base64 in armour.
    Pem,
}

/// Form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Show {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// For programs and people.
    Yaml,
}

impl Show {
    /// What was asked for; without that a table on a terminal, else JSON.
    #[must_use]
    pub fn chosen(asked: Option<Self>) -> Self {
        use std::io::IsTerminal;
        let default = || match std::io::stdout().is_terminal() {
            true => Self::Table,
            false => Self::Json,
        };
        asked.unwrap_or_else(default)
    }
}

/// Runs one command. `now` is the time of the ceremony, to the second; `out` gets results, `prompts` is asked for passphrases and
/// consent.
///
/// # Errors
/// [`Error`]; its [`exit_code`](Error::exit_code) is the process's.
pub fn run(
    args: Args,
    now: OffsetDateTime,
    out: &mut dyn Write,
    prompts: &mut dyn Prompts,
) -> Result<(), Error> {
    let now = now.replace_nanosecond(0).unwrap_or(now);
    // What only looks or revokes works at any time.
    if matches!(
        args.command,
        Command::Init(_) | Command::SignIntermediate(_) | Command::Crl(_)
    ) {
        check_clock(now)?;
    }
    match args.command {
        Command::Init(args) => init::run(&args, now, out, prompts),
        Command::SignIntermediate(args) => sign_intermediate::run(&args, now, out, prompts),
        Command::Revoke(args) => revoke::run(&args, now, out, prompts),
        Command::Crl(args) => crl::run(&args, now, out, prompts),
        Command::Inspect(args) => inspect::run(&args, now, out),
        Command::Verify(args) => verify::run(&args, now, out, prompts),
    }
}

/// Whether a path means standard input or standard output.
fn is_stream(path: &Path) -> bool {
    path == Path::new("-")
}

/// Reads a file that a person named; `-` is standard input.
fn read_input(path: &Path) -> Result<Vec<u8>, Error> {
    const LONGEST: u64 = 16 * 1024 * 1024;
    if !is_stream(path) {
        return crate::files::read(path);
    }
    let mut content = Vec::new();
    std::io::stdin().lock().take(LONGEST).read_to_end(&mut content)?;
    Ok(content)
}

/// A value of the command line.
fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(what: &str, text: &str) -> Result<T, Error> {
    text.parse()
        .map_err(|error| Error::Usage(format!("{what}: {error}")))
}
