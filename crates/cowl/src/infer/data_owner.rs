//! The data owner: agrees on set-ups, stocks bundles ahead of time, runs them.

use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cowl_crypto::digest::Digest;
use cowl_domain::{OutputReceivers, Signed};
use cowl_job::Seat;
use cowl_model::Tensor;
use cowl_mpc::Party;
use cowl_mpc::bundle::BundleId;
use cowl_mpc::setup::MaskedWeights;
use cowl_vault::Progress;

use super::engine::{Computation, Outcome};
use super::error::InferError;
use super::fetching::Fetching;
use super::halves::RUNNING;
use super::job::{Basis, Job, Notary, Offer, Order, Seats, Sitting};
use super::keys::Keys;
use super::model_owner::Place;
use super::peer::{self, Link, PeerError, PeerKey, StreamReader};
use super::recipe::Recipe;
use super::store::{
    Folder, Ledger, Part, SetUp, Stock, Terms, WeightStatement, receivers, sealed_bundle_length, weights_name,
};
use super::watch::Watch;
use super::wire::{FromDealer, FromModelOwner, Leave, ToDealer, ToModelOwner, Wanted};

/// One data owner.
pub(crate) struct DataOwner {
    pub(crate) keys: Arc<dyn Keys>,
    pub(crate) notary: Arc<dyn Notary>,
    pub(crate) folder: Folder,
    pub(crate) ledger: Ledger,
    pub(crate) patience: Duration,
}

/// With whom.
#[derive(Debug, Clone)]
pub(crate) struct Others {
    /// Whose model.
    pub(crate) model_owner: Place,
    /// Whose randomness.
    pub(crate) dealer: Place,
}

/// What is to be run, as far as the data owner decides it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// The model as it was published, and how much is told of its output.
    pub(crate) recipe: Recipe,
    /// To whom.
    pub(crate) learns: OutputReceivers,
}

/// A set-up that was agreed on.
pub(crate) struct Agreed {
    /// It.
    pub(crate) set_up: SetUp,
    /// The program.
    pub(crate) computation: Computation,
    /// The model has other weights than in the set-up before.
    pub(crate) other_weights: bool,
}

/// A run that has come to its end.
pub(crate) struct Ran {
    /// With which bundle; the job has the same identifier.
    pub(crate) bundle: BundleId,
    /// What came out.
    pub(crate) outcome: Outcome,
    /// How long verifying the consents, and recording them and the bundle as used, has taken.
    pub(crate) recorded_in: Duration,
    /// Bundles that the model owner had used or lost: they are used up without a run.
    pub(crate) dropped: Vec<BundleId>,
    /// Why there is no evidence, if there is none.
    pub(crate) unproven: Option<InferError>,
    /// Why it is not known whether the model owner has its evidence, where it is not.
    pub(crate) parted: Option<PeerError>,
}

/// A bundle that is offered to the model owner, with this party's consent to its job.
struct Next<'a> {
    bundle: BundleId,
    basis: Basis,
    sitting: Sitting<'a>,
    offer: Offer,
    /// The dealer's consent.
    dealers: Vec<u8>,
}

/// What has come of bundles that were looked at for one run.
#[derive(Default)]
struct Tried {
    /// Nothing that was stocked on these can be run now.
    barred: Vec<Basis>,
    dropped: Vec<BundleId>,
    /// Why the first of them could not.
    refused: Option<InferError>,
}

impl Tried {
    fn bar(&mut self, basis: Basis, why: InferError) {
        self.barred.push(basis);
        self.refused.get_or_insert(why);
    }
}

impl DataOwner {
    /// Agrees on the set-up for a model: asks for it, checks it, keeps it with the masked weights.
    ///
    /// # Errors
    /// [`InferError::Disagreement`] names what does not hold.
    pub(crate) fn agree(
        &self,
        asked: &Asked,
        others: &Others,
        progress: &dyn Progress,
    ) -> Result<Agreed, InferError> {
        progress.begin("setting up", 0);
        let mut link = self.connect(&others.model_owner)?;
        let (terms, commitment) = self.ask_set_up(&mut link, asked, others, false)?;
        let computation = self.checked(&terms, &commitment, asked, others)?;
        if let Some(kept) = self.kept(&terms, &commitment)? {
            link.close();
            progress.end();
            return Ok(Agreed { set_up: kept, computation, other_weights: false });
        }
        let before = SetUp::all(&self.folder)?;
        let other_weights = before.iter().any(|set_up| {
            set_up.terms.model_owner == terms.model_owner && set_up.terms.recipe == terms.recipe
        });
        let again = self.ask_set_up(&mut link, asked, others, true)?;
        if again != (terms.clone(), commitment.clone()) {
            return Err(disagree(&others.model_owner.peer, "it has changed its mind about the set-up"));
        }
        self.take_weights(&mut link, &terms, &commitment, &computation, &others.model_owner.peer)?;
        link.close();
        let (model_owner_at, dealer_at) = (others.model_owner.address.clone(), others.dealer.address.clone());
        let set_up = SetUp::new(terms, Some(commitment), Part::DataOwner { model_owner_at, dealer_at });
        set_up.store(&self.folder)?;
        progress.end();
        Ok(Agreed { set_up, computation, other_weights })
    }

    pub(super) fn connect(&self, place: &Place) -> Result<Link, InferError> {
        Ok(peer::connect(&self.keys.identity(), &place.peer, &place.address, self.patience)?)
    }

    fn ask_set_up(
        &self,
        link: &mut Link,
        asked: &Asked,
        others: &Others,
        weights: bool,
    ) -> Result<(Terms, Vec<u8>), InferError> {
        let Asked { recipe, learns } = asked;
        let dealer = others.dealer.peer.party();
        let wanted = Wanted { model: recipe.model, dealer, output: recipe.output, learns: *learns };
        link.say(&ToModelOwner::SetUp { wanted, weights })?;
        match link.hear("answer of a model owner")? {
            FromModelOwner::SetUp { terms, commitment } => Ok((terms, commitment)),
            _ => Err(link.unexpected("no set-up".to_owned()).into()),
        }
    }

    /// The program of a set-up whose terms are those that are meant.
    fn checked(
        &self,
        terms: &Terms,
        commitment: &[u8],
        asked: &Asked,
        others: &Others,
    ) -> Result<Computation, InferError> {
        let owner = &others.model_owner.peer;
        if terms.recipe != asked.recipe.to_bytes() {
            return Err(disagree(owner, "the model that it serves is not the one that it has published"));
        }
        let parties = [terms.model_owner, terms.data_owner, terms.dealer];
        if terms.learns != asked.learns {
            return Err(disagree(owner, "it would have the output go to others than was asked for"));
        }
        if parties != [owner.party(), self.keys.party(), others.dealer.peer.party()] {
            return Err(disagree(owner, "its set-up is for other parties"));
        }
        let computation = Computation::new(&asked.recipe)?;
        if computation.digest() != terms.program {
            return Err(disagree(
                owner,
                "it compiles another program from the architecture: the versions of cowl differ",
            ));
        }
        self.committed(terms, commitment, owner)?;
        Ok(computation)
    }

    /// The digest of the masked weights that the model owner has committed itself to.
    fn committed(&self, terms: &Terms, commitment: &[u8], owner: &PeerKey) -> Result<Digest, InferError> {
        let signed = Signed::<WeightStatement>::from_bytes(commitment);
        let signed = signed.map_err(|error| disagree(owner, &error.to_string()))?;
        let verified = signed.verify(&owner.keys)?;
        if verified.terms == terms.digest() {
            return Ok(verified.masked);
        }
        Err(disagree(owner, "its weight commitment belongs to another set-up"))
    }

    fn kept(&self, terms: &Terms, commitment: &[u8]) -> Result<Option<SetUp>, InferError> {
        let kept = SetUp::load(&self.folder, terms.id)?;
        Ok(kept.filter(|kept| kept.terms == *terms && kept.commitment.as_deref() == Some(commitment)))
    }

    fn take_weights(
        &self,
        link: &mut Link,
        terms: &Terms,
        commitment: &[u8],
        computation: &Computation,
        owner: &PeerKey,
    ) -> Result<(), InferError> {
        let committed = self.committed(terms, commitment, owner)?;
        let masked = MaskedWeights::read_from(computation.protocol(), &mut StreamReader::new(link))?;
        if masked.commitment().digest != *committed.as_bytes() {
            return Err(disagree(owner, "its weights are not those that it has committed itself to"));
        }
        let name = weights_name(terms.id);
        let mut file = self.folder.seal_stream(&name)?;
        masked.write_to(computation.protocol(), &mut file)?;
        let path = self.folder.path(&name)?;
        file.finish().map_err(|source| InferError::file(&path, source))?.keep()
    }

    /// Stocks so many bundles more, here and at the model owner.
    ///
    /// # Errors
    /// Those of the others and of the disk; what is stocked until then stays.
    pub(crate) fn stock(
        &self,
        agreed: &Agreed,
        others: &Others,
        leave: &Leave,
        runs: u32,
        progress: &dyn Progress,
    ) -> Result<(), InferError> {
        let masked = self.masked(agreed)?;
        let size = sealed_bundle_length(agreed.computation.bundle_bytes(Party::DataOwner));
        progress.begin("stocking", size * u64::from(runs));
        for _ in 0..runs {
            self.stock_one(agreed, &masked, others, leave)?;
            self.let_fetch(agreed.set_up.terms.id, &others.model_owner)?;
            progress.advance(size);
        }
        progress.end();
        Ok(())
    }

    /// Takes in the bundle that waits at the dealer, or has one dealt. One process of this device at a time: the dealer
    /// erases a half when it hears that it is kept, and must not while another process still reads it.
    fn stock_one(
        &self,
        agreed: &Agreed,
        masked: &MaskedWeights,
        others: &Others,
        leave: &Leave,
    ) -> Result<(), InferError> {
        let _alone = self.folder.lock(FETCHING)?;
        let mut link = self.connect(&others.dealer)?;
        let fetching = self.fetching(agreed, others);
        let prepare = |stock: &Stock<'_>, bundle| self.take_in(agreed, masked, stock, bundle);
        if !fetching.next(&mut link, prepare)? {
            self.have_dealt(&mut link, &agreed.set_up, leave)?;
            if !fetching.next(&mut link, prepare)? {
                return Err(link.unexpected("no bundle after one was dealt".to_owned()).into());
            }
        }
        link.close();
        Ok(())
    }

    fn fetching<'a>(&'a self, agreed: &'a Agreed, others: &'a Others) -> Fetching<'a> {
        Fetching {
            keys: &*self.keys,
            folder: &self.folder,
            ledger: &self.ledger,
            dealer: &others.dealer.peer,
            terms: &agreed.set_up.terms,
            computation: &agreed.computation,
            seat: Party::DataOwner,
            seats: self.seats(others),
        }
    }

    fn seats(&self, others: &Others) -> Seats {
        let Others { model_owner, dealer } = others;
        Seats {
            data_owner: self.keys.public(),
            model_owner: model_owner.peer.keys.clone(),
            dealer: dealer.peer.keys.clone(),
        }
    }

    fn masked(&self, agreed: &Agreed) -> Result<MaskedWeights, InferError> {
        let id = agreed.set_up.terms.id;
        let mut stream = self.folder.open_stream(&weights_name(id))?.ok_or(InferError::NoSetUp(id))?;
        Ok(MaskedWeights::read_from(agreed.computation.protocol(), &mut stream)?)
    }

    fn have_dealt(&self, link: &mut Link, set_up: &SetUp, leave: &Leave) -> Result<(), InferError> {
        let id = set_up.terms.id;
        let commitment = set_up.commitment_digest().ok_or(InferError::NoSetUp(id))?;
        link.say(&ToDealer::Deal { set_up: id, commitment, leave: leave.clone() })?;
        loop {
            match link.hear("answer of a dealer")? {
                FromDealer::Dealing(_) => {}
                FromDealer::Done => return Ok(()),
                _ => return Err(link.unexpected("no word of a dealing".to_owned()).into()),
            }
        }
    }

    /// Computes this party's part of the linear layers ahead of time, and records that the bundle is here whole.
    fn take_in(
        &self,
        agreed: &Agreed,
        masked: &MaskedWeights,
        stock: &Stock<'_>,
        bundle: BundleId,
    ) -> Result<(), InferError> {
        let keys = stock.open(&*self.keys, bundle)?;
        let mut file = stock.begin_prepared(bundle)?;
        agreed.computation.prepare(masked, keys, &mut file)?;
        let path = self.folder.path("prepared")?;
        file.finish().map_err(|source| InferError::file(&path, source))?.keep()?;
        Ledger::of_taken(&self.folder)?.record_again(bundle)
    }

    /// A set-up that is kept here, with its program.
    ///
    /// # Errors
    /// Those of the disk; a recipe that this version does not know.
    pub(crate) fn agreed(set_up: SetUp) -> Result<Agreed, InferError> {
        let computation = Computation::new(&Recipe::from_bytes(&set_up.terms.recipe)?)?;
        Ok(Agreed { set_up, computation, other_weights: false })
    }

    /// Runs the model once on these inputs, with the next bundle that both have and neither has used: as the job for which
    /// that bundle was dealt. The caller has seen its plan and has said yes to it.
    ///
    /// # Errors
    /// [`InferError::Empty`] when there is none; [`InferError::Job`] before the first byte; those of the run, whose bundle
    /// is used up.
    pub(crate) fn run(
        &self,
        agreed: &Agreed,
        others: &Others,
        inputs: &[Tensor<f32>],
        watch: &mut Watch<'_>,
    ) -> Result<Ran, InferError> {
        let inputs = agreed.computation.quantised(inputs)?;
        let stock = Stock::new(&self.folder, agreed.set_up.terms.id, Party::DataOwner);
        let _running = self.folder.lock_shared(RUNNING)?;
        self.drop_used(&stock)?;
        let mut link = self.connect(&others.model_owner)?;
        let (mut fetched, mut tried) = (false, Tried::default());
        while let Some(next) = self.next(agreed, others, &stock, &mut tried)? {
            let Next { bundle, basis, sitting, offer, dealers } = next;
            let set_up = agreed.set_up.terms.id;
            link.say(&ToModelOwner::Run { set_up, bundle: bundle.into(), consent: offer.to_bytes() })?;
            match link.hear("answer of a model owner")? {
                FromModelOwner::Ready { consent } => {
                    let (begun, mut recorded_in) = (Instant::now(), Duration::ZERO);
                    let (outcome, testified) = sitting.settle(offer, [&consent, &dealers], || {
                        let read = self.use_up(&stock, bundle)?;
                        recorded_in = begun.elapsed();
                        let learns = receivers(agreed.set_up.terms.learns);
                        agreed.computation.run_data_owner(&mut link, learns, &inputs, read, watch)
                    })?;
                    let unproven = sitting.prove(&mut link, testified).err();
                    let parted = part(link, unproven.as_ref());
                    return Ok(Ran {
                        bundle,
                        outcome,
                        recorded_in,
                        dropped: tried.dropped,
                        unproven,
                        parted,
                    });
                }
                FromModelOwner::Missing if !fetched => {
                    self.let_fetch(set_up, &others.model_owner)?;
                    fetched = true;
                }
                // Of a run that was cut: it is good for nothing any more.
                FromModelOwner::Used | FromModelOwner::Missing => {
                    tried.dropped.push(bundle);
                    self.ledger.record(bundle)?;
                    stock.erase(bundle)?;
                }
                FromModelOwner::Declined(reason) => {
                    let peer = others.model_owner.peer.name.clone();
                    tried.bar(basis, PeerError::Refused { peer, reason }.into());
                }
                _ => return Err(link.unexpected("no word of the run".to_owned()).into()),
            }
        }
        link.close();
        Err(tried.refused.unwrap_or(InferError::Empty))
    }

    /// The next bundle of the stock whose job this party can consent to now.
    fn next<'a>(
        &'a self,
        agreed: &'a Agreed,
        others: &Others,
        stock: &Stock<'_>,
        tried: &mut Tried,
    ) -> Result<Option<Next<'a>>, InferError> {
        for bundle in stock.bundles()? {
            let Order { basis, consent: dealers } = stock.order(bundle)?;
            if tried.barred.contains(&basis) {
                continue;
            }
            let job = match self.job(agreed, others, bundle, &basis, &dealers) {
                Ok(job) => job,
                // Of keys, a version or a time that has gone by: another bundle may do.
                Err(
                    error @ (InferError::Job(_) | InferError::Statement(_) | InferError::Disagreement(_)),
                ) => {
                    tried.refused.get_or_insert(error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let sitting = self.sitting(agreed, job)?;
            match sitting.consent() {
                Err(error @ InferError::Job(_)) => tried.bar(basis, error),
                offer => return Ok(Some(Next { bundle, basis, offer: offer?, sitting, dealers })),
            }
        }
        Ok(None)
    }

    /// The job of a bundle, to which the dealer has consented.
    fn job(
        &self,
        agreed: &Agreed,
        others: &Others,
        bundle: BundleId,
        basis: &Basis,
        dealers: &[u8],
    ) -> Result<Job, InferError> {
        let terms = &agreed.set_up.terms;
        let job = Job::new(terms, &agreed.computation, bundle, basis, self.seats(others))?;
        job.check_dealers(dealers)?;
        Ok(job)
    }

    fn sitting<'a>(&'a self, agreed: &Agreed, job: Job) -> Result<Sitting<'a>, InferError> {
        let none = InferError::NoSetUp(agreed.set_up.terms.id);
        let weights = agreed.set_up.commitment_digest().ok_or(none)?;
        let (keys, notary) = (&*self.keys, &*self.notary);
        Ok(Sitting { job, keys, notary, seat: Seat::DataOwner, weights })
    }

    /// Records a bundle as used, and erases it: what was prepared, and its keys.
    fn use_up(&self, stock: &Stock<'_>, bundle: BundleId) -> Result<[Box<dyn Read>; 2], InferError> {
        let keys = stock.open(&*self.keys, bundle)?;
        let read: [Box<dyn Read>; 2] = [Box::new(stock.open_prepared(bundle)?), Box::new(keys)];
        self.ledger.record(bundle)?;
        stock.erase(bundle)?;
        Ok(read)
    }

    /// Erases what a process that was killed has left of bundles that are recorded as used.
    fn drop_used(&self, stock: &Stock<'_>) -> Result<(), InferError> {
        let used = self.ledger.recorded()?;
        let mut left = stock.bundles()?.into_iter().filter(|bundle| used.contains(&bundle.0));
        left.try_for_each(|bundle| stock.erase(bundle))
    }
}

/// Ends the connection of a run: in good order, which the model owner's end then confirms, or with a word to it that there
/// is no evidence here.
fn part(link: Link, unproven: Option<&InferError>) -> Option<PeerError> {
    let Some(why) = unproven else { return link.part().err() };
    if let Some(why) = why.told() {
        link.refuse(&format!("it has no evidence of the run: {why}"));
    }
    None
}

fn disagree(peer: &PeerKey, why: &str) -> InferError {
    InferError::Disagreement(format!("{}: {why}", peer.name))
}

/// Held by whoever takes a bundle in.
const FETCHING: &str = "fetching";
