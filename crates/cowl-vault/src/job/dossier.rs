//! What proves jobs that ran between the parties' own machines: the cloud has no part in them and keeps nothing of them,
//! so each party's device does.

use cowl_domain::{JobId, Signed, Statement, Verified};

use crate::error::Result;
use crate::vault::Vault;

impl Vault {
    /// Keeps what proves a job, sealed in the profile. On disk when it returns.
    ///
    /// # Errors
    /// When the profile cannot be written.
    pub fn keep_dossier(&self, job: &JobId, bytes: &[u8]) -> Result<()> {
        self.local_key.write_durably(&self.profile, &file_name(job), bytes)
    }

    /// What was kept of a job; `None` where nothing was.
    ///
    /// # Errors
    /// When it is there and does not open.
    pub fn dossier(&self, job: &JobId) -> Result<Option<Vec<u8>>> {
        self.local_key.read(&self.profile, &file_name(job))
    }

    /// The jobs of which something was kept.
    ///
    /// # Errors
    /// When the profile cannot be read.
    pub fn dossiers(&self) -> Result<Vec<JobId>> {
        let job = |name: String| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.parse().ok();
        Ok(self.profile.files(PREFIX)?.into_iter().filter_map(job).collect())
    }

    /// Checks a statement with the directory's keys of whoever says to have signed it, in the version that it names.
    ///
    /// # Errors
    /// A statement that does not hold; a party that the directory does not have.
    pub async fn verify_statement<T: Statement>(&self, signed: &Signed<T>) -> Result<Verified<T>> {
        let signer = self.signer(&signed.signer(), &[signed.key_version()]).await?;
        Ok(signer.verify_statement(signed)?)
    }
}

fn file_name(job: &JobId) -> String {
    format!("{PREFIX}{job}{SUFFIX}")
}

const PREFIX: &str = "dossier-";
const SUFFIX: &str = ".sealed";
