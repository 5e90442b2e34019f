//! Small messages to a party: request notes, sealed notes of grants.
//!
//! ```text
//! "cowlmsg" 0x01 ‖ encapsulated key (1120 bytes) ‖ ciphertext and tag
//! ```
//!
//! HPKE base mode with X-Wing, info `cowl/message/v1` and a context that both sides know. As with age,
//! the sender is not authenticated: what must be attributable is signed beside it.

use zeroize::Zeroizing;

use crate::xwing::{ENCAPSULATED_LENGTH, OpenFailure, XWingIdentity, XWingRecipient};

/// Why a message does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// Another format, or cut short.
    #[error("not a sealed message")]
    NoMessage,
    /// A later version of the format.
    #[error("sealed message of version {0}, which is not known here")]
    Version(u8),
    /// The encapsulated key is none.
    #[error("the sealed message is malformed")]
    Malformed,
    /// Sealed to another party or for another place, or changed.
    #[error("the sealed message does not open with this key in this place")]
    Closed,
}

/// Seals `plaintext` to `recipient` for the place named by `context`.
pub fn seal_to(recipient: &XWingRecipient, context: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let (encapsulated, ciphertext) = recipient.seal(&info(context), HEAD, plaintext);
    [HEAD.as_slice(), &encapsulated, &ciphertext].concat()
}

/// Opens what [`seal_to`] made with the same context.
///
/// # Errors
/// [`MessageError`].
pub fn open_with(
    identity: &XWingIdentity,
    context: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, MessageError> {
    let (head, rest) = sealed.split_first_chunk::<8>().ok_or(MessageError::NoMessage)?;
    if head[..7] != HEAD[..7] {
        return Err(MessageError::NoMessage);
    }
    if head != HEAD {
        return Err(MessageError::Version(head[7]));
    }
    let (encapsulated, ciphertext) =
        rest.split_at_checked(ENCAPSULATED_LENGTH).ok_or(MessageError::NoMessage)?;
    identity.open(&info(context), HEAD, encapsulated, ciphertext).map_err(|failure| match failure {
        OpenFailure::Malformed => MessageError::Malformed,
        OpenFailure::Closed => MessageError::Closed,
    })
}

fn info(context: &[u8]) -> Vec<u8> {
    [b"cowl/message/v1".as_slice(), context].concat()
}

const HEAD: &[u8; 8] = b"cowlmsg\x01";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_opens_for_its_recipient_in_its_place() {
        let identity = XWingIdentity::make();
        let sealed = seal_to(identity.recipient(), b"request 1", b"second opinion");
        assert_eq!(open_with(&identity, b"request 1", &sealed).unwrap().as_slice(), b"second opinion");
        assert_eq!(open_with(&identity, b"request 2", &sealed).map(drop), Err(MessageError::Closed));
        assert_eq!(
            open_with(&XWingIdentity::make(), b"request 1", &sealed).map(drop),
            Err(MessageError::Closed)
        );
    }

    #[test]
    fn every_changed_byte_and_every_cut_is_refused() {
        let identity = XWingIdentity::make();
        let sealed = seal_to(identity.recipient(), b"", b"x");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            let error = open_with(&identity, b"", &changed).map(drop).unwrap_err();
            let expected = match at {
                0..7 => MessageError::NoMessage,
                7 => MessageError::Version(0),
                _ => MessageError::Closed,
            };
            assert_eq!(error, expected, "byte {at}");
            assert!(open_with(&identity, b"", &sealed[..at]).is_err(), "cut at {at}");
        }
        assert!(open_with(&identity, b"", &[sealed.as_slice(), b"x"].concat()).is_err());
    }
}
