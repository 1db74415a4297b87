//! Arguments of `apikey`.

use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum ApikeyCommand {
    /// Make an API key. It is shown once.
    #[command(
        after_help = "Roles: root-admin, ca-operator, ra-approver, auditor, developer.

Examples:
  gigvault apikey create ci --role developer --validity 90d
  gigvault apikey create monitoring --role auditor -o json | jq -r .token"
    )]
    Create {
        /// For people.
        name: String,
        /// What its holder may do. May be given several times.
        #[arg(long, required = true)]
        role: Vec<String>,
        /// How long it is good, such as 90d; until it is revoked if not given.
        #[arg(long, value_name = "SPAN", value_parser = super::span)]
        validity: Option<String>,
    },
    /// List API keys.
    #[command(after_help = "Examples:
  gigvault apikey list")]
    List {
        /// Most keys, 1 to 500.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// Go on where a page ended.
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Revoke an API key; it stops working within seconds.
    #[command(after_help = "Examples:
  gigvault apikey revoke 7f3a2b1c")]
    Revoke {
        /// The digits between `gv_` and `_`.
        prefix: String,
        /// Do not ask.
        #[arg(long, short = 'y')]
        yes: bool,
    },
}
