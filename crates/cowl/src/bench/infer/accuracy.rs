//! How far outputs are from those in floats, on the ring that `cowl model import` takes for a network.

use cowl_model::Tensor;

use super::networks::Network;
use super::trio::{Trio, made_up};
use crate::args::ReadingArguments;
use crate::bench::row::Row;
use crate::failure::{Failure, Result};
use crate::models::numbers;

/// Inputs that are compared.
const INPUTS: usize = 3;

/// The largest difference of an output, and inputs whose largest output is another one.
///
/// # Errors
/// Those of the parties.
pub(super) fn rows(network: &Network) -> Result<Vec<Row>> {
    let Some(goal) = network.largest_difference else { return Ok(Vec::new()) };
    let model = network.model()?;
    let reading = ReadingArguments { batch: 1, largest_input: 1.0, ..ReadingArguments::default() };
    let (ring, _) = numbers::choose(&model.architecture, &model.weights, &reading)?;
    let in_floats = |place| -> Result<(Tensor<f32>, Vec<f32>)> {
        let input = made_up(&model.architecture, place)?;
        let outputs = model.architecture.evaluate(std::slice::from_ref(&input), &model.weights);
        let outputs = outputs.map_err(|error| Failure::no(error.to_string()))?;
        Ok((input, outputs.into_iter().flat_map(Tensor::into_data).collect()))
    };
    let expected = (0..INPUTS).map(in_floats).collect::<Result<Vec<_>>>()?;
    let trio = Trio::new(model, ring)?;
    let (mut largest, mut others) = (0f32, 0);
    for (input, floats) in expected {
        let found = trio.run(input)?;
        let differences = found.iter().zip(&floats).map(|(one, other)| (one - other).abs());
        largest = differences.fold(largest, f32::max);
        others += usize::from(place_of_largest(&found) != place_of_largest(&floats));
    }
    let row = |name: &str, what: &str, unit: &str, ours: f64| {
        let what = format!("{}: {what} in {INPUTS} runs on {ring}", network.what);
        Row::new(network.id_of(name), what, unit, ours)
    };
    let difference = row("difference", "largest difference to floats", "relative", largest.into());
    let share = 100.0 * others as f64 / INPUTS as f64;
    let argmax = row("argmax", "runs with another class than in floats", "%", share);
    Ok(vec![difference.own_goal(goal), argmax.own_goal(0.0)])
}

fn place_of_largest(outputs: &[f32]) -> Option<usize> {
    (0..outputs.len()).max_by(|&one, &other| outputs[one].total_cmp(&outputs[other]))
}
