//! The dealer: draws the randomness of others' computations, and sees neither data nor weights.
//!
//! It knows of each set-up who takes part and what is computed, and the seed of the weight mask. A bundle is dealt when the
//! data owner asks for one, straight into two files that are sealed to the two parties, and each file is erased
//! when its party says that it is kept. What exists is what both files' statement says: it is written last, so that
//! a dealer that dies in the middle has dealt nothing.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use cowl_crypto::digest::{Digest, Hasher};
use cowl_crypto::id::random_bytes;
use cowl_domain::{Grant, PartyId, Signed};
use cowl_job::{Seat, check_grants};
use cowl_mpc::Party;
use cowl_mpc::bundle::{BundleId, Draw};
use cowl_seal::XWingRecipient;
use cowl_seal::payload::SealWriter;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use super::engine::{Computation, Computations};
use super::error::{InferError, name_of};
use super::job::{Basis, Job, Order, Seats, now};
use super::keys::Keys;
use super::peer::{Link, PeerKey, StreamWriter};
use super::recipe::Recipe;
use super::store::{
    BundleName, Folder, NewFile, Part, SetUp, SetUpId, Terms, WeightStatement, sealed_bundle_length,
};
use super::wire::{Dealt, FromDealer, Leave, ToDealer};

/// One dealer and its parties.
pub(crate) struct Dealer {
    keys: Arc<dyn Keys>,
    folder: Folder,
    parties: Vec<PeerKey>,
    computations: Computations,
    /// One bundle is dealt at a time: its kernels take all cores.
    dealing: Mutex<()>,
}

/// Both statements of one dealing, the model owner's first, and the job that it is for.
#[derive(Encode, Decode)]
struct Said(#[n(0)] [ByteVec; 2], #[n(1)] Order);

impl Dealer {
    /// A dealer for these parties. What an earlier process has left unfinished is erased.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn new(
        keys: Arc<dyn Keys>,
        folder: Folder,
        parties: Vec<PeerKey>,
    ) -> Result<Self, InferError> {
        let dealer =
            Self { keys, folder, parties, computations: Computations::default(), dealing: Mutex::new(()) };
        dealer.clear()?;
        Ok(dealer)
    }

    /// Serves one connection to its end.
    ///
    /// # Errors
    /// What is wrong with what it asks; the other side is to be told.
    pub(crate) fn serve(&self, link: &mut Link, peer: &PeerKey) -> Result<(), InferError> {
        while let Some(request) = link.hear_next::<ToDealer>("request to a dealer")? {
            match request {
                ToDealer::SetUp(terms) => self.set_up(link, peer, terms)?,
                ToDealer::Commit { set_up, commitment } => self.commit(link, peer, set_up, commitment)?,
                ToDealer::Deal { set_up, commitment, leave } => {
                    self.deal_for(link, peer, set_up, commitment, &leave)?;
                }
                ToDealer::Next { set_up } => self.next(link, peer, set_up)?,
                ToDealer::Kept { set_up, bundle } => self.kept(link, peer, set_up, bundle.into())?,
            }
        }
        Ok(())
    }

    fn set_up(&self, link: &mut Link, peer: &PeerKey, terms: Terms) -> Result<(), InferError> {
        let known = self.parties.iter().any(|party| party.party() == terms.data_owner);
        if terms.model_owner != peer.party() || terms.dealer != self.keys.public().party || !known {
            return Err(disagree("the set-up names parties that this dealer does not serve"));
        }
        let _held = self.folder.lock("lock")?;
        let seed = match SetUp::load(&self.folder, terms.id)? {
            Some(SetUp { terms: before, part: Part::Dealer { seed }, .. }) if before == terms => seed,
            Some(_) => return Err(disagree("there is another set-up of this name")),
            None => {
                self.computation(&terms)?;
                let seed = random_bytes();
                let part = Part::Dealer { seed };
                SetUp::new(terms, None, part).store(&self.folder)?;
                seed
            }
        };
        Ok(link.say(&FromDealer::Seed(seed))?)
    }

    fn commit(
        &self,
        link: &mut Link,
        peer: &PeerKey,
        id: SetUpId,
        commitment: Vec<u8>,
    ) -> Result<(), InferError> {
        let _held = self.folder.lock("lock")?;
        let mut set_up = self.set_up_of(id, peer, Party::ModelOwner)?;
        let signed =
            Signed::<WeightStatement>::from_bytes(&commitment).map_err(|e| disagree(&e.to_string()))?;
        let verified = signed.verify(&peer.keys)?;
        if verified.terms != set_up.terms.digest() {
            return Err(disagree("the weight commitment belongs to another set-up"));
        }
        match &set_up.commitment {
            Some(before) if *before != commitment => {
                return Err(disagree("the set-up has other weights; changed weights need a new set-up"));
            }
            Some(_) => {}
            None => {
                set_up.commitment = Some(commitment);
                set_up.store(&self.folder)?;
            }
        }
        Ok(link.say(&FromDealer::Done)?)
    }

    /// The set-up, if this party sits there in it.
    fn set_up_of(&self, id: SetUpId, peer: &PeerKey, seat: Party) -> Result<SetUp, InferError> {
        let found = SetUp::load(&self.folder, id)?.ok_or(InferError::NoSetUp(id))?;
        let party = if seat == Party::ModelOwner { found.terms.model_owner } else { found.terms.data_owner };
        // Whose set-ups there are is nobody else's business.
        if party == peer.party() { Ok(found) } else { Err(InferError::NoSetUp(id)) }
    }

    fn seat_of(&self, id: SetUpId, peer: &PeerKey) -> Result<(SetUp, Party), InferError> {
        let seats = Party::BOTH.into_iter();
        let mut seated = seats.filter_map(|seat| Some((self.set_up_of(id, peer, seat).ok()?, seat)));
        seated.next().ok_or(InferError::NoSetUp(id))
    }

    fn computation(&self, terms: &Terms) -> Result<Arc<Computation>, InferError> {
        let computation = self.computations.get(&Recipe::from_bytes(&terms.recipe)?)?;
        if computation.digest() == terms.program {
            return Ok(computation);
        }
        Err(disagree(
            "the dealer compiles another program from this architecture: the versions of cowl differ",
        ))
    }

    fn deal_for(
        &self,
        link: &mut Link,
        peer: &PeerKey,
        id: SetUpId,
        commitment: Digest,
        leave: &Leave,
    ) -> Result<(), InferError> {
        let set_up = self.set_up_of(id, peer, Party::DataOwner)?;
        if set_up.commitment_digest() != Some(commitment) {
            return Err(disagree("the model owner has committed itself to other weights here"));
        }
        if self.waiting(id, Party::ModelOwner)?.len() >= MOST_WAITING {
            return Err(disagree(
                "the model owner has not fetched its bundles; no more are dealt until then",
            ));
        }
        let made = AtomicU64::new(0);
        let (done, is_done) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            let work = scope.spawn(|| {
                let _done = done;
                self.deal(&set_up, leave, &made)
            });
            while is_done.recv_timeout(TELL) == Err(mpsc::RecvTimeoutError::Timeout) {
                link.say(&FromDealer::Dealing(made.load(Ordering::Relaxed)))?;
            }
            work.join().map_err(|_| disagree("dealing has failed"))?
        })?;
        Ok(link.say(&FromDealer::Done)?)
    }

    /// Deals one bundle into two files.
    fn deal(&self, set_up: &SetUp, leave: &Leave, made: &AtomicU64) -> Result<(), InferError> {
        let _one = self.dealing.lock().unwrap_or_else(PoisonError::into_inner);
        let Part::Dealer { seed } = &set_up.part else {
            return Err(InferError::NoSetUp(set_up.terms.id));
        };
        let computation = self.computation(&set_up.terms)?;
        let sizes = Party::BOTH.map(|seat| sealed_bundle_length(computation.bundle_bytes(seat)));
        self.folder.room_for(sizes.iter().sum())?;
        let draw = Draw::random()?;
        let bundle = draw.id();
        let order = self.order(set_up, &computation, bundle, leave)?;
        let files = [
            self.begin_half(set_up, bundle, Party::ModelOwner, made)?,
            self.begin_half(set_up, bundle, Party::DataOwner, made)?,
        ];
        let [first, second] = computation.deal(&draw, seed, files)?;
        let statements = [
            self.end_half(set_up, bundle, Party::ModelOwner, first)?,
            self.end_half(set_up, bundle, Party::DataOwner, second)?,
        ];
        self.folder.write(&said_name(set_up.terms.id, bundle), &Said(statements.map(ByteVec::from), order))
    }

    /// Consents to the job for which a bundle is about to be dealt. Whether the grant still stands when it is run, and
    /// has runs left, the model owner checks then.
    fn order(
        &self,
        set_up: &SetUp,
        computation: &Computation,
        bundle: BundleId,
        leave: &Leave,
    ) -> Result<Order, InferError> {
        let terms = &set_up.terms;
        let [model_owner, data_owner] = [terms.model_owner, terms.data_owner].map(|party| self.peer(party));
        let (model_owner, data_owner) = (model_owner?.keys.clone(), data_owner?.keys.clone());
        let grant =
            Signed::<Grant>::from_bytes(&leave.grant).map_err(|error| disagree(&error.to_string()))?;
        let grant = grant.verify(&model_owner)?;
        let basis = Basis { item: leave.item.clone(), grant: grant.grant };
        let seats = Seats { data_owner, model_owner, dealer: self.keys.public() };
        let job = Job::new(terms, computation, bundle, &basis, seats)?;
        let check = check_grants(job.spec(), &[grant], &[], now())?;
        let offer = job.consent(check, &self.keys.participant(Seat::Dealer), STOCK_SECONDS)?;
        Ok(Order { basis, consent: offer.to_bytes() })
    }

    fn peer(&self, party: PartyId) -> Result<&PeerKey, InferError> {
        let known = self.parties.iter().find(|peer| peer.party() == party);
        known.ok_or_else(|| disagree("a party of this set-up is not served any more"))
    }

    fn begin_half<'a>(
        &self,
        set_up: &SetUp,
        bundle: BundleId,
        seat: Party,
        made: &'a AtomicU64,
    ) -> Result<SealWriter<Counted<'a>>, InferError> {
        let name = half_name(set_up.terms.id, bundle, seat);
        let path = self.folder.path(&name)?;
        let recipient = self.recipient(set_up, seat)?;
        let file = BufWriter::with_capacity(BUFFER, self.folder.begin(&name)?);
        let counted = Counted { inner: file, hasher: Hasher::new(), size: 0, made };
        let place = BundleName { set_up: set_up.terms.id, bundle, seat };
        place.seal(&recipient, counted).map_err(|source| InferError::file(&path, source))
    }

    fn recipient(&self, set_up: &SetUp, seat: Party) -> Result<XWingRecipient, InferError> {
        let peer = self.peer(party_at(&set_up.terms, seat))?;
        XWingRecipient::from_bytes(peer.keys.sealing.as_bytes())
            .map_err(|_| disagree("a party's sealing key is not a valid one"))
    }

    fn end_half(
        &self,
        set_up: &SetUp,
        bundle: BundleId,
        seat: Party,
        half: SealWriter<Counted<'_>>,
    ) -> Result<Vec<u8>, InferError> {
        let path = self.folder.path(&half_name(set_up.terms.id, bundle, seat))?;
        let failed = |source| InferError::file(&path, source);
        let Counted { inner, hasher, size, .. } = half.finish().map_err(failed)?;
        inner.into_inner().map_err(|error| failed(error.into_error()))?.keep()?;
        let dealt = Dealt {
            set_up: set_up.terms.id,
            bundle: bundle.into(),
            party: party_at(&set_up.terms, seat),
            program: set_up.terms.program,
            digest: hasher.finalize(),
            size,
        };
        Ok(self.keys.sign(&dealt).to_bytes())
    }

    fn next(&self, link: &mut Link, peer: &PeerKey, id: SetUpId) -> Result<(), InferError> {
        let (set_up, seat) = self.seat_of(id, peer)?;
        let Some(bundle) = self.waiting(id, seat)?.into_iter().next() else {
            return Ok(link.say(&FromDealer::Nothing)?);
        };
        let said: Option<Said> = self.folder.read(&said_name(set_up.terms.id, bundle), "statements")?;
        let Some(Said(statements, order)) = said else { return Ok(link.say(&FromDealer::Nothing)?) };
        let path = self.folder.path(&half_name(id, bundle, seat))?;
        let file = File::open(&path).map_err(|source| InferError::file(&path, source))?;
        link.say(&FromDealer::Parcel { dealt: statements[seat.index()].to_vec(), order })?;
        let mut stream = StreamWriter::new(link);
        io::copy(&mut BufReader::with_capacity(BUFFER, file), &mut stream)
            .map_err(|error| InferError::stream(&path, error))?;
        Ok(stream.finish()?)
    }

    fn kept(&self, link: &mut Link, peer: &PeerKey, id: SetUpId, bundle: BundleId) -> Result<(), InferError> {
        let (_, seat) = self.seat_of(id, peer)?;
        self.folder.erase(&half_name(id, bundle, seat))?;
        self.forget_if_delivered(id, bundle)?;
        Ok(link.say(&FromDealer::Done)?)
    }

    fn forget_if_delivered(&self, id: SetUpId, bundle: BundleId) -> Result<(), InferError> {
        if Party::BOTH.iter().any(|seat| self.folder.has(&half_name(id, bundle, *seat))) {
            return Ok(());
        }
        self.folder.erase(&said_name(id, bundle))
    }

    /// Bundles that were dealt and that a party has not taken yet.
    fn waiting(&self, id: SetUpId, seat: Party) -> Result<Vec<BundleId>, InferError> {
        let names = self.folder.names(&format!("{DEALT}/{id}"))?;
        let said = names.iter().filter_map(|name| name.strip_suffix(SAID));
        let bundles = said.filter_map(|text| cowl_crypto::id::decode_id(text).ok()).map(BundleId);
        Ok(bundles.filter(|bundle| self.folder.has(&half_name(id, *bundle, seat))).collect())
    }

    /// Erases halves of bundles that were never dealt to the end, and statements of those that both have.
    fn clear(&self) -> Result<(), InferError> {
        for set_up in SetUp::all(&self.folder)? {
            let folder = format!("{DEALT}/{}", set_up.terms.id);
            self.folder.sweep(&folder)?;
            for name in self.folder.names(&folder)? {
                let Some(id) = name.get(..26).and_then(|text| cowl_crypto::id::decode_id(text).ok()) else {
                    continue;
                };
                if self.folder.has(&said_name(set_up.terms.id, BundleId(id))) {
                    self.forget_if_delivered(set_up.terms.id, BundleId(id))?;
                } else {
                    self.folder.erase(&format!("{folder}/{name}"))?;
                }
            }
        }
        Ok(())
    }

    /// Every set-up, and how many bundles wait for the model owner and for the data owner.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn left(folder: &Folder, id: SetUpId) -> Result<[usize; 2], InferError> {
        let names = folder.names(&format!("{DEALT}/{id}"))?;
        Ok(Party::BOTH.map(|seat| {
            let end = format!(".{}", seat.index());
            names.iter().filter(|name| name.ends_with(&end)).count()
        }))
    }
}

/// Hashes and counts what is written.
pub(crate) struct Counted<'a> {
    inner: BufWriter<NewFile>,
    hasher: Hasher,
    size: u64,
    made: &'a AtomicU64,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..length]);
        self.size += length as u64;
        self.made.fetch_add(length as u64, Ordering::Relaxed);
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn party_at(terms: &Terms, seat: Party) -> PartyId {
    if seat == Party::ModelOwner { terms.model_owner } else { terms.data_owner }
}

fn disagree(text: &str) -> InferError {
    InferError::Disagreement(text.to_owned())
}

fn half_name(id: SetUpId, bundle: BundleId, seat: Party) -> String {
    format!("{DEALT}/{id}/{}.{}", name_of(&bundle), seat.index())
}

fn said_name(id: SetUpId, bundle: BundleId) -> String {
    format!("{DEALT}/{id}/{}{SAID}", name_of(&bundle))
}

const DEALT: &str = "dealt";
const SAID: &str = ".said";
const BUFFER: usize = 256 << 10;
/// Bundles of a set-up that may wait for the model owner.
const MOST_WAITING: usize = 256;
/// How long the dealer's consent to a run is good, and so a bundle: half a year.
const STOCK_SECONDS: u64 = 183 * 24 * 3600;
/// How often the data owner hears how far a dealing is.
const TELL: Duration = Duration::from_millis(500);
