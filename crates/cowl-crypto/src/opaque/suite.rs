//! The primitives that OPAQUE is put together from.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use opaque_ke::errors::{InternalError, ProtocolError};
use opaque_ke::generic_array::{ArrayLength, GenericArray};
use opaque_ke::ksf::Ksf;
use opaque_ke::{CipherSuite, Identifiers, Ristretto255, TripleDh};
use rand_core::{CryptoRng, RngCore};
use sha2::Sha512;
use zeroize::{Zeroize, Zeroizing};

use super::OpaqueError;
use crate::id::fill_random;
use crate::secret::Secret;

pub(super) struct Suite;

impl CipherSuite for Suite {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, Sha512>;
    type Ksf = Stretching;
}

/// Argon2id with the second recommended option of RFC 9106 §4: 64 MiB, 3 passes, 4 lanes.
#[derive(Default)]
pub(super) struct Stretching;

const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 4;

/// RFC 9807 §7: all zero, for the input already differs between accounts.
const SALT: [u8; 16] = [0; 16];

impl Ksf for Stretching {
    fn hash<L: ArrayLength<u8>>(
        &self,
        input: GenericArray<u8, L>,
    ) -> Result<GenericArray<u8, L>, InternalError> {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the parameters are within range");
        let mut memory = allocate(params.block_count())?;
        let mut output = GenericArray::default();
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(&input, &SALT, &mut output, memory.as_mut_slice())
            .map_err(|_| InternalError::KsfError)?;
        Ok(output)
    }
}

fn allocate(blocks: usize) -> Result<Zeroizing<Vec<Block>>, InternalError> {
    let mut memory = Zeroizing::new(Vec::new());
    memory.try_reserve_exact(blocks).map_err(|_| InternalError::KsfError)?;
    memory.resize(blocks, Block::default());
    Ok(memory)
}

/// The operating system's generator, in the traits that opaque-ke asks for.
pub(super) struct SystemRandomness;

impl CryptoRng for SystemRandomness {}

impl RngCore for SystemRandomness {
    fn next_u32(&mut self) -> u32 {
        rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        fill_random(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

/// The handle is the client's identity, and the server's public key the server's.
pub(super) fn identifiers(handle: &[u8]) -> Identifiers<'_> {
    Identifiers { client: Some(handle), server: None }
}

/// What a failed step is reported as: only damage and lack of memory are told apart from a refusal.
pub(super) fn failure(error: ProtocolError) -> OpaqueError {
    match error {
        ProtocolError::SerializationError | ProtocolError::SizeError { .. } => OpaqueError::Malformed,
        ProtocolError::LibraryError(InternalError::KsfError) => OpaqueError::Memory,
        _ => OpaqueError::Refused,
    }
}

pub(super) fn malformed(_: ProtocolError) -> OpaqueError {
    OpaqueError::Malformed
}

/// Moves an output of the library into a secret; the library's copy is overwritten. `None` for another
/// length.
pub(super) fn take<const N: usize>(output: &mut [u8]) -> Option<Secret<N>> {
    let secret = Secret::from_slice(output);
    output.zeroize();
    secret
}

/// The same for keys, which the suite makes as long as its hash.
pub(super) fn take_key(output: &mut [u8]) -> Secret<64> {
    take(output).expect("SHA-512 gives 64 bytes")
}
