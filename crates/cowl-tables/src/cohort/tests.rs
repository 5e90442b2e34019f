use proptest::prelude::*;

use super::*;

const ROWS: u64 = 100;

fn rows(taken: impl IntoIterator<Item = u64>) -> RowSet {
    RowSet::of(ROWS, taken)
}

fn ledger() -> CohortLedger {
    CohortLedger::new(ROWS, 5)
}

#[test]
fn a_group_below_the_minimum_is_refused() {
    assert_eq!(ledger().answer(&rows(0..4), 1), Err(CohortError::SmallGroup { rows: 4, minimum: 5 }));
    assert_eq!(ledger().answer(&rows(0..9), 10), Err(CohortError::SmallGroup { rows: 9, minimum: 10 }));
    assert_eq!(ledger().answer(&rows([]), 0), Err(CohortError::SmallGroup { rows: 0, minimum: 5 }));
    assert!(ledger().answer(&rows(0..5), 5).is_ok());
}

#[test]
fn a_tracker_of_two_queries_is_refused() {
    // A ward, and the ward without one patient.
    let after = ledger().answer(&rows(0..30), 5).unwrap();
    let refused = after.answer(&rows(1..30), 5).unwrap_err();
    let CohortError::Difference { small, minimum, nearest } = refused else { panic!("{refused}") };
    assert_eq!((small, minimum), (SmallCell { rows: 1, taken: false }, 5));
    let nearest = nearest.unwrap();
    assert_eq!((nearest.rows, nearest.added, nearest.left_out), (rows(0..30), 1, 0));
}

#[test]
fn a_tracker_from_a_smaller_to_a_larger_group_is_refused_as_well() {
    let after = ledger().answer(&rows(1..30), 5).unwrap();
    let refused = after.answer(&rows(0..30), 5).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "compared with queries answered before, this one would single out 1 rows, and 5 are the fewest; \
         the nearest group that is allowed has 29 rows: 0 more and 1 of these left out"
    );
}

#[test]
fn a_tracker_of_three_queries_is_refused() {
    // |A|, |B| and their union are large; A + B − (A ∪ B) is their intersection, two rows.
    let (a, b) = (rows(0..22), rows(20..40));
    let after = ledger().answer(&a, 5).unwrap();
    // B cuts the two rows off A and is refused; so is the union first and B then.
    assert!(matches!(after.answer(&b, 5), Err(CohortError::Difference { .. })));
    let after = after.answer(&rows(0..40), 5).unwrap();
    assert!(matches!(after.answer(&b, 5), Err(CohortError::Difference { .. })));
}

#[test]
fn a_tracker_of_three_queries_that_meet_in_no_pair_is_refused() {
    // Pairwise all differences are large; A + B − C leaves rows 30 and 31 alone.
    let (a, b, c) = (rows(0..32), rows(30..60), rows((0..30).chain(32..60)));
    let after = ledger().answer(&a, 5).unwrap();
    assert!(after.answer(&b, 5).is_err());
    let after = after.answer(&rows(32..60), 5).unwrap();
    // C takes 30 of A's 32 rows.
    let CohortError::Difference { small, .. } = after.answer(&c, 5).unwrap_err() else { panic!() };
    assert_eq!(small, SmallCell { rows: 2, taken: false });
}

#[test]
fn the_same_query_may_be_asked_again_and_whole_cells_be_joined() {
    let after = ledger().answer(&rows(0..30), 5).unwrap().answer(&rows(40..60), 5).unwrap();
    let again = after.answer(&rows(0..30), 5).unwrap();
    assert_eq!(again.taken_cells(), after.taken_cells());
    assert_eq!((again.queries(), after.queries()), (3, 2));
    assert!(again.answer(&rows((0..30).chain(40..60)), 5).is_ok());
}

#[test]
fn rows_that_were_never_taken_may_be_few() {
    let after = ledger().answer(&rows(0..99), 5).unwrap();
    assert_eq!(after.taken_cells(), [99]);
    // But to take the last one now would single it out.
    assert!(matches!(after.answer(&rows(0..100), 5), Err(CohortError::Difference { .. })));
}

#[test]
fn the_groups_of_one_query_that_would_tell_on_a_small_one_are_suppressed() {
    let total = ledger().answer(&rows(0..50), 5).unwrap();
    let groups = [rows(0..20), rows(20..23), rows(23..50)];
    let (after, answers) = total.answer_groups(&groups, 5);
    // The largest is answered; with the second largest the small one would follow from the total.
    assert!(answers[2].is_ok());
    assert!(matches!(answers[1], Err(CohortError::SmallGroup { .. })));
    assert!(matches!(answers[0], Err(CohortError::Difference { .. })));
    assert_eq!(after.taken_cells(), [23, 27]);
    // Without the total, only the small one is left out.
    let (_, answers) = ledger().answer_groups(&groups, 5);
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 2);
}

#[test]
fn a_grant_may_ask_for_more_than_the_table_does() {
    let after = ledger().answer(&rows(0..30), 5).unwrap();
    assert!(after.answer(&rows(0..23), 5).is_ok());
    assert!(matches!(after.answer(&rows(0..23), 10), Err(CohortError::Difference { minimum: 10, .. })));
}

#[test]
fn a_group_of_another_table_is_refused() {
    let error = ledger().answer(&RowSet::all(99), 5).unwrap_err();
    assert_eq!(error, CohortError::OtherTable { expected: 100, found: 99 });
}

fn groups() -> impl Strategy<Value = Vec<RowSet>> {
    let range = (0..ROWS, 1..ROWS).prop_map(|(start, length)| rows(start..(start + length).min(ROWS)));
    let scattered = prop::collection::vec(any::<bool>(), ROWS as usize)
        .prop_map(|bits| rows((0u64..).zip(bits).filter(|(_, taken)| *taken).map(|(row, _)| row)));
    prop::collection::vec(prop_oneof![3 => range, 1 => scattered], 1..12)
}

/// The rank of the answered groups with and without the row's indicator: equal when it can be computed from them.
fn is_determined(answered: &[RowSet], wanted: &RowSet) -> bool {
    let rank = |groups: &[&RowSet]| {
        let mut lines: Vec<Vec<f64>> = groups
            .iter()
            .map(|group| (0..ROWS).map(|row| f64::from(u8::from(group.contains(row)))).collect())
            .collect();
        let mut rank = 0;
        for column in 0..ROWS as usize {
            let Some(best) = (rank..lines.len())
                .max_by(|a, b| lines[*a][column].abs().total_cmp(&lines[*b][column].abs()))
                .filter(|best| lines[*best][column].abs() > 1e-9)
            else {
                continue;
            };
            lines.swap(rank, best);
            let pivot = lines[rank].clone();
            for line in &mut lines[rank + 1..] {
                let factor = line[column] / pivot[column];
                line.iter_mut().zip(&pivot).for_each(|(cell, above)| *cell -= factor * above);
            }
            rank += 1;
        }
        rank
    };
    let all: Vec<_> = answered.iter().collect();
    rank(&all) == rank(&[&all[..], &[wanted]].concat())
}

proptest! {
    #[test]
    fn no_cell_is_ever_smaller_than_the_minimum(groups in groups(), minimum in 1u64..12) {
        let mut ledger = CohortLedger::new(ROWS, minimum);
        for group in &groups {
            ledger = ledger.answer(group, minimum).unwrap_or(ledger);
            prop_assert!(ledger.taken_cells().iter().all(|size| *size >= minimum));
        }
    }

    #[test]
    fn no_combination_of_answers_gives_a_single_row(groups in groups()) {
        let mut ledger = ledger();
        let mut answered = Vec::new();
        for group in groups {
            if let Ok(next) = ledger.answer(&group, 5) {
                ledger = next;
                answered.push(group);
            }
        }
        for row in (0..ROWS).step_by(7) {
            prop_assert!(!is_determined(&answered, &rows([row])));
            prop_assert!(!is_determined(&answered, &rows(row..(row + 4).min(ROWS))));
        }
    }

    #[test]
    fn the_nearest_group_that_is_named_is_allowed(groups in groups()) {
        let mut ledger = ledger();
        for group in &groups {
            match ledger.answer(group, 5) {
                Ok(next) => ledger = next,
                Err(CohortError::Difference { nearest: Some(near), .. }) => {
                    prop_assert!(ledger.answer(&near.rows, 5).is_ok());
                    let (added, left_out) = (near.added, near.left_out);
                    prop_assert!(added + left_out > 0);
                    prop_assert_eq!(near.rows.len() + left_out, group.len() + added);
                }
                Err(_) => {}
            }
        }
    }

    #[test]
    fn a_ledger_is_read_as_it_was_written(groups in groups()) {
        let (ledger, _) = ledger().answer_groups(&groups, 5);
        prop_assert_eq!(CohortLedger::from_bytes(&ledger.to_bytes(), ROWS), Ok(ledger.clone()));
        prop_assert!(CohortLedger::from_bytes(&ledger.to_bytes(), ROWS + 1).is_err());
    }

    #[test]
    fn a_ledger_from_elsewhere_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..60), place in 0usize..40, change in 1u8..) {
        let _ = CohortLedger::from_bytes(&bytes, ROWS);
        let (ledger, _) = ledger().answer_groups(&[rows(0..40), rows(30..80)], 5);
        let mut changed = ledger.to_bytes();
        let place = place % changed.len();
        changed[place] ^= change;
        let read = CohortLedger::from_bytes(&changed, ROWS);
        prop_assert!(read.is_err() || read != Ok(ledger));
    }
}

/// Owners keep it for years: a change of its form breaks what they have stored.
#[test]
fn the_ledgers_form_is_the_same_as_ever() {
    let ledger = ledger().answer(&rows(0..40), 5).unwrap().answer(&rows(20..60), 5).unwrap();
    let frozen = [0x83, 5, 2, 0x84, 0x82, 1, 20, 0x82, 2, 20, 0x82, 3, 20, 0x82, 0, 0x18, 40];
    assert_eq!(ledger.to_bytes(), frozen);
}
