//! Which numbers a model is computed with: by flag, or by how large its values become.

use std::path::PathBuf;

use cowl_model::fixed::{Overflow, accuracy, bound, observe};
use cowl_model::{Graph, Ring, Tensor};

use crate::args::ReadingArguments;
use crate::failure::{Failure, Result};
use crate::inputs;

/// How a ring was chosen, and where its numbers may overflow.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Choice {
    /// In words.
    pub(crate) reason: String,
    /// Layers whose values did not fit when it was tried.
    pub(crate) seen: Vec<Overflow>,
    /// Layers of which it cannot be ruled out that some input overflows them. Deep models have many.
    pub(crate) possible: Vec<Overflow>,
}

/// Room above what inputs of the caller's showed.
const CALIBRATED: f64 = 4.0;
/// Room above what made-up inputs showed: they say less.
const MADE_UP: f64 = 16.0;
/// Outputs may differ from those in floats by this much, or by this part of the largest: half of what is aimed at, as
/// masks add a little.
const NEAR: f64 = 5e-4;
/// Made-up inputs.
const INPUTS: u64 = 3;

/// The ring of a model.
///
/// # Errors
/// A ring off the menu; an input that does not fit the model.
pub(crate) fn choose(
    graph: &Graph,
    weights: &[Tensor<f32>],
    arguments: &ReadingArguments,
) -> Result<(Ring, Choice)> {
    let calibrated = !arguments.calibrate.is_empty();
    let inputs: Vec<Vec<Tensor<f32>>> = match calibrated {
        true => read_inputs(graph, arguments)?,
        false => (0..INPUTS).map(|seed| made_up(graph, arguments.largest_input, seed)).collect(),
    };
    let largest = largest_of(&inputs).max(arguments.largest_input.into());
    let usage = |error: &dyn std::fmt::Display| Failure::usage(error.to_string());
    let ranges = observe(graph, &inputs, weights).map_err(|error| usage(&error))?;
    let limits = bound(graph, weights, largest).map_err(|error| usage(&error))?;
    let (margin, shown) = match calibrated {
        true => (CALIBRATED, format!("{} of yours", crate::size::count(inputs.len() as u64, "input"))),
        false => (MADE_UP, format!("inputs of noise up to {}", arguments.largest_input)),
    };
    let (ring, reason) = match given(arguments)? {
        Some(ring) => (ring, "as you said".to_owned()),
        None => {
            let near =
                |ring| accuracy(graph, ring, &inputs[..1], weights).is_some_and(|it| it.is_within(NEAR));
            let (ring, _) = ranges.ring_that(graph, margin, &near);
            let held = format!("the smallest that holds {margin} times what {shown} showed");
            (ring, format!("{held} and whose outputs come near to those in floats"))
        }
    };
    let seen = ranges.overflows(graph, ring, 1.0);
    let possible = without(limits.overflows(graph, ring, 1.0), &seen);
    Ok((ring, Choice { reason, seen, possible }))
}

fn without(overflows: Vec<Overflow>, known: &[Overflow]) -> Vec<Overflow> {
    overflows.into_iter().filter(|one| known.iter().all(|other| other.layer != one.layer)).collect()
}

fn given(arguments: &ReadingArguments) -> Result<Option<Ring>> {
    let Some(bits) = arguments.ring else { return Ok(None) };
    let usual = Ring::MENU.iter().find(|ring| ring.bits() == bits);
    let fraction = arguments.fraction.or(usual.map(|ring| ring.fraction())).unwrap_or_default();
    Ring::new(bits, fraction)
        .map(Some)
        .map_err(|error| Failure::usage(format!("--ring, --fraction: {error}")))
}

/// One list of inputs a run: files come in the order of the model's inputs.
fn read_inputs(graph: &Graph, arguments: &ReadingArguments) -> Result<Vec<Vec<Tensor<f32>>>> {
    let ports = graph.inputs();
    let files = &arguments.calibrate;
    if ports.is_empty() || !files.len().is_multiple_of(ports.len()) {
        return Err(Failure::usage(format!(
            "the model has {}; --calibrate names {}",
            crate::size::count(ports.len() as u64, "input"),
            crate::size::count(files.len() as u64, "file"),
        )));
    }
    let hints = arguments.inputs.hints();
    let run = |files: &[PathBuf]| -> Result<Vec<Tensor<f32>>> {
        Ok(inputs::read_inputs(graph, files, &hints)?.into_iter().map(|input| input.numbers).collect())
    };
    files.chunks(ports.len()).map(run).collect()
}

fn largest_of(inputs: &[Vec<Tensor<f32>>]) -> f64 {
    let numbers = inputs.iter().flatten().flat_map(Tensor::data);
    f64::from(numbers.fold(0f32, |largest, number| largest.max(number.abs())))
}

/// Noise up to `largest`: of both signs, then positive only. The same every time, so that the choice is.
fn made_up(graph: &Graph, largest: f32, seed: u64) -> Vec<Tensor<f32>> {
    let mut state = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut number = || {
        // SplitMix64 (Steele, Lea, Flood, 2014).
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        let unit = (mixed >> 40) as f32 / (1u32 << 24) as f32;
        if seed == 0 { largest * unit } else { largest * (2.0 * unit - 1.0) }
    };
    let tensor = |port: &cowl_model::graph::Port| Tensor::filled(port.shape.clone(), 0u8).map(|_| number());
    graph.inputs().iter().map(tensor).collect()
}

#[cfg(test)]
mod tests {
    use cowl_model::onnx::NoFiles;
    use cowl_model::{ImportOptions, Model, import, zoo};

    use super::*;

    fn lenet() -> Model {
        import(&zoo::lenet5(1), &NoFiles, &ImportOptions::default()).unwrap()
    }

    fn arguments() -> ReadingArguments {
        ReadingArguments { batch: 1, largest_input: 1.0, ..ReadingArguments::default() }
    }

    #[test]
    fn a_ring_is_found_and_the_same_every_time() {
        let model = lenet();
        let choose = || choose(&model.architecture, &model.weights, &arguments()).unwrap();
        let (ring, choice) = choose();
        assert_eq!((ring, &choice), (choose().0, &choose().1));
        assert!(choice.seen.is_empty() && choice.reason.contains("noise"), "{choice:?}");
    }

    #[test]
    fn a_ring_that_is_too_small_names_the_layers_that_overflow() {
        let model = lenet();
        let wide = ReadingArguments { ring: Some(32), largest_input: 1e6, ..arguments() };
        let (_, choice) = choose(&model.architecture, &model.weights, &wide).unwrap();
        assert!(!choice.seen.is_empty());
        assert!(choice.seen.iter().all(|overflow| overflow.largest >= overflow.fits));
        assert!(choice.possible.iter().all(|one| choice.seen.iter().all(|seen| seen.layer != one.layer)));
        let off = ReadingArguments { ring: Some(33), ..arguments() };
        assert!(choose(&model.architecture, &model.weights, &off).is_err());
    }
}
