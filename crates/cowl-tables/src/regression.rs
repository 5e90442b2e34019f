//! Least squares, ordinary and ridge, from exact moments.
//!
//! The integer Gram matrix is centred without loss and inverted as a matrix of integers; every figure is an exact
//! fraction until it is rounded, once, to a double. So no design is too ill-conditioned to be solved, and what
//! comes out is what the rounded table says; what is refused as nearly collinear is refused because the table
//! could not say more, not because the arithmetic could not.
//!
//! Ridge (Hoerl and Kennard, Technometrics 12, 1970; Hastie, Technometrics 62, 2020) leaves the intercept alone.
//! Its effective degrees of freedom are 1 + tr(S(S+Λ)⁻¹) and its standard errors those of the biased estimator,
//! σ²(S+Λ)⁻¹S(S+Λ)⁻¹: t and p are then approximate.

use num_bigint::BigInt;
use num_traits::{One, Signed, Zero};

use crate::distribution::{fisher_upper, student_quantile, student_two_sided};
use crate::exact::{self, Fraction};
use crate::moments::{Moments, MomentsError};

mod fitted;
mod sweep;
pub use fitted::{Coefficient, Regression};
use sweep::{Inverse, NoInverse, Symmetric, dot};

/// The name under which the constant term is reported.
pub const INTERCEPT: &str = "(intercept)";

/// The most predictors of one model: the time grows with the fifth power, and beyond this a person would wait.
pub const MOST_PREDICTORS: usize = 64;

/// How large coefficients are punished.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Penalty {
    /// Not: ordinary least squares.
    None,
    /// λ Σ βᵢ² is added to the residual sum of squares, with the coefficients in the columns' own units.
    Ridge(f64),
    /// λ Σ (βᵢ sᵢ)², where sᵢ² = Σ(xᵢ−x̄ᵢ)²/n: as if the columns had been standardised first, the coefficients
    /// reported in the columns' own units. λ is n times that of the package `glmnet`.
    StandardisedRidge(f64),
}

/// What is to be fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Place of the target among the variables.
    pub target: usize,
    /// Places of the predictors; the intercept comes by itself.
    pub predictors: Vec<usize>,
    /// Ordinary or ridge.
    pub penalty: Penalty,
    /// Confidence of the intervals, e.g. 0.95.
    pub confidence: f64,
    /// A predictor of which less than this share of its variance is its own, not explained by the other
    /// predictors, is refused; 0 refuses only what is exactly determined.
    pub tolerance: f64,
}

impl Model {
    /// Intervals of 95 %.
    pub const CONFIDENCE: f64 = 0.95;
    /// With less of its own than this, the sixteen digits of a double could not tell a column from the others.
    pub const TOLERANCE: f64 = 1e-12;

    /// Ordinary least squares of `target` on `predictors`.
    pub fn ordinary(target: usize, predictors: Vec<usize>) -> Self {
        let (confidence, tolerance) = (Self::CONFIDENCE, Self::TOLERANCE);
        Self { target, predictors, penalty: Penalty::None, confidence, tolerance }
    }

    /// The same with a penalty.
    #[must_use]
    pub fn with_penalty(self, penalty: Penalty) -> Self {
        Self { penalty, ..self }
    }
}

/// Why a model cannot be fitted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RegressionError {
    /// No predictor at all.
    #[error("a regression needs a predictor; name one beside the target")]
    NoPredictors,
    /// More than [`MOST_PREDICTORS`].
    #[error("{0} predictors are more than {MOST_PREDICTORS}; leave some out")]
    TooManyPredictors(usize),
    /// A column stands in the model twice.
    #[error("'{0}' stands in the model twice; leave one out")]
    Twice(String),
    /// No degrees of freedom would be left.
    #[error("{rows} complete rows are too few for {predictors} predictors: {needed} or more are needed")]
    TooFewRows {
        /// The complete rows.
        rows: u64,
        /// The predictors.
        predictors: usize,
        /// The fewest rows that do.
        needed: u64,
    },
    /// A predictor, or the target, does not vary.
    #[error("'{0}' has the same value in all these rows; leave it out")]
    Constant(String),
    /// A predictor is exactly a linear combination of others.
    #[error("'{column}' is determined by {others}; leave one of them out", others = .of.join(", "))]
    Collinear {
        /// The predictor.
        column: String,
        /// Those that determine it.
        of: Vec<String>,
    },
    /// A predictor is nearly a linear combination of others.
    #[error(
        "only {own:.1e} of the variance of '{column}' is not explained by the other predictors, above all \
         '{partner}'; leave one of them out, or ask for ridge"
    )]
    NearlyCollinear {
        /// The predictor.
        column: String,
        /// The one with which it goes most closely, the others held fixed.
        partner: String,
        /// The share of its variance that is its own.
        own: f64,
    },
    /// λ, confidence or tolerance out of range.
    #[error("{what} must be {range}, not {found}")]
    OutOfRange {
        /// Which.
        what: &'static str,
        /// What it may be.
        range: &'static str,
        /// What it was.
        found: f64,
    },
    /// The sums themselves.
    #[error(transparent)]
    Moments(#[from] MomentsError),
}

/// Fits the model.
///
/// ```
/// use cowl_tables::{Model, Moments, Variable, regression::fit};
///
/// let variable = |name: &str| Variable { name: name.into(), decimals: 0 };
/// // n; Σx, Σy; Σx², Σxy, Σy² of (1, 2), (2, 3), (3, 5) and (4, 4).
/// let sums = [4, 10, 14, 30, 39, 54];
/// let moments = Moments::from_slots(vec![variable("x"), variable("y")], &sums).unwrap();
/// let fitted = fit(&moments, &Model::ordinary(1, vec![0])).unwrap();
/// assert_eq!(fitted.coefficients[1].estimate, 0.8);
/// ```
///
/// # Errors
/// [`RegressionError`]: names the column at fault.
pub fn fit(moments: &Moments, model: &Model) -> Result<Regression, RegressionError> {
    check(moments, model)?;
    let system = System::new(moments, model)?;
    let inverse = system.invert()?;
    if matches!(model.penalty, Penalty::None) {
        system.refuse_near_collinearity(&inverse, model.tolerance)?;
    }
    Ok(Solution::new(system, inverse).report())
}

fn check(moments: &Moments, model: &Model) -> Result<(), RegressionError> {
    let name = |place: usize| moments.variables()[place].name.clone();
    let predictors = model.predictors.len();
    if let Some(place) =
        model.predictors.iter().chain([&model.target]).find(|it| **it >= moments.variables().len())
    {
        return Err(MomentsError::NoSuchPlace(*place).into());
    }
    if predictors == 0 {
        return Err(RegressionError::NoPredictors);
    }
    if predictors > MOST_PREDICTORS {
        return Err(RegressionError::TooManyPredictors(predictors));
    }
    let mut seen = vec![model.target];
    for &place in &model.predictors {
        if seen.contains(&place) {
            return Err(RegressionError::Twice(name(place)));
        }
        seen.push(place);
    }
    let (rows, needed) = (moments.rows(), predictors as u64 + 2);
    if rows < needed {
        return Err(RegressionError::TooFewRows { rows, predictors, needed });
    }
    match seen.into_iter().find(|&place| moments.centred(place, place).is_zero()) {
        Some(place) => Err(RegressionError::Constant(name(place))),
        None => check_ranges(model),
    }
}

fn check_ranges(model: &Model) -> Result<(), RegressionError> {
    let outside = |what, range, found| Err(RegressionError::OutOfRange { what, range, found });
    if !(model.confidence > 0.0 && model.confidence < 1.0) {
        return outside("the confidence", "between 0 and 1", model.confidence);
    }
    if !(0.0..1.0).contains(&model.tolerance) {
        return outside("the tolerance", "at least 0 and below 1", model.tolerance);
    }
    Ok(())
}

/// The normal equations in integers: (c·A + diag(r)) z = a, with β = c·z in units of the variables, where
/// A = n·S and a = n·s are the centred sums.
struct System<'a> {
    moments: &'a Moments,
    model: &'a Model,
    centred: Symmetric,
    with_target: Vec<BigInt>,
    factor: BigInt,
    ridge: Vec<BigInt>,
}

impl<'a> System<'a> {
    fn new(moments: &'a Moments, model: &'a Model) -> Result<Self, RegressionError> {
        let places = &model.predictors;
        let centred = Symmetric::new(places.len(), |i, j| moments.centred(places[i], places[j]));
        let with_target = places.iter().map(|&place| moments.centred(place, model.target)).collect();
        let (factor, ridge) = penalty(moments, model, &centred)?;
        Ok(Self { moments, model, centred, with_target, factor, ridge })
    }

    fn name(&self, predictor: usize) -> String {
        self.moments.variables()[self.model.predictors[predictor]].name.clone()
    }

    fn invert(&self) -> Result<Inverse, RegressionError> {
        let entry = |i: usize, j: usize| {
            let own = self.centred.at(i, j) * &self.factor;
            if i == j { own + &self.ridge[i] } else { own }
        };
        sweep::invert(Symmetric::new(self.centred.size(), entry)).map_err(|why| match why {
            NoInverse::Dependent { place, of } => RegressionError::Collinear {
                column: self.name(place),
                of: of.into_iter().map(|other| self.name(other)).collect(),
            },
            NoInverse::Indefinite { place } => MomentsError::Impossible { name: self.name(place) }.into(),
        })
    }

    /// Aᵢᵢ (A⁻¹)ᵢᵢ of one predictor.
    fn variance_inflation(&self, inverse: &Inverse, place: usize) -> f64 {
        let product = self.centred.at(place, place) * inverse.adjugate.at(place, place);
        exact::quotient(&product, &inverse.determinant)
    }

    fn refuse_near_collinearity(&self, inverse: &Inverse, tolerance: f64) -> Result<(), RegressionError> {
        let places = 0..self.centred.size();
        let inflation = |&place: &usize| self.variance_inflation(inverse, place);
        let worst =
            places.max_by(|a, b| inflation(a).total_cmp(&inflation(b))).expect("there is a predictor");
        let own = 1.0 / inflation(&worst);
        if own >= tolerance {
            return Ok(());
        }
        let (column, partner) = (self.name(worst), self.name(closest(&inverse.adjugate, worst)));
        Err(RegressionError::NearlyCollinear { column, partner, own })
    }
}

/// The predictor with the largest partial correlation with `place`: entries of the inverse, normed.
fn closest(adjugate: &Symmetric, place: usize) -> usize {
    let square = |other: usize| {
        let together = adjugate.at(place, other);
        exact::quotient(&(together * together), adjugate.at(other, other))
    };
    let others = (0..adjugate.size()).filter(|&other| other != place);
    others.max_by(|&a, &b| square(a).total_cmp(&square(b))).unwrap_or(place)
}

/// c and r of [`System`].
fn penalty(
    moments: &Moments,
    model: &Model,
    centred: &Symmetric,
) -> Result<(BigInt, Vec<BigInt>), RegressionError> {
    let exactly = |found: f64| {
        let (what, range) = ("the penalty", "a finite number, zero or more");
        Fraction::of(found).ok_or(RegressionError::OutOfRange { what, range, found })
    };
    let size = centred.size();
    match model.penalty {
        Penalty::None => Ok((BigInt::one(), vec![BigInt::zero(); size])),
        Penalty::Ridge(lambda) => {
            let Fraction { numerator, denominator } = exactly(lambda)?;
            let decimals = |place: &usize| u32::from(moments.variables()[*place].decimals);
            let term = |place| &numerator * moments.rows() * exact::power_of_ten(2 * decimals(place));
            Ok((denominator, model.predictors.iter().map(term).collect()))
        }
        Penalty::StandardisedRidge(lambda) => {
            let Fraction { numerator, denominator } = exactly(lambda)?;
            let terms = (0..size).map(|place| &numerator * centred.at(place, place)).collect();
            Ok((denominator * moments.rows(), terms))
        }
    }
}

/// A solved system: β = c·v/D with v = adj·a.
struct Solution<'a> {
    system: System<'a>,
    inverse: Inverse,
    scaled_coefficients: Vec<BigInt>,
    residual_degrees: f64,
    model_degrees: f64,
    /// RSS·n and TSS·n in units of the target squared, over one denominator.
    residual: BigInt,
    total: BigInt,
    denominator: BigInt,
}

impl<'a> Solution<'a> {
    fn new(system: System<'a>, inverse: Inverse) -> Self {
        let scaled_coefficients = inverse.adjugate.times(&system.with_target);
        let model_degrees = effective_degrees(&system, &inverse);
        let target = system.model.target;
        let (c, d, v) = (&system.factor, &inverse.determinant, &scaled_coefficients);
        // n·RSS = a_yy − 2βᵀa + βᵀAβ, times D².
        let denominator = d * d;
        let total = system.moments.centred(target, target) * &denominator;
        let residual = &total - 2 * c * d * dot(v, &system.with_target) + c * c * system.centred.form(v);
        let residual_degrees = system.moments.rows() as f64 - 1.0 - model_degrees;
        Self {
            system,
            inverse,
            scaled_coefficients,
            residual_degrees,
            model_degrees,
            residual,
            total,
            denominator,
        }
    }

    fn decimals(&self, place: usize) -> u32 {
        self.system.moments.variables()[place].decimals.into()
    }

    /// Σ of squares of the target, from n times it in integer units.
    fn sum_of_squares(&self, times_rows: &BigInt) -> f64 {
        let unit = exact::power_of_ten(2 * self.decimals(self.system.model.target));
        exact::quotient(times_rows, &(&self.denominator * self.system.moments.rows() * unit))
    }

    fn report(&self) -> Regression {
        let rows = self.system.moments.rows();
        let ordinary = matches!(self.system.model.penalty, Penalty::None);
        let residual_sum_of_squares = self.sum_of_squares(&self.residual);
        let unexplained = exact::quotient(&self.residual, &self.total);
        let variance = residual_sum_of_squares / self.residual_degrees;
        let f = (ordinary && self.residual.is_positive()).then(|| {
            let explained = exact::quotient(&(&self.total - &self.residual), &self.residual);
            explained / self.model_degrees * self.residual_degrees
        });
        Regression {
            target: self.system.moments.variables()[self.system.model.target].name.clone(),
            rows,
            coefficients: self.coefficients(variance, ordinary),
            residual_sum_of_squares,
            total_sum_of_squares: self.sum_of_squares(&self.total),
            r_squared: exact::quotient(&(&self.total - &self.residual), &self.total),
            adjusted_r_squared: 1.0 - unexplained * (rows as f64 - 1.0) / self.residual_degrees,
            residual_standard_error: variance.sqrt(),
            model_degrees: self.model_degrees,
            residual_degrees: self.residual_degrees,
            f,
            f_p: f.map(|f| fisher_upper(f, self.model_degrees, self.residual_degrees)),
            confidence: self.system.model.confidence,
        }
    }

    fn coefficients(&self, variance: f64, ordinary: bool) -> Vec<Coefficient> {
        let quantile = student_quantile(self.system.model.confidence, self.residual_degrees);
        let line = |name, estimate: f64, unit_variance: f64, variance_inflation| {
            let standard_error = (variance * unit_variance).sqrt();
            let t = (standard_error > 0.0).then(|| estimate / standard_error);
            let p = t.map(|t| student_two_sided(t, self.residual_degrees));
            let (low, high) = (estimate - quantile * standard_error, estimate + quantile * standard_error);
            Coefficient { name, estimate, standard_error, t, p, low, high, variance_inflation }
        };
        let (estimate, unit_variance) = self.intercept();
        let mut lines = vec![line(INTERCEPT.to_owned(), estimate, unit_variance, None)];
        lines.extend((0..self.system.centred.size()).map(|place| {
            let inflation = ordinary.then(|| self.system.variance_inflation(&self.inverse, place));
            line(self.system.name(place), self.estimate(place), self.unit_variance(place), inflation)
        }));
        lines
    }

    /// β of one predictor in real units.
    fn estimate(&self, place: usize) -> f64 {
        let own = exact::power_of_ten(self.decimals(self.system.model.predictors[place]));
        let target = exact::power_of_ten(self.decimals(self.system.model.target));
        let numerator = &self.system.factor * &self.scaled_coefficients[place] * own;
        exact::quotient(&numerator, &(&self.inverse.determinant * target))
    }

    /// The diagonal of (S+Λ)⁻¹S(S+Λ)⁻¹ = n·c²·adj·A·adj/D², in real units; σ² comes in those of the target.
    fn unit_variance(&self, place: usize) -> f64 {
        let own = exact::power_of_ten(2 * self.decimals(self.system.model.predictors[place]));
        let column: Vec<_> = self.axis(place);
        let numerator = self.spread(&column) * self.system.moments.rows() * own;
        exact::quotient(&numerator, &self.denominator)
    }

    fn axis(&self, place: usize) -> Vec<BigInt> {
        (0..self.system.centred.size()).map(|row| self.inverse.adjugate.at(row, place).clone()).collect()
    }

    /// c² uᵀAu for u = adj·w: with it wᵀ(S+Λ)⁻¹S(S+Λ)⁻¹w = n · this / D².
    fn spread(&self, swept: &[BigInt]) -> BigInt {
        &self.system.factor * &self.system.factor * self.system.centred.form(swept)
    }

    /// ȳ − x̄ᵀβ, and 1/n + x̄ᵀ(S+Λ)⁻¹S(S+Λ)⁻¹x̄.
    fn intercept(&self) -> (f64, f64) {
        let (moments, model) = (self.system.moments, self.system.model);
        let (rows, d) = (BigInt::from(moments.rows()), &self.inverse.determinant);
        let sums: Vec<_> = model.predictors.iter().map(|&place| moments.sum_of(place).clone()).collect();
        let explained = &self.system.factor * dot(&sums, &self.scaled_coefficients);
        let unit = exact::power_of_ten(self.decimals(model.target));
        let estimate = exact::quotient(&(moments.sum_of(model.target) * d - explained), &(&rows * d * unit));
        let spread = self.spread(&self.inverse.adjugate.times(&sums));
        let variance = exact::quotient(&(&self.denominator + spread), &(rows * &self.denominator));
        (estimate, variance)
    }
}

/// tr(S(S+Λ)⁻¹) = c·tr(A·adj)/D.
fn effective_degrees(system: &System<'_>, inverse: &Inverse) -> f64 {
    if matches!(system.model.penalty, Penalty::None) {
        return system.centred.size() as f64;
    }
    let places = || 0..system.centred.size();
    let pairs = places().flat_map(|i| places().map(move |j| (i, j)));
    let trace: BigInt = pairs.map(|(i, j)| system.centred.at(i, j) * inverse.adjugate.at(i, j)).sum();
    exact::quotient(&(trace * &system.factor), &inverse.determinant)
}

#[cfg(test)]
mod tests;
