//! The owner's side of a question: consent, have the cloud add, check, open, hand over.
//!
//! Order is what makes this safe: the consent is used up on this disk before the cloud hears of it, the answer is in the
//! book on this disk before a result exists outside, and the sealed result is on this disk before it is sent. A process
//! that dies anywhere between loses no answered question, and no question is answered twice.

use std::fmt;
use std::sync::Arc;

use cowl_crypto::id::random_bytes;
use cowl_domain::{JobId, JobState};
use cowl_job::{
    ConsentTerms, Driver, Failure as JobFailure, GrantCheck, Planned, Ports, Refusal, Registry, Roster, Seat,
    Settled, SystemSalts, Technique, Unsettled,
};
use cowl_paillier::Timing;
use cowl_query::Program;
use cowl_tables::technique::{AdditiveHe, AdditiveScore};
use cowl_vault::job::JobInfo;
use cowl_vault::{Vault, VaultError};
use serde::Serialize;

use super::catalog::{KnownTable, known_tables};
use super::desk::{Desk, OpenedTables};
use super::question::Question;
use crate::commands::{Context, SHORT};
use crate::failure::{Failure, Result};
use crate::style::GOOD;

/// A question that was answered.
#[derive(Debug, Serialize)]
pub(crate) struct Answered {
    job: String,
    asker: String,
    question: String,
    /// Groups with their figures, or rows with their scores, that the asker got.
    groups: usize,
    /// What of: `group` or `row`.
    unit: &'static str,
}

/// Answers one job by hand.
///
/// # Errors
/// A job that is not to be answered; the asker has been told why. A cloud that was caught.
pub(crate) async fn answer(context: &Context, vault: &Arc<Vault>, job: &JobId) -> Result<Answered> {
    let progress = context.output.progress();
    progress.begin("answering", 0);
    let answered = answer_with(vault, job, &Arc::default()).await;
    progress.end();
    answered
}

/// Answers one job; tables that are opened for it stay open for the next.
///
/// # Errors
/// As [`answer`].
pub(crate) async fn answer_with(
    vault: &Arc<Vault>,
    job: &JobId,
    opened: &Arc<OpenedTables>,
) -> Result<Answered> {
    let first = vault.job(job).await?;
    let item = first.spec.items.first().map(|item| item.item);
    let item = item.ok_or_else(|| Failure::no("the job is about nothing"))?;
    // Whoever else on this profile answers about this table comes to its end first.
    let _held = tokio::task::block_in_place(|| vault.hold_answers(&item))?;
    let info = vault.job(job).await?;
    check_open(vault, &info).await?;
    let known = known_tables(vault).await?;
    match attempt(vault, &info, &known, opened).await {
        Err(Attempt::Declined(words)) => {
            vault.refuse_job(&info, &words).await?;
            Err(Failure::no(format!("refused: {words}")).with_hint("the asker has been told the same"))
        }
        Err(Attempt::Failed(failure)) => Err(failure),
        Ok(answered) => Ok(answered),
    }
}

/// A job that is open and was not begun before. One that was begun here and came to no end is given up.
async fn check_open(vault: &Vault, info: &JobInfo) -> Result<()> {
    if !info.state.is_open() {
        return Err(Failure::no(format!("the job is {} already", info.state)));
    }
    if vault.keeps_settlement(&info.job) {
        vault.settle_kept().await?;
        return Err(Failure::no("the job had been answered; its result is on its way now"));
    }
    let begun = vault.has_begun(&info.job)?;
    if !begun && info.state == JobState::Planned {
        return Ok(());
    }
    let given_up = info.changed_at.plus_seconds(GIVEN_UP_SECONDS) < cowl_job::Clock::now(vault);
    if !begun && !given_up {
        return Err(Failure::no("another of your devices is answering the job"));
    }
    vault.refuse_job(info, INTERRUPTED).await?;
    Err(Failure::no("the job was interrupted before; its asker is told to ask again"))
}

/// Why a job was not answered.
enum Attempt {
    /// For a reason that its asker may know.
    Declined(String),
    /// For another.
    Failed(Failure),
}

impl<E: Into<Failure>> From<E> for Attempt {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

async fn attempt(
    vault: &Arc<Vault>,
    info: &JobInfo,
    known: &[KnownTable],
    opened: &Arc<OpenedTables>,
) -> std::result::Result<Answered, Attempt> {
    let question = Question::read(info, known).map_err(|failure| Attempt::Declined(failure.to_string()))?;
    if let Some(table) = question.tables.iter().find(|table| !table.mine) {
        return Err(Attempt::Declined(format!("table {} is not the owner's", table.title())));
    }
    let check = match vault.check_job(&info.spec).await {
        Err(VaultError::Job(refusal)) => return Err(Attempt::Declined(refusal.to_string())),
        check => check?,
    };
    let desk = Arc::new(Desk::new(vault, info, opened).await?);
    if let Some(grant) = desk.used_up(&info.spec)? {
        return Err(Attempt::Declined(format!("grant {grant} has no jobs left")));
    }
    let settled = run(vault, info, &question, &desk, check).await?;
    let results = desk.results();
    let groups = desk.groups();
    vault.settle(info.job, &results, &settled.evidence).await?;
    Ok(Answered {
        job: info.job.to_string(),
        asker: info.asker.to_string(),
        question: question.in_words(),
        groups,
        unit: match question.program {
            Program::Figures(_) => "group",
            Program::Scores(_) => "row",
        },
    })
}

async fn run(
    vault: &Arc<Vault>,
    info: &JobInfo,
    question: &Question<'_>,
    desk: &Arc<Desk>,
    check: GrantCheck,
) -> std::result::Result<Settled, Attempt> {
    let registry = Registry::new([technique(question, desk)]);
    let declined = |refusal: Refusal| Attempt::Declined(refusal.to_string());
    let planned = plan(vault, info, &registry).await?.map_err(declined)?;
    let participant = vault.participant(Seat::Opener);
    let consent = check.consent(&planned, &participant, terms(vault)).map_err(declined)?;
    desk.consented(consent.signed().clone());
    let consented = planned.consented(consent, &[], cowl_job::Clock::now(&**vault)).map_err(declined)?;
    let ports = Ports { source: &**vault, sink: &**desk, clock: &**vault, salts: &SystemSalts };
    let driver = Driver { registry: &registry, ledger: &**vault, ports };
    driver.run(consented, &participant).await.map_err(|unsettled| match unsettled {
        Unsettled::Failed(failed) => match failed.cause {
            JobFailure::Declined { words } => Attempt::Declined(words),
            cause => Attempt::Failed(Failure::no(cause.to_string()).with_hint(
                "nothing was handed over; the job cannot be taken up again, and the next look tells its asker so",
            )),
        },
        Unsettled::Refused(refusal) => Attempt::Declined(refusal.to_string()),
        other => Attempt::Failed(Failure::no(other.to_string())),
    })
}

/// What answers a question, with the desk's ports.
fn technique(question: &Question<'_>, desk: &Arc<Desk>) -> Arc<dyn Technique> {
    let schemas = question.tables.iter().map(|table| table.info.schema.clone());
    let (minimum_cohort, timing) = (desk.minimum_cohort(), Timing::Constant);
    match question.program.clone() {
        Program::Figures(query) => Arc::new(AdditiveHe {
            query,
            schemas: schemas.collect(),
            minimum_cohort,
            timing,
            cloud: desk.clone(),
            keys: desk.clone(),
            cohorts: desk.clone(),
        }),
        Program::Scores(request) => Arc::new(AdditiveScore {
            request,
            schema: question.tables[0].info.schema.clone(),
            minimum_cohort,
            timing,
            cloud: desk.clone(),
            keys: desk.clone(),
            cohorts: desk.clone(),
        }),
    }
}

async fn plan(
    vault: &Vault,
    info: &JobInfo,
    registry: &Registry,
) -> Result<std::result::Result<Planned, Refusal>> {
    let keys = vault.party_keys(vault.me().handle.as_str()).await?;
    let roster = Roster::new([(Seat::Opener, keys)]);
    Ok(roster.and_then(|roster| registry.plan((*info.spec).clone(), roster)))
}

fn terms(vault: &Vault) -> ConsentTerms {
    let made_at = cowl_job::Clock::now(vault);
    ConsentTerms { made_at, expires_at: made_at.plus_seconds(CONSENT_SECONDS), nonce: random_bytes() }
}

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let groups = crate::size::count(self.groups as u64, self.unit);
        write!(f, "{GOOD}✓{GOOD:#} job {}: {groups} for {}: ", &self.job[..SHORT], self.asker)?;
        f.write_str(&crate::columns::printable(&self.question))
    }
}

/// How long a consent is good for.
const CONSENT_SECONDS: u64 = 3600;
/// How long a device may take with a job until another of the same owner gives it up.
const GIVEN_UP_SECONDS: u64 = 900;
const INTERRUPTED: &str = "the owner's machine stopped in the middle of it; please ask again";
