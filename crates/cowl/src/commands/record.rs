//! `cowl record …`

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use cowl_domain::SealingPolicy;
use cowl_vault::view::Added;
use cowl_vault::{AddOptions, Source};

use super::Context;
use super::grant::GrantRow;
use super::items::{self, ItemRow};
use crate::args::{
    AddArguments, CheckArguments, GetArguments, ListItemsArguments, RecordCommand, RemoveArguments,
    ShowArguments,
};
use crate::failure::{Failure, Result};
use crate::secret_input::{self, is_stdin};
use crate::sink::{NOT_TO_A_TERMINAL, Readers, Sink};
use crate::{sealing, session};

mod export;
mod names;
mod report;

use report::{
    AddedFiles, Checked, FOUND_BY_LABEL, FetchedItem, ItemList, MadeRecord, RecordList, RecordPolicy,
    RemovedItems, ShownItem,
};

pub(super) async fn run(context: &Context, command: RecordCommand) -> Result<()> {
    match command {
        RecordCommand::New { name, policy } => new(context, name, policy).await,
        RecordCommand::Records => records(context).await,
        RecordCommand::Policy { record, policy } => set_policy(context, &record, policy).await,
        RecordCommand::Add(arguments) => add(context, &arguments).await,
        RecordCommand::List(arguments) => list(context, &arguments).await,
        RecordCommand::Show(arguments) => show(context, &arguments).await,
        RecordCommand::Get(arguments) => get(context, &arguments).await,
        RecordCommand::Export(arguments) => export::run(context, &arguments).await,
        RecordCommand::Remove(arguments) => remove(context, &arguments).await,
        RecordCommand::Check(arguments) => check(context, &arguments).await,
    }
}

async fn new(context: &Context, name: String, policy: SealingPolicy) -> Result<()> {
    if name.trim().is_empty() {
        return Err(Failure::usage("a record needs a name"));
    }
    let vault = session::unlock(context).await?;
    if vault
        .records()
        .await?
        .iter()
        .any(|record| record.mine && record.name.as_deref() == Some(name.as_str()))
    {
        return Err(Failure::no(format!("you have a record '{name}' already")));
    }
    let record = vault.create_record_with(&name, &policy).await?;
    context.output.data(&MadeRecord { record: record.to_string(), name, policy: policy.to_string() })
}

/// Shows the policy; sets it before when one is given.
async fn set_policy(context: &Context, record: &str, policy: Option<SealingPolicy>) -> Result<()> {
    let vault = session::unlock(context).await?;
    let record = vault.find_record(record).await?;
    if let Some(policy) = &policy {
        vault.set_policy(record.record, policy).await?;
    }
    let shown = policy.or(record.policy).ok_or_else(|| {
        Failure::no("the policy of this record is its readers' to know; you may open single items only")
    })?;
    context.output.data(&RecordPolicy { record: record.record.to_string(), policy: shown.to_string() })
}

async fn records(context: &Context) -> Result<()> {
    let records = session::unlock(context).await?.records().await?;
    context.output.data(&RecordList::from(records))
}

async fn add(context: &Context, arguments: &AddArguments) -> Result<()> {
    let sources = gather(arguments)?;
    let options = AddOptions {
        description: arguments.description.clone(),
        date: arguments.date.clone(),
        suite: arguments.suite,
        codec: arguments.codec,
        age_identity: arguments.identity.as_deref().map(secret_input::file_text).transpose()?,
        replace: arguments.replace,
    };
    let vault = session::unlock_and_resume(context).await?;
    let record = items::record_or_default(&vault, arguments.record.as_deref()).await?;
    let added = vault.add(record, sources, &options, &*context.output.progress()).await;
    // Made before the first file is sealed, so they are there whatever became of the rest.
    session::keep_renewed(context, &vault);
    let report = added?;
    let refused = report.files.iter().filter(|(_, outcome)| matches!(outcome, Added::Refused(_))).count();
    let added = AddedFiles::from(report);
    context.output.data(&added)?;
    added.unread().for_each(|name| context.output.note(format_args!("{name}: {FOUND_BY_LABEL}")));
    if refused == 0 { Ok(()) } else { Err(Failure::no(format!("{refused} of the files were not taken in"))) }
}

fn gather(arguments: &AddArguments) -> Result<Vec<Source>> {
    let (pipes, files): (Vec<_>, Vec<_>) = arguments.files.iter().cloned().partition(|path| is_stdin(path));
    let files = each_once(files);
    let mut sources = Source::gather(&files)?;
    let name = arguments.name.as_deref();
    match (pipes.len(), files.as_slice(), name) {
        (0, [one], Some(name)) => sources = renamed(sources, one, name),
        (0, _, Some(_)) => return Err(Failure::usage("--name is for one file or folder, or for stdin")),
        (0, _, None) => {}
        (1, ..) => sources.push(Source::reader(name.unwrap_or("stdin"), Box::new(sealing::input(None)?))),
        _ => return Err(Failure::usage("stdin can be read once only")),
    }
    if sources.is_empty() {
        return Err(Failure::no("there is no file in what was named"));
    }
    refuse_namesakes(&sources, arguments.identity.is_some())?;
    Ok(sources)
}

/// A file under another name, or all files of a folder under one more folder.
fn renamed(sources: Vec<Source>, path: &Path, name: &str) -> Vec<Source> {
    let below = |source: Source| {
        let name = format!("{}/{}", name.trim_end_matches('/'), source.name());
        source.named(name)
    };
    match path.is_dir() {
        true => sources.into_iter().map(below).collect(),
        false => sources.into_iter().map(|source| source.named(name)).collect(),
    }
}

fn each_once(mut paths: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut known = HashSet::new();
    paths.retain(|path| known.insert(path.clone()));
    paths
}

/// Items go by name: the second of two would take the place of the first. A sealed file that is opened has the name
/// of what is inside it.
fn refuse_namesakes(sources: &[Source], opens_age: bool) -> Result<()> {
    let mut names = HashSet::new();
    let sealed_as = |source: &'_ Source| -> String {
        let name = source.name();
        name.strip_suffix(".age").filter(|_| opens_age).unwrap_or(name).to_owned()
    };
    match sources.iter().map(sealed_as).find(|name| !names.insert(name.clone())) {
        None => Ok(()),
        Some(name) => Err(Failure::usage(format!("two of the files are called '{name}'"))
            .with_hint("add the folder that holds both, or one of them under another name: --name")),
    }
}

async fn list(context: &Context, arguments: &ListItemsArguments) -> Result<()> {
    let vault = session::unlock(context).await?;
    let records = items::records(&vault, arguments.record.as_deref()).await?;
    let all = items::items_of(&vault, &records).await?;
    let wanted = all
        .iter()
        .filter(|item| arguments.study.as_ref().is_none_or(|study| items::is_of_study(item, study)));
    context.output.data(&ItemList { items: wanted.map(ItemRow::from).collect() })
}

async fn show(context: &Context, arguments: &ShowArguments) -> Result<()> {
    let vault = session::unlock(context).await?;
    let record = items::named_record(&vault, arguments.record.as_deref()).await?;
    let item = vault.find_item(record, &arguments.item).await?;
    let mine = vault.records().await?.iter().any(|record| record.record == item.record && record.mine);
    let readers = if mine { vault.readers(&item.record, &item.item).await? } else { Vec::new() };
    context.output.data(&ShownItem {
        item: ItemRow::from(&item),
        readers: mine.then(|| readers.iter().map(GrantRow::from).collect()),
    })
}

async fn get(context: &Context, arguments: &GetArguments) -> Result<()> {
    let to_stdout = is_stdin(&arguments.output);
    if to_stdout && context.output.is_json() {
        return Err(
            Failure::usage("stdout cannot carry both the content and --json").with_hint("add -o FILE")
        );
    }
    let vault = session::unlock(context).await?;
    let record = items::named_record(&vault, arguments.record.as_deref()).await?;
    let item = vault.find_item(record, &arguments.item).await?;
    let path = match arguments.output.is_dir() {
        true => arguments.output.join(names::file_name(&item.label.name)),
        false => arguments.output.clone(),
    };
    let mut sink = Sink::open(Some(&path), Readers::Owner)?;
    if sink.is_terminal() && !names::is_text(item.label.kind) {
        return Err(Failure::usage(NOT_TO_A_TERMINAL));
    }
    let report = vault.get(item.record, item.item, &mut sink, &*context.output.progress()).await?;
    sink.commit()?;
    if to_stdout { Ok(()) } else { context.output.data(&FetchedItem::new(&report, &path)) }
}

async fn remove(context: &Context, arguments: &RemoveArguments) -> Result<()> {
    let vault = session::unlock_and_resume(context).await?;
    let record = items::named_record(&vault, arguments.record.as_deref()).await?;
    let found = items::named_items(&vault, record, &arguments.items).await?;
    let names: Vec<&str> = found.iter().map(|item| item.label.name.as_str()).collect();
    let question = format!("Remove {} from the cloud for good?", names.join(", "));
    if !context.settings.yes && secret_input::confirm(&question) == Some(false) {
        return Err(Failure::no("nothing was removed"));
    }
    for batch in found.chunk_by(|one, other| one.record == other.record) {
        let ids: Vec<_> = batch.iter().map(|item| item.item).collect();
        vault.remove(batch[0].record, &ids).await?;
    }
    context.output.data(&RemovedItems { removed: found.iter().map(ItemRow::from).collect() })
}

async fn check(context: &Context, arguments: &CheckArguments) -> Result<()> {
    let vault = session::unlock(context).await?;
    let records = items::records(&vault, arguments.record.as_deref()).await?;
    let mut checked = Checked::default();
    for record in records {
        checked.include(vault.check(record.record, arguments.sample, &*context.output.progress()).await?);
    }
    context.output.data(&checked)?;
    match checked.faults() {
        0 => Ok(()),
        faults => Err(Failure::no(format!("{faults} of the items are not what was sealed"))
            .with_hint("keep the cloud's answer, ask its operator, and check with 'cowl audit verify'")),
    }
}

/// A path as it is shown and written to JSON.
fn shown(path: &Path) -> String {
    path.display().to_string()
}
