//! The log's public face: leaves, and checkpoints as signed notes.
//!
//! A checkpoint (<https://c2sp.org/tlog-checkpoint>) names a log, its size and its Merkle root; a signed
//! note (<https://c2sp.org/signed-note>) carries it with the log's Ed25519 signature.

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::BASE64;
use thiserror::Error;

use crate::merkle::{self, Hash};
use crate::sign::{SigningKey, VerifyingKey};

mod note;

/// Length in bytes of the salt of a [`salted_leaf`].
pub const SALT_LENGTH: usize = 16;

const SALTED_LEAF: &[u8] = b"cowl-log/salted-leaf/v1\n";
const OPEN_LEAF: &[u8] = b"cowl-log/open-leaf/v1\n";

/// What a log claims to be at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Unique name of the log, one line without control characters.
    pub origin: String,
    /// Number of leaves.
    pub size: u64,
    /// Merkle root over them.
    pub root: Hash,
}

/// A checkpoint cannot be signed or is not to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The key's name is empty or has white space, a control character or a plus sign.
    #[error("the name of a log's key is not empty and has no white space, control character or plus sign")]
    Name,
    /// The origin is empty or has a control character.
    #[error("the origin of a log is one line, not empty, without control characters")]
    Origin,
    /// The text is no signed note.
    #[error("malformed signed note")]
    MalformedNote,
    /// The note bears no signature of the expected key.
    #[error("the note is not signed by the expected key")]
    NotSigned,
    /// The note bears a signature in the expected key's name that does not verify.
    #[error("bad signature on the note")]
    BadSignature,
    /// The signed text is no checkpoint in its canonical form, or one with extension lines, which these
    /// logs never write.
    #[error("malformed checkpoint")]
    MalformedCheckpoint,
}

/// Writes a checkpoint as a signed note.
///
/// The signature is plain Ed25519 over the note's text, as the format prescribes. `name` is the key's
/// name; witnesses expect it to equal the origin.
pub fn sign_checkpoint(
    checkpoint: &Checkpoint,
    name: &str,
    key: &SigningKey,
) -> Result<String, CheckpointError> {
    note::sign(&text_of(checkpoint)?, name, key)
}

/// Reads a signed note and returns its checkpoint if this key, under this name, signed it.
///
/// Signatures of other keys (witnesses) are passed over, as the format demands.
pub fn open_checkpoint(note: &str, name: &str, key: &VerifyingKey) -> Result<Checkpoint, CheckpointError> {
    checkpoint_of(note::open(note, name, key)?)
}

/// Writes a log's key as witnesses and monitors take it: `name+hash+key`.
pub fn verifier_key(name: &str, key: &VerifyingKey) -> Result<String, CheckpointError> {
    note::verifier_key(name, key)
}

/// Leaf of an event that only those concerned may read: RFC 6962's leaf hash of a tag, salt and event.
///
/// The salt is random and as secret as the event; without it nobody can test guesses of the event.
pub fn salted_leaf(salt: &[u8; SALT_LENGTH], event: &[u8]) -> Hash {
    merkle::leaf_hash(&[SALTED_LEAF, salt, event].concat())
}

/// Leaf of a statement that anybody may read, such as the binding of a key to its holder.
pub fn open_leaf(binding: &[u8]) -> Hash {
    merkle::leaf_hash(&[OPEN_LEAF, binding].concat())
}

fn text_of(checkpoint: &Checkpoint) -> Result<String, CheckpointError> {
    let Checkpoint { origin, size, root } = checkpoint;
    if origin.is_empty() || origin.contains(char::is_control) {
        return Err(CheckpointError::Origin);
    }
    Ok(format!("{origin}\n{size}\n{}\n", BASE64.encode(root.as_bytes())))
}

fn checkpoint_of(text: &str) -> Result<Checkpoint, CheckpointError> {
    let checkpoint = parse(text).ok_or(CheckpointError::MalformedCheckpoint)?;
    // Writing it again catches leading zeros, plus signs and whatever else is not canonical.
    match text_of(&checkpoint) {
        Ok(canonical) if canonical == text => Ok(checkpoint),
        _ => Err(CheckpointError::MalformedCheckpoint),
    }
}

fn parse(text: &str) -> Option<Checkpoint> {
    let mut lines = text.lines();
    let origin = lines.next()?.to_owned();
    let size = lines.next()?.parse().ok()?;
    let root = BASE64.decode(lines.next()?.as_bytes()).ok()?.try_into().ok()?;
    Some(Checkpoint { origin, size, root: Hash::from_bytes(root) })
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().try_into().expect("SHA-256 gives 32 bytes")
}

#[cfg(test)]
mod tests;
