//! From an ONNX file to a model in two halves.

use std::path::Path;

use cowl_model::graph::Telling;
use cowl_model::onnx::{Folder, LARGEST_FILE};
use cowl_model::{ImportOptions, Model, PublishedModel, Rounding, import};

use super::numbers::{self, Choice};
use crate::args::{ReadingArguments, TruncationChoice};
use crate::failure::{Failure, Result};

/// A model that was taken apart.
pub(crate) struct ReadModel {
    /// For whoever may run it.
    pub(crate) published: PublishedModel,
    /// For its owner alone, in the order of the architecture.
    pub(crate) weights: Vec<cowl_model::Tensor<f32>>,
    /// What its owner should know.
    pub(crate) notes: Vec<String>,
    /// How the ring was chosen.
    pub(crate) choice: Choice,
}

/// Reads a file, and chooses the numbers that are computed with.
///
/// # Errors
/// A file that cannot be read; a node that is not supported, by its name; numbers that are off the menu.
pub(crate) fn read(path: &Path, arguments: &ReadingArguments) -> Result<ReadModel> {
    let Model { architecture, weights, notes } = imported(path, arguments)?;
    let (ring, choice) = numbers::choose(&architecture, &weights, arguments)?;
    let rounding = match arguments.truncation {
        TruncationChoice::Nearby => Rounding::Nearby,
        TruncationChoice::Faithful => Rounding::Faithful,
    };
    let published = PublishedModel { architecture, ring, rounding, classes: Vec::new() };
    let (graph, program) = published.program(Telling::Values).map_err(|error| refused(path, &error))?;
    cowl_model::fixed::quantise_weights(&program, &graph, &weights)
        .map_err(|error| refused(path, &error).with_hint("take a larger ring: --ring 48 or --ring 64"))?;
    Ok(ReadModel { published, weights, notes, choice })
}

fn imported(path: &Path, arguments: &ReadingArguments) -> Result<Model> {
    let size = std::fs::metadata(path).map_err(|error| Failure::file(path, error))?.len();
    if size > LARGEST_FILE as u64 {
        return Err(refused(path, &"the file is too large; larger models keep their weights beside it"));
    }
    let bytes = std::fs::read(path).map_err(|error| Failure::file(path, error))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let options = ImportOptions {
        batch: arguments.batch,
        dimensions: arguments.dimensions.iter().cloned().collect(),
        shapes: arguments.shapes.iter().cloned().collect(),
        ..ImportOptions::default()
    };
    let model = import(&bytes, &Folder::new(folder), &options).map_err(|error| {
        let failure = refused(path, &error);
        match error {
            cowl_model::ImportError::Input { .. } => failure
                .with_hint("give open axes their sizes: --batch N, --dimension NAME=N, --shape NAME=AxBxC"),
            _ => failure,
        }
    })?;
    check_shapes(path, &model, arguments)?;
    Ok(model)
}

/// Sizes for an input that the model does not have would be lost without a word.
fn check_shapes(path: &Path, model: &Model, arguments: &ReadingArguments) -> Result<()> {
    let inputs: Vec<&str> = model.architecture.inputs().iter().map(|port| port.name.as_str()).collect();
    match arguments.shapes.iter().find(|(name, _)| !inputs.contains(&name.as_str())) {
        None => Ok(()),
        Some((name, _)) => Err(Failure::usage(format!("{}: there is no input '{name}'", path.display()))
            .with_hint(format!("it takes {}", inputs.join(", ")))),
    }
}

/// Names of classes, a line each; empty lines at the end do not count.
///
/// # Errors
/// A file that cannot be read, or names that cannot be.
pub(crate) fn classes(path: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, error))?;
    let classes: Vec<String> = text.trim_end().lines().map(|line| line.trim().to_owned()).collect();
    let checked = cowl_model::published::check_classes(&classes);
    checked.map_err(|_| refused(path, &"a name of a class is empty, too long or not printable"))?;
    Ok(classes)
}

fn refused(path: &Path, why: &dyn std::fmt::Display) -> Failure {
    Failure::no(format!("{}: {why}", path.display()))
}
