//! `cargo xtask fuzz [TARGET] [SECONDS]`: the targets under `fuzz/fuzz_targets`, each for a while, with libFuzzer
//! or, where that is missing, with the mutations of the test group `fuzz`.

use std::process::{Command, ExitCode};

use crate::failure::{Failure, Result, While};
use crate::process;
use crate::workspace::{Workspace, files_below};

const DEFAULT_SECONDS: u32 = 60;

/// How many times the mutations of a test run are made without libFuzzer.
const FACTOR_ON_STABLE: &str = "10";

pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    let wanted = Wanted::parse(arguments, targets(workspace)?)?;
    if let Err(missing) = require_cargo_fuzz() {
        eprintln!("{missing}");
        eprintln!(
            "fuzz: on the stable toolchain instead, without coverage: {FACTOR_ON_STABLE} times the tests' rounds"
        );
        return mutate_on_stable(workspace, &wanted);
    }
    let mut broken = Vec::new();
    for target in &wanted.targets {
        eprintln!("fuzz: {target} for {} s", wanted.seconds);
        if !fuzz(workspace, target, wanted.seconds)? {
            broken.push(target.as_str());
        }
    }
    println!("{} targets, {} broken {}", wanted.targets.len(), broken.len(), broken.join(" "));
    Ok(if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What is to be fuzzed, and for how long.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    targets: Vec<String>,
    seconds: u32,
}

impl Wanted {
    fn parse(arguments: &[String], known: Vec<String>) -> Result<Self> {
        let (name, seconds) = match arguments {
            [] => (None, None),
            [one] if one.parse::<u32>().is_ok() => (None, Some(one)),
            [one] => (Some(one), None),
            [name, seconds] => (Some(name), Some(seconds)),
            _ => return Err(Failure::new("usage: cargo xtask fuzz [TARGET] [SECONDS]")),
        };
        let seconds = match seconds {
            None => DEFAULT_SECONDS,
            Some(text) => text.parse().attempting(|| format!("reading `{text}` as seconds"))?,
        };
        let targets = match name {
            None => known,
            Some(name) if known.contains(name) => vec![name.clone()],
            Some(name) => {
                return Err(Failure::new(format!("unknown target `{name}`: one of {}", known.join(" "))));
            }
        };
        Ok(Self { targets, seconds })
    }
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
    version.args(["+nightly", "fuzz", "--version"]).env_remove("RUSTUP_TOOLCHAIN");
    process::run_quietly(&mut version).map_err(|_| {
        Failure::new(
            "libFuzzer needs a nightly toolchain and cargo-fuzz; install them with\n\n    \
             rustup toolchain install nightly\n    cargo install cargo-fuzz\n",
        )
    })
}

fn fuzz(workspace: &Workspace, target: &str, seconds: u32) -> Result<bool> {
    let mut command = Command::new("cargo");
    command.current_dir(&workspace.root).env_remove("RUSTUP_TOOLCHAIN");
    command.args(["+nightly", "fuzz", "run", target, "--", &format!("-max_total_time={seconds}")]);
    process::succeeds_in_the_open(&mut command)
}

fn mutate_on_stable(workspace: &Workspace, wanted: &Wanted) -> Result<ExitCode> {
    let mut command = workspace.cargo();
    command.args(["test", "--package", "cowl-fuzz", "--test", "fuzz", "--"]);
    command.args(wanted.targets.iter().map(|target| format!("{target}::")));
    command.env("COWL_FUZZ_ROUNDS", FACTOR_ON_STABLE);
    let whole = process::succeeds_in_the_open(&mut command)?;
    Ok(if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Wanted> {
        let arguments: Vec<String> = arguments.iter().map(|text| (*text).into()).collect();
        Wanted::parse(&arguments, vec!["api_bodies".into(), "seal_files".into()])
    }

    fn wanted(targets: &[&str], seconds: u32) -> Wanted {
        Wanted { targets: targets.iter().map(|text| (*text).into()).collect(), seconds }
    }

    #[test]
    fn target_and_time_may_each_be_left_out() {
        assert_eq!(parse(&[]).unwrap(), wanted(&["api_bodies", "seal_files"], 60));
        assert_eq!(parse(&["5"]).unwrap(), wanted(&["api_bodies", "seal_files"], 5));
        assert_eq!(parse(&["seal_files"]).unwrap(), wanted(&["seal_files"], 60));
        assert_eq!(parse(&["seal_files", "5"]).unwrap(), wanted(&["seal_files"], 5));
    }

    #[test]
    fn an_unknown_target_is_answered_with_those_that_there_are() {
        assert!(parse(&["seal"]).unwrap_err().to_string().contains("seal_files"));
        assert!(parse(&["seal_files", "soon"]).is_err());
    }
}
