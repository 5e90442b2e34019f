//! A question on its way: what it will show to whom, consent, the wait, the answer.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cowl_crypto::id::random_bytes;
use cowl_domain::{JobId, JobState, Power};
use cowl_job::JobSpec;
use cowl_query::{Program, SCORES};
use cowl_tables::result::QueryResult;
use cowl_vault::Vault;
use cowl_vault::job::JobInfo;
use serde::Serialize;

use super::catalog::{KnownTable, Names, grants_for};
use super::evidence::Proven;
use super::figures::Figures;
use super::learns::{AskedTable, Learns};
use super::paper::{self, Paper};
use super::{answering, evidence, output, residuals};
use crate::args::{AskingArguments, ResultArguments};
use crate::commands::{Context, SHORT};
use crate::failure::{Failure, Result};
use crate::secret_input;
use crate::style::{COMMAND, QUIET};

/// Asks, once the person has seen who learns what, and waits for the answer.
///
/// # Errors
/// A question that nobody has granted; a no of the person, the cloud or the owner.
pub(crate) async fn ask(
    context: &Context,
    vault: &Arc<Vault>,
    names: &Names<'_>,
    program: impl Into<Program>,
    arguments: &AskingArguments,
) -> Result<()> {
    output::check(&arguments.output)?;
    let prepared = Prepared::new(vault, names, program)?;
    confirm(context, &prepared.learns)?;
    let asked = prepared.put(vault).await?;
    if prepared.mine {
        answering::answer(context, vault, &asked.job).await?;
    } else if arguments.detach {
        return context.output.data(&Asked::from(&asked));
    }
    let settled = settled_with(vault, wait(context, vault, &asked, arguments.wait).await?)?;
    let about = About { program: &prepared.program, tables: &prepared.tables, learns: &prepared.learns };
    deliver(context, vault, &settled, Some(about), &arguments.output).await
}

/// A question that can be put, and what it will show to whom.
pub(crate) struct Prepared<'a> {
    program: Program,
    tables: Vec<&'a KnownTable>,
    spec: JobSpec,
    learns: Learns,
    /// Whether the asker is the owner.
    mine: bool,
}

impl<'a> Prepared<'a> {
    /// Of a program that was checked against these tables.
    ///
    /// # Errors
    /// A table without a grant; tables of several owners.
    pub(crate) fn new(vault: &Vault, names: &Names<'a>, program: impl Into<Program>) -> Result<Self> {
        let mut program = program.into();
        let tables = names.anonymise(program.tables_mut());
        let (spec, minimum) = specify(vault, &program, &tables)?;
        let learns = learns(vault, &program, &tables, minimum);
        let mine = tables.iter().all(|table| table.mine);
        Ok(Self { program, tables, spec, learns, mine })
    }

    /// Puts it before the owner.
    ///
    /// # Errors
    /// What the cloud refuses.
    pub(crate) async fn put(&self, vault: &Vault) -> Result<JobInfo> {
        Ok(vault.ask(&self.spec, self.program.to_bytes()).await?)
    }
}

fn learns(vault: &Vault, program: &Program, tables: &[&KnownTable], minimum: u32) -> Learns {
    let asked: Vec<AskedTable<'_>> = tables.iter().map(|table| table.asked()).collect();
    let owner = tables.first().map_or_else(String::new, |table| table.info.owner.to_string());
    Learns::new(program, &asked, vault.me().handle.as_str(), &owner, minimum)
}

fn confirm(context: &Context, learns: &Learns) -> Result<()> {
    context.output.note(learns);
    if context.settings.yes {
        return Ok(());
    }
    match secret_input::confirm("Ask?") {
        Some(true) => Ok(()),
        Some(false) => Err(Failure::no("nothing was asked")),
        None => Err(Failure::no("nobody has said yes to what the question shows to whom")
            .with_hint("give the same command --yes")),
    }
}

/// The job, and the fewest rows that its figures may be about.
fn specify(vault: &Vault, program: &Program, tables: &[&KnownTable]) -> Result<(JobSpec, u32)> {
    let owners: std::collections::BTreeSet<_> = tables.iter().map(|table| table.info.item.owner).collect();
    if owners.len() > 1 {
        return Err(Failure::usage(
            "one question is about tables of one owner, who alone can open its answer",
        ));
    }
    let technique = program.technique();
    let (grants, minimum) = grants_for(tables, technique)?;
    if technique == SCORES && minimum > 1 {
        let text = format!("a score is of one row, and your grant is for figures of {minimum} rows or more");
        return Err(
            Failure::no(text).with_hint("averages over groups are allowed: cowl table query 'SELECT …'")
        );
    }
    let spec = JobSpec {
        job: JobId::from_bytes(random_bytes()),
        technique: technique.parse().map_err(|error| Failure::usage(format!("{error}")))?,
        program: program.digest(),
        power: Power::Compute,
        items: tables.iter().map(|table| table.info.item.clone()).collect(),
        grants,
        receivers: vec![vault.party_id()],
    };
    Ok((spec, minimum))
}

/// Waits until a job has come to its end.
async fn wait(context: &Context, vault: &Vault, asked: &JobInfo, most: Duration) -> Result<JobInfo> {
    let (begun, progress) = (Instant::now(), context.output.progress());
    progress.begin(&format!("waiting for {}", asked.owner), 0);
    let mut pause = FIRST_PAUSE;
    loop {
        let job = vault.job(&asked.job).await?;
        if !job.state.is_open() {
            progress.end();
            return Ok(job);
        }
        if begun.elapsed() >= most {
            progress.end();
            let id = &asked.job.to_string()[..SHORT];
            return Err(Failure::no(format!("{} has not answered yet", asked.owner))
                .with_hint(format!("the question stays open; look later: cowl job show {id}")));
        }
        tokio::time::sleep(pause.min(most.saturating_sub(begun.elapsed()))).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// A settled job with its result.
pub(crate) struct SettledJob {
    pub(crate) job: JobInfo,
    pub(crate) result: QueryResult,
    pub(crate) proven: Proven,
}

/// The result of a job that has come to its end, once its evidence says that it is its owner's.
///
/// # Errors
/// A refusal; a failure; a result that the evidence does not name.
pub(crate) fn settled_with(vault: &Vault, job: JobInfo) -> Result<SettledJob> {
    let said = |text: &str| Failure::no(format!("{} {text}", job.owner));
    match job.state {
        JobState::Settled => {
            let (result, proven) = evidence::checked_result(vault, &job)?;
            Ok(SettledJob { job, result, proven })
        }
        JobState::Refused => match &job.refusal {
            Some(words) => Err(said(&format!("refused: {words}"))),
            None => Err(said("refused the question")),
        },
        JobState::Failed => {
            let why = job.failure.as_deref().unwrap_or("what it needs is no longer there");
            Err(Failure::no(format!("the question came to nothing: {why}")).with_hint("ask again"))
        }
        JobState::Withdrawn => Err(Failure::no("the question was taken back")),
        JobState::Planned | JobState::Consented | JobState::Running => Err(said("has not answered yet")),
    }
}

/// What a result is about, as its receiver knows it.
pub(crate) struct About<'a> {
    pub(crate) program: &'a Program,
    pub(crate) tables: &'a [&'a KnownTable],
    pub(crate) learns: &'a Learns,
}

/// Prints or writes a result.
///
/// # Errors
/// When it cannot be written.
pub(crate) async fn deliver(
    context: &Context,
    vault: &Vault,
    settled: &SettledJob,
    about: Option<About<'_>>,
    arguments: &ResultArguments,
) -> Result<()> {
    let SettledJob { job, result, proven } = settled;
    let written = output::write(result, arguments)?;
    let learns = about.as_ref().map(|about| about.learns);
    let residuals = match &about {
        Some(About { program, tables, .. }) if arguments.wants_pictures() => {
            residuals::of_own_rows(vault, program, tables, result).await?
        }
        _ => Vec::new(),
    };
    paper::write(&Paper { result, job, learns, proven, residuals: &residuals }, arguments)?;
    let to_stdout = arguments.output.as_deref().is_some_and(secret_input::is_stdin);
    if to_stdout {
        return Ok(());
    }
    context.output.data(&Answer { job: job.job.to_string(), result, written })
}

/// A question that waits for its answer.
#[derive(Debug, Serialize)]
struct Asked {
    job: String,
    owner: String,
    state: &'static str,
}

impl From<&JobInfo> for Asked {
    fn from(job: &JobInfo) -> Self {
        Self { job: job.job.to_string(), owner: job.owner.to_string(), state: job.state.as_str() }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = &self.job[..SHORT];
        write!(f, "asked {}; look for the answer: {COMMAND}cowl job show {id}{COMMAND:#}", self.owner)
    }
}

/// A result with its job.
#[derive(Serialize)]
struct Answer<'a> {
    job: String,
    result: &'a QueryResult,
    #[serde(skip)]
    written: bool,
}

impl fmt::Display for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.written {
            writeln!(f, "{}", Figures(self.result))?;
        }
        write!(
            f,
            "{QUIET}job {}; check it: cowl evidence verify {}{QUIET:#}",
            &self.job[..SHORT],
            &self.job[..SHORT]
        )
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
