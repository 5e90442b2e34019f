use proptest::prelude::*;

use super::*;
use crate::moments::{Variable, moment_count};

/// Moments of rows in the clear; the variables are called a, b, c …
fn moments(rows: &[Vec<i64>]) -> Moments {
    let width = rows[0].len();
    let name = |place: usize| char::from(b'a' + place as u8).to_string();
    let variables = (0..width).map(|place| Variable { name: name(place), decimals: 0 }).collect();
    let mut sums = vec![BigInt::zero(); moment_count(width)];
    for row in rows {
        let with_one: Vec<i64> = std::iter::once(1).chain(row.iter().copied()).collect();
        let pairs = (0..with_one.len()).flat_map(|i| (i..with_one.len()).map(move |j| (i, j)));
        for (sum, (i, j)) in sums.iter_mut().zip(pairs) {
            *sum += BigInt::from(with_one[i]) * with_one[j];
        }
    }
    Moments::new(variables, sums).unwrap()
}

fn refusal(rows: &[[i64; 3]]) -> RegressionError {
    let rows: Vec<_> = rows.iter().map(|row| row.to_vec()).collect();
    fit(&moments(&rows), &Model::ordinary(2, vec![0, 1])).unwrap_err()
}

#[test]
fn a_column_that_another_determines_is_refused_by_name() {
    let rows = [[1, 12, 3], [2, 14, 1], [3, 16, 4], [4, 18, 1], [5, 20, 5]];
    assert_eq!(refusal(&rows).to_string(), "'b' is determined by a; leave one of them out");
}

#[test]
fn constant_columns_and_targets_are_refused_by_name() {
    let rows = [[1, 7, 3], [2, 7, 1], [3, 7, 4], [4, 7, 1]];
    assert_eq!(refusal(&rows), RegressionError::Constant("b".into()));
    let rows = [[1, 7, 3], [2, 5, 3], [3, 4, 3], [4, 9, 3]];
    assert_eq!(refusal(&rows), RegressionError::Constant("c".into()));
}

#[test]
fn fewer_rows_than_predictors_and_two_are_refused() {
    let rows = [[1, 12, 3], [2, 13, 1], [3, 11, 4]];
    assert_eq!(refusal(&rows), RegressionError::TooFewRows { rows: 3, predictors: 2, needed: 4 });
}

#[test]
fn models_that_make_no_sense_are_refused() {
    let table = moments(&[vec![1, 2, 3], vec![2, 1, 1], vec![3, 5, 4], vec![4, 1, 1], vec![5, 9, 2]]);
    let refused = |model: Model| fit(&table, &model).unwrap_err();
    assert_eq!(refused(Model::ordinary(2, vec![])), RegressionError::NoPredictors);
    assert_eq!(refused(Model::ordinary(2, vec![0, 2])), RegressionError::Twice("c".into()));
    assert_eq!(refused(Model::ordinary(2, vec![1, 1])), RegressionError::Twice("b".into()));
    assert_eq!(refused(Model::ordinary(2, vec![0; 65])), RegressionError::TooManyPredictors(65));
    assert_eq!(refused(Model::ordinary(3, vec![0])), MomentsError::NoSuchPlace(3).into());
    assert_eq!(refused(Model::ordinary(2, vec![0, 7])), MomentsError::NoSuchPlace(7).into());
    let model = Model::ordinary(2, vec![0, 1]);
    let confident = Model { confidence: 1.0, ..model.clone() };
    assert!(matches!(refused(confident), RegressionError::OutOfRange { what: "the confidence", .. }));
    let tolerant = Model { tolerance: f64::NAN, ..model.clone() };
    assert!(matches!(refused(tolerant), RegressionError::OutOfRange { what: "the tolerance", .. }));
    for lambda in [-1.0, f64::NAN, f64::INFINITY] {
        let ridge = model.clone().with_penalty(Penalty::Ridge(lambda));
        assert!(matches!(refused(ridge), RegressionError::OutOfRange { what: "the penalty", .. }));
    }
}

#[test]
fn an_exact_fit_leaves_its_tests_undefined_and_says_nothing_wrong() {
    let rows: Vec<_> = [(1, 2), (2, 1), (3, 5), (4, 1), (5, 9)]
        .iter()
        .map(|&(a, b)| vec![a, b, 3 * a - 2 * b + 7])
        .collect();
    let found = fit(&moments(&rows), &Model::ordinary(2, vec![0, 1])).unwrap();
    let estimates: Vec<_> = found.coefficients.iter().map(|line| line.estimate).collect();
    assert_eq!(estimates, [7.0, 3.0, -2.0]);
    assert_eq!((found.r_squared, found.residual_sum_of_squares, found.f), (1.0, 0.0, None));
    assert!(found.coefficients.iter().all(|line| line.t.is_none() && line.p.is_none()));
}

#[test]
fn ridge_takes_a_design_that_ordinary_least_squares_refuses() {
    let rows: Vec<_> =
        [3, 1, 4, 1, 5].iter().enumerate().map(|(i, &y)| vec![i as i64, 2 * i as i64, y]).collect();
    let model = Model::ordinary(2, vec![0, 1]);
    assert!(fit(&moments(&rows), &model).is_err());
    let found = fit(&moments(&rows), &model.with_penalty(Penalty::Ridge(0.1))).unwrap();
    assert!((found.coefficients[2].estimate / found.coefficients[1].estimate - 2.0).abs() < 1e-14);
    assert!(found.model_degrees < 1.0);
}

fn tables() -> impl Strategy<Value = Vec<Vec<i64>>> {
    prop::collection::vec(prop::collection::vec(-500i64..500, 4), 6..30)
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()))
}

proptest! {
    #[test]
    fn residuals_are_orthogonal_to_the_predictors(rows in tables()) {
        let Ok(found) = fit(&moments(&rows), &Model::ordinary(3, vec![0, 1, 2])) else { return Ok(()) };
        let beta: Vec<_> = found.coefficients.iter().map(|line| line.estimate).collect();
        let residual = |row: &Vec<i64>| row[3] as f64 - beta[0] - (0..3).map(|j| beta[j + 1] * row[j] as f64).sum::<f64>();
        let scale: f64 = rows.iter().flatten().map(|x| (x * x) as f64).sum::<f64>() + 1.0;
        for j in 0..3 {
            let product: f64 = rows.iter().map(|row| residual(row) * row[j] as f64).sum();
            prop_assert!(product.abs() < 1e-7 * scale);
        }
        prop_assert!(near(rows.iter().map(|row| residual(row).powi(2)).sum(), found.residual_sum_of_squares));
    }

    #[test]
    fn ridge_without_penalty_is_ordinary(rows in tables()) {
        let model = Model::ordinary(3, vec![0, 1, 2]);
        let Ok(plain) = fit(&moments(&rows), &model) else { return Ok(()) };
        for penalty in [Penalty::Ridge(0.0), Penalty::StandardisedRidge(0.0)] {
            let ridge = fit(&moments(&rows), &model.clone().with_penalty(penalty)).unwrap();
            for (a, b) in plain.coefficients.iter().zip(&ridge.coefficients) {
                prop_assert_eq!(a.estimate, b.estimate);
                prop_assert!(near(a.standard_error, b.standard_error));
            }
        }
    }

    #[test]
    fn a_larger_penalty_never_fits_better(rows in tables(), small in 0.0f64..100.0, more in 0.1f64..1000.0) {
        let model = Model::ordinary(3, vec![0, 1, 2]);
        let with = |lambda| fit(&moments(&rows), &model.clone().with_penalty(Penalty::StandardisedRidge(lambda)));
        let (Ok(loose), Ok(tight)) = (with(small), with(small + more)) else { return Ok(()) };
        prop_assert!(tight.residual_sum_of_squares >= loose.residual_sum_of_squares);
        prop_assert!(tight.model_degrees <= loose.model_degrees);
    }

    #[test]
    fn the_order_of_the_predictors_does_not_matter(rows in tables()) {
        let table = moments(&rows);
        let Ok(one) = fit(&table, &Model::ordinary(3, vec![0, 1, 2])) else { return Ok(()) };
        let other = fit(&table, &Model::ordinary(3, vec![2, 0, 1])).unwrap();
        for line in &one.coefficients {
            let same = other.coefficients.iter().find(|it| it.name == line.name).unwrap();
            prop_assert_eq!(same, line);
        }
    }
}
