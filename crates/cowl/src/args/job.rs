//! `cowl job …` and `cowl evidence …`

use clap::{Args, Subcommand};

use super::table::ResultArguments;

/// What is to be done with jobs. Jobs go by identifier or the beginning of one.
#[derive(Debug, Subcommand)]
pub(crate) enum JobCommand {
    /// List jobs: what you asked, and what you are asked
    #[command(visible_alias = "ls")]
    List {
        /// Only those that wait for you
        #[arg(long)]
        waiting: bool,
    },
    /// Show a job: what is asked, who learns what, and the answer where there is one
    Show(ShowJobArguments),
    /// Consent to a job about your own tables, open its answer and hand it over
    Approve {
        /// The job
        job: String,
    },
    /// Refuse a job about your own tables
    Deny {
        /// The job
        job: String,
        /// Why; only the asker can read it
        #[arg(long, value_name = "TEXT", default_value = "the owner said no")]
        reason: String,
    },
    /// Take back a job that you asked for
    Withdraw {
        /// The job
        job: String,
    },
}

/// `cowl job show`
#[derive(Debug, Args)]
pub(crate) struct ShowJobArguments {
    /// The job
    pub(crate) job: String,
    #[command(flatten)]
    pub(crate) output: ResultArguments,
}

/// `cowl evidence …`
#[derive(Debug, Subcommand)]
pub(crate) enum EvidenceCommand {
    /// Check that a job's evidence is about it, signed by whoever ran it, under the consents that were given
    Verify {
        /// The job
        job: String,
    },
}
