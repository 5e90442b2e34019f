//! NEWS2, the National Early Warning Score, as a linear sum: each bin of a vital sign is an indicator of 0 and 1, and
//! the score is the sum of the indicators' points.
//!
//! Royal College of Physicians, "National Early Warning Score (NEWS) 2", London 2017; SpO₂ on scale 1. The hospital
//! makes the indicators before it seals ([`add_bins`]); scores then come from a set in layout *columns*
//! ([`crate::score`]), and averages of points over groups from any other.

use std::str::FromStr;

use cowl_domain::table::ColumnType;

use crate::import::{Cell, Clause, ImportError, RawTable, parse_number};

/// A sign that NEWS2 looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vital {
    /// Breaths a minute.
    Respiration,
    /// Per cent, on scale 1.
    OxygenSaturation,
    /// 1 where oxygen is given, 0 on air.
    Oxygen,
    /// Systolic, mmHg.
    BloodPressure,
    /// Beats a minute.
    Pulse,
    /// 0 where alert; 1 where confused, or reacting to voice, pain or not at all.
    Consciousness,
    /// °C.
    Temperature,
}

/// The beginning of the names of all indicators.
const PREFIX: &str = "news2";

/// From the bin before, which ends below, up to this value, in tenths: so many points.
type Bin = (i64, u8);
const NO_END: i64 = i64::MAX;

/// A word that is none of a sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is no sign of NEWS2; there are respiration, saturation, oxygen, pressure, pulse, consciousness, temperature"
)]
pub struct UnknownVital(String);

impl FromStr for Vital {
    type Err = UnknownVital;

    fn from_str(text: &str) -> Result<Self, UnknownVital> {
        Self::ALL.into_iter().find(|it| it.name() == text).ok_or_else(|| UnknownVital(text.to_owned()))
    }
}

impl Vital {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Respiration,
        Self::OxygenSaturation,
        Self::Oxygen,
        Self::BloodPressure,
        Self::Pulse,
        Self::Consciousness,
        Self::Temperature,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Respiration => "respiration",
            Self::OxygenSaturation => "saturation",
            Self::Oxygen => "oxygen",
            Self::BloodPressure => "pressure",
            Self::Pulse => "pulse",
            Self::Consciousness => "consciousness",
            Self::Temperature => "temperature",
        }
    }

    /// Its bins in ascending order.
    fn bins(self) -> &'static [Bin] {
        match self {
            Self::Respiration => &[(80, 3), (110, 1), (200, 0), (240, 2), (NO_END, 3)],
            Self::OxygenSaturation => &[(910, 3), (930, 2), (950, 1), (NO_END, 0)],
            Self::Oxygen => &[(0, 0), (NO_END, 2)],
            Self::BloodPressure => &[(900, 3), (1_000, 2), (1_100, 1), (2_190, 0), (NO_END, 3)],
            Self::Pulse => &[(400, 3), (500, 1), (900, 0), (1_100, 1), (1_300, 2), (NO_END, 3)],
            Self::Consciousness => &[(0, 0), (NO_END, 3)],
            Self::Temperature => &[(350, 3), (360, 1), (380, 0), (390, 1), (NO_END, 2)],
        }
    }

    /// The points of a value in tenths of its unit.
    pub fn points(self, tenths: i64) -> u8 {
        let bins = self.bins();
        bins.iter().find(|(end, _)| tenths <= *end).map_or(0, |(_, points)| *points)
    }
}

/// An indicator that was added to a table, and its points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indicator {
    /// The name of its column, e.g. `news2 pulse 2`.
    pub column: String,
    /// What it counts.
    pub points: u8,
}

/// Adds to a table an indicator for each number of points that a sign can have but none: 1 where the sign in its column
/// has so many, 0 where it has others, missing where it is missing. Values between two tenths count with the lower.
///
/// # Errors
/// [`ImportError::UnknownColumn`]; [`ImportError::Cell`] names a cell that is no number;
/// [`ImportError::DuplicateName`].
pub fn add_bins(table: &mut RawTable, signs: &[(Vital, &str)]) -> Result<Vec<Indicator>, ImportError> {
    let mut added = Vec::new();
    for (vital, column) in signs {
        let points = points_of(table, *vital, column)?;
        for wanted in 1..=3u8 {
            if vital.bins().iter().all(|(_, points)| *points != wanted) {
                continue;
            }
            let name = format!("{PREFIX} {} {wanted}", vital.name());
            let cell = |points: &Option<u8>| points.map(|points| if points == wanted { "1" } else { "0" });
            table.add_column(&name, points.iter().map(cell))?;
            added.push(Indicator { column: name, points: wanted });
        }
    }
    Ok(added)
}

/// The points of an indicator that [`add_bins`] has added, by the name of its column; `None` of other columns.
pub fn points_of_indicator(column: &str) -> Option<u8> {
    let (sign, points) = column.strip_prefix(PREFIX)?.strip_prefix(' ')?.rsplit_once(' ')?;
    let vital: Vital = sign.parse().ok()?;
    let points = points.parse().ok()?;
    let has = |bin: &Bin| bin.1 == points && points > 0;
    vital.bins().iter().any(has).then_some(points)
}

fn points_of(table: &RawTable, vital: Vital, column: &str) -> Result<Vec<Option<u8>>, ImportError> {
    let place = table.column(column)?;
    let clause = Clause::of(table.decimal_comma());
    let points = |(line, cell): (u64, Cell<'_>)| {
        let Cell::Text(text) = cell else { return Ok(None) };
        let number = parse_number(text, clause);
        let tenths = number.and_then(|number| i64::try_from(number.in_tenths_down()?).ok());
        let tenths = tenths.ok_or_else(|| table.not_a(ColumnType::Decimal, place, line, text))?;
        Ok(Some(vital.points(tenths)))
    };
    table.cells(place).map(points).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::{CsvOptions, read_csv};

    /// Table 1 of the Royal College's report, at the ends of each bin.
    #[test]
    fn points_are_those_of_the_published_chart() {
        let chart: [(Vital, &[(i64, u8)]); 7] = [
            (
                Vital::Respiration,
                &[(80, 3), (90, 1), (110, 1), (120, 0), (200, 0), (210, 2), (240, 2), (250, 3)],
            ),
            (
                Vital::OxygenSaturation,
                &[(910, 3), (920, 2), (930, 2), (940, 1), (950, 1), (960, 0), (1_000, 0)],
            ),
            (Vital::Oxygen, &[(0, 0), (10, 2)]),
            (
                Vital::BloodPressure,
                &[(900, 3), (910, 2), (1_000, 2), (1_010, 1), (1_100, 1), (1_110, 0), (2_190, 0), (2_200, 3)],
            ),
            (
                Vital::Pulse,
                &[
                    (400, 3),
                    (410, 1),
                    (500, 1),
                    (510, 0),
                    (900, 0),
                    (910, 1),
                    (1_100, 1),
                    (1_110, 2),
                    (1_310, 3),
                ],
            ),
            (Vital::Consciousness, &[(0, 0), (10, 3)]),
            (
                Vital::Temperature,
                &[(350, 3), (351, 1), (360, 1), (361, 0), (380, 0), (381, 1), (390, 1), (391, 2)],
            ),
        ];
        for (vital, values) in chart {
            for (tenths, points) in values {
                assert_eq!(vital.points(*tenths), *points, "{vital:?} at {tenths} tenths");
            }
        }
    }

    #[test]
    fn indicators_sum_up_to_the_score_and_keep_what_is_missing() {
        let text = "pulse,temp\n45,39.1\n72,36.5\n,38.1\n140,\n";
        let mut table = read_csv(text.as_bytes(), &CsvOptions::default()).unwrap();
        let added = add_bins(&mut table, &[(Vital::Pulse, "pulse"), (Vital::Temperature, "temp")]).unwrap();
        assert_eq!(added.len(), 6);
        for Indicator { column, points } in &added {
            assert_eq!(points_of_indicator(column), Some(*points), "{column}");
        }
        for other in ["news2 pulse 0", "news2 oxygen 3", "news2 hair 1", "news2", "pulse 1"] {
            assert_eq!(points_of_indicator(other), None, "{other}");
        }
        let score = |row: usize, sign: &str| -> Option<i64> {
            let of_sign = added.iter().filter(|indicator| indicator.column.contains(sign));
            let points = of_sign.map(|indicator| {
                let place = table.column(&indicator.column).unwrap();
                match table.cells(place).nth(row).unwrap().1 {
                    Cell::Missing(_) => None,
                    Cell::Text(bit) => Some(i64::from(indicator.points) * bit.parse::<i64>().unwrap()),
                }
            });
            points.sum()
        };
        let scores = |sign: &str| (0..4).map(|row| score(row, sign)).collect::<Vec<_>>();
        assert_eq!(scores("pulse"), [Some(1), Some(0), None, Some(3)]);
        assert_eq!(scores("temperature"), [Some(2), Some(0), Some(1), None]);
        assert!(add_bins(&mut table, &[(Vital::Pulse, "pulse")]).is_err(), "its columns are there already");
    }
}
