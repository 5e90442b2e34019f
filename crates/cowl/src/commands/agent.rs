//! `cowl agent …`

use cowl_api::ProblemCode;
use cowl_vault::{Vault, VaultError};
use tokio::signal::unix::{SignalKind, signal};

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

/// Looks for pending work until SIGTERM or Ctrl-C; what a signal cuts is resumed the next time.
async fn work(context: &Context, arguments: &RunArguments) -> Result<()> {
    let vault = session::unlock(context).await?;
    if arguments.once {
        return context.output.data(&session::work(context, &vault).await?);
    }
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    context.output.note(format_args!("working for {}; stop with Ctrl-C", vault.me().handle));
    tokio::select! {
        outcome = look_again_and_again(context, &vault, arguments) => outcome,
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}

async fn look_again_and_again(context: &Context, vault: &Vault, arguments: &RunArguments) -> Result<()> {
    let mut clock = tokio::time::interval(arguments.every);
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        match look(context, vault).await {
            Err(Failure::Vault(error)) if may_pass(&error) => context.output.note(error),
            outcome => outcome?,
        }
    }
}

/// The cloud may be back the next time, and another device of the party may have been faster this time.
fn may_pass(error: &VaultError) -> bool {
    use ProblemCode::{Conflict, TooManyRequests, Unavailable};
    match error {
        VaultError::Unreachable(_) => true,
        VaultError::Refused(problem) => matches!(problem.code, Conflict | TooManyRequests | Unavailable),
        _ => false,
    }
}

async fn look(context: &Context, vault: &Vault) -> Result<()> {
    if vault.pending().await? == 0 {
        return Ok(());
    }
    context.output.data(&session::work(context, vault).await?)
}
