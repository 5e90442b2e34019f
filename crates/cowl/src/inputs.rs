//! The data owner's files as the inputs of a network: scans, runs, pictures, numbers.
//!
//! What is done with a file follows from the kind of file and the sizes of the input
//! ([`cowl_imaging::network_input`]); this module reads the files, one for each input, and gives tensors.

pub(crate) mod brain_networks;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cowl_imaging::network_input::{self, Hints, InputError, Numbers, Shown, Source};
use cowl_imaging::volume::Grid;
use cowl_model::graph::Port;
use cowl_model::onnx::{self, Constant};
use cowl_model::{Graph, Tensor};

use crate::failure::Failure;

/// Most bytes of one file.
const LARGEST_FILE: u64 = 4 << 30;
/// Most files of a series.
const MOST_SLICES: usize = 10_000;

/// Why a file is no input.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InputFault {
    /// As many files as inputs are wanted.
    #[error("the model takes {wanted} inputs ({names}), and {found} files are named")]
    Count { wanted: usize, names: String, found: usize },
    /// A file of this machine.
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    /// A file that does not fit the input.
    #[error("{}: {why} (input '{input}' takes {sizes})", path.display())]
    Unfit { path: PathBuf, input: String, sizes: String, why: Box<InputError> },
    /// A file of one tensor that cannot be read, or has other sizes.
    #[error("{}: {why}; input '{input}' takes {sizes}", path.display())]
    Tensor { path: PathBuf, input: String, sizes: String, why: String },
    /// A folder that holds no series.
    #[error("{}: {why}", path.display())]
    Folder { path: PathBuf, why: String },
}

impl From<InputFault> for Failure {
    fn from(fault: InputFault) -> Self {
        match fault {
            InputFault::File { path, source } => Self::file(&path, source),
            InputFault::Count { .. } => Self::usage(fault.to_string()),
            _ => Self::no(fault.to_string()),
        }
    }
}

/// One input of a model.
#[derive(Debug)]
pub(crate) struct Input {
    /// As the model takes it.
    pub(crate) numbers: Tensor<f32>,
    /// What it looks like.
    pub(crate) shown: Shown,
}

/// Reads one file for each input of a model, in their order: a file, or the folder of a DICOM series.
///
/// # Errors
/// [`InputFault`] names the file and what the input takes.
pub(crate) fn read_inputs(graph: &Graph, files: &[PathBuf], hints: &Hints) -> Result<Vec<Input>, InputFault> {
    let ports = graph.inputs();
    if ports.len() != files.len() {
        let names = ports.iter().map(|port| port.name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(InputFault::Count { wanted: ports.len(), names, found: files.len() });
    }
    ports.iter().zip(files).map(|(port, path)| read_input(port, path, hints)).collect()
}

fn read_input(port: &Port, path: &Path, hints: &Hints) -> Result<Input, InputFault> {
    let unfit = |why: InputError| InputFault::Unfit {
        path: path.to_owned(),
        input: port.name.clone(),
        sizes: port.shape.to_string(),
        why: Box::new(why),
    };
    let is_folder = fs::metadata(path).map_err(|source| file_fault(path, source))?.is_dir();
    let source = if is_folder {
        series(path)?
    } else {
        let bytes = bytes(path)?;
        if let Some(numbers) = numbers(port, path, &bytes)? {
            return Ok(Input { numbers, shown: Shown::Numbers });
        }
        Source::read(&bytes)
    };
    let source = source.map_err(unfit)?;
    let hints = with_brain(port, hints, &source);
    let prepared = network_input::prepare(&source, port.shape.sizes(), &hints).map_err(unfit)?;
    let numbers = Tensor::new(port.shape.clone(), prepared.values);
    let numbers = numbers.expect("the file was prepared for these sizes");
    Ok(Input { numbers, shown: prepared.shown })
}

/// Component maps are drawn over an anatomy and standardised within a brain; both are in the program. So are templates
/// for a run; files of fewer volumes than dual regression needs are lists of maps.
fn with_brain(port: &Port, hints: &Hints, source: &Source) -> Hints {
    let mut hints = hints.clone();
    if port.shape.count() == Grid::mni_4mm().count() {
        let anatomy = brain_networks::anatomy();
        hints.mask.get_or_insert_with(|| anatomy.clone());
        hints.anatomy.get_or_insert(anatomy);
        let is_run = matches!(source, Source::Run(run) if run.count() >= brain_networks::LEAST_VOLUMES);
        if is_run && hints.templates.is_empty() {
            hints.templates = brain_networks::templates();
        }
    }
    hints
}

fn file_fault(path: &Path, source: io::Error) -> InputFault {
    InputFault::File { path: path.to_owned(), source }
}

fn bytes(path: &Path) -> Result<Vec<u8>, InputFault> {
    let length = fs::metadata(path).map_err(|source| file_fault(path, source))?.len();
    if length > LARGEST_FILE {
        let source = io::Error::new(io::ErrorKind::FileTooLarge, "larger than any input");
        return Err(file_fault(path, source));
    }
    fs::read(path).map_err(|source| file_fault(path, source))
}

/// The DICOM files of a folder, whatever their names; other files in it are passed over.
fn series(path: &Path) -> Result<Result<Source, InputError>, InputFault> {
    let refused = |why: &str| InputFault::Folder { path: path.to_owned(), why: why.to_owned() };
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(|source| file_fault(path, source))? {
        let file = entry.map_err(|source| file_fault(path, source))?.path();
        if !file.is_file() {
            continue;
        }
        let content = bytes(&file)?;
        if cowl_imaging::dicom::is_dicom(&content) {
            files.push((file.file_name().unwrap_or_default().to_string_lossy().into_owned(), content));
        }
        if files.len() > MOST_SLICES {
            return Err(refused("more files than a series has"));
        }
    }
    if files.is_empty() {
        return Err(refused("there is no DICOM file in this folder"));
    }
    Ok(Source::read_series(files.iter().map(|(name, content)| (name.as_str(), content.as_slice()))))
}

/// Numbers in files of which the ending says what they are: a tensor as ONNX's tests keep them, an array of NumPy's, 32-bit
/// floats, text. How they are arranged in the file does not matter.
fn numbers(port: &Port, path: &Path, bytes: &[u8]) -> Result<Option<Tensor<f32>>, InputFault> {
    let read = match path.extension().and_then(|ending| ending.to_str()) {
        Some("pb") => of_tensor(bytes),
        Some("npy") => Numbers::read(bytes).map(|array| array.values).map_err(|error| error.to_string()),
        Some("f32") => of_floats(bytes),
        Some("csv" | "txt") => of_text(bytes),
        _ => return Ok(None),
    };
    let unfit = |why: String| InputFault::Tensor {
        path: path.to_owned(),
        input: port.name.clone(),
        sizes: port.shape.to_string(),
        why,
    };
    let numbers = read.map_err(unfit)?;
    let found = numbers.len();
    Tensor::new(port.shape.clone(), numbers).map(Some).map_err(|_| unfit(format!("it has {found} numbers")))
}

fn of_tensor(bytes: &[u8]) -> Result<Vec<f32>, String> {
    match onnx::read_tensor(bytes).map_err(|error| error.to_string())? {
        Constant::Floats(tensor) => Ok(tensor.into_data()),
        _ => Err("the tensor is not of floats".to_owned()),
    }
}

fn of_floats(bytes: &[u8]) -> Result<Vec<f32>, String> {
    let (numbers, rest) = bytes.as_chunks::<4>();
    if rest.is_empty() {
        return Ok(numbers.iter().map(|number| f32::from_le_bytes(*number)).collect());
    }
    Err(format!("{} bytes are no 32-bit floats", bytes.len()))
}

fn of_text(bytes: &[u8]) -> Result<Vec<f32>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "not text".to_owned())?;
    let words =
        text.split(|c: char| c.is_whitespace() || c == ',' || c == ';').filter(|word| !word.is_empty());
    let wrong = |word: &str| format!("'{}' is no number", word.chars().take(20).collect::<String>());
    words.map(|word| word.parse().map_err(|_| wrong(word))).collect()
}
