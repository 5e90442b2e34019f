//! The command line as plain data. Nothing here acts; [`crate::settings`] and [`crate::commands`] do.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

mod agent;
mod bench;
mod demo;
mod grant;
mod image;
mod infer;
mod input;
mod job;
mod key;
mod model;
mod party;
mod record;
mod seal;
mod table;

pub(crate) use agent::{AgentCommand, RunArguments};
pub(crate) use bench::{
    BenchCommand, BenchGroup, InferBenchArguments, InferGroup, TablesBenchArguments, TablesGroup,
};
pub(crate) use demo::DemoArguments;
pub(crate) use grant::{
    ApproveArguments, Contents, GrantCommand, ListGrantsArguments, MakeArguments, RequestArguments,
    RevokeArguments,
};
pub(crate) use image::{
    CombineArguments, ImageCommand, KeyFileArguments, OpenImageArguments, SealAdditiveArguments, WindowChoice,
};
pub(crate) use infer::{
    DealArguments, InferCommand, PartyAt, PatienceArguments, RunModelArguments, ServeArguments,
    StatusArguments, StockArguments,
};
pub(crate) use input::InputArguments;
pub(crate) use job::{EvidenceCommand, JobCommand, ShowJobArguments};
pub(crate) use key::{ExportKeyArguments, KeyCommand, MakeKeyArguments, RecipientArguments};
pub(crate) use model::{
    ImportModelArguments, InspectModelArguments, ModelCommand, ReadingArguments, TruncationChoice,
};
pub(crate) use party::{
    KitArguments, LoginArguments, PartyCommand, PasswdArguments, RegisterArguments, ServerArguments,
    StayArguments, VerifyArguments,
};
pub(crate) use record::{
    AddArguments, CheckArguments, ExportArguments, GetArguments, ListItemsArguments, RecordCommand,
    RemoveArguments, ShowArguments,
};
pub(crate) use seal::{OpenArguments, PassphraseArguments, SealArguments};
pub(crate) use table::{
    AskingArguments, ColumnArguments, GetTableArguments, ImportArguments, QueryArguments, RegressArguments,
    ResultArguments, ResultFormat, ScoreArguments, SealTableArguments, TableCommand, TableFileArguments,
};

/// Health records: sealed at home, kept in a cloud that cannot read them, shared and taken back
#[derive(Debug, Parser)]
#[command(name = "cowl", version, subcommand_required = true, arg_required_else_help = true, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: GlobalArguments,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command understands.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct GlobalArguments {
    /// Print one JSON document instead of text; errors too, on stderr
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print results and errors only
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Hide progress bars
    #[arg(long, global = true)]
    pub(crate) no_progress: bool,
    /// Settings file
    #[arg(long, global = true, value_name = "FILE", env = "COWL_CONFIG", hide_env_values = true)]
    pub(crate) config: Option<PathBuf>,
    /// Which party on this device
    #[arg(long, global = true, value_name = "NAME|DIR", env = "COWL_PROFILE", hide_env_values = true)]
    pub(crate) profile: Option<String>,
    /// Read the password from a file, or from a line of stdin ('-')
    #[arg(long, global = true, value_name = "FILE|-", env = "COWL_PASSWORD_FILE", hide_env_values = true)]
    pub(crate) password_file: Option<PathBuf>,
    /// Answer every question with yes
    #[arg(long, short, global = true)]
    pub(crate) yes: bool,
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Accounts and keys: register, log in, verify others
    #[command(subcommand)]
    Party(PartyCommand),
    /// Records and the items in them
    #[command(subcommand)]
    Record(RecordCommand),
    /// Who may open what: give, take back, ask
    #[command(subcommand)]
    Grant(GrantCommand),
    /// Tables that the cloud adds up and cannot read: statistics and regression
    #[command(subcommand)]
    Table(TableCommand),
    /// Models that others run and cannot see
    #[command(subcommand)]
    Model(ModelCommand),
    /// Questions about tables: ask, consent, refuse
    #[command(subcommand)]
    Job(JobCommand),
    /// Run somebody's model on somebody's data, and neither sees the other's
    #[command(subcommand)]
    Infer(InferCommand),
    /// What proves how a job was done
    #[command(subcommand)]
    Evidence(EvidenceCommand),
    /// The log of every access, and its proof
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Find items by words, misspelt ones too
    Search(SearchArguments),
    /// Seal a file or a pipe in the age format; no server needed
    Seal(SealArguments),
    /// Open a file that was sealed in the age format
    Open(OpenArguments),
    /// Images that others add, subtract and average without seeing them
    #[command(subcommand)]
    Image(ImageCommand),
    /// Keys for 'seal' and 'open', and for other age programs
    #[command(subcommand)]
    Key(KeyCommand),
    /// Background work and the session keeper
    #[command(subcommand)]
    Agent(AgentCommand),
    /// How to run a cloud
    Server,
    /// See it all happen once, on this machine, in under a minute
    Demo(DemoArguments),
    /// Measure what this machine makes of it
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Check this device, the way to the cloud, and the clock
    Doctor,
    /// Print the text of a PDF file from stdin; what 'record add' and 'search' start for such files
    #[command(hide = true)]
    PdfText {
        /// Set by the process itself when its limits hold
        #[arg(long)]
        limited: bool,
    },
    /// Print completions for a shell
    #[command(
        after_help = "Example:\n  cowl completions bash > ~/.local/share/bash-completion/completions/cowl"
    )]
    Completions {
        /// bash, elvish, fish, powershell or zsh
        shell: clap_complete::Shell,
    },
}

/// `cowl audit …`
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Print what happened, oldest first
    List {
        /// Only the newest N
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Prove that the log was never rewritten and holds every event shown
    Verify,
}

/// `cowl search …`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  cowl search metastatis lung")]
pub(crate) struct SearchArguments {
    /// What to look for
    #[arg(required = true)]
    pub(crate) words: Vec<String>,
    /// At most N results
    #[arg(long, value_name = "N", default_value = "10")]
    pub(crate) limit: NonZeroUsize,
}

const EXAMPLES: &str = "\
Examples:
  cowl demo                                       see it all happen once
  cowl party register alice --server URL          make an account and keys
  cowl record add scans/ report.pdf               seal and store
  cowl grant make --to radiologist@city --study UID --purpose second-opinion --until 7d
  cowl grant revoke --from radiologist@city       take back, and re-key
  cowl table query 'SELECT ward, enc_avg(los) FROM t GROUP BY ward'
  cowl seal -r age1… -o note.age note.txt         one file, no server

Exit status: 0 yes, 1 no (refused, not verified, not there), 2 wrong usage or a fault.";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }
}
