//! `cowl evidence …`

use std::fmt;

use serde::Serialize;

use super::{Context, items};
use crate::args::EvidenceCommand;
use crate::failure::Result;
use crate::moment::Moment;
use crate::session;
use crate::size::count;
use crate::style::{GOOD, QUIET};
use crate::tables::evidence::{self, Proven};

pub(super) async fn run(context: &Context, command: EvidenceCommand) -> Result<()> {
    let EvidenceCommand::Verify { job } = command;
    let vault = session::unlock(context).await?;
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
