//! A table that is really sealed, and everybody around it: owner, cloud, asker.

use std::path::PathBuf;
use std::sync::Arc;

use cowl_crypto::secret::Secret;
use cowl_domain::table::{Codebook, ColumnRole};
use cowl_paillier::{Timing, VariableTime};
use cowl_paillier_secret::SecretKey;
use cowl_query::parquet::TableFile;
use cowl_query::{
    Answer, Catalog, ClearTable, EngineLimits, GrantedTable, Query, SelectionEngine, SqliteEngine,
    encrypted_sums, parse,
};
use cowl_tables::coding::{ColumnChoice, LayoutChoice, PreparedTable, SetChoice, prepare};
use cowl_tables::import::{CsvOptions, MissingWords, RawTable, read_csv};
use cowl_tables::{
    CohortLedger, Encryption, OpenError, Opened, Opener, OpenerSecrets, OpenerTable, SealedNotes, TableSealer,
};

const SAMPLE: &str = "../../samples/tables/pn2012.csv";
pub(crate) const MODEL: [&str; 7] = ["Age", "SysABP", "Height", "Weight", "MechVent", "ICU", "LOS"];

/// Tests are alone on their machine.
pub(crate) fn timing() -> Timing {
    Timing::Variable(VariableTime::on_a_machine_of_the_owner_alone())
}

pub(crate) fn test_key() -> Arc<SecretKey> {
    let bytes = include_bytes!("../../../../vectors/paillier/secret-2048.cbor");
    Arc::new(SecretKey::from_bytes(bytes).unwrap())
}

/// The first rows of the sample.
pub(crate) fn sample(rows: usize) -> RawTable {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(SAMPLE);
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = text.lines().take(rows + 1).collect();
    let missing = MissingWords::with(Vec::<String>::new());
    read_csv(lines.join("\n").as_bytes(), &CsvOptions { missing, ..CsvOptions::default() }).unwrap()
}

/// `death` is open; what a model takes is secret.
pub(crate) fn prepared(rows: usize) -> PreparedTable {
    let open = ColumnChoice::new("death", ColumnRole::Open);
    let secret = MODEL.map(|name| ColumnChoice::new(name, ColumnRole::Secret));
    prepare(&sample(rows), &[&[open][..], &secret].concat()).unwrap()
}

pub(crate) fn set(name: &str, layout: LayoutChoice, columns: &[&str]) -> SetChoice {
    SetChoice { name: name.into(), layout, columns: columns.iter().map(|name| (*name).into()).collect() }
}

/// The sets of the tests: a model of all, and cells of two.
pub(crate) fn sets() -> Vec<SetChoice> {
    vec![
        set("model", LayoutChoice::Moments, &MODEL),
        set("cells", LayoutChoice::Cells, &["Age", "LOS"]),
        set("scores", LayoutChoice::Columns { weight: 50 }, &["Age", "MechVent"]),
    ]
}

/// The file of a table, and what its owner keeps.
pub(crate) struct Sealed {
    pub(crate) file: Vec<u8>,
    pub(crate) opener: OpenerTable,
}

pub(crate) fn seal(table: &PreparedTable, sets: &[SetChoice]) -> Sealed {
    let sealer = TableSealer::new(table, sets, test_key(), &Secret::new([7; 32])).unwrap();
    // The test seals neither codebook nor secrets; that is the vault's work.
    let (codebook, secrets) = (sealer.codebook().to_bytes(), sealer.secrets().to_bytes());
    let notes = SealedNotes { codebook: &codebook, opener: &secrets };
    let (file, _) = sealer.write(Vec::new(), notes, Encryption::Owner(timing()), &|_, _| ()).unwrap();
    let opener = opener_table(&file);
    Sealed { file, opener }
}

/// What the owner reads back.
pub(crate) fn opener_table(file: &[u8]) -> OpenerTable {
    let read = TableFile::open(file.to_vec()).unwrap();
    let codebook = Codebook::from_bytes(read.sealed_codebook(), read.schema()).unwrap();
    let secrets = OpenerSecrets::from_bytes(read.sealed_opener()).unwrap();
    OpenerTable::new(Arc::new(read.clear_table("stays").unwrap()), codebook, secrets).unwrap()
}

impl Sealed {
    pub(crate) fn catalog(&self) -> Catalog {
        let schema = self.opener.schema().clone();
        Catalog { tables: vec![GrantedTable { name: "stays".into(), schema }] }
    }

    pub(crate) fn parse(&self, sql: &str) -> Query {
        parse(sql, &self.catalog()).unwrap()
    }

    pub(crate) fn ledger(&self) -> CohortLedger {
        CohortLedger::new(self.opener.schema().rows, 10)
    }

    pub(crate) fn opener(&self, minimum_cohort: u64) -> Opener<'_> {
        Opener { table: &self.opener, joined: &[], minimum_cohort, timing: timing() }
    }

    /// What an honest cloud answers.
    pub(crate) fn answer(&self, query: &Query, minimum: u64) -> Answer {
        answer(&self.file, query, minimum)
    }

    /// A query that is asked, added and opened.
    pub(crate) fn ask(&self, sql: &str, ledger: &CohortLedger) -> Result<Opened, OpenError> {
        let query = self.parse(sql);
        self.opener(10).open(&query, &self.answer(&query, 10), ledger)
    }
}

/// What a cloud that has only the file answers.
pub(crate) fn answer(file: &[u8], query: &Query, minimum: u64) -> Answer {
    let file = TableFile::open(file.to_vec()).unwrap();
    let clear: Arc<ClearTable> = Arc::new(file.clear_table("stays").unwrap());
    let engine = SqliteEngine::build(vec![clear], EngineLimits::default()).unwrap();
    let released = engine.select(query).unwrap().release(query, minimum);
    let pages: Vec<_> = (0..file.schema().sets.len() as u16).map(|set| file.pages(set).unwrap()).collect();
    encrypted_sums(query, released, file.key(), |set| Some(&pages[usize::from(set)])).unwrap()
}
