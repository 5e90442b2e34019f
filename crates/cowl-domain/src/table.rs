//! Sealed tables: what the cloud sees of one, and what its owner and receivers know besides.
//!
//! A [`TableSchema`] lies in clear beside the ciphertexts: the cloud needs the names of columns and where their
//! ciphertexts are, and nothing about values. A [`Codebook`] is sealed: ranges, levels and slot widths say
//! something about patients.

use std::collections::BTreeSet;
use std::fmt;

use cowl_crypto::digest::Digest;
use minicbor::{Decode, Encode};

use crate::party::coded;
use crate::wire::{self, WireError};

mod header;

pub use header::AdditiveHeader;

coded! {
    /// What becomes of a column when a table is sealed.
    ColumnRole ("column role") {
        /// Clear text at the cloud, e.g. the ward: groups, conditions, order.
        Open = 0, "open";
        /// A keyed hash at the cloud: groups and joins by equality.
        Token = 1, "token";
        /// Ciphertext at the cloud: sums, moments, scores.
        Secret = 2, "secret";
        /// Left out; not even its name leaves the owner.
        Dropped = 3, "dropped";
    }
}

coded! {
    /// What the cells of a column are.
    ColumnType ("column type") {
        /// Whole numbers.
        Integer = 0, "integer";
        /// Numbers with a point.
        Decimal = 1, "decimal";
        /// Two values: 0 and 1, yes and no.
        Binary = 2, "binary";
        /// Few different texts.
        Category = 3, "category";
        /// Days, `YYYY-MM-DD`.
        Date = 4, "date";
        /// Anything else.
        Text = 5, "text";
    }
}

/// The most columns of a table.
pub const MOST_COLUMNS: usize = 4_096;
/// The most bytes of a column's name.
pub const LONGEST_COLUMN_NAME: usize = 200;
/// The most digits after a point.
pub const MOST_DECIMALS: u8 = 18;

/// Why a schema or codebook does not hold together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// Not its canonical form.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// No columns, or too many.
    #[error("a table has between 1 and {MOST_COLUMNS} columns, not {0}")]
    ColumnCount(usize),
    /// A name that is empty, too long, or holds control characters.
    #[error("column {place} has a name that is empty, too long or not printable")]
    Name {
        /// Which column, from 0.
        place: usize,
    },
    /// Two columns, variables or sets of one name.
    #[error("the name '{0}' stands twice")]
    Twice(String),
    /// A dropped column in a schema.
    #[error("column '{0}' was dropped and yet is listed")]
    Dropped(String),
    /// A set that names a column which is not there or not secret, or names none.
    #[error(
        "set '{0}' names a column that is not a secret one of this table, names one twice, or names none"
    )]
    SetColumns(String),
    /// A set without ciphertexts or rows in them.
    #[error("set '{0}' has no room for its values")]
    SetRoom(String),
    /// An item's header that names no parts, one twice, or none that can be put together.
    #[error("the header of the sealed table {0}")]
    Header(&'static str),
    /// A codebook that is not this schema's.
    #[error("the codebook does not fit its schema: {0}")]
    Codebook(&'static str),
}

/// A column as the cloud sees it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Column {
    /// Its name, as queries write it.
    #[n(0)]
    pub name: String,
    /// Open, token or secret.
    #[n(1)]
    pub role: ColumnRole,
    /// What its cells are.
    #[n(2)]
    pub kind: ColumnType,
}

/// How values lie in ciphertexts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Layout {
    /// One row's cells side by side: retrieval, sums, edits.
    #[n(0)]
    Cells {
        /// Ciphertexts a row.
        #[n(0)]
        ciphertexts: u32,
    },
    /// One column's cells of many rows side by side: scores by open coefficients.
    #[n(1)]
    Columns {
        /// Rows a ciphertext.
        #[n(0)]
        rows: u32,
    },
    /// One row's products 1, xᵢ, xᵢxⱼ side by side: means, covariances, least squares.
    #[n(2)]
    Moments {
        /// Ciphertexts a row.
        #[n(0)]
        ciphertexts: u32,
    },
}

impl Layout {
    /// How many ciphertexts a set of this layout has for `rows` rows and `columns` variables. `None` on overflow.
    pub fn ciphertexts(self, rows: u64, variables: u64) -> Option<u64> {
        match self {
            Self::Cells { ciphertexts } | Self::Moments { ciphertexts } => {
                rows.checked_mul(ciphertexts.into())
            }
            Self::Columns { rows: together } => {
                rows.div_ceil(u64::from(together).max(1)).checked_mul(variables)
            }
        }
    }

    fn has_room(self) -> bool {
        match self {
            Self::Cells { ciphertexts } | Self::Moments { ciphertexts } => ciphertexts > 0,
            Self::Columns { rows } => rows > 0,
        }
    }
}

/// Some secret columns, sealed together in one layout.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SealedSet {
    /// Its name, e.g. `los-model`.
    #[n(0)]
    pub name: String,
    /// How values lie in its ciphertexts.
    #[n(1)]
    pub layout: Layout,
    /// Places of its columns in the schema, ascending.
    #[n(2)]
    pub columns: Vec<u16>,
}

/// What the cloud sees of a sealed table, beside open columns, tokens and ciphertexts.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct TableSchema {
    /// How many rows.
    #[n(0)]
    pub rows: u64,
    /// Columns, those that were dropped left out.
    #[n(1)]
    pub columns: Vec<Column>,
    /// Sealed sets.
    #[n(2)]
    pub sets: Vec<SealedSet>,
    /// Digest of the table's public key.
    #[cbor(n(3), with = "wire::fixed")]
    pub key: Digest,
    /// Digest of the sealed codebook.
    #[cbor(n(4), with = "wire::fixed")]
    pub codebook: Digest,
}

impl TableSchema {
    /// Reads a schema and checks that it holds together.
    ///
    /// # Errors
    /// [`TableError`] names what does not fit.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TableError> {
        let schema: Self = wire::decode("table schema", bytes)?;
        schema.check()?;
        Ok(schema)
    }

    /// Its canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// The open and token columns, with their places.
    pub fn clear_columns(&self) -> impl Iterator<Item = (u16, &Column)> {
        (0..).zip(&self.columns).filter(|(_, column)| column.role.is_clear())
    }

    /// Whether it holds together.
    ///
    /// # Errors
    /// [`TableError`] names what does not fit.
    pub fn check(&self) -> Result<(), TableError> {
        if !(1..=MOST_COLUMNS).contains(&self.columns.len()) {
            return Err(TableError::ColumnCount(self.columns.len()));
        }
        if let Some(place) = self.columns.iter().position(|column| !is_name(&column.name)) {
            return Err(TableError::Name { place });
        }
        unique(self.columns.iter().map(|column| &column.name))?;
        unique(self.sets.iter().map(|set| &set.name))?;
        if let Some(column) = self.columns.iter().find(|column| column.role == ColumnRole::Dropped) {
            return Err(TableError::Dropped(column.name.clone()));
        }
        self.sets.iter().try_for_each(|set| self.check_set(set))
    }

    fn check_set(&self, set: &SealedSet) -> Result<(), TableError> {
        let ascending = set.columns.windows(2).all(|pair| pair[0] < pair[1]);
        let is_secret = |place: &u16| {
            self.columns.get(usize::from(*place)).is_some_and(|it| it.role == ColumnRole::Secret)
        };
        if set.columns.is_empty() || !ascending || !set.columns.iter().all(is_secret) || !is_name(&set.name) {
            return Err(TableError::SetColumns(set.name.chars().take(40).collect()));
        }
        if set.layout.has_room() { Ok(()) } else { Err(TableError::SetRoom(set.name.clone())) }
    }
}

impl ColumnRole {
    /// Whether the cloud has its cells themselves: those of open columns, and the hashes of token columns.
    pub const fn is_clear(self) -> bool {
        matches!(self, Self::Open | Self::Token)
    }
}

/// Whether a text can be the name of a column or set.
pub fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= LONGEST_COLUMN_NAME && !text.chars().any(char::is_control)
}

fn unique<'a>(names: impl Iterator<Item = &'a String>) -> Result<(), TableError> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(TableError::Twice(name.clone()));
        }
    }
    Ok(())
}

/// `mantissa` · 10^−`decimals`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Decimal {
    /// The digits.
    #[n(0)]
    pub mantissa: i64,
    /// How many of them stand after the point.
    #[n(1)]
    pub decimals: u8,
}

/// With all its digits after the point, e.g. `-0.50`.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, places) = (if self.mantissa < 0 { "-" } else { "" }, usize::from(self.decimals));
        let digits = format!("{:0width$}", self.mantissa.unsigned_abs(), width = places + 1);
        match digits.split_at(digits.len() - places) {
            (whole, "") => write!(f, "{sign}{whole}"),
            (whole, behind) => write!(f, "{sign}{whole}.{behind}"),
        }
    }
}

/// How a variable's integers are made from a column's cells.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Coding {
    /// The number itself in units of 10^−`decimals`; binary columns are 0 and 1.
    #[n(0)]
    Number {
        /// Digits after the point.
        #[n(0)]
        decimals: u8,
    },
    /// Days since 1970-01-01.
    #[n(1)]
    Days,
    /// 1 where the category is `level`, else 0; all such variables of a column are 0 at its reference level.
    #[n(2)]
    Level {
        /// The level of this variable.
        #[n(0)]
        level: String,
        /// The level that has no variable.
        #[n(1)]
        reference: String,
    },
    /// (x − centre)/spread in units of 10^−`decimals`.
    #[n(3)]
    Standardised {
        /// What is taken off.
        #[n(0)]
        centre: Decimal,
        /// What is divided by; above zero.
        #[n(1)]
        spread: Decimal,
        /// Digits after the point.
        #[n(2)]
        decimals: u8,
    },
}

impl Coding {
    /// Digits after the point of the variable's integers.
    pub fn decimals(&self) -> u8 {
        match self {
            Self::Number { decimals } | Self::Standardised { decimals, .. } => *decimals,
            Self::Days | Self::Level { .. } => 0,
        }
    }

    fn is_sound(&self) -> bool {
        let spread_is_positive = match self {
            Self::Standardised { centre, spread, .. } => {
                spread.mantissa > 0 && spread.decimals.max(centre.decimals) <= MOST_DECIMALS
            }
            _ => true,
        };
        spread_is_positive && self.decimals() <= MOST_DECIMALS
    }
}

/// One variable: a secret column has one, a category one for each level but its reference.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct CodedVariable {
    /// Its name in reports, e.g. `age` or `ward=ICU`.
    #[n(0)]
    pub name: String,
    /// The place of its column in the schema.
    #[n(1)]
    pub column: u16,
    /// How its integers are made.
    #[n(2)]
    pub coding: Coding,
    /// The lowest of its integers.
    #[n(3)]
    pub lowest: i64,
    /// The highest.
    #[n(4)]
    pub highest: i64,
    /// How many cells were rounded to these integers.
    #[n(5)]
    pub rounded: u64,
}

/// Where the values of a sealed set lie in its plaintexts.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SetCoding {
    /// Places of its variables in the codebook.
    #[n(0)]
    pub variables: Vec<u16>,
    /// For each ciphertext of a row (or block of rows), the widths of its slots in bits, the lowest slot first.
    #[n(1)]
    pub slots: Vec<Vec<u16>>,
    /// How many of the slots, at the end, hold row tags.
    #[n(2)]
    pub tags: u8,
}

/// What the owner and receivers of figures know of the secret columns. Sealed; parallel to a [`TableSchema`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Codebook {
    /// All variables.
    #[n(0)]
    pub variables: Vec<CodedVariable>,
    /// One for each set of the schema, in its order.
    #[n(1)]
    pub sets: Vec<SetCoding>,
}

impl Codebook {
    /// Reads a codebook and checks that it holds together with its schema.
    ///
    /// # Errors
    /// [`TableError`] names what does not fit.
    pub fn from_bytes(bytes: &[u8], schema: &TableSchema) -> Result<Self, TableError> {
        let codebook: Self = wire::decode("codebook", bytes)?;
        codebook.check(schema)?;
        Ok(codebook)
    }

    /// Its canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Whether it is a codebook of this schema.
    ///
    /// # Errors
    /// [`TableError`] names what does not fit.
    pub fn check(&self, schema: &TableSchema) -> Result<(), TableError> {
        unique(self.variables.iter().map(|variable| &variable.name))?;
        let column = |variable: &CodedVariable| schema.columns.get(usize::from(variable.column));
        let is_secret = |it: &CodedVariable| column(it).is_some_and(|it| it.role == ColumnRole::Secret);
        let refuse = |what| Err(TableError::Codebook(what));
        if !self.variables.iter().all(is_secret) {
            return refuse("a variable is not of a secret column");
        }
        if !self.variables.iter().all(|it| it.coding.is_sound() && it.lowest <= it.highest) {
            return refuse("a variable has no sound scale or range");
        }
        if self.sets.len() != schema.sets.len() {
            return refuse("it has another number of sets");
        }
        self.sets.iter().zip(&schema.sets).try_for_each(|(coding, set)| self.check_set(coding, set))
    }

    fn check_set(&self, coding: &SetCoding, set: &SealedSet) -> Result<(), TableError> {
        let columns: Option<BTreeSet<u16>> = coding
            .variables
            .iter()
            .map(|place| self.variables.get(usize::from(*place)).map(|variable| variable.column))
            .collect();
        if columns != Some(set.columns.iter().copied().collect()) {
            return Err(TableError::Codebook("a set's variables are not those of its columns"));
        }
        let slots: usize = coding.slots.iter().map(Vec::len).sum();
        let wide = |width: &u16| (2..=127).contains(width);
        if slots <= usize::from(coding.tags) || !coding.slots.iter().flatten().all(wide) {
            return Err(TableError::Codebook(
                "a set's slots are not between 2 and 127 bits wide, or are missing",
            ));
        }
        let ciphertexts = coding.slots.len();
        let fits = match set.layout {
            Layout::Cells { ciphertexts: n } | Layout::Moments { ciphertexts: n } => {
                n as usize == ciphertexts
            }
            Layout::Columns { rows } => ciphertexts == 1 && rows as usize + usize::from(coding.tags) == slots,
        };
        if fits {
            Ok(())
        } else {
            Err(TableError::Codebook("a set has another number of ciphertexts or slots"))
        }
    }
}
