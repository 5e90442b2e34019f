//! `cowl agent …`

use std::fmt;
use std::sync::Arc;

use cowl_api::client::{JobFilter, JobRole};
use cowl_domain::JobState;
use cowl_vault::job::JobInfo;
use cowl_vault::{Progress, Vault};
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::{Context, Rekeyed, items};
use crate::args::{AgentCommand, RunArguments};
use crate::columns::printable;
use crate::failure::{Failure, Result};
use crate::style::BAD;
use crate::tables::answering::{self, Answered};
use crate::tables::desk::OpenedTables;
use crate::{block_on, keeper, session};

pub(super) fn run(context: &Context, command: AgentCommand) -> Result<()> {
    match command {
        AgentCommand::Run(arguments) => block_on(work(context, &arguments)),
        AgentCommand::Hold(arguments) => keeper::hold::run(&context.settings.profile, arguments.lock_after),
    }
}

/// Does pending work until SIGTERM or Ctrl-C, which let the step that is under way come to its end. A second
/// one does not: what it cuts is resumed by the next run.
async fn work(context: &Context, arguments: &RunArguments) -> Result<()> {
    let vault = Arc::new(session::unlock(context).await?);
    let stop = Stop::at_signals()?;
    if !arguments.once {
        context.output.note(format_args!("working for {}; stop with Ctrl-C", vault.me().handle));
    }
    let agent = Agent { context, vault, jobs: !arguments.no_jobs, opened: Arc::default() };
    tokio::select! {
        outcome = agent.look_again_and_again(arguments, &stop) => outcome,
        () = stop.wanted_times(2) => Err(Failure::no("stopped in the middle; the next run resumes the work")),
    }
}

/// What works for a party without a person.
struct Agent<'a> {
    context: &'a Context,
    vault: Arc<Vault>,
    /// Whether jobs are answered, too.
    jobs: bool,
    opened: Arc<OpenedTables>,
}

impl Agent<'_> {
    async fn look_again_and_again(&self, arguments: &RunArguments, stop: &Stop) -> Result<()> {
        while !stop.is_wanted() {
            match self.look(arguments.once, stop).await {
                Err(failure) if failure.may_pass() && !arguments.once => {
                    self.context.output.note(format_args!("{failure}; trying again later"));
                }
                outcome => outcome?,
            }
            if arguments.once {
                break;
            }
            tokio::select! {
                () = tokio::time::sleep(arguments.every) => {}
                () = stop.wanted_times(1) => {}
            }
        }
        Ok(())
    }

    async fn look(&self, tell_of_nothing: bool, stop: &Stop) -> Result<()> {
        let pending = self.vault.pending().await? > 0;
        let rekeyed = if pending || tell_of_nothing {
            let progress = Stoppable { shown: self.context.output.progress(), stop };
            Some(session::work(self.context, &self.vault, &progress).await?)
        } else {
            None
        };
        let jobs = if self.jobs { self.answer(stop).await? } else { Vec::new() };
        match rekeyed.is_some() || !jobs.is_empty() {
            true => self.context.output.data(&Looked { rekeyed, jobs }),
            false => Ok(()),
        }
    }

    /// Answers the jobs that wait, one after the other. What is wrong with one does not keep back the next.
    async fn answer(&self, stop: &Stop) -> Result<Vec<LookedJob>> {
        self.vault.settle_kept().await?;
        let mut looked = Vec::new();
        for job in &self.open_jobs().await? {
            if stop.is_wanted() {
                break;
            }
            match answering::answer_with(&self.vault, &job.job, &self.opened).await {
                Ok(answered) => looked.push(LookedJob::Answered(answered)),
                Err(failure) if failure.may_pass() => return Err(failure),
                Err(failure) => {
                    let (job, asker) = (job.job.to_string(), job.asker.to_string());
                    looked.push(LookedJob::NotAnswered { job, asker, reason: failure.to_string() });
                }
            }
        }
        Ok(looked)
    }

    /// The jobs that wait for this party, and not all that ever did. The latest state is asked for first, so that a
    /// job that another device takes further meanwhile is not listed twice.
    async fn open_jobs(&self) -> Result<Vec<JobInfo>> {
        let mut open = Vec::new();
        for state in JobState::ALL.iter().rev().copied().filter(|state| state.is_open()) {
            let (role, state) = (Some(JobRole::Opener), Some(state));
            open.extend(self.vault.jobs(&JobFilter { role, state, ..JobFilter::default() }).await?);
        }
        open.retain(|job| job.state.is_open());
        Ok(open)
    }
}

/// What one look found and did.
#[derive(Debug, Serialize)]
struct Looked {
    #[serde(flatten)]
    rekeyed: Option<Rekeyed>,
    jobs: Vec<LookedJob>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
enum LookedJob {
    Answered(Answered),
    NotAnswered { job: String, asker: String, reason: String },
}

impl fmt::Display for Looked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut gap = "";
        if let Some(rekeyed) = &self.rekeyed {
            write!(f, "{rekeyed}")?;
            gap = "\n";
        }
        for job in &self.jobs {
            write!(f, "{gap}{job}")?;
            gap = "\n";
        }
        Ok(())
    }
}

impl fmt::Display for LookedJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered(answered) => answered.fmt(f),
            Self::NotAnswered { job, asker, reason } => {
                let id = &job[..items::SHORT];
                write!(f, "{BAD}✗{BAD:#} job {id} of {asker}: {}", printable(reason))
            }
        }
    }
}

/// How often somebody has wanted the work to end.
struct Stop(watch::Receiver<u32>);

impl Stop {
    fn at_signals() -> Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let (sender, receiver) = watch::channel(0);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                sender.send_modify(|signals| *signals += 1);
            }
        });
        Ok(Self(receiver))
    }

    fn is_wanted(&self) -> bool {
        *self.0.borrow() > 0
    }

    async fn wanted_times(&self, times: u32) {
        let wanted = self.0.clone().wait_for(|signals| *signals >= times).await.is_ok();
        if !wanted {
            // Nobody listens to signals any more: the program is ending.
            std::future::pending::<()>().await;
        }
    }
}

/// Progress of work that ends at its next whole step when that is wanted.
struct Stoppable<'a> {
    shown: Box<dyn Progress>,
    stop: &'a Stop,
}

impl Progress for Stoppable<'_> {
    fn begin(&self, what: &str, bytes: u64) {
        self.shown.begin(what, bytes);
    }

    fn advance(&self, bytes: u64) {
        self.shown.advance(bytes);
    }

    fn end(&self) {
        self.shown.end();
    }

    fn goes_on(&self) -> bool {
        !self.stop.is_wanted()
    }
}
