//! Sealed tables on the command line, against a real server: a hospital, and a researcher who cannot see its rows.

#![allow(clippy::unwrap_used, clippy::print_stderr)] // Helpers are test code, too.

mod world;

#[path = "tables/answers.rs"]
mod answers;
#[path = "tables/files.rs"]
mod files;
#[path = "tables/interrupted.rs"]
mod interrupted;
#[path = "tables/manual.rs"]
mod manual;
#[path = "tables/refusals.rs"]
mod refusals;
#[path = "tables/scores.rs"]
mod scores;

use std::path::{Path, PathBuf};

use serde_json::Value;
use world::World;
use world::manual::repository;

fn sample() -> String {
    repository("samples/tables/pn2012.csv").to_str().unwrap().to_owned()
}

/// The rows of the sample: unit, death, age and length of stay, the latter missing where it is −1.
fn rows() -> Vec<(String, i64, Option<f64>, Option<f64>)> {
    let text = std::fs::read_to_string(sample()).unwrap();
    let cell = |text: &str| text.parse().ok().filter(|number| *number != -1.0);
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        (cells[4].to_owned(), cells[7].parse().unwrap(), cell(cells[0]), cell(cells[6]))
    };
    text.lines().skip(1).map(row).collect()
}

/// Two parties, and the hospital's table as an argument of 'cowl table seal'.
struct Study {
    world: World,
    table: String,
}

impl Study {
    /// With the table sealed; `None` where the server program is not built.
    fn begin() -> Option<Self> {
        Self::sealed(&["--open", "ICU,death", "--secret", "Age,MechVent,LOS"])
    }

    fn sealed(columns: &[&str]) -> Option<Self> {
        let world = World::new()?;
        world.register("hospital", "hospital");
        world.register("researcher", "researcher");
        let (sample, key) = (sample(), repository("vectors/paillier/secret-2048.cbor"));
        let file =
            ["table", "seal", &sample, "--missing", "-1", "--secret-key", key.to_str().unwrap(), "--yes"];
        let sealed = world.json("hospital", &[file.as_slice(), columns].concat());
        let table = sealed["table"].as_str().unwrap().to_owned();
        Some(Self { world, table })
    }

    /// Lets the researcher ask about groups of ten.
    fn grant(&self, more: &[&str]) -> String {
        let make = ["grant", "make", "--to", "researcher", "--item", &self.table, "--power", "compute"];
        let terms = ["--minimum-cohort", "10", "--purpose", "research", "--trust-first-use"];
        let made = self.world.json("hospital", &[make.as_slice(), &terms, more].concat());
        made["grants"][0]["grant"].as_str().unwrap().to_owned()
    }

    /// The researcher asks; the job.
    fn ask(&self, sql: &str) -> String {
        let asked = self.world.json("researcher", &["table", "query", sql, "--yes", "--detach"]);
        asked["job"].as_str().unwrap().to_owned()
    }

    /// The researcher asks and the hospital's agent answers; what the researcher then sees.
    fn answered(&self, sql: &str) -> Value {
        let job = self.ask(sql);
        self.look();
        let path = self.world.path("answer.json");
        let arguments = ["job", "show", &job, "-o", path.to_str().unwrap()];
        self.world.yes("researcher", &arguments);
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    /// The hospital's agent looks once.
    fn look(&self) -> Value {
        self.world.json("hospital", &["agent", "run", "--headless", "--once"])
    }

    /// The researcher asks and is refused; why.
    fn refused(&self, sql: &str) -> String {
        let job = self.ask(sql);
        let looked = self.look();
        assert_eq!(looked["jobs"][0]["outcome"], "not-answered", "{looked}");
        let shown = self.world.json("researcher", &["job", "show", &job]);
        assert_eq!(shown["state"], "refused");
        shown["refusal"].as_str().unwrap().to_owned()
    }
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The value of a figure of a result.
fn value(result: &Value, row: usize, column: usize) -> f64 {
    result["rows"][row][column]["value"].as_f64().unwrap_or_else(|| panic!("{result:#}"))
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.collect();
    values.iter().sum::<f64>() / values.len() as f64
}
