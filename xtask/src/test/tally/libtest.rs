//! Reads what libtest prints: a line for each test, the captured output under `---- NAME stdout ----`, and
//! `test result: …` at the end. Documentation tests print one such report a crate.

use super::Tally;

/// How a test says that it could not run here, on a line of its own.
const SKIPPED: &str = "skipped: ";
/// How a test of many cases says that it left one out: the case, and after a colon why.
const SKIPPED_CASE: &str = "skipped case: ";

pub(super) fn parse(program: &str, output: &str) -> Tally {
    let mut reader = Reader { program, tally: Tally::default(), report: Report::default() };
    for line in output.lines() {
        reader.read(line);
    }
    reader.tally
}

struct Reader<'a> {
    program: &'a str,
    tally: Tally,
    report: Report<'a>,
}

/// What was read since the last `test result: …`.
#[derive(Default)]
struct Report<'a> {
    failed: Vec<&'a str>,
    /// Tests that say they were skipped, which libtest counts as passed, with their reasons.
    skipped: Vec<(&'a str, Vec<&'a str>)>,
    /// The test whose captured output is being read.
    section: Option<&'a str>,
}

impl<'a> Reader<'a> {
    fn read(&mut self, line: &'a str) {
        if let Some(result) = line.strip_prefix("test result: ") {
            self.close(result);
        } else if let Some(name) =
            line.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" stdout ----"))
        {
            self.report.section = Some(name);
        } else if matches!(line, "successes:" | "failures:") {
            self.report.section = None;
        } else if let Some(test) = self.report.section {
            if let Some(reason) = line.strip_prefix(SKIPPED) {
                self.report.note_skip(test, reason);
            } else if let Some((case, why)) =
                line.strip_prefix(SKIPPED_CASE).and_then(|rest| rest.split_once(": "))
            {
                self.tally.skip(&format!("{} {case}", self.program), why);
            }
        } else if let Some((test, end)) =
            line.strip_prefix("test ").and_then(|rest| rest.rsplit_once(" ... "))
        {
            self.note_end(test, end);
        }
    }

    fn note_end(&mut self, test: &'a str, end: &str) {
        if end == "FAILED" {
            self.report.failed.push(test);
        } else if let Some(reason) = end.strip_prefix("ignored") {
            let reason = reason.trim_start_matches([',', ' ']);
            let test = format!("{} {test}", self.program);
            self.tally.skip(&test, if reason.is_empty() { "ignored" } else { reason });
        }
    }

    /// `result` is `ok. 3 passed; 0 failed; …`, and its counts are what holds.
    fn close(&mut self, result: &str) {
        let report = std::mem::take(&mut self.report);
        self.tally.has_results = true;
        for test in &report.failed {
            self.tally.fail(&format!("{} {test}", self.program), String::new());
        }
        for _ in report.failed.len()..count(result, "failed") {
            self.tally.fail(self.program, "a test whose name was lost in the output".into());
        }
        let skipped = report.skipped.iter().filter(|(test, _)| !report.failed.contains(test));
        let mut passed = count(result, "passed");
        for (test, reasons) in skipped {
            passed = passed.saturating_sub(1);
            self.tally.skip(&format!("{} {test}", self.program), &reasons.join("; "));
        }
        self.tally.passed += passed;
    }
}

impl<'a> Report<'a> {
    fn note_skip(&mut self, test: &'a str, reason: &'a str) {
        match self.skipped.last_mut().filter(|(last, _)| *last == test) {
            Some((_, reasons)) => reasons.push(reason),
            None => self.skipped.push((test, vec![reason])),
        }
    }
}

/// The number before `word` in `ok. 3 passed; 0 failed; …`; 0 where there is none.
fn count(result: &str, word: &str) -> usize {
    let words: Vec<&str> = result.split([' ', ';', '.']).filter(|word| !word.is_empty()).collect();
    words.windows(2).find(|pair| pair[1] == word).and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
}
