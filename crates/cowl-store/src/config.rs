//! Where the store lives.

use std::fmt;
use std::path::{Path, PathBuf};

/// A database and a part store.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// The ledger's database.
    pub database: DatabaseConfig,
    /// The place of the packs.
    pub parts: PartsConfig,
}

impl StoreConfig {
    /// SQLite and a folder, both below `folder`: nothing to install.
    pub fn embedded(folder: &Path) -> Self {
        Self {
            database: DatabaseConfig::Sqlite { path: folder.join("ledger.sqlite") },
            parts: PartsConfig::Folder { path: folder.join("parts") },
        }
    }
}

/// The ledger's database.
#[derive(Clone)]
pub enum DatabaseConfig {
    /// A file, made when it is not there. For one machine; several processes may share it.
    Sqlite {
        /// The file.
        path: PathBuf,
    },
    /// A PostgreSQL database.
    Postgres {
        /// `postgres://user:password@host/database`: a secret.
        url: String,
    },
}

impl fmt::Debug for DatabaseConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { path } => f.debug_struct("Sqlite").field("path", path).finish(),
            Self::Postgres { .. } => f.write_str("Postgres { url: [redacted] }"),
        }
    }
}

/// The place of the packs.
#[derive(Debug, Clone)]
pub enum PartsConfig {
    /// A folder, made when it is not there.
    Folder {
        /// The folder.
        path: PathBuf,
    },
    /// A bucket of an S3 server. It must exist.
    S3(S3Config),
}

/// A bucket and how to reach it.
#[derive(Clone)]
pub struct S3Config {
    /// `https://host:port`; `None` for Amazon's own. `http://` is taken as it is given: sealed parts only
    /// travel there, but so does the signature of each request.
    pub endpoint: Option<String>,
    /// The bucket.
    pub bucket: String,
    /// Its region, e.g. `eu-central-1`; many servers take any.
    pub region: String,
    /// Put before each key; empty for none.
    pub prefix: String,
    /// Access key.
    pub access_key: String,
    /// Secret key: a secret.
    pub secret_key: String,
}

impl fmt::Debug for S3Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Config")
            .field("endpoint", &self.endpoint)
            .field("bucket", &self.bucket)
            .field("region", &self.region)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configurations_do_not_print_their_secrets() {
        let config = StoreConfig {
            database: DatabaseConfig::Postgres { url: "postgres://u:hush@h/d".into() },
            parts: PartsConfig::S3(S3Config {
                endpoint: None,
                bucket: "b".into(),
                region: "r".into(),
                prefix: String::new(),
                access_key: "hush".into(),
                secret_key: "hush".into(),
            }),
        };
        assert!(!format!("{config:?}").contains("hush"));
    }
}
