//! The program as a process that can be killed.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use cowl_api::Client;

use super::client_of;

/// A process that does not outlive its test.
pub(crate) struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the program and waits until it serves.
pub(crate) fn spawn(arguments: &[PathBuf]) -> (Process, Client) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_cowl-server"))
        .arg("run")
        .args(arguments)
        .args(["--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
    (Process(child), client_of(ready["listening"].as_str().unwrap()))
}
