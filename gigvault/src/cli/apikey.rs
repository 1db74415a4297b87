//! Arguments of `apikey`.

use clap::Subcommand;

use super::{DryRun, Listing};

#[derive(Subcommand)]
pub(crate) enum ApikeyCommand {
    /// Make an API key. It is shown once.
    #[command(
        after_help = "Roles: root-admin, ca-operator, ra-approver, auditor, developer.

Examples:
  gigvault apikey create ci --role developer --validity 90d
  gigvault apikey create ci --role developer \\
      --allow-name 'dns:*.dev.example.test' --allow-name ip:10.1.0.0/16
  gigvault apikey create monitoring --role auditor -o json | jq -r .token"
    )]
    Create {
        /// For people.
        name: String,
        /// What its holder may do. May be given several times.
        #[arg(long, required = true)]
        role: Vec<String>,
        /// How long it is good, such as 90d, at most as long as the key that makes it; if not given, as long as that
        /// key, or until it is revoked.
        #[arg(long, value_name = "SPAN", value_parser = super::span)]
        validity: Option<String>,
        // No doc comment: rustdoc would want the URL to be a link.
        #[arg(
            long,
            value_name = "PATTERN",
            help = "A name that it may have certified: dns:web.example.test, dns:*.dev.example.test, ip:10.1.0.0/16, \
                    email:*@example.test, upn:*@example.test, uri:https://a.example.test/x/*, subject:O=Example. May be \
                    given several times; every name that you may if not given"
        )]
        allow_name: Vec<String>,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// List API keys.
    #[command(after_help = "Examples:
  gigvault apikey list
  gigvault apikey list --all -o json | jq -r '.items[].prefix'")]
    List {
        #[command(flatten)]
        listing: Listing<client::ApiKey>,
    },
    /// Show an API key, but for its text.
    #[command(after_help = "Examples:
  gigvault apikey show 7f3a2b1c")]
    Show {
        /// The digits between `gv_` and `_`.
        prefix: String,
    },
    /// Revoke an API key; it stops working within seconds.
    #[command(
        after_help = "The keys that it made stay unless --descendants is given; those that are still good are shown.

Examples:
  gigvault apikey revoke 7f3a2b1c
  gigvault apikey revoke 7f3a2b1c --descendants --yes"
    )]
    Revoke {
        /// The digits between `gv_` and `_`.
        prefix: String,
        /// Revoke the keys that it made too, those that these made, and so on.
        #[arg(long)]
        descendants: bool,
        /// Do not ask. Where there is no terminal to ask on, one key is revoked without a question, because naming it is
        /// consent; --descendants is refused without --yes.
        #[arg(long, short = 'y')]
        yes: bool,
        #[command(flatten)]
        dry_run: DryRun,
    },
}
