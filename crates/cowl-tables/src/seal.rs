//! Sealing a table: rows are packed, tagged and encrypted on all cores, and go to a file as they come.
//!
//! Encryption takes a time that says nothing of the plaintexts, unless the owner allows it to; packing, with big integers
//! of any size, does not: it is for the owner's machine.

use std::io::Write;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cowl_crypto::digest::Digest;
use cowl_crypto::secret::Secret;
use cowl_domain::table::{Codebook, ColumnRole, ColumnType, Layout, TableError, TableSchema};
use cowl_paillier::{Ciphertexts, Encryptor, ExponentLength, Plaintext, Timing};
use cowl_paillier_secret::{OwnerEncryptor, SecretKey};
use cowl_query::parquet::{Geometry, TableFileError, TableFileWriter, TableHead};
use cowl_query::{Cell, ClearColumn, ClearTable, ClearTableError};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use num_bigint::{BigInt, BigUint};
use rayon::prelude::*;

use crate::coding::{PlannedSet, PreparedTable, SetChoice, SetError, plan_set};
use crate::import::{Clause, binary_value, parse_number};
use crate::layout::{LayoutError, capacity};
use crate::rows::RowSet;
use crate::secrets::OpenerSecrets;
use crate::signed::to_plaintext;
use crate::tag::TagKey;
use crate::token::TokenKey;

/// Rows that one core packs and encrypts at once.
const ROWS_AT_ONCE: usize = 256;

/// Why a table cannot be sealed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// A set that cannot be; the owner's choice to mend.
    #[error(transparent)]
    Set(#[from] SetError),
    /// A cell of an open column that cannot be one; the owner's to mend.
    #[error("row {row} of open column '{column}': {what}")]
    OpenCell {
        /// The column.
        column: String,
        /// The row, from 1, the header left out.
        row: u64,
        /// Why not, and what to do.
        what: &'static str,
    },
    /// Names or numbers of columns and sets that a schema does not take.
    #[error(transparent)]
    Schema(#[from] TableError),
    /// The same of cells.
    #[error(transparent)]
    Clear(#[from] ClearTableError),
    /// The file cannot be written.
    #[error(transparent)]
    File(#[from] TableFileError),
    /// A value that its set has no room for: a fault of this program.
    #[error("the values of a row do not fit their slots: {0}")]
    Layout(#[from] LayoutError),
    /// A plaintext that its key has no room for: a fault of this program.
    #[error(transparent)]
    Encryption(#[from] cowl_paillier::Error),
}

/// How rows are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// With the factors' help: ciphertexts distributed exactly as the textbook's.
    Owner(Timing),
    /// By the public key from powers of h, with exponents as long as chosen; the short ones are the fastest.
    Public(ExponentLength, Timing),
}

impl Default for Encryption {
    fn default() -> Self {
        Self::Owner(Timing::Constant)
    }
}

/// What goes into the file beside the table, sealed by the caller.
#[derive(Debug, Clone, Copy)]
pub struct SealedNotes<'a> {
    /// [`TableSealer::codebook`] in canonical bytes, sealed for owner and readers of the item.
    pub codebook: &'a [u8],
    /// [`TableSealer::secrets`] in canonical bytes, sealed for the owner alone.
    pub opener: &'a [u8],
}

/// A table on its way into a file.
pub struct TableSealer<'a> {
    table: &'a PreparedTable,
    planned: Vec<PlannedSet>,
    codebook: Codebook,
    secrets: OpenerSecrets,
    clear: Vec<ClearColumn>,
}

impl<'a> TableSealer<'a> {
    /// Plans the sets and makes the opener's secrets. Token columns are hashed under `tokens`, each under its own name:
    /// tables of one owner join on token columns of one name.
    ///
    /// # Errors
    /// [`SealError`] names the set, column or cell.
    pub fn new(
        table: &'a PreparedTable,
        sets: &[SetChoice],
        key: Arc<SecretKey>,
        tokens: &Secret<32>,
    ) -> Result<Self, SealError> {
        let room = capacity(key.public().size().bits());
        let planned: Vec<_> = sets.iter().map(|set| plan_set(table, set, room)).collect::<Result<_, _>>()?;
        let codebook = Codebook {
            variables: table.variables.clone(),
            sets: planned.iter().map(|set| set.coding.clone()).collect(),
        };
        let clear = table.clear.iter().map(|column| clear_column(table, column, tokens));
        let clear = clear.collect::<Result<_, _>>()?;
        let secrets = OpenerSecrets::new(key, present(table));
        let sealer = Self { table, planned, codebook, secrets, clear };
        let schema = sealer.schema(b"");
        schema.check()?;
        sealer.codebook.check(&schema)?;
        Ok(sealer)
    }

    /// What owner and readers know of the secret columns; to be sealed by the caller.
    pub fn codebook(&self) -> &Codebook {
        &self.codebook
    }

    /// What the opener needs; to be sealed by the caller, for the owner alone.
    pub fn secrets(&self) -> &OpenerSecrets {
        &self.secrets
    }

    /// How many ciphertexts there will be.
    pub fn ciphertexts(&self) -> u64 {
        let all = self.planned.iter().map(|set| {
            let layout = set.sealed.layout;
            layout.ciphertexts(self.table.rows, set.coding.variables.len() as u64)
        });
        all.map(|count| count.unwrap_or(u64::MAX)).fold(0, u64::saturating_add)
    }

    fn schema(&self, sealed_codebook: &[u8]) -> TableSchema {
        TableSchema {
            rows: self.table.rows,
            columns: self.table.columns.clone(),
            sets: self.planned.iter().map(|set| set.sealed.clone()).collect(),
            key: Digest::from_bytes(*self.secrets.key().public().digest().as_bytes()),
            codebook: Digest::of(sealed_codebook),
        }
    }

    /// Encrypts the table and writes its file. `progress` is told how many of how many ciphertexts are done, by any
    /// thread.
    ///
    /// # Errors
    /// [`SealError`]; what was written is then no table.
    pub fn write<W: Write>(
        &self,
        sink: W,
        notes: SealedNotes<'_>,
        encryption: Encryption,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<(W, TableSchema), SealError> {
        let schema = self.schema(notes.codebook);
        let clear = ClearTable::new("", schema.clone(), self.clear.clone())?;
        let public = self.secrets.key().public();
        let columns: Vec<u32> = self.planned.iter().map(columns_of).collect();
        let head = TableHead {
            key: public,
            sealed_codebook: notes.codebook,
            sealed_opener: notes.opener,
            columns: &columns,
        };
        let mut writer = TableFileWriter::new(sink, &clear, head)?;
        let workshop = Workshop::new(self, encryption, progress);
        for group in 0..writer.geometry().groups() {
            let ciphertexts = workshop.group(writer.geometry(), group)?;
            writer.write_group(&ciphertexts)?;
        }
        Ok((writer.finish()?, schema))
    }
}

/// Ciphertext columns of a set's file.
fn columns_of(set: &PlannedSet) -> u32 {
    match set.sealed.layout {
        Layout::Cells { ciphertexts } | Layout::Moments { ciphertexts } => ciphertexts,
        Layout::Columns { .. } => set.coding.variables.len() as u32,
    }
}

enum Cipher {
    Owner(OwnerEncryptor),
    Public(Encryptor),
}

impl Cipher {
    fn encrypt(&self, plaintexts: &[Plaintext]) -> Result<Ciphertexts, cowl_paillier::Error> {
        let mut random = UnwrapErr(SysRng);
        match self {
            Self::Owner(encryptor) => encryptor.encrypt(plaintexts, &mut random),
            Self::Public(encryptor) => encryptor.encrypt(plaintexts, &mut random),
        }
    }
}

/// Encrypts row groups.
struct Workshop<'a> {
    sealer: &'a TableSealer<'a>,
    tags: Vec<TagKey>,
    cipher: Cipher,
    modulus: BigUint,
    done: AtomicU64,
    progress: &'a (dyn Fn(u64, u64) + Sync),
}

impl<'a> Workshop<'a> {
    fn new(
        sealer: &'a TableSealer<'_>,
        encryption: Encryption,
        progress: &'a (dyn Fn(u64, u64) + Sync),
    ) -> Self {
        let key = sealer.secrets.key();
        let cipher = match encryption {
            Encryption::Owner(timing) => Cipher::Owner(OwnerEncryptor::new(Arc::clone(key), timing)),
            Encryption::Public(length, timing) => {
                Cipher::Public(Encryptor::new(Arc::clone(key.public()), length, timing))
            }
        };
        let tags =
            (0..).zip(&sealer.planned).map(|(set, planned)| sealer.secrets.tag_key(set, &planned.plan));
        let (tags, modulus) = (tags.collect(), crate::signed::modulus(key.public()));
        Self { sealer, tags, cipher, modulus, done: AtomicU64::new(0), progress }
    }

    /// For each set, for each of its columns, the ciphertexts of a row group.
    fn group(&self, geometry: &Geometry, group: u64) -> Result<Vec<Vec<Vec<u8>>>, SealError> {
        let sets = 0..self.sealer.planned.len();
        sets.map(|set| self.columns(set, geometry.ciphertexts_of(group, set))).collect()
    }

    fn columns(&self, set: usize, numbers: Range<u64>) -> Result<Vec<Vec<u8>>, SealError> {
        let starts: Vec<u64> = numbers.clone().step_by(ROWS_AT_ONCE).collect();
        let batch = |start: &u64| self.batch(set, *start..numbers.end.min(start + ROWS_AT_ONCE as u64));
        let batches: Vec<Vec<Vec<u8>>> = starts.par_iter().map(batch).collect::<Result<_, _>>()?;
        let columns = columns_of(&self.sealer.planned[set]) as usize;
        let column = |at: usize| batches.iter().flat_map(|batch| &batch[at]).copied().collect();
        Ok((0..columns).into_par_iter().map(column).collect())
    }

    /// The ciphertexts of some rows or blocks, column by column.
    fn batch(&self, set: usize, numbers: Range<u64>) -> Result<Vec<Vec<u8>>, SealError> {
        let mut columns: Vec<Vec<Plaintext>> = Vec::new();
        columns.resize_with(columns_of(&self.sealer.planned[set]) as usize, Vec::new);
        for number in numbers {
            let plaintexts = self.plaintexts(set, number)?;
            for (column, plaintext) in columns.iter_mut().zip(plaintexts) {
                column.push(to_plaintext(&plaintext, &self.modulus));
            }
        }
        columns.iter().map(|column| self.encrypt(column)).collect()
    }

    fn encrypt(&self, plaintexts: &[Plaintext]) -> Result<Vec<u8>, SealError> {
        let rows = self.cipher.encrypt(plaintexts)?.to_rows(self.sealer.secrets.key().public())?;
        let count = plaintexts.len() as u64;
        let done = self.done.fetch_add(count, Ordering::Relaxed) + count;
        (self.progress)(done, self.sealer.ciphertexts());
        Ok(rows)
    }

    /// The plaintexts of one row, or of one block of rows: one for each of the set's columns.
    fn plaintexts(&self, set: usize, number: u64) -> Result<Vec<BigInt>, LayoutError> {
        let (planned, table, tags) = (&self.sealer.planned[set], self.sealer.table, &self.tags[set]);
        if let Some(values) = planned.values_of_row(table, number) {
            return planned.plan.pack(number, &values, tags);
        }
        let variables = planned.coding.variables.iter().enumerate();
        let block = variables.map(|(at, variable)| {
            let values = planned.values_of_block(table, *variable, number).ok_or(LayoutError::OtherPlan)?;
            let tagged_as = block_number(number, at, planned.coding.variables.len());
            let mut packed = planned.plan.pack(tagged_as, &values, tags)?;
            packed.pop().ok_or(LayoutError::OtherPlan)
        });
        block.collect()
    }
}

/// The number under which the block of one variable is tagged.
pub(crate) fn block_number(block: u64, variable: usize, variables: usize) -> u64 {
    block * variables as u64 + variable as u64
}

/// For each column, the rows in which it has a value, unless it has one in all.
fn present(table: &PreparedTable) -> Vec<Option<RowSet>> {
    let of_column = |place: u16| {
        let variable = table.variables.iter().position(|variable| variable.column == place)?;
        let cells = table.values[variable].iter().zip(0u64..);
        let rows = RowSet::of(table.rows, cells.filter(|(cell, _)| cell.is_some()).map(|(_, row)| row));
        (rows.len() < table.rows).then_some(rows)
    };
    (0..table.columns.len() as u16).map(of_column).collect()
}

fn clear_column(
    table: &PreparedTable,
    column: &crate::coding::ClearColumn,
    tokens: &Secret<32>,
) -> Result<ClearColumn, SealError> {
    let about = &table.columns[usize::from(column.column)];
    let token_key = TokenKey::derive(tokens, &about.name);
    let clause = Clause::of(table.decimal_comma);
    let cell = |(text, row): (&Option<String>, u64)| {
        let Some(text) = text else { return Ok(Cell::Null) };
        if about.role == ColumnRole::Token {
            return Ok(Cell::Token(token_key.token(text).to_vec()));
        }
        let refused = |what| SealError::OpenCell { column: about.name.clone(), row: row + 1, what };
        open_cell(text, about.kind, clause).map_err(refused)
    };
    let cells = column.texts.iter().zip(0u64..).map(cell).collect::<Result<_, _>>()?;
    Ok(ClearColumn { place: column.column, cells })
}

fn open_cell(text: &str, kind: ColumnType, clause: Clause) -> Result<Cell, &'static str> {
    const DIGITS: &str = "numbers in the clear have 15 digits at most; round it, or take the column as text";
    match kind {
        ColumnType::Integer => {
            let number = parse_number(text, clause).filter(|number| number.decimals == 0);
            let number = number.and_then(|number| i64::try_from(number.mantissa).ok());
            number.map(Cell::Integer).ok_or("it is no whole number of 64 bits; take the column as text")
        }
        ColumnType::Decimal => {
            let number = parse_number(text, clause).ok_or(DIGITS)?;
            let mantissa = i64::try_from(number.mantissa).map_err(|_| DIGITS)?;
            Cell::decimal(mantissa, number.decimals).ok_or(DIGITS)
        }
        ColumnType::Binary => binary_value(text).map(Cell::Integer).ok_or("it is neither yes nor no"),
        ColumnType::Date | ColumnType::Category | ColumnType::Text => Ok(Cell::Text(text.to_owned())),
    }
}
