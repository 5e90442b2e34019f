//! One file a noun, one function a verb: arguments in, a few calls to the vault, one value out.
//!
//! Each verb's value is a struct of its own: `Serialize` is what `--json` prints, `Display` is what people
//! read.

use crate::args::{AuditCommand, Command, KeyCommand};
use crate::failure::Result;
use crate::output::Output;
use crate::settings::Settings;
use crate::{bench, block_on, demo, pdf_text};

mod agent;
mod audit;
mod completions;
mod doctor;
mod evidence;
mod grant;
mod image;
pub(crate) mod infer;
mod items;
mod job;
mod key;
mod model;
mod party;
mod profile;
mod record;
mod request;
mod seal;
mod search;
mod server;
mod table;
mod trust;

pub(crate) use grant::Rekeyed;
pub(crate) use items::SHORT;

/// What every command gets.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    /// What was resolved from arguments, environment and file.
    pub(crate) settings: Settings,
    /// Where results go.
    pub(crate) output: Output,
}

/// Runs one command.
///
/// # Errors
/// Those of the command.
pub(crate) fn run(context: &Context, command: Command) -> Result<()> {
    match command {
        Command::Party(command) => block_on(party::run(context, command)),
        Command::Record(command) => block_on(record::run(context, command)),
        Command::Grant(command) => block_on(grant::run(context, command)),
        Command::Table(command) => table::run(context, command),
        Command::Model(command) => model::run(context, command),
        Command::Job(command) => block_on(job::run(context, command)),
        Command::Infer(command) => infer::run(context, command),
        Command::Evidence(command) => block_on(evidence::run(context, command)),
        Command::Audit(AuditCommand::List { limit }) => block_on(audit::list(context, limit)),
        Command::Audit(AuditCommand::Verify) => block_on(audit::verify(context)),
        Command::Search(arguments) => block_on(search::search(context, &arguments)),
        Command::Seal(arguments) => seal::seal(context, &arguments),
        Command::Open(arguments) => seal::open(context, &arguments),
        Command::Image(command) => image::run(context, &command),
        Command::Key(KeyCommand::Make(arguments)) => key::make(context, &arguments),
        Command::Key(KeyCommand::Export(arguments)) => block_on(key::export(context, &arguments)),
        Command::Key(KeyCommand::Recipient(arguments)) => block_on(key::recipient(context, &arguments)),
        Command::Agent(command) => agent::run(context, command),
        Command::Server => server::explain(context),
        Command::Demo(arguments) => block_on(demo::run(context, &arguments)),
        Command::Bench(command) => bench::run(context, command),
        Command::Doctor => block_on(doctor::run(context)),
        Command::PdfText { .. } => pdf_text::print(),
        Command::Completions { shell } => completions::print(shell),
    }
}
