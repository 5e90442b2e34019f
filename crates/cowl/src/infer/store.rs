//! What a party keeps of inference: the folder `infer` of its profile.
//!
//! | file | content |
//! |---|---|
//! | `used` | [`ledger`]: which bundles were run; only ever grows |
//! | `taken` | the data owner's: which bundles it has ever had whole; only ever grows |
//! | `setups/ID` | [`setup`]: who computes with whom, with what; the mask's seed where it is known |
//! | `weights/ID` | the data owner's W − B |
//! | `stock/SETUP/ID` | [`stock`]: bundles that wait to be used |
//! | `stock/SETUP/ID.job` | the job that the bundle is for, with the dealer's consent |
//! | `prepared/SETUP/ID` | the data owner's part of the linear layers, computed ahead of time |
//! | `dealt/SETUP/ID.seat` | the dealer's, until its party has it |
//!
//! All are sealed under keys of the party, for its owner's eyes only (0600), written whole or not at all. A file that is
//! erased loses its key first: it stands in front, is overwritten, and only then the name goes.

mod folder;
mod ledger;
mod setup;
mod stock;

pub(crate) use folder::{Folder, NewFile};
pub(crate) use ledger::Ledger;
pub(crate) use setup::{Part, SetUp, SetUpId, Terms, WeightStatement, receivers, weights_name};
pub(crate) use stock::{BundleName, Stock, sealed_bundle_length};
