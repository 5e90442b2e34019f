use super::*;
use crate::nonlinear::two_parties::{agree, dealer, numbers, rings, run};
use crate::ring::unpack;

#[test]
fn on_a_small_width_every_value_with_every_mask_gives_the_ideal_result() {
    let ring = rings()[0];
    for (width, shift, rounding) in [
        (6, 0, Rounding::Nearby),
        (6, 2, Rounding::Nearby),
        (6, 2, Rounding::Faithful),
        (5, 3, Rounding::Nearby),
    ] {
        let values = 1usize << width;
        let count = values * values * 20;
        let gate = Select::relu(ring, count, width, shift, rounding).unwrap();
        let inputs: Vec<u64> =
            (0..count).map(|place| ring.reduce(signed(place as u64, width) as u64)).collect();
        agree(&gate, ring, 1, &inputs);
        let masks = dealer(1).masks(Lane::new(3, purpose::VALUE), 0..count, width);
        let mut met = vec![false; values * values];
        inputs.iter().zip(masks).for_each(|(x, r)| met[low(*x, width) as usize * values + r as usize] = true);
        assert!(met.into_iter().all(|met| met), "a pair of value and mask did not come up");
    }
}

#[test]
fn on_every_ring_random_values_give_the_ideal_result_and_it_is_near_the_floor() {
    for ring in rings() {
        for (rounding, run) in [(Rounding::Nearby, 2), (Rounding::Faithful, 3)] {
            for shift in [0, ring.fraction()] {
                let gate = Select::relu(ring, 300, ring.bits(), shift, rounding).unwrap();
                let inputs = numbers(ring, run, 300, ring.bits() - 2);
                let output = agree(&gate, ring, run, &inputs);
                for (x, y) in inputs.iter().zip(output) {
                    let floor = (ring.signed(*x) >> shift).max(0);
                    let off = ring.signed(y) - floor;
                    assert!(off == 0 || off == 1 && rounding == Rounding::Nearby && shift > 0, "{x} {y}");
                }
            }
        }
    }
}

#[test]
fn a_batch_of_several_chunks_is_right_in_all_of_them() {
    let ring = rings()[0];
    let count = 2 * CHUNK + 77;
    let gate = Select::relu(ring, count, 32, 12, Rounding::Nearby).unwrap();
    agree(&gate, ring, 4, &numbers(ring, 4, count, 30));
}

#[test]
fn a_relu_of_k_32_and_f_12_costs_208_bytes_a_side_and_20_more_for_the_data_owner() {
    let gate = Select::relu(rings()[0], 1000, 32, 12, Rounding::Nearby).unwrap();
    assert_eq!(Party::BOTH.map(|party| gate.key_bytes(party)), [208_000, 228_000]);
    assert_eq!(gate.message_bytes(), [4000, 125]);
}

#[test]
fn sizes_that_cannot_be_are_refused() {
    for (width, shift) in [(33, 0), (32, 31), (1, 0), (0, 0)] {
        assert!(Select::relu(rings()[0], 1, width, shift, Rounding::Nearby).is_err());
    }
}

#[test]
fn whatever_the_value_each_bit_that_is_sent_is_even() {
    let ring = rings()[0];
    let gate = Select::relu(ring, 4000, 32, 12, Rounding::Faithful).unwrap();
    for value in [0, 5 << 12, ring.reduce((-5i64 << 12) as u64)] {
        let ran = run(&gate, ring, 5, &vec![value; 4000]);
        for message in ran.messages {
            let ones: u32 = message.iter().map(|byte| byte.count_ones()).sum();
            let bits = message.len() as f64 * 8.0;
            // Seven standard deviations of fair coins.
            assert!((f64::from(ones) - bits / 2.0).abs() < 3.5 * bits.sqrt(), "{ones} of {bits}");
        }
    }
}

/// How far the counts of equally likely cells are from each other: chi-square.
fn unevenness(cells: &[usize], samples: usize) -> f64 {
    let mean = samples as f64 / cells.len() as f64;
    cells.iter().map(|count| (*count as f64 - mean).powi(2) / mean).sum()
}

#[test]
fn a_party_sees_what_a_simulator_that_knows_no_input_would_draw() {
    let ring = rings()[0];
    let samples = 64_000;
    let gate = Select::relu(ring, samples, 32, 12, Rounding::Nearby).unwrap();
    for (value, number) in [(0, 30), (5 << 12, 31), (-5i64 << 12, 32), ((1 << 31) - 1, 33)] {
        let messages = run(&gate, ring, number, &vec![ring.reduce(value as u64); samples]).messages;
        let [a, b] = [0, 1].map(|party| unpack(&messages[party], samples, 32).unwrap());
        let [c, d] = [2, 3].map(|party| unpack(&messages[party], samples, 1).unwrap());
        for own in [&c, &d] {
            // The simulator: a uniform masked value, a uniform masked sign, whatever the party itself has sent.
            let mut cells = [0; 256];
            for place in 0..samples {
                let hat = low(a[place].wrapping_add(b[place]), 32);
                let seen = [hat >> 29, hat >> 11 & 7, c[place] ^ d[place], own[place]];
                cells[(seen[0] << 5 | seen[1] << 2 | seen[2] << 1 | seen[3]) as usize] += 1;
            }
            // 255 degrees of freedom: mean 255, standard deviation 22.6.
            let unevenness = unevenness(&cells, samples);
            assert!(unevenness < 255.0 + 8.0 * 22.6, "{value}: {unevenness}");
        }
    }
}
