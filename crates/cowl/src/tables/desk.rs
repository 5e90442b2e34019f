//! What the technique of additive encryption sees of an owner's vault while it answers one job.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;
use cowl_crypto::digest::Digest;
use cowl_domain::table::Codebook;
use cowl_domain::{GrantId, ItemId, JobId, PartyId, Power, Signed};
use cowl_job::{ConsentStatement, ItemSink, ItemWriter, JobItem, JobSpec, PortError, ResultItem};
use cowl_query::parquet::TableFile;
use cowl_query::{Query, ScoreProgram};
use cowl_seal::sealed_box;
use cowl_tables::result::QueryResult;
use cowl_tables::technique::{CohortStore, QueryCloud, ScoreCloud, StoreError, TableKeys};
use cowl_tables::{CohortLedger, OpenerSecrets, OpenerTable};
use cowl_vault::job::JobInfo;
use cowl_vault::view::GrantInfo;
use cowl_vault::{Vault, VaultError};

use super::book::AnswerBook;
use super::source::TableSource;
use super::{codebook_context, opener_context};
use crate::failure::Result;

/// Tables that were opened lately, by their placements and the names that queries have for them.
#[derive(Default)]
pub(crate) struct OpenedTables(Mutex<VecDeque<(Digest, String, Arc<OpenerTable>)>>);

impl OpenedTables {
    fn find(&self, placement: &Digest, name: &str) -> Option<Arc<OpenerTable>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(known, called, _)| known == placement && called == name).map(|(.., it)| it.clone())
    }

    fn keep(&self, placement: Digest, name: &str, table: Arc<OpenerTable>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        kept.push_back((placement, name.to_owned(), table));
    }
}

/// Results, each for its receiver.
type Results = Vec<(PartyId, Vec<u8>)>;

/// The ports of one job.
pub(crate) struct Desk {
    vault: Arc<Vault>,
    job: JobId,
    grants: Vec<GrantInfo>,
    opened: Arc<OpenedTables>,
    consent: OnceLock<Signed<ConsentStatement>>,
    results: Arc<Mutex<Results>>,
}

impl Desk {
    pub(crate) async fn new(vault: &Arc<Vault>, job: &JobInfo, opened: &Arc<OpenedTables>) -> Result<Self> {
        let mut grants = vault.grants().await?;
        grants
            .retain(|grant| job.spec.grants.contains(&grant.grant) && grant.powers.contains(Power::Compute));
        Ok(Self {
            vault: Arc::clone(vault),
            job: job.job,
            grants,
            opened: Arc::clone(opened),
            consent: OnceLock::new(),
            results: Arc::default(),
        })
    }

    /// The fewest rows that a figure may be about, by the strictest of the grants; the owner's own questions have no
    /// bound but the table's.
    pub(crate) fn minimum_cohort(&self) -> u64 {
        let terms = self.grants.iter().filter_map(|grant| grant.compute.as_ref());
        terms.map(|terms| terms.minimum_cohort.into()).max().unwrap_or(1)
    }

    /// A grant under which no more jobs may run, by this device's own count.
    pub(crate) fn used_up(&self, spec: &JobSpec) -> Result<Option<GrantId>> {
        let Some(item) = spec.items.first() else { return Ok(None) };
        let limited =
            self.grants.iter().filter_map(|grant| Some((grant.grant, grant.compute.as_ref()?.runs?)));
        let limited: Vec<(GrantId, u32)> = limited.collect();
        if limited.is_empty() {
            return Ok(None);
        }
        let runs = AnswerBook::runs_of(&self.vault, &item.item)?;
        let spent =
            |grant: &GrantId| runs.iter().find(|(known, _)| known == grant).map_or(0, |(_, runs)| *runs);
        Ok(limited.into_iter().find(|(grant, most)| spent(grant) >= *most).map(|(grant, _)| grant))
    }

    /// From now on the cloud may be told.
    pub(crate) fn consented(&self, consent: Signed<ConsentStatement>) {
        // A desk is for one job, which is consented to once.
        let _ = self.consent.set(consent);
    }

    /// What was put for whom.
    pub(crate) fn results(&self) -> Results {
        self.results.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many groups the receivers get.
    pub(crate) fn groups(&self) -> usize {
        let results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        let first = results.first().and_then(|(_, bytes)| QueryResult::from_bytes(bytes).ok());
        first.map_or(0, |result| result.rows.len())
    }

    async fn tell_consent(&self) -> std::result::Result<(), PortError> {
        let Some(consent) = self.consent.get() else { return Ok(()) };
        self.vault.send_consent(&self.job, consent).await.map_err(unavailable)
    }

    async fn read_table(&self, item: &JobItem, name: &str) -> cowl_vault::Result<Option<OpenerTable>> {
        let reader = self.vault.reader(item.record, item.item).await?;
        if reader.placement() != item.placement {
            return Ok(None);
        }
        let source = TableSource::new(reader);
        tokio::task::block_in_place(|| {
            let file = TableFile::open(source).map_err(|error| damaged(item.item, &error))?;
            open_table(&self.vault, &file, item.item, name)
        })
        .map(Some)
    }
}

/// An own table, with what only its owner can open.
///
/// # Errors
/// [`VaultError`]: it is not as its owner sealed it.
pub(crate) fn open_table(
    vault: &Vault,
    file: &TableFile<TableSource>,
    item: ItemId,
    name: &str,
) -> cowl_vault::Result<OpenerTable> {
    let key = vault.codebook_key(&item);
    let codebook = sealed_box::open(&key, &codebook_context(&item), file.sealed_codebook())
        .map_err(|_| damaged(item, &"its codebook is not its owner's"))?;
    let codebook = Codebook::from_bytes(&codebook, file.schema()).map_err(|error| damaged(item, &error))?;
    let secrets = vault.open_own(item, &opener_context(&item), file.sealed_opener())?;
    let secrets = OpenerSecrets::from_bytes(&secrets).map_err(|error| damaged(item, &error))?;
    let clear = file.clear_table(name).map_err(|error| damaged(item, &error))?;
    OpenerTable::new(Arc::new(clear), codebook, secrets).map_err(|error| damaged(item, &error))
}

fn damaged(item: ItemId, what: &dyn std::fmt::Display) -> VaultError {
    VaultError::Invalid(format!("table {item} does not open: {what}"))
}

#[async_trait]
impl QueryCloud for Desk {
    async fn answer(&self, _: &JobSpec, _: &Query) -> std::result::Result<Vec<u8>, PortError> {
        self.tell_consent().await?;
        self.vault.computed(&self.job).await.map_err(unavailable)
    }
}

#[async_trait]
impl ScoreCloud for Desk {
    async fn scores(&self, _: &JobSpec, program: &ScoreProgram) -> std::result::Result<Vec<u8>, PortError> {
        self.tell_consent().await?;
        self.vault.scored(&self.job, program.to_bytes()).await.map_err(unavailable)
    }
}

#[async_trait]
impl TableKeys for Desk {
    async fn open(&self, item: &JobItem, name: &str) -> std::result::Result<Arc<OpenerTable>, PortError> {
        if let Some(table) = self.opened.find(&item.placement, name) {
            return Ok(table);
        }
        let table = self.read_table(item, name).await.map_err(unavailable)?;
        let table = Arc::new(table.ok_or(PortError::Changed { item: item.item })?);
        self.opened.keep(item.placement, name, Arc::clone(&table));
        Ok(table)
    }
}

#[async_trait]
impl CohortStore for Desk {
    async fn load(&self, item: &JobItem, rows: u64) -> std::result::Result<CohortLedger, PortError> {
        let book = tokio::task::block_in_place(|| AnswerBook::load(&self.vault, &item.item, rows));
        book.map(|book| book.ledger).map_err(unavailable)
    }

    async fn replace(
        &self,
        item: &JobItem,
        before: &CohortLedger,
        after: &CohortLedger,
    ) -> std::result::Result<(), StoreError> {
        let failed = |error: VaultError| StoreError::Unavailable { detail: error.to_string() };
        tokio::task::block_in_place(|| {
            let book = AnswerBook::load(&self.vault, &item.item, before.rows()).map_err(failed)?;
            if book.ledger != *before {
                return Err(StoreError::Changed);
            }
            let grants: Vec<GrantId> = self.grants.iter().map(|grant| grant.grant).collect();
            book.after(after.clone(), &grants).store(&self.vault, &item.item).map_err(failed)
        })
    }
}

#[async_trait]
impl ItemSink for Desk {
    async fn create(&self, result: &ResultItem) -> std::result::Result<Box<dyn ItemWriter>, PortError> {
        let (receiver, results) = (result.receiver, Arc::clone(&self.results));
        Ok(Box::new(ResultWriter { receiver, bytes: Vec::new(), results }))
    }
}

/// A result on its way to be sealed.
struct ResultWriter {
    receiver: PartyId,
    bytes: Vec<u8>,
    results: Arc<Mutex<Results>>,
}

#[async_trait]
impl ItemWriter for ResultWriter {
    async fn write(&mut self, piece: &[u8]) -> std::result::Result<(), PortError> {
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    async fn commit(self: Box<Self>) -> std::result::Result<(), PortError> {
        let Self { receiver, bytes, results } = *self;
        results.lock().unwrap_or_else(PoisonError::into_inner).push((receiver, bytes));
        Ok(())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err hands it over")]
fn unavailable(error: VaultError) -> PortError {
    PortError::Unavailable { detail: error.to_string() }
}

/// Tables that are kept open.
const KEPT: usize = 8;
