//! `cowl job …`

mod runs;

use std::fmt;
use std::sync::Arc;

use cowl_api::client::JobFilter;
use cowl_domain::JobState;
use cowl_tables::QueryResult;
use cowl_vault::Vault;
use cowl_vault::job::JobInfo;
use runs::ShownRun;
use serde::Serialize;

use super::{Context, items};
use crate::args::{JobCommand, ShowJobArguments};
use crate::columns::{Columns, printable};
use crate::failure::{Failure, Result};
use crate::models::dossier;
use crate::moment::Moment;
use crate::session;
use crate::style::{COMMAND, GOOD};
use crate::tables::asking::About;
use crate::tables::catalog;
use crate::tables::learns::Learns;
use crate::tables::question::Question;
use crate::tables::{answering, asking};

pub(super) async fn run(context: &Context, command: JobCommand) -> Result<()> {
    match command {
        JobCommand::List { waiting } => list(context, waiting).await,
        JobCommand::Show(arguments) => show(context, &arguments).await,
        JobCommand::Approve { job } => approve(context, &job).await,
        JobCommand::Deny { job, reason } => deny(context, &job, &reason).await,
        JobCommand::Withdraw { job } => withdraw(context, &job).await,
    }
}

async fn list(context: &Context, waiting: bool) -> Result<()> {
    let vault = session::unlock(context).await?;
    let tables = catalog::known_tables(&vault).await?;
    let me = vault.me().handle;
    let jobs = vault.jobs(&JobFilter::default()).await?;
    let waits = |job: &&JobInfo| !waiting || job.owner == me && job.state == JobState::Planned;
    let mut rows: Vec<JobRow> = jobs
        .iter()
        .filter(waits)
        .map(|job| JobRow::new(job, Question::read(job, &tables).ok().as_ref()))
        .collect();
    if !waiting {
        rows.extend(runs::rows(&vault).await?);
    }
    context.output.data(&JobList { jobs: rows })
}

async fn show(context: &Context, arguments: &ShowJobArguments) -> Result<()> {
    let vault = session::unlock(context).await?;
    if let Some(dossier) = dossier::find(&vault, &arguments.job)? {
        return context.output.data(&ShownRun::new(&vault, &dossier).await?);
    }
    let found = vault.find_job(&arguments.job).await?;
    let job = vault.job(&found.job).await?;
    let tables = catalog::known_tables(&vault).await?;
    let question = Question::read(&job, &tables).ok();
    let mut shown = ShownJob::new(&job, question.as_ref());
    if job.asker_id() != vault.party_id() || job.state != JobState::Settled {
        return context.output.data(&shown);
    }
    let learns = question.as_ref().map(|question| question.learns(&job));
    let settled = asking::settled_with(&vault, job)?;
    let wants_files = arguments.output.wants_files();
    if context.output.is_json() && !wants_files {
        shown.result = Some(settled.result);
        return context.output.data(&shown);
    }
    if !wants_files {
        context.output.data(&shown)?;
        context.output.text(&"")?;
    }
    let about = question.as_ref().zip(learns.as_ref());
    let about = about.map(|(it, learns)| About { program: &it.program, tables: &it.tables, learns });
    asking::deliver(context, &vault, &settled, about, &arguments.output).await
}

async fn approve(context: &Context, text: &str) -> Result<()> {
    let vault = Arc::new(session::unlock(context).await?);
    let job = to_answer(&vault, text).await?;
    let answered = answering::answer(context, &vault, &job.job).await?;
    context.output.data(&answered)
}

async fn deny(context: &Context, text: &str, reason: &str) -> Result<()> {
    let vault = session::unlock(context).await?;
    let job = to_answer(&vault, text).await?;
    vault.refuse_job(&job, reason).await?;
    context.output.data(&Ended { job: job.job.to_string(), state: "refused" })
}

async fn withdraw(context: &Context, text: &str) -> Result<()> {
    let vault = session::unlock(context).await?;
    let job = vault.find_job(text).await?;
    if job.asker_id() != vault.party_id() {
        return Err(Failure::usage(format!("this job is {}'s to take back", job.asker))
            .with_hint("refuse it: cowl job deny JOB"));
    }
    vault.withdraw_job(&job.job).await?;
    context.output.data(&Ended { job: job.job.to_string(), state: "withdrawn" })
}

/// A job that is the caller's to answer.
async fn to_answer(vault: &Vault, text: &str) -> Result<JobInfo> {
    let job = vault.find_job(text).await?;
    if job.owner != vault.me().handle {
        return Err(Failure::usage(format!("this job is {}'s to answer", job.owner)));
    }
    if job.state.is_open() { Ok(job) } else { Err(Failure::no(format!("the job is {} already", job.state))) }
}

/// A job as it is printed.
#[derive(Debug, Serialize)]
struct JobRow {
    job: String,
    /// `planned`, `consented`, `running`, `settled`, `refused`, `failed` or `withdrawn`.
    state: &'static str,
    asker: String,
    owner: String,
    /// In SQL; absent when its tables are no longer there for the caller.
    question: Option<String>,
    asked_at: Moment,
    changed_at: Moment,
}

impl JobRow {
    fn new(job: &JobInfo, question: Option<&Question<'_>>) -> Self {
        Self {
            job: job.job.to_string(),
            state: job.state.as_str(),
            asker: job.asker.to_string(),
            owner: job.owner.to_string(),
            question: question.map(Question::in_words),
            asked_at: job.asked_at.into(),
            changed_at: job.changed_at.into(),
        }
    }
}

#[derive(Debug, Serialize)]
struct JobList {
    jobs: Vec<JobRow>,
}

impl fmt::Display for JobList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.jobs.is_empty() {
            return write!(f, "no jobs; ask something: {COMMAND}cowl table query 'SELECT …'{COMMAND:#}");
        }
        let mut table = Columns::new(["job", "state", "asked by", "of", "asked", "question"]);
        for job in &self.jobs {
            table.row([
                job.job[..items::SHORT].to_owned(),
                job.state.to_owned(),
                job.asker.clone(),
                job.owner.clone(),
                job.asked_at.to_string(),
                job.question.clone().unwrap_or_else(|| "–".to_owned()),
            ]);
        }
        table.fmt(f)
    }
}

/// All about one job.
#[derive(Debug, Serialize)]
struct ShownJob {
    #[serde(flatten)]
    row: JobRow,
    /// Who learns what; absent when its tables are no longer there for the caller.
    learns: Option<Learns>,
    /// Why it was refused, for its asker.
    refusal: Option<String>,
    /// Why it came to nothing.
    failure: Option<String>,
    consented: bool,
    evidence: bool,
    /// The figures, for their asker.
    result: Option<QueryResult>,
}

impl ShownJob {
    fn new(job: &JobInfo, question: Option<&Question<'_>>) -> Self {
        Self {
            row: JobRow::new(job, question),
            learns: question.map(|question| question.learns(job)),
            refusal: job.refusal.clone(),
            failure: job.failure.clone(),
            consented: job.consent.is_some(),
            evidence: job.evidence.is_some(),
            result: None,
        }
    }
}

impl fmt::Display for ShownJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let JobRow { job, state, asker, owner, asked_at, changed_at, .. } = &self.row;
        writeln!(f, "job       {job}")?;
        writeln!(f, "from      {asker} to {owner}, {asked_at}")?;
        writeln!(f, "state     {state} since {changed_at}")?;
        for (name, text) in [("refused", &self.refusal), ("failed", &self.failure)] {
            text.iter().try_for_each(|text| writeln!(f, "{name:<9} {}", printable(text)))?;
        }
        match &self.learns {
            Some(learns) => write!(f, "{learns}"),
            None => write!(f, "question  about tables that are no longer there for you"),
        }
    }
}

/// `cowl job deny` and `cowl job withdraw`
#[derive(Debug, Serialize)]
struct Ended {
    job: String,
    state: &'static str,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{GOOD}✓{GOOD:#} job {} is {}", &self.job[..items::SHORT], self.state)
    }
}
