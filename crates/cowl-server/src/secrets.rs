//! The server's own secrets: files that only its user may read, made at the first start.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use cowl_crypto::digest::{Digest, Hasher};
use cowl_crypto::id::random_bytes;
use cowl_crypto::opaque::ServerSetup;
use cowl_crypto::sign::SigningKey;
use zeroize::Zeroizing;

use crate::config::ServerConfig;

/// A secret file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// It cannot be read or made.
    #[error("secret file {path}: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// It holds something else.
    #[error("secret file {path} does not hold what it should")]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// Others than its owner may read it.
    #[error("secret file {path} may be read by others: chmod 600 it")]
    Exposed {
        /// The file.
        path: PathBuf,
    },
}

/// What the server knows and nobody else.
pub(crate) struct Secrets {
    pub(crate) opaque: ServerSetup,
    pub(crate) log_key: SigningKey,
    /// Keeps the names of throttled handles and addresses out of the database.
    pub(crate) subject_key: Digest,
}

impl Secrets {
    /// Reads the files, and makes those that are missing where that is allowed.
    pub(crate) fn load(config: &ServerConfig) -> Result<Self, SecretError> {
        let opaque_file = SecretFile::resolve(config, config.secrets.opaque.as_ref(), "opaque");
        let opaque_bytes = opaque_file
            .read_or_make(|| Zeroizing::new(ServerSetup::make().expose_bytes().expose().to_vec()))?;
        let opaque = ServerSetup::from_bytes(&opaque_bytes).map_err(|_| opaque_file.malformed())?;
        let log_file = SecretFile::resolve(config, config.secrets.log_key.as_ref(), "log-key");
        let seed = log_file.read_or_make(|| Zeroizing::new(SigningKey::make().expose_seed().to_vec()))?;
        let seed: &[u8; 32] = seed.as_slice().try_into().map_err(|_| log_file.malformed())?;
        let subject_key = Digest::derive("cowl/server/subject-key/v1", &opaque_bytes);
        Ok(Self { opaque, log_key: SigningKey::from_seed(seed), subject_key })
    }

    /// The pseudonym of a handle or an address.
    pub(crate) fn subject(&self, kind: &str, name: &str) -> String {
        let mut hasher = Hasher::derive("cowl/server/subject/v1");
        hasher
            .update(self.subject_key.as_bytes())
            .update(kind.as_bytes())
            .update(&[0])
            .update(name.as_bytes());
        hasher.finalize().to_string()
    }
}

struct SecretFile {
    path: PathBuf,
    may_make: bool,
}

impl SecretFile {
    fn resolve(config: &ServerConfig, named: Option<&PathBuf>, default: &str) -> Self {
        match named {
            Some(path) => Self { path: path.clone(), may_make: config.secrets.create_missing },
            None => Self { path: config.data.join("secrets").join(default), may_make: true },
        }
    }

    fn read_or_make(
        &self,
        make: impl FnOnce() -> Zeroizing<Vec<u8>>,
    ) -> Result<Zeroizing<Vec<u8>>, SecretError> {
        match self.read() {
            Err(SecretError::File { cause, .. })
                if cause.kind() == io::ErrorKind::NotFound && self.may_make =>
            {
                publish(&self.path, &make()).map_err(|cause| self.failed(cause))?;
                // Another process may have been faster; what stands there now is what all use.
                self.read()
            }
            other => other,
        }
    }

    fn read(&self) -> Result<Zeroizing<Vec<u8>>, SecretError> {
        let mode = fs::metadata(&self.path).map_err(|cause| self.failed(cause))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(SecretError::Exposed { path: self.path.clone() });
        }
        fs::read(&self.path).map(Zeroizing::new).map_err(|cause| self.failed(cause))
    }

    fn failed(&self, cause: io::Error) -> SecretError {
        SecretError::File { path: self.path.clone(), cause }
    }

    fn malformed(&self) -> SecretError {
        SecretError::Malformed { path: self.path.clone() }
    }
}

/// Puts the bytes at `path` whole and durable, unless something is there already.
fn publish(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    let draft = folder.join(format!(".{}", cowl_crypto::id::encode_id(&random_bytes())));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    File::open(folder)?.sync_all()?;
    match linked {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_made_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let config = ServerConfig::embedded(folder.path());
        let first = Secrets::load(&config).unwrap();
        let second = Secrets::load(&config).unwrap();
        assert!(first.opaque.expose_bytes().ct_eq(&second.opaque.expose_bytes()));
        assert_eq!(first.log_key.verifying_key(), second.log_key.verifying_key());
        assert_eq!(first.subject("handle", "a"), second.subject("handle", "a"));
        assert_ne!(first.subject("handle", "a"), first.subject("address", "a"));
    }

    #[test]
    fn secret_files_are_for_their_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let config = ServerConfig::embedded(folder.path());
        Secrets::load(&config).map(drop).unwrap();
        let path = folder.path().join("secrets/opaque");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(Secrets::load(&config), Err(SecretError::Exposed { .. })));
    }

    #[test]
    fn a_named_file_that_is_missing_is_an_error_unless_it_may_be_made() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = ServerConfig::embedded(folder.path());
        config.secrets.opaque = Some(folder.path().join("elsewhere/opaque"));
        assert!(matches!(Secrets::load(&config), Err(SecretError::File { .. })));
        config.secrets.create_missing = true;
        Secrets::load(&config).map(drop).unwrap();
    }

    #[test]
    fn a_damaged_secret_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let config = ServerConfig::embedded(folder.path());
        Secrets::load(&config).map(drop).unwrap();
        fs::write(folder.path().join("secrets/log-key"), b"short").unwrap();
        assert!(matches!(Secrets::load(&config), Err(SecretError::Malformed { .. })));
    }
}
