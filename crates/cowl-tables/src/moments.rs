//! Exact sums over rows: what opening the added ciphertexts of a set yields.

use num_bigint::BigInt;
use num_traits::{Signed, Zero};
use serde::Serialize;

use crate::exact;

/// A variable as the sums hold it: an integer a row, in units of 10^−`decimals`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Variable {
    /// Its name in reports.
    pub name: String,
    /// Digits after the point.
    pub decimals: u8,
}

/// Why sums or a question about them do not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MomentsError {
    /// The wrong number of sums for the variables.
    #[error("{variables} variables have {expected} sums, not {found}")]
    WrongCount {
        /// How many variables.
        variables: usize,
        /// How many sums they have.
        expected: usize,
        /// How many were given.
        found: usize,
    },
    /// Sums that no rows have.
    #[error("the sums of '{name}' are not those of any table; open them again")]
    Impossible {
        /// The variable, or the count.
        name: String,
    },
    /// No variable of this name.
    #[error("there is no variable '{name}' in this set; it has {known}")]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// No variable at this place.
    #[error("there is no variable with number {0} in this set")]
    NoSuchPlace(usize),
    /// Too few rows for the figure.
    #[error("{what} needs {needed} rows or more, and {rows} are complete")]
    TooFewRows {
        /// The figure.
        what: &'static str,
        /// The fewest rows that yield it.
        needed: u64,
        /// How many there are.
        rows: u64,
    },
    /// A correlation with something that does not vary.
    #[error("'{name}' has the same value in all rows, so it correlates with nothing")]
    Constant {
        /// The variable.
        name: String,
    },
}

/// How many sums the moments of `variables` variables are: 1, each xᵢ, each xᵢxⱼ with i ≤ j.
pub const fn moment_count(variables: usize) -> usize {
    (variables + 1) * (variables + 2) / 2
}

/// The sums of 1, xᵢ and xᵢxⱼ over the rows of a group, exact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moments {
    variables: Vec<Variable>,
    rows: u64,
    /// In the order of [`moment_count`], the count left out.
    sums: Vec<BigInt>,
}

impl Moments {
    /// From the sums in the order 1; x₁ … xₖ; x₁x₁, x₁x₂ … x₁xₖ, x₂x₂ … xₖxₖ.
    ///
    /// # Errors
    /// [`MomentsError::WrongCount`]; [`MomentsError::Impossible`] where no rows have such sums.
    pub fn new(variables: Vec<Variable>, sums: Vec<BigInt>) -> Result<Self, MomentsError> {
        let expected = moment_count(variables.len());
        if sums.len() != expected {
            let (variables, found) = (variables.len(), sums.len());
            return Err(MomentsError::WrongCount { variables, expected, found });
        }
        let mut sums = sums;
        let count = sums.remove(0);
        let rows =
            u64::try_from(&count).map_err(|_| MomentsError::Impossible { name: "the count".into() })?;
        let moments = Self { variables, rows, sums };
        match (0..moments.variables.len()).find(|&place| !moments.is_possible(place)) {
            Some(place) => Err(MomentsError::Impossible { name: moments.variables[place].name.clone() }),
            None => Ok(moments),
        }
    }

    /// From sums that fit 128 bits, as slots yield them.
    ///
    /// # Errors
    /// As [`Moments::new`].
    pub fn from_slots(variables: Vec<Variable>, sums: &[i128]) -> Result<Self, MomentsError> {
        Self::new(variables, sums.iter().copied().map(BigInt::from).collect())
    }

    /// Cauchy and Schwarz: n Σx² ≥ (Σx)²; and no rows sum to nothing.
    fn is_possible(&self, place: usize) -> bool {
        let nothing = self.sum_of(place).is_zero() && self.product_of(place, place).is_zero();
        !self.centred(place, place).is_negative() && (self.rows > 0 || nothing)
    }

    /// How many rows were summed: the complete cases of the group.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The variables in their order.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// The place of the variable with this name.
    ///
    /// # Errors
    /// [`MomentsError::Unknown`].
    pub fn place(&self, name: &str) -> Result<usize, MomentsError> {
        self.variables.iter().position(|variable| variable.name == name).ok_or_else(|| {
            MomentsError::Unknown {
                name: name.to_owned(),
                known: self
                    .variables
                    .iter()
                    .map(|variable| variable.name.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
            }
        })
    }

    /// Σxᵢ in units of the variable.
    pub(crate) fn sum_of(&self, place: usize) -> &BigInt {
        &self.sums[place]
    }

    /// Σxᵢxⱼ in units of both variables.
    pub(crate) fn product_of(&self, left: usize, right: usize) -> &BigInt {
        let (low, high) = (left.min(right), left.max(right));
        let width = self.variables.len();
        // Rows of a triangle: width, width − 1, … entries.
        &self.sums[width + low * (2 * width - low + 1) / 2 + (high - low)]
    }

    /// n Σxᵢxⱼ − Σxᵢ Σxⱼ: n times the centred sum of products, still an integer.
    ///
    /// Chan, Golub and LeVeque (The American Statistician 37, 1983) show what this formula loses in floating
    /// point; in integers it loses nothing.
    pub(crate) fn centred(&self, left: usize, right: usize) -> BigInt {
        self.product_of(left, right) * self.rows - self.sum_of(left) * self.sum_of(right)
    }

    /// 10^(decimals of both).
    fn unit(&self, left: usize, right: usize) -> BigInt {
        let decimals = |place: usize| u32::from(self.variables[place].decimals);
        exact::power_of_ten(decimals(left) + decimals(right))
    }

    /// Σxᵢ.
    ///
    /// # Panics
    /// When there is no such place, as all methods that take one.
    pub fn sum(&self, place: usize) -> f64 {
        exact::quotient(self.sum_of(place), &exact::power_of_ten(self.variables[place].decimals.into()))
    }

    /// The mean.
    ///
    /// # Errors
    /// [`MomentsError::TooFewRows`] without rows.
    pub fn mean(&self, place: usize) -> Result<f64, MomentsError> {
        self.needs(1, "a mean")?;
        let unit = exact::power_of_ten(self.variables[place].decimals.into());
        Ok(exact::quotient(self.sum_of(place), &(unit * self.rows)))
    }

    /// The covariance of a sample (divided by n − 1); of a variable with itself, its variance.
    ///
    /// # Errors
    /// [`MomentsError::TooFewRows`] for fewer than two rows.
    pub fn covariance(&self, left: usize, right: usize) -> Result<f64, MomentsError> {
        self.needs(2, if left == right { "a variance" } else { "a covariance" })?;
        let divisor = self.unit(left, right) * self.rows * (self.rows - 1);
        Ok(exact::quotient(&self.centred(left, right), &divisor))
    }

    /// The variance of a sample.
    ///
    /// # Errors
    /// As [`Moments::covariance`].
    pub fn variance(&self, place: usize) -> Result<f64, MomentsError> {
        self.covariance(place, place)
    }

    /// The standard deviation of a sample.
    ///
    /// # Errors
    /// As [`Moments::covariance`].
    pub fn standard_deviation(&self, place: usize) -> Result<f64, MomentsError> {
        self.variance(place).map(f64::sqrt)
    }

    /// Pearson's correlation, between −1 and 1.
    ///
    /// # Errors
    /// [`MomentsError::TooFewRows`]; [`MomentsError::Constant`].
    pub fn correlation(&self, left: usize, right: usize) -> Result<f64, MomentsError> {
        self.needs(2, "a correlation")?;
        if let Some(&place) = [left, right].iter().find(|&&place| self.centred(place, place).is_zero()) {
            return Err(MomentsError::Constant { name: self.variables[place].name.clone() });
        }
        let together = self.centred(left, right);
        let square = exact::quotient(
            &(&together * &together),
            &(self.centred(left, left) * self.centred(right, right)),
        );
        let size = square.sqrt();
        Ok(if together.is_negative() { -size } else { size })
    }

    fn needs(&self, needed: u64, what: &'static str) -> Result<(), MomentsError> {
        let rows = self.rows;
        if rows < needed { Err(MomentsError::TooFewRows { what, needed, rows }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
