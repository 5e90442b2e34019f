//! Reading a sealed table's file, and nothing that is not one.

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cowl_crypto::digest::Digest;
use cowl_domain::table::TableSchema;
use cowl_paillier::PublicKey;

use super::cells::{decode, shape_of};
use super::error::TableFileError;
use super::footer::{Footer, MAGIC, page_header};
use super::geometry::Geometry;
use super::source::ReadAt;
use super::write::file_columns;
use super::{CODEBOOK, KEY, OPENER, SCHEMA};
use crate::clear::{ClearColumn, ClearTable};
use crate::pages::{CiphertextPages, PageError};

/// Bytes behind the footer: its length and the magic.
const TAIL: u64 = 8;

/// A sealed table's file. What it says of itself has been checked; its pages are when they are read.
pub struct TableFile<R> {
    source: R,
    schema: TableSchema,
    key: Arc<PublicKey>,
    sealed_codebook: Vec<u8>,
    sealed_opener: Vec<u8>,
    geometry: Geometry,
    /// For each row group, where each column's chunk begins, and where the last one ends.
    chunks: Vec<Vec<u64>>,
}

impl<R: ReadAt> TableFile<R> {
    /// Reads the footer and checks that it is that of a sealed table, in its one form, and of a file of this size.
    ///
    /// # Errors
    /// [`TableFileError`] names what does not hold.
    pub fn open(source: R) -> Result<Self, TableFileError> {
        let (bytes, end) = read_footer(&source)?;
        let footer = Footer::decode(&bytes)
            .ok_or(TableFileError::NotATable("its footer is not in the form that sealed tables have"))?;
        let Notes { schema, key, sealed_codebook, sealed_opener } = Notes::of(&footer)?;
        let geometry = geometry_of(&footer, &schema, &key)?;
        check_groups(&footer, &geometry, &schema)?;
        let chunks = chunk_starts(&footer);
        if chunks.last().and_then(|group| group.last()).copied().unwrap_or(MAGIC.len() as u64) != end {
            return Err(damaged("its columns do not end where the footer begins"));
        }
        Ok(Self { source, schema, key, sealed_codebook, sealed_opener, geometry, chunks })
    }

    /// What the cloud sees of the table.
    pub fn schema(&self) -> &TableSchema {
        &self.schema
    }

    /// The table's public key.
    pub fn key(&self) -> &Arc<PublicKey> {
        &self.key
    }

    /// The codebook, sealed for owner and readers of the item.
    pub fn sealed_codebook(&self) -> &[u8] {
        &self.sealed_codebook
    }

    /// The opener's secrets, sealed for the owner.
    pub fn sealed_opener(&self) -> &[u8] {
        &self.sealed_opener
    }

    /// How the table is cut.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Reads the open and token columns, under a name for queries.
    ///
    /// # Errors
    /// [`TableFileError::Damaged`] names the column, [`TableFileError::Clear`] the cell, [`TableFileError::Io`].
    pub fn clear_table(&self, name: &str) -> Result<ClearTable, TableFileError> {
        let mut columns = Vec::new();
        for (at, (place, about)) in self.schema.clear_columns().enumerate() {
            let mut cells = Vec::new();
            for group in 0..self.chunks.len() {
                let rows = self.geometry.rows_of(group as u64);
                let bytes = self.chunk(group, at)?;
                let found = cells_of_chunk(&bytes, shape_of(about), rows.end - rows.start);
                cells.extend(found.ok_or_else(|| {
                    TableFileError::Damaged(format!("column '{}' from row {} on", about.name, rows.start))
                })?);
            }
            columns.push(ClearColumn { place, cells });
        }
        Ok(ClearTable::new(name, self.schema.clone(), columns)?)
    }

    fn chunk(&self, group: usize, column: usize) -> Result<Cow<'_, [u8]>, TableFileError> {
        let starts = &self.chunks[group];
        let (start, end) = (starts[column], starts[column + 1]);
        read(&self.source, start, (end - start) as usize).map_err(|error| TableFileError::read(&error))
    }

    /// The ciphertexts of a sealed set, by its place in the schema. `None` where there is no such set.
    pub fn pages(&self, set: u16) -> Option<SetPages<'_, R>> {
        let set = usize::from(set);
        let clear = self.schema.clear_columns().count();
        let before: usize = self.geometry.sets().get(..set)?.iter().map(|set| set.columns as usize).sum();
        self.geometry.sets().get(set)?;
        Some(SetPages { file: self, set, first_column: clear + before })
    }
}

/// The ciphertext columns of one set of a file, page by page. Rows of a set in layout *columns* are its blocks, and its
/// columns are its variables.
pub struct SetPages<'a, R> {
    file: &'a TableFile<R>,
    set: usize,
    first_column: usize,
}

impl<R: ReadAt> SetPages<'_, R> {
    /// Where a page begins, what must stand there before its ciphertexts, and how many bytes these have.
    fn locate(&self, column: u32, page: u64) -> Option<(u64, Vec<u8>, usize)> {
        let geometry = &self.file.geometry;
        let (group, place) = geometry.place_of(page);
        let starts = self.file.chunks.get(usize::try_from(group).ok()?)?;
        let start = *starts.get(self.first_column + column as usize)?;
        let mut pages = geometry.pages(group, self.set);
        let first = pages.next()?;
        let page = if place == 0 { first } else { pages.nth(usize::try_from(place - 1).ok()?)? };
        // All pages before one with ciphertexts are as full as the first.
        let offset = start.checked_add(place.checked_mul(geometry.page_bytes(self.set, first))?)?;
        let length = usize::try_from(page.count * geometry.ciphertext_bytes()).ok()?;
        (length > 0).then(|| (offset, geometry.page_head(self.set, page), length))
    }
}

impl<R: ReadAt> CiphertextPages for SetPages<'_, R> {
    fn rows(&self) -> u64 {
        self.file.geometry.sets()[self.set].count
    }

    fn columns(&self) -> u32 {
        self.file.geometry.sets()[self.set].columns
    }

    fn rows_of_a_page(&self) -> u64 {
        self.file.geometry.page_rows()
    }

    fn page(&self, column: u32, page: u64) -> Result<Cow<'_, [u8]>, PageError> {
        let missing = PageError::Missing { column, page };
        if column >= self.columns() {
            return Err(missing);
        }
        let (offset, head, length) = self.locate(column, page).ok_or_else(|| missing.clone())?;
        let unreadable =
            |error: std::io::Error| PageError::Unreadable { column, page, detail: error.to_string() };
        let found = read(&self.file.source, offset, head.len()).map_err(unreadable)?;
        if *found != *head {
            return Err(missing);
        }
        read(&self.file.source, offset + head.len() as u64, length).map_err(unreadable)
    }
}

fn read<R: ReadAt>(source: &R, offset: u64, length: usize) -> std::io::Result<Cow<'_, [u8]>> {
    if let Some(bytes) = source.borrow_at(offset, length) {
        return Ok(Cow::Borrowed(bytes));
    }
    let mut bytes = vec![0; length];
    source.read_at(offset, &mut bytes)?;
    Ok(Cow::Owned(bytes))
}

/// The footer's bytes, and where they begin.
fn read_footer<R: ReadAt>(source: &R) -> Result<(Vec<u8>, u64), TableFileError> {
    let io = |error: std::io::Error| TableFileError::read(&error);
    let size = source.size();
    let room =
        size.checked_sub(TAIL + MAGIC.len() as u64).ok_or(TableFileError::NotATable("it is too short"))?;
    let (mut front, mut tail) = ([0; MAGIC.len()], [0; TAIL as usize]);
    source.read_at(0, &mut front).map_err(io)?;
    source.read_at(size - TAIL, &mut tail).map_err(io)?;
    let (length, magic) = tail.split_at(MAGIC.len());
    if front != *MAGIC || magic != MAGIC {
        return Err(TableFileError::NotATable("it is no Parquet file"));
    }
    let length = u64::from(u32::from_le_bytes(length.try_into().expect("half of eight bytes")));
    if length > room {
        return Err(TableFileError::NotATable("its footer is longer than the file"));
    }
    if length > super::MOST_FOOTER_BYTES {
        let what = "what the file says of its columns".to_owned();
        return Err(TableFileError::TooLarge { what, most: super::MOST_FOOTER_BYTES });
    }
    let start = size - TAIL - length;
    let mut footer = vec![0; length as usize];
    source.read_at(start, &mut footer).map_err(io)?;
    Ok((footer, start))
}

struct Notes {
    schema: TableSchema,
    key: Arc<PublicKey>,
    sealed_codebook: Vec<u8>,
    sealed_opener: Vec<u8>,
}

impl Notes {
    fn of(footer: &Footer) -> Result<Self, TableFileError> {
        if !footer.notes.iter().map(|(key, _)| key.as_str()).eq([SCHEMA, KEY, CODEBOOK, OPENER]) {
            return Err(TableFileError::NotATable("it has no schema, key, codebook and opener's secrets"));
        }
        let bytes = |place: usize| {
            let decoded = STANDARD.decode(&footer.notes[place].1);
            decoded.map_err(|_| damaged(&format!("{} is not base64", footer.notes[place].0)))
        };
        let schema = TableSchema::from_bytes(&bytes(0)?)?;
        let key = Arc::new(PublicKey::from_bytes(&bytes(1)?)?);
        let (sealed_codebook, sealed_opener) = (bytes(2)?, bytes(3)?);
        if key.digest().as_bytes() != schema.key.as_bytes() {
            return Err(damaged("its key is not the one that its schema names"));
        }
        if Digest::of(&sealed_codebook) != schema.codebook {
            return Err(damaged("its codebook is not the one that its schema names"));
        }
        Ok(Self { schema, key, sealed_codebook, sealed_opener })
    }
}

/// The geometry of the schema, provided that the file's columns are those of the schema.
fn geometry_of(footer: &Footer, schema: &TableSchema, key: &PublicKey) -> Result<Geometry, TableFileError> {
    let other = || damaged("its columns are not those of its schema");
    if schema.rows > super::MOST_ROWS {
        return Err(TableFileError::NotATable("it has more than 2³⁰ rows"));
    }
    let sealed = footer.columns.iter().skip(schema.clear_columns().count());
    let mut names = sealed.map(|column| column.name.as_str()).peekable();
    let mut columns = Vec::with_capacity(schema.sets.len());
    for set in &schema.sets {
        let mut count = 0;
        while names.next_if(|name| *name == super::ciphertext_column(&set.name, count)).is_some() {
            count += 1;
        }
        columns.push(count);
    }
    let geometry = Geometry::of(schema, key.ciphertext_bytes(), &columns).ok_or_else(other)?;
    let expected = file_columns(schema, &geometry, key.ciphertext_bytes() as u32);
    if footer.columns == expected && footer.rows == schema.rows { Ok(geometry) } else { Err(other()) }
}

fn check_groups(footer: &Footer, geometry: &Geometry, schema: &TableSchema) -> Result<(), TableFileError> {
    let clear = schema.clear_columns().count();
    if footer.groups.len() as u64 != geometry.groups() {
        return Err(damaged("it has another number of row groups"));
    }
    for (place, group) in (0..).zip(&footer.groups) {
        let rows = geometry.rows_of(place);
        let sets = geometry.sets().iter().enumerate();
        let expected = sets.flat_map(|(set, shape)| {
            std::iter::repeat_n(geometry.chunk_bytes(place, set), shape.columns as usize)
        });
        if group.rows != rows.end - rows.start || !group.chunks[clear..].iter().copied().eq(expected) {
            return Err(TableFileError::Damaged(format!("row group {place} has another size")));
        }
    }
    Ok(())
}

/// The sum of all chunks was checked with the footer.
fn chunk_starts(footer: &Footer) -> Vec<Vec<u64>> {
    let mut offset = MAGIC.len() as u64;
    let starts = footer.groups.iter().map(|group| {
        let mut starts = Vec::with_capacity(group.chunks.len() + 1);
        starts.push(offset);
        for bytes in &group.chunks {
            offset += bytes;
            starts.push(offset);
        }
        starts
    });
    starts.collect()
}

/// The cells of a chunk that is one page. The length of the header follows from that of the page, and the other way
/// round; there are few lengths that a header can have.
fn cells_of_chunk(bytes: &[u8], shape: super::footer::Shape, rows: u64) -> Option<Vec<crate::Cell>> {
    const LONGEST_HEADER: usize = 40;
    let header = (1..LONGEST_HEADER.min(bytes.len())).find(|length| {
        let header = page_header(rows, (bytes.len() - length) as u64);
        header.len() == *length && bytes.starts_with(&header)
    })?;
    i32::try_from(bytes.len() - header).ok()?;
    decode(&bytes[header..], shape, usize::try_from(rows).ok()?)
}

fn damaged(what: &str) -> TableFileError {
    TableFileError::Damaged(what.to_owned())
}
