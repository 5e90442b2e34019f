//! The groups of tests, and which test program is in which.
//!
//! An integration test belongs to a group by its name: `tests/stores.rs` or `tests/chaos_uploads.rs`. All
//! others, and the tests inside the crates, are units.

use crate::failure::{Failure, Result};
use crate::services::Needs;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    All,
    /// Format, clippy, the rules of the house.
    Check,
    Units,
    /// Every parser of outside bytes over mutations of real inputs, the same in every run.
    Fuzz,
    /// On a real PostgreSQL and a real S3 server.
    Stores,
    /// With other people's programs: age of npm and of Debian, the C2SP vectors.
    Interop,
    /// Killed processes, full disks, cut connections.
    Chaos,
    /// The tests of the ONNX project.
    Onnx,
}

const GROUPS: &[(&str, Group)] = &[
    ("all", Group::All),
    ("check", Group::Check),
    ("units", Group::Units),
    ("fuzz", Group::Fuzz),
    ("stores", Group::Stores),
    ("interop", Group::Interop),
    ("chaos", Group::Chaos),
    ("onnx", Group::Onnx),
];

/// What the name of an integration test says about its group.
const MARKS: &[(&str, Group)] = &[
    ("fuzz", Group::Fuzz),
    ("stores", Group::Stores),
    ("interop", Group::Interop),
    ("chaos", Group::Chaos),
    ("onnx", Group::Onnx),
];

impl Group {
    pub(crate) fn parse(name: &str) -> Result<Self> {
        let found = GROUPS.iter().find(|(known, _)| *known == name);
        let unknown = || Failure::new(format!("unknown group `{name}`: one of {}", Self::names()));
        found.map(|(_, group)| *group).ok_or_else(unknown)
    }

    pub(crate) fn names() -> String {
        GROUPS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" | ")
    }

    /// The group of a cargo target: `kind` is `lib`, `bin`, `test` …
    pub(crate) fn of_target(kind: &str, name: &str) -> Self {
        let mark = MARKS.iter().find(|(mark, _)| kind == "test" && name.contains(mark));
        mark.map_or(Self::Units, |(_, group)| *group)
    }

    pub(crate) fn includes(self, other: Self) -> bool {
        self == Self::All || self == other
    }

    pub(crate) fn has_gates(self) -> bool {
        self.includes(Self::Check)
    }

    pub(crate) fn has_programs(self) -> bool {
        self != Self::Check
    }

    pub(crate) fn has_doc_tests(self) -> bool {
        self.includes(Self::Units)
    }

    /// Whether only named integration tests are wanted, so that nothing else need be built.
    pub(crate) fn is_marked(self) -> bool {
        MARKS.iter().any(|(_, group)| *group == self)
    }

    pub(crate) fn needs(self) -> Needs {
        Needs {
            stores: self.includes(Self::Stores) || self == Self::Chaos,
            foreign_programs: self.includes(Self::Interop),
            onnx: self.includes(Self::Onnx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integration_test_belongs_to_the_group_in_its_name() {
        assert_eq!(Group::of_target("test", "stores"), Group::Stores);
        assert_eq!(Group::of_target("test", "chaos_uploads"), Group::Chaos);
        assert_eq!(Group::of_target("test", "fuzz"), Group::Fuzz);
        assert_eq!(Group::of_target("test", "onnx"), Group::Onnx);
        assert_eq!(Group::of_target("test", "sharing"), Group::Units);
        assert_eq!(Group::of_target("lib", "cowl_stores"), Group::Units);
    }

    #[test]
    fn every_group_is_parsed_by_its_name_and_no_other() {
        for (name, group) in GROUPS {
            assert_eq!(Group::parse(name).unwrap(), *group);
        }
        assert!(Group::parse("unit").is_err());
    }

    #[test]
    fn all_includes_everything_and_units_start_nothing() {
        assert!(GROUPS.iter().all(|(_, group)| Group::All.includes(*group)));
        assert_eq!(Group::Fuzz.needs(), Group::Units.needs());
        assert_eq!(Group::Units.needs(), Needs { stores: false, foreign_programs: false, onnx: false });
        assert!(Group::All.needs().stores && Group::All.needs().foreign_programs);
    }
}
