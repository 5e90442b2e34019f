//! Post-quantum recipients: `age1pq1…` and `AGE-SECRET-KEY-PQ-1…` (C2SP age, "The ML-KEM-768 + X25519
//! recipient type"), HPKE base mode with X-Wing.

use super::header::Stanza;
use super::{BadStanza, base64};
use crate::file_key::FileKey;
use crate::xwing::{ENCAPSULATED_LENGTH, OpenFailure, XWingIdentity, XWingRecipient};

/// Wraps a file key for a post-quantum recipient.
pub fn wrap(recipient: &XWingRecipient, file_key: &FileKey) -> Stanza {
    let (encapsulated, body) = recipient.seal(INFO, b"", file_key.expose());
    Stanza::with_arg(TAG, base64::encode(&encapsulated), body)
}

/// The file key if this stanza wraps it for this identity.
pub(crate) fn unwrap(identity: &XWingIdentity, stanza: &Stanza) -> Result<Option<FileKey>, BadStanza> {
    if stanza.tag != TAG {
        return Ok(None);
    }
    let [share] = stanza.args.as_slice() else { return Err(BadStanza) };
    let share: [u8; ENCAPSULATED_LENGTH] = base64::decode_array(share).ok_or(BadStanza)?;
    if stanza.body.len() != super::wrap::WRAPPED_LENGTH {
        return Err(BadStanza);
    }
    match identity.open(INFO, b"", &share, &stanza.body) {
        Ok(key) => Ok(Some(FileKey::new(key.as_slice().try_into().expect("a body of 32 bytes holds 16")))),
        Err(OpenFailure::Closed) => Ok(None),
        Err(OpenFailure::Malformed) => Err(BadStanza),
    }
}

const TAG: &str = "mlkem768x25519";
const INFO: &[u8] = b"age-encryption.org/mlkem768x25519";
