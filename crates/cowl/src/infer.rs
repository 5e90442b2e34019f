//! Secure inference: somebody's model on somebody's data, and neither sees the other's.
//!
//! Three roles, each a process: [`dealer`], [`model_owner`], [`data_owner`]. They know each other by the keys of
//! the directory and speak over [`peer`]; what they say is in [`wire`], what they keep in [`store`]. [`engine`]
//! hands the bytes to `cowl-mpc`, which computes. Every run is a [`job`]: nothing is computed without a consent of all
//! three to one plan.
//!
//! A *set-up* is made once for a model owner, a data owner and a set of weights; a *bundle* is used by one run. Order is
//! what makes a crash harmless: consents and bundle are recorded as used on the model owner's disk before it says that it is
//! ready, and on the data owner's before it sends the first byte of its own. A process that dies anywhere between
//! wastes a bundle, and no bundle is run twice.

pub(crate) mod data_owner;
pub(crate) mod dealer;
pub(crate) mod engine;
pub(crate) mod error;
mod fetching;
pub(crate) mod halves;
pub(crate) mod job;
pub(crate) mod keys;
pub(crate) mod model_owner;
pub(crate) mod peer;
pub(crate) mod recipe;
pub(crate) mod serving;
pub(crate) mod store;
pub(crate) mod watch;
pub(crate) mod wire;
