//! What an owner's device remembers of the answers about a table: which rows they were about, and how many were given
//! under each grant. It is this device's own count; the cloud's word is not taken for it.

use cowl_domain::{GrantId, ItemId, wire};
use cowl_tables::CohortLedger;
use cowl_vault::{Vault, VaultError};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

/// The answers about one table so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AnswerBook {
    pub(crate) ledger: CohortLedger,
    runs: Vec<(GrantId, u32)>,
}

#[derive(Encode, Decode)]
struct Form {
    #[cbor(n(0))]
    ledger: ByteVec,
    #[n(1)]
    runs: Vec<(GrantId, u32)>,
}

impl AnswerBook {
    /// Of a table of `rows` rows about which nothing was answered, with its owner's minimum.
    pub(crate) fn new(rows: u64, minimum: u32) -> Self {
        Self { ledger: CohortLedger::new(rows, minimum.into()), runs: Vec::new() }
    }

    /// What this device remembers; nothing on a device that has answered nothing.
    ///
    /// # Errors
    /// When what was remembered does not open or is of another table: then nothing must be answered.
    pub(crate) fn load(vault: &Vault, item: &ItemId, rows: u64) -> cowl_vault::Result<Self> {
        let Some(form) = read(vault, item)? else { return Ok(Self::new(rows, 1)) };
        let ledger = CohortLedger::from_bytes(&form.ledger, rows).map_err(|error| damaged(item, &error))?;
        Ok(Self { ledger, runs: form.runs })
    }

    /// How many answers were given under each grant.
    ///
    /// # Errors
    /// As [`AnswerBook::load`].
    pub(crate) fn runs_of(vault: &Vault, item: &ItemId) -> cowl_vault::Result<Vec<(GrantId, u32)>> {
        Ok(read(vault, item)?.map(|form| form.runs).unwrap_or_default())
    }

    /// On disk when it returns.
    ///
    /// # Errors
    /// When the profile cannot be written.
    pub(crate) fn store(&self, vault: &Vault, item: &ItemId) -> cowl_vault::Result<()> {
        let form = Form { ledger: self.ledger.to_bytes().into(), runs: self.runs.clone() };
        vault.remember_answers(item, &wire::encode(&form))
    }

    /// The book after one more answer under these grants.
    pub(crate) fn after(&self, ledger: CohortLedger, grants: &[GrantId]) -> Self {
        let mut runs = self.runs.clone();
        for grant in grants {
            match runs.iter_mut().find(|(known, _)| known == grant) {
                Some((_, runs)) => *runs = runs.saturating_add(1),
                None => runs.push((*grant, 1)),
            }
        }
        Self { ledger, runs }
    }
}

fn read(vault: &Vault, item: &ItemId) -> cowl_vault::Result<Option<Form>> {
    let bytes = vault.remembered_answers(item)?;
    let read =
        |bytes: Vec<u8>| wire::decode("answers about a table", &bytes).map_err(|error| damaged(item, &error));
    bytes.map(read).transpose()
}

fn damaged(item: &ItemId, error: &wire::WireError) -> VaultError {
    VaultError::Invalid(format!("what is remembered of answers about table {item} does not hold: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_counts_for_the_grants_that_it_was_given_under() {
        let [one, other] = [1, 2].map(|number| GrantId::from_bytes([number; 16]));
        let book = AnswerBook::new(100, 5);
        let book = book.after(book.ledger.clone(), &[one]);
        let book = book.after(book.ledger.clone(), &[one, other]);
        assert_eq!(book.runs, [(one, 2), (other, 1)]);
        assert_eq!(book.ledger.minimum(), 5);
    }
}
