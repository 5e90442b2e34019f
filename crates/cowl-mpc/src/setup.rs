//! The model owner's weights, once for all inferences with one data owner.
//!
//! With the dealer the model owner has a [`SetupSeed`], from which the weight mask B comes; the data owner gets
//! W − B and keeps it. Weights that are only added (biases) are masked and handed over the same way although no
//! product needs that: so [`WeightCommitment`] covers every weight.
//!
//! A run with other factors W′ than were masked gives noise, because the data owner's share comes from W − B: the
//! commitment binds them. It binds biases only as far as the model owner follows the protocol.
//!
//! Secure when the seed is fresh for this data owner and these weights: then W − B is uniform, and its digest
//! tells nothing. Two set-ups of the same weights have nothing in common.

use std::io::{self, Read, Write};

use cowl_model::Tensor;
use cowl_model::program::Operation;
use zeroize::Zeroize;

use crate::error::Error;
use crate::linear::{SetupId, SetupSeed, Weights};
use crate::lowering::Protocol;
use crate::prg::Lane;

const MAGIC: [u8; 9] = *b"cowl-set\x01";
const HEADER_BYTES: usize = MAGIC.len() + 16 + 32;

/// Why there is no set-up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// Weights that are not the program's (the caller's fault).
    #[error("the program takes {expected} weights of its own shapes; these are others")]
    Weights {
        /// How many the program takes.
        expected: usize,
    },
    /// Bytes that are no masked weights for this program (the model owner's fault, or the disk's).
    #[error("these are not the masked weights of this program")]
    Malformed,
    /// They cannot be read or written.
    #[error("masked weights cannot be read or written: {0}")]
    Io(#[from] io::Error),
    /// A layer and its mask that do not fit each other.
    #[error(transparent)]
    Layer(#[from] Error),
}

/// What a set-up's weights are known by: equal only for the same set-up and the same weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WeightCommitment {
    /// The set-up.
    pub setup: SetupId,
    /// BLAKE3 of the masked weights as they are written.
    pub digest: [u8; 32],
}

/// The model owner's weights as its side of a run needs them; wiped when dropped.
pub struct ModelWeights {
    /// Of each layer with weights, in the plan's order.
    factors: Vec<Weights>,
    /// By the weight's place; of those that are added only.
    added: Vec<Option<Added>>,
}

struct Added(Tensor<u64>);

impl Drop for Added {
    fn drop(&mut self) {
        self.0.data_mut().zeroize();
    }
}

impl ModelWeights {
    /// Takes rounded weights (`cowl_model::fixed::quantise_weights`) in the program's order.
    ///
    /// # Errors
    /// [`SetupError::Weights`].
    pub fn new(protocol: &Protocol, quantised: Vec<Tensor<u64>>) -> Result<Self, SetupError> {
        let wanted = protocol.program().weights();
        let fit = wanted.iter().zip(&quantised).all(|(weight, tensor)| weight.shape == *tensor.shape());
        if wanted.len() != quantised.len() || !fit {
            return Err(SetupError::Weights { expected: wanted.len() });
        }
        let mut last = vec![None; wanted.len()];
        protocol.linear_layers().enumerate().for_each(|(layer, (_, _, weight))| last[weight] = Some(layer));
        let added = added(protocol);
        let mut quantised: Vec<Option<Added>> = quantised.into_iter().map(|one| Some(Added(one))).collect();
        let factors = protocol.linear_layers().enumerate().map(|(layer, (_, _, weight))| {
            let numbers = if last[weight] == Some(layer) && !added[weight] {
                let mut last_use = quantised[weight].take();
                last_use
                    .as_mut()
                    .map(|last_use| std::mem::replace(&mut last_use.0, Tensor::scalar(0)).into_data())
            } else {
                quantised[weight].as_ref().map(|more| more.0.data().to_vec())
            };
            Weights::new(protocol.ring(), numbers.unwrap_or_default())
        });
        let factors = factors.collect();
        let kept = quantised.into_iter().zip(&added).map(|(one, kept)| one.filter(|_| *kept));
        Ok(Self { factors, added: kept.collect() })
    }

    /// W − B for the data owner.
    ///
    /// # Errors
    /// [`SetupError::Layer`] when these weights are another program's.
    pub fn masked_by(&self, protocol: &Protocol, seed: &SetupSeed) -> Result<MaskedWeights, SetupError> {
        let mut numbers = Vec::new();
        for ((lane, layer, _), weights) in protocol.linear_layers().zip(&self.factors) {
            numbers.push(weights.minus(&seed.mask(layer, lane))?);
        }
        for (lane, _, weight) in added_lanes(protocol) {
            let added = self.added(weight).map_or_else(Vec::new, |tensor| tensor.data().to_vec());
            let mask = seed.numbers(protocol.ring(), lane, added.len());
            numbers.push(Weights::new(protocol.ring(), added).minus(&mask)?);
        }
        let digest = [0; 32];
        let mut masked = MaskedWeights { numbers, commitment: WeightCommitment { setup: seed.id(), digest } };
        let mut hasher = blake3::Hasher::new();
        masked.write_to(protocol, &mut hasher)?;
        masked.commitment.digest = *hasher.finalize().as_bytes();
        Ok(masked)
    }

    pub(crate) fn factors(&self, layer: usize) -> Option<&Weights> {
        self.factors.get(layer)
    }

    pub(crate) fn added(&self, weight: usize) -> Option<&Tensor<u64>> {
        self.added.get(weight)?.as_ref().map(|added| &added.0)
    }
}

/// Which weights are added to something.
fn added(protocol: &Protocol) -> Vec<bool> {
    let mut added = vec![false; protocol.program().weights().len()];
    for step in protocol.program().steps() {
        match &step.operation {
            Operation::Linear(linear) => {
                linear.bias.into_iter().for_each(|bias| added[bias.index()] = true);
            }
            Operation::Lift(weight) | Operation::AddWeight(weight) => added[weight.index()] = true,
            _ => {}
        }
    }
    added
}

/// Their masks' lanes, how many numbers they have, and their places.
fn added_lanes(protocol: &Protocol) -> impl Iterator<Item = (Lane, usize, usize)> {
    let weights = protocol.program().weights().iter().zip(added(protocol)).enumerate();
    let chosen = weights.filter(|(_, (_, added))| *added);
    chosen.map(|(place, (weight, _))| (protocol.added_weight(place), weight.shape.count(), place))
}

/// Numbers of each part of a set-up, in order.
fn counts(protocol: &Protocol) -> impl Iterator<Item = usize> {
    let factors = protocol.linear_layers().map(|(_, layer, _)| layer.map().left());
    factors.chain(added_lanes(protocol).map(|(_, count, _)| count))
}

/// W − B: what the data owner keeps of a set-up. Uniform, and useless to whoever does not know B.
pub struct MaskedWeights {
    numbers: Vec<Weights>,
    commitment: WeightCommitment,
}

impl MaskedWeights {
    /// What these weights are known by.
    pub fn commitment(&self) -> WeightCommitment {
        self.commitment
    }

    /// Bytes of the whole, exactly.
    pub fn bytes(protocol: &Protocol) -> u64 {
        let numbers = counts(protocol).map(|count| count as u64).sum::<u64>();
        HEADER_BYTES as u64 + numbers * protocol.ring().bytes() as u64
    }

    /// Writes `cowl-set` and the version (9 bytes), the set-up's id (16), the protocol's digest (32); then k / 8
    /// bytes a number: each layer's factors, then the weights that are added.
    ///
    /// # Errors
    /// [`SetupError::Io`].
    pub fn write_to(&self, protocol: &Protocol, to: &mut dyn Write) -> Result<(), SetupError> {
        for part in [&MAGIC[..], &self.commitment.setup.0, protocol.plan().digest()] {
            to.write_all(part)?;
        }
        for numbers in &self.numbers {
            to.write_all(&numbers.to_bytes(protocol.ring()))?;
        }
        Ok(())
    }

    /// Reads what [`MaskedWeights::write_to`] wrote, to the end of `from`. Whether these are the weights that were
    /// agreed on is the caller's to compare ([`MaskedWeights::commitment`]).
    ///
    /// # Errors
    /// [`SetupError::Malformed`] for another program's, too few or too many bytes, [`SetupError::Io`].
    pub fn read_from(protocol: &Protocol, from: &mut dyn Read) -> Result<Self, SetupError> {
        let mut hasher = blake3::Hasher::new();
        let mut take = |bytes: usize| {
            let mut part = vec![0; bytes];
            from.read_exact(&mut part).map_err(ended)?;
            hasher.update(&part);
            Ok::<_, SetupError>(part)
        };
        let header = take(HEADER_BYTES)?;
        let (magic, rest) = header.split_at(MAGIC.len());
        let (setup, digest) = rest.split_at(16);
        if magic != MAGIC || digest != protocol.plan().digest() {
            return Err(SetupError::Malformed);
        }
        let setup = SetupId(setup.try_into().map_err(|_| SetupError::Malformed)?);
        let ring = protocol.ring();
        let numbers = counts(protocol)
            .map(|count| Ok(Weights::from_bytes(ring, count, &take(count * ring.bytes())?)?))
            .collect::<Result<Vec<_>, SetupError>>()?;
        if from.read(&mut [0])? != 0 {
            return Err(SetupError::Malformed);
        }
        Ok(Self { numbers, commitment: WeightCommitment { setup, digest: *hasher.finalize().as_bytes() } })
    }

    pub(crate) fn factors(&self, layer: usize) -> Option<&Weights> {
        self.numbers.get(layer)
    }
}

/// Bytes that end too early are no masked weights; all else is the disk's fault.
fn ended(error: io::Error) -> SetupError {
    if error.kind() == io::ErrorKind::UnexpectedEof { SetupError::Malformed } else { SetupError::Io(error) }
}
