//! `cowl pdf-text`, which nobody types: reads one PDF file from somebody else, in a process that may fail.
//!
//! A PDF file of a few kilobytes can unpack to gigabytes, or make its reader loop. So `cowl` reads such files
//! by starting itself with little memory, little time and no way to write files.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::Command;

use cowl_domain::{Kind, TextExtractor};
use cowl_vault::text::{Extractors, ReaderProgram};
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::failure::{Failure, Result};

/// From now on this process has PDF files read by another one. Where its own program cannot be found, they
/// are not read at all.
pub(crate) fn read_contained() {
    if let Ok(program) = std::env::current_exe() {
        ReaderProgram::new(program, ["pdf-text"]).use_in_process();
    }
}

/// Begins this process anew with little of everything, to [`print`]. The limits come first: an allocator that has
/// begun may have taken more address space than they leave.
///
/// # Errors
/// When the limits cannot be set, or this program cannot be started again.
pub(crate) fn print_limited() -> Result<()> {
    for (resource, most) in [(Resource::As, MEMORY), (Resource::Cpu, SECONDS), (Resource::Fsize, 0)] {
        let limit = Rlimit { current: Some(most), maximum: Some(most) };
        setrlimit(resource, limit).map_err(|error| Failure::Stream(error.into()))?;
    }
    let program = std::env::current_exe()?;
    Err(Failure::Stream(Command::new(program).args(["pdf-text", "--limited"]).exec()))
}

/// Prints the text of the file on stdin.
///
/// # Errors
/// When the file is no readable PDF file. Beyond its limits the process is killed.
pub(crate) fn print() -> Result<()> {
    let mut content = Vec::new();
    std::io::stdin().lock().read_to_end(&mut content)?;
    let text = Extractors::default().extract(Kind::Pdf, "", &content);
    let text = text.map_err(|error| Failure::no(error.to_string()))?;
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}

/// Bytes of address space; files of up to 32 MiB are read.
const MEMORY: u64 = 768 << 20;
/// Of processor time.
const SECONDS: u64 = 20;
