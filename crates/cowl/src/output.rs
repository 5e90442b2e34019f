//! What goes out: data to stdout, everything else to stderr.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cowl_vault::{Progress, Silent};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::columns::printable;
use crate::failure::{Failure, Result};
use crate::style::{BAD, HEAD};

/// How results are shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
    quiet: bool,
    bars: bool,
}

impl Output {
    /// Bars appear only where somebody can see them.
    pub(crate) fn new(json: bool, quiet: bool, bars: bool) -> Self {
        Self { json, quiet, bars: bars && !json && !quiet && io::stderr().is_terminal() }
    }

    /// Whether a program reads along.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// Prints the result of a command: its text, or one line of JSON.
    pub(crate) fn data<T: Serialize + Display>(self, data: &T) -> Result<()> {
        let mut stdout = anstream::stdout().lock();
        if self.json {
            serde_json::to_writer(&mut stdout, data).map_err(io::Error::from)?;
            writeln!(stdout)?;
        } else {
            let text = data.to_string();
            if !text.is_empty() {
                writeln!(stdout, "{text}")?;
            }
        }
        Ok(stdout.flush()?)
    }

    /// Prints one of many results as a line of JSON.
    pub(crate) fn line(self, data: &impl Serialize) -> Result<()> {
        let mut stdout = anstream::stdout().lock();
        serde_json::to_writer(&mut stdout, data).map_err(io::Error::from)?;
        Ok(writeln!(stdout)?)
    }

    /// Prints a part of a result for people.
    pub(crate) fn text(self, text: &impl Display) -> Result<()> {
        Ok(writeln!(anstream::stdout().lock(), "{text}")?)
    }

    /// Says something beside the result. Nothing hangs on whether it is read.
    pub(crate) fn note(self, text: impl Display) {
        if !self.quiet && !self.json {
            let _ = writeln!(anstream::stderr(), "{text}");
        }
    }

    /// Says something that has to be known, even by those who want results and errors only.
    pub(crate) fn warn(self, text: impl Display) {
        let _ = writeln!(anstream::stderr(), "{BAD}warning{BAD:#} {text}");
    }

    /// A bar, or nothing where nobody looks.
    pub(crate) fn progress(self) -> Box<dyn Progress> {
        if self.bars { Box::new(Bar::default()) } else { Box::new(Silent) }
    }
}

/// Prints why the command failed: as text, or as one line of JSON. When stderr is gone there is nobody to tell.
pub(crate) fn report(failure: &Failure, json: bool) {
    let (error, hint) = (failure.to_string(), failure.hint());
    if json {
        return complain(&error, hint.as_deref());
    }
    let mut stderr = anstream::stderr();
    let _ = writeln!(stderr, "{BAD}error{BAD:#}: {}", printable(&error));
    if let Some(hint) = hint {
        let _ = writeln!(stderr, "{HEAD}hint{HEAD:#}: {}", printable(&hint));
    }
}

/// Prints what is wrong with the command line, or the help that was asked for, and ends the program.
pub(crate) fn report_arguments(error: &clap::Error, json: bool) -> ! {
    if !json || !error.use_stderr() {
        error.exit();
    }
    let text = error.to_string();
    let (what, hint) = text.trim_end().split_once("\n\n").unwrap_or((text.trim_end(), ""));
    let what = what.strip_prefix("error: ").unwrap_or(what);
    complain(what, Some(hint).filter(|hint| !hint.is_empty()));
    std::process::exit(error.exit_code());
}

fn complain(error: &str, hint: Option<&str>) {
    #[derive(Serialize)]
    struct Complaint<'a> {
        error: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        hint: Option<&'a str>,
    }
    let text = serde_json::to_string(&Complaint { error, hint }).expect("two texts are always JSON");
    let _ = writeln!(io::stderr(), "{text}");
}

/// One bar at a time; the latest piece of work has it.
#[derive(Default)]
struct Bar(Mutex<Option<ProgressBar>>);

impl Bar {
    fn with(&self, act: impl FnOnce(&mut Option<ProgressBar>)) {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Work that fails does not say that it has ended.
impl Drop for Bar {
    fn drop(&mut self) {
        self.end();
    }
}

impl Progress for Bar {
    fn begin(&self, what: &str, bytes: u64) {
        let bar = ProgressBar::with_draw_target((bytes > 0).then_some(bytes), ProgressDrawTarget::stderr());
        bar.set_style(if bytes > 0 { style(WITH_END) } else { style(WITHOUT_END) });
        bar.set_message(printable(what));
        bar.enable_steady_tick(Duration::from_millis(120));
        self.with(|slot| {
            if let Some(before) = slot.replace(bar) {
                before.finish_and_clear();
            }
        });
    }

    fn advance(&self, bytes: u64) {
        self.with(|slot| slot.iter().for_each(|bar| bar.inc(bytes)));
    }

    fn end(&self) {
        self.with(|slot| slot.take().iter().for_each(ProgressBar::finish_and_clear));
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates below are sound").progress_chars("━╸─")
}

const WITH_END: &str = "  {msg:.dim} {bar:32.green} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec:.dim} {eta:.dim}";
const WITHOUT_END: &str = "  {spinner:.green} {msg:.dim} {decimal_bytes:.dim}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_of_the_bars_are_sound() {
        for template in [WITH_END, WITHOUT_END] {
            let _ = style(template);
        }
    }
}
