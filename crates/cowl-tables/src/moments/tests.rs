use proptest::prelude::*;

use super::*;

fn variables(decimals: &[u8]) -> Vec<Variable> {
    let name = |place: usize| format!("x{place}");
    decimals.iter().enumerate().map(|(place, &decimals)| Variable { name: name(place), decimals }).collect()
}

fn moments_of(decimals: &[u8], rows: &[Vec<i64>]) -> Moments {
    let mut sums = vec![BigInt::zero(); moment_count(decimals.len())];
    for row in rows {
        let with_one: Vec<i64> = std::iter::once(1).chain(row.iter().copied()).collect();
        let pairs = (0..with_one.len()).flat_map(|i| (i..with_one.len()).map(move |j| (i, j)));
        for (sum, (i, j)) in sums.iter_mut().zip(pairs) {
            *sum += BigInt::from(with_one[i]) * with_one[j];
        }
    }
    Moments::new(variables(decimals), sums).unwrap()
}

#[test]
fn figures_of_a_small_table_are_those_by_hand() {
    // 1.0, 2.0, 4.5 and 10, 30, 20.
    let moments = moments_of(&[1, 0], &[vec![10, 10], vec![20, 30], vec![45, 20]]);
    assert_eq!(moments.rows(), 3);
    assert_eq!(moments.sum(0), 7.5);
    assert_eq!(moments.mean(0), Ok(2.5));
    assert_eq!(moments.variance(0), Ok(3.25));
    assert_eq!(moments.standard_deviation(1), Ok(10.0));
    assert_eq!(moments.covariance(0, 1), Ok(5.0));
    assert_eq!(moments.covariance(1, 0), Ok(5.0));
    assert!((moments.correlation(0, 1).unwrap() - 5.0 / 325f64.sqrt()).abs() < 1e-15);
    assert_eq!(moments.correlation(0, 0), Ok(1.0));
}

#[test]
fn a_large_offset_takes_no_digit_from_the_variance() {
    let offset = 1_000_000_000_000_000;
    let moments =
        moments_of(&[3], &[vec![offset + 4], vec![offset + 7], vec![offset + 13], vec![offset + 16]]);
    assert_eq!(moments.variance(0), Ok(30e-6));
}

#[test]
fn questions_without_an_answer_are_refused_by_name() {
    let empty = moments_of(&[0], &[]);
    let (what, rows) = ("a mean", 0);
    assert_eq!(empty.mean(0), Err(MomentsError::TooFewRows { what, needed: 1, rows }));
    let one = moments_of(&[0], &[vec![5]]);
    assert_eq!(one.variance(0), Err(MomentsError::TooFewRows { what: "a variance", needed: 2, rows: 1 }));
    let constant = moments_of(&[0, 0], &[vec![5, 1], vec![5, 2]]);
    assert_eq!(constant.correlation(0, 1), Err(MomentsError::Constant { name: "x0".into() }));
    let unknown = constant.place("age").unwrap_err();
    assert_eq!(unknown.to_string(), "there is no variable 'age' in this set; it has x0, x1");
}

#[test]
fn sums_of_no_table_are_refused() {
    let made = |sums: &[i128]| Moments::from_slots(variables(&[0]), sums).map(|moments| moments.rows());
    assert_eq!(made(&[2, 3, 5]), Ok(2));
    assert!(matches!(made(&[2, 3]), Err(MomentsError::WrongCount { expected: 3, found: 2, .. })));
    assert!(matches!(made(&[-2, 3, 5]), Err(MomentsError::Impossible { .. })));
    assert!(matches!(made(&[2, 4, 5]), Err(MomentsError::Impossible { .. })));
    assert!(matches!(made(&[0, 0, 1]), Err(MomentsError::Impossible { .. })));
}

proptest! {
    #[test]
    fn correlations_lie_between_minus_one_and_one_and_have_the_covariances_sign(
        rows in prop::collection::vec(prop::collection::vec(-50i64..50, 2), 3..20)
    ) {
        let moments = moments_of(&[0, 2], &rows);
        if let Ok(r) = moments.correlation(0, 1) {
            prop_assert!((-1.0..=1.0).contains(&r));
            prop_assert_eq!(r > 0.0, moments.covariance(0, 1).unwrap() > 0.0);
        }
    }

    #[test]
    fn sums_of_two_groups_are_the_sums_of_both(
        rows in prop::collection::vec(prop::collection::vec(-50i64..50, 3), 2..20), cut in 0usize..20
    ) {
        let cut = cut.min(rows.len());
        let (whole, left, right) = (
            moments_of(&[0; 3], &rows), moments_of(&[0; 3], &rows[..cut]), moments_of(&[0; 3], &rows[cut..]));
        prop_assert_eq!(whole.rows(), left.rows() + right.rows());
        for (i, j) in [(0, 0), (0, 1), (1, 2), (2, 2)] {
            prop_assert_eq!(whole.product_of(i, j), &(left.product_of(i, j) + right.product_of(i, j)));
        }
    }
}
