//! The flow of a job: what is computed on whose items, with whose consent, and what proves it.
//!
//! ```text
//! JobSpec ─plan→ Planned ─consent of every seat→ Consented ─recorded→ Running ─settle→ Settled
//!           └ Refusal          └ Refusal            └ Refusal          └ Failed: plan anew, never resume
//! ```
//!
//! Each arrow is a method that consumes the state before it, so that no step can be skipped or taken twice:
//! only [`Registry::plan`] makes a [`Planned`] job, only [`check_grants`] leads to a [`Consent`], only
//! [`Planned::consented`] accepts consents, only [`Consented::start`] makes a [`Running`] job, and a
//! [`Technique`] runs nothing else.
//!
//! The crate opens no item and reaches no network. It sees items through [`ItemSource`] and [`ItemSink`],
//! time through [`Clock`] and randomness through [`Salts`].
#![deny(missing_docs)]

mod consent;
mod driver;
mod evidence;
mod grants;
mod plan;
mod ports;
mod read;
mod refusal;
mod seat;
mod spec;
mod state;
mod technique;

pub use consent::{Consent, ConsentStatement, ConsentTerms, Participant};
pub use driver::{Driver, Unsettled};
pub use evidence::{
    Assurance, Attested, ConsentRef, Evidence, EvidenceError, Findings, InputCommitment, OutputDigest,
    commit_input,
};
pub use grants::{GrantCheck, GrantedItem, check_grants};
pub use plan::{Cost, Disclosure, Fact, Form, Machine, Matrix, Movement, Plan, Spending};
pub use ports::{
    Clock, ConsentLedger, ConsentUse, ItemReader, ItemSink, ItemSource, ItemWriter, LedgerError, PortError,
    Ports, ResultItem, Salts, SystemSalts,
};
pub use read::ReadTechnique;
pub use refusal::Refusal;
pub use seat::{Assignment, Roster, Seat};
pub use spec::{JobItem, JobSpec, TechniqueId};
pub use state::{Consented, Failed, Failure, Opening, Outcome, Planned, Running, Settled};
pub use technique::{Registry, Technique};
