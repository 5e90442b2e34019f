//! Three parties of one process, with keys that live as long as it does.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use cowl_crypto::sign::SigningKey;
use cowl_domain::{
    Grant, GrantId, ItemId, OutputReceivers, OutputRule, PartyId, PartyKeys, SealingKey, Verified,
};
use cowl_job::{Participant, Seat};
use cowl_model::{Graph, Model, PublishedModel, Ring, Rounding, Tensor};
use cowl_mpc::Party;
use cowl_seal::XWingIdentity;
use cowl_seal::message::{self, MessageError};
use cowl_vault::Silent;
use zeroize::Zeroizing;

use super::PATIENCE;
use super::paper::{Paper, leave};
use super::slow::Wire;
use crate::failure::{Failure, Result};
use crate::infer::data_owner::{Agreed, Asked, DataOwner, Others};
use crate::infer::dealer::Dealer;
use crate::infer::error::InferError;
use crate::infer::keys::Keys;
use crate::infer::model_owner::{Gate, ModelOwner, Place, Served, Shelf};
use crate::infer::peer::{Listener, PeerKey};
use crate::infer::recipe::Recipe;
use crate::infer::serving::serve_all;
use crate::infer::store::{Folder, Ledger};
use crate::infer::watch::Watch;
use crate::infer::wire::{Leave, Wanted};

/// A party of a bench.
struct Someone {
    signing: SigningKey,
    sealing: XWingIdentity,
    public: PartyKeys,
    place: PathBuf,
}

impl Someone {
    fn make(place: PathBuf) -> Result<Arc<Self>> {
        std::fs::create_dir(&place).map_err(|error| Failure::file(&place, error))?;
        let (signing, sealing) = (SigningKey::make(), XWingIdentity::make());
        let key = SealingKey::from_slice(&sealing.recipient().to_bytes());
        let key = key.ok_or_else(|| Failure::no("a sealing key of another length"))?;
        let party = PartyKeys::first_id(&signing.verifying_key(), &key);
        let public =
            PartyKeys { party, version: 0, signing: signing.verifying_key(), sealing: key, rsa: None };
        Ok(Arc::new(Self { signing, sealing, public, place }))
    }

    fn folder(&self) -> Result<Folder> {
        Ok(Folder::open(&self.place, &self.signing)?)
    }

    fn peer(&self, name: &str) -> PeerKey {
        PeerKey { name: name.to_owned(), keys: self.public.clone() }
    }
}

impl Keys for Someone {
    fn participant(&self, seat: Seat) -> Participant<'_> {
        let party: PartyId = self.public.party;
        Participant { seat, party, key_version: 0, signing: &self.signing }
    }

    fn public(&self) -> PartyKeys {
        self.public.clone()
    }

    fn open(&self, context: &[u8], sealed: &[u8]) -> std::result::Result<Zeroizing<Vec<u8>>, MessageError> {
        message::open_with(&self.sealing, context, sealed)
    }
}

/// Everything is allowed in a bench.
struct Open;

impl Gate for Open {
    fn allows(&self, _: &PeerKey, _: &Wanted, _: Option<GrantId>) -> std::result::Result<(), InferError> {
        Ok(())
    }

    fn count(&self, _: &PeerKey, _: &Wanted, _: GrantId) -> std::result::Result<(), InferError> {
        Ok(())
    }
}

/// What a network took; times in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured {
    pub(super) online: f64,
    pub(super) recording: f64,
    pub(super) dealt: u64,
    pub(super) sent: u64,
    pub(super) rounds: u32,
    pub(super) dealing: f64,
}

/// Three parties that have set up.
pub(super) struct Trio {
    data_owner: DataOwner,
    others: Others,
    leave: Leave,
    agreed: Agreed,
    /// Removed with everything that the three keep, when the last run is over.
    _place: tempfile::TempDir,
}

/// How often.
#[derive(Debug, Clone, Copy)]
pub(super) struct Repeats {
    /// Runs that are not measured.
    pub(super) before: u32,
    /// Runs that are.
    pub(super) measured: u32,
}

impl Trio {
    /// Sets up for a network.
    ///
    /// # Errors
    /// Those of the parties.
    pub(super) fn new(model: Model, ring: Ring) -> Result<Self> {
        Self::between(model, ring, |grant| vec![grant])
    }

    /// The same, where the maker knows of these grants.
    fn between(
        model: Model,
        ring: Ring,
        known: impl Fn(Verified<Grant>) -> Vec<Verified<Grant>>,
    ) -> Result<Self> {
        let published = PublishedModel {
            architecture: model.architecture,
            ring,
            rounding: Rounding::Nearby,
            classes: Vec::new(),
        };
        let item = ItemId::from_bytes([1; 16]);
        let served =
            Served { name: "bench".to_owned(), published: published.to_bytes(), weights: model.weights };
        let recipe = Recipe { model: item, published: published.to_bytes(), output: OutputRule::Values };
        let place = tempfile::tempdir()?;
        let someone = |name| Someone::make(place.path().join(name));
        let [maker, hospital, dealer] = [someone("maker")?, someone("hospital")?, someone("dealer")?];
        let dealer_at = deal(&dealer, &maker, &hospital)?;
        let dealer = Place { peer: dealer.peer("dealer"), address: dealer_at };
        let (grant, leave) = leave(&maker.public, &maker.signing, &hospital.public, item);
        let makers = Arc::new(Paper::new(known(grant.clone())));
        let notary = Arc::new(Paper::new(vec![grant]));
        let maker_at = serve(&maker, makers, &hospital, dealer.clone(), item, served)?;
        let model_owner = Place { peer: maker.peer("maker"), address: maker_at };
        let (folder, others) = (hospital.folder()?, Others { model_owner, dealer });
        let ledger = Ledger::open(&folder)?;
        let data_owner = DataOwner { keys: hospital, notary, folder, ledger, patience: PATIENCE };
        let asked = Asked { recipe, learns: OutputReceivers::DataOwner };
        let agreed = data_owner.agree(&asked, &others, &Silent)?;
        Ok(Self { data_owner, others, leave, agreed, _place: place })
    }

    /// Bytes that are dealt a run, both halves.
    pub(super) fn dealt(&self) -> u64 {
        Party::BOTH.map(|seat| self.agreed.computation.bundle_bytes(seat)).iter().sum()
    }

    /// Bytes that are missing on the disk for so many runs in stock and one that is just dealt, if any are.
    ///
    /// # Errors
    /// Those of the disk.
    pub(super) fn missing_room(&self, repeats: Repeats) -> Result<Option<u64>> {
        let needed = self.dealt() * u64::from(repeats.before + repeats.measured + 1) + LEFT_FREE;
        let disk = rustix::fs::statvfs(std::env::temp_dir()).map_err(std::io::Error::from)?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        Ok((free < needed).then(|| needed - free))
    }

    /// What comes out for an input, as the data owner has it.
    ///
    /// # Errors
    /// Those of the parties.
    pub(super) fn run(&self, input: Tensor<f32>) -> Result<Vec<f32>> {
        self.data_owner.stock(&self.agreed, &self.others, &self.leave, 1, &Silent)?;
        let ran = self.data_owner.run(&self.agreed, &self.others, &[input], &mut Watch::silent())?;
        let outputs = ran.outcome.outputs.ok_or_else(|| Failure::no("the data owner has no output"))?;
        Ok(outputs.into_iter().flat_map(|(_, output)| output.into_data()).collect())
    }

    /// Runs over a wire.
    ///
    /// # Errors
    /// Those of the parties.
    pub(super) fn measure(&self, wire: Wire, repeats: Repeats) -> Result<Measured> {
        let (runs, begun) = (repeats.before + repeats.measured, Instant::now());
        self.data_owner.stock(&self.agreed, &self.others, &self.leave, runs, &Silent)?;
        let dealing = milliseconds(begun.elapsed()) / f64::from(runs);
        // What was just stocked goes to the disk now, not while a run is measured: stocks are older than that.
        rustix::fs::sync();
        let input = [made_up(self.agreed.computation.graph(), 0)?];
        let mut others = self.others.clone();
        others.model_owner.address = wire.to(&others.model_owner.address)?;
        let (mut online, mut recording, mut last) = (Vec::new(), Vec::new(), None);
        for run in 0..runs {
            let ran = self.data_owner.run(&self.agreed, &others, &input, &mut Watch::silent())?;
            if let Some(why) = ran.unproven {
                return Err(why.into());
            }
            if run >= repeats.before {
                online.push(milliseconds(ran.outcome.took));
                recording.push(milliseconds(ran.recorded_in));
            }
            last = Some(ran.outcome);
        }
        let last = last.ok_or_else(|| Failure::no("nothing was run"))?;
        Ok(Measured {
            online: median(online),
            recording: median(recording),
            dealt: self.dealt(),
            sent: last.sent + last.received,
            rounds: last.rounds,
            dealing,
        })
    }
}

/// Numbers of 0 to 1 as a network's only input takes them; others for another `place`.
///
/// # Errors
/// A network without an input.
pub(super) fn made_up(graph: &Graph, place: usize) -> Result<Tensor<f32>> {
    let port = graph.inputs().first().ok_or_else(|| Failure::no("the network has no input"))?;
    let number = |at: usize| ((at * 37 + place * 101 + at / 255 * place) % 256) as f32 / 255.0;
    let numbers = (0..port.shape.count()).map(number).collect();
    Tensor::new(port.shape.clone(), numbers).map_err(|error| Failure::no(error.to_string()))
}

fn deal(dealer: &Arc<Someone>, maker: &Someone, hospital: &Someone) -> Result<String> {
    let parties = vec![maker.peer("maker"), hospital.peer("hospital")];
    let keys: Arc<dyn Keys> = dealer.clone();
    let listener = Listener::bind(&keys.identity(), parties.clone(), "127.0.0.1:0", PATIENCE)
        .map_err(InferError::from)?;
    let address = listener.address()?.to_string();
    let role = Dealer::new(keys, dealer.folder()?, parties)?;
    thread::spawn(move || serve_all(&listener, |link, peer| role.serve(link, peer), |_, _| {}));
    Ok(address)
}

fn serve(
    maker: &Arc<Someone>,
    notary: Arc<Paper>,
    hospital: &Someone,
    dealer: Place,
    item: ItemId,
    served: Served,
) -> Result<String> {
    let keys: Arc<dyn Keys> = maker.clone();
    let listener = Listener::bind(&keys.identity(), vec![hospital.peer("hospital")], "127.0.0.1:0", PATIENCE)
        .map_err(InferError::from)?;
    let address = listener.address()?.to_string();
    let folder = maker.folder()?;
    let owner = ModelOwner {
        keys,
        notary,
        ledger: Ledger::open(&folder)?,
        folder,
        dealer,
        shelf: Shelf::new(HashMap::from([(item, served)])),
        gate: Box::new(Open),
        patience: PATIENCE,
        working: Mutex::new(()),
    };
    thread::spawn(move || serve_all(&listener, |link, peer| owner.serve(link, peer, &mut |_| {}), |_, _| {}));
    Ok(address)
}

/// On the disk, beside what the parties keep.
const LEFT_FREE: u64 = 1 << 30;

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use cowl_model::onnx::NoFiles;
    use cowl_model::{ImportOptions, zoo};

    use super::*;
    use crate::infer::store::Stock;

    fn stocked(known: impl Fn(Verified<Grant>) -> Vec<Verified<Grant>>) -> Trio {
        let onnx = zoo::perceptron(1);
        let model = cowl_model::import(&onnx, &NoFiles, &ImportOptions::default()).unwrap();
        let trio = Trio::between(model, Ring::MENU[0], known).unwrap();
        trio.data_owner.stock(&trio.agreed, &trio.others, &trio.leave, 1, &Silent).unwrap();
        trio
    }

    fn run(trio: &Trio) -> std::result::Result<crate::infer::data_owner::Ran, InferError> {
        let input = made_up(trio.agreed.computation.graph(), 0).unwrap();
        trio.data_owner.run(&trio.agreed, &trio.others, &[input], &mut Watch::silent())
    }

    fn left(trio: &Trio) -> usize {
        let set_up = trio.agreed.set_up.terms.id;
        Stock::new(&trio.data_owner.folder, set_up, Party::DataOwner).bundles().unwrap().len()
    }

    #[test]
    fn a_run_ends_with_evidence_that_both_have_checked() {
        let trio = stocked(|grant| vec![grant]);
        let ran = run(&trio).unwrap();
        assert!(ran.unproven.is_none(), "{:?}", ran.unproven);
        assert_eq!((ran.outcome.bundle, left(&trio)), (ran.bundle, 0));
    }

    #[test]
    fn a_model_owner_that_knows_of_no_grant_consents_to_nothing_whatever_the_data_owner_thinks() {
        let trio = stocked(|_| Vec::new());
        let Err(refused) = run(&trio) else { panic!("it ran") };
        assert!(refused.to_string().contains("maker refuses: grant"), "{refused}");
        assert_eq!(left(&trio), 1, "a bundle was used up for a run without consent");
    }

    #[test]
    fn a_dealer_deals_for_no_run_that_nobody_has_granted() {
        let mut trio = stocked(|grant| vec![grant]);
        trio.leave.item.record = cowl_domain::RecordId::from_bytes([2; 16]);
        let refused = trio.data_owner.stock(&trio.agreed, &trio.others, &trio.leave, 1, &Silent).unwrap_err();
        assert!(refused.to_string().contains("dealer refuses"), "{refused}");
        trio.leave.grant[40] ^= 1;
        let refused = trio.data_owner.stock(&trio.agreed, &trio.others, &trio.leave, 1, &Silent).unwrap_err();
        assert!(refused.to_string().contains("dealer refuses"), "{refused}");
    }
}
