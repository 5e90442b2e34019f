//! `cowl agent …`

use cowl_vault::{Progress, Vault};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::Context;
use crate::args::{AgentCommand, RunArguments};
use crate::failure::{Failure, Result};
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
    let vault = session::unlock(context).await?;
    let stop = Stop::at_signals()?;
    if !arguments.once {
        context.output.note(format_args!("working for {}; stop with Ctrl-C", vault.me().handle));
    }
    tokio::select! {
        outcome = look_again_and_again(context, &vault, arguments, &stop) => outcome,
        () = stop.wanted_times(2) => Err(Failure::no("stopped in the middle; the next run resumes the work")),
    }
}

async fn look_again_and_again(
    context: &Context,
    vault: &Vault,
    arguments: &RunArguments,
    stop: &Stop,
) -> Result<()> {
    while !stop.is_wanted() {
        match look(context, vault, arguments.once, stop).await {
            Err(failure) if failure.may_pass() && !arguments.once => {
                context.output.note(format_args!("{failure}; trying again later"));
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

async fn look(context: &Context, vault: &Vault, tell_of_nothing: bool, stop: &Stop) -> Result<()> {
    if !tell_of_nothing && vault.pending().await? == 0 {
        return Ok(());
    }
    let progress = Stoppable { shown: context.output.progress(), stop };
    context.output.data(&session::work(context, vault, &progress).await?)
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
