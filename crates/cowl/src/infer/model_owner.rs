//! The model owner: makes set-ups, fetches its halves of bundles, and runs them when data owners ask.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cowl_crypto::digest::Digest;
use cowl_domain::{GrantId, ItemId, OutputRule, Signed};
use cowl_job::{Refusal, Seat};
use cowl_model::Tensor;
use cowl_mpc::Party;
use cowl_mpc::bundle::BundleId;

use super::engine::{Outcome, OwnedModel};
use super::error::InferError;
use super::fetching::Fetching;
use super::job::{Job, Notary, Seats, Sitting};
use super::keys::Keys;
use super::peer::{self, Link, PeerKey, StreamWriter};
use super::recipe::Recipe;
use super::store::{Folder, Ledger, Part, SetUp, SetUpId, Stock, Terms, WeightStatement, receivers};
use super::watch::Watch;
use super::wire::{FromDealer, FromModelOwner, Id, ToDealer, ToModelOwner, Wanted};

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
    pub(crate) notary: Arc<dyn Notary>,
    pub(crate) folder: Folder,
    pub(crate) ledger: Ledger,
    pub(crate) dealer: Place,
    /// The models that are served.
    pub(crate) shelf: Shelf,
    /// Who says what may be run.
    pub(crate) gate: Box<dyn Gate>,
    pub(crate) patience: Duration,
    /// One party's set-up is made at a time, and one fetches.
    pub(crate) working: Mutex<()>,
}

/// Says what data owners may run, and counts.
pub(crate) trait Gate: Send + Sync {
    /// Whether this data owner may run this: under this grant, or under any.
    ///
    /// # Errors
    /// [`InferError::NotGranted`] in words that it may hear.
    fn allows(&self, peer: &PeerKey, wanted: &Wanted, under: Option<GrantId>) -> Result<(), InferError>;

    /// Counts one run more under a grant; durable when it returns.
    ///
    /// # Errors
    /// [`InferError::NotGranted`] when the runs are used up.
    fn count(&self, peer: &PeerKey, wanted: &Wanted, under: GrantId) -> Result<(), InferError>;
}

/// A model that is served, with its weights.
pub(crate) struct Served {
    /// Its name, for people.
    pub(crate) name: String,
    /// [`cowl_model::PublishedModel`], in bytes.
    pub(crate) published: Vec<u8>,
    /// In the order of its architecture.
    pub(crate) weights: Vec<Tensor<f32>>,
}

/// Models that are served; each is compiled once for each rule under which it is run.
pub(crate) struct Shelf {
    served: HashMap<ItemId, Served>,
    compiled: Mutex<HashMap<(ItemId, OutputRule), Arc<OwnedModel>>>,
}

impl Shelf {
    /// These models.
    pub(crate) fn new(served: HashMap<ItemId, Served>) -> Self {
        Self { served, compiled: Mutex::default() }
    }

    fn named(&self, model: ItemId) -> Result<&Served, InferError> {
        self.served.get(&model).ok_or(InferError::NoModel)
    }

    fn model(&self, model: ItemId, output: OutputRule) -> Result<Arc<OwnedModel>, InferError> {
        let served = self.named(model)?;
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = compiled.get(&(model, output)) {
            return Ok(known.clone());
        }
        let recipe = Recipe { model, published: served.published.clone(), output };
        let owned = Arc::new(OwnedModel::new(recipe, &served.weights)?);
        compiled.insert((model, output), owned.clone());
        Ok(owned)
    }
}

/// What has become of a request, for people.
pub(crate) enum Event {
    /// A run has come to its end.
    Ran {
        /// Which bundle.
        bundle: BundleId,
        /// Bytes sent and received.
        bytes: [u64; 2],
        /// From the first byte to the last.
        took: Duration,
    },
    /// So many bundles were dropped: the data owner has lost its halves.
    Dropped(u64),
}

/// A run that has come to its end.
struct ServedRun {
    bundle: BundleId,
    outcome: Outcome,
    /// Why there is no evidence, if there is none.
    unproven: Option<InferError>,
}

impl ModelOwner {
    /// Serves one connection to its end; `told` hears what has become of its requests.
    ///
    /// # Errors
    /// What is wrong with what is asked, or with a run; the other side is to be told.
    pub(crate) fn serve(
        &self,
        link: &mut Link,
        peer: &PeerKey,
        told: &mut dyn FnMut(Event),
    ) -> Result<(), InferError> {
        while let Some(request) = link.hear_next::<ToModelOwner>("request to a model owner")? {
            match request {
                ToModelOwner::SetUp { wanted, weights } => self.set_up(link, peer, &wanted, weights)?,
                ToModelOwner::Fetch { set_up } => {
                    self.fetch(&self.set_up_with(set_up, peer)?, peer)?;
                    self.list(link, set_up)?;
                }
                ToModelOwner::List { set_up } => {
                    self.set_up_with(set_up, peer)?;
                    self.list(link, set_up)?;
                }
                ToModelOwner::Gone { set_up, bundles } => {
                    self.set_up_with(set_up, peer)?;
                    let dropped = self.drop_gone(set_up, &bundles)?;
                    if dropped > 0 {
                        told(Event::Dropped(dropped));
                    }
                    link.say(&FromModelOwner::Dropped(dropped))?;
                }
                ToModelOwner::Run { set_up, bundle, consent } => {
                    let set_up = self.set_up_with(set_up, peer)?;
                    if let Some(ended) = self.run(link, peer, &set_up, bundle.into(), &consent)? {
                        let ServedRun { bundle, outcome, unproven } = ended;
                        let bytes = [outcome.sent, outcome.received];
                        told(Event::Ran { bundle, bytes, took: outcome.took });
                        let unproven =
                            unproven.map(|why| InferError::Unproven { bundle, why: Box::new(why) });
                        unproven.map_or(Ok(()), Err)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn list(&self, link: &mut Link, id: SetUpId) -> Result<(), InferError> {
        let bundles = Stock::new(&self.folder, id, Party::ModelOwner).bundles()?;
        Ok(link.say(&FromModelOwner::Bundles(bundles.into_iter().map(Into::into).collect()))?)
    }

    /// Drops bundles of a set-up that are here; what is another's, or nobody's, is left alone.
    fn drop_gone(&self, id: SetUpId, bundles: &[Id]) -> Result<u64, InferError> {
        let stock = Stock::new(&self.folder, id, Party::ModelOwner);
        let mut dropped = 0;
        for bundle in bundles.iter().map(|id| BundleId::from(*id)) {
            if stock.has(bundle) {
                self.drop_bundle(&stock, bundle)?;
                dropped += 1;
            }
        }
        Ok(dropped)
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
        wanted: &Wanted,
        weights: bool,
    ) -> Result<(), InferError> {
        self.gate.allows(peer, wanted, None)?;
        let model = self.shelf.model(wanted.model, wanted.output)?;
        if wanted.dealer != self.dealer.peer.party() {
            return Err(InferError::Disagreement(format!(
                "its dealer is {}, nobody else",
                self.dealer.peer.name
            )));
        }
        let set_up = self.made(&model, wanted, peer)?;
        let commitment = set_up.commitment.clone().ok_or(InferError::NoSetUp(set_up.terms.id))?;
        link.say(&FromModelOwner::SetUp { terms: set_up.terms.clone(), commitment })?;
        if !weights {
            return Ok(());
        }
        let masked = model.masked(&seed_of(&set_up)?)?;
        let mut stream = StreamWriter::new(link);
        masked.write_to(model.computation.protocol(), &mut stream)?;
        Ok(stream.finish()?)
    }

    /// The set-up with this party for these weights; made when there is none yet.
    fn made(&self, model: &OwnedModel, wanted: &Wanted, peer: &PeerKey) -> Result<SetUp, InferError> {
        let _one = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        let recipe = model.recipe.to_bytes();
        let same = |set_up: &SetUp| {
            let terms = &set_up.terms;
            let parties = (terms.data_owner, terms.dealer) == (peer.party(), wanted.dealer);
            let computed = (&terms.recipe, terms.program) == (&recipe, model.computation.digest());
            parties
                && computed
                && terms.learns == wanted.learns
                && matches!(&set_up.part, Part::ModelOwner { seed, weights } if *weights == model.digest(seed))
        };
        let found = SetUp::all(&self.folder)?.into_iter().find(same);
        match found {
            Some(set_up) if set_up.commitment.is_some() => Ok(set_up),
            Some(set_up) => self.commit(model, set_up),
            None => self.commit(model, self.begun(model, wanted, peer)?),
        }
    }

    /// Agrees with the dealer on a fresh weight mask.
    fn begun(&self, model: &OwnedModel, wanted: &Wanted, peer: &PeerKey) -> Result<SetUp, InferError> {
        let terms = Terms {
            id: SetUpId::make(),
            model: self.shelf.named(wanted.model)?.name.clone(),
            model_owner: self.keys.party(),
            data_owner: peer.party(),
            dealer: wanted.dealer,
            recipe: model.recipe.to_bytes(),
            program: model.computation.digest(),
            learns: wanted.learns,
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
    fn model_of(&self, set_up: &SetUp) -> Result<Arc<OwnedModel>, InferError> {
        let wanted = wanted_in(&set_up.terms)?;
        let model = self.shelf.model(wanted.model, wanted.output)?;
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
    fn fetch(&self, set_up: &SetUp, peer: &PeerKey) -> Result<(), InferError> {
        let computation = self.model_of(set_up)?.computation.clone();
        let _one = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        let mut link = self.to_dealer()?;
        let fetching = Fetching {
            keys: &*self.keys,
            folder: &self.folder,
            ledger: &self.ledger,
            dealer: &self.dealer.peer,
            terms: &set_up.terms,
            computation: &computation,
            seat: Party::ModelOwner,
            seats: self.seats(peer),
        };
        while fetching.next(&mut link, |_, _| Ok(()))? {}
        link.close();
        Ok(())
    }

    fn seats(&self, peer: &PeerKey) -> Seats {
        Seats {
            data_owner: peer.keys.clone(),
            model_owner: self.keys.public(),
            dealer: self.dealer.peer.keys.clone(),
        }
    }

    /// Runs one bundle, once, as the job for which it was dealt. Consents and the bundle's use are on disk before the
    /// other side hears anything.
    fn run(
        &self,
        link: &mut Link,
        peer: &PeerKey,
        set_up: &SetUp,
        bundle: BundleId,
        consent: &[u8],
    ) -> Result<Option<ServedRun>, InferError> {
        let model = self.model_of(set_up)?;
        let stock = Stock::new(&self.folder, set_up.terms.id, Party::ModelOwner);
        if self.ledger.recorded()?.contains(&bundle.0) {
            link.say(&FromModelOwner::Used)?;
            return Ok(None);
        }
        if !stock.has(bundle) {
            self.gate.allows(peer, &wanted_in(&set_up.terms)?, None)?;
            link.say(&FromModelOwner::Missing)?;
            return Ok(None);
        }
        match self.settle(link, peer, set_up, &model, &stock, (bundle, consent)) {
            // Another connection was faster with it, or a run was cut when its consents were recorded.
            Err(InferError::Used { .. } | InferError::Job(Refusal::ConsentUsed { .. })) => {
                self.drop_bundle(&stock, bundle)?;
                link.say(&FromModelOwner::Used)?;
                Ok(None)
            }
            Err(error @ (InferError::NotGranted(_) | InferError::Job(_))) => {
                link.say(&FromModelOwner::Declined(error.to_string()))?;
                Ok(None)
            }
            ended => ended.map(Some),
        }
    }

    fn drop_bundle(&self, stock: &Stock<'_>, bundle: BundleId) -> Result<(), InferError> {
        self.ledger.record_again(bundle)?;
        stock.erase(bundle)
    }

    fn settle(
        &self,
        link: &mut Link,
        peer: &PeerKey,
        set_up: &SetUp,
        model: &OwnedModel,
        stock: &Stock<'_>,
        (bundle, consent): (BundleId, &[u8]),
    ) -> Result<ServedRun, InferError> {
        let (terms, wanted, order) = (&set_up.terms, wanted_in(&set_up.terms)?, stock.order(bundle)?);
        let grant = order.basis.grant;
        self.gate.allows(peer, &wanted, Some(grant))?;
        self.notary.check_item(&order.basis.item)?;
        let job = Job::new(terms, &model.computation, bundle, &order.basis, self.seats(peer))?;
        let weights = set_up.commitment_digest().ok_or(InferError::NoSetUp(terms.id))?;
        let (keys, notary) = (&*self.keys, &*self.notary);
        let sitting = Sitting { job, keys, notary, seat: Seat::ModelOwner, weights };
        let offer = sitting.consent()?;
        let own = offer.to_bytes();
        let (seed, masked) = (seed_of(set_up)?, masked_of(set_up)?);
        let (outcome, testified) = sitting.settle(offer, [consent, &order.consent], || {
            let keys = stock.open(&*self.keys, bundle)?;
            self.ledger.record(bundle)?;
            stock.erase(bundle)?;
            self.gate.count(peer, &wanted, grant)?;
            link.say(&FromModelOwner::Ready { consent: own })?;
            model.run(link, receivers(terms.learns), (&seed, masked), keys, &mut Watch::silent())
        })?;
        let unproven = sitting.prove(link, testified).err();
        Ok(ServedRun { bundle, outcome, unproven })
    }
}

/// What a set-up is for.
fn wanted_in(terms: &Terms) -> Result<Wanted, InferError> {
    let recipe = Recipe::from_bytes(&terms.recipe)?;
    Ok(Wanted { model: recipe.model, dealer: terms.dealer, output: recipe.output, learns: terms.learns })
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
