//! A profile: one party on one device, as a folder.
//!
//! | file | content |
//! |---|---|
//! | `profile.toml` | server address, handle, party, the server's log key as first seen |
//! | `ca.pem` | certificate authority of the server, where it is not a public one |
//! | `device.secret` | 128 bits that never leave the device but in the recovery kit |
//! | `*.sealed` | local state, caches and journals, sealed under a key of the party |
//! | `infer/` | set-ups, bundles and used bundles of secure inference; `cowl` keeps them |

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use cowl_domain::{Handle, PartyId};
use cowl_seal::key_store::DeviceSecret;
use serde::{Deserialize, Serialize};

use crate::error::{Result, VaultError};

/// What a profile says in clear.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    server: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    handle: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    party: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    log_key: Option<String>,
}

/// A party on one device.
#[derive(Debug, Clone)]
pub struct Profile {
    dir: PathBuf,
    settings: Settings,
}

/// The server as this device first met it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownServer {
    /// Origin of its checkpoints.
    pub origin: String,
    /// Its log key, as 64 hexadecimal digits.
    pub log_key: String,
}

impl Profile {
    /// Makes the folder of a new profile. Nothing is asked of the server yet.
    ///
    /// # Errors
    /// When there is a profile already, or the folder cannot be written.
    pub fn create(dir: &Path, server_url: &str, ca_pem: Option<&[u8]>) -> Result<Self> {
        if dir.join(SETTINGS).exists() {
            return Err(VaultError::Invalid(format!(
                "{} holds a profile already; choose another with --profile, or remove the folder",
                dir.display()
            )));
        }
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|e| file_error(dir, e))?;
        let profile = Self {
            dir: dir.to_owned(),
            settings: Settings { server: server_url.to_owned(), ..Settings::default() },
        };
        if let Some(pem) = ca_pem {
            write_private(&profile.dir.join(CA), pem)?;
        }
        profile.save()?;
        Ok(profile)
    }

    /// Leads a profile that nobody has registered or logged in on yet to another server; what is known of the
    /// one before is forgotten.
    ///
    /// # Errors
    /// When the profile belongs to a party, or the folder cannot be written.
    pub fn choose_server(&mut self, server_url: &str, ca_pem: Option<&[u8]>) -> Result<()> {
        if let Some(handle) = self.handle() {
            return Err(VaultError::Invalid(format!("this profile belongs to {handle} already")));
        }
        match ca_pem {
            Some(pem) => write_private(&self.dir.join(CA), pem)?,
            None => self.remove(CA)?,
        }
        self.settings = Settings { server: server_url.to_owned(), ..Settings::default() };
        self.save()
    }

    /// Opens the profile in a folder.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn open(dir: &Path) -> Result<Self> {
        let path = dir.join(SETTINGS);
        let text = fs::read_to_string(&path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => VaultError::Invalid(format!(
                "there is no profile in {}; make one with: cowl party register",
                dir.display()
            )),
            _ => file_error(&path, e),
        })?;
        let settings = toml::from_str(&text)
            .map_err(|e| VaultError::Invalid(format!("{}: {}", path.display(), e.message())))?;
        Ok(Self { dir: dir.to_owned(), settings })
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Who has registered or logged in here.
    pub fn handle(&self) -> Option<Handle> {
        self.settings.handle.as_deref().and_then(|text| text.parse().ok())
    }

    /// Its identifier.
    pub fn party(&self) -> Option<PartyId> {
        self.settings.party.as_deref().and_then(|text| text.parse().ok())
    }

    /// Where the server is.
    pub fn server_url(&self) -> String {
        self.settings.server.clone()
    }

    /// The certificate authority of the server, if it was given one.
    pub fn ca_pem(&self) -> Option<Vec<u8>> {
        fs::read(self.dir.join(CA)).ok()
    }

    /// The server as first met.
    pub fn known_server(&self) -> Option<KnownServer> {
        let (origin, log_key) = (self.settings.origin.clone()?, self.settings.log_key.clone()?);
        Some(KnownServer { origin, log_key })
    }

    /// Remembers the server.
    pub(crate) fn remember_server(&mut self, server: KnownServer) -> Result<()> {
        self.settings.origin = Some(server.origin);
        self.settings.log_key = Some(server.log_key);
        self.save()
    }

    /// Remembers whose profile this is.
    pub(crate) fn remember_party(&mut self, handle: &Handle, party: PartyId) -> Result<()> {
        self.settings.handle = Some(handle.to_string());
        self.settings.party = Some(party.to_string());
        self.save()
    }

    /// This device's secret; `None` on a device that has none yet.
    pub(crate) fn device_secret(&self) -> Result<Option<DeviceSecret>> {
        let path = self.dir.join(DEVICE_SECRET);
        match fs::read(&path) {
            Ok(bytes) => {
                let bytes: [u8; 16] = bytes.try_into().map_err(|_| {
                    VaultError::Invalid(format!("{} is damaged: it should have 16 bytes", path.display()))
                })?;
                Ok(Some(DeviceSecret::from_bytes(bytes)))
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(file_error(&path, e)),
        }
    }

    pub(crate) fn store_device_secret(&self, secret: &DeviceSecret) -> Result<()> {
        write_private(&self.dir.join(DEVICE_SECRET), secret.expose())
    }

    /// Writes a sealed file of this profile, whole or not at all. Not forced to disk: after a power cut an
    /// older one may be there, and the cloud still has what it says.
    pub(crate) fn write_cache(&self, name: &str, bytes: &[u8]) -> Result<()> {
        replace(&self.dir.join(name), bytes, false)
    }

    /// Writes a sealed file of this profile that nobody else has: on disk when it returns.
    pub(crate) fn write_durably(&self, name: &str, bytes: &[u8]) -> Result<()> {
        write_private(&self.dir.join(name), bytes)
    }

    /// Reads a file of this profile; `None` when it is not there.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let path = self.dir.join(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(file_error(&path, e)),
        }
    }

    /// Removes a file of this profile, if it is there.
    pub(crate) fn remove(&self, name: &str) -> Result<()> {
        let path = self.dir.join(name);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(file_error(&path, e)),
            _ => Ok(()),
        }
    }

    /// Removes everything that this device holds of the account.
    pub(crate) fn destroy(&self) -> Result<()> {
        let entries = fs::read_dir(&self.dir).map_err(|e| file_error(&self.dir, e))?;
        for path in entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()) {
            fs::remove_file(&path).map_err(|e| file_error(&path, e))?;
        }
        let inference = self.dir.join(INFERENCE);
        match fs::remove_dir_all(&inference) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(file_error(&inference, e)),
            _ => Ok(()),
        }
    }

    /// The names of this profile's files that begin so, sorted.
    pub(crate) fn files(&self, prefix: &str) -> Result<Vec<String>> {
        let entries = fs::read_dir(&self.dir).map_err(|e| file_error(&self.dir, e))?;
        let mut names: Vec<String> = entries
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| name.starts_with(prefix))
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Holds the profile for one writer of local state at a time, until dropped.
    pub(crate) fn lock(&self) -> Result<File> {
        self.lock_named("lock")
    }

    /// Holds something of the profile for one process at a time, until dropped.
    pub(crate) fn lock_named(&self, name: &str) -> Result<File> {
        let path = self.dir.join(name);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(|e| file_error(&path, e))?;
        file.lock().map_err(|e| file_error(&path, e))?;
        Ok(file)
    }

    fn save(&self) -> Result<()> {
        let text = toml::to_string(&self.settings).map_err(|e| VaultError::Bug(e.to_string()))?;
        write_private(&self.dir.join(SETTINGS), text.as_bytes())
    }
}

/// Writes a file that only its owner may read: whole or not at all, and durable.
fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    replace(path, bytes, true)
}

fn replace(path: &Path, bytes: &[u8], durable: bool) -> Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|e| file_error(dir, e))?;
    let write = || -> std::io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(dir)?;
        file.write_all(bytes)?;
        if durable {
            file.as_file().sync_all()?;
        }
        file.persist(path).map_err(|e| e.error)?;
        // The new name is durable when the folder is.
        if durable { File::open(dir)?.sync_all() } else { Ok(()) }
    };
    write().map_err(|e| file_error(path, e))
}

pub(crate) fn file_error(path: &Path, source: std::io::Error) -> VaultError {
    VaultError::File { path: path.to_owned(), source }
}

const SETTINGS: &str = "profile.toml";
const CA: &str = "ca.pem";
const INFERENCE: &str = "infer";
const DEVICE_SECRET: &str = "device.secret";
