//! Signed notes (<https://c2sp.org/signed-note>) with Ed25519 keys.

use data_encoding::{BASE64, HEXLOWER};

use super::{CheckpointError, sha256};
use crate::sign::{Signature, SigningKey, VerifyingKey};

/// A note is at most this long: a checkpoint and a hundred witnesses fit well.
const MAX_LENGTH: usize = 64 * 1024;

/// Type of signature "Ed25519" in a key's identifier.
const ED25519_TYPE: u8 = 0x01;

const LINE_START: &str = "\u{2014} ";

type KeyId = [u8; 4];

pub(super) fn sign(text: &str, name: &str, key: &SigningKey) -> Result<String, CheckpointError> {
    check_name(name)?;
    let id = key_id(name, &key.verifying_key());
    let signature = key.sign_raw(text.as_bytes());
    let encoded = BASE64.encode(&[id.as_slice(), signature.as_bytes()].concat());
    Ok(format!("{text}\n{LINE_START}{name} {encoded}\n"))
}

/// Returns the text of the note if the key signed it.
pub(super) fn open<'a>(note: &'a str, name: &str, key: &VerifyingKey) -> Result<&'a str, CheckpointError> {
    check_name(name)?;
    let (text, signatures) = split(note).ok_or(CheckpointError::MalformedNote)?;
    let id = key_id(name, key);
    let mut signed = false;
    for line in signatures.split_terminator('\n') {
        let line = SignatureLine::parse(line).ok_or(CheckpointError::MalformedNote)?;
        if line.name == name && line.key_id == id {
            line.verify(text, key)?;
            signed = true;
        }
    }
    if signed { Ok(text) } else { Err(CheckpointError::NotSigned) }
}

pub(super) fn verifier_key(name: &str, key: &VerifyingKey) -> Result<String, CheckpointError> {
    check_name(name)?;
    let encoded = BASE64.encode(&[&[ED25519_TYPE], key.as_bytes().as_slice()].concat());
    Ok(format!("{name}+{}+{encoded}", HEXLOWER.encode(&key_id(name, key))))
}

struct SignatureLine<'a> {
    name: &'a str,
    key_id: KeyId,
    signature: Vec<u8>,
}

impl<'a> SignatureLine<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix(LINE_START)?.split_once(' ')?;
        check_name(name).ok()?;
        let decoded = BASE64.decode(encoded.as_bytes()).ok()?;
        let (key_id, signature) = decoded.split_first_chunk()?;
        (!signature.is_empty()).then(|| Self { name, key_id: *key_id, signature: signature.to_vec() })
    }

    fn verify(&self, text: &str, key: &VerifyingKey) -> Result<(), CheckpointError> {
        let bytes = self.signature.as_slice().try_into().map_err(|_| CheckpointError::BadSignature)?;
        let signature = Signature::from_bytes(bytes);
        key.verify_raw(text.as_bytes(), &signature).map_err(|_| CheckpointError::BadSignature)
    }
}

/// The text with its last line's end, and the signature lines after the blank line.
fn split(note: &str) -> Option<(&str, &str)> {
    let allowed = |byte| byte >= 0x20 || byte == b'\n';
    if note.len() > MAX_LENGTH || !note.ends_with('\n') || !note.bytes().all(allowed) {
        return None;
    }
    let blank_line = note.rfind("\n\n")?;
    let (text, rest) = note.split_at(blank_line + 1);
    Some((text, &rest[1..])).filter(|(_, signatures)| !signatures.is_empty())
}

fn check_name(name: &str) -> Result<(), CheckpointError> {
    let forbidden = |it: char| it.is_whitespace() || it.is_control() || it == '+';
    if name.is_empty() || name.contains(forbidden) { Err(CheckpointError::Name) } else { Ok(()) }
}

/// First four bytes of SHA-256(name ‖ newline ‖ type ‖ key).
fn key_id(name: &str, key: &VerifyingKey) -> KeyId {
    let hash = sha256(&[name.as_bytes(), &[b'\n', ED25519_TYPE], key.as_bytes()].concat());
    *hash.first_chunk().expect("a hash is longer than a key's identifier")
}
