//! The configuration: one TOML file, every field with a default, unknown fields refused.
//!
//! Secrets are never in the file: it names the file or the environment variable that holds them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use cowl_api::service::LogOptions;
use cowl_store::{DatabaseConfig, PartsConfig, S3Config, StoreConfig};
use serde::Deserialize;

mod compute;
mod limits;
mod secret_source;
#[cfg(test)]
mod tests;

pub use compute::ComputePolicy;
pub use limits::{Housekeeping, Limits, SessionPolicy};
pub use secret_source::SecretSource;

/// A configuration that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {detail}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        detail: String,
    },
    /// The file is not TOML of the expected fields.
    #[error("{path}: {detail}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Line, field and what is wrong.
        detail: String,
    },
    /// A secret is not where the file says.
    #[error("the secret for {what} is not to be had: {detail}")]
    Secret {
        /// What it is for.
        what: &'static str,
        /// What is missing.
        detail: String,
    },
    /// Values that do not go together.
    #[error("{0}")]
    Unsound(String),
}

/// All that an operator may decide.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// Address and port to listen on; port 0 takes a free one. Default: `127.0.0.1:7750`.
    pub listen: SocketAddr,
    /// Folder for the ledger, the parts and the secrets unless they are placed elsewhere. Default: `cowl-data`.
    pub data: PathBuf,
    /// Name of the log in its checkpoints, never to change. Default: made from the log's key.
    pub origin: Option<String>,
    /// Serve without TLS on an address that others can reach, behind a proxy that adds it. Default: false.
    pub allow_plain_http: bool,
    /// Header in which a proxy names the client's address, for the limits on log-in. Default: none.
    pub address_header: Option<String>,
    /// Bring the database to this program's schema when starting. Default: true.
    pub migrate_on_start: bool,
    /// Where Prometheus finds the metrics. Default: nowhere.
    pub metrics: Option<MetricsListener>,
    /// Certificate and key. Default: none, plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Where the ledger is. Default: SQLite in the data folder.
    pub database: Database,
    /// Where the parts are. Default: a folder in the data folder.
    pub parts: Parts,
    /// The server's own secrets. Default: made at the first start, in the data folder.
    pub secrets: SecretFiles,
    /// Sizes and times.
    pub limits: Limits,
    /// Log-in and sessions.
    pub sessions: SessionPolicy,
    /// Work in the background.
    pub housekeeping: Housekeeping,
    /// Computations on sealed tables.
    pub compute: ComputePolicy,
    /// The process's own log.
    pub log: LogOptions,
}

/// The listener of the metrics: plain HTTP, apart from what the world may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricsListener {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
}

/// PEM files for TLS.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The certificate with its chain.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// The ledger's database.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase", tag = "kind")]
pub enum Database {
    /// A file.
    Sqlite {
        /// The file. Default: `ledger.sqlite` in the data folder.
        #[serde(default)]
        path: Option<PathBuf>,
    },
    /// A PostgreSQL server.
    Postgres {
        /// `postgres://user:password@host/database`.
        url: SecretSource,
    },
}

/// The part store.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase", tag = "kind")]
pub enum Parts {
    /// A folder.
    Folder {
        /// The folder. Default: `parts` in the data folder.
        #[serde(default)]
        path: Option<PathBuf>,
    },
    /// A bucket, which must exist.
    S3 {
        /// `https://host:port`. Default: Amazon's own.
        #[serde(default)]
        endpoint: Option<String>,
        /// The bucket.
        bucket: String,
        /// Its region. Default: `us-east-1`.
        #[serde(default = "default_region")]
        region: String,
        /// Put before each key. Default: nothing.
        #[serde(default)]
        prefix: String,
        /// Access key.
        access_key: SecretSource,
        /// Secret key.
        secret_key: SecretSource,
    },
}

/// Where the server's own secrets are. All processes of one service share them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SecretFiles {
    /// The long-term secrets of the log-in protocol. Default: `secrets/opaque` in the data folder.
    pub opaque: Option<PathBuf>,
    /// The key that signs the log's checkpoints. Default: `secrets/log-key` in the data folder.
    pub log_key: Option<PathBuf>,
    /// Make files named here that do not exist; the defaults are always made. Default: false.
    pub create_missing: bool,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7750)),
            data: PathBuf::from("cowl-data"),
            origin: None,
            allow_plain_http: false,
            address_header: None,
            migrate_on_start: true,
            metrics: None,
            tls: None,
            database: Database::Sqlite { path: None },
            parts: Parts::Folder { path: None },
            secrets: SecretFiles::default(),
            limits: Limits::default(),
            sessions: SessionPolicy::default(),
            housekeeping: Housekeeping::default(),
            compute: ComputePolicy::default(),
            log: LogOptions::default(),
        }
    }
}

impl ServerConfig {
    /// Everything in one folder, on a free port of the loopback address.
    pub fn embedded(data: impl Into<PathBuf>) -> Self {
        Self { data: data.into(), listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..Self::default() }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`ConfigError::Unreadable`], [`ConfigError::Malformed`] or [`ConfigError::Unsound`].
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| ConfigError::Unreadable { path: path.into(), detail: e.to_string() })?;
        let config =
            Self::parse(&text).map_err(|detail| ConfigError::Malformed { path: path.into(), detail })?;
        config.check()?;
        Ok(config)
    }

    fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|e| e.to_string())
    }

    /// Checks what no single field shows.
    ///
    /// # Errors
    /// [`ConfigError::Unsound`].
    pub fn check(&self) -> Result<(), ConfigError> {
        let exposed = !self.listen.ip().is_loopback();
        if exposed && self.tls.is_none() && !self.allow_plain_http {
            return Err(ConfigError::Unsound(format!(
                "{} is an address that others can reach: name a certificate under [tls], or set \
                 allow_plain_http = true if a proxy adds TLS",
                self.listen
            )));
        }
        if self.metrics.is_some_and(|metrics| metrics.listen == self.listen && metrics.listen.port() != 0) {
            return Err(ConfigError::Unsound("metrics.listen must be another address than listen".into()));
        }
        self.compute.check()?;
        self.limits.check()
    }

    /// Where sealed tables are put together.
    pub(crate) fn tables_folder(&self) -> PathBuf {
        self.compute.folder.clone().unwrap_or_else(|| self.data.join("tables"))
    }

    /// The store, with its secrets read.
    ///
    /// # Errors
    /// [`ConfigError::Secret`].
    pub fn store(&self) -> Result<StoreConfig, ConfigError> {
        Ok(StoreConfig { database: self.database()?, parts: self.part_store()? })
    }

    fn database(&self) -> Result<DatabaseConfig, ConfigError> {
        Ok(match &self.database {
            Database::Sqlite { path } => DatabaseConfig::Sqlite {
                path: path.clone().unwrap_or_else(|| self.data.join("ledger.sqlite")),
            },
            Database::Postgres { url } => DatabaseConfig::Postgres { url: url.read("the database")? },
        })
    }

    fn part_store(&self) -> Result<PartsConfig, ConfigError> {
        Ok(match &self.parts {
            Parts::Folder { path } => {
                PartsConfig::Folder { path: path.clone().unwrap_or_else(|| self.data.join("parts")) }
            }
            Parts::S3 { endpoint, bucket, region, prefix, access_key, secret_key } => {
                PartsConfig::S3(S3Config {
                    endpoint: endpoint.clone(),
                    bucket: bucket.clone(),
                    region: region.clone(),
                    prefix: prefix.clone(),
                    access_key: access_key.read("the part store")?,
                    secret_key: secret_key.read("the part store")?,
                })
            }
        })
    }
}

fn default_region() -> String {
    "us-east-1".into()
}
