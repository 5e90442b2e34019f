//! `cowl table …`

use super::Context;
use crate::args::TableCommand;
use crate::block_on;
use crate::failure::Result;

mod get;
mod import;
mod query;
mod score;
mod seal;
mod show;

pub(super) fn run(context: &Context, command: TableCommand) -> Result<()> {
    match command {
        TableCommand::Import(arguments) => import::run(context, &arguments),
        TableCommand::Seal(arguments) => block_on(seal::run(context, &arguments)),
        TableCommand::List => block_on(show::list(context)),
        TableCommand::Show { table } => block_on(show::show(context, &table)),
        TableCommand::Get(arguments) => block_on(get::run(context, &arguments)),
        TableCommand::Query(arguments) => block_on(query::query(context, &arguments)),
        TableCommand::Regress(arguments) => block_on(query::regress(context, &arguments)),
        TableCommand::Score(arguments) => block_on(score::run(context, &arguments)),
    }
}
