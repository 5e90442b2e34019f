//! The model owner: makes set-ups, fetches its halves of bundles, and runs them when data owners ask.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cowl_crypto::digest::Digest;
use cowl_domain::{PartyId, Signed};
use cowl_mpc::Party;
use cowl_mpc::bundle::BundleId;

use super::engine::{Outcome, OwnedModel};
use super::error::InferError;
use super::fetching::Fetching;
use super::keys::Keys;
use super::peer::{self, Link, PeerKey, StreamWriter};
use super::store::{Folder, Learns, Ledger, Part, SetUp, SetUpId, Stock, Terms, WeightStatement};
use super::watch::Watch;
use super::wire::{FromDealer, FromModelOwner, ToDealer, ToModelOwner};

/// Where a party listens.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Who.
    pub(crate) peer: PeerKey,
    /// Host and port.
    pub(crate) address: String,
}

/// One model owner, its models and whom it serves.
pub(crate) struct ModelOwner {
    pub(crate) keys: Arc<dyn Keys>,
    pub(crate) folder: Folder,
    pub(crate) ledger: Ledger,
    pub(crate) dealer: Place,
    pub(crate) models: HashMap<String, OwnedModel>,
    /// Who learns what comes out.
    pub(crate) learns: Learns,
    pub(crate) patience: Duration,
    /// One party's set-up is made at a time, and one fetches.
    pub(crate) working: Mutex<()>,
}

/// What became of a run.
pub(crate) struct Served {
    /// Which bundle.
    pub(crate) bundle: BundleId,
    /// What came out.
    pub(crate) outcome: Outcome,
}

impl ModelOwner {
    /// Serves one connection to its end; `served` hears of every run.
    ///
    /// # Errors
    /// What is wrong with what is asked, or with a run; the other side is to be told.
    pub(crate) fn serve(
        &self,
        link: &mut Link,
        peer: &PeerKey,
        served: &mut dyn FnMut(Served),
    ) -> Result<(), InferError> {
        while let Some(request) = link.hear_next::<ToModelOwner>("request to a model owner")? {
            match request {
                ToModelOwner::Offer { model } => {
                    let recipe = self.model(&model)?.recipe.to_bytes();
                    link.say(&FromModelOwner::Offer(recipe))?;
                }
                ToModelOwner::SetUp { model, dealer, weights } => {
                    self.set_up(link, peer, &model, dealer, weights)?;
                }
                ToModelOwner::Fetch { set_up } => {
                    self.fetch(&self.set_up_with(set_up, peer)?)?;
                    self.tell_left(link, set_up)?;
                }
                ToModelOwner::Left { set_up } => {
                    self.set_up_with(set_up, peer)?;
                    self.tell_left(link, set_up)?;
                }
                ToModelOwner::Run { set_up, bundle } => {
                    let set_up = self.set_up_with(set_up, peer)?;
                    if let Some(ended) = self.run(link, &set_up, bundle.into())? {
                        served(ended);
                    }
                }
            }
        }
        Ok(())
    }

    fn model(&self, name: &str) -> Result<&OwnedModel, InferError> {
        self.models.get(name).ok_or_else(|| InferError::NoModel(name.to_owned()))
    }

    fn tell_left(&self, link: &mut Link, id: SetUpId) -> Result<(), InferError> {
        let left = Stock::new(&self.folder, id, Party::ModelOwner).bundles()?.len();
        Ok(link.say(&FromModelOwner::Left(left as u64))?)
    }

    /// A set-up with this party; those with others are not its business.
    fn set_up_with(&self, id: SetUpId, peer: &PeerKey) -> Result<SetUp, InferError> {
        let found = SetUp::load(&self.folder, id)?.ok_or(InferError::NoSetUp(id))?;
        let ours = found.terms.data_owner == peer.party() && found.terms.model_owner == self.keys.party();
        if ours { Ok(found) } else { Err(InferError::NoSetUp(id)) }
    }

    fn set_up(
        &self,
        link: &mut Link,
        peer: &PeerKey,
        name: &str,
        dealer: PartyId,
        weights: bool,
    ) -> Result<(), InferError> {
        let model = self.model(name)?;
        if dealer != self.dealer.peer.party() {
            let text =
                format!("{}'s model is dealt for by {}, not by another", peer.name, self.dealer.peer.name);
            return Err(InferError::Disagreement(text));
        }
        let set_up = self.made(model, name, peer)?;
        let commitment = set_up.commitment.clone().ok_or(InferError::NoSetUp(set_up.terms.id))?;
        link.say(&FromModelOwner::SetUp { terms: set_up.terms.clone(), commitment })?;
        if !weights {
            return Ok(());
        }
        let masked = model.masked(&seed_of(&set_up)?);
        let mut stream = StreamWriter::new(link);
        masked?.write_to(model.computation.protocol(), &mut stream)?;
        Ok(stream.finish()?)
    }

    /// The set-up with this party for these weights; made when there is none yet.
    fn made(&self, model: &OwnedModel, name: &str, peer: &PeerKey) -> Result<SetUp, InferError> {
        let _one = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |set_up: &SetUp| {
            let terms = &set_up.terms;
            terms.data_owner == peer.party()
                && terms.dealer == self.dealer.peer.party()
                && terms.program == model.computation.digest()
                && terms.learns == self.learns
                && matches!(&set_up.part, Part::ModelOwner { seed, weights } if *weights == model.digest(seed))
        };
        let found = SetUp::all(&self.folder)?.into_iter().find(same);
        match found {
            Some(set_up) if set_up.commitment.is_some() => Ok(set_up),
            Some(set_up) => self.commit(model, set_up),
            None => self.commit(model, self.begun(model, name, peer)?),
        }
    }

    /// Agrees with the dealer on a fresh weight mask.
    fn begun(&self, model: &OwnedModel, name: &str, peer: &PeerKey) -> Result<SetUp, InferError> {
        let terms = Terms {
            id: SetUpId::make(),
            model: name.to_owned(),
            model_owner: self.keys.party(),
            data_owner: peer.party(),
            dealer: self.dealer.peer.party(),
            recipe: model.recipe.to_bytes(),
            program: model.computation.digest(),
            learns: self.learns,
        };
        let mut link = self.to_dealer()?;
        link.say(&ToDealer::SetUp(terms.clone()))?;
        let FromDealer::Seed(seed) = link.hear("answer of a dealer")? else {
            return Err(link.unexpected("no seed".to_owned()).into());
        };
        link.close();
        let part = Part::ModelOwner { seed, weights: model.digest(&seed) };
        let set_up = SetUp::new(terms, None, part);
        set_up.store(&self.folder)?;
        Ok(set_up)
    }

    /// Commits to the weights under their mask, and tells the dealer.
    fn commit(&self, model: &OwnedModel, mut set_up: SetUp) -> Result<SetUp, InferError> {
        let masked = Digest::from_bytes(model.masked(&seed_of(&set_up)?)?.commitment().digest);
        let commitment = WeightStatement { terms: set_up.terms.digest(), masked };
        let commitment = self.keys.sign(&commitment).to_bytes();
        let mut link = self.to_dealer()?;
        link.say(&ToDealer::Commit { set_up: set_up.terms.id, commitment: commitment.clone() })?;
        let FromDealer::Done = link.hear("answer of a dealer")? else {
            return Err(link.unexpected("the commitment is not taken".to_owned()).into());
        };
        link.close();
        set_up.commitment = Some(commitment);
        set_up.store(&self.folder)?;
        Ok(set_up)
    }

    fn to_dealer(&self) -> Result<Link, InferError> {
        let identity = self.keys.identity();
        Ok(peer::connect(&identity, &self.dealer.peer, &self.dealer.address, self.patience)?)
    }

    /// The model of a set-up, if it still has the weights that the set-up was made with.
    fn model_of(&self, set_up: &SetUp) -> Result<&OwnedModel, InferError> {
        let model = self.model(&set_up.terms.model)?;
        let Part::ModelOwner { seed, weights } = &set_up.part else {
            return Err(InferError::NoSetUp(set_up.terms.id));
        };
        if model.computation.digest() != set_up.terms.program || *weights != model.digest(seed) {
            let text =
                format!("model '{}' has other weights since; it needs a new set-up", set_up.terms.model);
            return Err(InferError::Disagreement(text));
        }
        Ok(model)
    }

    /// Takes in what waits at the dealer.
    fn fetch(&self, set_up: &SetUp) -> Result<(), InferError> {
        let computation = &self.model_of(set_up)?.computation;
        let _one = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        let mut link = self.to_dealer()?;
        let fetching = Fetching {
            keys: &*self.keys,
            folder: &self.folder,
            ledger: &self.ledger,
            dealer: &self.dealer.peer,
            terms: &set_up.terms,
            computation,
            seat: Party::ModelOwner,
        };
        while fetching.next(&mut link, |_, _| Ok(()))? {}
        link.close();
        Ok(())
    }

    /// Runs one bundle, once. The record of its use is on disk before the other side hears anything.
    fn run(&self, link: &mut Link, set_up: &SetUp, bundle: BundleId) -> Result<Option<Served>, InferError> {
        let model = self.model_of(set_up)?;
        let seed = seed_of(set_up)?;
        let masked = masked_of(set_up)?;
        let stock = Stock::new(&self.folder, set_up.terms.id, Party::ModelOwner);
        if self.ledger.used()?.contains(&bundle.0) {
            link.say(&FromModelOwner::Used)?;
            return Ok(None);
        }
        if !stock.has(bundle) {
            link.say(&FromModelOwner::Missing)?;
            return Ok(None);
        }
        let keys = stock.open(&*self.keys, bundle)?;
        match self.ledger.record(bundle) {
            Err(InferError::Used { .. }) => {
                link.say(&FromModelOwner::Used)?;
                return Ok(None);
            }
            recorded => recorded?,
        }
        stock.erase(bundle)?;
        link.say(&FromModelOwner::Ready)?;
        let learns = set_up.terms.learns.into();
        let outcome = model.run(link, learns, (&seed, masked), keys, &mut Watch::silent())?;
        Ok(Some(Served { bundle, outcome }))
    }
}

/// The digest of the masked weights, as this party itself has signed it.
fn masked_of(set_up: &SetUp) -> Result<Digest, InferError> {
    let none = || InferError::NoSetUp(set_up.terms.id);
    let signed = set_up.commitment.as_deref().ok_or_else(none)?;
    let signed = Signed::<WeightStatement>::from_bytes(signed).map_err(|_| none())?;
    Ok(signed.dangerous_unverified().map_err(|_| none())?.masked)
}

fn seed_of(set_up: &SetUp) -> Result<[u8; 16], InferError> {
    match &set_up.part {
        Part::ModelOwner { seed, .. } => Ok(*seed),
        _ => Err(InferError::NoSetUp(set_up.terms.id)),
    }
}
