//! The cloud in this process, on a database file and a folder.

use std::path::PathBuf;
use std::sync::Arc;

use cowl_api::service::Stop;
use cowl_crypto::sign::SigningKey;
use cowl_server::{Running, ServerConfig, SystemClock};
use tempfile::TempDir;

use super::files::{Files, copy_tree};

/// A running server with a folder of its own. It ends with the test's runtime.
pub struct Cloud {
    pub folder: TempDir,
    running: Running,
}

impl Cloud {
    pub async fn start() -> Self {
        Self::over(tempfile::tempdir().unwrap()).await
    }

    pub async fn from_files(files: &Files) -> Self {
        let folder = tempfile::tempdir().unwrap();
        files.write_to(folder.path());
        Self::over(folder).await
    }

    async fn over(folder: TempDir) -> Self {
        let mut config = ServerConfig::embedded(folder.path());
        config.housekeeping.expiry_seconds = 1;
        config.sessions.free_attempts = 1000;
        config.sessions.free_attempts_per_address = 100_000;
        let running = cowl_server::start(config, Arc::new(SystemClock), Stop::new()).await.unwrap();
        Self { folder, running }
    }

    pub fn url(&self) -> String {
        self.running.url()
    }

    /// Ends it, so that all that it knows is in its folder.
    pub async fn stop(self) -> TempDir {
        self.running.stop().await.unwrap();
        self.folder
    }

    /// A second cloud that knows what this one knows now, and goes its own way from here.
    pub async fn fork(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy_tree(self.folder.path(), folder.path());
        Self::over(folder).await
    }

    /// The key that signs the log's checkpoints: a dishonest operator has it.
    pub fn log_key(&self) -> SigningKey {
        let seed = std::fs::read(self.folder.path().join("secrets/log-key")).unwrap();
        SigningKey::from_seed(&seed.try_into().unwrap())
    }

    /// The files in which sealed parts lie.
    pub fn packs(&self) -> Vec<PathBuf> {
        let parts = walkdir::WalkDir::new(self.folder.path().join("parts"));
        let files = parts.into_iter().map(|entry| entry.unwrap()).filter(|entry| entry.file_type().is_file());
        files.map(|entry| entry.into_path()).collect()
    }
}
