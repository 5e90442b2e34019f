//! What the text of the project's files must keep: a length that can be read, and nothing of one machine.

use std::path::Path;

use super::Violation;
use crate::failure::{Result, While};
use crate::workspace::files_below;

const LENGTH_RULE: &str = "length";
const PLACE_RULE: &str = "machine";

const LONGEST_SOURCE: usize = 500;

/// Written in two pieces, so that this file passes its own check.
const MACHINE_PATHS: &[&str] = &[concat!("/wo", "rk/"), concat!("/far", "m/"), concat!("/tmp/bash", "_jobs")];
const REGISTRIES: &[&str] =
    &[concat!("registry.", "npmjs"), concat!("files.python", "hosted"), concat!("static.", "crates.io")];

/// Folders that hold what is built or fetched, not what is written.
const NOT_OURS: &[&str] = &[".git", "target", "node_modules", "corpus", "artifacts"];

pub(crate) fn check(root: &Path) -> Result<Vec<Violation>> {
    let mut found = Vec::new();
    for file in files_below(root, NOT_OURS)? {
        let name = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        let bytes = std::fs::read(&file).attempting(|| format!("reading {name}"))?;
        // Samples and vectors may be anything; a path of a machine in them would still be plain text.
        if let Ok(text) = std::str::from_utf8(&bytes) {
            found.extend(too_long(&name, text));
            found.extend(of_one_machine(&name, text));
        }
    }
    Ok(found)
}

fn too_long(name: &str, text: &str) -> Option<Violation> {
    let lines = text.lines().count();
    let counts = name.ends_with(".rs") && !is_test_or_vector(name);
    let what = || format!("{name} has {lines} lines; over {LONGEST_SOURCE} asks to be cut");
    (counts && lines > LONGEST_SOURCE).then(|| Violation::new(LENGTH_RULE, what()))
}

fn is_test_or_vector(name: &str) -> bool {
    name.ends_with("/tests.rs") || name.split('/').any(|folder| matches!(folder, "tests" | "vectors"))
}

fn of_one_machine(name: &str, text: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let path = MACHINE_PATHS.iter().find(|path| has_absolute(line, path));
        let host = REGISTRIES.iter().find(|host| line.contains(**host));
        if let Some(word) = path.or(host) {
            found.push(Violation::new(PLACE_RULE, format!("{name}:{}: contains `{word}`", index + 1)));
        }
    }
    found
}

/// Whether `path` begins a path here, not continues one as in `~/…` or `a/…`.
fn has_absolute(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(place, _)| {
        let before = line[..place].chars().next_back();
        !before.is_some_and(|character| character.is_alphanumeric() || "_.-~})".contains(character))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_source_is_reported_and_a_long_test_is_not() {
        let long = "\n".repeat(LONGEST_SOURCE + 1);
        assert!(too_long("crates/a/src/lib.rs", &long).is_some());
        assert!(too_long("crates/a/src/lib.rs", &long[1..]).is_none());
        assert!(too_long("crates/a/src/lib/tests.rs", &long).is_none());
        assert!(too_long("crates/a/tests/attacks.rs", &long).is_none());
        assert!(too_long("vectors/generator.rs", &long).is_none());
        assert!(too_long("docs/long.md", &long).is_none());
    }

    #[test]
    fn a_path_of_one_machine_is_reported_with_its_line() {
        let text = format!("fine\nsee {}main\n", MACHINE_PATHS[0]);
        let found = of_one_machine("README.md", &text);
        assert_eq!(found.len(), 1);
        assert!(found[0].to_string().starts_with("machine: README.md:2:"));
    }

    #[test]
    fn a_relative_path_of_the_same_name_is_not_meant() {
        assert_eq!(
            of_one_machine("README.md", &format!("~{}a, net{}b", MACHINE_PATHS[0], MACHINE_PATHS[0])),
            []
        );
    }

    #[test]
    fn an_address_of_a_registry_is_reported() {
        assert_eq!(
            of_one_machine("lock", &format!("\"resolved\": \"https://{}.org/x\"", REGISTRIES[0])).len(),
            1
        );
    }
}
