//! A model as people look at it before it is run: its layers, what they take, and all that its architecture tells.

use std::collections::HashMap;
use std::fmt;

use cowl_domain::{OutputReceivers, OutputRule};
use cowl_model::{Program, PublishedModel, inspect};
use cowl_mpc::technique::{Forecast, Inference, LayerForecast};
use serde::Serialize;

use crate::columns::{Columns, printable};
use crate::failure::{Failure, Result};
use crate::size::{Size, count};
use crate::style::{HEAD, QUIET};

/// A model's layers with what they take.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ModelView {
    /// BLAKE3 of the architecture, as grants, plans and evidence name it.
    architecture: String,
    ring: RingView,
    /// `nearby` or `faithful`.
    truncation: &'static str,
    inputs: Vec<PortView>,
    outputs: Vec<PortView>,
    classes: Vec<String>,
    layers: Vec<LayerView>,
    /// Floats of the file that are part of the architecture, because shapes follow from them.
    public_floats: Vec<String>,
    total: TotalView,
}

#[derive(Debug, Clone, Serialize)]
struct RingView {
    bits: u32,
    fraction: u32,
    weight_fraction: u32,
}

#[derive(Debug, Clone, Serialize)]
struct PortView {
    name: String,
    sizes: Vec<usize>,
}

#[derive(Debug, Clone, Serialize)]
struct LayerView {
    name: String,
    operator: String,
    sizes: Vec<usize>,
    /// Attributes, axes, shapes: what the architecture tells of this layer.
    tells: Vec<String>,
    weights: u64,
    multiplications: u64,
    comparisons: u64,
    /// Bytes that the dealer sends for it, to both.
    dealt: Size,
    /// Bytes that the two send each other.
    sent: Size,
    rounds: u32,
}

#[derive(Debug, Clone, Serialize)]
struct TotalView {
    weights: u64,
    multiplications: u64,
    comparisons: u64,
    dealt_to_model_owner: Size,
    dealt_to_data_owner: Size,
    sent_by_model_owner: Size,
    sent_by_data_owner: Size,
    rounds: u32,
    /// Bytes of masked weights, once for all runs.
    setup: Size,
    milliseconds: u64,
}

impl ModelView {
    /// Of a model.
    ///
    /// # Errors
    /// An architecture for which there is no program.
    pub(crate) fn new(model: &PublishedModel) -> Result<Self> {
        let refused = |error: &dyn fmt::Display| Failure::no(format!("the model cannot be run: {error}"));
        let inference = Inference::new(model, OutputRule::Values).map_err(|error| refused(&error))?;
        let forecast = inference.forecast(OutputReceivers::DataOwner);
        let (graph, program) = (&inference.graph, inference.protocol.program());
        let summaries = inspect::layers(graph, program);
        let mut taken = HashMap::new();
        for layer in &forecast.layers {
            taken.entry((layer.name.as_str(), layer.operator.as_str())).or_insert(layer);
        }
        let view = |summary: inspect::LayerSummary| {
            let taken = taken.get(&(summary.name.as_str(), summary.operator.as_str())).copied();
            LayerView::new(summary, taken)
        };
        let layers: Vec<LayerView> = summaries.into_iter().map(view).collect();
        let port = |port: &cowl_model::graph::Port| PortView {
            name: port.name.clone(),
            sizes: port.shape.sizes().to_vec(),
        };
        let float = |it: &cowl_model::graph::PublicParameter| {
            format!("{}: {}", graph.layers()[it.layer.index()].name, it.role)
        };
        Ok(Self {
            architecture: cowl_crypto::digest::Digest::from_bytes(graph.digest()).to_string(),
            ring: RingView {
                bits: model.ring.bits(),
                fraction: model.ring.fraction(),
                weight_fraction: model.ring.weight_fraction(),
            },
            truncation: match model.rounding {
                cowl_model::Rounding::Nearby => "nearby",
                cowl_model::Rounding::Faithful => "faithful",
            },
            inputs: graph.inputs().iter().map(port).collect(),
            outputs: outputs(program),
            classes: model.classes.clone(),
            public_floats: graph.parameters().iter().map(float).collect(),
            total: TotalView::new(&forecast, program, graph.weight_count()),
            layers,
        })
    }
}

fn outputs(program: &Program) -> Vec<PortView> {
    let port = |output: &cowl_model::program::ProgramOutput| PortView {
        name: output.name.clone(),
        sizes: program.value(output.value).shape.sizes().to_vec(),
    };
    program.outputs().iter().map(port).collect()
}

impl LayerView {
    fn new(summary: inspect::LayerSummary, taken: Option<&LayerForecast>) -> Self {
        let bytes = |of: fn(&LayerForecast) -> u64| Size(taken.map_or(0, of));
        Self {
            sizes: summary.shape.sizes().to_vec(),
            weights: summary.weights,
            multiplications: summary.cost.multiplications + summary.cost.products,
            comparisons: summary.cost.comparisons,
            dealt: bytes(|layer| layer.dealt.model_owner + layer.dealt.data_owner),
            sent: bytes(|layer| layer.sent.model_owner + layer.sent.data_owner),
            rounds: taken.map_or(0, |layer| layer.rounds),
            tells: summary.details,
            name: summary.name,
            operator: summary.operator,
        }
    }
}

impl TotalView {
    fn new(forecast: &Forecast, program: &Program, weights: u64) -> Self {
        let cost = program.cost();
        Self {
            weights,
            multiplications: cost.multiplications + cost.products,
            comparisons: cost.comparisons,
            dealt_to_model_owner: Size(forecast.dealt.model_owner),
            dealt_to_data_owner: Size(forecast.dealt.data_owner),
            sent_by_model_owner: Size(forecast.sent.model_owner),
            sent_by_data_owner: Size(forecast.sent.data_owner),
            rounds: forecast.rounds,
            setup: Size(forecast.setup_bytes),
            milliseconds: forecast.compute_millis,
        }
    }
}

impl fmt::Display for ModelView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ports = |ports: &[PortView]| {
            ports.iter().map(|it| format!("{} {}", it.name, sizes(&it.sizes))).collect::<Vec<_>>().join(", ")
        };
        let mut line = |name: &str, text: &str| writeln!(f, "{HEAD}{name:<12}{HEAD:#} {}", printable(text));
        line("input", &ports(&self.inputs))?;
        line("output", &ports(&self.outputs))?;
        let RingView { bits, fraction, weight_fraction } = &self.ring;
        line(
            "numbers",
            &format!(
                "{bits} bits, {fraction} behind the point, {weight_fraction} of weights; truncation {}",
                self.truncation
            ),
        )?;
        line("blake3", &self.architecture)?;
        writeln!(f)?;
        writeln!(f, "{}", self.table())?;
        writeln!(f)?;
        self.write_total(f)?;
        writeln!(f, "\n{HEAD}The architecture tells{HEAD:#}")?;
        for layer in self.layers.iter().filter(|layer| !layer.tells.is_empty()) {
            writeln!(f, "  {} {}", printable(&layer.name), printable(&layer.tells.join("; ")))?;
        }
        for float in &self.public_floats {
            writeln!(f, "  {} (floats that shapes follow from)", printable(float))?;
        }
        write!(f, "  {QUIET}and names and sizes of layers; of the weights nothing but how many{QUIET:#}")
    }
}

impl ModelView {
    fn table(&self) -> Columns {
        let head =
            ["layer", "operator", "output", "weights", "products", "comparisons", "dealt", "sent", "rounds"];
        let mut table = Columns::new(head).right([3, 4, 5, 6, 7, 8]);
        let some = |number: u64| if number == 0 { String::new() } else { grouped(number) };
        let bytes = |size: Size| if size.0 == 0 { String::new() } else { size.to_string() };
        for layer in &self.layers {
            table.row([
                layer.name.clone(),
                layer.operator.clone(),
                sizes(&layer.sizes),
                some(layer.weights),
                some(layer.multiplications),
                some(layer.comparisons),
                bytes(layer.dealt),
                bytes(layer.sent),
                some(layer.rounds.into()),
            ]);
        }
        table
    }

    fn write_total(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = &self.total;
        let (weights, products) = (grouped(total.weights), grouped(total.multiplications));
        let comparisons = grouped(total.comparisons);
        writeln!(
            f,
            "{HEAD}{:<12}{HEAD:#} {weights} weights, {products} products, {comparisons} comparisons",
            "all"
        )?;
        writeln!(
            f,
            "{HEAD}{:<12}{HEAD:#} {} to the model owner, {} to the data owner",
            "dealt", total.dealt_to_model_owner, total.dealt_to_data_owner
        )?;
        writeln!(
            f,
            "{HEAD}{:<12}{HEAD:#} {} by the model owner, {} by the data owner, in {}",
            "sent",
            total.sent_by_model_owner,
            total.sent_by_data_owner,
            count(total.rounds.into(), "round")
        )?;
        writeln!(
            f,
            "{HEAD}{:<12}{HEAD:#} {} once before; about {} ms of computing a run",
            "masked", total.setup, total.milliseconds
        )
    }
}

fn sizes(sizes: &[usize]) -> String {
    sizes.iter().map(ToString::to_string).collect::<Vec<_>>().join("×")
}

/// A number with its thousands apart.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use cowl_model::onnx::NoFiles;
    use cowl_model::{ImportOptions, Ring, Rounding, import, zoo};

    use super::*;

    #[test]
    fn every_layer_has_its_costs_and_their_sum_is_the_total() {
        let imported = import(&zoo::lenet5(1), &NoFiles, &ImportOptions::default()).unwrap();
        let model = PublishedModel {
            architecture: imported.architecture,
            ring: Ring::MENU[0],
            rounding: Rounding::Nearby,
            classes: Vec::new(),
        };
        let view = ModelView::new(&model).unwrap();
        assert_eq!(view.layers.iter().map(|layer| layer.comparisons).sum::<u64>(), view.total.comparisons);
        let rounds = view.layers.iter().map(|layer| layer.rounds).sum::<u32>();
        assert!((12..view.total.rounds).contains(&rounds), "a check and the output come behind the layers");
        let dealt: u64 = view.layers.iter().map(|layer| layer.dealt.0).sum();
        let bundles = view.total.dealt_to_model_owner.0 + view.total.dealt_to_data_owner.0;
        assert!(dealt < bundles && bundles - dealt < 1000, "bundles are layers behind headers");
        let text = anstream::adapter::strip_str(&view.to_string()).to_string();
        assert!(text.contains("Conv") && text.contains("window 5×5, padding 2"), "{text}");
        assert!(text.contains("61,706 weights"), "{text}");
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
