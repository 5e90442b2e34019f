//! Writing a sealed table's file, row group by row group.

use std::collections::BTreeSet;
use std::io::Write;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cowl_domain::table::TableSchema;
use cowl_paillier::PublicKey;

use super::cells::{encode, shape_of};
use super::error::TableFileError;
use super::footer::{FileColumn, Footer, Group, MAGIC, Shape, page_header};
use super::geometry::Geometry;
use super::{CODEBOOK, KEY, OPENER, SCHEMA};
use crate::clear::{ClearTable, ClearTableError};

/// What a file says of its table besides its columns.
#[derive(Debug, Clone, Copy)]
pub struct TableHead<'a> {
    /// The table's public key.
    pub key: &'a PublicKey,
    /// The codebook, sealed for owner and readers; its digest is in the schema.
    pub sealed_codebook: &'a [u8],
    /// The opener's secrets, sealed for the owner alone.
    pub sealed_opener: &'a [u8],
    /// For each sealed set, how many ciphertext columns it has: ciphertexts of a row, or for layout *columns* its
    /// variables.
    pub columns: &'a [u32],
}

/// Writes a table: the ciphertexts of one row group after the other, the open and token columns with them.
///
/// A row group's ciphertexts take 32 MiB or little more, and so does the writer: they go to the sink as they come.
pub struct TableFileWriter<'a, W> {
    sink: W,
    clear: &'a ClearTable,
    geometry: Geometry,
    footer: Footer,
    next: u64,
}

impl<'a, W: Write> TableFileWriter<'a, W> {
    /// Begins a file.
    ///
    /// # Errors
    /// [`TableFileError::Damaged`] where the head is not that of the table, [`TableFileError::Twice`],
    /// [`TableFileError::Io`].
    pub fn new(mut sink: W, clear: &'a ClearTable, head: TableHead<'_>) -> Result<Self, TableFileError> {
        let schema = clear.schema();
        schema.check()?;
        let other = |what: &str| TableFileError::Damaged(format!("its {what} is not that of the schema"));
        if cowl_crypto::digest::Digest::of(head.sealed_codebook) != schema.codebook {
            return Err(other("sealed codebook"));
        }
        if head.key.digest().as_bytes() != schema.key.as_bytes() {
            return Err(other("key"));
        }
        let geometry = Geometry::of(schema, head.key.ciphertext_bytes(), head.columns)
            .ok_or_else(|| other("number of ciphertexts"))?;
        let columns = file_columns(schema, &geometry, head.key.ciphertext_bytes() as u32);
        let mut names = BTreeSet::new();
        if let Some(column) = columns.iter().find(|column| !names.insert(&column.name)) {
            return Err(TableFileError::Twice(column.name.clone()));
        }
        let footer = Footer { columns, rows: schema.rows, groups: Vec::new(), notes: notes(schema, head) };
        sink.write_all(MAGIC).map_err(|error| TableFileError::written(&error))?;
        Ok(Self { sink, clear, geometry, footer, next: 0 })
    }

    /// How the table is cut.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// The rows of the row group that comes next; `None` when all have been written.
    pub fn next_rows(&self) -> Option<Range<u64>> {
        (self.next < self.geometry.groups()).then(|| self.geometry.rows_of(self.next))
    }

    /// Writes a row group. `ciphertexts` has for each set, for each of its columns, the ciphertexts of
    /// [`Geometry::ciphertexts_of`] behind each other.
    ///
    /// # Errors
    /// [`TableFileError::Ciphertexts`] where there are more or fewer, [`TableFileError::Clear`] names a cell that a
    /// file cannot hold, [`TableFileError::TooLarge`], [`TableFileError::Io`].
    pub fn write_group(&mut self, ciphertexts: &[Vec<Vec<u8>>]) -> Result<(), TableFileError> {
        let Some(rows) = self.next_rows() else {
            let rows = self.geometry.rows_of(u64::MAX).end;
            return Err(TableFileError::Rows { expected: rows, found: rows + 1 });
        };
        self.check(ciphertexts)?;
        let mut chunks = Vec::with_capacity(self.footer.columns.len());
        for place in 0..self.clear.columns().len() {
            chunks.push(self.write_clear(place, &rows)?);
        }
        for (set, columns) in ciphertexts.iter().enumerate() {
            for column in columns {
                chunks.push(self.write_ciphertexts(set, column)?);
            }
        }
        self.footer.groups.push(Group { rows: rows.end - rows.start, chunks });
        self.next += 1;
        Ok(())
    }

    fn check(&self, ciphertexts: &[Vec<Vec<u8>>]) -> Result<(), TableFileError> {
        let sets = self.geometry.sets().len();
        if ciphertexts.len() > sets {
            return Err(TableFileError::Ciphertexts { set: sets as u16, expected: 0, found: 0 });
        }
        for (set, shape) in self.geometry.sets().iter().enumerate() {
            let Range { start, end } = self.geometry.ciphertexts_of(self.next, set);
            let expected = (end - start) * self.geometry.ciphertext_bytes();
            let columns = ciphertexts.get(set).map_or(&[][..], Vec::as_slice);
            let refused = |found| TableFileError::Ciphertexts { set: set as u16, expected, found };
            if let Some(odd) = columns.iter().find(|column| column.len() as u64 != expected) {
                return Err(refused(odd.len() as u64));
            }
            if columns.len() != shape.columns as usize {
                return Err(refused(columns.len() as u64 * expected));
            }
        }
        Ok(())
    }

    fn write_clear(&mut self, place: usize, rows: &Range<u64>) -> Result<u64, TableFileError> {
        let column = &self.clear.columns()[place];
        let about = &self.clear.schema().columns[usize::from(column.place)];
        let cells = &column.cells[rows.start as usize..rows.end as usize];
        let values = encode(cells, shape_of(about)).map_err(|row| ClearTableError::Cell {
            column: about.name.clone(),
            row: rows.start + row as u64,
        })?;
        if i32::try_from(values.len()).is_err() {
            let what = format!("column '{}', rows {} to {},", about.name, rows.start, rows.end);
            return Err(TableFileError::TooLarge { what, most: i32::MAX as u64 });
        }
        let head = page_header(rows.end - rows.start, values.len() as u64);
        self.write(&head)?;
        self.write(&values)?;
        Ok((head.len() + values.len()) as u64)
    }

    fn write_ciphertexts(&mut self, set: usize, column: &[u8]) -> Result<u64, TableFileError> {
        let (mut rest, mut written) = (column, 0);
        for page in self.geometry.pages(self.next, set) {
            let head = self.geometry.page_head(set, page);
            let values;
            (values, rest) = rest.split_at((page.count * self.geometry.ciphertext_bytes()) as usize);
            self.write(&head)?;
            self.write(values)?;
            written += (head.len() + values.len()) as u64;
        }
        Ok(written)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), TableFileError> {
        self.sink.write_all(bytes).map_err(|error| TableFileError::written(&error))
    }

    /// Writes the footer and gives the sink back, flushed.
    ///
    /// # Errors
    /// [`TableFileError::Rows`] before the last row group, [`TableFileError::TooLarge`] for a footer beyond what is
    /// read, [`TableFileError::Io`].
    pub fn finish(mut self) -> Result<W, TableFileError> {
        if let Some(rows) = self.next_rows() {
            return Err(TableFileError::Rows { expected: self.footer.rows, found: rows.start });
        }
        let footer = self.footer.encode();
        if footer.len() as u64 > super::MOST_FOOTER_BYTES {
            let what = "what the file says of its columns".to_owned();
            return Err(TableFileError::TooLarge { what, most: super::MOST_FOOTER_BYTES });
        }
        self.write(&footer)?;
        self.write(&(footer.len() as u32).to_le_bytes())?;
        self.write(MAGIC)?;
        self.sink.flush().map_err(|error| TableFileError::written(&error))?;
        Ok(self.sink)
    }
}

/// The columns of the file: open and token columns in the schema's order, then each set's ciphertexts.
pub(super) fn file_columns(
    schema: &TableSchema,
    geometry: &Geometry,
    ciphertext_bytes: u32,
) -> Vec<FileColumn> {
    let clear = schema.clear_columns().map(|(_, column)| FileColumn {
        name: column.name.clone(),
        shape: shape_of(column),
        optional: true,
    });
    let sealed = schema.sets.iter().zip(geometry.sets()).flat_map(|(set, shape)| {
        (0..shape.columns).map(move |column| FileColumn {
            name: super::ciphertext_column(&set.name, column),
            shape: Shape::Bytes(ciphertext_bytes),
            optional: shape.optional,
        })
    });
    clear.chain(sealed).collect()
}

fn notes(schema: &TableSchema, head: TableHead<'_>) -> Vec<(String, String)> {
    let note = |key: &str, bytes: &[u8]| (key.to_owned(), STANDARD.encode(bytes));
    vec![
        note(SCHEMA, &schema.to_bytes()),
        note(KEY, &head.key.to_bytes()),
        note(CODEBOOK, head.sealed_codebook),
        note(OPENER, head.sealed_opener),
    ]
}
