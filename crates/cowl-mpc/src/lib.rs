//! Two-party inference with a dealer, by function secret sharing: mathematics and kernels; whoever calls moves the
//! bytes.
//!
//! A *model owner* has weights, a *data owner* an input; a *dealer*, who sees neither, hands both correlated
//! randomness ahead of time. From the ground up:
//!
//! - [`ring`]: numbers modulo 2^k and shares of them.
//! - [`prg`]: fixed-key AES in batches, and the streams that masks come from.
//! - [`dpf`]: distributed point functions; [`comparison`]: how many points lie left of the secret one.
//! - [`dealing`]: what the dealer writes and a party reads; [`protocol`]: messages in, messages out.
//! - [`nonlinear`]: a [`protocol::Gate`] for each nonlinear layer. [`linear`]: layers with weights.
//! - [`bundle`]: one run's correlations for one party, behind a header, in the order of the program.
//! - [`lowering`]: from a `cowl_model::Program` to these layers; [`setup`]: its weights, masked once.
//! - [`inference`]: both parties' runs over a [`channel`]; [`reference`]: the same in the clear, mask for mask;
//!   [`rehearsal`]: all three roles in one process.
//! - [`technique`]: all that as a job, with plan, consents and evidence.
//!
//! # Secure when
//! Both parties follow the protocol, the dealer colludes with neither, each bundle is used once, and messages
//! and bundles travel over channels that authenticate and hide them (this crate moves nothing). A party then
//! learns its own input, its bundle, uniform masked values, and what it is given as the output.

pub mod bundle;
pub mod channel;
pub mod comparison;
pub mod dealing;
pub mod dpf;
mod error;
pub mod inference;
pub mod linear;
pub mod lowering;
pub mod nonlinear;
pub mod prg;
pub mod protocol;
pub mod reference;
pub mod rehearsal;
pub mod ring;
pub mod setup;
pub mod technique;

pub use error::Error;
pub use inference::{Finished, Receivers, RunError};
pub use lowering::Protocol;
pub use prg::Kernel;
pub use ring::{Party, Ring};
