//! Arguments of `ca crl`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::DryRun;

#[derive(Subcommand)]
pub(crate) enum CrlCommand {
    /// The CRLs of a CA that are out, or of a root whose CRL was imported.
    #[command(after_help = "Examples:
  gigvault ca crl show issuing
  gigvault ca crl show root -o json | jq -r '.crls[].next_update'")]
    Show {
        /// Name of the CA, or of the root as URLs have it.
        name: String,
    },
    /// Make the CRLs of a CA now: complete ones and deltas.
    #[command(
        after_help = "They are made by their schedule too, and at once after a compromise; see `crl.immediate`. When this returns, they \
are served.

Examples:
  gigvault ca crl publish issuing
  gigvault ca crl publish issuing --dry-run"
    )]
    Publish {
        /// Name of the CA.
        name: String,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Serve a CRL of an issuer whose key is elsewhere, such as an offline root.
    #[command(
        after_help = "The CRL is verified as relying parties do, and served at /crl/NAME.crl from then on. NAME is the one in the URL \
that the CAs below that issuer point to: `root` for /crl/root.crl. A CRL with a lower number than the one that is served is refused.

Examples:
  gigvault ca crl import root root.crl
  gigvault ca crl import root root.crl --dry-run
  gigvault ca crl import root - < root.crl"
    )]
    Import {
        /// Name of the issuer, as URLs have it.
        name: String,
        /// The CRL, PEM or DER; `-` is standard input.
        file: PathBuf,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Fetch CRLs from where certificates point to.
    #[command(
        after_help = "Each is compared with what the server says is out. Without --out, one CRL is written to standard output.

Examples:
  gigvault ca crl download issuing > issuing.crl.pem
  gigvault ca crl download issuing --delta --format der --out delta.crl
  gigvault ca crl download --all --out crls --force"
    )]
    Download(CrlDownload),
}

/// Arguments of `ca crl download`.
#[derive(Args)]
pub(crate) struct CrlDownload {
    /// Name of the CA or of one of its generations (`issuing.2`), or of a root.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub(crate) name: Option<String>,
    /// The delta in place of the complete CRL.
    #[arg(long, conflicts_with = "all")]
    pub(crate) delta: bool,
    /// Number of a shard.
    #[arg(long, value_name = "N", conflicts_with = "all", default_value_t = 0)]
    pub(crate) shard: u32,
    /// Every CRL of every CA and root, complete and delta, one file each in the folder --out (the working directory without it).
    #[arg(long)]
    pub(crate) all: bool,
    /// PEM text, or DER.
    #[arg(long, value_enum, default_value_t = CrlFormat::Pem)]
    pub(crate) format: CrlFormat,
    /// The new file; with --all, the folder.
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Replace files that are there.
    #[arg(long)]
    pub(crate) force: bool,
}

/// In which form a CRL is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CrlFormat {
    /// Text.
    Pem,
    /// As it is served.
    Der,
}
