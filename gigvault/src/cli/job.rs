//! Arguments of `job`.

use clap::Subcommand;

use super::{DryRun, Listing};

#[derive(Subcommand)]
pub(crate) enum JobCommand {
    /// List jobs, newest first.
    #[command(
        after_help = "A process lists the jobs of the services that it runs; where that is not every service, their names \
are said.

Examples:
  gigvault job list
  gigvault job list --csv > jobs.csv"
    )]
    List {
        #[command(flatten)]
        listing: Listing<client::Job>,
    },
    /// One job: how far it is.
    #[command(after_help = "Examples:
  gigvault job show ca-0198f3a2-6b1e-7c4d-9a55-2f60c1d7e8b9")]
    Show {
        /// Its id.
        id: String,
    },
    /// What became of each object of a job.
    #[command(after_help = "Examples:
  gigvault job items ca-0198f3a2-6b1e-7c4d-9a55-2f60c1d7e8b9 --state failed
  gigvault job items ca-0198f3a2-6b1e-7c4d-9a55-2f60c1d7e8b9 --csv > items.csv")]
    Items {
        /// Its id.
        id: String,
        /// Only those: pending, done, skipped or failed.
        #[arg(long)]
        state: Option<String>,
        #[command(flatten)]
        listing: Listing<client::JobItem>,
    },
    /// End a job before its end; what it did stays done.
    #[command(after_help = "Examples:
  gigvault job cancel ca-0198f3a2-6b1e-7c4d-9a55-2f60c1d7e8b9")]
    Cancel {
        /// Its id.
        id: String,
        #[command(flatten)]
        dry_run: DryRun,
    },
}
