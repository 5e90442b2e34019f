//! Files of the Open Neural Network Exchange, IR version 3 and later.
//!
//! The messages are declared by hand after `onnx.proto`; fields that cannot change what a model computes are left
//! out. A file is data from strangers: every length is checked before it is believed.

pub mod builder;
pub mod external;
mod functions;
pub mod messages;
mod tensor;
mod weight;

pub use external::{ExternalFiles, Folder, NoFiles};
pub(crate) use functions::{FlatNode, flatten};
pub use tensor::Constant;
pub(crate) use tensor::is_float;

use prost::Message;

use messages::ModelProto;
use weight::Weight;

/// The largest file: larger models keep their weights in external files.
pub const LARGEST_FILE: usize = i32::MAX as usize;
/// The most nodes of a graph, functions unfolded.
pub const MOST_NODES: usize = 1 << 16;
/// What a file may hold besides the contents of tensors.
const MOST_STRUCTURE: usize = 32 << 20;
/// The most messages, names and texts of a file: each takes up to some hundred bytes when it is read.
const MOST_ENTRIES: usize = 1 << 19;

/// A file that is not a readable ONNX model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OnnxError {
    /// Beyond a bound.
    #[error("the file is too large: {0}")]
    TooLarge(String),
    /// Not protocol buffers of the expected shape.
    #[error("not an ONNX file: {0}")]
    Malformed(String),
    /// A tensor that cannot be read.
    #[error("tensor '{name}': {why}")]
    Tensor {
        /// Its name; may be empty.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// An external file that is missing, elsewhere or too short.
    #[error("tensor '{name}' lies in the file '{file}': {why}")]
    External {
        /// The tensor.
        name: String,
        /// Where it should be, as the model says.
        file: String,
        /// What went wrong.
        why: String,
    },
    /// A model function that cannot be unfolded.
    #[error("function '{name}': {why}")]
    Function {
        /// Domain and name.
        name: String,
        /// What is wrong with it.
        why: String,
    },
}

/// Reads the messages of a file.
///
/// # Errors
/// [`OnnxError::TooLarge`], [`OnnxError::Malformed`].
pub fn read(bytes: &[u8]) -> Result<ModelProto, OnnxError> {
    if bytes.len() > LARGEST_FILE {
        return Err(OnnxError::TooLarge(format!("{} bytes", bytes.len())));
    }
    let weight = Weight::of(bytes).ok_or_else(|| OnnxError::Malformed("broken fields".into()))?;
    let Weight { structure, entries } = weight;
    if structure > MOST_STRUCTURE {
        let what = format!("{structure} bytes besides weights; at most {MOST_STRUCTURE} are read");
        return Err(OnnxError::TooLarge(what));
    }
    if entries > MOST_ENTRIES {
        let what = format!("{entries} nodes, attributes and names; at most {MOST_ENTRIES} are read");
        return Err(OnnxError::TooLarge(what));
    }
    let model = ModelProto::decode(bytes).map_err(|error| OnnxError::Malformed(error.to_string()))?;
    if model.graph.is_none() {
        return Err(OnnxError::Malformed("there is no graph in it".into()));
    }
    Ok(model)
}

/// Reads one tensor in a file of its own, as ONNX's tests keep them.
///
/// # Errors
/// [`OnnxError`].
pub fn read_tensor(bytes: &[u8]) -> Result<Constant, OnnxError> {
    let tensor =
        messages::TensorProto::decode(bytes).map_err(|error| OnnxError::Malformed(error.to_string()))?;
    Constant::read(&tensor, &NoFiles)
}
