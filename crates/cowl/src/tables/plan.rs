//! What an owner wants of each column, from a plan file and the command line. What is said on the command line goes
//! before what is in the file; a column that neither names is dropped.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;

use cowl_domain::table::{ColumnRole, ColumnType};
use cowl_tables::coding::{ColumnChoice, LayoutChoice, SetChoice};
use cowl_tables::import::RawTable;
use cowl_tables::news2::{Vital, add_bins};
use serde::Deserialize;

use crate::args::ColumnArguments;
use crate::failure::{Failure, Result};

/// What is sealed, and how.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SealPlan {
    pub(crate) choices: Vec<ColumnChoice>,
    pub(crate) sets: Vec<SetChoice>,
    pub(crate) key_bits: u32,
    pub(crate) minimum_cohort: u32,
}

/// A plan file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PlanFile {
    key_bits: Option<u32>,
    minimum_cohort: Option<u32>,
    #[serde(default)]
    columns: BTreeMap<String, PlannedColumn>,
    #[serde(default, rename = "set")]
    sets: Vec<PlannedSet>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PlannedColumn {
    role: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    decimals: Option<u8>,
    #[serde(default)]
    standardise: bool,
    reference: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PlannedSet {
    name: String,
    layout: String,
    columns: Vec<String>,
    /// Of layout `columns`: what the coefficients' sizes sum up to at most.
    weight: Option<u64>,
}

impl SealPlan {
    /// The plan that the arguments describe.
    ///
    /// # Errors
    /// A plan file that cannot be read; a column that is named twice; nothing to keep.
    pub(crate) fn resolve(arguments: &ColumnArguments) -> Result<Self> {
        let file = match &arguments.plan {
            Some(path) => PlanFile::read(path)?,
            None => PlanFile::default(),
        };
        let mut choices = Choices::default();
        for (name, column) in &file.columns {
            choices.0.insert(name.clone(), column.choice(name)?);
        }
        choices.take_arguments(arguments)?;
        let choices = choices.kept(!arguments.news2.is_empty())?;
        let mut sets = match chosen_sets(arguments)? {
            sets if !sets.is_empty() => sets,
            _ if !file.sets.is_empty() => file.sets.iter().map(PlannedSet::choice).collect::<Result<_>>()?,
            _ => usual_sets(&choices),
        };
        sets.extend(scored_sets(arguments)?);
        Ok(Self {
            choices,
            sets,
            key_bits: arguments.key_bits.or(file.key_bits).unwrap_or(KEY_BITS),
            minimum_cohort: arguments.minimum_cohort.or(file.minimum_cohort).unwrap_or(1).max(1),
        })
    }

    /// Adds the bins of the signs of NEWS2 to the table, as a set that can be scored.
    ///
    /// # Errors
    /// A sign twice, or in a column that is not there or has what is no number.
    pub(crate) fn add_news2(&mut self, table: &mut RawTable, signs: &[(Vital, String)]) -> Result<()> {
        let signs: Vec<(Vital, &str)> =
            signs.iter().map(|(vital, column)| (*vital, column.as_str())).collect();
        let added = add_bins(table, &signs).map_err(|error| Failure::usage(error.to_string()))?;
        let Some(weight) = added.iter().map(|it| u64::from(it.points)).reduce(|sum, points| sum + points)
        else {
            return Ok(());
        };
        self.choices.extend(added.iter().map(|indicator| ColumnChoice {
            kind: Some(ColumnType::Binary),
            ..ColumnChoice::new(indicator.column.as_str(), ColumnRole::Secret)
        }));
        let columns = added.into_iter().map(|indicator| indicator.column).collect();
        let layout = LayoutChoice::Columns { weight };
        self.sets.push(SetChoice { name: NEWS2.to_owned(), layout, columns });
        Ok(())
    }

    /// The columns of a role.
    pub(crate) fn of_role(&self, role: ColumnRole) -> impl Iterator<Item = &str> {
        self.choices.iter().filter(move |choice| choice.role == role).map(|choice| choice.column.as_str())
    }
}

impl PlanFile {
    fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, error))?;
        toml::from_str(&text).map_err(|error| {
            let message = error.to_string();
            Failure::usage(format!("{}: {}", path.display(), message.trim_end()))
        })
    }
}

impl PlannedColumn {
    fn choice(&self, name: &str) -> Result<ColumnChoice> {
        Ok(ColumnChoice {
            column: name.to_owned(),
            role: word(name, &self.role)?,
            kind: self.kind.as_deref().map(|kind| word(name, kind)).transpose()?,
            decimals: self.decimals,
            standardise: self.standardise,
            reference: self.reference.clone(),
        })
    }
}

impl PlannedSet {
    fn choice(&self) -> Result<SetChoice> {
        let layout = match (self.layout.as_str(), self.weight) {
            ("moments", None) => LayoutChoice::Moments,
            ("cells", None) => LayoutChoice::Cells,
            ("columns", Some(weight)) => LayoutChoice::Columns { weight },
            ("columns", None) => {
                return Err(self.wrong("needs a weight: what its coefficients sum up to at most"));
            }
            ("moments" | "cells", Some(_)) => {
                return Err(self.wrong("has no weight; that is for layout columns"));
            }
            _ => return Err(self.wrong("has a layout that is none of moments, cells, columns")),
        };
        Ok(SetChoice { name: self.name.clone(), layout, columns: self.columns.clone() })
    }

    fn wrong(&self, what: &str) -> Failure {
        Failure::usage(format!("set '{}' of the plan {what}", self.name))
    }
}

/// Choices by their column.
#[derive(Default)]
struct Choices(BTreeMap<String, ColumnChoice>);

impl Choices {
    fn take_arguments(&mut self, arguments: &ColumnArguments) -> Result<()> {
        let mut said = BTreeMap::new();
        let roles = [
            (ColumnRole::Open, &arguments.open),
            (ColumnRole::Token, &arguments.token),
            (ColumnRole::Secret, &arguments.secret),
            (ColumnRole::Dropped, &arguments.drop),
        ];
        for (role, columns) in roles {
            for column in columns {
                if said.insert(column, role).is_some_and(|other| other != role) {
                    return Err(Failure::usage(format!("column '{column}' is given two roles; give it one")));
                }
                let fresh = || ColumnChoice::new(column.as_str(), role);
                self.0.entry(column.clone()).or_insert_with(fresh).role = role;
            }
        }
        for column in &arguments.standardise {
            self.chosen(column)?.standardise = true;
        }
        for (column, kind) in &arguments.kinds {
            self.chosen(column)?.kind = Some(word(column, kind)?);
        }
        for (column, decimals) in &arguments.decimals {
            self.chosen(column)?.decimals = Some(word(column, decimals)?);
        }
        for (column, level) in &arguments.reference {
            self.chosen(column)?.reference = Some(level.clone());
        }
        Ok(())
    }

    fn chosen(&mut self, column: &str) -> Result<&mut ColumnChoice> {
        self.0.get_mut(column).ok_or_else(|| {
            Failure::usage(format!("column '{column}' has no role"))
                .with_hint("give it one: --open, --token or --secret")
        })
    }

    /// `more` says that columns will be added.
    fn kept(self, more: bool) -> Result<Vec<ColumnChoice>> {
        let choices: Vec<ColumnChoice> = self.0.into_values().collect();
        if more || choices.iter().any(|choice| choice.role != ColumnRole::Dropped) {
            return Ok(choices);
        }
        Err(Failure::usage("nothing is to be kept of the table").with_hint(
            "say what becomes of its columns (--open, --token, --secret), or draft a plan: \
             cowl table import FILE --write-plan plan.toml",
        ))
    }
}

/// Sets from the command line.
fn chosen_sets(arguments: &ColumnArguments) -> Result<Vec<SetChoice>> {
    let moments = named_lists("moments", LayoutChoice::Moments, &arguments.moments);
    let cells = named_lists("cells", LayoutChoice::Cells, &arguments.cells);
    moments.chain(cells).collect()
}

/// Sets of which single rows may be scored; they come beside the others.
fn scored_sets(arguments: &ColumnArguments) -> Result<Vec<SetChoice>> {
    let weight = arguments.score_weight.unwrap_or(SCORE_WEIGHT);
    named_lists("scores", LayoutChoice::Columns { weight }, &arguments.scored).collect()
}

fn named_lists(
    usual: &'static str,
    layout: LayoutChoice,
    lists: &[String],
) -> impl Iterator<Item = Result<SetChoice>> {
    lists.iter().zip(1..).map(move |(text, number)| {
        let (name, columns) = match text.split_once('=') {
            Some((name, columns)) => (name.to_owned(), columns),
            None if number == 1 => (usual.to_owned(), text.as_str()),
            None => (format!("{usual}-{number}"), text.as_str()),
        };
        let columns: Vec<String> = columns.split(',').map(|column| column.trim().to_owned()).collect();
        if name.is_empty() || columns.iter().any(String::is_empty) {
            return Err(Failure::usage(format!("'{text}' is not [NAME=]COLUMN,COLUMN…")));
        }
        Ok(SetChoice { name, layout, columns })
    })
}

/// One set for sums of products and one for cells, of all secret columns.
fn usual_sets(choices: &[ColumnChoice]) -> Vec<SetChoice> {
    let secret = || choices.iter().filter(|choice| choice.role == ColumnRole::Secret);
    let columns: Vec<String> = secret().map(|choice| choice.column.clone()).collect();
    if columns.is_empty() {
        return Vec::new();
    }
    let set = |name: &str, layout| SetChoice { name: name.to_owned(), layout, columns: columns.clone() };
    vec![set("moments", LayoutChoice::Moments), set("cells", LayoutChoice::Cells)]
}

fn word<T: FromStr<Err: Display>>(column: &str, text: &str) -> Result<T> {
    text.parse().map_err(|error| Failure::usage(format!("column '{column}': {error}")))
}

/// What coefficients add up to where nothing else is said: a million with six digits after the point.
const SCORE_WEIGHT: u64 = 1 << 40;
/// The name of the set that has the bins of NEWS2.
const NEWS2: &str = "news2";
/// Bits of a table's key where nothing else is said.
const KEY_BITS: u32 = 3072;

#[cfg(test)]
mod tests;
