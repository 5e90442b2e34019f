//! `cargo xtask fuzz [SECONDS]`: each target under `fuzz/fuzz_targets` for a while.

use std::process::{Command, ExitCode};

use crate::failure::{Failure, Result, While};
use crate::process;
use crate::workspace::{Workspace, files_below};

const DEFAULT_SECONDS: u32 = 60;

pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    let seconds = match arguments {
        [] => DEFAULT_SECONDS,
        [seconds] => seconds.parse().attempting(|| format!("reading `{seconds}` as seconds"))?,
        _ => return Err(Failure::new("usage: cargo xtask fuzz [SECONDS]")),
    };
    let targets = targets(workspace)?;
    require_cargo_fuzz()?;
    let mut broken = Vec::new();
    for target in &targets {
        eprintln!("fuzz: {target} for {seconds} s");
        if !fuzz(workspace, target, seconds)? {
            broken.push(target.as_str());
        }
    }
    println!("{} targets, {} broken {}", targets.len(), broken.len(), broken.join(" "));
    Ok(if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn targets(workspace: &Workspace) -> Result<Vec<String>> {
    let folder = workspace.root.join("fuzz/fuzz_targets");
    if !folder.is_dir() {
        return Err(Failure::new("there are no fuzz targets: fuzz/fuzz_targets is missing"));
    }
    let sources = files_below(&folder, &[])?;
    let rust = sources.iter().filter(|file| file.extension().is_some_and(|extension| extension == "rs"));
    Ok(rust.filter_map(|file| Some(file.file_stem()?.to_string_lossy().into_owned())).collect())
}

fn require_cargo_fuzz() -> Result<()> {
    let mut version = Command::new("cargo");
    version.args(["+nightly", "fuzz", "--version"]);
    process::run_quietly(&mut version).attempting(|| {
        "fuzzing needs `cargo install cargo-fuzz` and `rustup toolchain install nightly`".into()
    })
}

fn fuzz(workspace: &Workspace, target: &str, seconds: u32) -> Result<bool> {
    let mut command = Command::new("cargo");
    command.current_dir(&workspace.root).env_remove("RUSTUP_TOOLCHAIN");
    command.args(["+nightly", "fuzz", "run", target, "--", &format!("-max_total_time={seconds}")]);
    process::succeeds_in_the_open(&mut command)
}
