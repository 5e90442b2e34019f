//! Paillier's cryptosystem as far as it needs no secret: public keys, encryption, and arithmetic on ciphertexts.
//!
//! A ciphertext of m under n is c = (1 + n)^m · rⁿ mod n² (Paillier, "Public-key cryptosystems based on composite
//! degree residuosity classes", EUROCRYPT 1999). Products of ciphertexts are ciphertexts of sums, powers are ciphertexts
//! of multiples: whoever holds ciphertexts adds and weighs them without learning anything. The blind cloud links this
//! crate; decryption and key generation are in `cowl-paillier-secret`, which it never links.
//!
//! - [`PublicKey`] and its [`KeyDigest`], the name that ciphertexts carry.
//! - [`Encryptor`]: c = (1 + m·n)·h^(n·a) with h = −x² (Damgård, Jurik, Nielsen, "A generalization of Paillier's
//!   public-key system with applications to electronic voting", IJIS 2010), from a table of powers, which
//!   [`KeptTables`] keeps; [`encrypt_textbook`].
//! - [`Ciphertexts`]: batches; add, subtract, multiply by open numbers, scalar products. [`GroupedSums`]: sums by group
//!   in one pass over stored rows. [`Encryptor::rerandomise`].
//! - [`Packing`]: signed numbers in slots with guard bits; [`Weight`] counts what they can take; [`FixedPoint`] makes
//!   measured values into such numbers.
//! - [`Modulus`], [`Lanes`], [`Pairs`], [`FixedBase`]: the arithmetic underneath, which the secret side uses modulo p².
//!
//! Everything works on batches, because the kernels do: eight ciphertexts cost what one costs. Nothing here starts
//! threads; callers cut batches into multiples of [`LANES`], best of 256, for their cores. Randomness comes as an
//! argument. What hides plaintexts runs in a time that does not depend on them unless the caller hands over a
//! [`VariableTime`].
//!
//! A ciphertext can be changed by whoever holds it, by design. That sums are the ones that were asked for is shown by
//! tags inside the plaintexts, above this crate.
#![deny(missing_docs)]
#![allow(clippy::needless_range_loop, reason = "a lane's number indexes several arrays at once")]

mod absent;
mod ciphertext;
mod encrypt;
mod error;
mod fixed_base;
mod fixed_point;
mod inverse;
mod kernel;
mod key;
mod lanes;
mod modulus;
mod number;
mod packing;
mod plaintext;
mod power;
mod sums;
mod tables;
mod timing;

pub use ciphertext::Ciphertexts;
pub use encrypt::{Encryptor, ExponentLength, add_messages, encrypt_textbook};
pub use error::{Error, KeyError};
pub use fixed_base::{Exponents, FixedBase, LARGEST_TABLE};
pub use fixed_point::{FixedPoint, FixedPointError, MOST_DECIMALS, Scaled};
pub use kernel::{Kernel, LANES};
pub use key::{KeyDigest, KeySize, PublicKey};
pub use lanes::{Lanes, Pairs};
pub use modulus::{Modulus, Workspace};
pub use packing::{Packing, PackingError, WIDEST_SLOT, WIDEST_VALUE, Weight};
pub use plaintext::Plaintext;
pub use sums::GroupedSums;
pub use tables::{KeptTables, Table, TableName};
pub use timing::{Timing, VariableTime};
