//! What the vault shows: plain data, already opened and verified.

use cowl_crypto::digest::Digest;
use cowl_crypto::fingerprint::Fingerprint;
use cowl_domain::{
    CodecId, ComputeTerms, EventKind, GrantId, Handle, ItemId, Label, PartyId, Powers, Purpose, RecordId,
    RequestId, Role, Scope, SealingPolicy, SuiteId, Timestamp,
};

/// How far a party's keys are trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// The caller's own keys.
    Own,
    /// A person has compared the fingerprint.
    Verified,
    /// Seen, and unchanged since first seen.
    FirstUse,
}

/// A party as the directory and this device know it.
#[derive(Debug, Clone)]
pub struct PartyCard {
    /// Its identifier.
    pub party: PartyId,
    /// Its handle.
    pub handle: Handle,
    /// What it says it is.
    pub role: Role,
    /// To be compared over another channel.
    pub fingerprint: Fingerprint,
    /// Version of its keys.
    pub key_version: u32,
    /// How far this device trusts it.
    pub trust: Trust,
    /// Whether the account is gone.
    pub deleted: bool,
}

/// A record.
#[derive(Debug, Clone)]
pub struct RecordInfo {
    /// Its identifier.
    pub record: RecordId,
    /// Its name, where the caller may open it.
    pub name: Option<String>,
    /// How its items are sealed where nothing else is said; absent like the name.
    pub policy: Option<SealingPolicy>,
    /// Whose it is.
    pub owner: Handle,
    /// Whether it is the caller's.
    pub mine: bool,
    /// How many items the owner's head counts.
    pub items: u64,
    /// The current epoch.
    pub epoch: u32,
}

/// An item, opened as far as its manifest.
#[derive(Debug, Clone)]
pub struct ItemInfo {
    /// Its identifier.
    pub item: ItemId,
    /// Its record.
    pub record: RecordId,
    /// 0, and one more with every re-keying.
    pub version: u32,
    /// What people see of it.
    pub label: Label,
    /// Bytes of the content.
    pub size: u64,
    /// Bytes in the cloud.
    pub stored: u64,
    /// In how many parts.
    pub parts: u32,
    /// How it is sealed.
    pub suite: SuiteId,
    /// How it was coded before.
    pub codec: CodecId,
    /// BLAKE3 of the content.
    pub content: Digest,
    /// Who sealed it.
    pub sealer: Handle,
    /// When.
    pub sealed_at: Timestamp,
    /// Put in by somebody with an append grant, not yet acknowledged by the owner.
    pub appended: bool,
}

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Added {
    /// Sealed and stored.
    Sealed(ItemId),
    /// The record has this content under this name already.
    Unchanged(ItemId),
    /// The record had this file before with other content, or the caller asked for it: the new content was sealed
    /// as a new item, the old one removed.
    Replaced {
        /// The new item.
        new: ItemId,
        /// The one that went.
        old: ItemId,
    },
    /// Not taken in; the reason.
    Refused(String),
}

/// What `add` did.
#[derive(Debug, Clone, Default)]
pub struct AddReport {
    /// One line a file: its name and what became of it.
    pub files: Vec<(String, Added)>,
    /// Items whose content could not be read for search; they are found by their labels only.
    pub unread: Vec<ItemId>,
    /// Bytes of content that were sealed.
    pub bytes: u64,
    /// Bytes stored for them.
    pub stored: u64,
    /// In how many parts.
    pub parts: u64,
}

/// What `get` yielded.
#[derive(Debug, Clone)]
pub struct ReadReport {
    /// The item.
    pub info: ItemInfo,
    /// Bytes written out, equal in number and digest to what was sealed.
    pub bytes: u64,
}

/// What `check` found.
#[derive(Debug, Clone, Default)]
pub struct CheckReport {
    /// Items whose statements, header and manifest were verified.
    pub items: u64,
    /// Parts that were fetched and opened, in whole or by segment.
    pub parts: u64,
    /// Bytes fetched.
    pub bytes: u64,
    /// What does not fit: item name and reason.
    pub faults: Vec<Fault>,
}

/// An item that is not as it was sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which.
    pub item: ItemId,
    /// Its name, if its manifest opens.
    pub name: Option<String>,
    /// The first thing that was found.
    pub fault: String,
}

/// Where a grant stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantState {
    /// In force.
    Active,
    /// Its time is over; `rekeyed` says whether what it opened has new keys.
    Expired {
        /// Whether re-keying is done.
        rekeyed: bool,
    },
    /// Taken back.
    Revoked {
        /// Whether re-keying is done.
        rekeyed: bool,
    },
}

/// A grant, verified.
#[derive(Debug, Clone)]
pub struct GrantInfo {
    /// Its identifier.
    pub grant: GrantId,
    /// The record.
    pub record: RecordId,
    /// All of it, or one item.
    pub scope: Scope,
    /// Who gave it.
    pub owner: Handle,
    /// Who has it.
    pub grantee: Handle,
    /// What it allows.
    pub powers: Powers,
    /// On what terms programs may work on it.
    pub compute: Option<ComputeTerms>,
    /// Why.
    pub purpose: Purpose,
    /// The sealed note, opened.
    pub note: Option<String>,
    /// When it was made.
    pub made_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// Where it stands.
    pub state: GrantState,
}

/// What re-keying did.
#[derive(Debug, Clone, Default)]
pub struct RekeyReport {
    /// Ended grants that are dealt with now.
    pub grants: u64,
    /// Items that have new keys, payloads and part names.
    pub items: u64,
    /// Their parts.
    pub parts: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Items appended by others that every reader of the record sees from now on.
    pub adopted: u64,
    /// Items appended by others that did not hold.
    pub refused: Vec<RefusedAppend>,
}

/// An item that somebody appended and that was removed, because it was not what it said.
#[derive(Debug, Clone)]
pub struct RefusedAppend {
    /// The item.
    pub item: ItemId,
    /// Its record.
    pub record: RecordId,
    /// Who had appended it.
    pub by: Handle,
    /// What did not hold.
    pub reason: String,
}

/// Where a request stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestState {
    /// Not answered.
    Open,
    /// Granted.
    Approved(Vec<GrantId>),
    /// Refused.
    Denied,
}

/// A request for access, verified.
#[derive(Debug, Clone)]
pub struct RequestInfo {
    /// Its identifier.
    pub request: RequestId,
    /// Who asks.
    pub from: Handle,
    /// Who is asked.
    pub owner: Handle,
    /// What for, if it was named.
    pub item: Option<ItemId>,
    /// What is wanted.
    pub powers: Powers,
    /// Why.
    pub purpose: Purpose,
    /// The words of the one who asks; readable by the owner, and by the asker on the asking device only.
    pub note: Option<String>,
    /// Until when.
    pub until: Option<Timestamp>,
    /// When it was asked.
    pub made_at: Timestamp,
    /// Where it stands.
    pub state: RequestState,
}

/// One line of the audit log, in words' parts.
#[derive(Debug, Clone)]
pub struct AuditLine {
    /// Index of its leaf.
    pub index: u64,
    /// What happened.
    pub kind: EventKind,
    /// When, by the cloud's clock.
    pub at: Timestamp,
    /// Who did it.
    pub actor: Option<Handle>,
    /// Whom it concerns.
    pub subject: Option<Handle>,
    /// In which record.
    pub record: Option<RecordId>,
    /// Which item.
    pub item: Option<ItemId>,
    /// Which grant.
    pub grant: Option<GrantId>,
    /// How many.
    pub count: Option<u64>,
}

/// What `audit verify` proved.
#[derive(Debug, Clone)]
pub struct AuditReport {
    /// Events that concern the caller, each proven to be in the log.
    pub events: u64,
    /// Key bindings that were scanned.
    pub bindings: u64,
    /// Size of the checkpoint that this device had seen before.
    pub from: u64,
    /// Size of the checkpoint up to which the log is proven now.
    pub to: u64,
}

/// A search result.
#[derive(Debug, Clone)]
pub struct SearchHit {
    /// The item.
    pub item: ItemId,
    /// Its record.
    pub record: RecordId,
    /// Its name or description.
    pub title: String,
    /// Its day.
    pub date: Option<String>,
    /// Higher is better.
    pub score: f32,
    /// Words around the best match; `true` where they match.
    pub snippet: Vec<(String, bool)>,
}
