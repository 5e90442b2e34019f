use super::*;
use crate::nonlinear::two_parties::{agree, drawn, rings};

#[test]
fn groups_of_every_size_give_their_largest_and_its_place() {
    for ring in rings() {
        for size in [1, 2, 3, 4, 5, 9] {
            // Small numbers, so that many are equal.
            let inputs: Vec<u64> =
                drawn(14, 40 * size).iter().map(|number| ring.reduce((number % 7).wrapping_sub(3))).collect();
            let run = |want| {
                let gate = Tournament::new(ring, 40, size, ring.bits(), want).unwrap();
                agree(&gate, ring, 15, &inputs)
            };
            let (largest, first, last) = (run(Want::Value), run(Want::First), run(Want::Last));
            for (at, group) in inputs.chunks(size).enumerate() {
                let group: Vec<i64> = group.iter().map(|x| ring.signed(*x)).collect();
                let best = *group.iter().max().unwrap();
                assert_eq!(ring.signed(largest[at]), best);
                assert_eq!(Some(first[at] as usize), group.iter().position(|x| *x == best));
                assert_eq!(Some(last[at] as usize), group.iter().rposition(|x| *x == best));
            }
        }
    }
}

#[test]
fn narrow_values_are_compared_with_fewer_bits_and_fewer_bytes() {
    let ring = rings()[0];
    let inputs: Vec<u64> = drawn(16, 4 * 100).iter().map(|number| number % (1 << 14)).collect();
    let narrow = Tournament::new(ring, 100, 4, 15, Want::Value).unwrap();
    let wide = Tournament::new(ring, 100, 4, 32, Want::Value).unwrap();
    assert_eq!(agree(&narrow, ring, 16, &inputs), agree(&wide, ring, 17, &inputs));
    assert!(2 * narrow.key_bytes(Party::ModelOwner) < wide.key_bytes(Party::ModelOwner));
}
