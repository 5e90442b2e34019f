//! The digest that names a program: two parties with the same digest run the same steps.

use minicbor::{Encode, Encoder};

use super::Program;
use crate::tensor::Tensor;

impl Program {
    /// Covers ring, rounding, every step with its constants, what comes out and which weights go in.
    pub fn digest(&self) -> [u8; 32] {
        let bytes = minicbor::to_vec(self).expect("writing to a Vec cannot fail");
        *blake3::Hasher::new_derive_key("cowl/program/v1").update(&bytes).finalize().as_bytes()
    }
}

impl<C> Encode<C> for Tensor<i64> {
    fn encode<W: minicbor::encode::Write>(
        &self,
        encoder: &mut Encoder<W>,
        context: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        encoder.array(2)?;
        self.shape().encode(encoder, context)?;
        self.data().encode(encoder, context)
    }
}
