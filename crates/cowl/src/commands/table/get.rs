//! `cowl table get`

use std::io::Write;

use crate::args::GetTableArguments;
use crate::commands::Context;
use crate::failure::{Failure, Result};
use crate::secret_input::is_stdin;
use crate::session;
use crate::sink::{Readers, Sink};
use crate::tables::{catalog, retrieving};

pub(super) async fn run(context: &Context, arguments: &GetTableArguments) -> Result<()> {
    let vault = session::unlock(context).await?;
    let tables = catalog::known_tables(&vault).await?;
    let table = catalog::find(&tables, &arguments.table)?;
    if !table.mine {
        return Err(Failure::no(format!("only {} can decrypt the rows of this table", table.info.owner))
            .with_hint("ask for figures of them: cowl table query 'SELECT …'"));
    }
    let mut sink = Sink::open(Some(&arguments.output), Readers::Owner)?;
    let progress = context.output.progress();
    let fetched = retrieving::write_rows(&vault, table, &mut sink, &*progress).await?;
    sink.flush()?;
    sink.commit()?;
    if is_stdin(&arguments.output) { Ok(()) } else { context.output.data(&fetched) }
}
