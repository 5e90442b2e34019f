//! Through a server of this machine: SQLite and a folder, over loopback.

use std::io::Write;
use std::path::{Path, PathBuf};

use cowl_domain::{GrantId, ItemId, Power, Powers, Purpose, RecordId};
use cowl_vault::{AddOptions, GrantSpec, Silent, Source};
use tempfile::TempDir;

use crate::bench::random::Random;
use crate::bench::row::Row;
use crate::bench::timing::{Clock, median};
use crate::demo::cast::{Cast, RADIOLOGIST};
use crate::demo::cloud::Cloud;
use crate::failure::{Failure, Result};

mod ranges;

/// A server, and parties who have registered there. Fields go in this order: the server before its folder.
struct World {
    cast: Cast,
    cloud: Cloud,
    place: TempDir,
}

/// # Errors
/// When the server does not start; when it refuses something.
pub(super) async fn rows() -> Result<Vec<Row>> {
    tokio::select! {
        rows = Box::pin(measure()) => rows,
        _ = tokio::signal::ctrl_c() => Err(Failure::no("stopped; the server was ended with it")),
    }
}

async fn measure() -> Result<Vec<Row>> {
    let place = tempfile::Builder::new().prefix("cowl-bench-").tempdir()?;
    let cloud = Cloud::start(place.path())?;
    let cast = Cast::register(&cloud).await?;
    let world = World { cast, cloud, place };
    let few = world.record_of("few", FEW).await?;
    let (many, added) = world.add_many().await?;
    let mut rows = vec![world.flush()?, added];
    rows.extend(ranges::rows(&world).await?);
    rows.extend(world.grants(few, many).await?);
    rows.push(world.rekeying().await?);
    rows.push(world.single_grants(many).await?);
    Ok(rows)
}

impl World {
    /// A folder of files that nothing compresses.
    fn files(&self, name: &str, count: usize, length: usize) -> Result<PathBuf> {
        let folder = self.place.path().join(name);
        std::fs::create_dir(&folder).map_err(|error| Failure::file(&folder, error))?;
        let mut random = Random::new(count as u64);
        for number in 0..count {
            let path = folder.join(format!("{number}.bin"));
            std::fs::write(&path, random.bytes(length)).map_err(|error| Failure::file(&path, error))?;
        }
        Ok(folder)
    }

    /// A record of its own with these files, and the seconds that adding them took.
    async fn add(&self, name: &str, folder: &Path) -> Result<(RecordId, f64)> {
        let record = self.cast.patient.create_record(name).await?;
        let begun = Clock::Wall.now();
        let sources = Source::gather(&[folder.to_owned()])?;
        self.cast.patient.add(record, sources, &AddOptions::default(), &Silent).await?;
        Ok((record, Clock::Wall.since(begun)))
    }

    async fn record_of(&self, name: &str, files: usize) -> Result<RecordId> {
        let folder = self.files(name, files, SMALL)?;
        Ok(self.add(name, &folder).await?.0)
    }

    /// What the disk takes for the least that is durable: no act of the server can be faster.
    fn flush(&self) -> Result<Row> {
        let path = self.place.path().join("flushed");
        let fault = |error| Failure::file(&path, error);
        let mut file = std::fs::File::create(&path).map_err(fault)?;
        let (seconds, outcome) = Clock::Wall.median(FLUSHES, || {
            file.write_all(&[0; 4096])?;
            file.sync_data()
        });
        outcome.map_err(fault)?;
        Ok(Row::new("vault.disk-flush", "append 4 KiB to a file and flush it", "ms", seconds * 1e3))
    }

    /// Adds many files, to a new record each time; the last one stays in use.
    async fn add_many(&self) -> Result<(RecordId, Row)> {
        let folder = self.files("many", MANY, LARGE)?;
        let mut seconds = Vec::new();
        let mut last = self.add("many, a first time", &folder).await?.0;
        for round in 0..ROUNDS_OF_ADDING {
            let (record, took) = self.add(&format!("many {round}"), &folder).await?;
            seconds.push(took);
            last = record;
        }
        let what = "add 1,000 files of 500 KB through the server, durable when it ends";
        Ok((last, Row::new("vault.add-files", what, "s", median(&mut seconds))))
    }

    async fn make_grant(&self, record: RecordId, items: Vec<ItemId>) -> Result<Vec<GrantId>> {
        let spec = GrantSpec {
            record,
            items,
            grantee: RADIOLOGIST.to_owned(),
            powers: Powers::of([Power::Read]),
            compute: None,
            purpose: Purpose::SecondOpinion,
            expires_at: None,
            note: None,
        };
        let made = self.cast.patient.grant(&spec).await?;
        Ok(made.iter().map(|grant| grant.grant).collect())
    }

    /// Milliseconds for a grant of the record, and for taking it back.
    async fn grant_and_revoke(&self, record: RecordId) -> Result<(f64, f64)> {
        let begun = Clock::Wall.now();
        let grants = self.make_grant(record, Vec::new()).await?;
        let granted = Clock::Wall.since(begun);
        let begun = Clock::Wall.now();
        self.cast.patient.revoke(&grants).await?;
        Ok((granted * 1e3, Clock::Wall.since(begun) * 1e3))
    }

    /// In turn, so that what else the machine does falls on both alike.
    async fn grants(&self, few: RecordId, many: RecordId) -> Result<Vec<Row>> {
        let (mut of_few, mut of_many) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
        self.grant_and_revoke(few).await?;
        for _ in 0..ROUNDS_OF_GRANTS {
            for (record, times) in [(few, &mut of_few), (many, &mut of_many)] {
                let (granted, revoked) = self.grant_and_revoke(record).await?;
                times[0].push(granted);
                times[1].push(revoked);
            }
        }
        let [few_grant, few_revoke] = of_few.map(|mut times| median(&mut times));
        let [many_grant, many_revoke] = of_many.map(|mut times| median(&mut times));
        let row = |id: &str, what: &str, ours: f64| Row::new(id, what, "ms", ours);
        let ten = "the same record with 10 items";
        Ok(vec![
            row("vault.grant", "grant a record of 10 items", few_grant).own_goal(5.0),
            row("vault.revoke", "take it back", few_revoke).own_goal(5.0),
            row("vault.grant.1000-items", "grant a record of 1,000 items", many_grant)
                .against(ten, few_grant)
                .ratio_goal(CONSTANT),
            row("vault.revoke.1000-items", "take it back", many_revoke)
                .against(ten, few_revoke)
                .ratio_goal(CONSTANT),
        ])
    }

    /// All that the ended grants could open.
    async fn rekeying(&self) -> Result<Row> {
        let begun = Clock::Wall.now();
        let report = self.cast.patient.rekey_pending(&Silent).await?;
        let seconds = Clock::Wall.since(begun);
        let what = format!("re-key {} items through the server, durable", report.items);
        Ok(Row::new("vault.rekey", what, "s/GB", seconds * 1e9 / report.bytes as f64))
    }

    async fn single_grants(&self, record: RecordId) -> Result<Row> {
        let items = self.cast.patient.items(record).await?;
        let items: Vec<ItemId> = items.iter().map(|item| item.item).take(MANY).collect();
        let begun = Clock::Process.now();
        let made = self.make_grant(record, items).await?.len();
        let seconds = Clock::Process.since(begun);
        if made != MANY {
            return Err(Failure::no(format!("{made} grants were made, not {MANY}")));
        }
        let what = "make 1,000 grants of single items, time of all cores in this process";
        Ok(Row::new("vault.grant.1000-single", what, "s", seconds).own_goal(0.35))
    }
}

const FEW: usize = 10;
const MANY: usize = 1_000;
/// Bytes of a file.
const SMALL: usize = 10_000;
const LARGE: usize = 500_000;
const FLUSHES: usize = 51;
const ROUNDS_OF_ADDING: usize = 3;
const ROUNDS_OF_GRANTS: usize = 15;
/// A time that does not grow with the items, noise allowed for.
const CONSTANT: f64 = 0.67;
