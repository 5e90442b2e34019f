//! Two-party inference with a dealer, by function secret sharing: mathematics and kernels, no I/O.
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
//!
//! # Secure when
//! Both parties follow the protocol, the dealer colludes with neither, each bundle is used once, and messages
//! and bundles travel over channels that authenticate and hide them (this crate moves nothing). A party then
//! learns its own input, its bundle, uniform masked values, and what it is given as the output.

pub mod bundle;
pub mod comparison;
pub mod dealing;
pub mod dpf;
mod error;
pub mod linear;
pub mod nonlinear;
pub mod prg;
pub mod protocol;
pub mod ring;

pub use error::Error;
pub use prg::Kernel;
pub use ring::{Party, Ring};
