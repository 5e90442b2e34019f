//! One computation: the rows of the query found, small groups left out, the ciphertexts of the others multiplied.

use std::fs::File;
use std::sync::Arc;

use cowl_domain::table::TableSchema;
use cowl_query::parquet::{FileSource, TableFile};
use cowl_query::{
    Answer, Catalog, CiphertextPages, EngineLimits, GrantedTable, Query, QueryRefusal, Released,
    SelectionEngine, SqliteEngine, encrypted_sums,
};

use super::engines::{EngineKey, Engines};
use super::failure::TableFailure;
use super::version::TableVersion;

/// A query over tables that have been put together.
pub(super) struct Computation {
    /// The query's canonical bytes.
    pub(super) program: Vec<u8>,
    /// The fewest rows of a group whose sums leave.
    pub(super) minimum: u32,
    /// What finding the rows may cost.
    pub(super) limits: EngineLimits,
    /// Engines from queries before.
    pub(super) engines: Arc<Engines>,
}

/// A table of the query.
struct Table {
    version: TableVersion,
    file: TableFile<FileSource>,
}

impl Computation {
    /// The answer, the same for the same files. With each file comes what it is of.
    ///
    /// # Errors
    /// [`TableFailure`] names what does not hold.
    pub(super) fn run(&self, files: Vec<(TableVersion, File)>) -> Result<Answer, TableFailure> {
        let tables = files.into_iter().map(open).collect::<Result<Vec<_>, _>>()?;
        let query = self.check(&tables)?;
        let released = self.select(&query, &tables)?;
        let first = tables.first().ok_or(QueryRefusal::Malformed("it names no table"))?;
        let sets: Vec<_> = (0..).map_while(|set| first.file.pages(set)).collect();
        let pages = |set: u16| sets.get(usize::from(set)).map(|pages| pages as &dyn CiphertextPages);
        Ok(encrypted_sums(&query, released, first.file.key(), pages)?)
    }

    /// The query again, against the schemas of these very files.
    fn check(&self, tables: &[Table]) -> Result<Query, TableFailure> {
        let query = Query::decode(&self.program)?;
        let granted = |(table, named): (&Table, &cowl_query::QueryTable)| GrantedTable {
            name: named.name.clone(),
            schema: table.file.schema().clone(),
        };
        query.check(&Catalog { tables: tables.iter().zip(&query.tables).map(granted).collect() })?;
        Ok(query)
    }

    fn select(&self, query: &Query, tables: &[Table]) -> Result<Released, TableFailure> {
        let names = query.tables.iter().map(|table| table.name.clone());
        let key: EngineKey = tables.iter().map(|table| table.version).zip(names).collect();
        let bytes = tables.iter().map(|table| clear_bytes(table.file.schema())).fold(0, u64::saturating_add);
        let engine = match self.engines.get(&key) {
            Some(engine) => engine,
            None => self.build(key, bytes, tables)?,
        };
        Ok(engine.select(query)?.release(query, self.minimum.into()))
    }

    /// A file of a few bytes can hold very many missing cells, so they are counted before memory is taken for them.
    fn build(&self, key: EngineKey, bytes: u64, tables: &[Table]) -> Result<Arc<SqliteEngine>, TableFailure> {
        if bytes > self.limits.bytes {
            let what = "bytes in open and token columns";
            return Err(TableFailure::TooLarge { what, most: self.limits.bytes });
        }
        let clear =
            key.iter().zip(tables).map(|((_, name), table)| table.file.clear_table(name).map(Arc::new));
        let engine = Arc::new(SqliteEngine::build(clear.collect::<Result<_, _>>()?, self.limits)?);
        self.engines.put(key, bytes, Arc::clone(&engine));
        Ok(engine)
    }
}

/// At least so many bytes do the open and token columns of such a table take in memory.
fn clear_bytes(schema: &TableSchema) -> u64 {
    let columns = schema.clear_columns().count();
    schema.rows.saturating_mul(columns as u64).saturating_mul(size_of::<cowl_query::Cell>() as u64)
}

fn open((version, file): (TableVersion, File)) -> Result<Table, TableFailure> {
    Ok(Table { version, file: TableFile::open(FileSource::new(file)?)? })
}
