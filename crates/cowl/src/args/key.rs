//! `cowl key …`

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What is to be done with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key pair for 'cowl seal' and 'cowl open'
    #[command(after_help = MAKE_EXAMPLES)]
    Make(MakeKeyArguments),
    /// Print this party's secret key for other age programs
    Export(ExportKeyArguments),
    /// Print the recipient of this party, or of an identity file
    Recipient(RecipientArguments),
}

/// `cowl key make`
#[derive(Debug, Args)]
pub(crate) struct MakeKeyArguments {
    /// Where to write the identity; '-' is stdout
    #[arg(long, short, value_name = "FILE|-", default_value = "-")]
    pub(crate) output: PathBuf,
    /// X25519 only, for age programs before version 1.3: not safe from quantum computers
    #[arg(long)]
    pub(crate) classic: bool,
}

/// `cowl key export`
#[derive(Debug, Args)]
pub(crate) struct ExportKeyArguments {
    /// Where to write it; '-' is stdout
    #[arg(long, short, value_name = "FILE|-", default_value = "-")]
    pub(crate) output: PathBuf,
}

/// `cowl key recipient`
#[derive(Debug, Args)]
pub(crate) struct RecipientArguments {
    /// Identity file instead of this party; '-' is stdin
    #[arg(long, short, value_name = "FILE|-")]
    pub(crate) identity: Option<PathBuf>,
}

const MAKE_EXAMPLES: &str = "\
Examples:
  cowl key make -o key.txt
  cowl key recipient -i key.txt";
