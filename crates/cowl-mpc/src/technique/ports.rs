//! What the technique sees of the world, beside the ports of every job.

use async_trait::async_trait;
use cowl_crypto::digest::Digest;
use cowl_job::{Failure, Running};

use super::result::ResultTensor;
use crate::bundle::BundleId;

/// What a run gave to one of the two who compute.
pub struct Computed {
    /// The bundle that was used up.
    pub bundle: BundleId,
    /// The commitment to the weights, as the model owner signed it at the set-up.
    pub weights: Digest,
    /// Digest of all messages; the other party said the same before any output was sent.
    pub transcript: Digest,
    /// The outputs of the program, in its order, for a receiver ([`ResultTensor::all`]).
    pub outputs: Option<Vec<ResultTensor>>,
}

/// The other machines, authenticated, and what this one brings: weights, input or randomness.
#[async_trait]
pub trait Parties: Send + Sync {
    /// At the dealer's seat: has both parties of this job have one bundle that nobody has used.
    ///
    /// # Errors
    /// [`Failure`].
    async fn hand_out(&self, running: &Running) -> Result<BundleId, Failure>;

    /// At the other seats: runs the program. The bundle is recorded as used, durably, before the first byte is sent.
    ///
    /// # Errors
    /// [`Failure`]; the bundle is used up all the same.
    async fn compute(&self, running: &Running) -> Result<Computed, Failure>;
}
