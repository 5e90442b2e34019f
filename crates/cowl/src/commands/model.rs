//! `cowl model …`

use std::fmt;
use std::path::Path;

use cowl_model::fixed::Overflow;
use serde::Serialize;

use super::{Context, items};
use crate::args::{ImportModelArguments, InspectModelArguments, ModelCommand};
use crate::columns::{Columns, printable};
use crate::failure::Result;
use crate::models::catalog::{self, KnownModel};
use crate::models::layers::ModelView;
use crate::models::numbers::Choice;
use crate::models::{keeping, reading};
use crate::size::{Size, count};
use crate::style::{BAD, COMMAND, GOOD, QUIET};
use crate::{block_on, session};

pub(super) fn run(context: &Context, command: ModelCommand) -> Result<()> {
    match command {
        ModelCommand::Import(arguments) => block_on(import(context, &arguments)),
        ModelCommand::Inspect(arguments) => inspect(context, &arguments),
        ModelCommand::List => block_on(list(context)),
    }
}

async fn import(context: &Context, arguments: &ImportModelArguments) -> Result<()> {
    let path = &arguments.file;
    let mut model = tokio::task::block_in_place(|| reading::read(path, &arguments.reading))?;
    if let Some(classes) = &arguments.classes {
        model.published.classes = reading::classes(classes)?;
    }
    let view = ModelView::new(&model.published)?;
    let stem = || path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let name = arguments.name.clone().unwrap_or_else(stem);
    let vault = session::unlock_and_resume(context).await?;
    let record = items::record_or_default(&vault, arguments.record.as_deref()).await?;
    let progress = context.output.progress();
    let how = (arguments.description.clone(), arguments.replace);
    let kept = keeping::keep(&vault, record, &name, &model, how, &*progress).await?;
    context.output.data(&ImportedModel {
        name,
        model: kept.model.to_string(),
        weights: kept.weights.to_string(),
        record: record.to_string(),
        numbers: model.published.ring.to_string(),
        notes: model.notes,
        choice: ChoiceView::from(&model.choice),
        view,
    })
}

fn inspect(context: &Context, arguments: &InspectModelArguments) -> Result<()> {
    let path = Path::new(&arguments.model);
    if path.is_file() {
        let model = reading::read(path, &arguments.reading)?;
        let view = ModelView::new(&model.published)?;
        let choice = ChoiceView::from(&model.choice);
        return context.output.data(&InspectedModel { view, choice: Some(choice), notes: model.notes });
    }
    block_on(async {
        let vault = session::unlock(context).await?;
        let model = catalog::find(&vault, &arguments.model).await?;
        let progress = context.output.progress();
        let published = catalog::published(&vault, &model.info, &*progress).await?;
        let view = ModelView::new(&published)?;
        context.output.data(&InspectedModel { view, choice: None, notes: Vec::new() })
    })
}

async fn list(context: &Context) -> Result<()> {
    let vault = session::unlock(context).await?;
    let models = catalog::known_models(&vault).await?;
    context.output.data(&ModelList { models: models.iter().map(ModelRow::from).collect() })
}

/// How the ring was chosen.
#[derive(Debug, Serialize)]
struct ChoiceView {
    reason: String,
    /// Layers whose values did not fit when it was tried.
    overflow: Vec<OverflowView>,
    /// Layers that some input might overflow.
    overflow_possible: Vec<OverflowView>,
}

#[derive(Debug, Serialize)]
struct OverflowView {
    layer: String,
    largest: f64,
    fits: f64,
}

impl From<&Overflow> for OverflowView {
    fn from(overflow: &Overflow) -> Self {
        Self { layer: overflow.name.clone(), largest: overflow.largest, fits: overflow.fits }
    }
}

impl From<&Choice> for ChoiceView {
    fn from(choice: &Choice) -> Self {
        let views = |overflows: &[Overflow]| overflows.iter().map(OverflowView::from).collect();
        Self {
            reason: choice.reason.clone(),
            overflow: views(&choice.seen),
            overflow_possible: views(&choice.possible),
        }
    }
}

impl fmt::Display for ChoiceView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for layer in &self.overflow {
            writeln!(
                f,
                "{BAD}✗{BAD:#} layer '{}' overflows: values up to {:.3e} were seen, and only {:.3e} fits; take a larger ring",
                printable(&layer.layer),
                layer.largest,
                layer.fits
            )?;
        }
        let possible: Vec<String> =
            self.overflow_possible.iter().map(|layer| format!("'{}'", printable(&layer.layer))).collect();
        match possible.as_slice() {
            [] => write!(f, "{QUIET}no input within the bounds can overflow{QUIET:#}"),
            names => {
                let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
                let more = names.len().saturating_sub(SHOWN);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                write!(
                    f,
                    "{QUIET}that no input can overflow is not proven for {}: {shown}{more}{QUIET:#}",
                    count(names.len() as u64, "layer")
                )
            }
        }
    }
}

/// `cowl model import`
#[derive(Debug, Serialize)]
struct ImportedModel {
    name: String,
    /// The item that whoever may run the model reads.
    model: String,
    /// The item that nobody else opens.
    weights: String,
    record: String,
    numbers: String,
    notes: Vec<String>,
    choice: ChoiceView,
    #[serde(flatten)]
    view: ModelView,
}

impl fmt::Display for ImportedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, weights) = (printable(&self.name), &self.weights[..items::SHORT]);
        let model = &self.model[..items::SHORT];
        writeln!(
            f,
            "{GOOD}✓{GOOD:#} model '{name}': architecture {model}, weights {weights} sealed to you alone"
        )?;
        writeln!(f, "{GOOD}✓{GOOD:#} numbers: {}, {}", self.numbers, self.choice.reason)?;
        self.notes.iter().try_for_each(|note| writeln!(f, "· {}", printable(note)))?;
        writeln!(f, "{}", self.choice)?;
        writeln!(f, "· see its layers: {COMMAND}cowl model inspect {model}{COMMAND:#}")?;
        write!(
            f,
            "· let somebody run it: {COMMAND}cowl grant make --to PARTY --item {model} --power compute --output labels \
             --purpose …{COMMAND:#}"
        )
    }
}

/// `cowl model inspect`
#[derive(Debug, Serialize)]
struct InspectedModel {
    #[serde(flatten)]
    view: ModelView,
    /// Of a file: how the ring was chosen.
    choice: Option<ChoiceView>,
    notes: Vec<String>,
}

impl fmt::Display for InspectedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.view)?;
        self.notes.iter().try_for_each(|note| write!(f, "\n· {}", printable(note)))?;
        self.choice.iter().try_for_each(|choice| write!(f, "\n· numbers: {}\n{choice}", choice.reason))
    }
}

#[derive(Debug, Serialize)]
struct ModelRow {
    model: String,
    name: String,
    record: String,
    owner: String,
    mine: bool,
    size: Size,
    /// Of own models: to whom they are granted; of others': under which terms.
    terms: Vec<String>,
}

impl From<&KnownModel> for ModelRow {
    fn from(model: &KnownModel) -> Self {
        let terms = model.grants.iter().filter_map(|grant| {
            let compute = grant.compute.as_ref()?;
            let told = compute.inference.map_or_else(String::new, |terms| {
                format!("{} to {}", terms.output, terms.receivers.as_str().replace('-', " "))
            });
            let runs =
                compute.runs.map_or_else(String::new, |runs| format!(", {}", count(runs.into(), "run")));
            let whose = if model.mine { format!("{}: ", grant.grantee) } else { String::new() };
            Some(format!("{whose}{told}{runs}"))
        });
        Self {
            model: model.info.item.to_string(),
            name: model.info.label.name.clone(),
            record: model.info.record.to_string(),
            owner: model.owner.to_string(),
            mine: model.mine,
            size: Size(model.info.size),
            terms: terms.collect(),
        }
    }
}

/// `cowl model list`
#[derive(Debug, Serialize)]
struct ModelList {
    models: Vec<ModelRow>,
}

impl fmt::Display for ModelList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.models.is_empty() {
            return write!(f, "no models; take one in: {COMMAND}cowl model import FILE.onnx{COMMAND:#}");
        }
        let mut table = Columns::new(["model", "name", "owner", "size", "may be run"]).right([3]);
        for row in &self.models {
            let owner = if row.mine { "you".to_owned() } else { row.owner.clone() };
            let id = row.model[..items::SHORT].to_owned();
            table.row([id, row.name.clone(), owner, row.size.to_string(), row.terms.join("; ")]);
        }
        table.fmt(f)
    }
}

/// Names of layers that are shown.
const SHOWN: usize = 6;
