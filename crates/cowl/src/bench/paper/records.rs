//! Encryption and decryption of whole records, by kind of content; and beside AES alone.

use cowl_imaging::container::{self, ContainerError, StorageCodec};
use cowl_imaging::display::DisplayImage;
use cowl_seal::payload::{Cores, PayloadOpener, PayloadSealer};
use cowl_seal::{ItemKey, Suite};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::{BY, Table, pair, times};
use crate::bench::record::{PUBLISHED, Published, Record};
use crate::bench::row::Row;
use crate::bench::sealed::{Content, Keys, Scheme};
use crate::bench::timing::Clock;
use crate::columns::Columns;
use crate::failure::{Failure, Result};

/// Seconds of both ways.
#[derive(Debug, Clone, Copy)]
pub(in crate::bench) struct Times {
    pub(in crate::bench) seal: f64,
    pub(in crate::bench) open: f64,
}

/// What was measured on one record.
struct Measured {
    published: Published,
    /// Texts by `hybrid-rsa`, as published.
    texts: Times,
    /// Images by `chaotic-image`, as published but inside a standard envelope.
    images: Times,
    /// Both together.
    scheme: Times,
    /// Everything by `standard`.
    standard: Times,
    /// Everything under one AES key.
    aes_alone: Times,
    /// Coding before sealing.
    codec: Times,
}

/// The table of records, and the comparison with AES alone.
pub(super) fn tables(keys: &Keys) -> Result<[Table; 2]> {
    let measured = PUBLISHED.iter().map(|published| measure(keys, published));
    let measured = measured.collect::<Result<Vec<_>>>()?;
    Ok([by_kind(&measured), beside_aes(&measured)])
}

fn measure(keys: &Keys, published: &Published) -> Result<Measured> {
    let record = Record::make(published);
    let texts = of_texts(&record, Scheme::HybridRsa);
    let images = of_images(&record, Scheme::ChaoticImage);
    let standard = [of_texts(&record, Scheme::Standard), of_images(&record, Scheme::Standard)].concat();
    Ok(Measured {
        published: *published,
        texts: sealing(keys, &texts)?,
        images: sealing(keys, &images)?,
        scheme: sealing(keys, &[texts, images].concat())?,
        standard: sealing(keys, &standard)?,
        aes_alone: aes_alone(&record.joined())?,
        codec: codec(&record)?,
    })
}

/// The texts of a record, to be sealed like this.
pub(in crate::bench) fn of_texts(record: &Record, scheme: Scheme) -> Vec<(Scheme, Content<'_>)> {
    record.texts.iter().map(|text| (scheme, text.into())).collect()
}

/// The images of a record, to be sealed like this.
pub(in crate::bench) fn of_images(record: &Record, scheme: Scheme) -> Vec<(Scheme, Content<'_>)> {
    record.images.iter().map(|image| (scheme, image.into())).collect()
}

/// Seals and opens on all cores; what comes back must be what went in.
pub(in crate::bench) fn sealing(keys: &Keys, contents: &[(Scheme, Content<'_>)]) -> Result<Times> {
    let (seal, items) = Clock::Wall.median(RUNS, || keys.seal_all(contents));
    let items = items?;
    let (open, opened) = Clock::Wall.median(RUNS, || keys.open_all(&items));
    let same = opened?.iter().zip(contents).all(|(opened, (_, content))| opened == content.bytes());
    if same { Ok(Times { seal, open }) } else { Err(Failure::no("other bytes came back")) }
}

fn aes_alone(bytes: &[u8]) -> Result<Times> {
    let key = ItemKey::make(Suite::HybridRsa);
    let (seal, sealed) = Clock::Wall.median(RUNS, || PayloadSealer::new(&key).seal(bytes, Cores::All));
    let (open, opened) = Clock::Wall.median(RUNS, || PayloadOpener::open(&key, &sealed, Cores::All));
    if opened.is_ok_and(|opened| opened == bytes) {
        Ok(Times { seal, open })
    } else {
        Err(Failure::no("other bytes came back"))
    }
}

/// Images by `live`, texts by zstd.
fn codec(record: &Record) -> Result<Times> {
    let images = record.images.iter().map(|image| (StorageCodec::Live, as_file(image)));
    let texts = record.texts.iter().map(|text| (StorageCodec::Zstd, text.clone()));
    let files: Vec<_> = images.chain(texts).collect();
    let encode = || files.par_iter().map(|(codec, file)| container::encode_file(*codec, file)).collect();
    let (seal, coded): (_, std::result::Result<Vec<_>, ContainerError>) = Clock::Wall.median(RUNS, encode);
    let coded = coded.map_err(|error| Failure::no(error.to_string()))?;
    let decode = || coded.par_iter().map(|stored| container::decode_file(stored.codec.id(), &stored.bytes));
    let (open, decoded) = Clock::Wall.median(RUNS, || decode().collect::<Vec<_>>());
    let same = decoded.iter().zip(&files).all(|(decoded, (_, file))| {
        decoded.as_ref().is_ok_and(|decoded| decoded.as_ref() == file.as_slice())
    });
    if same { Ok(Times { seal, open }) } else { Err(Failure::no("other bytes came back")) }
}

/// A picture as a PGM file.
fn as_file(image: &DisplayImage) -> Vec<u8> {
    let head = format!("P5\n{} {}\n255\n", image.width(), image.height());
    [head.as_bytes(), image.samples()].concat()
}

fn by_kind(measured: &[Measured]) -> Table {
    let heads = [
        "record MB",
        "images",
        "texts",
        "texts: hybrid-rsa",
        "images: chaotic",
        "both",
        "the paper",
        "ratio",
        "all: standard",
        "ratio",
        "codec",
    ];
    let mut columns = Columns::new(heads).right(0..11);
    let mut rows = Vec::new();
    for one in measured {
        let Published { name, encrypt, decrypt, images, texts, .. } = one.published;
        columns.row([
            name.to_owned(),
            images.to_string(),
            texts.to_string(),
            millis(one.texts),
            millis(one.images),
            millis(one.scheme),
            pair(encrypt * 1e3, decrypt * 1e3),
            ratios((encrypt, decrypt), one.scheme),
            millis(one.standard),
            ratios((encrypt, decrypt), one.standard),
            millis(one.codec),
        ]);
        rows.extend(record_rows(one));
    }
    Table { title: "Records: encrypt / decrypt, milliseconds", notes: RECORD_NOTES, columns, rows }
}

fn record_rows(one: &Measured) -> Vec<Row> {
    let parts = [
        ("texts", "its texts by hybrid-rsa", one.texts, false),
        ("images", "its images by chaotic-image", one.images, false),
        ("scheme", "both as published", one.scheme, true),
        ("standard", "all by standard", one.standard, true),
        ("codec", "its codec: live and zstd", one.codec, false),
    ];
    let Published { name, encrypt, decrypt, .. } = one.published;
    let rows = parts.into_iter().flat_map(|(part, what, ours, compared)| {
        [("seal", ours.seal, encrypt), ("open", ours.open, decrypt)].map(|(verb, ours, paper)| {
            let id = format!("paper.record.{name}.{part}.{verb}");
            let row = Row::new(id, format!("record of {name} MB, {verb} {what}"), "s", ours);
            if compared { row.against(BY, paper) } else { row }
        })
    });
    rows.collect()
}

fn beside_aes(measured: &[Measured]) -> Table {
    let heads =
        ["record MB", "paper: scheme", "paper: [31]", "ratio", "ours: scheme", "ours: AES alone", "ratio"];
    let mut columns = Columns::new(heads).right(0..7);
    let mut rows = Vec::new();
    for one in measured {
        let Published { name, encrypt, decrypt, aes_alone, .. } = one.published;
        let theirs = aes_alone
            .map(|(seal, open)| (pair(seal * 1e3, open * 1e3), times(seal, encrypt), times(open, decrypt)));
        let (theirs, sealed, opened) = theirs.unwrap_or_else(|| ("–".into(), "–".into(), "–".into()));
        columns.row([
            name.to_owned(),
            pair(encrypt * 1e3, decrypt * 1e3),
            theirs,
            format!("{sealed} / {opened}"),
            millis(one.scheme),
            millis(one.aes_alone),
            ratios((one.aes_alone.seal, one.aes_alone.open), one.scheme),
        ]);
        for (verb, ours, reference) in [
            ("seal", one.aes_alone.seal, aes_alone.map(|pair| pair.0)),
            ("open", one.aes_alone.open, aes_alone.map(|pair| pair.1)),
        ] {
            let id = format!("paper.aes-alone.{name}.{verb}");
            let row = Row::new(id, format!("record of {name} MB, {verb} by AES alone"), "s", ours);
            rows.push(match reference {
                Some(reference) => row.against("[31] as the paper cites it", reference),
                None => row,
            });
        }
    }
    Table { title: "Beside AES alone: encrypt / decrypt, milliseconds", notes: AES_NOTES, columns, rows }
}

fn millis(ours: Times) -> String {
    pair(ours.seal * 1e3, ours.open * 1e3)
}

fn ratios((seal, open): (f64, f64), ours: Times) -> String {
    format!("{} / {}", times(seal, ours.seal), times(open, ours.open))
}

const RUNS: usize = 15;

const RECORD_NOTES: &[&str] = &[
    "Every column but \"the paper\" is ours, in memory, on all cores. Each item has a key of its own, wrapped for the record",
    "and for its owner, and its parts are hashed. Images: 8-bit gray, scaled from the samples, coded nowhere but in \"codec\".",
];

const AES_NOTES: &[&str] = &[
    "[31] is the scheme that the paper compares with; of its times we know those of the first and the last record.",
    "AES alone here: AES-256-GCM under one key for the whole record, no key wrapped, no part hashed. Ratio: AES alone ÷ scheme.",
];
