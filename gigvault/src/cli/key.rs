//! Arguments of `key`.

use clap::Subcommand;

use super::{DryRun, Listing};

#[derive(Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key in the key manager; it never leaves it.
    #[command(after_help = "A key signs only what it was made for.

Examples:
  gigvault key generate ca-issuing-2 --type p384
  gigvault key generate ocsp-1 --purpose ocsp-signer")]
    Generate {
        /// Unique name.
        name: String,
        /// p256, p384, p521, rsa2048, rsa3072, rsa4096 or ed25519.
        #[arg(long = "type", default_value = "p256")]
        algorithm: String,
        /// certificate-authority or ocsp-signer.
        #[arg(long, default_value = "certificate-authority")]
        purpose: String,
        /// Where its private half lives. This version keeps keys sealed in the key manager's database.
        #[arg(long, default_value = "software", value_parser = ["software"])]
        backend: String,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// List keys.
    #[command(after_help = "Examples:
  gigvault key list
  gigvault key list --sort=-name --all -o json")]
    List {
        #[command(flatten)]
        listing: Listing<client::Key>,
    },
    /// One key: its public half and what it is for.
    #[command(after_help = "Examples:
  gigvault key show ca-issuing")]
    Show {
        /// Its name.
        name: String,
    },
}
