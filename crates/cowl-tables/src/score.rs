//! Scores of single rows by open weights: a fitted model applied to sealed rows, or points for bins.
//!
//! The variables of a set are integers on scales of their own; a score has one scale. So the coefficients of a model are
//! rounded to weights on the scale of the score, and the intercept, which no cell has, is added to the opened scores.
//! Scores are of single rows and hence for nobody whose grant has a minimum cohort above one.
//!
//! The asker names variables and coefficients ([`ScoreRequest`]); only the owner's opener knows the scales of variables
//! and their places, so it makes the weights ([`OpenerTable::weigh`]).

use cowl_domain::table::{Codebook, Layout, TableSchema};
use cowl_paillier::Timing;
use cowl_query::{ScoreAnswer, ScoreProgram, ScoreRequest};
use num_bigint::BigInt;
use serde::Serialize;

use crate::exact::{power_of_ten, quotient};
use crate::layout::SlotPlan;
use crate::opener::{OpenError, OpenerTable};
use crate::regression::{INTERCEPT, Regression};
use crate::seal::block_number;

/// Weights of a set's variables, and what is added to each score.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// A weight for each variable of the set, in its order.
    pub weights: Vec<i64>,
    /// Digits after the point of the scores.
    pub decimals: u8,
    /// What is added to each score once it is opened; rounded to the same digits.
    pub intercept: f64,
}

/// Why coefficients cannot be weights of a set. The asker's to mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScoreError {
    /// A set of another layout, or none.
    #[error("there is no set {0} in layout columns; seal one to score rows")]
    NoSet(u16),
    /// A coefficient of a variable that the set does not have.
    #[error(
        "'{name}' is no variable of this set; it has {known} (of a category, write its indicators as results of \
         regressions do: column=level)"
    )]
    Unknown {
        /// The variable.
        name: String,
        /// The columns of the set. Levels of categories are not among them: they say something about patients.
        known: String,
    },
    /// A weight beyond 64 bits, or no number.
    #[error("the coefficient of '{0}' cannot be a weight with so many decimals; ask for fewer")]
    TooWide(String),
    /// A scale that is coarser than a variable's own.
    #[error("scores need {needed} decimals or more, because '{variable}' has so many")]
    Scale {
        /// The variable.
        variable: String,
        /// Its decimals.
        needed: u8,
    },
    /// Coefficients for which the slots of the set have no room.
    #[error(
        "the coefficients add up to {size} units of the last decimal, and the set was sealed for {most}; ask for fewer \
         decimals"
    )]
    TooHeavy {
        /// Σ|weight|.
        size: u64,
        /// The most that there is room for.
        most: u64,
    },
    /// Coefficients that are all nothing at this scale.
    #[error("all coefficients are zero at {0} decimals; ask for more")]
    Nothing(u8),
}

impl Weights {
    /// The weights of coefficients by the names of variables. `decimals` is the scale of the scores.
    ///
    /// # Errors
    /// [`ScoreError`].
    pub fn of(
        schema: &TableSchema,
        codebook: &Codebook,
        set: u16,
        coefficients: &[(&str, f64)],
        decimals: u8,
    ) -> Result<Self, ScoreError> {
        let place = usize::from(set);
        let is_columns =
            schema.sets.get(place).is_some_and(|set| matches!(set.layout, Layout::Columns { .. }));
        let coding = codebook.sets.get(place).filter(|_| is_columns).ok_or(ScoreError::NoSet(set))?;
        let variables: Vec<_> =
            coding.variables.iter().filter_map(|at| codebook.variables.get(usize::from(*at))).collect();
        let mut made = Self { weights: vec![0; variables.len()], decimals, intercept: 0.0 };
        for &(name, coefficient) in coefficients {
            if name == INTERCEPT {
                made.intercept += coefficient;
                continue;
            }
            let at = variables.iter().position(|variable| variable.name == name).ok_or_else(|| {
                ScoreError::Unknown { name: name.to_owned(), known: column_names(schema, place) }
            })?;
            made.weights[at] = weight_of(name, coefficient, variables[at].coding.decimals(), decimals)?;
        }
        Ok(made)
    }

    /// The weights of a fitted model.
    ///
    /// # Errors
    /// As [`Weights::of`].
    pub fn of_model(
        schema: &TableSchema,
        codebook: &Codebook,
        set: u16,
        model: &Regression,
        decimals: u8,
    ) -> Result<Self, ScoreError> {
        let coefficients: Vec<_> =
            model.coefficients.iter().map(|it| (it.name.as_str(), it.estimate)).collect();
        Self::of(schema, codebook, set, &coefficients, decimals)
    }

    /// Σ|weight|: at most what the set was sealed for.
    pub fn size(&self) -> u64 {
        self.weights.iter().fold(0, |sum, weight| sum.saturating_add(weight.unsigned_abs()))
    }
}

/// A coefficient of a variable with `own` decimals, as a weight in a score with `decimals`.
fn weight_of(name: &str, coefficient: f64, own: u8, decimals: u8) -> Result<i64, ScoreError> {
    let shift = decimals.checked_sub(own);
    let shift = shift.ok_or_else(|| ScoreError::Scale { variable: name.to_owned(), needed: own })?;
    let weight = (coefficient * 10f64.powi(shift.into())).round();
    let fits = weight.abs() < (1i64 << 53) as f64;
    if fits { Ok(weight as i64) } else { Err(ScoreError::TooWide(name.to_owned())) }
}

fn column_names(schema: &TableSchema, set: usize) -> String {
    let columns = schema.sets.get(set).map_or(&[][..], |set| set.columns.as_slice());
    let names = columns.iter().filter_map(|place| schema.columns.get(usize::from(*place)));
    names.map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Opened scores.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scores {
    /// The score of each row; `None` where one of the variables with a weight is missing.
    pub rows: Vec<Option<f64>>,
}

impl OpenerTable {
    /// The weights of a request that was checked against this table's schema, and the program that has the cloud make
    /// its scores.
    ///
    /// # Errors
    /// [`ScoreError`]: the asker's to mend.
    pub fn weigh(&self, request: &ScoreRequest) -> Result<(Weights, ScoreProgram), ScoreError> {
        let terms: Vec<_> = request.terms.iter().map(|it| (it.name.as_str(), it.coefficient)).collect();
        let (schema, set) = (self.schema(), request.set);
        let weights = Weights::of(schema, self.codebook(), set, &terms, request.decimals)?;
        let plan = SlotPlan::of_sealed(schema, self.codebook(), usize::from(set));
        let most = plan.map_err(|_| ScoreError::NoSet(set))?.additions();
        match weights.size() {
            0 => return Err(ScoreError::Nothing(request.decimals)),
            size if size > most => return Err(ScoreError::TooHeavy { size, most }),
            _ => {}
        }
        let program = ScoreProgram { table: request.table.clone(), set, weights: weights.weights.clone() };
        Ok((weights, program))
    }

    /// How many row tags [`OpenerTable::open_scores`] compares for a set.
    pub(crate) fn score_tags(&self, set: u16) -> u64 {
        let plan = SlotPlan::of_sealed(self.schema(), self.codebook(), usize::from(set));
        plan.map_or(0, |plan| self.schema().rows.div_ceil(plan.slots() as u64) * plan.tags() as u64)
    }

    /// Opens scores that the cloud has made, once ranges and tags have been checked.
    ///
    /// # Errors
    /// [`OpenError::OtherQuery`], [`OpenError::OtherGroups`], [`OpenError::Forged`] and [`OpenError::Ciphertexts`] are
    /// the cloud's fault. Weights for which the set's slots have no room are [`OpenError::Forged`], too.
    pub fn open_scores(
        &self,
        program: &ScoreProgram,
        scale: (u8, f64),
        answer: &ScoreAnswer,
        timing: Timing,
    ) -> Result<Scores, OpenError> {
        if answer.program != program.digest() {
            return Err(OpenError::OtherQuery);
        }
        let (schema, place) = (self.schema(), usize::from(program.set));
        let plan = SlotPlan::of_sealed(schema, self.codebook(), place).map_err(OpenError::Plan)?;
        if self.codebook().sets[place].variables.len() != program.weights.len() {
            return Err(OpenError::OtherTable { what: "score" });
        }
        let public = self.secrets().key().public();
        let blocks = schema.rows.div_ceil(plan.slots() as u64);
        let expected =
            usize::try_from(blocks).ok().and_then(|count| count.checked_mul(public.ciphertext_bytes()));
        if Some(answer.ciphertexts.len()) != expected || plan.ciphertexts() != 1 {
            return Err(OpenError::OtherGroups);
        }
        let opened = self.secrets().open(&answer.ciphertexts, timing).map_err(OpenError::Ciphertexts)?;
        let tags = self.secrets().tag_key(program.set, &plan);
        let mut sums = Vec::new();
        for (block, plaintext) in (0..).zip(&opened) {
            let columns: Vec<(u64, i64)> = (0..program.weights.len())
                .map(|at| (block_number(block, at, program.weights.len()), program.weights[at]))
                .collect();
            let plaintext = std::slice::from_ref(plaintext);
            sums.extend(plan.open_scores(plaintext, &tags, &columns).map_err(OpenError::Forged)?);
        }
        Ok(self.scores_of(program, scale, &sums))
    }

    fn scores_of(&self, program: &ScoreProgram, (decimals, intercept): (u8, f64), sums: &[i128]) -> Scores {
        let (schema, coding) = (self.schema(), &self.codebook().sets[usize::from(program.set)]);
        let weighed = coding.variables.iter().zip(&program.weights).filter(|(_, weight)| **weight != 0);
        let columns: Vec<u16> =
            weighed.map(|(variable, _)| self.codebook().variables[usize::from(*variable)].column).collect();
        let complete = self.secrets().complete(&columns, schema.rows);
        let unit = power_of_ten(decimals.into());
        // Rounded to the digits of the scores, as the coefficients are.
        let intercept = BigInt::from((intercept * 10f64.powi(decimals.into())).round() as i128);
        let score = |(sum, row): (&i128, u64)| {
            complete.contains(row).then(|| quotient(&(BigInt::from(*sum) + &intercept), &unit))
        };
        Scores { rows: sums.iter().zip(0..schema.rows).map(score).collect() }
    }
}
