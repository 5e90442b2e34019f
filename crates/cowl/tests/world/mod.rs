//! A real server and real command lines, for the integration tests.
#![allow(dead_code)] // Each test program uses a part of it.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

pub(crate) mod manual;
pub(crate) mod terminal;

pub(crate) const PASSWORD: &str = "correct horse battery";

/// A scratch folder with a server in it.
pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    server: Child,
    url: String,
}

/// `cowl`, away from the settings, secrets and terminal of whoever runs the tests.
pub(crate) fn cowl(home: &Path) -> Command {
    away_from_home(home, env!("CARGO_BIN_EXE_cowl"))
}

/// Any program, as far away as that.
fn away_from_home(home: &Path, program: &str) -> Command {
    let mut command = Command::new("setsid");
    command.arg(program);
    for variable in [
        "COWL_CONFIG",
        "COWL_PROFILE",
        "COWL_PASSWORD_FILE",
        "COWL_SERVER",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
    ] {
        command.env_remove(variable);
    }
    command.env("HOME", home).current_dir(home).stdin(Stdio::null());
    command
}

/// Runs a command with something on stdin.
pub(crate) fn with_stdin(command: &mut Command, input: &[u8]) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A command that fails early reads nothing.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// The program of that name beside `cowl`; `None`, with a word on stderr, when it is not built.
pub(crate) fn sibling(name: &str) -> Option<PathBuf> {
    let program = Path::new(env!("CARGO_BIN_EXE_cowl")).with_file_name(name);
    if !program.is_file() {
        eprintln!("skipped: {} is not built", program.display());
        return None;
    }
    Some(program)
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl World {
    /// `None` where the server program is not built.
    pub(crate) fn new() -> Option<Self> {
        let program = sibling("cowl-server")?;
        let folder = tempfile::tempdir().unwrap();
        let mut server = Command::new(program)
            .args(["run", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.path().join("cloud"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let greeting: Value = serde_json::from_str(&line).unwrap();
        let url = greeting["listening"].as_str().unwrap().to_owned();
        std::fs::write(folder.path().join("password"), PASSWORD).unwrap();
        Some(Self { folder, server, url })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// A command of one party, which may be asked for a password.
    pub(crate) fn command<S: AsRef<OsStr>>(
        &self,
        party: &str,
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = cowl(self.folder.path());
        command.arg("--profile").arg(self.path(party)).args(arguments);
        command
    }

    /// Address of the server.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Registers a party, whose device stays unlocked.
    pub(crate) fn register(&self, party: &str, role: &str) {
        let kit = self.path(&format!("{party}.kit"));
        let mut command =
            self.command(party, ["party", "register", party, "--role", role, "--server", &self.url, "--kit"]);
        command.arg(kit).arg("--password-file").arg(self.path("password"));
        succeed(&mut command);
    }

    /// Logs a party in on another device.
    pub(crate) fn login_elsewhere(&self, party: &str, device: &str, kit: Option<&Path>) -> Output {
        let mut command = self.command(device, ["party", "login", party, "--server", &self.url]);
        command.arg("--password-file").arg(self.path("password"));
        if let Some(kit) = kit {
            command.arg("--kit").arg(kit);
        }
        command.output().unwrap()
    }

    /// A command that must end with yes; its stdout.
    pub(crate) fn yes(&self, party: &str, arguments: &[&str]) -> Vec<u8> {
        succeed(&mut self.command(party, arguments))
    }

    /// The same with `--json`.
    pub(crate) fn json(&self, party: &str, arguments: &[&str]) -> Value {
        let output = succeed(self.command(party, arguments).arg("--json"));
        serde_json::from_slice(&output).unwrap_or_else(|error| panic!("{error}: {}", text(&output)))
    }

    /// A command that must end with this status; its stderr.
    pub(crate) fn no(&self, status: i32, party: &str, arguments: &[&str]) -> String {
        let output = self.command(party, arguments).output().unwrap();
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {error}{}", text(&output.stdout));
        error
    }

    /// Ends the server before the world does.
    pub(crate) fn stop_server(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for entry in std::fs::read_dir(self.folder.path()).unwrap().flatten() {
            if entry.path().join("keeper.sock").exists() {
                let _ = cowl(self.folder.path())
                    .arg("--profile")
                    .arg(entry.path())
                    .args(["party", "lock"])
                    .output();
            }
        }
        self.stop_server();
    }
}

fn succeed(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}{}", text(&output.stderr), text(&output.stdout));
    output.stdout
}
