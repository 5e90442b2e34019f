//! `cowl record export`

use std::path::{Path, PathBuf};

use cowl_domain::RecordId;
use cowl_vault::view::ItemInfo;
use cowl_vault::{Vault, VaultError};

use super::names::Paths;
use super::report::{ExportedFile, ExportedFiles};
use super::shown;
use crate::args::ExportArguments;
use crate::commands::{Context, items};
use crate::failure::{Failure, Result};
use crate::session;
use crate::sink::{Readers, Sink, write_whole};
use crate::size::Size;

pub(super) async fn run(context: &Context, arguments: &ExportArguments) -> Result<()> {
    let vault = session::unlock(context).await?;
    let planned = plan(&vault, arguments).await?;
    for (_, path) in &planned {
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(|error| Failure::file(folder, error))?;
    }
    if arguments.age {
        for (item, path) in &planned {
            seal_one(context, &vault, item, arguments, path).await?;
        }
    } else {
        open_all(context, &vault, &planned).await?;
    }
    let file = |(item, path): &(ItemInfo, PathBuf)| ExportedFile {
        item: item.item.to_string(),
        path: shown(path),
        size: Size(item.size),
    };
    context.output.data(&ExportedFiles { files: planned.iter().map(file).collect() })
}

/// Which items go where.
async fn plan(vault: &Vault, arguments: &ExportArguments) -> Result<Vec<(ItemInfo, PathBuf)>> {
    let items = if arguments.items.is_empty() {
        let records = items::records(vault, arguments.record.as_deref()).await?;
        items::items_of(vault, &records).await?
    } else {
        let record = items::named_record(vault, arguments.record.as_deref()).await?;
        items::named_items(vault, record, &arguments.items).await?
    };
    let mut paths = Paths::default();
    let suffix = if arguments.age { ".age" } else { "" };
    let place = |item: ItemInfo| {
        let path = arguments.output.join(paths.take(&item.label.name, &item.item, suffix));
        (item, path)
    };
    Ok(items.into_iter().map(place).collect())
}

async fn seal_one(
    context: &Context,
    vault: &Vault,
    item: &ItemInfo,
    arguments: &ExportArguments,
    path: &Path,
) -> Result<()> {
    let mut sink = Sink::open(Some(path), Readers::Umask)?;
    let progress = context.output.progress();
    vault.export_age(item.record, item.item, &arguments.to, &mut sink, &*progress).await?;
    sink.commit()
}

/// Small items come many at once, large ones one by one as streams.
async fn open_all(context: &Context, vault: &Vault, planned: &[(ItemInfo, PathBuf)]) -> Result<()> {
    let (small, large): (Vec<_>, Vec<_>) = planned.iter().partition(|(item, _)| item.size <= SMALL);
    for batch in small.chunk_by(|one, other| one.0.record == other.0.record) {
        open_batch(context, vault, batch[0].0.record, batch).await?;
    }
    for (item, path) in large {
        let mut sink = Sink::open(Some(path), Readers::Owner)?;
        vault.get(item.record, item.item, &mut sink, &*context.output.progress()).await?;
        sink.commit()?;
    }
    Ok(())
}

async fn open_batch(
    context: &Context,
    vault: &Vault,
    record: RecordId,
    batch: &[&(ItemInfo, PathBuf)],
) -> Result<()> {
    let ids: Vec<_> = batch.iter().map(|(item, _)| item.item).collect();
    let mut write = |info: ItemInfo, content: Vec<u8>| {
        let place = batch.iter().find(|(item, _)| item.item == info.item);
        let (_, path) =
            place.ok_or_else(|| VaultError::Bug("an item came that was not asked for".to_owned()))?;
        write_whole(path, &content, Readers::Owner)
            .map_err(|failure| VaultError::Stream(std::io::Error::other(failure.to_string())))
    };
    vault.get_many(record, &ids, &mut write, &*context.output.progress()).await?;
    Ok(())
}

/// Bytes of an item that is held in memory as a whole.
const SMALL: u64 = 4 << 20;
