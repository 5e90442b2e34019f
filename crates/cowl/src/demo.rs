//! `cowl demo`: the whole story once, on this machine, with a real server beside it.
//!
//! A story has a [`stage`] on which each step is one line, a [`cast`], and a [`cloud`].
//! Each step in [`steps`] makes a promise and checks it; the demo fails when one is not kept.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

pub(crate) mod cast;
pub(crate) mod cloud;
mod infer;
mod input;
mod misspelling;
pub(crate) mod packs;
pub(crate) mod samples;
mod stage;
mod steps;
mod tables;

use crate::args::DemoArguments;
use crate::commands::Context;
use crate::failure::{Failure, Result};
use crate::style::{COMMAND, QUIET};
use cast::{INSURER, PATIENT, RADIOLOGIST};
use cloud::Cloud;
use input::Input;
use stage::Stage;

/// Tells the story, and says no when a step is not as promised.
///
/// # Errors
/// A server that does not start; a step that fails; Ctrl-C.
pub(crate) async fn run(context: &Context, arguments: &DemoArguments) -> Result<()> {
    let input = Input::choose(arguments.input.as_deref())?;
    let place = Place::make(arguments.keep.as_deref())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // Dropping the story ends the server, and then the scratch folder goes.
    tokio::select! {
        outcome = Box::pin(tell(context, &input, &place)) => outcome,
        _ = interrupt.recv() => Err(Failure::no("stopped; the server was ended with it")),
        _ = terminate.recv() => Err(Failure::no("stopped; the server was ended with it")),
    }
}

async fn tell(context: &Context, input: &Input, place: &Place) -> Result<()> {
    let mut stage = Stage::open(context.output, place.is_scratch());
    let cloud = Cloud::start(place.path())?;
    let outcome = Box::pin(steps::play(&mut stage, input, &cloud)).await;
    let address = cloud.address().to_owned();
    drop(cloud);
    stage.close(input, place.kept())?;
    outcome?;
    if let Some(folder) = place.kept() {
        invite(context, folder, &address);
    }
    stage.verdict()
}

/// How to look at what was kept.
fn invite(context: &Context, folder: &Path, address: &str) {
    let folder = folder.display();
    let lines = [
        ("the cloud again", format!("cowl-server run --data {folder}/{} --listen {address}", cloud::FOLDER)),
        ("and as the patient", as_party(&folder, PATIENT, "record list")),
        ("the radiologist", as_party(&folder, RADIOLOGIST, "grant list")),
        ("the insurer", as_party(&folder, INSURER, "audit list")),
        ("the hospital", as_party(&folder, tables::HOSPITAL, "table show pn2012")),
        ("the researcher", as_party(&folder, tables::RESEARCHER, "job list")),
        ("the model's owner", as_party(&folder, infer::MAKER, "model list")),
        ("the inference", format!("{folder}/{}", infer::PAGE)),
    ];
    context.output.note("");
    for (who, command) in lines {
        context.output.note(format_args!("  {QUIET}{who:<18}{QUIET:#} {COMMAND}{command}{COMMAND:#}"));
    }
}

fn as_party(folder: &impl std::fmt::Display, name: &str, verb: &str) -> String {
    format!("cowl --profile {folder}/{name} --password-file {folder}/{name}/{} {verb}", cast::PASSWORD_FILE)
}

/// Where everything happens.
enum Place {
    Scratch(TempDir),
    Kept(PathBuf),
}

impl Place {
    fn make(keep: Option<&Path>) -> Result<Self> {
        let Some(path) = keep else {
            return Ok(Self::Scratch(tempfile::Builder::new().prefix("cowl-demo-").tempdir()?));
        };
        std::fs::create_dir_all(path).map_err(|error| Failure::file(path, error))?;
        let mut entries = std::fs::read_dir(path).map_err(|error| Failure::file(path, error))?;
        if entries.next().is_some() {
            return Err(Failure::usage(format!(
                "{}: not empty; the demo begins with an empty folder",
                path.display()
            )));
        }
        let path = path.canonicalize().map_err(|error| Failure::file(path, error))?;
        Ok(Self::Kept(path))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Scratch(folder) => folder.path(),
            Self::Kept(path) => path,
        }
    }

    fn is_scratch(&self) -> bool {
        matches!(self, Self::Scratch(_))
    }

    fn kept(&self) -> Option<&Path> {
        match self {
            Self::Scratch(_) => None,
            Self::Kept(path) => Some(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_something_in_it_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Place::make(Some(folder.path())).is_ok());
        std::fs::write(folder.path().join("mine"), "").unwrap();
        let failure = Place::make(Some(folder.path())).err().unwrap();
        assert_eq!(failure.exit_status(), 2);
    }
}
