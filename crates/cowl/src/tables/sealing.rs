//! From a prepared table to the file that goes to the cloud.

use std::fs::File;
use std::io::{BufWriter, Seek, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cowl_domain::ItemId;
use cowl_domain::table::TableSchema;
use cowl_paillier_secret::SecretKey;
use cowl_seal::{message, sealed_box};
use cowl_tables::coding::PreparedTable;
use cowl_tables::seal::{Encryption, SealedNotes, TableSealer};
use cowl_vault::{Progress, Vault};

use super::book::AnswerBook;
use super::plan::SealPlan;
use super::{codebook_context, opener_context};
use crate::failure::{Failure, Result};

/// A sealed table on this machine.
pub(crate) struct SealedFile {
    pub(crate) file: File,
    pub(crate) size: u64,
    pub(crate) schema: TableSchema,
}

/// Encrypts a table under `key`; what only its owner may know is sealed to the owner.
///
/// # Errors
/// A set or cell that cannot be; a disk that is full.
pub(crate) fn seal(
    vault: &Vault,
    item: ItemId,
    table: &PreparedTable,
    plan: &SealPlan,
    key: Arc<SecretKey>,
    progress: &dyn Progress,
) -> Result<SealedFile> {
    let bytes = key.public().ciphertext_bytes() as u64;
    let sealer = TableSealer::new(table, &plan.sets, key, &vault.token_secret()).map_err(refused)?;
    let codebook =
        sealed_box::seal(&vault.codebook_key(&item), &codebook_context(&item), &sealer.codebook().to_bytes());
    let opener =
        message::seal_to(&vault.own_recipient(), &opener_context(&item), &sealer.secrets().to_bytes());
    let notes = SealedNotes { codebook: &codebook, opener: &opener };
    let file = tempfile::tempfile_in(vault.profile().dir())?;
    progress.begin("encrypting", sealer.ciphertexts().saturating_mul(bytes));
    let counted = AtomicU64::new(0);
    let tell = |done: u64, _all: u64| {
        let before = counted.fetch_max(done, Ordering::Relaxed);
        progress.advance(done.saturating_sub(before).saturating_mul(bytes));
    };
    let (writer, schema) =
        sealer.write(BufWriter::new(file), notes, Encryption::default(), &tell).map_err(refused)?;
    progress.end();
    let mut file = writer.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    file.flush()?;
    file.rewind()?;
    let size = file.metadata()?.len();
    Ok(SealedFile { file, size, schema })
}

/// What the owner's device remembers of answers, before there are any.
///
/// # Errors
/// When the profile cannot be written.
pub(crate) fn begin_ledger(vault: &Vault, item: ItemId, rows: u64, minimum: u32) -> Result<()> {
    Ok(AnswerBook::new(rows, minimum).store(vault, &item)?)
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err hands it over")]
fn refused(error: cowl_tables::seal::SealError) -> Failure {
    Failure::usage(error.to_string())
}
