//! `cowl record …`

use std::collections::HashSet;
use std::fmt;
use std::path::{Component, Path, PathBuf};

use cowl_seal::age::Recipient;
use cowl_vault::view::{Added, ItemInfo, RecordInfo};
use cowl_vault::{AddOptions, Source, Vault};
use serde::Serialize;

use super::items::{self, ItemRow};
use super::{Context, grant::GrantRow};
use crate::args::{
    AddArguments, CheckArguments, ExportArguments, GetArguments, ListItemsArguments, RecordCommand, RemoveArguments,
    ShowArguments,
};
use crate::columns::{Columns, printable};
use crate::failure::{Failure, Result};
use crate::secret_input::{self, is_stdin};
use crate::session;
use crate::sink::{NOT_TO_A_TERMINAL, Readers, Sink};
use crate::size::{Size, count};
use crate::style::{BAD, GOOD, QUIET};

mod report;
use report::{AddedFiles, Checked, ExportedFiles, FetchedItem, ItemList, MadeRecord, RecordList, RemovedItems, ShownItem};

pub(super) async fn run(context: &Context, command: RecordCommand) -> Result<()> {
    match command {
        RecordCommand::New { name } => new(context, &name).await,
        RecordCommand::Records => records(context).await,
        RecordCommand::Add(arguments) => add(context, arguments).await,
        RecordCommand::List(arguments) => list(context, &arguments).await,
        RecordCommand::Show(arguments) => show(context, &arguments).await,
        RecordCommand::Get(arguments) => get(context, &arguments).await,
        RecordCommand::Export(arguments) => export(context, &arguments).await,
        RecordCommand::Remove(arguments) => remove(context, &arguments).await,
        RecordCommand::Check(arguments) => check(context, &arguments).await,
    }
}
