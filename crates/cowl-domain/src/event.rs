//! Events: the lines of the append-only log.

use cowl_crypto::digest::Digest;
use cowl_crypto::log;
use cowl_crypto::merkle::Hash;
use minicbor::{Decode, Encode};

use crate::id::{GrantId, ItemId, JobId, PartyId, RecordId, RequestId};
use crate::party::coded;
use crate::time::Timestamp;
use crate::wire;

/// What a party had seen of the log when it signed something: size and root of a checkpoint.
///
/// The receiver asks the cloud to prove that this tree and its own are prefixes of one another, so that
/// rewriting and forking the log are caught between parties that deal with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct CheckpointRef {
    /// Leaves.
    #[n(0)]
    pub size: u64,
    /// RFC 6962 root over them.
    #[cbor(n(1), with = "wire::fixed")]
    pub root: Hash,
}

coded! {
    /// What happened.
    EventKind ("event") {
        /// A party registered. An open leaf.
        PartyRegistered = 0, "party-registered";
        /// A party's keys changed. An open leaf.
        KeysChanged = 1, "keys-changed";
        /// An account was deleted.
        AccountDeleted = 2, "account-deleted";
        /// A log-in succeeded.
        LoggedIn = 3, "logged-in";
        /// A log-in failed.
        LoginFailed = 4, "login-failed";
        /// The password was changed.
        PasswordChanged = 5, "password-changed";
        /// A record was made.
        RecordMade = 6, "record-made";
        /// Items were added.
        ItemsAdded = 7, "items-added";
        /// Items were removed.
        ItemsRemoved = 8, "items-removed";
        /// An item was re-keyed.
        ItemRekeyed = 9, "item-rekeyed";
        /// A record began a new epoch.
        EpochBegun = 10, "epoch-begun";
        /// A grant was made.
        GrantMade = 11, "grant-made";
        /// A grant was revoked.
        GrantRevoked = 12, "grant-revoked";
        /// A grant ran out.
        GrantExpired = 13, "grant-expired";
        /// Somebody asked for access.
        RequestMade = 14, "request-made";
        /// A request was granted.
        RequestApproved = 15, "request-approved";
        /// A request was denied.
        RequestDenied = 16, "request-denied";
        /// Parts of an item were given out.
        ItemRead = 17, "item-read";
        /// A read was refused.
        ReadRefused = 18, "read-refused";
        /// A job settled.
        JobSettled = 19, "job-settled";
        /// All that a revoked or expired grant could open has been re-keyed.
        RekeyingDone = 20, "rekeying-done";
        /// A job was put before the owner of what it works on.
        JobAsked = 21, "job-asked";
        /// The owner consented to a job.
        JobConsented = 22, "job-consented";
        /// The owner refused a job.
        JobRefused = 23, "job-refused";
        /// Who had asked for a job took it back.
        JobWithdrawn = 24, "job-withdrawn";
        /// The owner had the cloud compute for a job; told before the first computation begins.
        JobAnswered = 25, "job-answered";
        /// A job came to nothing: what it needs is no longer there.
        JobFailed = 26, "job-failed";
    }
}

/// One line of the log. Its leaf is H(salt ‖ event); event and salt go only to those concerned.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Event {
    /// What happened.
    #[n(0)]
    pub kind: EventKind,
    /// When, by the cloud's clock.
    #[n(1)]
    pub at: Timestamp,
    /// Who did it; `None` for somebody who did not log in.
    #[n(2)]
    pub actor: Option<PartyId>,
    /// Whom it concerns besides the actor: grantee, owner, the handle's party.
    #[n(3)]
    pub subject: Option<PartyId>,
    /// In which record.
    #[n(4)]
    pub record: Option<RecordId>,
    /// Which item.
    #[n(5)]
    pub item: Option<ItemId>,
    /// Which grant.
    #[n(6)]
    pub grant: Option<GrantId>,
    /// Which request.
    #[n(7)]
    pub request: Option<RequestId>,
    /// How many things, where several are meant.
    #[n(8)]
    pub count: Option<u64>,
    /// Digest of the signed statement that caused it.
    #[cbor(n(9), with = "wire::optional_fixed")]
    pub statement: Option<Digest>,
    /// Which job.
    #[n(10)]
    pub job: Option<JobId>,
}

impl Event {
    /// An event of this kind, with nothing else filled in.
    pub fn new(kind: EventKind, at: Timestamp, actor: Option<PartyId>) -> Self {
        Self {
            kind,
            at,
            actor,
            subject: None,
            record: None,
            item: None,
            grant: None,
            request: None,
            count: None,
            statement: None,
            job: None,
        }
    }

    /// Its leaf in the log.
    pub fn leaf(&self, salt: &[u8; 16]) -> Hash {
        log::salted_leaf(salt, &wire::encode(self))
    }
}
