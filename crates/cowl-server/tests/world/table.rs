//! A hospital's sealed table, and a researcher who may ask about it.

use cowl_api::ClientError;
use cowl_api::types::{JobResult, JobView, NewConsent, NewGrants, NewJob, Settlement};
use cowl_crypto::digest::Digest;
use cowl_crypto::id::random_bytes;
use cowl_domain::table::{Column, ColumnRole, ColumnType, Layout, SealedSet, TableSchema};
use cowl_domain::{
    AdditiveHeader, GrantId, JobId, PartEntry, PartName, Power, RecordId, Scope, Signed, Timestamp,
};
use cowl_job::{ConsentRef, ConsentStatement, Evidence, JobItem, JobSpec, Seat};
use cowl_paillier::{Plaintext, PublicKey, encrypt_textbook};
use cowl_query::parquet::{TableFileWriter, TableHead};
use cowl_query::{Catalog, Cell, ClearColumn, ClearTable, GrantedTable, Query, parse};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;

#[path = "../../../cowl-query/tests/paillier_oracle/mod.rs"]
mod paillier_oracle;

pub(crate) use paillier_oracle::opened;

use super::{OwnedRecord, Person, SealedItem, compute_grant_of};

/// Rows: 25 of ward A, 12 of ward B, 3 of ward C. The secret column holds the row's number.
pub(crate) const ROWS: u64 = 40;

/// A sealed table that stands for itself.
pub(crate) struct Table {
    pub(crate) schema: TableSchema,
    pub(crate) item: SealedItem,
}

impl Table {
    pub(crate) fn seal(record: RecordId) -> Self {
        Self::of_patients(record, ROWS)
    }

    /// The same rows about so many patients, each with the same token wherever it stands.
    pub(crate) fn of_patients(record: RecordId, patients: u64) -> Self {
        let clear = clear_table(patients);
        let file = file_of(&clear);
        Self { schema: clear.schema().clone(), item: item_of(record, &file) }
    }

    /// An item of suite `additive` that is no table.
    pub(crate) fn of_bytes(record: RecordId, bytes: &[u8]) -> Self {
        Self { schema: clear_table(ROWS).schema().clone(), item: item_of(record, bytes) }
    }
}

fn key() -> PublicKey {
    PublicKey::from_bytes(include_bytes!("../../../../vectors/paillier/public-2048.cbor")).unwrap()
}

fn clear_table(patients: u64) -> ClearTable {
    let column = |name: &str, role, kind| Column { name: name.to_owned(), role, kind };
    let set =
        SealedSet { name: "stay".to_owned(), layout: Layout::Cells { ciphertexts: 1 }, columns: vec![2] };
    let schema = TableSchema {
        rows: ROWS,
        columns: vec![
            column("ward", ColumnRole::Open, ColumnType::Category),
            column("patient", ColumnRole::Token, ColumnType::Text),
            column("los", ColumnRole::Secret, ColumnType::Integer),
        ],
        sets: vec![set],
        key: Digest::from_bytes(*key().digest().as_bytes()),
        codebook: Digest::of(b"sealed codebook"),
    };
    let ward =
        |row: u64| Cell::Text(["A", "B", "C"][usize::from(row >= 25) + usize::from(row >= 37)].to_owned());
    let token = |row: u64| Cell::Token(Digest::of(&(row % patients).to_be_bytes()).as_bytes()[..16].to_vec());
    let columns = vec![
        ClearColumn { place: 0, cells: (0..ROWS).map(ward).collect() },
        ClearColumn { place: 1, cells: (0..ROWS).map(token).collect() },
    ];
    ClearTable::new("stays", schema, columns).unwrap()
}

fn file_of(clear: &ClearTable) -> Vec<u8> {
    let key = key();
    let plaintexts: Vec<_> = (0..ROWS).map(Plaintext::from_u64).collect();
    let ciphertexts = encrypt_textbook(&key, &plaintexts, &mut UnwrapErr(SysRng)).unwrap();
    let head = TableHead {
        key: &key,
        sealed_codebook: b"sealed codebook",
        sealed_opener: b"sealed secrets",
        columns: &[1],
    };
    let mut writer = TableFileWriter::new(Vec::new(), clear, head).unwrap();
    assert_eq!(writer.next_rows(), Some(0..ROWS));
    writer.write_group(&[vec![ciphertexts.to_rows(&key).unwrap()]]).unwrap();
    writer.finish().unwrap()
}

fn item_of(record: RecordId, file: &[u8]) -> SealedItem {
    let third = file.len().div_ceil(3).max(1);
    let part = |bytes: &[u8]| {
        (PartName::from_bytes(random_bytes()), Digest::of(bytes), bytes::Bytes::copy_from_slice(bytes))
    };
    let mut parts: Vec<_> = file.chunks(third).map(part).collect();
    let entry = |(name, hash, bytes): &(PartName, Digest, bytes::Bytes)| PartEntry {
        name: *name,
        size: bytes.len() as u64,
        hash: *hash,
    };
    let key_header = b"age-encryption.org/v1 ...".to_vec();
    let header = AdditiveHeader { key_header, parts: parts.iter().map(entry).collect() };
    // They come in an order that says nothing.
    parts.reverse();
    SealedItem::of_parts(record, parts, header.to_bytes())
}

/// A hospital with a sealed table, and a researcher with a grant to compute on it.
pub(crate) struct Study {
    pub(crate) owner: Person,
    pub(crate) asker: Person,
    pub(crate) record: OwnedRecord,
    pub(crate) table: Table,
    pub(crate) grant: GrantId,
}

/// A job as its asker made it.
pub(crate) struct Asked {
    pub(crate) spec: JobSpec,
    pub(crate) query: Query,
}

impl Study {
    pub(crate) async fn begin(owner: Person, asker: Person, runs: Option<u32>) -> Self {
        Self::with_table(owner, asker, runs, Table::seal).await
    }

    pub(crate) async fn with_table(
        owner: Person,
        asker: Person,
        runs: Option<u32>,
        table: impl FnOnce(RecordId) -> Table,
    ) -> Self {
        let mut record = OwnedRecord::create(&owner).await;
        let table = table(record.id);
        record.put(&owner, &table.item).await;
        let mut study = Self { owner, asker, record, table, grant: GrantId::from_bytes([0; 16]) };
        study.grant = study.give(runs, None).await;
        study
    }

    pub(crate) async fn give(&self, runs: Option<u32>, expires_at: Option<Timestamp>) -> GrantId {
        let scope = Scope::Item(self.table.item.id);
        let (id, new) = compute_grant_of(&self.owner, &self.record, scope, &self.asker, runs, expires_at);
        self.owner.client.make_grants(&NewGrants { grants: vec![new] }).await.unwrap();
        id
    }

    pub(crate) fn job_item(&self, table: &Table) -> JobItem {
        JobItem {
            record: self.record.id,
            owner: self.owner.party(),
            item: table.item.id,
            version: 0,
            placement: table.item.digest(&self.owner),
            size: table.item.placement.size,
        }
    }

    /// A job over two tables, under a grant on the record.
    pub(crate) async fn joined(&mut self, visits: &Table, sql: &str) -> Asked {
        self.record.put(&self.owner, &visits.item).await;
        let (grant, new) =
            compute_grant_of(&self.owner, &self.record, Scope::Record, &self.asker, None, None);
        self.owner.client.make_grants(&NewGrants { grants: vec![new] }).await.unwrap();
        let mut asked = self.draft("SELECT count(*) FROM stays");
        let granted = |(name, table): (&str, &Table)| GrantedTable {
            name: name.to_owned(),
            schema: table.schema.clone(),
        };
        let tables = [("stays", &self.table), ("visits", visits)].into_iter().map(granted).collect();
        asked.query = parse(sql, &Catalog { tables }).unwrap();
        asked.spec.program = asked.query.digest();
        asked.spec.items.push(self.job_item(visits));
        asked.spec.grants = vec![grant];
        self.ask(&asked).await.unwrap();
        asked
    }

    /// A fresh job of the asker's.
    pub(crate) fn draft(&self, sql: &str) -> Asked {
        let granted = GrantedTable { name: "stays".to_owned(), schema: self.table.schema.clone() };
        let query = parse(sql, &Catalog { tables: vec![granted] }).unwrap();
        let spec = JobSpec {
            job: JobId::from_bytes(random_bytes()),
            technique: "additive-he".parse().unwrap(),
            program: query.digest(),
            power: Power::Compute,
            items: vec![self.job_item(&self.table)],
            grants: vec![self.grant],
            receivers: vec![self.asker.party()],
        };
        Asked { spec, query }
    }

    pub(crate) async fn ask(&self, asked: &Asked) -> Result<JobView, ClientError> {
        asked.send(&self.asker).await
    }

    pub(crate) async fn asked(&self, sql: &str) -> Asked {
        let asked = self.draft(sql);
        self.ask(&asked).await.unwrap();
        asked
    }

    pub(crate) fn consent_to(&self, asked: &Asked, expires_at: Timestamp) -> ConsentStatement {
        ConsentStatement {
            job: asked.spec.job,
            seat: Seat::Opener,
            party: self.owner.party(),
            spec: asked.spec.digest(),
            plan: Digest::of(b"plan"),
            peers: Vec::new(),
            made_at: Timestamp::from_millis(6),
            expires_at,
            nonce: random_bytes(),
        }
    }

    /// Consents for a day of `now`; returns the digest that evidence names.
    pub(crate) async fn consent(&self, asked: &Asked, now: Timestamp) -> Result<Digest, ClientError> {
        let consent = self.owner.sign(&self.consent_to(asked, now.plus_seconds(86_400)));
        let digest = Signed::<ConsentStatement>::from_bytes(&consent.0).unwrap().digest();
        self.owner.client.consent_to_job(&asked.spec.job, &NewConsent { consent }).await?;
        Ok(digest)
    }

    pub(crate) fn evidence(&self, asked: &Asked, consent: Digest) -> Evidence {
        let (spec, party, seat) = (&asked.spec, self.owner.party(), Seat::Opener);
        Evidence {
            job: spec.job,
            spec: spec.digest(),
            plan: Digest::of(b"plan"),
            technique: spec.technique.clone(),
            program: spec.program,
            seat,
            party,
            consents: vec![ConsentRef { seat, party, consent }],
            inputs: Vec::new(),
            outputs: Vec::new(),
            proof: Vec::new(),
            settled_at: Timestamp::from_millis(7),
        }
    }

    pub(crate) fn settlement(&self, asked: &Asked, consent: Digest) -> Settlement {
        let sealed = b"sealed figures".to_vec().into();
        let results = vec![JobResult { receiver: self.asker.party().to_string(), sealed }];
        Settlement { results, evidence: self.owner.sign(&self.evidence(asked, consent)) }
    }
}

impl Asked {
    pub(crate) fn body(&self, asker: &Person) -> NewJob {
        NewJob { spec: asker.sign(&self.spec), program: self.query.to_bytes().into() }
    }

    pub(crate) async fn send(&self, asker: &Person) -> Result<JobView, ClientError> {
        asker.client.make_job(&self.body(asker)).await
    }
}
