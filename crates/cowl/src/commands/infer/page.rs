//! The page of a run.

use cowl_imaging::display::{Channels, DisplayImage};
use cowl_imaging::drawing::label_colour;
use cowl_imaging::network_input::Shown;
use cowl_model::{PublishedModel, Tensor};
use cowl_mpc::Party;
use cowl_mpc::technique::Told;

use crate::failure::{Failure, Result};
use crate::infer::data_owner::{Agreed, Ran};
use crate::infer::error::name_of;
use crate::infer::recipe::Recipe;
use crate::inputs::{Input, brain_networks};
use crate::report::inference::{ClassFound, InferenceOutcome, InferencePage, LayerSpent, ranked};
use crate::report::{Learnt, Picture};
use crate::size::Size;

/// Who took part, by handle.
pub(crate) struct Cast {
    pub(crate) data_owner: String,
    pub(crate) model_owner: String,
    pub(crate) dealer: String,
}

/// The page of one run, from the data owner's side.
pub(crate) fn page(cast: Cast, agreed: &Agreed, inputs: &[Input], ran: &Ran) -> Result<String> {
    let terms = &agreed.set_up.terms;
    let unread = |error: &dyn std::fmt::Display| Failure::no(error.to_string());
    let recipe = Recipe::from_bytes(&terms.recipe).map_err(|error| unread(&error))?;
    let published = recipe.published().map_err(|error| unread(&error))?;
    let program = agreed.computation.protocol().program();
    let told = Told::new(&published, program, recipe.output, terms.learns);
    let learnt = [
        (&cast.data_owner, told.data_owner),
        (&cast.model_owner, told.model_owner),
        (&cast.dealer, told.dealer),
    ];
    let outcome = ran.outcome.outputs.as_ref().map(|outputs| outcome(&published, inputs, outputs));
    let page = InferencePage {
        model: terms.model.clone(),
        asked: vec![
            ("model".to_owned(), format!("{} by {}", terms.model, cast.model_owner)),
            ("told of the output".to_owned(), format!("{}, to: {}", recipe.output, terms.learns)),
            ("numbers".to_owned(), published.ring.to_string()),
        ],
        input: drawn(inputs, outcome.as_ref()),
        masked: masked(agreed, inputs, ran).into_iter().collect(),
        layers: ran.outcome.layers.iter().map(layer).collect(),
        spent: spent(agreed, ran),
        outcome,
        learnt: learnt.map(|(party, facts)| Learnt { party: party.clone(), facts }).to_vec(),
        evidence: proof(agreed, ran),
        data_owner: cast.data_owner,
        model_owner: cast.model_owner,
        dealer: cast.dealer,
    };
    page.html().map_err(|error| unread(&error))
}

/// The inputs, and where the region of the brain lies that was found in a map.
fn drawn(inputs: &[Input], outcome: Option<&InferenceOutcome>) -> Vec<Picture> {
    const VOLUME: &str = "sagittal, coronal and axial slices; the patient's left is on the left";
    let one = |input: &Input| {
        let caption = match &input.shown {
            Shown::Volume(_) => VOLUME.to_owned(),
            Shown::Map { .. } => format!("the map over the anatomy of a template; {VOLUME}"),
            Shown::Picture { .. } | Shown::Numbers => "as the model takes it".to_owned(),
        };
        picture(input.shown.drawn()?, &caption)
    };
    let region = || {
        let Some(InferenceOutcome::Classes(classes)) = outcome else { return None };
        let (name, shown) = (&classes.first()?.name, &inputs.first()?.shown);
        let drawn = shown.region(&brain_networks::regions(), brain_networks::label(name)?)?;
        picture(drawn, &format!("where the region '{name}' lies"))
    };
    inputs.iter().filter_map(one).chain(region()).collect()
}

fn layer(layer: &crate::infer::watch::LayerDone) -> LayerSpent {
    LayerSpent {
        name: layer.name.clone(),
        operator: layer.operator.clone(),
        sent: layer.sent,
        received: layer.received,
        time: layer.took,
    }
}

fn spent(agreed: &Agreed, ran: &Ran) -> Vec<(String, String)> {
    let dealt = Party::BOTH.map(|seat| agreed.computation.bundle_bytes(seat));
    let (took, outcome) = (ran.outcome.took.as_secs_f64() * 1e3, &ran.outcome);
    let lines = [
        ("time online", format!("{took:.1} ms")),
        ("sent", Size(outcome.sent).to_string()),
        ("received", Size(outcome.received).to_string()),
        ("messages waited for", outcome.rounds.to_string()),
        ("dealt ahead, both halves", Size(dealt.iter().sum()).to_string()),
    ];
    lines.map(|(name, value)| (name.to_owned(), value)).to_vec()
}

fn proof(agreed: &Agreed, ran: &Ran) -> Vec<(String, String)> {
    let terms = &agreed.set_up.terms;
    let weights = agreed.set_up.commitment_digest().map(|digest| digest.to_string());
    let lines = [
        ("transcript", ran.outcome.transcript.to_string()),
        ("bundle", name_of(&ran.bundle)),
        ("set-up", terms.id.to_string()),
        ("weight commitment", weights.unwrap_or_default()),
        ("program", terms.program.to_string()),
    ];
    lines.map(|(name, value)| (name.to_owned(), value)).to_vec()
}

/// The first input as it went over the wire.
fn masked(agreed: &Agreed, inputs: &[Input], ran: &Ran) -> Option<Picture> {
    let (bits, numbers) = (agreed.computation.protocol().ring().bits(), ran.outcome.masked.as_deref()?);
    let drawn = inputs.first().and_then(|input| input.shown.masked(numbers, bits));
    let caption = "the input under its mask, from this run";
    match drawn {
        Some(drawn) => picture(drawn, caption),
        None => Picture::of_masked(numbers, bits, caption),
    }
}

/// What came out, in the words of the model.
pub(crate) fn outcome(
    published: &PublishedModel,
    inputs: &[Input],
    outputs: &[(String, Tensor<f32>)],
) -> InferenceOutcome {
    let name =
        |class: usize| published.classes.get(class).cloned().unwrap_or_else(|| format!("class {class}"));
    match outputs {
        [(_, tensor)] if tensor.data().len() == 1 => {
            let label = tensor.data()[0] as usize;
            InferenceOutcome::Classes(vec![ClassFound { name: name(label), value: None, probability: None }])
        }
        [(_, places), (_, values)] if places.data().len() == values.data().len() => {
            let ranked = places.data().iter().zip(values.data());
            let class = |(place, value): (&f32, &f32)| ClassFound {
                name: name(*place as usize),
                value: Some(f64::from(*value)),
                probability: None,
            };
            InferenceOutcome::Classes(ranked.map(class).collect())
        }
        [(_, tensor)] if tensor.data().len() <= MOST_CLASSES => {
            let values: Vec<f64> = tensor.data().iter().map(|value| f64::from(*value)).collect();
            InferenceOutcome::Classes(ranked(&published.classes, &values))
        }
        [(_, tensor)] if inputs.first().is_some_and(|input| !matches!(input.shown, Shown::Numbers)) => {
            segmentation(&inputs[0].shown, tensor.data(), name)
        }
        _ => InferenceOutcome::Values(outputs.iter().map(in_words).collect()),
    }
}

fn segmentation(shown: &Shown, labels: &[f32], name: impl Fn(usize) -> String) -> InferenceOutcome {
    let mut counts = std::collections::BTreeMap::new();
    labels.iter().for_each(|label| *counts.entry(*label as usize).or_insert(0u64) += 1);
    let slices = shown.labelled(labels).and_then(|drawn| picture(drawn, "classes over the input"));
    let class =
        |(label, places): (&usize, &u64)| (name(*label), label_colour(*label).unwrap_or_default(), *places);
    let classes = counts.iter().map(class).collect();
    InferenceOutcome::Segmentation { slices: slices.into_iter().collect(), classes }
}

fn in_words((name, tensor): &(String, Tensor<f32>)) -> (String, String) {
    let shown: Vec<String> = tensor.data().iter().take(SHOWN).map(|value| format!("{value:.4}")).collect();
    let more = if tensor.data().len() > SHOWN { " …" } else { "" };
    (name.clone(), format!("{}{more}", shown.join(" ")))
}

fn picture(drawn: DisplayImage, caption: &str) -> Option<Picture> {
    let dots = match drawn.channels() {
        Channels::Gray => drawn.samples().iter().flat_map(|gray| [*gray; 3]).collect(),
        Channels::Rgb => drawn.samples().to_vec(),
    };
    Picture::new(drawn.width() as u32, drawn.height() as u32, dots, caption)
}

/// Outputs of so many numbers are values of classes.
const MOST_CLASSES: usize = 1000;
const SHOWN: usize = 20;
