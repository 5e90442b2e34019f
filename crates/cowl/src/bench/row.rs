//! A row of a bench: what was measured, ours, the reference's, and whether the goal is met.

use std::fmt;

use serde::Serialize;

use crate::columns::Columns;
use crate::failure::Result;
use crate::output::Output;

/// As `--json` prints it, one a line; `cargo xtask bench` reads the same.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Row {
    id: String,
    what: String,
    /// Of `ours` and `reference`; see [`less_is_better`].
    unit: String,
    ours: f64,
    reference: Option<f64>,
    /// Who the reference is.
    by: Option<String>,
    /// How many times better ours is than the reference; above 1 is better in every unit.
    ratio: Option<f64>,
    /// None: the row only reports.
    goal: Option<f64>,
    goal_of: GoalOf,
    met: bool,
}

/// What a goal bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum GoalOf {
    Ratio,
    Ours,
}

impl Row {
    /// A row that only reports, with nothing to compare to.
    pub(super) fn new(id: impl Into<String>, what: impl Into<String>, unit: &str, ours: f64) -> Self {
        Self {
            id: id.into(),
            what: what.into(),
            unit: unit.into(),
            ours,
            reference: None,
            by: None,
            ratio: None,
            goal: None,
            goal_of: GoalOf::Ratio,
            met: true,
        }
    }

    /// Beside somebody else's figure.
    pub(super) fn against(mut self, by: &str, reference: f64) -> Self {
        let better = if less_is_better(&self.unit) { reference / self.ours } else { self.ours / reference };
        self.by = Some(by.into());
        self.reference = Some(reference);
        self.ratio = better.is_finite().then_some(better);
        self.judged()
    }

    /// The ratio is to be this or more.
    pub(super) fn ratio_goal(mut self, goal: f64) -> Self {
        (self.goal, self.goal_of) = (Some(goal), GoalOf::Ratio);
        self.judged()
    }

    /// Ours is to be this or better.
    pub(super) fn own_goal(mut self, goal: f64) -> Self {
        (self.goal, self.goal_of) = (Some(goal), GoalOf::Ours);
        self.judged()
    }

    /// Whether the goal is met, if there is one.
    pub(super) fn is_met(&self) -> bool {
        self.met
    }

    fn judged(mut self) -> Self {
        self.met = match (self.goal, self.goal_of) {
            (None, _) => true,
            (Some(goal), GoalOf::Ratio) => self.ratio.is_some_and(|ratio| ratio >= goal),
            (Some(goal), GoalOf::Ours) if less_is_better(&self.unit) => self.ours <= goal,
            (Some(goal), GoalOf::Ours) => self.ours >= goal,
        };
        self
    }

    fn cells(&self) -> [String; 8] {
        let goal = self.goal.map(|goal| match self.goal_of {
            GoalOf::Ratio => format!("≥ {}×", figure(goal)),
            GoalOf::Ours if less_is_better(&self.unit) => format!("≤ {}", figure(goal)),
            GoalOf::Ours => format!("≥ {}", figure(goal)),
        });
        let verdict = match (self.goal, self.met) {
            (None, _) => "",
            (_, true) => "met",
            (_, false) => "MISSED",
        };
        [
            self.id.clone(),
            figure(self.ours),
            self.reference.map_or(String::new(), figure),
            self.unit.clone(),
            self.ratio.map_or(String::new(), |ratio| format!("{}×", figure(ratio))),
            goal.unwrap_or_default(),
            verdict.into(),
            self.by.as_ref().map_or_else(|| self.what.clone(), |by| format!("{}; {by}", self.what)),
        ]
    }
}

/// Rows as a table for people.
struct Table<'a>(&'a [Row]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heads = ["id", "ours", "reference", "unit", "ratio", "goal", "", "what; reference"];
        let mut columns = Columns::new(heads).right([1, 2, 4, 5]);
        self.0.iter().for_each(|row| columns.row(row.cells()));
        columns.fmt(f)
    }
}

/// The table, or an object a line.
pub(super) fn print(output: Output, rows: &[Row]) -> Result<()> {
    if output.is_json() { print_lines(output, rows) } else { output.text(&Table(rows)) }
}

/// An object a line, for whoever reads along; people get the table at the end.
pub(super) fn print_lines_if_json(output: Output, rows: &[Row]) -> Result<()> {
    if output.is_json() { print_lines(output, rows) } else { Ok(()) }
}

/// An object a line.
pub(super) fn print_lines(output: Output, rows: &[Row]) -> Result<()> {
    rows.iter().try_for_each(|row| output.line(row))
}

/// Three digits that count.
pub(super) fn figure(value: f64) -> String {
    match value.abs() {
        size if !size.is_finite() => "∞".into(),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.1 || size == 0.0 => format!("{value:.2}"),
        size if size >= 0.001 => format!("{value:.4}"),
        _ => format!("{value:.1e}"),
    }
}

fn less_is_better(unit: &str) -> bool {
    matches!(unit, "s" | "ms" | "µs" | "%" | "MSE" | "days" | "relative" | "rounds")
        || ["s/", "B/"].iter().any(|per| unit.starts_with(per))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_above_one_when_ours_is_better_in_either_direction() {
        assert_eq!(Row::new("a", "", "s", 0.5).against("peer", 2.0).ratio, Some(4.0));
        assert_eq!(Row::new("a", "", "GB/s", 2.0).against("peer", 0.5).ratio, Some(4.0));
    }

    #[test]
    fn goals_are_judged_in_any_order_of_building() {
        let row = Row::new("a", "", "s", 1.0);
        assert!(row.clone().against("peer", 4.0).ratio_goal(4.0).is_met());
        assert!(row.clone().ratio_goal(4.0).against("peer", 4.0).is_met());
        assert!(!row.clone().ratio_goal(4.0).is_met());
        assert!(row.clone().own_goal(1.0).is_met() && !row.own_goal(0.9).is_met());
    }

    #[test]
    fn a_row_has_the_fields_that_xtask_reads() {
        let row = Row::new("a", "b", "ms", 1.0).own_goal(2.0);
        let json = serde_json::to_value(&row).unwrap();
        let fields = ["id", "what", "unit", "ours", "reference", "by", "ratio", "goal", "goal_of", "met"];
        assert!(fields.iter().all(|field| json.get(field).is_some()));
        assert_eq!(json["goal_of"], "ours");
    }
}
