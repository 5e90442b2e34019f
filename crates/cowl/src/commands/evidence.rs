//! `cowl evidence …`

use std::fmt;

use cowl_vault::Vault;
use serde::Serialize;

use super::{Context, items};
use crate::args::EvidenceCommand;
use crate::columns::printable;
use crate::failure::Result;
use crate::models::dossier::{self, Dossier, ProvenRun};
use crate::moment::Moment;
use crate::session;
use crate::size::count;
use crate::style::{GOOD, QUIET};
use crate::tables::evidence::{self, Proven};

pub(super) async fn run(context: &Context, command: EvidenceCommand) -> Result<()> {
    let EvidenceCommand::Verify { job } = command;
    let vault = session::unlock(context).await?;
    if let Some(dossier) = dossier::find(&vault, &job)? {
        let proven = dossier.verify(&vault).await?;
        return context.output.data(&CheckedRun::new(&vault, &dossier, &proven).await?);
    }
    let found = vault.find_job(&job).await?;
    let job = vault.job(&found.job).await?;
    let proven = evidence::verify(&vault, &job)?;
    context.output.data(&Checked::new(&proven, job.owner.as_str()))
}

/// Evidence that holds.
#[derive(Debug, Serialize)]
struct Checked {
    job: String,
    /// Digest of the signed evidence.
    evidence: String,
    signed_by: String,
    technique: String,
    /// Digest of the question.
    question: String,
    /// Digests of the placements of the tables: which version of them it was.
    tables: Vec<String>,
    /// Rows that went into the figures.
    rows: u64,
    /// Row tags that were compared with what the cloud had added.
    tags: u64,
    settled_at: Moment,
    /// Whether the caller has a result, and it is the one that the evidence names.
    result: bool,
}

impl Checked {
    fn new(proven: &Proven, owner: &str) -> Self {
        let Proven { evidence, attested, proof, result } = proven;
        Self {
            job: attested.job().to_string(),
            evidence: attested.evidence().to_string(),
            signed_by: owner.to_owned(),
            technique: evidence.technique.to_string(),
            question: proof.query.to_string(),
            tables: proof.placements.iter().map(|placement| placement.0.to_string()).collect(),
            rows: proof.rows,
            tags: proof.tags,
            settled_at: evidence.settled_at.into(),
            result: *result,
        }
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut good = |text: &str| writeln!(f, "{GOOD}✓{GOOD:#} {text}");
        let id = &self.job[..items::SHORT];
        good(&format!("evidence of job {id}, signed by {} at {}", self.signed_by, self.settled_at))?;
        good("it is about the question that was asked, and about the consent that was given")?;
        let (rows, tags) = (count(self.rows, "row"), count(self.tags, "row tag"));
        good(&format!("{rows} went into the figures; {tags} fitted what the cloud had added"))?;
        if self.result {
            good("your result is the one that it names")?;
        }
        write!(
            f,
            "{QUIET}it rests on the word of {}, who opened the sums; the cloud could have changed nothing{QUIET:#}",
            self.signed_by
        )
    }
}

/// Evidence of an inference that holds.
#[derive(Debug, Serialize)]
struct CheckedRun {
    job: String,
    technique: String,
    /// Who signed evidence, and in which seat.
    signed_by: Vec<Signer>,
    /// Digest of the architecture.
    architecture: String,
    /// Commitment to the weights.
    weights: String,
    /// Digest of all messages.
    transcript: String,
    /// The bundle that was used up.
    bundle: String,
    /// What was told of the output.
    output: String,
    consents: usize,
    settled_at: Option<Moment>,
    /// Whether the caller has a result, and it is the one that its evidence names.
    result: bool,
}

#[derive(Debug, Serialize)]
struct Signer {
    seat: &'static str,
    party: String,
    /// Digest of the signed evidence.
    evidence: String,
}

impl CheckedRun {
    async fn new(vault: &Vault, dossier: &Dossier, proven: &ProvenRun) -> Result<Self> {
        let ProvenRun { agreed, evidence, consents, result } = proven;
        let mut signed_by = Vec::with_capacity(evidence.len());
        for one in evidence {
            let party = vault.party(&one.party.to_string()).await?.handle.to_string();
            signed_by.push(Signer { seat: one.seat.as_str(), party, evidence: one.digest().to_string() });
        }
        let settled = evidence.iter().map(|one| one.settled_at).max();
        Ok(Self {
            job: dossier.spec.job.to_string(),
            technique: dossier.spec.technique.to_string(),
            signed_by,
            architecture: agreed.proof.architecture.to_string(),
            weights: agreed.run.weights.to_string(),
            transcript: agreed.run.transcript.to_string(),
            bundle: agreed.proof.bundle.iter().map(|byte| format!("{byte:02x}")).collect(),
            output: dossier.program.output.to_string(),
            consents: consents.len(),
            settled_at: settled.map(Moment::from),
            result: *result,
        })
    }
}

impl fmt::Display for CheckedRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut good = |text: &str| writeln!(f, "{GOOD}✓{GOOD:#} {text}");
        let id = &self.job[..items::SHORT];
        let signers: Vec<String> =
            self.signed_by.iter().map(|one| format!("{} ({})", printable(&one.party), one.seat)).collect();
        let at = self.settled_at.map_or_else(String::new, |at| format!(" at {at}"));
        good(&format!("evidence of run {id}, signed by {}{at}", signers.join(", ")))?;
        good(&format!("under the consents of all {} seats, to one plan", self.consents))?;
        good(&format!("both say the same of every message: transcript {}", &self.transcript[..DIGITS]))?;
        good(&format!(
            "architecture {}, weights {}, told of the output: {}",
            &self.architecture[..DIGITS],
            &self.weights[..DIGITS],
            self.output
        ))?;
        if self.result {
            good("your result is the one that your evidence names")?;
        }
        write!(
            f,
            "{QUIET}that each brought the weights and the input that they had agreed on rests on their word{QUIET:#}"
        )
    }
}

/// Digits of a digest that are shown.
const DIGITS: usize = 16;
