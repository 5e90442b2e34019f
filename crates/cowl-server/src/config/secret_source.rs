//! Where a secret is, instead of the secret.

use std::path::PathBuf;

use serde::Deserialize;

use super::ConfigError;

/// `{ file = "…" }` or `{ env = "…" }`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretSource {
    /// A file; white space at its end does not count.
    File(PathBuf),
    /// An environment variable.
    Env(String),
}

impl SecretSource {
    /// The secret.
    ///
    /// # Errors
    /// [`ConfigError::Secret`] when it is missing or empty.
    pub fn read(&self, what: &'static str) -> Result<String, ConfigError> {
        let missing = |detail| ConfigError::Secret { what, detail };
        let text = match self {
            Self::File(path) => {
                std::fs::read_to_string(path).map_err(|e| missing(format!("{}: {e}", path.display())))?
            }
            Self::Env(name) => {
                std::env::var(name).map_err(|_| missing(format!("environment variable {name} is not set")))?
            }
        };
        let secret = text.trim_end();
        if secret.is_empty() { Err(missing("it is empty".into())) } else { Ok(secret.to_owned()) }
    }
}
