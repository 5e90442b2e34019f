//! Sealed tables, as their owner and a receiver of figures see them.
//!
//! Rows of bounded integers go out to be packed and encrypted, exact sums of them come back, and figures are made from
//! the sums. All of it is without I/O: files, networks and ledgers are the callers'.
//!
//! On the way out:
//! - [`import`]: CSV and Parquet, with what was found in it;
//! - [`coding`]: roles of columns, scales, categories, sealed sets;
//! - [`layout`]: slots that cannot overflow, packed rows;
//! - [`tag`], [`token`]: what makes a cheating cloud visible, and what it may group by;
//! - [`seal`]: encryption on all cores, into a file; [`secrets`]: what stays with the owner.
//!
//! On the way back:
//! - [`cohort`]: which queries an opener answers;
//! - [`opener`]: selects again, compares, opens;
//! - [`layout`] and [`tag`] again: what was opened is the sum of the rows that were asked for;
//! - [`moments`]: means, variances, correlations from the sums;
//! - [`regression`]: ordinary and ridge least squares from the same sums;
//! - [`distribution`]: the tails that p-values and intervals need;
//! - [`score`], [`news2`]: scores of single rows by open weights;
//! - [`result`]: the numbers that the query names, for its receiver.
//!
//! [`technique`] puts the way back into the flow of a job.

mod absent;
pub mod coding;
pub mod cohort;
pub mod distribution;
mod exact;
pub mod import;
pub mod layout;
pub mod moments;
pub mod news2;
pub mod opener;
pub mod regression;
pub mod result;
pub mod retrieve;
pub mod rows;
pub mod score;
pub mod seal;
pub mod secrets;
mod signed;
pub mod tag;
pub mod technique;
pub mod token;

pub use cohort::{CohortError, CohortLedger};
pub use layout::{LayoutError, SlotPlan};
pub use moments::{Moments, MomentsError, Variable, moment_count};
pub use opener::{OpenError, Opened, Opener, OpenerTable};
pub use regression::{Coefficient, Model, Penalty, Regression, RegressionError};
pub use result::{Figure, QueryResult, ResultRow};
pub use rows::RowSet;
pub use seal::{Encryption, SealError, SealedNotes, TableSealer};
pub use secrets::OpenerSecrets;
pub use tag::{TagError, TagKey};
