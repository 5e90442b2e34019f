//! How fast the store is here: `cargo run --release -p cowl-store --example store_speed -- FOLDER`.
//!
//! Writes 1,000 files of 500 KB as packs of 32 MiB, commits them as one item each, opens them for a reader
//! and looks parts up. Times are for all files and for one, rates as if all bytes had moved. Beside it stands
//! what the disk does with the same bytes in one file.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cowl_crypto::digest::Digest;
use cowl_crypto::id::random_bytes;
use cowl_domain::{ItemId, PartName, Power, Scope};
use cowl_store::ledger::Commit;
use cowl_store::{PackKey, StoreConfig, StoreError};
use cowl_testkit::store::{Actor, OwnRecord, Stores, layout, noise};
use futures_util::{StreamExt, TryStreamExt, stream};

const FILES: usize = 1000;
const SIZE: usize = 500_000;
const FILES_A_PACK: usize = 64;

type Parts = Vec<(PartName, Bytes)>;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("which folder?")?);
    let stores = Stores::open(StoreConfig::embedded(&folder.join("store"))).await?;
    let owner = stores.register("owner").await;
    stores.ledger.set_quota(&owner.id(), u64::MAX >> 1).await?;
    let mut record = stores.record_of(&owner).await;
    let parts: Parts = (0..FILES).map(|_| (PartName::from_bytes(random_bytes()), noise(SIZE))).collect();
    report("the disk alone, one file, one fsync", plain_file(&folder, &parts)?);
    let begun = Instant::now();
    upload(&stores, &owner, &record, &parts).await?;
    report("packs and their rows, four at once", begun.elapsed());
    let items = commit(&stores, &owner, &mut record, &parts).await?;
    read(&stores, &owner, &record, &items, &parts).await
}

fn report(what: &str, took: Duration) {
    let mut out = std::io::stdout().lock();
    let rate = SIZE as f64 * FILES as f64 / 1e6 / took.as_secs_f64();
    let each = took / u32::try_from(FILES).expect("few files");
    // A closed pipe is no reason to fail.
    let _ = writeln!(out, "{what:40} {took:>10.1?} {each:>10.1?} a file {rate:>6.0} MB/s");
}

fn plain_file(folder: &std::path::Path, parts: &Parts) -> std::io::Result<Duration> {
    let begun = Instant::now();
    let path = folder.join("plain");
    let mut file = std::fs::File::create(&path)?;
    parts.iter().try_for_each(|(_, bytes)| file.write_all(bytes))?;
    file.sync_all()?;
    let took = begun.elapsed();
    std::fs::remove_file(path)?;
    Ok(took)
}

/// Four uploads at once, as a client does it.
async fn upload(stores: &Stores, owner: &Actor, record: &OwnRecord, parts: &Parts) -> Result<(), StoreError> {
    let one = |some: Vec<(PartName, Bytes)>| async move {
        let pack = PackKey::from_bytes(random_bytes());
        let bytes =
            stores.parts.put_pack(pack, some.iter().map(|(_, bytes)| bytes.clone()).collect()).await?;
        stores.ledger.parts_uploaded(&owner.id(), &record.id, pack, bytes, &layout(&some), stores.now()).await
    };
    let packs = parts.chunks(FILES_A_PACK).map(<[_]>::to_vec);
    stream::iter(packs).map(one).buffer_unordered(4).try_collect().await
}

async fn commit(
    stores: &Stores,
    owner: &Actor,
    record: &mut OwnRecord,
    parts: &Parts,
) -> Result<Vec<ItemId>, Box<dyn Error>> {
    let new = |part| {
        let item = ItemId::from_bytes(random_bytes());
        stores.new_item(owner, record, item, 0, std::slice::from_ref(part))
    };
    let commit = Commit { items: parts.iter().map(new).collect(), ..Commit::default() };
    let items = commit.items.iter().map(|new| new.placement.item).collect();
    let begun = Instant::now();
    stores.commit(owner, record, commit).await?;
    report("one commit of 1,000 items", begun.elapsed());
    Ok(items)
}

async fn read(
    stores: &Stores,
    owner: &Actor,
    record: &OwnRecord,
    items: &[ItemId],
    parts: &Parts,
) -> Result<(), Box<dyn Error>> {
    let reader = stores.register("reader").await;
    stores.grant(owner, record, Scope::Record, &reader, Power::Read, None).await;
    let ticket = Digest::from_bytes(random_bytes());
    let until = stores.now().plus_seconds(3600);
    let begun = Instant::now();
    stores.ledger.open_reads(&reader.id(), &record.id, items, &ticket, until, &stores.act()).await?;
    report("opening 1,000 items", begun.elapsed());
    let begun = Instant::now();
    for (part, _) in parts {
        stores.ledger.part_location(&reader.id(), &ticket, part, stores.now()).await?;
    }
    report("looking 1,000 parts up, one by one", begun.elapsed());
    let begun = Instant::now();
    for (part, _) in parts {
        stores.fetch(&reader, &ticket, part).await?;
    }
    report("looking up and reading 1,000 parts", begun.elapsed());
    Ok(())
}
