//! `cowl bench`: what this machine makes of the published tables, and of the goals.
//!
//! [`paper`] prints the tables of the published framework anew, [`vault`] measures what the product promises,
//! [`tables`] sealed tables, [`infer`] models on data that nobody shows. All yield [`row::Row`]s. Inputs are made from the samples inside the program, always the
//! same; real tables that may not be shipped are read where they are at hand.

mod infer;
mod notes;
mod paper;
mod pictures;
mod random;
mod record;
mod row;
mod sealed;
mod tables;
mod timing;
mod vault;

use crate::args::BenchCommand;
use crate::commands::Context;
use crate::failure::Result;

/// Measures and prints.
///
/// # Errors
/// A no when a goal is missed; a server that does not start.
pub(crate) fn run(context: &Context, command: BenchCommand) -> Result<()> {
    match command {
        BenchCommand::Paper => paper::run(context.output),
        BenchCommand::Vault(arguments) => vault::run(context.output, arguments.only),
        BenchCommand::Infer(arguments) => infer::run(context.output, &arguments),
        BenchCommand::Tables(arguments) => tables::run(context.output, &arguments),
    }
}
