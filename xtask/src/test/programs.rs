//! Builds the test programs, with one call of cargo, and finds them.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::group::Group;
use crate::failure::{Result, While};
use crate::process;
use crate::workspace::Workspace;

/// What cargo has built.
pub(crate) struct Built {
    pub(crate) programs: Vec<Program>,
    /// False if something did not compile; what did is in `programs` all the same.
    pub(crate) complete: bool,
}

/// One executable full of tests.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Program {
    /// `cowl-store::stores`
    pub(crate) name: String,
    pub(crate) executable: PathBuf,
    /// The package's folder, in which cargo runs tests too.
    pub(crate) folder: PathBuf,
    group: Group,
}

/// The whole workspace is selected whatever the group: the same features, hence the same compiled dependencies.
pub(crate) fn build(workspace: &Workspace, group: Group) -> Result<Built> {
    let mut command = workspace.cargo();
    command.args(["test", "--workspace", "--no-run", "--message-format", "json-render-diagnostics"]);
    if group.is_marked() {
        let wanted = marked_targets(workspace, group)?;
        if wanted.is_empty() {
            return Ok(Built { programs: Vec::new(), complete: true });
        }
        command.args(wanted.iter().flat_map(|name| ["--test", name]));
    }
    let mut built = collect(&mut command)?;
    built.programs.retain(|program| group.includes(program.group));
    built.programs.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(built)
}

fn collect(command: &mut Command) -> Result<Built> {
    let mut cargo = command.stdout(Stdio::piped()).spawn().attempting(|| "starting cargo".into())?;
    let messages = cargo.stdout.take().expect("stdout was piped in the line before");
    let mut programs = Vec::new();
    for line in BufReader::new(messages).lines() {
        let line = line.attempting(|| "reading what cargo builds".into())?;
        programs.extend(Message::parse(&line).and_then(Message::program));
    }
    let status = cargo.wait().attempting(|| "waiting for cargo".into())?;
    Ok(Built { programs, complete: status.success() })
}

fn marked_targets(workspace: &Workspace, group: Group) -> Result<Vec<String>> {
    let text =
        process::stdout_of(workspace.cargo().args(["metadata", "--format-version", "1", "--no-deps"]))?;
    let metadata: Metadata = serde_json::from_str(&text).attempting(|| "reading cargo metadata".into())?;
    let targets = metadata.packages.into_iter().flat_map(|package| package.targets);
    let mut names: Vec<String> =
        targets.filter(|target| target.group() == group).map(|target| target.name).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

impl Target {
    fn group(&self) -> Group {
        Group::of_target(self.kind.first().map_or("", String::as_str), &self.name)
    }
}

/// cargo's message about one thing that it has built.
#[derive(Deserialize)]
struct Message {
    manifest_path: PathBuf,
    target: Target,
    profile: Profile,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

impl Message {
    /// None for messages of other kinds.
    fn parse(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }

    fn program(self) -> Option<Program> {
        let folder = self.manifest_path.parent()?.to_path_buf();
        let package = folder.file_name()?.to_string_lossy().into_owned();
        let group = self.target.group();
        let name = match self.target.kind.first().map(String::as_str) {
            Some("lib" | "proc-macro") => package,
            Some("bin") => format!("{package}::main"),
            _ => format!("{package}::{}", self.target.name),
        };
        let executable = self.executable.filter(|_| self.profile.test)?;
        Some(Program { name, executable, folder, group })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: &str, name: &str, test: bool) -> String {
        format!(
            r#"{{"reason":"compiler-artifact","manifest_path":"/r/crates/cowl-store/Cargo.toml",
                "target":{{"name":"{name}","kind":["{kind}"]}},"profile":{{"test":{test}}},"executable":"/t/x"}}"#
        )
    }

    fn program(line: &str) -> Option<Program> {
        Message::parse(line).and_then(Message::program)
    }

    #[test]
    fn an_integration_test_is_named_after_its_package_and_itself() {
        let program = program(&message("test", "stores", true)).unwrap();
        assert_eq!((program.name.as_str(), program.group), ("cowl-store::stores", Group::Stores));
        assert_eq!(program.folder, PathBuf::from("/r/crates/cowl-store"));
    }

    #[test]
    fn library_and_program_of_one_package_are_told_apart() {
        assert_eq!(program(&message("lib", "cowl_store", true)).unwrap().name, "cowl-store");
        assert_eq!(program(&message("bin", "cowl-store", true)).unwrap().name, "cowl-store::main");
    }

    #[test]
    fn programs_without_tests_and_other_messages_are_passed_over() {
        assert_eq!(program(&message("bin", "cowl-store", false)), None);
        assert_eq!(program(r#"{"reason":"build-finished","success":true}"#), None);
    }
}
