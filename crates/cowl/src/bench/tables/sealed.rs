//! A table sealed into its file in memory, asked as the cloud is asked, and opened with all checks.

use std::sync::{Arc, OnceLock};

use cowl_crypto::secret::Secret;
use cowl_paillier::{KeySize, Timing};
use cowl_paillier_secret::SecretKey;
use cowl_query::parquet::TableFile;
use cowl_query::{
    Answer, Catalog, CiphertextPages, EngineLimits, GrantedTable, Query, Released, SelectionEngine,
    SqliteEngine, encrypted_sums, parse,
};
use cowl_tables::coding::{LayoutChoice, PreparedTable, SetChoice};
use cowl_tables::opener::{Opener, OpenerTable};
use cowl_tables::seal::{Encryption, SealedNotes, TableSealer};
use cowl_tables::{CohortLedger, OpenerSecrets, QueryResult};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;

use crate::failure::{Failure, Result};

/// What the table is called in queries.
pub(super) const NAME: &str = "stays";

/// The key of all tables of this bench, made when it is first wanted.
pub(super) fn key_of_2048_bits() -> Arc<SecretKey> {
    static KEY: OnceLock<Arc<SecretKey>> = OnceLock::new();
    KEY.get_or_init(|| Arc::new(SecretKey::generate(KeySize::Bits2048, &mut UnwrapErr(SysRng)))).clone()
}

/// All secret columns in one set.
pub(super) fn one_set(table: &PreparedTable, layout: LayoutChoice) -> SetChoice {
    let secret = table.columns.iter().filter(|column| column.role == cowl_domain::table::ColumnRole::Secret);
    SetChoice { name: "all".into(), layout, columns: secret.map(|column| column.name.clone()).collect() }
}

/// A table as the cloud has it, and what its opener has besides.
pub(super) struct SealedTable {
    file: TableFile<Vec<u8>>,
    opener: OpenerTable,
    catalog: Catalog,
}

impl SealedTable {
    /// Seals a table.
    ///
    /// # Errors
    /// A table that cannot be sealed.
    pub(super) fn seal(table: &PreparedTable, set: SetChoice, encryption: Encryption) -> Result<Self> {
        let tokens = Secret::new([0; 32]);
        let sealer = TableSealer::new(table, &[set], key_of_2048_bits(), &tokens).map_err(fault)?;
        // Both would be sealed: nobody reads them but this process.
        let (codebook, secrets) = (sealer.codebook().to_bytes(), sealer.secrets().to_bytes());
        let notes = SealedNotes { codebook: &codebook, opener: &[] };
        let (file, schema) = sealer.write(Vec::new(), notes, encryption, &|_, _| {}).map_err(fault)?;
        let file = TableFile::open(file).map_err(fault)?;
        let clear = Arc::new(file.clear_table(NAME).map_err(fault)?);
        let secrets = OpenerSecrets::from_bytes(&secrets).map_err(fault)?;
        let opener = OpenerTable::new(clear, sealer.codebook().clone(), secrets).map_err(fault)?;
        let catalog = Catalog { tables: vec![GrantedTable { name: NAME.into(), schema }] };
        Ok(Self { file, opener, catalog })
    }

    /// How many ciphertexts a row has.
    pub(super) fn ciphertexts(&self) -> u32 {
        self.file.pages(0).map_or(0, |pages| pages.columns())
    }

    /// A query from its text.
    ///
    /// # Errors
    /// A query that is refused.
    pub(super) fn query(&self, sql: &str) -> Result<Query> {
        parse(sql, &self.catalog).map_err(fault)
    }

    /// The database in which rows are found; the cloud builds it for each query.
    ///
    /// # Errors
    /// Those of the engine.
    pub(super) fn engine(&self) -> Result<SqliteEngine> {
        SqliteEngine::build(vec![self.opener.clear().clone()], EngineLimits::default()).map_err(fault)
    }

    /// The rows of each group.
    ///
    /// # Errors
    /// Those of the engine.
    pub(super) fn select(&self, engine: &SqliteEngine, query: &Query) -> Result<Released> {
        Ok(engine.select(query).map_err(fault)?.release(query, 1))
    }

    /// The encrypted sums of the rows of each group.
    ///
    /// # Errors
    /// A table that is damaged.
    pub(super) fn sum(&self, query: &Query, released: Released) -> Result<Answer> {
        let pages = self.file.pages(0);
        let set = |_: u16| pages.as_ref().map(|pages| pages as &dyn CiphertextPages);
        encrypted_sums(query, released, self.file.key(), set).map_err(fault)
    }

    /// All of the cloud's work for a query, and the query.
    ///
    /// # Errors
    /// As its parts.
    pub(super) fn ask(&self, sql: &str) -> Result<(Query, Answer)> {
        let query = self.query(sql)?;
        let released = self.select(&self.engine()?, &query)?;
        let answer = self.sum(&query, released)?;
        Ok((query, answer))
    }

    /// The opener's work: selects again, compares, opens, checks tags, makes the figures.
    ///
    /// # Errors
    /// An answer that is not that of the rows.
    pub(super) fn open(&self, query: &Query, answer: &Answer) -> Result<QueryResult> {
        let opener = Opener { table: &self.opener, joined: &[], minimum_cohort: 1, timing: Timing::Constant };
        let ledger = CohortLedger::new(self.opener.schema().rows, 1);
        Ok(opener.open(query, answer, &ledger).map_err(fault)?.result)
    }
}

/// What is wrong, in words.
pub(super) fn fault(error: impl std::fmt::Display) -> Failure {
    Failure::no(error.to_string())
}
