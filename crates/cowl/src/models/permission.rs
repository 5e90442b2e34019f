//! What grants allow to run, and how often it was done. The count is that of the model owner's device; nobody else's
//! word is taken for it.

use cowl_domain::{GrantId, Handle, ItemId, OutputReceivers, OutputRule, wire};
use cowl_mpc::technique::check_terms;
use cowl_vault::view::GrantInfo;
use cowl_vault::{Vault, VaultError};
use minicbor::{Decode, Encode};

use super::catalog::{KnownModel, runs_models};
use crate::failure::{Failure, Result};
use crate::infer::wire::Leave;
use crate::size::count;

/// A run that is asked for.
pub(crate) struct Asked<'a> {
    /// The model.
    pub(crate) model: ItemId,
    /// Whose it is.
    pub(crate) owner: &'a Handle,
    /// Who brings the input.
    pub(crate) data_owner: &'a Handle,
    /// What is told of the output.
    pub(crate) output: OutputRule,
    /// To whom.
    pub(crate) receivers: OutputReceivers,
    /// Under which grant; any will do where none is named.
    pub(crate) under: Option<GrantId>,
}

/// The grant in force under which a run may be made; one with runs left, if there is one.
///
/// # Errors
/// When there is none, or none that goes so far: what is in the way of the first.
pub(crate) async fn find(vault: &Vault, asked: &Asked<'_>) -> Result<GrantInfo> {
    let (mut refusal, mut spent) = (None, None);
    for grant in vault.grants().await? {
        let fits = grant.owner == *asked.owner
            && grant.grantee == *asked.data_owner
            && asked.under.is_none_or(|under| under == grant.grant)
            && grant.scope.item().is_none_or(|item| item == asked.model);
        let (true, true, Some(terms)) = (fits, runs_models(&grant), &grant.compute) else { continue };
        match check_terms(grant.grant, terms, asked.output, asked.receivers) {
            Ok(()) if left(vault, &asked.model, &grant)? == Some(0) => spent = spent.or(Some(grant)),
            Ok(()) => return Ok(grant),
            Err(error) => refusal = refusal.or(Some(error)),
        }
    }
    if let Some(grant) = spent {
        return Ok(grant);
    }
    let none = || format!("{} has no grant from {} to run this model", asked.data_owner, asked.owner);
    let text = refusal.map_or_else(none, |refusal| refusal.to_string());
    Err(Failure::no(text).with_hint("its owner gives one: cowl grant make --power compute --technique mpc …"))
}

/// What a data owner shows the dealer: the model as an item, and the newest grant that goes far enough; any where none
/// does: the model's owner says what is missing.
///
/// # Errors
/// Without any grant; those of the vault.
pub(crate) async fn leave(
    vault: &Vault,
    known: &KnownModel,
    output: OutputRule,
    receives: OutputReceivers,
) -> Result<Leave> {
    let goes_far_enough = |grant: &&GrantInfo| {
        let terms = grant.compute.as_ref();
        terms.is_some_and(|terms| check_terms(grant.grant, terms, output, receives).is_ok())
    };
    let fitting = known.grants.iter().filter(goes_far_enough).max_by_key(|grant| grant.made_at);
    let grant = fitting.or(known.grants.first());
    let grant = grant.ok_or_else(|| {
        Failure::no(format!("you have no grant to run '{}'", known.info.label.name))
            .with_hint("its owner gives one: cowl grant make --power compute --technique mpc …")
    })?;
    let item = vault.job_item(known.info.record, known.info.item).await?;
    Ok(Leave { item, grant: vault.signed_grant(&grant.grant).await?.to_bytes() })
}

/// How many runs were made under a grant, by this device's count.
///
/// # Errors
/// When what is remembered does not open.
pub(crate) fn made(vault: &Vault, model: &ItemId, grant: &GrantId) -> Result<u32> {
    Ok(RunBook::load(vault, model)?.runs_of(grant))
}

/// How many runs are left under a grant, by this device's count; `None` where there is no bound.
///
/// # Errors
/// When what is remembered does not open: then nothing must be run.
pub(crate) fn left(vault: &Vault, model: &ItemId, grant: &GrantInfo) -> Result<Option<u32>> {
    let Some(most) = grant.compute.as_ref().and_then(|terms| terms.runs) else { return Ok(None) };
    Ok(Some(most.saturating_sub(made(vault, model, &grant.grant)?)))
}

/// Counts one more run of an own model under a grant. On disk when it returns.
///
/// # Errors
/// When the grant's runs are used up; when the profile cannot be read or written.
pub(crate) fn use_up(vault: &Vault, model: &ItemId, grant: &GrantInfo) -> Result<()> {
    let _held = vault.hold_answers(model)?;
    let mut book = RunBook::load(vault, model)?;
    let most = grant.compute.as_ref().and_then(|terms| terms.runs);
    if let Some(most) = most.filter(|most| book.runs_of(&grant.grant) >= *most) {
        let (grant, runs) = (&grant.grant.to_string()[..SHORT], count(most.into(), "run"));
        return Err(Failure::no(format!("grant {grant} allows {runs}, and they are used up")));
    }
    book.add(&grant.grant);
    Ok(vault.remember_answers(model, &wire::encode(&book))?)
}

/// The runs of one model, by grant.
#[derive(Debug, Default, PartialEq, Eq, Encode, Decode)]
struct RunBook {
    #[n(0)]
    runs: Vec<(GrantId, u32)>,
}

impl RunBook {
    fn load(vault: &Vault, model: &ItemId) -> Result<Self> {
        let Some(bytes) = vault.remembered_answers(model)? else { return Ok(Self::default()) };
        wire::decode("runs of a model", &bytes).map_err(|error| {
            let what = format!("what is remembered of runs of model {model} does not hold: {error}");
            VaultError::Invalid(what).into()
        })
    }

    fn runs_of(&self, grant: &GrantId) -> u32 {
        self.runs.iter().find(|(known, _)| known == grant).map_or(0, |(_, runs)| *runs)
    }

    fn add(&mut self, grant: &GrantId) {
        match self.runs.iter_mut().find(|(known, _)| known == grant) {
            Some((_, runs)) => *runs = runs.saturating_add(1),
            None => self.runs.push((*grant, 1)),
        }
    }
}

/// Letters of an identifier in texts.
const SHORT: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_grant_has_a_count_of_its_own() {
        let [one, other] = [1, 2].map(|number| GrantId::from_bytes([number; 16]));
        let mut book = RunBook::default();
        [&one, &other, &one].into_iter().for_each(|grant| book.add(grant));
        assert_eq!((book.runs_of(&one), book.runs_of(&other)), (2, 1));
        let bytes = wire::encode(&book);
        assert_eq!(wire::decode::<RunBook>("runs of a model", &bytes).unwrap(), book);
    }
}
