//! Sealed tables, as their owner and a receiver of figures see them.
//!
//! Everything here is mathematics without I/O: rows of bounded integers go out to be packed and encrypted, exact
//! sums of them come back, and figures are made from the sums.
//!
//! On the way out:
//! - [`import`]: CSV, with what was found in it;
//! - [`coding`]: roles of columns, scales, categories, sealed sets;
//! - [`layout`]: slots that cannot overflow, packed rows;
//! - [`tag`], [`token`]: what makes a cheating cloud visible, and what it may group by.
//!
//! On the way back:
//! - [`cohort`]: which queries an opener answers;
//! - [`layout`] and [`tag`] again: what was opened is the sum of the rows that were asked for;
//! - [`moments`]: means, variances, correlations from the sums;
//! - [`regression`]: ordinary and ridge least squares from the same sums;
//! - [`distribution`]: the tails that p-values and intervals need.
//!
//! Encryption lies between [`layout::SlotPlan::pack`] and [`layout::SlotPlan::open`], which give and take one signed
//! integer a ciphertext; this crate does not know by which scheme.

mod absent;
pub mod coding;
pub mod cohort;
pub mod distribution;
mod exact;
pub mod import;
pub mod layout;
pub mod moments;
pub mod regression;
pub mod rows;
pub mod tag;
pub mod token;

pub use cohort::{CohortError, CohortLedger};
pub use layout::{LayoutError, SlotPlan};
pub use moments::{Moments, MomentsError, Variable, moment_count};
pub use regression::{Coefficient, Model, Penalty, Regression, RegressionError};
pub use rows::RowSet;
pub use tag::{TagError, TagKey};
