//! Arguments of `ca`.

use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum CaCommand {
    /// List the CAs.
    #[command(after_help = "Examples:
  gigvault ca list")]
    List,
    /// One CA: certificate, chain, profiles.
    #[command(after_help = "Examples:
  gigvault ca show issuing
  gigvault ca show issuing -o json | jq -r .certificate > ca.crt")]
    Show {
        /// Its name.
        name: String,
    },
}
