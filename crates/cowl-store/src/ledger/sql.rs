//! The little between domain values and rows that both databases have in common.
//!
//! Only what SQLite and PostgreSQL share is used: `$n` placeholders, `ON CONFLICT`, `RETURNING`. A row is
//! locked by updating it, so that no statement exists twice.

use cowl_crypto::digest::Digest;
use cowl_crypto::merkle::Hash;
use cowl_domain::{GrantId, ItemId, JobId, PartName, PartyId, RecordId, RequestId, Timestamp};
use sqlx::any::{Any, AnyArguments, AnyRow};
use sqlx::{AnyConnection, Arguments, AssertSqlSafe, Row, SqlSafeStr};

use crate::error::{Result, StoreError};
use crate::parts::PackKey;

/// A statement with its name in front, so that a slow one names itself in the database's own log.
macro_rules! sql {
    ($name:literal, $($text:literal)+) => {
        concat!("/* ", $name, " */ ", $($text),+)
    };
}
pub(crate) use sql;

/// Arguments of a statement, `$1` first.
macro_rules! args {
    ($($value:expr),* $(,)?) => {{
        #[allow(unused_mut)]
        let mut list = $crate::ledger::sql::List::default();
        $(list.push(&$value);)*
        list
    }};
}
pub(crate) use args;

/// The arguments of one statement.
#[derive(Default)]
pub(crate) struct List(AnyArguments);

impl List {
    pub(crate) fn push<V: Value + ?Sized>(&mut self, value: &V) {
        value.add(&mut self.0);
    }
}

/// What can stand in a column.
pub(crate) trait Value {
    fn add(&self, arguments: &mut AnyArguments);
    fn add_null(arguments: &mut AnyArguments)
    where
        Self: Sized;
}

const ENCODES: &str = "blobs, texts and integers always encode";

macro_rules! values {
    ($($type:ty as $column:ty: |$value:ident| $form:expr;)*) => {$(
        impl Value for $type {
            fn add(&self, arguments: &mut AnyArguments) {
                let $value = self;
                arguments.add::<$column>($form).expect(ENCODES);
            }

            fn add_null(arguments: &mut AnyArguments) {
                arguments.add::<Option<$column>>(None).expect(ENCODES);
            }
        }
    )*};
}

values! {
    u64 as i64: |n| i64::try_from(*n).unwrap_or(i64::MAX);
    i64 as i64: |n| *n;
    u32 as i64: |n| i64::from(*n);
    bool as i64: |flag| i64::from(*flag);
    Timestamp as i64: |at| i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    Vec<u8> as Vec<u8>: |bytes| bytes.clone();
    &[u8] as Vec<u8>: |bytes| bytes.to_vec();
    [u8; 16] as Vec<u8>: |bytes| bytes.to_vec();
    String as String: |text| text.clone();
    &str as String: |text| (*text).to_owned();
    Digest as Vec<u8>: |digest| digest.as_bytes().to_vec();
    Hash as Vec<u8>: |hash| hash.as_bytes().to_vec();
    PartyId as Vec<u8>: |id| id.as_bytes().to_vec();
    RecordId as Vec<u8>: |id| id.as_bytes().to_vec();
    ItemId as Vec<u8>: |id| id.as_bytes().to_vec();
    PartName as Vec<u8>: |id| id.as_bytes().to_vec();
    GrantId as Vec<u8>: |id| id.as_bytes().to_vec();
    RequestId as Vec<u8>: |id| id.as_bytes().to_vec();
    JobId as Vec<u8>: |id| id.as_bytes().to_vec();
    PackKey as Vec<u8>: |key| key.as_bytes().to_vec();
}

impl<V: Value> Value for Option<V> {
    fn add(&self, arguments: &mut AnyArguments) {
        match self {
            Some(value) => value.add(arguments),
            None => V::add_null(arguments),
        }
    }

    fn add_null(arguments: &mut AnyArguments) {
        V::add_null(arguments);
    }
}

impl<V: Value> Value for &V {
    fn add(&self, arguments: &mut AnyArguments) {
        (**self).add(arguments);
    }

    fn add_null(arguments: &mut AnyArguments) {
        V::add_null(arguments);
    }
}

/// All rows.
pub(crate) async fn all(on: &mut AnyConnection, sql: impl SqlSafeStr, list: List) -> Result<Vec<AnyRow>> {
    Ok(sqlx::query_with::<Any, _>(sql, list.0).fetch_all(on).await?)
}

/// The row, if there is one.
pub(crate) async fn optional(
    on: &mut AnyConnection,
    sql: impl SqlSafeStr,
    list: List,
) -> Result<Option<AnyRow>> {
    Ok(sqlx::query_with::<Any, _>(sql, list.0).fetch_optional(on).await?)
}

/// The row; [`StoreError::NotFound`] where there is none.
pub(crate) async fn one(on: &mut AnyConnection, sql: impl SqlSafeStr, list: List) -> Result<AnyRow> {
    optional(on, sql, list).await?.ok_or(StoreError::NotFound)
}

/// How many rows the statement changed.
pub(crate) async fn execute(on: &mut AnyConnection, sql: impl SqlSafeStr, list: List) -> Result<u64> {
    Ok(sqlx::query_with::<Any, _>(sql, list.0).execute(on).await?.rows_affected())
}

/// Rows of a statement with many rows of values go to the database this many at a time: SQLite finds each argument by
/// its name, in time that grows with their number.
const BATCH: usize = 50;

/// Runs `head VALUES (…), (…) tail` for all rows, in batches, and returns what it returns.
pub(crate) async fn insert_many<T>(
    on: &mut AnyConnection,
    head: &str,
    tail: &str,
    rows: &[T],
    list_of: impl Fn(&T, &mut List),
) -> Result<Vec<AnyRow>> {
    let mut returned = Vec::new();
    for batch in rows.chunks(BATCH) {
        let mut list = List::default();
        batch.iter().for_each(|row| list_of(row, &mut list));
        let width = list.0.len() / batch.len();
        let tuples: Vec<String> =
            (0..batch.len()).map(|row| format!("({})", placeholders(row * width + 1, width))).collect();
        let text = format!("{head} VALUES {} {tail}", tuples.join(", "));
        let query = sqlx::query_with::<Any, _>(AssertSqlSafe(text), list.0);
        returned.extend(query.persistent(batch.len() == BATCH).fetch_all(&mut *on).await?);
    }
    Ok(returned)
}

/// Runs `head (…)` where the parentheses hold `values`, in batches; `first` are the arguments before them.
pub(crate) async fn all_in<V: Value>(
    on: &mut AnyConnection,
    head: &str,
    tail: &str,
    first: impl Fn() -> List,
    values: &[V],
) -> Result<Vec<AnyRow>> {
    let mut returned = Vec::new();
    for batch in values.chunks(BATCH) {
        let mut list = first();
        let text = format!("{head} ({}) {tail}", placeholders(list.0.len() + 1, batch.len()));
        batch.iter().for_each(|value| list.push(value));
        let query = sqlx::query_with::<Any, _>(AssertSqlSafe(text), list.0);
        returned.extend(query.persistent(batch.len() == BATCH).fetch_all(&mut *on).await?);
    }
    Ok(returned)
}

fn placeholders(first: usize, count: usize) -> String {
    (first..first + count).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ")
}

/// Columns as domain values.
pub(crate) trait Columns {
    fn maybe_blob(&self, column: &str) -> Result<Option<Vec<u8>>>;
    fn maybe_number(&self, column: &str) -> Result<Option<u64>>;
    fn maybe_text(&self, column: &str) -> Result<Option<String>>;

    fn blob(&self, column: &str) -> Result<Vec<u8>> {
        self.maybe_blob(column)?.ok_or_else(|| damaged(column))
    }

    fn number(&self, column: &str) -> Result<u64> {
        self.maybe_number(column)?.ok_or_else(|| damaged(column))
    }

    fn number32(&self, column: &str) -> Result<u32> {
        u32::try_from(self.number(column)?).map_err(|_| damaged(column))
    }

    fn flag(&self, column: &str) -> Result<bool> {
        Ok(self.number(column)? != 0)
    }

    fn text(&self, column: &str) -> Result<String> {
        self.maybe_text(column)?.ok_or_else(|| damaged(column))
    }

    fn fixed<const N: usize>(&self, column: &str) -> Result<[u8; N]> {
        self.blob(column)?.try_into().map_err(|_| damaged(column))
    }

    fn maybe_fixed<const N: usize>(&self, column: &str) -> Result<Option<[u8; N]>> {
        let blob = self.maybe_blob(column)?;
        blob.map(|bytes| bytes.try_into().map_err(|_| damaged(column))).transpose()
    }
}

impl Columns for AnyRow {
    fn maybe_blob(&self, column: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.try_get(column)?)
    }

    fn maybe_number(&self, column: &str) -> Result<Option<u64>> {
        let number: Option<i64> = self.try_get(column)?;
        number.map(|n| u64::try_from(n).map_err(|_| damaged(column))).transpose()
    }

    fn maybe_text(&self, column: &str) -> Result<Option<String>> {
        Ok(self.try_get(column)?)
    }
}

pub(crate) fn damaged(column: &str) -> StoreError {
    StoreError::Corrupt { what: format!("column {column}") }
}
