//! The page docs/tables.md, run as it stands.

use std::process::{Child, Stdio};

use super::repository;
use crate::world::{World, cowl, text};

/// The commands of the page, line by line, continued lines joined.
fn commands() -> Vec<String> {
    let page = std::fs::read_to_string(repository("docs/tables.md")).unwrap();
    let blocks =
        page.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap().replace("\\\n", " "));
    blocks.flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Ends what runs until it is stopped.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_manual_of_tables_works_as_written() {
    let Some(world) = World::new() else { return };
    let key = repository("vectors/paillier/secret-2048.cbor");
    let home = world.folder.path();
    std::os::unix::fs::symlink(repository("samples").canonicalize().unwrap(), home.join("samples")).unwrap();
    let shell = |line: &str| {
        let line = line
            .replace("http://127.0.0.1:7400", world.url())
            .replace("--profile hospital", "--profile ./hospital")
            .replace("--profile researcher", "--profile ./researcher");
        let mut command = cowl(home);
        let program = command.get_program().to_owned();
        let binary = command.get_args().next().unwrap().to_owned();
        // The shell takes quotes apart; 'cowl' is the program of this build.
        let words = format!("exec {} {}", binary.to_str().unwrap(), line.strip_prefix("cowl ").unwrap());
        let mut shell = std::process::Command::new(program);
        shell.args(["sh", "-c", &words]).env("HOME", home).current_dir(home).stdin(Stdio::null());
        shell.env("COWL_PASSWORD_FILE", world.path("password"));
        command = shell;
        command
    };
    let (mut ran, mut agent) = (0, None);
    for line in commands() {
        if line.starts_with("cowl-server") || line.contains("job approve") || line.contains("job deny") {
            continue;
        }
        if line.contains("agent run") {
            let running = shell(&line).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            agent = Some(Agent(running));
            continue;
        }
        if line.contains(" JOB") {
            let jobs = world.json("researcher", &["job", "list"]);
            let Some(job) = jobs["jobs"][0]["job"].as_str() else { continue };
            let output = shell(&line.replace("JOB", job)).output().unwrap();
            assert!(output.status.success(), "{line}: {}", text(&output.stderr));
            ran += 1;
            continue;
        }
        // What a person would be asked is answered; making a key takes too long for a test.
        let line = match line.contains("table seal") {
            true => format!("{line} --secret-key {}", key.to_str().unwrap()),
            false => line,
        };
        let output = shell(&format!("{line} --yes")).output().unwrap();
        assert!(output.status.success(), "{line}: {}", text(&output.stderr));
        ran += 1;
    }
    drop(agent);
    assert!(ran >= 9, "{ran}");
    let model = std::fs::read_to_string(world.path("model.csv")).unwrap();
    assert!(model.starts_with("target,term,estimate"), "{model}");
}
