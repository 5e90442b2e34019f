//! JSON bodies. Field names are the contract; unknown fields are refused in requests.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

/// Bytes, in JSON as standard base64 with padding.
#[derive(Clone, PartialEq, Eq, Default, ToSchema)]
#[schema(value_type = String, format = Byte)]
pub struct Blob(pub Vec<u8>);

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blob({} bytes)", self.0.len())
    }
}

impl From<Vec<u8>> for Blob {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Blob {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        STANDARD.decode(text.as_bytes()).map(Self).map_err(serde::de::Error::custom)
    }
}

macro_rules! bodies {
    ($($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$fdoc])* pub $field: $type,)*
        }
    )*};
}

bodies! {
    /// What a client must know of a server before it trusts it with anything.
    ServerInfo {
        /// Origin of the log's checkpoints; also the server's identifier in OPAQUE.
        origin: String,
        /// Ed25519 key of the log, 32 bytes.
        log_key: Blob,
        /// Version of this contract.
        api: u32,
        /// Most bytes of one parts upload.
        max_upload: u64,
    }

    /// First message of a registration.
    RegisterStart {
        /// The wanted handle.
        handle: String,
        /// OPAQUE RegistrationRequest.
        request: Blob,
    }
    /// Answer to the first message.
    RegisterStarted {
        /// OPAQUE RegistrationResponse.
        response: Blob,
    }
    /// Second message of a registration.
    RegisterFinish {
        /// The handle.
        handle: String,
        /// Optional, in clear.
        email: Option<String>,
        /// Signed key binding, version 0.
        binding: Blob,
        /// OPAQUE RegistrationRecord.
        upload: Blob,
        /// The sealed key store.
        key_store: Blob,
    }
    /// A registration that took effect.
    Registered {
        /// The party's identifier.
        party: String,
        /// Checkpoint of the log that contains the binding.
        checkpoint: String,
    }
    /// First message of a log-in.
    LoginStart {
        /// Who.
        handle: String,
        /// OPAQUE KE1.
        request: Blob,
    }
    /// Answer to it.
    LoginStarted {
        /// Names this attempt; valid once, for a minute.
        login: Blob,
        /// OPAQUE KE2.
        response: Blob,
    }
    /// Second message of a log-in.
    LoginFinish {
        /// The attempt.
        login: Blob,
        /// OPAQUE KE3.
        finalization: Blob,
    }
    /// A session.
    Session {
        /// Bearer token, 32 random bytes; the server keeps its hash only.
        token: Blob,
        /// Who is logged in.
        party: String,
        /// Milliseconds since 1970.
        expires_at: u64,
        /// The sealed key store.
        key_store: Blob,
        /// The party's own bindings, as in the directory.
        bindings: Vec<Blob>,
    }
    /// First message of a change of password.
    PasswordStart {
        /// OPAQUE RegistrationRequest.
        request: Blob,
    }
    /// Second message: takes effect in one transaction, ends all other sessions.
    PasswordFinish {
        /// OPAQUE RegistrationRecord.
        upload: Blob,
        /// The key store under the new key.
        key_store: Blob,
    }
    /// The caller's account.
    Account {
        /// Identifier.
        party: String,
        /// Handle.
        handle: String,
        /// E-mail, if given.
        email: Option<String>,
        /// Bytes stored.
        used: u64,
        /// Bytes allowed.
        quota: u64,
    }
    /// A party in the directory.
    PartyEntry {
        /// Identifier.
        party: String,
        /// Handle.
        handle: String,
        /// Role.
        role: String,
        /// All its signed key bindings, first to newest.
        bindings: Vec<Blob>,
        /// Log index of the newest binding's open leaf.
        index: u64,
        /// Whether the account was deleted.
        deleted: bool,
    }
    /// Parties in the order of their handles.
    PartyPage {
        /// The parties.
        parties: Vec<PartyEntry>,
        /// Whether more follow the last one.
        more: bool,
    }
    /// The caller's next keys, signed with the ones before; the re-sealed key store beside.
    NewBinding {
        /// Signed key binding.
        binding: Blob,
        /// The key store that holds the new keys.
        key_store: Blob,
    }

    /// A new record.
    NewRecord {
        /// Signed genesis.
        genesis: Blob,
        /// Signed epoch 0.
        epoch: Blob,
        /// Signed head, sequence 0, no items.
        head: Blob,
    }
    /// A record as the caller may see it.
    RecordView {
        /// Identifier.
        record: String,
        /// Owner's identifier.
        owner: String,
        /// Signed genesis.
        genesis: Blob,
        /// Signed epochs, all.
        epochs: Vec<Blob>,
        /// Signed head.
        head: Blob,
    }
    /// An item as the cloud has it.
    ItemRow {
        /// Identifier.
        item: String,
        /// Signed placement.
        placement: Blob,
        /// age header (`standard`) or `hybrid-rsa` header.
        header: Blob,
        /// Sealed manifest.
        manifest: Blob,
        /// Set when somebody with an append grant placed it and the owner's head does not hold it yet.
        appended: bool,
        /// For a caller who may see single items only: where the item stands in the head's tree.
        proof: Option<ItemProof>,
    }
    /// Inclusion of an item in its record's head.
    ItemProof {
        /// Index of the leaf.
        index: u64,
        /// RFC 6962 inclusion proof, 32 bytes each.
        hashes: Vec<Blob>,
    }
    /// Items in the order of their identifiers.
    ItemPage {
        /// The items.
        items: Vec<ItemRow>,
        /// Whether more follow the last one.
        more: bool,
    }
    /// Names of parts.
    PartsQuery {
        /// Names.
        parts: Vec<String>,
    }
    /// Which of them are durable.
    PartsKnown {
        /// Names.
        parts: Vec<String>,
    }
    /// An upload that is durable.
    PartsStored {
        /// How many parts.
        parts: u64,
        /// How many bytes.
        bytes: u64,
    }
    /// One item of a commit: new, or the next version of an old one.
    NewItem {
        /// Signed placement.
        placement: Blob,
        /// Header.
        header: Blob,
        /// Sealed manifest.
        manifest: Blob,
        /// Its parts, in an order that says nothing; all uploaded before.
        parts: Vec<String>,
    }
    /// A change of a record: one transaction, all or nothing.
    Commit {
        /// Items that are new or re-keyed.
        items: Vec<NewItem>,
        /// Items that go.
        removed: Vec<String>,
        /// Signed next epoch, when one begins.
        epoch: Option<Blob>,
        /// Signed shares for grants that live on.
        shares: Vec<Blob>,
        /// Signed next head. Absent only when an appender commits.
        head: Option<Blob>,
    }
    /// Which items somebody wants to open.
    ReadRequest {
        /// Identifiers.
        items: Vec<String>,
    }
    /// What is needed to open them. The read is in the log from now on.
    ReadTicket {
        /// To be shown when parts are fetched; bound to the session and the items.
        ticket: Blob,
        /// Milliseconds since 1970.
        expires_at: u64,
        /// The items.
        items: Vec<ItemRow>,
    }

    /// Several grants at once.
    NewGrants {
        /// The grants.
        grants: Vec<NewGrant>,
    }
    /// One grant with what fulfils it.
    NewGrant {
        /// Signed grant.
        grant: Blob,
        /// Note, sealed to grantee and owner.
        note: Option<Blob>,
        /// Signed shares.
        shares: Vec<Blob>,
    }
    /// A grant as owner or grantee see it.
    GrantView {
        /// Identifier.
        grant_id: String,
        /// Signed grant.
        grant: Blob,
        /// Sealed note.
        note: Option<Blob>,
        /// Signed shares.
        shares: Vec<Blob>,
        /// Signed revocation.
        revocation: Option<Blob>,
        /// Whether all that it could open has been re-keyed after its end.
        rekeyed: bool,
    }
    /// The end of a grant.
    RevokeGrant {
        /// Signed revocation.
        revocation: Blob,
    }
    /// A request for access.
    NewRequest {
        /// Signed request.
        request: Blob,
    }
    /// A request as both sides see it.
    RequestView {
        /// Identifier.
        request_id: String,
        /// Signed request.
        request: Blob,
        /// Signed answer.
        answer: Option<Blob>,
    }
    /// The owner's answer, with the grants that it names.
    AnswerRequest {
        /// Signed answer.
        answer: Blob,
        /// The grants.
        grants: Vec<NewGrant>,
    }

    /// What the caller asks to be computed.
    NewJob {
        /// Signed specification; the caller signs it and is a receiver.
        spec: Blob,
        /// The program whose digest the specification names: for technique `additive-he` a query's canonical bytes, for
        /// `additive-score` those of a request for scores.
        program: Blob,
    }
    /// A job as asker and owner see it.
    JobView {
        /// Identifier.
        job: String,
        /// `planned`, `consented`, `running`, `settled`, `refused`, `failed` or `withdrawn`.
        state: String,
        /// Who asked.
        asker: String,
        /// Who owns what it works on, and opens the sums.
        owner: String,
        /// Signed specification.
        spec: Blob,
        /// The program.
        program: Blob,
        /// The fewest rows that a released figure may be about, by the grants.
        minimum_cohort: u32,
        /// Signed consent of the owner.
        consent: Option<Blob>,
        /// Why the owner refused, sealed to the asker.
        refusal: Option<Blob>,
        /// Why it failed.
        failure: Option<String>,
        /// What it gave, for receivers and owner; in lists always empty.
        results: Vec<JobResult>,
        /// Signed evidence; in lists always absent.
        evidence: Option<Blob>,
        /// When it was asked for, milliseconds since 1970.
        asked_at: u64,
        /// When its state changed last, milliseconds since 1970.
        changed_at: u64,
    }
    /// What a job gave to one receiver.
    JobResult {
        /// The receiver's identifier.
        receiver: String,
        /// The result, sealed to the receiver.
        sealed: Blob,
    }
    /// Jobs, oldest first.
    JobPage {
        /// The jobs.
        jobs: Vec<JobView>,
        /// Whether more follow the last one.
        more: bool,
    }
    /// The owner's yes to a job.
    NewConsent {
        /// Signed consent.
        consent: Blob,
    }
    /// The owner's no to a job.
    JobRefusal {
        /// Why, sealed to the asker.
        words: Blob,
    }
    /// What a job gave.
    Settlement {
        /// One for each receiver of the specification.
        results: Vec<JobResult>,
        /// Signed evidence.
        evidence: Blob,
    }
    /// What the cloud knows of a sealed table, for those who may ask about it.
    TableView {
        /// Its owner's identifier.
        owner: String,
        /// Signed placement: what a job names it by.
        placement: Blob,
        /// Where the item stands in the head's tree; absent for the owner and for items that the head does not hold yet.
        proof: Option<ItemProof>,
        /// Canonical schema.
        schema: Blob,
        /// Canonical public key of its ciphertexts.
        key: Blob,
        /// How many rows it has.
        rows: u64,
    }

    /// Hashes of an RFC 6962 proof, 32 bytes each.
    Proof {
        /// The hashes.
        hashes: Vec<Blob>,
    }
    /// An event that concerns the caller.
    LogEntry {
        /// Index of its leaf.
        index: u64,
        /// 16 bytes.
        salt: Blob,
        /// Canonical event.
        event: Blob,
    }
    /// Events in the order of the log.
    EventPage {
        /// The events.
        events: Vec<LogEntry>,
        /// Whether more follow.
        more: bool,
    }
    /// An open leaf: a key binding.
    OpenLeaf {
        /// Index of the leaf.
        index: u64,
        /// Signed key binding.
        binding: Blob,
    }
    /// Open leaves in the order of the log.
    BindingPage {
        /// The bindings.
        bindings: Vec<OpenLeaf>,
        /// Whether more follow.
        more: bool,
    }
}
