//! The stage: one line a step, a table at the end, or one JSON document.

use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use cowl_vault::Progress;
use serde::Serialize;

use super::input::Input;
use crate::columns::{Columns, printable};
use crate::failure::{Failure, Result};
use crate::moment::Elapsed;
use crate::output::Output;
use crate::size::Size;
use crate::style::{BAD, GOOD, HEAD, QUIET};

/// Where steps are told as they happen.
pub(super) struct Stage {
    output: Output,
    steps: Vec<Step>,
    begun: Instant,
}

/// What a step has to tell.
#[derive(Debug)]
pub(super) struct Told {
    /// In plain words.
    pub(super) text: String,
    /// Whether it is as promised.
    pub(super) good: bool,
    /// How long the act itself took, without the checking around it.
    pub(super) took: Duration,
    /// Bytes that were sealed, opened, or sealed anew.
    pub(super) bytes: Option<u64>,
    /// Bytes of them in the cloud.
    pub(super) stored: Option<u64>,
}

impl Told {
    /// A step without bytes.
    pub(super) fn new(text: impl Into<String>, good: bool, took: Duration) -> Self {
        Self { text: text.into(), good, took, bytes: None, stored: None }
    }

    /// With the bytes that passed.
    pub(super) fn with_bytes(self, bytes: u64, stored: Option<u64>) -> Self {
        Self { bytes: Some(bytes), stored, ..self }
    }
}

/// A step that was told.
#[derive(Debug, Serialize)]
struct Step {
    name: &'static str,
    good: bool,
    text: String,
    millis: f64,
    #[serde(skip)]
    took: Duration,
    bytes: Option<Size>,
    stored: Option<Size>,
}

impl Stage {
    /// Opens the stage with its title.
    pub(super) fn open(output: Output, scratch: bool) -> Self {
        let place = if scratch { "scratch folder removed at the end" } else { "everything is kept" };
        let aside = format!("{} cores · {place}", cores());
        let title = format!("  {HEAD}cowl demo{HEAD:#}");
        let gap = width().saturating_sub("  cowl demo".len() + aside.chars().count());
        output.note(format_args!("{title}{:gap$}{QUIET}{aside}{QUIET:#}", ""));
        Self { output, steps: Vec::new(), begun: Instant::now() }
    }

    /// What shows that a step is under way.
    pub(super) fn progress(&self) -> Box<dyn Progress> {
        self.output.progress()
    }

    /// Tells how a step went. A failure is told as well, and handed back.
    pub(super) fn tell(&mut self, name: &'static str, outcome: Result<Told>) -> Result<()> {
        let (told, failure) = match outcome {
            Ok(told) => (told, None),
            Err(failure) => (Told::new(failure.to_string(), false, Duration::ZERO), Some(failure)),
        };
        let step = Step {
            name,
            good: told.good,
            text: printable(&told.text),
            millis: told.took.as_secs_f64() * 1e3,
            took: told.took,
            bytes: told.bytes.map(Size),
            stored: told.stored.map(Size),
        };
        self.output.note(Line(&step));
        self.steps.push(step);
        failure.map_or(Ok(()), Err)
    }

    /// Prints the account of the whole.
    pub(super) fn close(&self, input: &Input, kept: Option<&Path>) -> Result<()> {
        self.output.data(&Account {
            input: input.name(),
            cores: cores(),
            good: self.is_good(),
            seconds: self.begun.elapsed().as_secs_f64(),
            kept: kept.map(|path| path.display().to_string()),
            steps: &self.steps,
        })
    }

    /// Says no when a step was not as promised.
    pub(super) fn verdict(&self) -> Result<()> {
        let bad: Vec<_> = self.steps.iter().filter(|step| !step.good).map(|step| step.name).collect();
        if bad.is_empty() { Ok(()) } else { Err(Failure::no(format!("not as promised: {}", bad.join(", ")))) }
    }

    fn is_good(&self) -> bool {
        self.steps.iter().all(|step| step.good)
    }
}

/// A step as one line, or a few where the words are many.
struct Line<'a>(&'a Step);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Step { name, good, text, took, .. } = self.0;
        let (sign, style) = if *good { ("✓", GOOD) } else { ("✗", BAD) };
        let room = width().saturating_sub(INDENT + FIGURE).max(20);
        let lines = wrap(text, room);
        let (first, rest) = lines.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
        let figure = Elapsed(*took);
        write!(
            f,
            "  {style}{sign}{style:#} {HEAD}{name:<9}{HEAD:#}  {first:<room$} {QUIET}{figure:>9}{QUIET:#}"
        )?;
        rest.iter().try_for_each(|line| write!(f, "\n{:INDENT$}{line}", ""))
    }
}

/// `cowl demo`
#[derive(Debug, Serialize)]
struct Account<'a> {
    /// `samples`, or the path that was given.
    input: String,
    cores: usize,
    /// Whether every step was as promised.
    good: bool,
    seconds: f64,
    /// Where everything was left.
    kept: Option<String>,
    steps: &'a [Step],
}

impl fmt::Display for Account<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table =
            Columns::new(["step", "content", "in the cloud", "per second", "time"]).right([1, 2, 3, 4]);
        for step in self.steps {
            let size = |size: Option<Size>| size.map_or_else(|| "–".to_owned(), |size| size.to_string());
            table.row([
                step.name.to_owned(),
                size(step.bytes),
                size(step.stored),
                size(step.bytes.and_then(|bytes| per_second(bytes, step.took))),
                Elapsed(step.took).to_string(),
            ]);
        }
        let text = table.to_string().replace('\n', "\n  ");
        write!(f, "\n  {text}\n\n  {QUIET}{:.1} s in all{QUIET:#}", self.seconds)
    }
}

fn per_second(bytes: Size, took: Duration) -> Option<Size> {
    let rate = bytes.0 as f64 / took.as_secs_f64();
    rate.is_finite().then_some(Size(rate as u64))
}

/// Breaks text between words; a longer word has a line of its own.
fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Columns to use: those of the terminal, within what reads well.
fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(std::io::stderr());
    size.map_or(WIDEST, |size| usize::from(size.ws_col)).clamp(NARROWEST, WIDEST)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Columns before a step's words.
const INDENT: usize = 15;
/// Columns of the figure at the right edge and the space before it.
const FIGURE: usize = 10;
const WIDEST: usize = 112;
const NARROWEST: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_one_line_with_its_figure_at_the_right_edge() {
        let step = Step {
            name: "seal",
            good: true,
            text: "23 files".to_owned(),
            millis: 118.0,
            took: Duration::from_millis(118),
            bytes: None,
            stored: None,
        };
        let line = anstream::adapter::strip_str(&Line(&step).to_string()).to_string();
        assert!(line.starts_with("  ✓ seal       23 files "), "{line}");
        assert!(line.ends_with("   118 ms"), "{line}");
        assert_eq!(line.chars().count(), width());
    }

    #[test]
    fn many_words_take_several_lines() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("unbreakable ok", 5), ["unbreakable", "ok"]);
        assert_eq!(wrap("", 5), [""]);
    }

    #[test]
    fn a_step_that_took_no_time_has_no_rate() {
        assert_eq!(per_second(Size(10), Duration::ZERO), None);
        assert_eq!(per_second(Size(10), Duration::from_millis(100)), Some(Size(100)));
    }
}
