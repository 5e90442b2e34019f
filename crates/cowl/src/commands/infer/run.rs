//! `cowl infer run`

use std::fmt;
use std::time::Duration;

use cowl_model::Tensor;
use serde::Serialize;

use super::Here;
use super::page::{Cast, outcome, page};
use super::plan::{self, PlannedRun};
use crate::args::RunModelArguments;
use crate::columns::Columns;
use crate::commands::{Context, SHORT};
use crate::failure::{Failure, Result};
use crate::infer::data_owner::{Agreed, DataOwner, Others, Ran};
use crate::infer::error::name_of;
use crate::infer::model_owner::Place;
use crate::infer::recipe::Recipe;
use crate::infer::store::{Part, SetUp};
use crate::infer::watch::{LayerDone, Watch};
use crate::inputs::{Input, read_inputs};
use crate::report::inference::{ClassFound, InferenceOutcome};
use crate::size::Size;
use crate::style::{GOOD, QUIET};

pub(super) fn run(context: &Context, arguments: &RunModelArguments) -> Result<()> {
    let mut here = Here::begin(context)?;
    let set_up = choose(&here, arguments)?;
    let others = others_of(&mut here, &set_up, arguments)?;
    let me = here.vault.me().handle.to_string();
    let (keys, notary, folder, ledger) = (here.keys(), here.notary(), here.folder, here.ledger);
    let data_owner = DataOwner { keys, notary, folder, ledger, patience: arguments.patience };
    let agreed = DataOwner::agreed(set_up)?;
    let inputs = read_inputs(agreed.computation.graph(), &arguments.inputs, &arguments.reading.hints())?;
    let cast = Cast {
        data_owner: me,
        model_owner: others.model_owner.peer.name.clone(),
        dealer: others.dealer.peer.name.clone(),
    };
    plan::confirm(context, &PlannedRun::new(&agreed, &cast)?)?;
    let output = context.output;
    let mut show = |layer: &LayerDone| output.note(format_args!("  {}", Line(layer)));
    let numbers: Vec<Tensor<f32>> = inputs.iter().map(|input| input.numbers.clone()).collect();
    let ran = data_owner.run(&agreed, &others, &numbers, &mut Watch::showing(&mut show))?;
    for bundle in &ran.dropped {
        let text = "is good for nothing: the model owner has used or lost it in a run that was cut";
        output.note(format_args!("bundle {} {text}", name_of(bundle)));
    }
    if let Some(why) = &ran.unproven {
        output.warn(format_args!("the output holds, but there is no evidence of the run: {why}"));
    }
    if let Some(why) = &ran.parted {
        let owner = &others.model_owner.peer.name;
        output.warn(format_args!("the output and its evidence hold, but {owner} may have none: {why}"));
    }
    if let Some(path) = &arguments.report {
        let page = page(cast, &agreed, &inputs, &ran)?;
        std::fs::write(path, page).map_err(|source| Failure::file(path, source))?;
    }
    output.data(&Shown::new(&agreed, &inputs, &others.model_owner, &ran)?)
}

/// The newest set-up for the model.
fn choose(here: &Here, arguments: &RunModelArguments) -> Result<SetUp> {
    let owner = match &arguments.owner {
        Some(name) => Some(here.wait(async { Ok(here.vault.party(name).await?.party) })?),
        None => None,
    };
    let mine = |set_up: &SetUp| {
        matches!(set_up.part, Part::DataOwner { .. })
            && set_up.terms.model == arguments.model
            && owner.is_none_or(|owner| owner == set_up.terms.model_owner)
    };
    let found: Vec<SetUp> = SetUp::all(&here.folder)?.into_iter().filter(mine).collect();
    if found.iter().any(|set_up| set_up.terms.model_owner != found[0].terms.model_owner) {
        return Err(Failure::usage(format!("several owners have a model '{}'", arguments.model))
            .with_hint("say whose: --owner HANDLE"));
    }
    found.into_iter().next().ok_or_else(|| {
        Failure::no(format!("nothing is set up for a model '{}'", arguments.model))
            .with_hint("begin with: cowl infer stock --model NAME --at HOST:PORT --dealer HANDLE@HOST:PORT")
    })
}

/// Where the model owner and the dealer are.
fn others_of(here: &mut Here, set_up: &SetUp, arguments: &RunModelArguments) -> Result<Others> {
    let Part::DataOwner { model_owner_at, dealer_at } = &set_up.part else {
        return Err(Failure::no("this set-up is not for this party's data"));
    };
    let parties = [set_up.terms.model_owner, set_up.terms.dealer];
    here.look_up_agreed(parties)?;
    let [owner, dealer] = parties.map(|party| party.to_string());
    let address = arguments.at.clone().unwrap_or_else(|| model_owner_at.clone());
    let dealer = Place { peer: here.other(&dealer), address: dealer_at.clone() };
    Ok(Others { model_owner: Place { peer: here.other(&owner), address }, dealer })
}

/// A run, as it is printed.
#[derive(Debug, Serialize)]
struct Shown {
    model: String,
    owner: String,
    set_up: String,
    bundle: String,
    /// The run as a job; absent where there is no evidence of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<String>,
    /// The classes, where that is what came out; the likeliest first.
    found: Vec<FoundClass>,
    outputs: Vec<ShownOutput>,
    sent: Size,
    received: Size,
    rounds: u32,
    milliseconds: f64,
    /// How long recording the bundle as used took before.
    recording_milliseconds: f64,
    transcript: String,
    weights: String,
    layers: Vec<ShownLayer>,
    dropped: Vec<String>,
}

#[derive(Debug, Serialize)]
struct FoundClass {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    probability: Option<f64>,
}

#[derive(Debug, Serialize)]
struct ShownOutput {
    name: String,
    shape: Vec<usize>,
    numbers: Vec<f32>,
}

#[derive(Debug, Serialize)]
struct ShownLayer {
    name: String,
    operator: String,
    sent: Size,
    received: Size,
    rounds: u32,
    milliseconds: f64,
}

impl Shown {
    fn new(agreed: &Agreed, inputs: &[Input], owner: &Place, ran: &Ran) -> Result<Self> {
        let (set_up, outcome) = (&agreed.set_up, &ran.outcome);
        let one = |(name, tensor): &(String, Tensor<f32>)| ShownOutput {
            name: name.clone(),
            shape: tensor.shape().sizes().to_vec(),
            numbers: tensor.data().to_vec(),
        };
        Ok(Self {
            found: found(agreed, inputs, ran)?,
            model: set_up.terms.model.clone(),
            owner: owner.peer.name.clone(),
            set_up: set_up.terms.id.to_string(),
            bundle: name_of(&ran.bundle),
            job: ran.unproven.is_none().then(|| name_of(&ran.bundle)),
            outputs: outcome.outputs.iter().flatten().map(one).collect(),
            sent: Size(outcome.sent),
            received: Size(outcome.received),
            rounds: outcome.rounds,
            milliseconds: milliseconds(outcome.took),
            recording_milliseconds: milliseconds(ran.recorded_in),
            transcript: outcome.transcript.to_string(),
            weights: set_up.commitment_digest().map(|digest| digest.to_string()).unwrap_or_default(),
            layers: outcome.layers.iter().map(ShownLayer::new).collect(),
            dropped: ran.dropped.iter().map(name_of).collect(),
        })
    }
}

/// Classes that were found, where that is what came out; the likeliest first.
fn found(agreed: &Agreed, inputs: &[Input], ran: &Ran) -> Result<Vec<FoundClass>> {
    let unread = |error: &dyn fmt::Display| Failure::no(error.to_string());
    let recipe = Recipe::from_bytes(&agreed.set_up.terms.recipe).map_err(|error| unread(&error))?;
    let published = recipe.published().map_err(|error| unread(&error))?;
    let outputs = ran.outcome.outputs.as_deref().unwrap_or_default();
    let InferenceOutcome::Classes(classes) = outcome(&published, inputs, outputs) else {
        return Ok(Vec::new());
    };
    let class = |class: ClassFound| FoundClass {
        name: class.name,
        value: class.value,
        probability: class.probability,
    };
    Ok(classes.into_iter().map(class).collect())
}

impl Shown {
    fn classes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut columns = Columns::new(["class", "value", "probability"]).right([1, 2]);
        for class in self.found.iter().take(SHOWN) {
            let value = class.value.map_or_else(String::new, |value| format!("{value:.5}"));
            let probability =
                class.probability.map_or_else(String::new, |share| format!("{:.1} %", share * 100.0));
            columns.row([class.name.clone(), value, probability]);
        }
        write!(f, "{columns}")
    }
}

impl ShownLayer {
    fn new(layer: &LayerDone) -> Self {
        Self {
            name: layer.name.clone(),
            operator: layer.operator.clone(),
            sent: Size(layer.sent),
            received: Size(layer.received),
            rounds: layer.rounds,
            milliseconds: milliseconds(layer.took),
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { model, owner, sent, received, rounds, milliseconds, .. } = self;
        write!(f, "{GOOD}✓{GOOD:#} {model} by {owner}: {sent} sent, {received} received, {rounds} rounds, ")?;
        writeln!(f, "{milliseconds:.1} ms")?;
        if let Some(job) = &self.job {
            writeln!(f, "{QUIET}what proves it is kept: cowl evidence verify {}{QUIET:#}", &job[..SHORT])?;
        }
        if !self.found.is_empty() {
            return self.classes(f);
        }
        for output in &self.outputs {
            writeln!(f, "{}{QUIET}, {:?}{QUIET:#}", output.name, output.shape)?;
            let mut columns = Columns::new(["place", "value"]).right([0, 1]);
            for (place, value) in output.numbers.iter().enumerate().take(SHOWN) {
                columns.row([place.to_string(), format!("{value:.5}")]);
            }
            write!(f, "{columns}")?;
            if output.numbers.len() > SHOWN {
                write!(f, "\n{QUIET}and {} more: --json has them{QUIET:#}", output.numbers.len() - SHOWN)?;
            }
        }
        if self.outputs.is_empty() {
            write!(f, "the output went to {owner} alone")?;
        }
        Ok(())
    }
}

/// A layer while the run goes on.
struct Line<'a>(&'a LayerDone);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LayerDone { name, operator, sent, received, rounds, took } = self.0;
        let (name, ms) = (crate::columns::printable(name), milliseconds(*took));
        write!(f, "{operator:<12} {name:<24} {:>9} sent {:>9} received", Size(*sent), Size(*received))?;
        write!(f, " {rounds:>3} rounds {ms:>9.2} ms")
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Numbers of an output that a person is shown.
const SHOWN: usize = 20;
