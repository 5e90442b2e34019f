//! How much memory each party of an inference takes: dealer, model owner and data owner as processes of their own, with
//! a cloud that is thrown away, exactly as docs/inference.md has them.
//!
//! A process's peak is the kernel's own count (`VmHWM` in `/proc/PID/status`), looked at until it ends. Importing a model and
//! stocking a run count as much as running it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::row::{GoalOf, Row};
use super::scratch::Scratch;
use crate::demo;
use crate::failure::{Failure, Result, While};
use crate::process;
use crate::services::{Daemon, free_port};
use crate::workspace::Workspace;

/// A model, and a file that it is run on.
struct Model {
    id: &'static str,
    what: &'static str,
    /// Below `samples/models`, where it is there as it is imported.
    file: Option<&'static str>,
    input: &'static str,
    /// Bytes of disk that a run takes for a while.
    disk: u64,
}

const MODELS: [Model; 2] = [
    Model {
        id: "fmri",
        what: "fMRI MLP 109,350-200-200-200-58",
        file: None,
        input: "fmri/map_pericalcarine.nii.gz",
        disk: 2 << 30,
    },
    Model {
        id: "meshnet-64",
        what: "MeshNet 64³, trained",
        file: Some("brain_tissue_64.onnx"),
        input: "t1_2mm_64.nii.gz",
        disk: 16 << 30,
    },
];

/// The three, with the roles under which they register.
const PARTIES: [(&str, &str); 3] = [("dealer", "dealer"), ("maker", "model-owner"), ("hospital", "hospital")];
/// Nobody's secret: it locks keys that live for a minute.
const PASSWORD: &str = "a password of a bench";
/// What a party may take, in GiB.
const GOAL: f64 = 2.0;
const POLL: Duration = Duration::from_millis(10);

pub(crate) fn measure(workspace: &Workspace) -> Result<Vec<Row>> {
    demo::build(workspace)?;
    let mut rows = Vec::new();
    for model in &MODELS {
        let missing = model.disk.saturating_sub(free_bytes(&std::env::temp_dir())?);
        if missing > 0 {
            let (what, more) = (model.what, missing >> 20);
            eprintln!("the memory of {what} is not measured: {more} MiB more must be free in TMPDIR");
            continue;
        }
        eprintln!("measuring the memory of {}", model.what);
        rows.extend(rows_of(workspace, model)?);
    }
    Ok(rows)
}

fn rows_of(workspace: &Workspace, model: &Model) -> Result<Vec<Row>> {
    let stage = Stage::new(workspace)?;
    let [dealer_at, maker_at] =
        [format!("127.0.0.1:{}", free_port()?), format!("127.0.0.1:{}", free_port()?)];
    let (dealer, file) = (format!("dealer@{dealer_at}"), stage.file_of(workspace, model)?);
    let samples = workspace.root.join("samples/models");
    let input = samples.join(model.input).display().to_string();
    let import = ["model", "import", &file, "--name", MODEL, "--calibrate", &input];
    let importing = stage.peak("maker", &import)?;
    stage.peak("maker", &GRANT)?;
    let deal = ["infer", "deal", "--listen", &dealer_at, "--for", "maker", "--for", "hospital", TRUST];
    let dealing = stage.listen("dealer", &deal)?;
    let serve = ["infer", "serve", "--model", MODEL, "--listen", &maker_at, "--dealer", &dealer, TRUST];
    let serving = stage.listen("maker", &serve)?;
    let stock = ["infer", "stock", "--model", MODEL, "--at", &maker_at, "--dealer", &dealer, TRUST];
    let stocking = stage.peak("hospital", &stock)?;
    let running = stage.peak("hospital", &["infer", "run", "--model", MODEL, "--input", &input, "--yes"])?;
    let [dealing, serving] = [dealing, serving].map(|party| peak_memory(party.id()).unwrap_or_default());
    let figures = [
        ("dealer", "the dealer", dealing),
        ("import", "the model owner, importing", importing),
        ("model-owner", "the model owner, serving", serving),
        ("stock", "the data owner, stocking", stocking),
        ("run", "the data owner, running", running),
    ];
    let row = |(part, who, bytes): (&str, &str, u64)| {
        let (id, what) = (format!("infer.memory.{}.{part}", model.id), format!("{}: {who}", model.what));
        Row::new(&id, &what, "GiB", bytes as f64 / f64::from(1 << 30)).goal(GoalOf::Ours, GOAL)
    };
    Ok(figures.map(row).into())
}

const MODEL: &str = "model";
const TRUST: &str = "--trust-first-use";
const GRANT: [&str; 13] = [
    "grant",
    "make",
    "--to",
    "hospital",
    "--item",
    MODEL,
    "--power",
    "compute",
    "--technique",
    "mpc",
    "--purpose",
    "research",
    TRUST,
];

/// A cloud, and three parties that are registered there.
struct Stage {
    program: PathBuf,
    /// Stops before its folder is removed.
    _server: Daemon,
    scratch: Scratch,
}

impl Stage {
    fn new(workspace: &Workspace) -> Result<Self> {
        let scratch = Scratch::below(&std::env::temp_dir())?;
        let address = format!("127.0.0.1:{}", free_port()?);
        let (data, log) = (scratch.path("cloud").display().to_string(), scratch.path("cloud.log"));
        let server = workspace.release_program("cowl-server");
        let arguments = ["run", "--data", &data, "--listen", &address];
        let mut server = Daemon::start(&server, &arguments, None, &log)?;
        server.wait_until(|| says(&log, &address))?;
        let password = scratch.path("password");
        std::fs::write(&password, PASSWORD).attempting(|| "writing a password".into())?;
        let stage = Self { program: workspace.release_program("cowl"), _server: server, scratch };
        let url = format!("http://{address}");
        for (party, role) in PARTIES {
            stage.peak(party, &["party", "register", party, "--role", role, "--server", &url])?;
        }
        Ok(stage)
    }

    /// The file of a model; the compact one of the repository is written out first.
    fn file_of(&self, workspace: &Workspace, model: &Model) -> Result<String> {
        let samples = workspace.root.join("samples/models");
        if let Some(file) = model.file {
            return Ok(samples.join(file).display().to_string());
        }
        let file = self.scratch.path("network.onnx");
        let mut command = workspace.cargo();
        command.args([
            "run",
            "--quiet",
            "--release",
            "--package",
            "cowl-model",
            "--example",
            "fmri_network",
            "--",
        ]);
        process::run_quietly(command.arg(samples.join("fmri/network.bin")).arg(&file))?;
        Ok(file.display().to_string())
    }

    /// Words of a command of one party, away from the settings of whoever measures.
    fn words(&self, party: &str, arguments: &[&str]) -> Vec<String> {
        let home = self.scratch.path("").display().to_string();
        let password = self.scratch.path("password").display().to_string();
        let set = [format!("HOME={home}"), format!("COWL_PASSWORD_FILE={password}")];
        let unset = ["COWL_CONFIG", "COWL_PROFILE", "COWL_SERVER", "XDG_CONFIG_HOME", "XDG_DATA_HOME"];
        let mut words: Vec<String> = unset.iter().map(|name| format!("--unset={name}")).collect();
        words.extend(set);
        let profile = self.scratch.path(party).display().to_string();
        words.extend([self.program.display().to_string(), "--profile".into(), profile]);
        words.extend(arguments.iter().map(|&word| word.to_owned()));
        words
    }

    /// Starts a party that listens; it does when this returns.
    fn listen(&self, party: &str, arguments: &[&str]) -> Result<Daemon> {
        let log = self.scratch.path(&format!("{party}.log"));
        let words = self.words(party, arguments);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut daemon = Daemon::start(Path::new(ENV), &words, None, &log)?;
        daemon.wait_until(|| says(&log, "127.0.0.1:"))?;
        Ok(daemon)
    }

    /// Runs a command of a party to its end; the most bytes of memory that it has held.
    fn peak(&self, party: &str, arguments: &[&str]) -> Result<u64> {
        let log = self.scratch.path("command.log");
        let failed = || format!("cowl {}", arguments.join(" "));
        let output = File::create(&log).attempting(failed)?;
        let mut command = Command::new(ENV);
        command.args(self.words(party, arguments)).stdin(Stdio::null());
        command.stdout(output.try_clone().attempting(failed)?).stderr(output);
        let mut child = command.spawn().attempting(failed)?;
        let mut most = 0;
        loop {
            most = most.max(peak_memory(child.id()).unwrap_or_default());
            if let Some(status) = child.try_wait().attempting(failed)? {
                if status.success() {
                    return Ok(most);
                }
                let words = std::fs::read_to_string(&log).unwrap_or_default();
                return Err(Failure::new(format!(
                    "{} ended with {status}{}",
                    failed(),
                    process::tail(&words)
                )));
            }
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for (party, _) in PARTIES {
            // Where nothing is unlocked there is nothing to lock.
            let _ = self.peak(party, &["party", "lock"]);
        }
    }
}

const ENV: &str = "/usr/bin/env";

fn says(log: &Path, text: &str) -> bool {
    std::fs::read_to_string(log).is_ok_and(|said| said.contains(text))
}

/// The most bytes that a process has had in memory since it began; none when it has ended.
fn peak_memory(process: u32) -> Option<u64> {
    peak_in(&std::fs::read_to_string(format!("/proc/{process}/status")).ok()?)
}

fn peak_in(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

fn free_bytes(folder: &Path) -> Result<u64> {
    let printed =
        process::stdout_of(Command::new("df").args(["--block-size=1", "--output=avail"]).arg(folder))?;
    let free = printed.lines().nth(1).unwrap_or_default().trim();
    free.parse().attempting(|| format!("reading how much is free below {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_from_a_status_as_the_kernel_writes_it() {
        assert_eq!(peak_in("Name:\tcowl\nVmPeak:\t  9000 kB\nVmHWM:\t    1536 kB\n"), Some(1536 << 10));
        assert_eq!(peak_in("Name:\tcowl\nState:\tZ (zombie)\n"), None);
        assert!(peak_memory(std::process::id()).is_some_and(|bytes| bytes > 1 << 16));
    }
}
