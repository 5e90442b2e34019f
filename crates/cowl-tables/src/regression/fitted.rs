//! A fitted model, as it is reported and stored in results.

use minicbor::{Decode, Encode};
use serde::Serialize;

/// One line of the table of coefficients. Figures that an exact fit leaves undefined are `None`.
#[derive(Debug, Clone, PartialEq, Serialize, Encode, Decode)]
pub struct Coefficient {
    /// The predictor, or [`super::INTERCEPT`].
    #[n(0)]
    pub name: String,
    /// β.
    #[n(1)]
    pub estimate: f64,
    /// Its standard error.
    #[n(2)]
    pub standard_error: f64,
    /// β over its standard error.
    #[n(3)]
    pub t: Option<f64>,
    /// The chance of a |t| as large if β were zero.
    #[n(4)]
    pub p: Option<f64>,
    /// Lower end of the confidence interval.
    #[n(5)]
    pub low: f64,
    /// Upper end.
    #[n(6)]
    pub high: f64,
    /// 1/(1−R²) of the predictor on the others; ordinary least squares only, not for the intercept.
    #[n(7)]
    pub variance_inflation: Option<f64>,
}

/// A fitted model.
#[derive(Debug, Clone, PartialEq, Serialize, Encode, Decode)]
pub struct Regression {
    /// The target's name.
    #[n(0)]
    pub target: String,
    /// The complete rows that were used.
    #[n(1)]
    pub rows: u64,
    /// The intercept first, then the predictors in their order.
    #[n(2)]
    pub coefficients: Vec<Coefficient>,
    /// Σ(y−ŷ)².
    #[n(3)]
    pub residual_sum_of_squares: f64,
    /// Σ(y−ȳ)².
    #[n(4)]
    pub total_sum_of_squares: f64,
    /// R².
    #[n(5)]
    pub r_squared: f64,
    /// R² with the degrees of freedom counted in.
    #[n(6)]
    pub adjusted_r_squared: f64,
    /// √(Σ(y−ŷ)² / residual degrees).
    #[n(7)]
    pub residual_standard_error: f64,
    /// Degrees of freedom of the model without intercept: p, or for ridge tr(S(S+Λ)⁻¹).
    #[n(8)]
    pub model_degrees: f64,
    /// n − 1 − model degrees.
    #[n(9)]
    pub residual_degrees: f64,
    /// F of all predictors together; ordinary least squares only.
    #[n(10)]
    pub f: Option<f64>,
    /// The chance of an F as large if no predictor counted.
    #[n(11)]
    pub f_p: Option<f64>,
    /// Confidence of the intervals.
    #[n(12)]
    pub confidence: f64,
}
