//! Why something did not happen: the peer misbehaved, the policy refused, the input is invalid, the cloud
//! is out of reach.

use std::path::PathBuf;

use cowl_api::Problem;
use cowl_domain::{CodecError, GrantId, Handle, ItemId, JobId, RecordId, StatementError, WireError};

/// What a vault call can fail with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// What the cloud gave out contradicts what was signed or seen before.
    #[error("refused: {0}")]
    Tampered(#[from] Tampering),
    /// The cloud said no.
    #[error("{0}")]
    Refused(Problem),
    /// The cloud does not answer; nothing was acknowledged.
    #[error("the cloud does not answer: {0}")]
    Unreachable(String),
    /// The cloud answered, but nothing that this program understands: another version of it, a proxy in
    /// between, or a fault of the server.
    #[error("the cloud's answer makes no sense: {0}")]
    Senseless(String),
    /// The cloud has lost what it had acknowledged.
    #[error("the cloud has lost part {index} of item {item}")]
    Lost {
        /// The item.
        item: ItemId,
        /// The part, from 1.
        index: usize,
    },
    /// A file of this machine.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Reading or writing a stream.
    #[error("{0}")]
    Stream(std::io::Error),
    /// What was asked for is not there, or not for this party.
    #[error("there is no {what} '{name}' that you may see")]
    NotFound {
        /// What was looked for.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// What was asked for cannot be.
    #[error("{0}")]
    Invalid(String),
    /// Neither this device's secret nor the key store open with this password.
    #[error("this device cannot unlock the account: wrong password, or the device is new")]
    CannotUnlock,
    /// Content cannot be coded or decoded.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// A file is no longer what an upload that was cut had begun with.
    #[error("the file has changed since its upload was cut")]
    Stale,
    /// A job that its grants do not cover.
    #[error(transparent)]
    Job(#[from] cowl_job::Refusal),
    /// A fault of this program.
    #[error("a fault of cowl itself: {0}")]
    Bug(String),
}

/// The cloud, or somebody on the way, was caught.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Tampering {
    /// A statement's form or signature.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// A statement that is sound but says something about something else.
    #[error("{what} was put in another place: it speaks of {found}, not of {expected}")]
    Misplaced {
        /// The statement.
        what: &'static str,
        /// What was asked for.
        expected: String,
        /// What it is about.
        found: String,
    },
    /// An older state than this device has seen.
    #[error("{what} was rolled back: this device has seen number {seen}, the cloud offers {offered}")]
    RolledBack {
        /// Head, epoch, log …
        what: &'static str,
        /// Seen before.
        seen: u64,
        /// Offered now.
        offered: u64,
    },
    /// The cloud shows different things at different times or to different people.
    #[error("{0} is not the one that was seen before under the same number")]
    Forked(&'static str),
    /// The items do not hash to the root that the owner signed.
    #[error("the items of record {0} are not the ones that its owner signed")]
    ItemsRoot(RecordId),
    /// A part's bytes.
    #[error("part {index} of item {item} does not match its manifest")]
    Part {
        /// The item.
        item: ItemId,
        /// From 1.
        index: usize,
    },
    /// The sealed manifest.
    #[error("the manifest of item {0} does not match its placement, or does not open")]
    Manifest(ItemId),
    /// The header, a stanza or the file key.
    #[error("the header of item {0} does not open to the key that was committed to")]
    Header(ItemId),
    /// The payload does not open, or opens to something else than was sealed.
    #[error("the content of item {0} is not what its sealer signed")]
    Content(ItemId),
    /// A result of a job.
    #[error("the result of job {0} does not open, or was sealed for another")]
    Result(JobId),
    /// A share.
    #[error("the key that grant {0} should carry does not open, or is not the one it speaks of")]
    Share(GrantId),
    /// A grant that this device has taken back is shown as if it were in force, or not at all.
    #[error("grant {0} was taken back, and the cloud does not show that")]
    Revived(GrantId),
    /// A party's keys are other ones than this device has seen, and nothing links them.
    #[error("the keys of {handle} have changed without a signature by the old ones")]
    KeysChanged {
        /// Whose.
        handle: Handle,
    },
    /// The keys do not belong to the identifier or handle that was asked for.
    #[error("the directory's answer for {0} does not hold: {1}")]
    Directory(String, String),
    /// The log contradicts itself or what was seen before.
    #[error("the audit log was rewritten: {0}")]
    Log(String),
    /// Somebody put an item into a record without a grant to do so.
    #[error("item {item} was put in by {by}, who has no grant to do so")]
    Injected {
        /// The item.
        item: ItemId,
        /// Who signed it.
        by: String,
    },
    /// The key store or other material of the party itself was exchanged.
    #[error("the key material that the cloud returned for this account is not its own")]
    OwnKeys,
    /// A server with another name or log key than this device knows.
    #[error("this is not the server that the account was made at: its log key has changed")]
    Server,
}

impl From<StatementError> for VaultError {
    fn from(error: StatementError) -> Self {
        Self::Tampered(error.into())
    }
}

impl From<WireError> for VaultError {
    fn from(error: WireError) -> Self {
        Self::Tampered(Tampering::Statement(error.into()))
    }
}

impl From<WireError> for Tampering {
    fn from(error: WireError) -> Self {
        Self::Statement(error.into())
    }
}

impl VaultError {
    /// What to do about it, where there is something.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Tampered(Tampering::KeysChanged { handle }) => {
                Some(format!("ask {handle} over another channel, then: cowl party verify {handle} FINGERPRINT"))
            }
            Self::Tampered(_) => Some(
                "nothing was opened or changed; keep the cloud's answer, ask its operator, and check with 'cowl audit verify'"
                    .to_owned(),
            ),
            Self::Refused(problem) => problem.hint.clone(),
            Self::Unreachable(_) => Some("nothing is lost; run the command again when the cloud is back".to_owned()),
            Self::Senseless(_) => Some(
                "check the address; a proxy, or a server of another version, may have answered".to_owned(),
            ),
            Self::Lost { .. } => {
                Some("the cloud's operator may have a copy; otherwise add the file again".to_owned())
            }
            Self::CannotUnlock => {
                Some("on a new device give the recovery kit: cowl party login --kit FILE".to_owned())
            }
            _ => None,
        }
    }

    /// Whether the answer is a plain no (refused, not verified, not there), rather than a fault.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Tampered(_)
                | Self::Refused(_)
                | Self::Lost { .. }
                | Self::NotFound { .. }
                | Self::CannotUnlock
                | Self::Job(_)
        )
    }
}

/// The result of vault calls.
pub type Result<T> = std::result::Result<T, VaultError>;
