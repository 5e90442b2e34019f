//! `cowl agent …`

use std::time::Duration;

use clap::{Args, Subcommand};

use crate::moment::parse_duration;

/// Long-lived helpers.
#[derive(Debug, Subcommand)]
pub(crate) enum AgentCommand {
    /// Do this party's pending work, such as re-keying and answering what grants allow, until stopped
    Run(RunArguments),
    /// The session keeper; 'cowl party login' starts it
    #[command(hide = true)]
    Hold(HoldArguments),
}

/// `cowl agent run`
#[derive(Debug, Args)]
#[command(after_help = RUN_EXAMPLE)]
pub(crate) struct RunArguments {
    /// Without a page to look at
    #[arg(long, required = true)]
    pub(crate) headless: bool,
    /// How often to look for work
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = parse_duration)]
    pub(crate) every: Duration,
    /// Look once, do what is there, and end
    #[arg(long)]
    pub(crate) once: bool,
    /// Leave jobs to 'cowl job approve'
    #[arg(long)]
    pub(crate) no_jobs: bool,
}

const RUN_EXAMPLE: &str = "\
SIGTERM and Ctrl-C end it after the step that is under way, a second one at once. Nothing is lost by either.

Example:
  cowl agent run --headless --every 30s";

/// `cowl agent hold`
#[derive(Debug, Args)]
pub(crate) struct HoldArguments {
    /// Lock after this long without use
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = parse_duration)]
    pub(crate) lock_after: Duration,
}
