//! How the tests went: counts, names and reasons.

use std::fmt;

mod libtest;

/// What was counted so far.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    passed: usize,
    failed: Vec<Outcome>,
    skipped: Vec<Outcome>,
    /// Whether a test program has told its result.
    has_results: bool,
}

/// A test that did not pass, and why.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    test: String,
    why: String,
}

impl Tally {
    /// What a test program called `program` printed under `--show-output`.
    pub(crate) fn parse(program: &str, output: &str) -> Self {
        libtest::parse(program, output)
    }

    pub(crate) fn pass(&mut self) {
        self.passed += 1;
    }

    pub(crate) fn fail(&mut self, test: &str, why: String) {
        self.failed.push(Outcome { test: test.into(), why });
    }

    fn skip(&mut self, test: &str, why: &str) {
        self.skipped.push(Outcome { test: test.into(), why: why.into() });
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed.extend(other.failed);
        self.skipped.extend(other.skipped);
        self.has_results |= other.has_results;
    }

    pub(crate) fn is_green(&self) -> bool {
        self.failed.is_empty()
    }

    /// Whether nothing was counted at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.passed == 0 && self.failed.is_empty() && self.skipped.is_empty()
    }

    pub(crate) fn has_results(&self) -> bool {
        self.has_results
    }

    /// What was skipped, what failed, and on the last line the counts.
    pub(crate) fn print(&self) {
        for outcome in &self.skipped {
            println!("skipped  {outcome}");
        }
        for outcome in &self.failed {
            println!("FAILED   {outcome}");
        }
        println!("{self}");
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (failed, skipped) = (self.failed.len(), self.skipped.len());
        write!(formatter, "{} passed, {failed} failed, {skipped} skipped", self.passed)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let colon = if self.why.is_empty() { "" } else { ": " };
        write!(formatter, "{}{colon}{}", self.test, self.why)
    }
}

#[cfg(test)]
mod tests;
