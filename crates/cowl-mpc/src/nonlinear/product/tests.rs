use super::*;
use crate::linear::{Dense, Elementwise, Layout};
use crate::nonlinear::two_parties::{agree, drawn, rings};

#[test]
fn products_of_secrets_are_exact_on_every_ring() {
    for ring in rings() {
        let inputs: Vec<u64> = drawn(18, 200).into_iter().map(|number| ring.reduce(number)).collect();
        let output = agree(&Product::new(ring, Arc::new(Elementwise(100))), ring, 18, &inputs);
        assert!((0..100).all(|at| output[at] == ring.reduce(inputs[at].wrapping_mul(inputs[at + 100]))));
        let matrices = Dense { batch: 4, inputs: 10, outputs: 16, layout: Layout::ByOutput };
        agree(&Product::new(ring, Arc::new(matrices)), ring, 19, &inputs);
    }
}
