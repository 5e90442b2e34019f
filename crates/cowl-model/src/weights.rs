//! A model's weights as bytes, for their owner to seal.
//!
//! The bytes begin with the digest of the architecture that they belong to: weights of another architecture are
//! refused rather than misread.

use crate::graph::Graph;
use crate::tensor::Tensor;

const MAGIC: &[u8; 16] = b"cowl/weights/v1\n";

/// Bytes that are not the weights of an architecture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// Something else altogether.
    #[error("not a file of weights")]
    Malformed,
    /// Of another architecture.
    #[error("these weights belong to another architecture")]
    OtherArchitecture,
    /// Cut, or with bytes behind them.
    #[error("the weights should be {wanted} bytes, not {found}")]
    Length {
        /// What the architecture asks for.
        wanted: u64,
        /// What is there.
        found: u64,
    },
}

/// The bytes of weights, which must be those of `graph` in its order.
pub fn to_bytes(graph: &Graph, weights: &[Tensor<f32>]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(48 + 4 * graph.weight_count() as usize);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&graph.digest());
    for value in weights.iter().flat_map(Tensor::data) {
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    bytes
}

/// Reads the weights of an architecture.
///
/// # Errors
/// [`WeightsError`].
pub fn from_bytes(graph: &Graph, bytes: &[u8]) -> Result<Vec<Tensor<f32>>, WeightsError> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(WeightsError::Malformed)?;
    let (digest, numbers) = rest.split_at_checked(32).ok_or(WeightsError::Malformed)?;
    if digest != graph.digest() {
        return Err(WeightsError::OtherArchitecture);
    }
    let wanted = 4 * graph.weight_count();
    if numbers.len() as u64 != wanted {
        return Err(WeightsError::Length { wanted: wanted + 48, found: bytes.len() as u64 });
    }
    let mut numbers = numbers.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
    let tensor = |port: &crate::graph::Port| {
        let data: Vec<f32> = numbers.by_ref().take(port.shape.count()).collect();
        Tensor::new(port.shape.clone(), data).map_err(|_| WeightsError::Malformed)
    };
    graph.weights().iter().map(tensor).collect()
}
