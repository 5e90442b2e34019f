//! The data owner's numbers, from files, and what they look like.

use std::fs;
use std::path::{Path, PathBuf};

use cowl_imaging::network_input::{Hints, Prepared, Shown, Source, prepare};
use cowl_model::graph::Port;
use cowl_model::{Graph, Tensor};

use super::error::InferError;
use crate::models::npy;

/// One input of a model.
pub(crate) struct Input {
    /// As the model takes it.
    pub(crate) numbers: Tensor<f32>,
    /// What it looks like.
    pub(crate) shown: Shown,
}

/// Reads one file for each input of the model, in their order.
///
/// # Errors
/// [`InferError::Input`] says what the model takes.
pub(crate) fn read_inputs(graph: &Graph, files: &[PathBuf]) -> Result<Vec<Input>, InferError> {
    let ports = graph.inputs();
    if ports.len() != files.len() {
        let text = format!("the model takes {} inputs, and {} files are named", ports.len(), files.len());
        return Err(InferError::Input(text));
    }
    ports.iter().zip(files).map(|(port, file)| read(port, file)).collect()
}

fn read(port: &Port, file: &Path) -> Result<Input, InferError> {
    let bytes = fs::read(file).map_err(|source| InferError::file(file, source))?;
    let wrong = |why: &str| {
        let (count, shape) = (port.shape.count(), &port.shape);
        let text = format!("{}: {why}; input '{}' takes {count} numbers, {shape}", file.display(), port.name);
        InferError::Input(text)
    };
    let plain = |values| Prepared { values, shown: Shown::Numbers };
    let prepared = match file.extension().and_then(|extension| extension.to_str()) {
        Some("f32") => from_floats(&bytes).map(plain),
        Some("csv" | "txt") => from_text(&bytes).map(plain),
        Some("npy") => npy::read(&bytes).map(plain).map_err(|error| error.to_string()),
        _ => picture(&bytes, port.shape.sizes()),
    };
    let Prepared { values, shown } = prepared.map_err(|why| wrong(&why))?;
    let found = values.len();
    let numbers =
        Tensor::new(port.shape.clone(), values).map_err(|_| wrong(&format!("there are {found} numbers")))?;
    Ok(Input { numbers, shown })
}

/// A volume, a slice or a picture, brought to what the network takes.
fn picture(bytes: &[u8], sizes: &[usize]) -> Result<Prepared, String> {
    let source = Source::read(bytes).map_err(|error| error.to_string())?;
    prepare(&source, sizes, &Hints::default()).map_err(|error| error.to_string())
}

fn from_floats(bytes: &[u8]) -> Result<Vec<f32>, String> {
    let (numbers, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(format!("{} bytes are no 32-bit floats", bytes.len()));
    }
    Ok(numbers.iter().map(|number| f32::from_le_bytes(*number)).collect())
}

fn from_text(bytes: &[u8]) -> Result<Vec<f32>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "not text".to_owned())?;
    let words =
        text.split(|c: char| c.is_whitespace() || c == ',' || c == ';').filter(|word| !word.is_empty());
    let number = |word: &str| {
        word.parse().map_err(|_| format!("'{}' is no number", word.chars().take(20).collect::<String>()))
    };
    words.map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_from_text_and_from_floats() {
        assert_eq!(from_text(b"1, 2.5\n-3e1;4").unwrap(), [1.0, 2.5, -30.0, 4.0]);
        assert_eq!(from_floats(&[0, 0, 128, 63]).unwrap(), [1.0]);
        assert!(from_text(b"1 x").is_err() && from_floats(&[0]).is_err());
    }
}
