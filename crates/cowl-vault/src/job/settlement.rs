//! Results on their way to their receivers, and what an opener has to remember of what it answered.
//!
//! An answered query must never be forgotten, and an answer never be given twice in two ways. So what is remembered is
//! on disk before a result leaves, and a result is on disk before it is sent: a crash between loses neither, and the
//! next run sends what the one before could not.

use std::fs::File;

use cowl_api::ProblemCode;
use cowl_api::types::{JobResult, Settlement};
use cowl_domain::{ItemId, JobId, PartyId, Signed, wire};
use cowl_job::Evidence;
use cowl_seal::message;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use super::desk::result_context;
use crate::error::{Result, VaultError};
use crate::grant::recipient_of;
use crate::vault::Vault;

/// A settlement that may not have been sent yet.
#[derive(Encode, Decode)]
struct Kept {
    #[n(0)]
    job: JobId,
    /// Receivers, and what is sealed to each.
    #[n(1)]
    results: Vec<(PartyId, ByteVec)>,
    #[n(2)]
    evidence: ByteVec,
}

impl Vault {
    /// Hands out what a job gave: each result is sealed to its receiver.
    ///
    /// # Errors
    /// Those of the server. What could not be sent is kept, and sent by [`Vault::settle_kept`].
    pub async fn settle(
        &self,
        job: JobId,
        results: &[(PartyId, Vec<u8>)],
        evidence: &Signed<Evidence>,
    ) -> Result<()> {
        let mut sealed = Vec::with_capacity(results.len());
        for (receiver, result) in results {
            let known = self.known_party(receiver).await?;
            let context = result_context(&job, receiver);
            sealed.push((*receiver, message::seal_to(&recipient_of(&known)?, &context, result).into()));
        }
        let kept = Kept { job, results: sealed, evidence: evidence.to_bytes().into() };
        self.local_key.write_durably(&self.profile, &file_name(&job), &wire::encode(&kept))?;
        self.send_settlement(&kept).await
    }

    /// Sends what could not be sent before; yields how many jobs it settled.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn settle_kept(&self) -> Result<u64> {
        let mut sent = 0;
        for name in self.profile.files(PREFIX)? {
            let Some(bytes) = self.local_key.read(&self.profile, &name)? else { continue };
            match self.send_settlement(&wire::decode("kept settlement", &bytes)?).await {
                Ok(()) => sent += 1,
                // It is over without a result.
                Err(VaultError::Refused(_)) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(sent)
    }

    /// Whether the result of a job is kept and has not been sent yet.
    pub fn keeps_settlement(&self, job: &JobId) -> bool {
        self.profile.read(&file_name(job)).is_ok_and(|found| found.is_some())
    }

    async fn send_settlement(&self, kept: &Kept) -> Result<()> {
        let result = |(receiver, sealed): &(PartyId, ByteVec)| JobResult {
            receiver: receiver.to_string(),
            sealed: sealed.to_vec().into(),
        };
        let body = Settlement {
            results: kept.results.iter().map(result).collect(),
            evidence: kept.evidence.to_vec().into(),
        };
        let sent = self.client.settle_job(&kept.job, &body).await.map_err(VaultError::from);
        // A job that was taken back or has failed meanwhile needs no result any more.
        let over = |problem: &cowl_api::Problem| {
            matches!(problem.code, ProblemCode::Conflict | ProblemCode::NotFound | ProblemCode::NotAllowed)
        };
        let done = match &sent {
            Ok(()) => true,
            Err(VaultError::Refused(problem)) => over(problem),
            Err(_) => false,
        };
        if done {
            self.profile.remove(&file_name(&kept.job))?;
        }
        sent
    }

    /// Waits until no other process of this profile answers about this item, and keeps it so until dropped.
    ///
    /// # Errors
    /// When the profile cannot be written.
    pub fn hold_answers(&self, item: &ItemId) -> Result<File> {
        self.profile.lock_named(&format!("answers-{item}.lock"))
    }

    /// What was remembered last of the answers about an item.
    ///
    /// # Errors
    /// When it is there and does not open: then nothing must be answered.
    pub fn remembered_answers(&self, item: &ItemId) -> Result<Option<Vec<u8>>> {
        self.local_key.read(&self.profile, &answers_name(item)).map_err(|error| match error {
            VaultError::Invalid(_) => VaultError::Invalid(format!(
                "what this device remembers of answers about table {item} is damaged, and nothing of it is answered; \
                 put the file {} back from a backup",
                self.profile.dir().join(answers_name(item)).display()
            )),
            other => other,
        })
    }

    /// Remembers something of the answers about an item. On disk when it returns.
    ///
    /// # Errors
    /// When the profile cannot be written.
    pub fn remember_answers(&self, item: &ItemId, what: &[u8]) -> Result<()> {
        self.local_key.write_durably(&self.profile, &answers_name(item), what)
    }
}

fn file_name(job: &JobId) -> String {
    format!("{PREFIX}{job}.sealed")
}

fn answers_name(item: &ItemId) -> String {
    format!("answers-{item}.sealed")
}

const PREFIX: &str = "settlement-";
