//! What is too much at import: a small file can ask for anything.

use super::{ImportError, Refused};
use crate::onnx::messages::TensorProto;
use crate::onnx::{self, OnnxError};

/// The most whole numbers and floats that are computed at import and kept, all together. The weights' own floats do not count.
pub(super) const MOST_KEPT: usize = 1 << 25;
/// The most numbers of one constant mask, and of all that one constant follows from.
pub(super) const MOST_KNOWN: usize = 1 << 26;
/// The most operations on numbers that are computed at import, all together.
const MOST_WORK: u64 = 1 << 30;

/// What has been taken of the bounds.
#[derive(Default)]
pub(super) struct Spent {
    kept: usize,
    work: u64,
}

impl Spent {
    /// Counts operations.
    pub(super) fn work(&mut self, operations: u64) -> Result<(), Refused> {
        self.work = self.work.saturating_add(operations);
        if self.work > MOST_WORK { Err(Refused::TooMuch) } else { Ok(()) }
    }

    /// Counts numbers that one node looks at, all of them at a time.
    pub(super) fn look(&mut self, numbers: usize) -> Result<(), Refused> {
        if numbers > MOST_KEPT { Err(Refused::TooMuch) } else { self.work(numbers as u64) }
    }

    /// Counts numbers that stay.
    pub(super) fn keep(&mut self, numbers: usize) -> Result<(), Refused> {
        self.kept = self.kept.saturating_add(numbers);
        if self.kept > MOST_KEPT { Err(Refused::TooMuch) } else { Ok(()) }
    }

    /// Counts a constant of the file, before it is read: bytes become eight times as many.
    pub(super) fn keep_tensor(&mut self, tensor: &TensorProto) -> Result<(), ImportError> {
        if onnx::is_float(tensor.data_type.unwrap_or_default()) {
            return Ok(());
        }
        let size = |&size: &i64| usize::try_from(size).unwrap_or_default().max(1);
        let numbers = tensor.dims.iter().map(size).fold(1, usize::saturating_mul);
        self.keep(numbers).map_err(|_| {
            let why = "more whole numbers than shapes are made of".to_owned();
            OnnxError::Tensor { name: tensor.name.clone().unwrap_or_default(), why }.into()
        })
    }
}
