//! Arguments of `ca`.

use clap::Subcommand;

use super::{CrlCommand, DryRun, Listing};

#[derive(Subcommand)]
pub(crate) enum CaCommand {
    /// List the CAs.
    #[command(after_help = "Examples:
  gigvault ca list
  gigvault ca list --csv > cas.csv")]
    List {
        #[command(flatten)]
        listing: Listing<client::Ca>,
    },
    /// One CA: certificate, chain, profiles.
    #[command(after_help = "Examples:
  gigvault ca show issuing
  gigvault ca show issuing -o json | jq -r .certificate > ca.crt")]
    Show {
        /// Its name.
        name: String,
    },
    /// The health of CAs: CRLs, OCSP responders, and what was found at the URLs in certificates.
    #[command(
        after_help = "The status is unhealthy if relying parties are told something wrong, and unknown if that is not known.

Examples:
  gigvault ca health
  gigvault ca health issuing
  gigvault ca health issuing -o json | jq .self_check"
    )]
    Health {
        /// Its name; without one, a row for each CA.
        name: Option<String>,
    },
    /// Stop a CA from issuing and renewing, until it is resumed.
    #[command(
        after_help = "When this returns, no certificate of that CA is stored or handed out any more. What it has issued stays as it \
is, and can be looked at and revoked. Where the CA issues GigVault's own certificates, these are not \
renewed either while it is suspended.

Examples:
  gigvault ca suspend issuing --dry-run
  gigvault ca suspend issuing"
    )]
    Suspend {
        /// Its name.
        name: String,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Let a suspended CA issue again.
    #[command(after_help = "Examples:
  gigvault ca resume issuing")]
    Resume {
        /// Its name.
        name: String,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// CRLs: show, make, import, fetch.
    #[command(subcommand)]
    Crl(CrlCommand),
}
