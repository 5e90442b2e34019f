//! A row of a bench: what was measured, ours, the reference's, and whether the goal is met.

use serde::{Deserialize, Serialize};

use crate::failure::{Result, While};

/// As printed by `--json`, one a line; `cowl bench NAME --json` prints the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    /// `vault.seal-file.age`
    pub(crate) id: String,
    pub(crate) what: String,
    /// Of `ours` and `reference`: `s`, `ms`, `µs`, `B/px`, `GiB` … are better when less, all others (`GB/s`, …) when more.
    pub(crate) unit: String,
    pub(crate) ours: f64,
    pub(crate) reference: Option<f64>,
    /// Who the reference is, with its version; or why there is none.
    pub(crate) by: Option<String>,
    /// How many times better ours is than the reference; above 1 is better in every unit.
    pub(crate) ratio: Option<f64>,
    /// None: the row only reports.
    pub(crate) goal: Option<f64>,
    /// What `goal` bounds.
    #[serde(default)]
    pub(crate) goal_of: GoalOf,
    pub(crate) met: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum GoalOf {
    /// `ratio` at least.
    #[default]
    Ratio,
    /// `ours` at most where less is better, at least where more is.
    Ours,
}

impl Row {
    /// A row that only reports, with nobody to compare to.
    pub(crate) fn new(id: &str, what: &str, unit: &str, ours: f64) -> Self {
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

    pub(crate) fn against(mut self, by: &str, reference: f64) -> Self {
        self.by = Some(by.into());
        self.reference = Some(reference);
        self.ratio =
            Some(if less_is_better(&self.unit) { reference / self.ours } else { self.ours / reference });
        self.judged()
    }

    /// A peer that cannot be had here; a goal against it cannot be met.
    pub(crate) fn without(mut self, why: &str) -> Self {
        self.by = Some(why.into());
        self.judged()
    }

    pub(crate) fn goal(mut self, goal_of: GoalOf, goal: f64) -> Self {
        self.goal = Some(goal);
        self.goal_of = goal_of;
        self.judged()
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

    /// Rows that another program printed, one JSON object a line.
    pub(crate) fn parse_lines(text: &str) -> Result<Vec<Self>> {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        lines
            .map(|line| serde_json::from_str(line).attempting(|| format!("reading the row `{line}`")))
            .collect()
    }

    fn cells(&self) -> [String; 8] {
        let sign = if self.goal_of == GoalOf::Ours && less_is_better(&self.unit) { "≤" } else { "≥" };
        let of_ratio = if self.goal_of == GoalOf::Ratio { "×" } else { "" };
        let goal = self.goal.map_or(String::new(), |goal| format!("{sign} {}{of_ratio}", figure(goal)));
        [
            self.id.clone(),
            figure(self.ours),
            self.reference.map_or(String::new(), figure),
            self.unit.clone(),
            self.ratio.map_or(String::new(), |ratio| format!("{}×", figure(ratio))),
            goal,
            if self.goal.is_none() {
                ""
            } else if self.met {
                "met"
            } else {
                "MISSED"
            }
            .into(),
            self.by.as_ref().map_or_else(|| self.what.clone(), |by| format!("{}; {by}", self.what)),
        ]
    }
}

const HEADINGS: [&str; 8] = ["id", "ours", "reference", "unit", "ratio", "goal", "", "what; by"];
const NUMERIC: [bool; 8] = [false, true, true, false, true, true, false, false];

pub(crate) fn print_table(rows: &[Row]) {
    let mut lines = vec![HEADINGS.map(str::to_owned)];
    lines.extend(rows.iter().map(Row::cells));
    let widths: Vec<usize> = (0..HEADINGS.len())
        .map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0))
        .collect();
    for line in &lines {
        let cells = line.iter().zip(&widths).zip(NUMERIC).map(|((cell, &width), numeric)| {
            if numeric { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        println!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}

pub(crate) fn print_json(rows: &[Row]) -> Result<()> {
    for row in rows {
        println!("{}", serde_json::to_string(row).attempting(|| format!("writing the row {}", row.id))?);
    }
    Ok(())
}

/// Three digits that count.
fn figure(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.1 || size == 0.0 => format!("{value:.2}"),
        size if size >= 0.001 => format!("{value:.4}"),
        _ => format!("{value:.1e}"),
    }
}

pub(crate) fn less_is_better(unit: &str) -> bool {
    matches!(unit, "s" | "ms" | "µs" | "ns" | "days" | "relative" | "GiB")
        || ["s/", "ms/", "B/"].iter().any(|per| unit.starts_with(per))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_above_one_when_ours_is_better_in_either_unit() {
        assert_eq!(Row::new("a", "", "s", 0.5).against("peer", 2.0).ratio, Some(4.0));
        assert_eq!(Row::new("a", "", "GB/s", 2.0).against("peer", 0.5).ratio, Some(4.0));
    }

    #[test]
    fn a_goal_on_the_ratio_is_met_or_missed_in_any_order_of_building() {
        let row = Row::new("a", "", "s", 1.0);
        assert!(row.clone().against("peer", 4.0).goal(GoalOf::Ratio, 4.0).met);
        assert!(row.clone().goal(GoalOf::Ratio, 4.0).against("peer", 4.0).met);
        assert!(!row.against("peer", 3.9).goal(GoalOf::Ratio, 4.0).met);
    }

    #[test]
    fn a_goal_on_ours_follows_the_units_direction() {
        assert!(Row::new("a", "", "ms", 0.4).goal(GoalOf::Ours, 0.5).met);
        assert!(!Row::new("a", "", "ms", 0.6).goal(GoalOf::Ours, 0.5).met);
        assert!(Row::new("a", "", "GB/s", 2.1).goal(GoalOf::Ours, 2.0).met);
        assert!(!Row::new("a", "", "GB/s", 1.9).goal(GoalOf::Ours, 2.0).met);
    }

    #[test]
    fn a_goal_against_a_missing_peer_is_not_met_and_a_report_always_is() {
        assert!(!Row::new("a", "", "s", 1.0).goal(GoalOf::Ratio, 1.0).without("not here").met);
        assert!(Row::new("a", "", "s", 1.0).without("not here").met);
    }

    #[test]
    fn rows_survive_their_json_form() {
        let row = Row::new("a.b", "what", "s", 1.0).against("peer 1", 2.0).goal(GoalOf::Ours, 3.0);
        let line = serde_json::to_string(&row).unwrap();
        assert_eq!(Row::parse_lines(&format!("{line}\n\n")).unwrap(), [row]);
        assert!(Row::parse_lines("not a row").is_err());
    }
}
