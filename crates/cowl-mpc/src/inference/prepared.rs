//! The data owner's part of layers with weights, computed before anybody waits for it.
//!
//! # Format
//! `cowl-pre` and the version (9 bytes), the bundle's id (16), the set-up's id (16), the digest of the weight
//! commitment (32); then, layer by layer, z₁ with k / 8 bytes a number. Secret: it belongs where the bundle is.

use std::io::{self, Read, Write};

use super::RunError;
use crate::bundle::Opened;
use crate::error::Error;
use crate::linear::{Linear, SetupId};
use crate::lowering::Protocol;
use crate::ring::{Party, pack, packed_bytes, unpack};
use crate::setup::{MaskedWeights, WeightCommitment};

const MAGIC: [u8; 9] = *b"cowl-pre\x01";
const HEADER_BYTES: usize = MAGIC.len() + 16 + 16 + 32;

/// Computes the data owner's shares of all layers with weights for one bundle, whose header is all that is needed
/// of it: no input, no peer.
///
/// # Errors
/// [`RunError::Seat`], [`RunError::Setup`] when bundle and weights do not belong together, [`Error::Delivery`] when
/// it cannot be written.
pub fn prepare(
    protocol: &Protocol,
    weights: &MaskedWeights,
    opened: &Opened,
    to: &mut dyn Write,
) -> Result<(), RunError> {
    if opened.seat().party() != Party::DataOwner {
        return Err(RunError::Seat);
    }
    let commitment = weights.commitment();
    if opened.setup() != commitment.setup {
        return Err(RunError::Setup);
    }
    let unwritten = |_: io::Error| Error::Delivery;
    for part in [&MAGIC[..], &opened.id().0, &commitment.setup.0, &commitment.digest] {
        to.write_all(part).map_err(unwritten)?;
    }
    for (place, (lane, layer, _)) in protocol.linear_layers().enumerate() {
        let factors = weights.factors(place).ok_or(RunError::Prepared)?;
        let shares = layer.prepare(lane, opened.seat(), factors)?;
        to.write_all(&pack(shares, protocol.ring().bits())).map_err(unwritten)?;
    }
    Ok(())
}

/// Bytes that [`prepare`] writes, exactly.
pub fn prepared_bytes(protocol: &Protocol) -> u64 {
    let bytes = |(_, layer, _): (_, &Linear, _)| packed_bytes(layer.map().output(), protocol.ring().bits());
    HEADER_BYTES as u64 + protocol.linear_layers().map(bytes).sum::<usize>() as u64
}

/// What was prepared, read front to back.
pub(super) struct Prepared<'a> {
    from: &'a mut dyn Read,
}

impl<'a> Prepared<'a> {
    pub(super) fn open(
        opened: &Opened,
        from: &'a mut dyn Read,
    ) -> Result<(Self, WeightCommitment), RunError> {
        let mut header = [0; HEADER_BYTES];
        from.read_exact(&mut header).map_err(|_| RunError::Prepared)?;
        let (magic, rest) = header.split_at(MAGIC.len());
        let (id, rest) = rest.split_at(16);
        let (setup, digest) = rest.split_at(16);
        let setup = SetupId(setup.try_into().map_err(|_| RunError::Prepared)?);
        let digest = digest.try_into().map_err(|_| RunError::Prepared)?;
        if magic != MAGIC || id != opened.id().0 || setup != opened.setup() {
            return Err(RunError::Prepared);
        }
        Ok((Self { from }, WeightCommitment { setup, digest }))
    }

    /// The next layer's shares.
    pub(super) fn next(&mut self, count: usize, bits: u32) -> Result<Vec<u64>, RunError> {
        let mut packed = vec![0; packed_bytes(count, bits)];
        self.from.read_exact(&mut packed).map_err(|_| RunError::Prepared)?;
        Ok(unpack(&packed, count, bits)?)
    }
}
