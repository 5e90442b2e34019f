//! From opened sums to the figures that a query names.

use cowl_domain::table::Layout;
use cowl_query::{Aggregate, AggregateFunction, Cell};
use num_bigint::BigInt;

use super::{OpenError, OpenerTable};
use crate::exact::{power_of_ten, quotient};
use crate::layout::variables_of;
use crate::moments::{Moments, Variable};
use crate::regression::{Model, Penalty, fit};
use crate::result::Figure;

/// Whether an aggregate has one number, or one model, of its columns.
pub(super) fn check(table: &OpenerTable, aggregate: &Aggregate) -> Result<(), OpenError> {
    let only = match aggregate.function.is_regression() {
        true => &aggregate.columns[..1],
        false => &aggregate.columns[..],
    };
    for column in only {
        let variables = table.codebook.variables.iter().filter(|variable| variable.column == *column).count();
        if variables != 1 {
            let name = table.schema().columns[usize::from(*column)].name.clone();
            let (levels, function) = (variables + 1, aggregate.function.name());
            return Err(OpenError::Category { column: name, levels, function });
        }
    }
    Ok(())
}

/// The opened sums of one set over the rows of a group.
pub(super) struct SetSums<'a> {
    table: &'a OpenerTable,
    set: u16,
    kept: Kept,
}

enum Kept {
    Moments(Moments),
    /// For each variable, how many cells are there, and their sum.
    Cells(Vec<Variable>, Vec<i128>),
}

impl<'a> SetSums<'a> {
    pub(super) fn new(table: &'a OpenerTable, set: u16, sums: Vec<i128>) -> Result<Self, OpenError> {
        let place = usize::from(set);
        let coding = &table.codebook.sets[place];
        let variables =
            variables_of(&table.codebook, coding).ok_or(OpenError::OtherTable { what: "codebook" })?;
        let kept = match table.schema().sets[place].layout {
            Layout::Moments { .. } => {
                Kept::Moments(Moments::from_slots(variables, &sums).map_err(OpenError::Sums)?)
            }
            Layout::Cells { .. } | Layout::Columns { .. } => Kept::Cells(variables, sums),
        };
        Ok(Self { table, set, kept })
    }

    pub(super) fn set(&self) -> u16 {
        self.set
    }

    /// Places, among the set's variables, of those of some columns.
    fn places(&self, columns: &[u16]) -> Vec<usize> {
        let variables = &self.table.codebook.sets[usize::from(self.set)].variables;
        let of = |column: &u16| {
            let column = *column;
            let is_of =
                move |variable: &u16| self.table.codebook.variables[usize::from(*variable)].column == column;
            (0..variables.len()).filter(move |place| is_of(&variables[*place]))
        };
        columns.iter().flat_map(of).collect()
    }

    /// A figure of a group that has so many rows.
    pub(super) fn figure(&self, aggregate: &Aggregate, rows: u64) -> Result<Figure, OpenError> {
        let places = self.places(&aggregate.columns);
        match &self.kept {
            Kept::Moments(moments) => Ok(of_moments(moments, aggregate, &places, rows)),
            Kept::Cells(variables, sums) => {
                let place = *places.first().ok_or(OpenError::OtherTable { what: "codebook" })?;
                let (used, sum) = (sums[2 * place], sums[2 * place + 1]);
                Ok(of_cells(aggregate.function, variables[place].decimals, used, sum, rows))
            }
        }
    }
}

fn of_moments(moments: &Moments, aggregate: &Aggregate, places: &[usize], rows: u64) -> Figure {
    let dropped = rows.saturating_sub(moments.rows());
    let function = aggregate.function;
    let value = match (function, places) {
        (
            AggregateFunction::LinearRegression | AggregateFunction::RidgeRegression,
            [target, predictors @ ..],
        ) => {
            let penalty = aggregate.penalty.as_ref().and_then(Cell::as_number);
            let penalty = penalty.map_or(Penalty::None, Penalty::Ridge);
            let model = Model::ordinary(*target, predictors.to_vec()).with_penalty(penalty);
            return match fit(moments, &model) {
                Ok(model) => Figure::Regression { model: Box::new(model), dropped },
                Err(why) => Figure::Undefined { why: why.to_string() },
            };
        }
        (AggregateFunction::Sum, [place]) => Ok(moments.sum(*place)),
        (AggregateFunction::Average, [place]) => moments.mean(*place),
        (AggregateFunction::Variance, [place]) => moments.variance(*place),
        (AggregateFunction::StandardDeviation, [place]) => moments.standard_deviation(*place),
        (AggregateFunction::Covariance, [left, right]) => moments.covariance(*left, *right),
        (AggregateFunction::Correlation, [left, right]) => moments.correlation(*left, *right),
        _ => return Figure::Undefined { why: format!("{} has no such columns", function.name()) },
    };
    match value {
        Ok(value) => Figure::Number { value, used: moments.rows(), dropped },
        Err(why) => Figure::Undefined { why: why.to_string() },
    }
}

fn of_cells(function: AggregateFunction, decimals: u8, used: i128, sum: i128, rows: u64) -> Figure {
    let unit = power_of_ten(decimals.into());
    let divisor = if function == AggregateFunction::Average { unit * used } else { unit };
    if divisor == BigInt::ZERO {
        return Figure::Undefined { why: "no row of the group has a value".to_owned() };
    }
    // The range check has seen that there are no more cells than rows.
    let used = u64::try_from(used).unwrap_or(0);
    Figure::Number { value: quotient(&sum.into(), &divisor), used, dropped: rows.saturating_sub(used) }
}
