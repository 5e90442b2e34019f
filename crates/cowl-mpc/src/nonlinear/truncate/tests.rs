use super::*;
use crate::nonlinear::two_parties::{agree, numbers, rings};

#[test]
fn on_every_ring_values_with_headroom_give_the_ideal_result_and_it_is_near_the_floor() {
    for ring in rings() {
        for (rounding, run) in [(Rounding::Nearby, 6), (Rounding::Faithful, 7)] {
            for shift in [1, ring.fraction(), ring.bits() - 3] {
                let gate = Truncate::new(ring, 500, shift, rounding).unwrap();
                let inputs = numbers(ring, run, 500, ring.bits() - 2);
                for (x, y) in inputs.iter().zip(agree(&gate, ring, run, &inputs)) {
                    let off = ring.signed(y) - (ring.signed(*x) >> shift);
                    assert!(off == 0 || off == 1 && rounding == Rounding::Nearby, "{x} {y}");
                }
            }
        }
    }
}

#[test]
fn every_value_of_a_small_range_is_right_under_many_masks() {
    let ring = rings()[0];
    let inputs: Vec<u64> = (-300i64..300).flat_map(|x| [ring.reduce(x as u64); 40]).collect();
    for (rounding, run) in [(Rounding::Nearby, 8), (Rounding::Faithful, 9)] {
        agree(&Truncate::new(ring, inputs.len(), 3, rounding).unwrap(), ring, run, &inputs);
    }
}

#[test]
fn a_nearby_truncation_rounds_up_as_often_as_its_fraction_says() {
    let ring = rings()[0];
    let inputs = vec![1024; 20_000];
    let up: u64 =
        agree(&Truncate::new(ring, 20_000, 12, Rounding::Nearby).unwrap(), ring, 10, &inputs).iter().sum();
    assert!((4500..5500).contains(&up), "{up} of 20000, a quarter was due");
}
