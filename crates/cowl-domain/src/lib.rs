//! Cowl's words and their canonical wire forms.
//!
//! A *party* holds keys; an *owner's* *record* gathers *items*; an item is cut into *parts* that a
//! sealed *manifest* lists; a *grant* says who may open what, for which purpose and until when; every
//! act leaves an *event* in the log. This crate names these things, fixes how they are written as
//! bytes, and proves by type that a statement's signature has been checked ([`Verified`]).
//!
//! It has no I/O, no clock, no random source: identifiers are made from bytes that the caller draws,
//! times are arguments.

pub mod codec;
pub mod event;
pub mod grant;
pub mod id;
pub mod inference;
pub mod item;
pub mod job;
pub mod party;
pub mod policy;
pub mod record;
pub mod table;
pub mod time;
pub mod wire;

pub use codec::{CodecError, CodecId, ExtractError, StorageCodec, TextExtractor};
pub use event::{CheckpointRef, Event, EventKind};
pub use grant::{
    AccessRequest, ComputeTerms, Grant, Power, Powers, Purpose, RequestAnswer, Revocation, Scope, Share,
    ShareTarget,
};
pub use id::{EventId, GrantId, IdError, ItemId, JobId, PartName, PartyId, RecordId, RequestId, UploadId};
pub use inference::{InferenceTerms, OutputReceivers, OutputRule};
pub use item::{
    Kind, Label, LossyNote, Manifest, Origin, OriginClaim, PartEntry, Placement, StudyLabel, SuiteId,
};
pub use job::JobState;
pub use party::{Handle, HandleError, KeyBinding, PartyKeys, Role, SealingKey};
pub use policy::{GrayCodec, PolicyError, RecordCard, SealingPolicy};
pub use record::{Epoch, ItemsRoot, RecordGenesis, RecordHead};
pub use table::{
    AdditiveHeader, Codebook, CodedVariable, Coding, Column, ColumnRole, ColumnType, Decimal, Layout,
    SealedSet, SetCoding, TableError, TableSchema,
};
pub use time::Timestamp;
pub use wire::{Signed, Statement, StatementError, Verified, WireError};
