//! Bundles of which one of the two who compute has lost its half: good for nothing, and erased at the other.
//!
//! A half may be on its way, from the dealer to one of the two, while the other half has arrived. So an absent half is not
//! a lost one, and what is compared is read in an order that tells them apart. The data owner's stock is read before the
//! model owner takes in all that waits for it at the dealer: a bundle that it does not have then it has used or lost. The
//! model owner's stock is read before the data owner's: of a bundle that is there and not here, the half here is lost if
//! this device has ever had it, for it is recorded as taken in when it is whole. Another device's are left alone.

use std::collections::HashSet;

use cowl_mpc::Party;
use cowl_mpc::bundle::BundleId;

use super::data_owner::{Agreed, DataOwner, Others};
use super::error::InferError;
use super::model_owner::Place;
use super::peer::Link;
use super::store::{Ledger, SetUpId, Stock};
use super::wire::{FromModelOwner, ToModelOwner};

/// How many bundles were erased because their other half is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Orphans {
    /// Here.
    pub(crate) here: u64,
    /// At the model owner.
    pub(crate) there: u64,
}

/// What a model owner has of a set-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct There {
    /// Bundles that are ready.
    pub(crate) ready: u64,
    /// Bundles that were erased there, because their other half is gone.
    pub(crate) dropped: u64,
}

impl DataOwner {
    /// Erases on both sides the bundles whose other half is gone. While another process runs one, nothing is erased
    /// here: the model owner has used that one already.
    ///
    /// # Errors
    /// Those of the others and of the disk.
    pub(crate) fn drop_orphans(&self, agreed: &Agreed, others: &Others) -> Result<Orphans, InferError> {
        let set_up = agreed.set_up.terms.id;
        let stock = Stock::new(&self.folder, set_up, Party::DataOwner);
        let alone = self.folder.try_lock(RUNNING)?;
        let before = stock.bundles()?;
        let mut link = self.connect(&others.model_owner)?;
        let there = ask_bundles(&mut link, &ToModelOwner::Fetch { set_up })?;
        let here = if alone.is_some() { self.drop_here(&stock, &before, &there)? } else { 0 };
        let there = self.drop_there(&mut link, set_up, &there)?;
        link.close();
        Ok(Orphans { here, there })
    }

    /// How many bundles the model owner has, after it has erased those whose other half is gone.
    ///
    /// # Errors
    /// Those of the connection and of the disk.
    pub(crate) fn left_there(&self, set_up: SetUpId, owner: &Place) -> Result<There, InferError> {
        let mut link = self.connect(owner)?;
        let there = ask_bundles(&mut link, &ToModelOwner::List { set_up })?;
        let dropped = self.drop_there(&mut link, set_up, &there)?;
        link.close();
        Ok(There { ready: (there.len() as u64).saturating_sub(dropped), dropped })
    }

    fn drop_here(
        &self,
        stock: &Stock<'_>,
        before: &[BundleId],
        there: &[BundleId],
    ) -> Result<u64, InferError> {
        let (there, mut dropped) = (ids(there), 0);
        for bundle in before.iter().filter(|bundle| !there.contains(&bundle.0)) {
            self.ledger.record_again(*bundle)?;
            stock.erase(*bundle)?;
            dropped += 1;
        }
        Ok(dropped)
    }

    fn drop_there(&self, link: &mut Link, set_up: SetUpId, there: &[BundleId]) -> Result<u64, InferError> {
        let stock = Stock::new(&self.folder, set_up, Party::DataOwner);
        let mut had = Ledger::of_taken(&self.folder)?.recorded()?;
        had.extend(self.ledger.recorded()?);
        let here = ids(&stock.bundles()?);
        let lost = |bundle: &&BundleId| had.contains(&bundle.0) && !here.contains(&bundle.0);
        let gone: Vec<BundleId> = there.iter().filter(lost).copied().collect();
        if gone.is_empty() {
            return Ok(0);
        }
        for bundle in &gone {
            self.ledger.record_again(*bundle)?;
            stock.erase(*bundle)?;
        }
        link.say(&ToModelOwner::Gone { set_up, bundles: gone.into_iter().map(Into::into).collect() })?;
        match link.hear("answer of a model owner")? {
            FromModelOwner::Dropped(dropped) => Ok(dropped),
            _ => Err(link.unexpected("no number of bundles".to_owned()).into()),
        }
    }

    /// Has the model owner take in what waits for it at the dealer.
    pub(super) fn let_fetch(&self, set_up: SetUpId, owner: &Place) -> Result<(), InferError> {
        let mut link = self.connect(owner)?;
        ask_bundles(&mut link, &ToModelOwner::Fetch { set_up })?;
        link.close();
        Ok(())
    }
}

fn ask_bundles(link: &mut Link, request: &ToModelOwner) -> Result<Vec<BundleId>, InferError> {
    link.say(request)?;
    match link.hear("answer of a model owner")? {
        FromModelOwner::Bundles(bundles) => Ok(bundles.into_iter().map(Into::into).collect()),
        _ => Err(link.unexpected("no list of bundles".to_owned()).into()),
    }
}

fn ids(bundles: &[BundleId]) -> HashSet<[u8; 16]> {
    bundles.iter().map(|bundle| bundle.0).collect()
}

/// Held by every run of this device, and alone by whoever erases what a run may be about to use.
pub(super) const RUNNING: &str = "running";
