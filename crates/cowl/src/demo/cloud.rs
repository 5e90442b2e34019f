//! The cloud: the sibling program `cowl-server`, ended with the story.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;

use crate::failure::{Failure, Result};

/// The folder of all that the cloud has.
pub(super) const FOLDER: &str = "cloud";

/// A running server. Dropping it ends the process.
pub(crate) struct Cloud {
    server: Child,
    url: String,
    place: PathBuf,
}

/// What the server says on its first line.
#[derive(Deserialize)]
struct Greeting {
    listening: String,
}

impl Cloud {
    /// Starts a server with an empty store in `place`, on a free loopback port.
    ///
    /// # Errors
    /// When the program is not there, or does not come up.
    pub(crate) fn start(place: &Path) -> Result<Self> {
        let program = program()?;
        let log = place.join(LOG);
        let errors = File::create(&log).map_err(|error| Failure::file(&log, error))?;
        let mut server = Command::new(&program)
            .args(["run", "--listen", "127.0.0.1:0", "--data"])
            .arg(place.join(FOLDER))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .map_err(|error| Failure::file(Path::new(&program), error))?;
        let stdout = server.stdout.take().expect("stdout was piped above");
        // From here on the guard ends the process, whatever happens.
        let mut cloud = Self { server, url: String::new(), place: place.to_path_buf() };
        cloud.url = greeting(stdout).ok_or_else(|| did_not_start(&log))?.listening;
        Ok(cloud)
    }

    /// Its address for clients, e.g. `http://127.0.0.1:7443`.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The same without the scheme.
    pub(super) fn address(&self) -> &str {
        self.url.split_once("://").map_or(self.url.as_str(), |(_, address)| address).trim_end_matches('/')
    }

    /// The folder in which the story happens.
    pub(super) fn place(&self) -> &Path {
        &self.place
    }

    /// Where it keeps the parts.
    pub(crate) fn parts(&self) -> PathBuf {
        self.place.join(FOLDER).join("parts")
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        let process = i32::try_from(self.server.id()).ok().and_then(Pid::from_raw);
        let asked = process.is_some_and(|process| kill_process(process, Signal::TERM).is_ok());
        let deadline = Instant::now() + PATIENCE;
        while asked && Instant::now() < deadline {
            if !matches!(self.server.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The program beside this one, unless the environment names another.
fn program() -> Result<OsString> {
    if let Some(program) = std::env::var_os(VARIABLE) {
        return Ok(program);
    }
    let program = std::env::current_exe()?.with_file_name("cowl-server");
    if program.is_file() {
        return Ok(program.into());
    }
    Err(Failure::usage(format!("{}: there is no server program there", program.display()))
        .with_hint(format!("put cowl-server beside cowl, or name it: {VARIABLE}=PATH")))
}

/// The first line, within the time; later lines are read and dropped, so that the server never blocks.
fn greeting(stdout: ChildStdout) -> Option<Greeting> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(std::io::Result::ok) {
            // Only the first one is waited for.
            let _ = sender.send(line);
        }
    });
    let line = receiver.recv_timeout(PATIENCE).ok()?;
    serde_json::from_str(&line).ok()
}

fn did_not_start(log: &Path) -> Failure {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    Failure::usage(format!("the server did not start: {last}"))
}

const VARIABLE: &str = "COWL_SERVER_BIN";
const LOG: &str = "server.log";
const PATIENCE: Duration = Duration::from_secs(15);
