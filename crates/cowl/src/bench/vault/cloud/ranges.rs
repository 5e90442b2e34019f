//! Single ranges of a sealed item, beside the time that the bytes take from the store's own files.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use cowl_vault::ItemReader;

use super::World;
use crate::bench::random::Random;
use crate::bench::row::Row;
use crate::bench::timing::{Clock, median};
use crate::demo::packs;
use crate::failure::{Failure, Result};

pub(super) async fn rows(world: &World) -> Result<Vec<Row>> {
    let folder = world.files("volume", 1, ITEM)?;
    let (record, _) = world.add("volume", &folder).await?;
    let items = world.cast.patient.items(record).await?;
    let item = items.first().ok_or_else(|| Failure::no("the item is not in its record"))?.item;
    let reader = world.cast.patient.reader(record, item).await?;
    let content = Random::new(1).bytes(ITEM);
    let through = through_the_server(&reader, &content).await?;
    let raw = from_the_store(&largest(world)?)?;
    let bare = through_a_bare_connection()?;
    let what = "read 512 KiB of a sealed item of 64 MiB through the server";
    let least = "the same through a bare TCP connection of two threads: no request, no database, no cipher";
    Ok(vec![
        Row::new("vault.range.bare", least, "ms", bare),
        Row::new("vault.range", what, "ms", through).against("the same bytes of the store's file", raw),
        Row::new("vault.range.over-store", "the time over that of the store's file", "ms", through - raw)
            .own_goal(0.5),
    ])
}

/// Median milliseconds; the bytes must be those of the content.
async fn through_the_server(reader: &ItemReader, content: &[u8]) -> Result<f64> {
    let mut random = Random::new(5);
    let mut times = Vec::with_capacity(READS);
    for _ in 0..READS {
        let start = random.below(ITEM - RANGE);
        let begun = Clock::Wall.now();
        let read = reader.read(start as u64..(start + RANGE) as u64).await?;
        times.push(Clock::Wall.since(begun) * 1e3);
        if read != content[start..start + RANGE] {
            return Err(Failure::no("other bytes came back"));
        }
    }
    Ok(median(&mut times))
}

fn from_the_store(path: &PathBuf) -> Result<f64> {
    let fault = |error| Failure::file(path, error);
    let file = File::open(path).map_err(fault)?;
    let length = file.metadata().map_err(fault)?.len() as usize;
    let mut random = Random::new(6);
    let mut buffer = vec![0; RANGE];
    let mut times = Vec::with_capacity(READS);
    for _ in 0..READS {
        let start = random.below(length.saturating_sub(RANGE).max(1));
        let begun = Clock::Wall.now();
        file.read_exact_at(&mut buffer, start as u64).map_err(fault)?;
        times.push(Clock::Wall.since(begun) * 1e3);
    }
    Ok(median(&mut times))
}

/// What moving the bytes between two threads of this machine takes at least.
fn through_a_bare_connection() -> Result<f64> {
    let fault = |error: std::io::Error| Failure::no(format!("the loopback connection failed: {error}"));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(fault)?;
    let address = listener.local_addr().map_err(fault)?;
    let sender = std::thread::spawn(move || -> std::io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        let (content, mut asked) = (vec![1; RANGE], [0]);
        while stream.read(&mut asked)? == 1 {
            stream.write_all(&content)?;
        }
        Ok(())
    });
    let mut stream = TcpStream::connect(address).map_err(fault)?;
    stream.set_nodelay(true).map_err(fault)?;
    let mut buffer = vec![0; RANGE];
    let (seconds, outcome) = Clock::Wall.median(READS, || {
        stream.write_all(&[1])?;
        stream.read_exact(&mut buffer)
    });
    outcome.map_err(fault)?;
    drop(stream);
    sender.join().map_err(|_| Failure::no("the sender stopped"))?.map_err(fault)?;
    Ok(seconds * 1e3)
}

fn largest(world: &World) -> Result<PathBuf> {
    let folder = world.cloud.parts();
    let files = packs::files(&folder).map_err(|error| Failure::file(&folder, error))?;
    let size = |path: &PathBuf| path.metadata().map_or(0, |metadata| metadata.len());
    files.into_iter().max_by_key(size).ok_or_else(|| Failure::no("the store has no file"))
}

const ITEM: usize = 64 << 20;
const RANGE: usize = 512 << 10;
const READS: usize = 200;
