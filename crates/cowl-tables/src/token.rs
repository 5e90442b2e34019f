//! Tokens: keyed hashes of texts, so that the cloud can group and join by equality and read nothing.
//!
//! Equal texts have equal tokens, which is their purpose and their price: the cloud sees how often each value
//! stands, and who knows the frequencies of the values (of wards, of names) may guess which is which. The key keeps
//! it from trying texts. Two tables join only if their owner gives both columns one *domain* under one secret.

use cowl_crypto::secret::Secret;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::absent::assert_absent;

/// Bytes of a token: among a million values two are equal by chance once in 10²⁶.
pub const TOKEN_BYTES: usize = 16;

/// The secret of one domain of tokens, e.g. `patient`.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct TokenKey([u8; 32]);

assert_absent!(TokenKey: Clone, std::fmt::Debug, std::fmt::Display, PartialEq);

impl TokenKey {
    /// The key of a domain under the owner's token secret.
    pub fn derive(secret: &Secret<32>, domain: &str) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("cowl/table-tokens/v1");
        hasher.update(secret.expose()).update(domain.as_bytes());
        Self(*hasher.finalize().as_bytes())
    }

    /// The token of a text, which is taken without the blanks around it.
    pub fn token(&self, text: &str) -> [u8; TOKEN_BYTES] {
        let hash = blake3::keyed_hash(&self.0, text.trim().as_bytes());
        let mut token = [0; TOKEN_BYTES];
        token.copy_from_slice(&hash.as_bytes()[..TOKEN_BYTES]);
        token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_of_one_domain_have_equal_tokens_and_nothing_else_does() {
        let key = |seed, domain| TokenKey::derive(&Secret::new([seed; 32]), domain);
        let token = key(1, "patient").token("Example");
        assert_eq!(token, key(1, "patient").token(" Example "));
        assert_ne!(token, key(1, "patient").token("example"));
        assert_ne!(token, key(1, "ward").token("Example"));
        assert_ne!(token, key(2, "patient").token("Example"));
    }

    /// Sealed tables are joined by them for years.
    #[test]
    fn tokens_are_the_same_as_ever() {
        let token = TokenKey::derive(&Secret::new([1; 32]), "patient").token("Example");
        assert_eq!(token.map(|byte| format!("{byte:02x}")).concat(), "19a96c41da76192a6e654030b8ac78cb");
    }
}
