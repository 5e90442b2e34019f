//! `cowl demo`.

use std::path::PathBuf;

use clap::Args;

/// `cowl demo`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DemoArguments {
    /// Your own file or folder instead of the samples that come with the program
    #[arg(long, value_name = "PATH")]
    pub(crate) input: Option<PathBuf>,
    /// Leave everything in DIR: DIR/cloud has all that the cloud has, DIR/NAME each party's device
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
    /// Open no page in the browser; this version has none yet
    #[arg(long)]
    pub(crate) no_browser: bool,
}

const EXAMPLES: &str = "\
Examples:
  cowl demo
  cowl demo --input ~/scans --keep look-inside";
