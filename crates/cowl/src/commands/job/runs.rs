//! Runs of models among the jobs. The cloud has no part in them: this device shows those of which it keeps what proves them.

use std::fmt;

use cowl_domain::{PartyId, Timestamp};
use cowl_job::{ConsentStatement, Evidence, Seat};
use cowl_vault::Vault;
use serde::Serialize;

use super::JobRow;
use crate::failure::{Failure, Result};
use crate::models::catalog::{KnownModel, known_models};
use crate::models::dossier::{self, Dossier};
use crate::size::{Size, count};
use crate::style::COMMAND;

/// The runs that this device keeps, as rows among other jobs.
///
/// # Errors
/// One that does not open; those of the directory.
pub(super) async fn rows(vault: &Vault) -> Result<Vec<JobRow>> {
    let jobs = vault.dossiers()?;
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let (models, mut rows) = (known_models(vault).await?, Vec::new());
    for job in jobs {
        if let Some(dossier) = dossier::find(vault, &job.to_string())? {
            rows.push(row(vault, &dossier, &models).await?);
        }
    }
    rows.sort_by_key(|row| row.asked_at);
    Ok(rows)
}

/// All about one run.
#[derive(Debug, Serialize)]
pub(super) struct ShownRun {
    #[serde(flatten)]
    row: JobRow,
    dealer: String,
    /// What was told of the output.
    output: String,
    /// Who got it.
    receivers: Vec<String>,
    /// Bytes by the plan: dealt and sent.
    bytes: Size,
    rounds: u32,
    consents: usize,
}

impl ShownRun {
    /// Of what is kept.
    ///
    /// # Errors
    /// Those of the directory.
    pub(super) async fn new(vault: &Vault, dossier: &Dossier) -> Result<Self> {
        let mut receivers = Vec::new();
        for receiver in &dossier.spec.receivers {
            receivers.push(handle(vault, *receiver).await?);
        }
        Ok(Self {
            row: row(vault, dossier, &known_models(vault).await?).await?,
            dealer: at(vault, dossier, Seat::Dealer).await?,
            output: dossier.program.output.to_string(),
            receivers,
            bytes: Size(dossier.plan.cost.bytes),
            rounds: dossier.plan.cost.rounds,
            consents: dossier.consents.len(),
        })
    }
}

/// `models` are those that the caller sees now: one that is gone goes by its identifier.
async fn row(vault: &Vault, dossier: &Dossier, models: &[KnownModel]) -> Result<JobRow> {
    let [asked_at, settled_at] = times(dossier)?;
    let item = dossier.spec.items.first().map(|item| item.item);
    let known = models.iter().find(|model| Some(model.info.item) == item);
    let model = known.map(|model| model.info.label.name.clone()).or(item.map(|item| item.to_string()));
    let model = model.unwrap_or_default();
    Ok(JobRow {
        job: dossier.spec.job.to_string(),
        state: "settled",
        asker: at(vault, dossier, Seat::DataOwner).await?,
        owner: at(vault, dossier, Seat::ModelOwner).await?,
        question: Some(format!("run model {model}, told: {}", dossier.program.output)),
        asked_at: asked_at.into(),
        changed_at: settled_at.into(),
    })
}

/// When the data owner consented, and when the last of the two had come to its end. What is kept was checked before.
fn times(dossier: &Dossier) -> Result<[Timestamp; 2]> {
    let damaged = |error: cowl_domain::WireError| Failure::no(format!("what was kept of a run: {error}"));
    let mut asked = Timestamp::from_millis(0);
    for signed in &dossier.consents {
        let consent: ConsentStatement = signed.dangerous_unverified().map_err(damaged)?;
        if consent.seat == Seat::DataOwner {
            asked = consent.made_at;
        }
    }
    let mut settled = asked;
    for signed in &dossier.evidence {
        let evidence: Evidence = signed.dangerous_unverified().map_err(damaged)?;
        settled = settled.max(evidence.settled_at);
    }
    Ok([asked, settled])
}

async fn at(vault: &Vault, dossier: &Dossier, seat: Seat) -> Result<String> {
    match dossier.plan.seats.iter().find(|one| one.seat == seat) {
        Some(one) => handle(vault, one.party).await,
        None => Ok("–".to_owned()),
    }
}

async fn handle(vault: &Vault, party: PartyId) -> Result<String> {
    Ok(vault.party(&party.to_string()).await?.handle.to_string())
}

impl fmt::Display for ShownRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let JobRow { job, state, asker, owner, question, asked_at, changed_at } = &self.row;
        writeln!(f, "job       {job}")?;
        writeln!(f, "from      {asker} to {owner}, {asked_at}; randomness from {}", self.dealer)?;
        writeln!(
            f,
            "state     {state} since {changed_at}, under {}",
            count(self.consents as u64, "consent")
        )?;
        writeln!(f, "question  {}", question.as_deref().unwrap_or_default())?;
        writeln!(f, "output    to {}", self.receivers.join(" and "))?;
        writeln!(f, "planned   {} dealt and sent, {} rounds", self.bytes, self.rounds)?;
        write!(f, "evidence  {COMMAND}cowl evidence verify {}{COMMAND:#}", &job[..super::items::SHORT])
    }
}
