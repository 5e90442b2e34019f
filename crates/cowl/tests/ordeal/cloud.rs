//! A cloud that can be killed and comes back at the same address, and people with devices.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use cowl_testkit::wire::Wire;
use serde_json::Value;

use crate::world::{PASSWORD, cowl, sibling, text};

/// `cowl-server` as a process, behind a wire that keeps its address.
pub(crate) struct Cloud {
    pub(crate) wire: Wire,
    program: PathBuf,
    arguments: Vec<OsString>,
    server: Child,
    folder: tempfile::TempDir,
}

impl Cloud {
    /// `None` where the server program is not built.
    pub(crate) fn start(arguments: &[OsString]) -> Option<Self> {
        let program = sibling("cowl-server")?;
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("password"), PASSWORD).unwrap();
        let (server, address) = spawn(&program, arguments);
        Some(Self { wire: Wire::to(address), program, arguments: arguments.to_vec(), server, folder })
    }

    pub(crate) fn kill(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }

    pub(crate) fn restart(&mut self) {
        let (server, address) = spawn(&self.program, &self.arguments);
        self.server = server;
        self.wire.lead_to(address);
    }

    /// A party whose device is unlocked.
    pub(crate) fn register(&self, handle: &str, role: &str) -> Device {
        let device = Device { profile: self.folder.path().join(handle), folder: self.folder.path().into() };
        let url = format!("http://{}", self.wire.address());
        let kit = device.folder.join(format!("{handle}.kit"));
        let mut command =
            device.command(&["party", "register", handle, "--role", role, "--server", &url, "--kit"]);
        command.arg(kit).arg("--password-file").arg(device.folder.join("password"));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        device
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn spawn(program: &Path, arguments: &[OsString]) -> (Child, SocketAddr) {
    let mut server = Command::new(program)
        .arg("run")
        .args(arguments)
        .args(["--listen", "127.0.0.1:0"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let greeting: Value = serde_json::from_str(&line).unwrap();
    let url = greeting["listening"].as_str().unwrap();
    (server, url.trim_start_matches("http://").parse().unwrap())
}

/// One party's device.
pub(crate) struct Device {
    profile: PathBuf,
    folder: PathBuf,
}

impl Device {
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = cowl(&self.folder);
        command.arg("--profile").arg(&self.profile).args(arguments);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// A command that must succeed; its stdout as JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.command(arguments).arg("--json").output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    pub(crate) fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.folder.join("files").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// An empty folder.
    pub(crate) fn fresh_folder(&self, name: &str) -> PathBuf {
        let path = self.folder.join(name);
        if path.exists() {
            std::fs::remove_dir_all(&path).unwrap();
        }
        std::fs::create_dir(&path).unwrap();
        path
    }

    /// Kills the keeper of the unlocked account, and unlocks it again.
    pub(crate) fn kill_keeper(&self) {
        let id = self.keeper().expect("an unlocked device has a keeper");
        let killed = Command::new("kill").args(["-KILL", &id.to_string()]).status().unwrap();
        assert!(killed.success());
        let mut command = self.command(&["party", "login", "--password-file"]);
        let output = command.arg(self.folder.join("password")).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    }

    /// The process that holds this very profile.
    fn keeper(&self) -> Option<u32> {
        let profile = self.profile.as_os_str().as_encoded_bytes();
        std::fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
            let id = entry.file_name().to_str()?.parse().ok()?;
            let line = std::fs::read(entry.path().join("cmdline")).ok()?;
            let words: Vec<_> = line.split(|byte| *byte == 0).collect();
            (words.contains(&profile) && words.contains(&b"hold".as_slice())).then_some(id)
        })
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        let _ = self.command(&["party", "lock"]).output();
    }
}
