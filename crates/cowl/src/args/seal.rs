//! `cowl seal` and `cowl open`.

use std::path::PathBuf;

use clap::Args;
use cowl_seal::age::Recipient;

/// `cowl seal`
#[derive(Debug, Args)]
#[command(after_help = SEAL_EXAMPLES, arg_required_else_help = true)]
pub(crate) struct SealArguments {
    /// What to seal; stdin otherwise
    #[arg(value_name = "IN")]
    pub(crate) input: Option<PathBuf>,
    /// Where to; stdout otherwise
    #[arg(long, short, value_name = "OUT")]
    pub(crate) output: Option<PathBuf>,
    /// To whom: age1pq1… or age1…; may be repeated
    #[arg(long = "recipient", short, value_name = "RECIPIENT")]
    pub(crate) recipients: Vec<Recipient>,
    /// File with one recipient a line; may be repeated
    #[arg(long = "recipients-file", short = 'R', value_name = "FILE")]
    pub(crate) recipient_files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArguments,
    /// Write text that survives e-mail
    #[arg(long, short)]
    pub(crate) armor: bool,
}

/// `cowl open`
#[derive(Debug, Args)]
#[command(after_help = OPEN_EXAMPLES)]
pub(crate) struct OpenArguments {
    /// What to open; stdin otherwise
    #[arg(value_name = "IN")]
    pub(crate) input: Option<PathBuf>,
    /// Where to; stdout otherwise
    #[arg(long, short, value_name = "OUT")]
    pub(crate) output: Option<PathBuf>,
    /// Identity file; may be repeated
    #[arg(long = "identity", short, value_name = "FILE")]
    pub(crate) identities: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArguments,
}

/// A passphrase instead of keys.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct PassphraseArguments {
    /// Use a passphrase; it is asked for
    #[arg(long, short)]
    pub(crate) passphrase: bool,
    /// Read the passphrase from a file, or from a line of stdin ('-')
    #[arg(long, value_name = "FILE|-")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

impl PassphraseArguments {
    /// Whether a passphrase is meant.
    pub(crate) fn is_wanted(&self) -> bool {
        self.passphrase || self.passphrase_file.is_some()
    }
}

const SEAL_EXAMPLES: &str = "\
Examples:
  cowl seal -r age1pq1… -o scan.dcm.age scan.dcm
  tar c records/ | cowl seal -R team.txt > records.tar.age
  cowl seal -p -a note.txt";

const OPEN_EXAMPLES: &str = "\
Examples:
  cowl open -i key.txt -o scan.dcm scan.dcm.age
  cowl open -i key.txt records.tar.age | tar x";
