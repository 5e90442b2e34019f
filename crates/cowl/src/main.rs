//! `cowl`: health records sealed at home, kept in a cloud that cannot read them.
//!
//! [`args`] says what may be typed, [`settings`] resolves it, [`commands`] has one function a verb, each of
//! which makes one call or a few to `cowl-vault` and hands one value to [`output`]. [`inputs`] makes inputs of
//! models from files, [`keeper`] keeps a device unlocked, [`sealing`] serves single files without a server,
//! [`demo`] tells the whole story once, [`bench`] measures, [`report`] puts results on a page, [`infer`] is the
//! three roles of secure inference.

mod args;
mod bench;
mod columns;
mod commands;
mod demo;
mod failure;
mod harden;
mod hidden_line;
mod infer;
mod inputs;
mod keeper;
mod models;
mod moment;
mod output;
mod pdf_text;
mod report;
mod sealing;
mod secret_input;
mod session;
mod settings;
mod sink;
mod size;
mod style;
mod tables;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Arguments;
use crate::commands::Context;
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::settings::{Settings, Surroundings};

/// Keeps the memory of one large item for the next; the system's gives it back and faults it in again.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    harden::forbid_core_dumps();
    // Asked of the bare words first: what cannot be parsed is answered in JSON too.
    let json = std::env::args_os().any(|word| word == "--json");
    let arguments = Arguments::try_parse().unwrap_or_else(|error| output::report_arguments(&error, json));
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if failure.is_broken_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            output::report(&failure, json);
            ExitCode::from(failure.exit_status())
        }
    }
}

fn run(arguments: Arguments) -> Result<()> {
    let Arguments { global, command } = arguments;
    if let args::Command::PdfText { limited } = command {
        return if limited { pdf_text::print() } else { pdf_text::print_limited() };
    }
    pdf_text::read_contained();
    let settings = Settings::resolve(&global, &Surroundings::of_process())?;
    let output = Output::new(global.json, global.quiet, settings.bars);
    commands::run(&Context { settings, output }, command)
}

/// Runs what waits for the network.
fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::Stream)?;
    runtime.block_on(work)
}
