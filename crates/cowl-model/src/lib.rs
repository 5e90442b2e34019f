//! Trained models: what they compute, with which weights, and the same again on integers.
//!
//! On the way in:
//! - [`onnx`]: the file's messages, read with care;
//! - [`import`]: ONNX's operators come down to a few, shapes are fixed;
//! - [`graph`]: the *architecture*, which everybody may see, evaluated in floats;
//! - a model's weights lie beside it ([`Model`]), in the order in which the architecture names them.
//!
//! On the way to two parties that compute together:
//! - [`program`]: the architecture as steps on fixed-point numbers modulo 2^k;
//! - [`fixed`]: the same steps in the clear, bit for bit what two parties compute.
//!
//! Beside them: [`weights`], the bytes for their owner to seal; [`published`], those for whoever may run the model; [`inspect`], what there is to see beforehand;
//! [`zoo`], networks for benches.
//!
//! No I/O except [`onnx::Folder`], no randomness, no secrets' types: who may see what is decided above.

pub mod bilinear;
pub mod fixed;
pub mod function;
pub mod graph;
pub mod import;
pub mod inspect;
pub mod kernel;
pub mod local;
pub mod onnx;
pub mod program;
pub mod published;
pub mod real;
pub mod ring;
pub mod shape;
pub mod tensor;
pub mod weights;
pub mod zoo;

pub use bilinear::Bilinear;
pub use function::{Curve, Function};
pub use graph::Graph;
pub use import::{Bound, ImportError, ImportOptions, Model, import};
pub use local::Local;
pub use program::{Program, Rounding, compile};
pub use published::PublishedModel;
pub use ring::Ring;
pub use shape::{Shape, ShapeError};
pub use tensor::Tensor;
