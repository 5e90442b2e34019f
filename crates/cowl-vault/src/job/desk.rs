//! Jobs at the cloud: ask, see, consent, refuse, have it compute. What the cloud shows is checked before it is
//! believed: who asked, what for, who consented, and whose evidence it is.

use cowl_api::client::{ClientError, JobFilter};
use cowl_api::types::{JobRefusal, JobResult, JobView, NewConsent, NewJob};
use cowl_domain::{Handle, JobId, JobState, PartyId, Signed, Timestamp, Verified};
use cowl_job::{ConsentStatement, Evidence, JobSpec};
use cowl_seal::message;

use crate::directory::KnownParty;
use crate::error::{Result, Tampering, VaultError};
use crate::grant::recipient_of;
use crate::record::misplaced;
use crate::vault::Vault;

/// A job as the cloud has it, its statements checked.
#[derive(Debug, Clone)]
pub struct JobInfo {
    /// The job.
    pub job: JobId,
    /// Where it stands, by the cloud's word.
    pub state: JobState,
    /// Who asks.
    pub asker: Handle,
    /// Who owns what it works on.
    pub owner: Handle,
    /// What is asked for, signed by the asker.
    pub spec: Verified<JobSpec>,
    /// The program; whether its digest is the specification's is for the technique to say.
    pub program: Vec<u8>,
    /// The fewest rows that a figure may be about, by the cloud's word.
    pub minimum_cohort: u32,
    /// The owner's consent.
    pub consent: Option<Verified<ConsentStatement>>,
    /// Why the owner refused; opened for the asker.
    pub refusal: Option<String>,
    /// Why it failed, by the cloud's word.
    pub failure: Option<String>,
    /// The caller's result, opened. In lists always absent.
    pub result: Option<Vec<u8>>,
    /// What its opener says of it. In lists always absent.
    pub evidence: Option<Verified<Evidence>>,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// When its state changed last.
    pub changed_at: Timestamp,
}

impl JobInfo {
    /// Who asks.
    pub fn asker_id(&self) -> PartyId {
        self.spec.signer()
    }
}

impl Vault {
    /// Puts a job before the owner of what it works on.
    ///
    /// # Errors
    /// What the cloud refuses by name; those of the server.
    pub async fn ask(&self, spec: &JobSpec, program: Vec<u8>) -> Result<JobInfo> {
        let signed = self.sign(spec);
        let body = NewJob { spec: signed.to_bytes().into(), program: program.into() };
        let view = self.client.make_job(&body).await?;
        self.job_info(&view).await
    }

    /// The jobs that the caller asked for or is asked, oldest first.
    ///
    /// # Errors
    /// Those of the server; statements that do not hold.
    pub async fn jobs(&self, filter: &JobFilter) -> Result<Vec<JobInfo>> {
        let (mut infos, mut filter) = (Vec::new(), filter.clone());
        loop {
            let page = self.client.jobs(&filter).await?;
            for view in &page.jobs {
                infos.push(self.job_info(view).await?);
            }
            let last = infos.last().map(|info: &JobInfo| info.job);
            if !page.more || page.jobs.is_empty() || last == filter.after {
                return Ok(infos);
            }
            filter.after = last;
        }
    }

    /// One job, with the caller's result where there is one.
    ///
    /// # Errors
    /// When there is none that the caller may see; statements that do not hold.
    pub async fn job(&self, job: &JobId) -> Result<JobInfo> {
        let view = self.client.job(job).await.map_err(|error| missing(error, job))?;
        let info = self.job_info(&view).await?;
        if info.job == *job { Ok(info) } else { Err(misplaced("job", job, info.job)) }
    }

    /// A job by identifier or unambiguous beginning of it, without its result.
    ///
    /// # Errors
    /// When there is none, or more than one fits.
    pub async fn find_job(&self, text: &str) -> Result<JobInfo> {
        let all = self.jobs(&JobFilter::default()).await?;
        let fits = |info: &&JobInfo| text.len() >= 4 && info.job.to_string().starts_with(text);
        let mut found = all.iter().filter(fits);
        match (found.next(), found.next()) {
            (Some(one), None) => Ok(one.clone()),
            (None, _) => Err(VaultError::NotFound { what: "job", name: text.to_owned() }),
            _ => Err(VaultError::Invalid(format!("'{text}' fits several jobs; give more of the identifier"))),
        }
    }

    /// Takes back a job that the caller asked for.
    ///
    /// # Errors
    /// When it has come to its end.
    pub async fn withdraw_job(&self, job: &JobId) -> Result<()> {
        self.client.withdraw_job(job).await.map_err(|error| missing(error, job))
    }

    /// Shows the cloud one's consent, so that it may compute.
    ///
    /// # Errors
    /// When the job waits for none.
    pub async fn send_consent(&self, job: &JobId, consent: &Signed<ConsentStatement>) -> Result<()> {
        let body = NewConsent { consent: consent.to_bytes().into() };
        self.client.consent_to_job(job, &body).await.map_err(|error| missing(error, job))
    }

    /// Refuses a job; only its asker can read why.
    ///
    /// # Errors
    /// When it has come to its end.
    pub async fn refuse_job(&self, info: &JobInfo, why: &str) -> Result<()> {
        let asker = self.known_party(&info.asker_id()).await?;
        let words = message::seal_to(&recipient_of(&asker)?, &refusal_context(&info.job), why.as_bytes());
        let body = JobRefusal { words: words.into() };
        self.client.refuse_job(&info.job, &body).await.map_err(|error| missing(error, &info.job))
    }

    /// Has the cloud compute; the bytes are the technique's to check.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn computed(&self, job: &JobId) -> Result<Vec<u8>> {
        Ok(self.client.compute_job(job).await.map_err(|error| missing(error, job))?.to_vec())
    }

    /// Has the cloud score by these weights; the bytes are the technique's to check.
    ///
    /// # Errors
    /// As [`Vault::computed`].
    pub async fn scored(&self, job: &JobId, weights: Vec<u8>) -> Result<Vec<u8>> {
        Ok(self.client.score_job(job, weights).await.map_err(|error| missing(error, job))?.to_vec())
    }

    async fn job_info(&self, view: &JobView) -> Result<JobInfo> {
        let signed = Signed::<JobSpec>::from_bytes(&view.spec.0)?;
        let asker = self.signer(&signed.signer(), &[signed.key_version()]).await?;
        let spec = asker.verify_statement(&signed)?;
        check_places(&spec, &asker, view)?;
        let owner = self.owner_of(&spec, view).await?;
        let (job, me) = (spec.job, self.party_id());
        let consent = match &view.consent {
            Some(bytes) => Some(owner.statement::<ConsentStatement>(self, &bytes.0).await?),
            None => None,
        };
        if let Some(other) = consent.as_ref().filter(|it| it.job != job || it.spec != JobSpec::digest(&spec))
        {
            return Err(misplaced("consent", job, other.job));
        }
        let evidence = match &view.evidence {
            Some(bytes) => Some(owner.statement::<Evidence>(self, &bytes.0).await?),
            None => None,
        };
        if let Some(other) = evidence.as_ref().filter(|it| it.job != job) {
            return Err(misplaced("evidence", job, other.job));
        }
        let refusal = view.refusal.as_ref().filter(|_| asker.party() == me);
        Ok(JobInfo {
            job,
            state: view
                .state
                .parse()
                .map_err(|e: cowl_domain::party::UnknownWord| VaultError::Senseless(e.to_string()))?,
            asker: asker.handle().clone(),
            owner: owner.known.handle().clone(),
            program: view.program.0.clone(),
            minimum_cohort: view.minimum_cohort,
            refusal: refusal.map(|words| self.open_words(&job, &words.0)).transpose()?,
            failure: view.failure.clone(),
            result: self.own_result(&job, &view.results)?,
            consent,
            evidence,
            asked_at: Timestamp::from_millis(view.asked_at),
            changed_at: Timestamp::from_millis(view.changed_at),
            spec,
        })
    }

    /// The one owner of all that a job works on.
    async fn owner_of(&self, spec: &JobSpec, view: &JobView) -> Result<Owner> {
        let owner = spec.items.first().map(|item| item.owner);
        let owner = owner.filter(|owner| spec.items.iter().all(|item| item.owner == *owner));
        match owner {
            Some(owner) if owner.to_string() == view.owner => {
                Ok(Owner { known: self.known_party(&owner).await? })
            }
            _ => Err(misplaced("job", &view.owner, "the items of another owner")),
        }
    }

    fn open_words(&self, job: &JobId, sealed: &[u8]) -> Result<String> {
        let refuse = || misplaced("refusal", job, "another job");
        let plain = message::open_with(self.identity().sealing(), &refusal_context(job), sealed);
        String::from_utf8(plain.map_err(|_| refuse())?.to_vec()).map_err(|_| refuse())
    }

    fn own_result(&self, job: &JobId, results: &[JobResult]) -> Result<Option<Vec<u8>>> {
        let me = self.party_id();
        let Some(own) = results.iter().find(|result| result.receiver == me.to_string()) else {
            return Ok(None);
        };
        let context = result_context(job, &me);
        let plain = message::open_with(self.identity().sealing(), &context, &own.sealed.0);
        let refuse = |_| VaultError::from(Tampering::Result(*job));
        Ok(Some(plain.map_err(refuse)?.to_vec()))
    }
}

/// The party that opens.
struct Owner {
    known: std::sync::Arc<KnownParty>,
}

impl Owner {
    /// A statement that must be the owner's.
    async fn statement<T: cowl_domain::Statement>(&self, vault: &Vault, bytes: &[u8]) -> Result<Verified<T>> {
        let signed = Signed::<T>::from_bytes(bytes)?;
        if signed.signer() != self.known.party() {
            return Err(misplaced(T::NAME, self.known.party(), signed.signer()));
        }
        let signer = vault.signer(&signed.signer(), &[signed.key_version()]).await?;
        Ok(signer.verify_statement(&signed)?)
    }
}

/// A job must be the one that was asked about, of who is said to have asked, for that party.
fn check_places(spec: &JobSpec, asker: &KnownParty, view: &JobView) -> Result<()> {
    if spec.job.to_string() != view.job {
        return Err(misplaced("job", &view.job, spec.job));
    }
    if asker.party().to_string() != view.asker || !spec.receivers.contains(&asker.party()) {
        return Err(misplaced("job", &view.asker, asker.party()));
    }
    Ok(())
}

fn missing(error: ClientError, job: &JobId) -> VaultError {
    match error.code() {
        Some(cowl_api::ProblemCode::NotFound) => VaultError::NotFound { what: "job", name: job.to_string() },
        _ => error.into(),
    }
}

/// What a result is sealed for.
pub(super) fn result_context(job: &JobId, receiver: &PartyId) -> Vec<u8> {
    [b"cowl/job-result/v1".as_slice(), job.as_bytes(), receiver.as_bytes()].concat()
}

fn refusal_context(job: &JobId) -> Vec<u8> {
    [b"cowl/job-refusal/v1".as_slice(), job.as_bytes()].concat()
}
