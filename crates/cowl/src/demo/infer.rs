//! The step `infer`: a trained network names the region that a map of a brain shows. The hospital does not show the map,
//! the network's owner does not show its weights, and a dealer of randomness sees neither.
//!
//! The three roles are threads of this process; what they say to each other goes over TLS on loopback, as between machines.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cowl_domain::{
    ComputeTerms, InferenceTerms, ItemId, OutputReceivers, OutputRule, Power, Powers, Purpose, Role,
};
use cowl_imaging::network_input::Hints;
use cowl_job::Seat;
use cowl_model::onnx::NoFiles;
use cowl_model::{ImportOptions, PublishedModel, Rounding, Tensor, import, zoo};
use cowl_vault::{GrantSpec, Silent, Vault};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use super::cast::register;
use super::cloud::Cloud;
use super::samples::{MAP, NETWORK};
use super::stage::Told;
use super::tables::HOSPITAL;
use crate::args::ReadingArguments;
use crate::commands::infer::page::{Cast, outcome, page};
use crate::failure::{Failure, Result};
use crate::infer::data_owner::{Agreed, Asked, DataOwner, Others, Ran};
use crate::infer::dealer::Dealer;
use crate::infer::error::InferError;
use crate::infer::job::{Notary, VaultNotary};
use crate::infer::keys::Keys;
use crate::infer::model_owner::{ModelOwner, Place, Served, Shelf};
use crate::infer::peer::{Listener, PeerKey};
use crate::infer::recipe::Recipe;
use crate::infer::serving::serve_all;
use crate::infer::store::{Folder, Ledger};
use crate::infer::watch::Watch;
use crate::infer::wire::Leave;
use crate::inputs::{Input, brain_networks, read_inputs};
use crate::models::gate::Grants;
use crate::models::keeping::{self, weights_name};
use crate::models::reading::ReadModel;
use crate::models::{TECHNIQUE, catalog, numbers, permission};
use crate::report::inference::{ClassFound, InferenceOutcome};
use crate::size::{Size, count};

pub(super) const MAKER: &str = "maker";
const DEALER: &str = "dealer";
/// The page of the run, in the demo's folder.
pub(super) const PAGE: &str = "inference.html";
const MODEL: &str = "networks";

/// Plays the step.
///
/// # Errors
/// Whatever goes otherwise than a story may.
pub(super) async fn play(cloud: &Cloud, hospital: Arc<Vault>) -> Result<Told> {
    let people = People::gather(cloud, hospital).await?;
    let begun = Instant::now();
    let map = place_map(&people.hospital)?;
    let model = block_in_place(|| network(&map))?;
    let inputs = read_inputs(&model.published.architecture, std::slice::from_ref(&map), &Hints::default())?;
    let clear = block_in_place(|| in_the_clear(&model, &inputs))?;
    let item = people.keep_and_grant(&model).await?;
    let others = people.listen(item, model).await?;
    let (asked, leave) = people.ask().await?;
    let data_owner = people.data_owner()?;
    let (agreed, ran) = block_in_place(|| -> Result<_> {
        let agreed = data_owner.agree(&asked, &others, &Silent)?;
        data_owner.stock(&agreed, &others, &leave, 1, &Silent)?;
        let numbers: Vec<Tensor<f32>> = inputs.iter().map(|input| input.numbers.clone()).collect();
        let ran = data_owner.run(&agreed, &others, &numbers, &mut Watch::silent())?;
        if let Some(why) = ran.unproven {
            return Err(why.into());
        }
        Ok((agreed, ran))
    })?;
    let ahead = begun.elapsed().saturating_sub(ran.outcome.took);
    let cast =
        Cast { data_owner: HOSPITAL.to_owned(), model_owner: MAKER.to_owned(), dealer: DEALER.to_owned() };
    let path = cloud.place().join(PAGE);
    std::fs::write(&path, page(cast, &agreed, &inputs, &ran)?)
        .map_err(|error| Failure::file(&path, error))?;
    let unseen = is_masked(&agreed, &inputs, &ran)? && people.weights_are_hidden().await;
    told(&agreed, &inputs, &ran, &Checked { clear, unseen, ahead })
}

/// What was found beside the run itself.
struct Checked {
    /// The network's output in floats, where map and weights lie side by side.
    clear: Vec<f32>,
    /// Whether neither side has seen the other's.
    unseen: bool,
    /// What was done ahead of time.
    ahead: Duration,
}

fn told(agreed: &Agreed, inputs: &[Input], ran: &Ran, checked: &Checked) -> Result<Told> {
    let spent = &ran.outcome;
    let outputs = spent.outputs.as_deref().ok_or_else(|| Failure::no("the hospital has no output"))?;
    let published = published(agreed)?;
    let found = first_class(outcome(&published, inputs, outputs))?;
    let in_clear = Tensor::list(checked.clear.clone()).map_err(|error| Failure::no(error.to_string()))?;
    let expected = first_class(outcome(&published, inputs, &[(String::new(), in_clear)]))?;
    let numbers = outputs.iter().flat_map(|(_, output)| output.data());
    let near = numbers.zip(&checked.clear).all(|(one, other)| (one - other).abs() <= NEAR);
    let equal = near && found.name == expected.name;
    let text = format!(
        "{MAKER}'s network of {:.0} million weights names {} ({:.1} %) in {HOSPITAL}'s map, {}; {}; {}, {}; {:.1} s ahead of time",
        published.architecture.weight_count() as f64 / 1e6,
        found.name,
        100.0 * found.probability.unwrap_or_default(),
        if equal { "as in the clear" } else { "NOT as in the clear" },
        if checked.unseen { "neither saw the other's" } else { "the other's was SEEN" },
        Size(spent.sent + spent.received),
        count(spent.rounds.into(), "round"),
        checked.ahead.as_secs_f64(),
    );
    Ok(Told::new(text, equal && checked.unseen, spent.took))
}

fn published(agreed: &Agreed) -> Result<PublishedModel> {
    let unread = |error: &dyn std::fmt::Display| Failure::no(error.to_string());
    let recipe = Recipe::from_bytes(&agreed.set_up.terms.recipe).map_err(|error| unread(&error))?;
    recipe.published().map_err(|error| unread(&error))
}

fn first_class(outcome: InferenceOutcome) -> Result<ClassFound> {
    let InferenceOutcome::Classes(classes) = outcome else {
        return Err(Failure::no("the output is not one of classes"));
    };
    classes.into_iter().next().ok_or_else(|| Failure::no("the output has no class in it"))
}

/// Whether nothing of the map was in what the model's owner was sent.
fn is_masked(agreed: &Agreed, inputs: &[Input], ran: &Ran) -> Result<bool> {
    let numbers: Vec<Tensor<f32>> = inputs.iter().map(|input| input.numbers.clone()).collect();
    let plain = agreed.computation.quantised(&numbers)?;
    let (Some(masked), Some(plain)) = (&ran.outcome.masked, plain.first()) else { return Ok(false) };
    let equal = masked.iter().zip(plain.data()).filter(|(sent, meant)| sent == meant).count();
    Ok(masked.len() == plain.data().len() && equal <= BY_CHANCE)
}

/// The map, where the hospital keeps its own.
fn place_map(hospital: &Vault) -> Result<PathBuf> {
    let (name, bytes) = MAP;
    let path = hospital.profile().dir().join(name);
    std::fs::write(&path, bytes).map_err(|error| Failure::file(&path, error))?;
    Ok(path)
}

/// The trained network, as its owner takes it in: from ONNX, its ring found with a map.
fn network(map: &Path) -> Result<ReadModel> {
    let refused = |error: &dyn std::fmt::Display| Failure::no(error.to_string());
    let onnx = zoo::fmri_trained(NETWORK).map_err(|error| refused(&error))?;
    let model = import(&onnx, &NoFiles, &ImportOptions::default()).map_err(|error| refused(&error))?;
    drop(onnx);
    let reading = ReadingArguments {
        batch: 1,
        largest_input: 1.0,
        calibrate: vec![map.to_owned()],
        ..ReadingArguments::default()
    };
    let (ring, choice) = numbers::choose(&model.architecture, &model.weights, &reading)?;
    let published = PublishedModel {
        architecture: model.architecture,
        ring,
        rounding: Rounding::Nearby,
        classes: brain_networks::NAMES.lines().map(str::to_owned).collect(),
    };
    Ok(ReadModel { published, weights: model.weights, notes: model.notes, choice })
}

fn in_the_clear(model: &ReadModel, inputs: &[Input]) -> Result<Vec<f32>> {
    let numbers: Vec<Tensor<f32>> = inputs.iter().map(|input| input.numbers.clone()).collect();
    let outputs = model.published.architecture.evaluate(&numbers, &model.weights);
    let outputs = outputs.map_err(|error| Failure::no(error.to_string()))?;
    Ok(outputs.into_iter().flat_map(Tensor::into_data).collect())
}

/// Who takes part.
struct People {
    hospital: Arc<Vault>,
    maker: Arc<Vault>,
    dealer: Arc<Vault>,
}

impl People {
    /// All three, who have compared their fingerprints.
    async fn gather(cloud: &Cloud, hospital: Arc<Vault>) -> Result<Self> {
        let maker = Arc::new(register(cloud, MAKER, Role::ModelOwner).await?);
        let dealer = Arc::new(register(cloud, DEALER, Role::Dealer).await?);
        let people = Self { hospital, maker, dealer };
        let all = [&people.hospital, &people.maker, &people.dealer];
        for one in all {
            for other in all.iter().filter(|other| !Arc::ptr_eq(one, other)) {
                let card = other.me();
                one.verify_party(card.handle.as_str(), &card.fingerprint).await?;
            }
        }
        Ok(people)
    }

    /// The network into the maker's record, its weights sealed to the maker alone; and a grant to run it.
    async fn keep_and_grant(&self, model: &ReadModel) -> Result<ItemId> {
        let record = self.maker.default_record().await?;
        let kept = keeping::keep(&self.maker, record, MODEL, model, (None, false), &Silent).await?;
        let inference = InferenceTerms { output: OutputRule::Values, receivers: OutputReceivers::DataOwner };
        let spec = GrantSpec {
            record,
            items: vec![kept.model],
            grantee: HOSPITAL.to_owned(),
            powers: Powers::of([Power::Compute, Power::Read]),
            compute: Some(ComputeTerms {
                technique: TECHNIQUE.to_owned(),
                minimum_cohort: 1,
                runs: Some(RUNS),
                inference: Some(inference),
            }),
            purpose: Purpose::Diagnosis,
            expires_at: None,
            note: None,
        };
        self.maker.grant(&spec).await?;
        Ok(kept.model)
    }

    /// Dealer and model owner begin to listen; they end with the process.
    async fn listen(&self, item: ItemId, model: ReadModel) -> Result<Others> {
        let hospital = peer(&self.dealer, HOSPITAL).await?;
        let address = self.deal(vec![peer(&self.dealer, MAKER).await?, hospital.clone()])?;
        let dealer = Place { peer: peer(&self.maker, DEALER).await?, address };
        let served =
            Served { name: MODEL.to_owned(), published: model.published.to_bytes(), weights: model.weights };
        let address = self.serve(hospital, dealer.clone(), HashMap::from([(item, served)]))?;
        Ok(Others { model_owner: Place { peer: peer(&self.hospital, MAKER).await?, address }, dealer })
    }

    fn deal(&self, parties: Vec<PeerKey>) -> Result<String> {
        let keys: Arc<dyn Keys> = self.dealer.clone();
        let listener = Listener::bind(&keys.identity(), parties.clone(), LOOPBACK, PATIENCE)
            .map_err(InferError::from)?;
        let address = listener.address()?.to_string();
        let dealer = Dealer::new(keys, folder(&self.dealer)?, parties)?;
        // What goes wrong here the data owner is told, and tells.
        std::thread::spawn(move || serve_all(&listener, |link, peer| dealer.serve(link, peer), |_, _| {}));
        Ok(address)
    }

    fn serve(&self, hospital: PeerKey, dealer: Place, served: HashMap<ItemId, Served>) -> Result<String> {
        let keys: Arc<dyn Keys> = self.maker.clone();
        let listener =
            Listener::bind(&keys.identity(), vec![hospital], LOOPBACK, PATIENCE).map_err(InferError::from)?;
        let address = listener.address()?.to_string();
        let folder = folder(&self.maker)?;
        let owner = ModelOwner {
            keys,
            notary: notary(&self.maker),
            ledger: Ledger::open(&folder)?,
            folder,
            dealer,
            shelf: Shelf::new(served),
            gate: Box::new(Grants::new(self.maker.clone(), Handle::current())),
            patience: PATIENCE,
            working: Mutex::new(()),
        };
        std::thread::spawn(move || {
            serve_all(&listener, |link, peer| owner.serve(link, peer, &mut |_| {}), |_, _| {})
        });
        Ok(address)
    }

    /// The model as the hospital reads it.
    async fn ask(&self) -> Result<(Asked, Leave)> {
        let known = catalog::find(&self.hospital, MODEL).await?;
        let published = catalog::published(&self.hospital, &known.info, &Silent).await?;
        let recipe =
            Recipe { model: known.info.item, published: published.to_bytes(), output: OutputRule::Values };
        let learns = OutputReceivers::DataOwner;
        let leave = permission::leave(&self.hospital, &known, OutputRule::Values, learns).await?;
        Ok((Asked { recipe, learns }, leave))
    }

    fn data_owner(&self) -> Result<DataOwner> {
        let folder = folder(&self.hospital)?;
        let ledger = Ledger::open(&folder)?;
        let keys = self.hospital.clone();
        Ok(DataOwner { keys, notary: notary(&self.hospital), folder, ledger, patience: PATIENCE })
    }

    /// Whether the hospital, which reads the architecture, finds no weights.
    async fn weights_are_hidden(&self) -> bool {
        let architecture = self.hospital.find_item(None, MODEL).await;
        let weights = self.hospital.find_item(None, &weights_name(MODEL)).await;
        architecture.is_ok() && weights.is_err()
    }
}

fn notary(vault: &Arc<Vault>) -> Arc<dyn Notary> {
    Arc::new(VaultNotary { vault: vault.clone(), runtime: Handle::current() })
}

async fn peer(vault: &Vault, name: &str) -> Result<PeerKey> {
    Ok(PeerKey { name: name.to_owned(), keys: vault.party_keys(name).await? })
}

fn folder(vault: &Vault) -> Result<Folder> {
    Ok(Folder::open(vault.profile().dir(), vault.participant(Seat::Receiver).signing)?)
}

/// The demo runs the model once.
const RUNS: u32 = 1;
/// Outputs may differ by this much from those in floats.
const NEAR: f32 = 1e-2;
/// Numbers of the map that may be sent as they are by chance: of 109,350 on 40 bits or more, none in all likelihood.
const BY_CHANCE: usize = 1;
const LOOPBACK: &str = "127.0.0.1:0";
/// How long a party waits for another.
const PATIENCE: Duration = Duration::from_secs(60);
