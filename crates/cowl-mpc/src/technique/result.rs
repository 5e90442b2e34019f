//! What comes out of an inference, as its receiver keeps it.

use cowl_domain::wire::{self, WireError};
use cowl_model::{Program, Tensor};
use minicbor::{Decode, Encode};

/// The most numbers of a result.
const MOST_NUMBERS: usize = 1 << 28;

/// Outputs that are not those of the program, or bytes that are no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResultError {
    /// Not the canonical bytes of a result.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// Other outputs than the program has.
    #[error("the outputs are not those of the program")]
    Outputs,
    /// Sizes that do not go with the numbers, or a point beyond 64 bits.
    #[error("output '{0}' does not hold together")]
    Sizes(String),
}

/// The outputs with a salt. The salt makes the digest in the evidence say nothing of them to who has not got them: of a
/// single label there are few possible ones to try.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct InferenceResult {
    #[cbor(n(0), with = "minicbor::bytes")]
    salt: [u8; 32],
    #[n(1)]
    outputs: Vec<ResultTensor>,
}

/// One output.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ResultTensor {
    /// As the model names it.
    #[n(0)]
    pub name: String,
    /// Its sizes.
    #[n(1)]
    pub sizes: Vec<u64>,
    /// How many bits stand behind the point; 0 for labels.
    #[n(2)]
    pub fraction: u32,
    /// Its numbers, row-major.
    #[n(3)]
    pub numbers: Vec<i64>,
}

impl ResultTensor {
    /// The outputs of a program, in its order.
    ///
    /// # Errors
    /// [`ResultError::Outputs`] when the tensors are others than the program's.
    pub fn all(program: &Program, outputs: &[Tensor<u64>]) -> Result<Vec<Self>, ResultError> {
        let wanted = program.outputs();
        let fits = wanted.len() == outputs.len()
            && wanted.iter().zip(outputs).all(|(port, it)| program.value(port.value).shape == *it.shape());
        if !fits {
            return Err(ResultError::Outputs);
        }
        let one = |(port, tensor): (&cowl_model::program::ProgramOutput, &Tensor<u64>)| Self {
            name: port.name.clone(),
            sizes: tensor.shape().sizes().iter().map(|&size| size as u64).collect(),
            fraction: program.value(port.value).fraction,
            numbers: tensor.data().iter().map(|&number| program.ring().signed(number)).collect(),
        };
        Ok(wanted.iter().zip(outputs).map(one).collect())
    }

    /// What the numbers mean.
    pub fn real(&self) -> Vec<f64> {
        let unit = f64::from(self.fraction).exp2();
        self.numbers.iter().map(|&number| number as f64 / unit).collect()
    }

    fn is_sound(&self) -> bool {
        let count = self.sizes.iter().try_fold(1usize, |count, &size| {
            count.checked_mul(usize::try_from(size).ok()?).filter(|count| *count <= MOST_NUMBERS)
        });
        count == Some(self.numbers.len()) && self.fraction < 64
    }
}

impl InferenceResult {
    /// Of outputs in the order of their program, with a salt that nobody can guess.
    pub fn new(outputs: Vec<ResultTensor>, salt: [u8; 32]) -> Self {
        Self { salt, outputs }
    }

    /// The outputs.
    pub fn outputs(&self) -> &[ResultTensor] {
        &self.outputs
    }

    /// The canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// [`ResultError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ResultError> {
        let result: Self = wire::decode("result of an inference", bytes)?;
        match result.outputs.iter().find(|output| !output.is_sound()) {
            Some(output) => Err(ResultError::Sizes(output.name.chars().take(40).collect())),
            None => Ok(result),
        }
    }
}
