//! The data owner's numbers, from files.

use std::fs;
use std::path::{Path, PathBuf};

use cowl_model::graph::Port;
use cowl_model::{Graph, Tensor};

use super::error::InferError;

/// Reads one file for each input of the model, in their order.
///
/// # Errors
/// [`InferError::Input`] says what the model takes.
pub(crate) fn read_inputs(graph: &Graph, files: &[PathBuf]) -> Result<Vec<Tensor<f32>>, InferError> {
    let ports = graph.inputs();
    if ports.len() != files.len() {
        let text = format!("the model takes {} inputs, and {} files are named", ports.len(), files.len());
        return Err(InferError::Input(text));
    }
    ports.iter().zip(files).map(|(port, file)| read(port, file)).collect()
}

fn read(port: &Port, file: &Path) -> Result<Tensor<f32>, InferError> {
    let bytes = fs::read(file).map_err(|source| InferError::file(file, source))?;
    let floats = file.extension().is_some_and(|extension| extension == "f32");
    let numbers = if floats { from_floats(&bytes) } else { from_text(&bytes) };
    let wrong = |why: &str| {
        InferError::Input(format!(
            "{}: {why}; input '{}' takes {} numbers, {}",
            file.display(),
            port.name,
            port.shape.count(),
            port.shape
        ))
    };
    let numbers = numbers.map_err(|why| wrong(&why))?;
    let found = numbers.len();
    Tensor::new(port.shape.clone(), numbers).map_err(|_| wrong(&format!("{found} numbers")))
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
    words
        .map(|word| {
            word.parse().map_err(|_| format!("'{}' is no number", word.chars().take(20).collect::<String>()))
        })
        .collect()
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
