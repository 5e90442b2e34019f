//! Pages of the manual, run as they stand.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{World, away_from_home, text};

/// A file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// The commands of a page, line by line, continued lines joined.
pub(crate) fn commands(page: &str) -> Vec<String> {
    let page = std::fs::read_to_string(repository(page)).unwrap();
    let blocks =
        page.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap().replace("\\\n", " "));
    blocks.flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// A command that runs until it is stopped; it is when this is dropped.
pub(crate) struct Running(Child);

impl Running {
    /// Goes on at once.
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// Goes on when the command has said where it listens.
    pub(crate) fn listening(command: &mut Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("127.0.0.1:"), "{command:?} says '{line}'");
        Self(process)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl World {
    /// The repository's samples, where a page expects them.
    pub(crate) fn link_samples(&self) {
        let samples = repository("samples").canonicalize().unwrap();
        std::os::unix::fs::symlink(samples, self.path("samples")).unwrap();
    }

    /// A line of a page, as a shell takes it apart. `cowl` is the program of this build, the cloud is this world's, and so
    /// are profiles.
    pub(crate) fn typed(&self, line: &str) -> Command {
        let line = line.replace("http://127.0.0.1:7400", self.url()).replace("--profile ", "--profile ./");
        let words = line.strip_prefix("cowl ").unwrap_or_else(|| panic!("'{line}' is no command of cowl"));
        let mut shell = away_from_home(self.folder.path(), "sh");
        shell.arg("-c").arg(format!("exec {} {words}", env!("CARGO_BIN_EXE_cowl")));
        shell.env("COWL_PASSWORD_FILE", self.path("password"));
        shell
    }

    /// Types a line, which must end with yes; its stdout.
    pub(crate) fn run_line(&self, line: &str) -> String {
        let output = self.typed(line).output().unwrap();
        assert!(output.status.success(), "{line}: {}{}", text(&output.stderr), text(&output.stdout));
        text(&output.stdout)
    }
}
