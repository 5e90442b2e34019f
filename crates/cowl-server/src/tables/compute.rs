//! One computation: the rows of a query found, small groups left out, the ciphertexts of the others multiplied; or the
//! ciphertexts of columns weighed and multiplied.

use std::fs::File;
use std::sync::Arc;

use cowl_domain::table::TableSchema;
use cowl_query::parquet::{FileSource, TableFile};
use cowl_query::{
    Answer, Catalog, CiphertextPages, EngineLimits, GrantedTable, Query, QueryRefusal, QueryTable, Released,
    ScoreAnswer, ScoreProgram, ScoreRequest, SelectionEngine, SqliteEngine, SumsError, encrypted_scores,
    encrypted_sums,
};

use super::engines::{EngineKey, Engines};
use super::failure::TableFailure;
use super::version::TableVersion;

/// What is to be computed.
pub(crate) enum Work {
    /// Sums of the groups of a query.
    Sums {
        /// The query's canonical bytes.
        query: Vec<u8>,
        /// The fewest rows of a group whose sums leave.
        minimum: u32,
    },
    /// Scores of all rows.
    Scores {
        /// The request's canonical bytes.
        request: Vec<u8>,
        /// The canonical bytes of the program that the owner made of it.
        weights: Vec<u8>,
    },
}

/// Work over tables that have been put together.
pub(super) struct Computation {
    /// What is wanted.
    pub(super) work: Work,
    /// What finding the rows may cost.
    pub(super) limits: EngineLimits,
    /// Engines from queries before.
    pub(super) engines: Arc<Engines>,
}

/// A table of the job.
struct Table {
    version: TableVersion,
    file: TableFile<FileSource>,
}

impl Computation {
    /// The answer's canonical bytes, the same for the same files. With each file comes what it is of.
    ///
    /// # Errors
    /// [`TableFailure`] names what does not hold.
    pub(super) fn run(&self, files: Vec<(TableVersion, File)>) -> Result<Vec<u8>, TableFailure> {
        let tables = files.into_iter().map(open).collect::<Result<Vec<_>, _>>()?;
        match &self.work {
            Work::Sums { query, minimum } => Ok(self.sums(query, *minimum, &tables)?.to_bytes()),
            Work::Scores { request, weights } => Ok(scores(request, weights, &tables)?.to_bytes()),
        }
    }

    fn sums(&self, program: &[u8], minimum: u32, tables: &[Table]) -> Result<Answer, TableFailure> {
        // The query again, against the schemas of these very files.
        let query = Query::decode(program)?;
        query.check(&catalog(&query.tables, tables))?;
        let released = self.select(&query, minimum, tables)?;
        let first = tables.first().ok_or(NO_TABLE)?;
        let sets: Vec<_> = (0..).map_while(|set| first.file.pages(set)).collect();
        let pages = |set: u16| sets.get(usize::from(set)).map(|pages| pages as &dyn CiphertextPages);
        Ok(encrypted_sums(&query, released, first.file.key(), pages)?)
    }

    fn select(&self, query: &Query, minimum: u32, tables: &[Table]) -> Result<Released, TableFailure> {
        let names = query.tables.iter().map(|table| table.name.clone());
        let key: EngineKey = tables.iter().map(|table| table.version).zip(names).collect();
        let bytes = tables.iter().map(|table| clear_bytes(table.file.schema())).fold(0, u64::saturating_add);
        let engine = match self.engines.get(&key) {
            Some(engine) => engine,
            None => self.build(key, bytes, tables)?,
        };
        Ok(engine.select(query)?.release(query, minimum.into()))
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

/// Scores by weights that are of the request, as far as a cloud that cannot read the codebook can tell.
fn scores(request: &[u8], weights: &[u8], tables: &[Table]) -> Result<ScoreAnswer, TableFailure> {
    let request = ScoreRequest::decode(request)?;
    let catalog = catalog(std::slice::from_ref(&request.table), tables);
    request.check(&catalog)?;
    let program = ScoreProgram::from_bytes(weights, &catalog)?;
    if (&program.table, program.set) != (&request.table, request.set) {
        return Err(QueryRefusal::Malformed("the weights are of another table or set than the job").into());
    }
    let file = &tables.first().ok_or(NO_TABLE)?.file;
    let pages = file.pages(program.set).ok_or(SumsError::Set(program.set))?;
    Ok(encrypted_scores(&program, file.key(), &pages)?)
}

/// The tables of a program under its names, with the schemas of these very files.
fn catalog(named: &[QueryTable], tables: &[Table]) -> Catalog {
    let granted = |(table, named): (&Table, &QueryTable)| GrantedTable {
        name: named.name.clone(),
        schema: table.file.schema().clone(),
    };
    Catalog { tables: tables.iter().zip(named).map(granted).collect() }
}

const NO_TABLE: QueryRefusal = QueryRefusal::Malformed("it names no table");

/// At least so many bytes do the open and token columns of such a table take in memory.
fn clear_bytes(schema: &TableSchema) -> u64 {
    let columns = schema.clear_columns().count();
    schema.rows.saturating_mul(columns as u64).saturating_mul(size_of::<cowl_query::Cell>() as u64)
}

fn open((version, file): (TableVersion, File)) -> Result<Table, TableFailure> {
    Ok(Table { version, file: TableFile::open(FileSource::new(file)?)? })
}
