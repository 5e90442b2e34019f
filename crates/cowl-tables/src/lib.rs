//! Sealed tables, as their owner and a receiver of figures see them.
//!
//! Everything here is mathematics without I/O: rows of bounded integers go out to be packed and encrypted, exact
//! sums of them come back, and figures are made from the sums.
//!
//! - [`moments`]: exact sums over a group of rows, and means, variances, correlations from them;
//! - [`regression`]: ordinary and ridge least squares from the same sums;
//! - [`distribution`]: the tails that p-values and intervals need.

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

pub use cohort::{CohortError, CohortLedger};
pub use layout::{LayoutError, SlotPlan};
pub use moments::{Moments, MomentsError, Variable, moment_count};
pub use regression::{Coefficient, Model, Penalty, Regression, RegressionError};
pub use rows::RowSet;
pub use tag::{TagError, TagKey};
