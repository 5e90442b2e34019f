use cowl_crypto::secret::Secret;
use num_bigint::BigInt;
use proptest::prelude::*;

use super::*;
use crate::{Moments, Variable};

const CAPACITY: u32 = capacity(2_048);

fn extents(ranges: &[(i64, i64)]) -> Vec<Extent> {
    let extent = |(place, &(lowest, highest)): (usize, &(i64, i64))| Extent {
        name: format!("x{place}"),
        range: Range::new(lowest, highest),
    };
    ranges.iter().enumerate().map(extent).collect()
}

fn key(plan: &SlotPlan) -> TagKey {
    TagKey::derive(&Secret::new([3; 32]), b"set", plan.slots(), plan.tags())
}

/// The plain sum of slots, placed by shifting: what `bits` does faster.
fn placed(widths: &[u32], values: &[i128]) -> BigInt {
    let offsets = widths.iter().scan(0u32, |at, width| Some(std::mem::replace(at, *at + width)));
    values.iter().zip(offsets).map(|(value, offset)| BigInt::from(*value) << offset).sum()
}

fn slots() -> impl Strategy<Value = (Vec<u32>, Vec<i128>)> {
    let slot = (2u32..=127).prop_flat_map(|width| {
        let most = (1i128 << (width - 1)) - 1;
        (Just(width), prop_oneof![Just(-most), Just(most), Just(0), Just(-1), -most..=most])
    });
    prop::collection::vec(slot, 1..40).prop_map(|slots| slots.into_iter().unzip())
}

proptest! {
    #[test]
    fn slots_are_joined_as_a_sum_of_shifts_and_split_again((widths, values) in slots()) {
        let joined = bits::join(&widths, &mut values.iter().copied());
        prop_assert_eq!(&joined, &placed(&widths, &values));
        let mut found = Vec::new();
        prop_assert_eq!(bits::split(&joined, &widths, &mut found), Some(()));
        prop_assert_eq!(found, values);
    }

    #[test]
    fn what_lies_above_the_slots_is_seen((widths, values) in slots(), above in 1u32..300) {
        let total: u32 = widths.iter().sum();
        for sign in [1, -1] {
            let joined = placed(&widths, &values) + (BigInt::from(sign) << (total + above));
            prop_assert_eq!(bits::split(&joined, &widths, &mut Vec::new()), None);
        }
    }

    #[test]
    fn sums_of_packed_rows_are_opened_as_the_moments_of_the_rows(
        rows in prop::collection::vec(prop::collection::vec(prop::option::weighted(0.9, -40_000i64..90_000), 4), 1..30),
        bits in prop::collection::vec(any::<bool>(), 30),
    ) {
        let count = rows.len() as u64;
        let plan = SlotPlan::moments(&extents(&[(-40_000, 90_000); 4]), count, CAPACITY).unwrap();
        let key = key(&plan);
        let taken = RowSet::of(count, (0..count).filter(|row| bits[*row as usize]));
        let mut sealed = vec![BigInt::from(0); plan.ciphertexts()];
        let mut clear = vec![0i128; plan.slots()];
        for row in taken.iter() {
            let values = moments_of_row(&rows[row as usize]);
            let packed = plan.pack(row, &values, &key).unwrap();
            sealed.iter_mut().zip(packed).for_each(|(sum, plaintext)| *sum += plaintext);
            clear.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
        }
        let opened = plan.open(&sealed, &key, &taken).unwrap();
        prop_assert_eq!(&opened, &clear);
        let complete = taken.iter().filter(|row| rows[*row as usize].iter().all(Option::is_some)).count();
        let variables = (0..4).map(|i| Variable { name: format!("x{i}"), decimals: 0 }).collect();
        prop_assert_eq!(Moments::from_slots(variables, &opened).unwrap().rows(), complete as u64);
    }

    #[test]
    fn no_sum_of_extreme_rows_overflows(
        ranges in prop::collection::vec((-1i64 << 40..1, 0i64..1 << 40), 1..5), rows in 1u64..1 << 21, high: bool
    ) {
        let plan = SlotPlan::moments(&extents(&ranges), rows, CAPACITY).unwrap();
        let row: Vec<_> = ranges.iter().map(|range| Some(if high { range.1 } else { range.0 })).collect();
        for (value, width) in moments_of_row(&row).into_iter().zip(plan.widths().iter().flatten()) {
            let sum = value * i128::from(rows);
            prop_assert!(sum.abs() < 1i128 << (width - 1));
        }
    }
}

#[test]
fn five_thousand_patients_with_24_variables_need_at_most_eleven_ciphertexts() {
    // Twelve histories, age and blood pressures in tenths, laboratory values with three digits, length of stay.
    let ranges =
        [vec![(0, 1); 12], vec![(0, 1_020), (0, 2_950), (0, 2_950)], vec![(0, 999_999); 8], vec![(0, 400)]];
    let variables = extents(&ranges.concat());
    assert_eq!(variables.len(), 24);
    let plan = SlotPlan::moments(&variables, 5_734, CAPACITY).unwrap();
    assert_eq!(plan.slots(), 325);
    assert!(plan.ciphertexts() <= 11, "{} ciphertexts", plan.ciphertexts());
    assert!(plan.widths().iter().all(|widths| widths.iter().sum::<u32>() <= CAPACITY));
    // A flag takes two bits with its sign; 5,734 of them take twelve more.
    assert_eq!((plan.widths()[0][0], plan.guard_bits(0)), (14, 12));
}

#[test]
fn sums_that_no_rows_have_are_refused_before_their_tags() {
    let plan = SlotPlan::moments(&extents(&[(0, 100)]), 50, CAPACITY).unwrap();
    let key = key(&plan);
    let taken = RowSet::of(50, [4, 9]);
    let row = |number, value| plan.pack(number, &moments_of_row(&[Some(value)]), &key).unwrap().remove(0);
    let sum = row(4, 70) + row(9, 100);
    assert_eq!(plan.open(std::slice::from_ref(&sum), &key, &taken), Ok(vec![2, 170, 14_900]));
    let offset = plan.widths()[0][0];
    let prime = BigInt::from((1u64 << 61) - 1);
    let forged = &sum + (BigInt::from(31) << offset);
    assert_eq!(plan.open(&[forged], &key, &taken), Err(LayoutError::OutOfRange { slot: 1 }));
    let other_value = &sum + (BigInt::from(1) << offset);
    assert_eq!(plan.open(&[other_value], &key, &taken), Err(TagError::Mismatch.into()));
    let overflow = &sum + (prime << 2_000);
    assert_eq!(plan.open(&[overflow], &key, &taken), Err(LayoutError::Overflow(0)));
    let dropped = row(4, 70);
    assert_eq!(plan.open(&[dropped], &key, &taken), Err(TagError::Mismatch.into()));
    assert!(matches!(plan.open(&[], &key, &taken), Err(LayoutError::WrongCount { .. })));
}

#[test]
fn sums_wider_than_the_tags_prime_carry_two_tags() {
    let tags = |highest: i64| SlotPlan::moments(&extents(&[(0, highest)]), 1_000, CAPACITY).unwrap().tags();
    assert_eq!((tags(1 << 25), tags(1 << 26)), (1, 2));
    let refused = SlotPlan::moments(&extents(&[(0, 1 << 58)]), 1_000, CAPACITY).unwrap_err();
    assert_eq!(refused, LayoutError::TooWide { what: "x0 · x0".into(), rows: 1_000 });
}

#[test]
fn cells_tell_a_missing_value_from_zero() {
    let plan = SlotPlan::cells(&extents(&[(-5, 300), (0, 1)]), 10, CAPACITY).unwrap();
    let key = key(&plan);
    let row = cells_of_row(&[None, Some(0)]);
    assert_eq!(row, [0, 0, 1, 0]);
    let packed = plan.pack(3, &row, &key).unwrap();
    assert_eq!(plan.open(&packed, &key, &RowSet::of(10, [3])), Ok(row));
    assert_eq!(plan.pack(3, &[1, 301, 0, 0], &key), Err(LayoutError::OutOfRange { slot: 1 }));
    assert!(matches!(plan.pack(3, &[1], &key), Err(LayoutError::WrongCount { .. })));
}

#[test]
fn columns_are_scored_by_open_coefficients() {
    let plan = SlotPlan::columns(&extents(&[(0, 120), (-40, 40)]), 1_000, CAPACITY).unwrap();
    assert_eq!((plan.ciphertexts(), plan.tags()), (1, 1));
    let key = key(&plan);
    let column =
        |seed: i128, most: i128| (0..plan.slots() as i128).map(|row| (row * seed) % most).collect::<Vec<_>>();
    let (ages, changes) = (column(7, 120), column(-11, 40));
    let sealed: Vec<BigInt> = [(0, &ages), (1, &changes)]
        .map(|(number, values)| plan.pack(number, values, &key).unwrap().remove(0))
        .into();
    let score: BigInt = &sealed[0] * 3 - &sealed[1] * 900;
    let expected: Vec<i128> = ages.iter().zip(&changes).map(|(age, change)| 3 * age - 900 * change).collect();
    assert_eq!(plan.open_scores(std::slice::from_ref(&score), &key, &[(0, 3), (1, -900)]), Ok(expected));
    // Other coefficients than the cloud was asked to use, and more than the slots have room for.
    assert_eq!(
        plan.open_scores(std::slice::from_ref(&score), &key, &[(0, 2), (1, -900)]),
        Err(TagError::Mismatch.into())
    );
    assert!(matches!(
        plan.open_scores(&[score], &key, &[(0, 200), (1, -900)]),
        Err(LayoutError::OutOfRange { .. })
    ));
}

#[test]
fn what_has_no_room_is_refused() {
    assert_eq!(SlotPlan::moments(&[], 5, CAPACITY), Err(LayoutError::Empty));
    assert_eq!(SlotPlan::columns(&[], 5, CAPACITY), Err(LayoutError::Empty));
    let many = extents(&[(0, 1); 1_023]);
    assert_eq!(SlotPlan::moments(&many, 5, CAPACITY), Err(LayoutError::TooManyVariables(1_023)));
    assert_eq!(SlotPlan::cells(&extents(&[(0, 1)]), 0, CAPACITY), Err(LayoutError::Empty));
    assert_eq!(
        SlotPlan::moments(&extents(&[(0, 1)]), 5, 40),
        Err(LayoutError::NoRoom { width: 65, capacity: 40 })
    );
}

#[test]
fn a_plan_is_found_again_from_the_codebook_and_refused_when_its_slots_are_too_narrow() {
    use cowl_crypto::digest::Digest;
    use cowl_domain::table::*;
    let column =
        |name: &str| Column { name: name.into(), role: ColumnRole::Secret, kind: ColumnType::Integer };
    let made = |layout: Layout, plan: &SlotPlan| {
        let variable = |place: u16, (lowest, highest): (i64, i64)| CodedVariable {
            name: format!("x{place}"),
            column: place,
            coding: Coding::Number { decimals: 0 },
            lowest,
            highest,
            rounded: 0,
        };
        let slots = plan.widths().iter().map(|row| row.iter().map(|width| *width as u16).collect()).collect();
        let codebook = Codebook {
            variables: vec![variable(0, (0, 120)), variable(1, (-40, 40))],
            sets: vec![SetCoding { variables: vec![0, 1], slots, tags: plan.tags() as u8 }],
        };
        let sets = vec![SealedSet { name: "set".into(), layout, columns: vec![0, 1] }];
        let (key, digest) = (Digest::of(b"key"), Digest::of(b"codebook"));
        let schema = TableSchema {
            rows: 1_000,
            columns: vec![column("x0"), column("x1")],
            sets,
            key,
            codebook: digest,
        };
        (schema, codebook)
    };
    let extents = extents(&[(0, 120), (-40, 40)]);
    let moments = SlotPlan::moments(&extents, 1_000, 100).unwrap();
    let ciphertexts = moments.ciphertexts() as u32;
    let (schema, mut codebook) = made(Layout::Moments { ciphertexts }, &moments);
    assert_eq!(SlotPlan::of_sealed(&schema, &codebook, 0), Ok(moments));
    assert_eq!(SlotPlan::of_sealed(&schema, &codebook, 1), Err(LayoutError::OtherPlan));
    codebook.sets[0].slots[0][0] -= 1;
    assert_eq!(SlotPlan::of_sealed(&schema, &codebook, 0), Err(LayoutError::OtherPlan));
    let cells = SlotPlan::cells(&extents, 1_000, 100).unwrap();
    let (schema, codebook) = made(Layout::Cells { ciphertexts: cells.ciphertexts() as u32 }, &cells);
    assert_eq!(SlotPlan::of_sealed(&schema, &codebook, 0), Ok(cells));
    let columns = SlotPlan::columns(&extents, 1_000, 500).unwrap();
    let (schema, mut codebook) = made(Layout::Columns { rows: columns.slots() as u32 }, &columns);
    assert_eq!(SlotPlan::of_sealed(&schema, &codebook, 0).unwrap().widths(), columns.widths());
    codebook.variables[0].highest = 1 << 39;
    assert_eq!(SlotPlan::of_sealed(&schema, &codebook, 0), Err(LayoutError::OtherPlan));
}
