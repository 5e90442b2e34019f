//! `cowl table import`

use crate::args::ImportArguments;
use crate::commands::Context;
use crate::failure::{Failure, Result};
use crate::secret_input::is_stdin;
use crate::sink::{Readers, write_whole};
use crate::tables::draft::Draft;
use crate::tables::found::FoundTable;
use crate::tables::reading;

/// Shows what is in a file; writes a draft of a plan where one is wanted.
pub(super) fn run(context: &Context, arguments: &ImportArguments) -> Result<()> {
    let table = reading::read(&arguments.file)?;
    let reports: Vec<_> = (0..table.names().len()).map(|column| table.report(column)).collect();
    let file = arguments.file.file.display().to_string();
    let Some(path) = &arguments.write_plan else {
        return context.output.data(&FoundTable::new(file, &table, &reports));
    };
    let draft = Draft { file: file.clone(), columns: &reports }.to_string();
    if is_stdin(path) {
        return context.output.text(&draft.trim_end());
    }
    if path.exists() && !context.settings.yes {
        return Err(Failure::no(format!("{}: there is a file already", path.display()))
            .with_hint("take another name, or put the draft in its place: --yes"));
    }
    write_whole(path, draft.as_bytes(), Readers::Umask)?;
    context.output.data(&FoundTable::new(file, &table, &reports))?;
    context.output.note(format_args!("a draft of a plan is in {}; look through it", path.display()));
    Ok(())
}
