//! Reading files in a process of its own, which may run out of memory, time or stack without harm.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use cowl_domain::{ExtractError, Kind};

use super::MAX_TEXT;

/// A program that takes a file on stdin and prints its text, in UTF-8, on stdout. It sets its own limits before
/// it reads, so that it comes to an end whatever the file is.
#[derive(Debug, Clone)]
pub struct ReaderProgram {
    path: PathBuf,
    arguments: Vec<OsString>,
}

static OF_PROCESS: OnceLock<ReaderProgram> = OnceLock::new();

impl ReaderProgram {
    /// A program with its arguments.
    pub fn new(path: impl Into<PathBuf>, arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        Self { path: path.into(), arguments: arguments.into_iter().map(Into::into).collect() }
    }

    /// Makes it the one that this process reads files with. The first one stays.
    pub fn use_in_process(self) {
        let _ = OF_PROCESS.set(self);
    }

    /// The one that this process reads files with.
    pub fn of_process() -> Option<&'static Self> {
        OF_PROCESS.get()
    }

    /// The text of a file, cut at [`MAX_TEXT`].
    ///
    /// # Errors
    /// [`ExtractError`] when the program cannot be started, or did not end well.
    pub fn extract(&self, kind: Kind, content: &[u8]) -> Result<String, ExtractError> {
        let refuse = |detail: String| ExtractError { kind, detail };
        // It gets nothing of this process but the file: not its environment, not its terminal.
        let mut child = Command::new(&self.path)
            .args(&self.arguments)
            .env_clear()
            // One thread: stacks and heaps of more would use up its memory on a machine of many cores.
            .env("RAYON_NUM_THREADS", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| refuse(format!("{} does not start: {error}", self.path.display())))?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let text = std::thread::scope(|scope| {
            // A program that has given up reads no further, and says so by its end.
            scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(content)));
            let mut text = Vec::new();
            let read = stdout.map(|stdout| stdout.take(MAX_TEXT as u64).read_to_end(&mut text));
            read.transpose().map(|_| text)
        });
        let ended = child.wait().map_err(|error| refuse(error.to_string()))?;
        let text = text.map_err(|error| refuse(error.to_string()))?;
        if !ended.success() && text.len() < MAX_TEXT {
            return Err(refuse("its reader gave up on it".to_owned()));
        }
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

pub(super) fn extract(kind: Kind, content: &[u8]) -> Result<String, ExtractError> {
    match ReaderProgram::of_process() {
        Some(program) => program.extract(kind, content),
        None => Err(ExtractError { kind, detail: "no program is set to read such files".to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> ReaderProgram {
        ReaderProgram::new("/bin/sh", ["-c", script])
    }

    fn extract(script: &str, content: &[u8]) -> Result<String, ExtractError> {
        shell(script).extract(Kind::Pdf, content)
    }

    #[test]
    fn the_text_is_what_the_program_prints() {
        let large = b"word ".repeat(100_000);
        assert_eq!(extract("tr a-z A-Z", &large).unwrap().len(), large.len());
        assert_eq!(extract("tr a-z A-Z", b"word").unwrap(), "WORD");
        assert_eq!(extract("printf 'a\\377b'", b"").unwrap(), "a\u{fffd}b");
    }

    #[test]
    fn a_program_that_fails_is_killed_or_is_not_there_yields_an_error() {
        let large = vec![0; 1 << 20];
        for script in ["exit 3", "kill -KILL $$", "printf half; exit 1"] {
            assert!(extract(script, &large).is_err(), "{script}");
        }
        let missing = ReaderProgram::new("/nowhere/reader", [""; 0]);
        assert!(missing.extract(Kind::Pdf, b"").is_err());
    }

    #[test]
    fn text_without_end_is_cut() {
        assert_eq!(extract("yes", b"").unwrap().len(), MAX_TEXT);
    }
}
