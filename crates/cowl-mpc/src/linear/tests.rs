use super::*;
use crate::bundle::{BundleId, Draw};
use crate::dealing::Writers;
use crate::nonlinear::two_parties::{drawn, rings};
use crate::prg::Permutation;

/// A convolution by its definition.
fn by_definition(
    [batch, channels, outputs, groups]: [usize; 4],
    axes: [Axis; 3],
    filters: &[u64],
    data: &[u64],
) -> Vec<u64> {
    let places = axes.map(|axis| axis.output().unwrap());
    let depth = channels / groups;
    let mut product = Vec::new();
    for plane in 0..batch * outputs * places[0] * places[1] * places[2] {
        let (rest, x) = (plane / places[2], plane % places[2]);
        let (rest, y) = (rest / places[1], rest % places[1]);
        let (rest, z) = (rest / places[0], rest % places[0]);
        let (image, channel) = (rest / outputs, rest % outputs);
        let mut sum = 0u64;
        for tap in 0..depth * axes[0].filter * axes[1].filter * axes[2].filter {
            let (left, c) = (tap / axes[2].filter, tap % axes[2].filter);
            let (left, b) = (left / axes[1].filter, left % axes[1].filter);
            let (inner, a) = (left / axes[0].filter, left % axes[0].filter);
            let source = |axis: Axis, place: usize, tap: usize| {
                (place * axis.stride + tap * axis.dilation)
                    .checked_sub(axis.before)
                    .filter(|at| *at < axis.input)
            };
            let at = (source(axes[0], z, a), source(axes[1], y, b), source(axes[2], x, c));
            let (Some(z), Some(y), Some(x)) = at else { continue };
            let input = image * channels + channel / (outputs / groups) * depth + inner;
            let from = ((input * axes[0].input + z) * axes[1].input + y) * axes[2].input + x;
            let taps = depth * axes[0].filter * axes[1].filter * axes[2].filter;
            sum = sum.wrapping_add(filters[channel * taps + tap].wrapping_mul(data[from]));
        }
        product.push(sum);
    }
    product
}

#[test]
fn matrices_give_the_same_products_however_they_lie() {
    for (batch, inputs, outputs) in [(1, 1, 1), (3, 17, 5), (1, 3000, 200), (2, 5, 0), (1, 0, 3)] {
        let by_output = Dense { batch, inputs, outputs, layout: Layout::ByOutput };
        let by_input = Dense { layout: Layout::ByInput, ..by_output };
        let (matrix, vectors) = (drawn(23, by_output.left()), drawn(24, by_output.right()));
        let turned: Vec<u64> =
            (0..matrix.len()).map(|at| matrix[at % outputs * inputs + at / outputs]).collect();
        let sum = |image: usize, output: usize| {
            let terms =
                (0..inputs).map(|at| matrix[output * inputs + at].wrapping_mul(vectors[image * inputs + at]));
            terms.fold(0u64, u64::wrapping_add)
        };
        let expected: Vec<u64> = (0..batch * outputs).map(|at| sum(at / outputs, at % outputs)).collect();
        assert_eq!(by_output.wide(&matrix, &vectors), expected);
        assert_eq!(by_input.wide(&turned, &vectors), expected);
    }
}

#[test]
fn convolutions_with_groups_strides_dilations_and_uneven_pads_follow_their_definition() {
    let axis = |input, filter, stride, dilation, before, behind| Axis {
        input,
        filter,
        stride,
        dilation,
        before,
        behind,
    };
    let cases = [
        ([1, 1, 1, 1], vec![axis(9, 3, 1, 1, 0, 0)]),
        ([2, 4, 6, 2], vec![axis(7, 3, 2, 1, 1, 0), axis(8, 2, 1, 3, 0, 2)]),
        ([1, 3, 3, 3], vec![axis(5, 3, 1, 2, 2, 2), axis(6, 3, 1, 2, 2, 2), axis(7, 3, 1, 2, 2, 2)]),
        ([1, 2, 4, 1], vec![axis(4, 3, 3, 1, 1, 1), axis(5, 1, 1, 1, 0, 0), axis(6, 4, 2, 1, 3, 5)]),
        ([1, 1, 1, 1], vec![axis(2, 2, 1, 1, 4, 4)]),
        ([1, 1, 1, 1], vec![axis(0, 2, 1, 1, 1, 2)]),
        ([2, 4, 2, 2], vec![axis(3, 1, 1, 1, 0, 0), axis(5, 1, 1, 1, 0, 0)]),
        // Enough filters for gathering.
        ([2, 4, 22, 2], vec![axis(7, 3, 2, 1, 1, 0), axis(8, 2, 1, 3, 0, 2)]),
        ([1, 3, 9, 1], vec![axis(5, 3, 1, 2, 2, 2), axis(6, 3, 3, 1, 2, 0), axis(7, 3, 1, 2, 2, 3)]),
        ([1, 1, 8, 1], vec![axis(700, 5, 1, 1, 9, 4)]),
        ([1, 2, 15, 1], vec![axis(31, 1, 1, 1, 0, 0), axis(30, 1, 1, 1, 0, 0)]),
        ([1, 1, 8, 1], vec![axis(0, 2, 1, 1, 1, 2)]),
    ];
    for (sizes, axes) in cases {
        let [batch, channels, outputs, groups] = sizes;
        let map = Convolution::new(batch, [channels, outputs], groups, &axes).unwrap();
        let (filters, data) = (drawn(21, map.left()), drawn(22, map.right()));
        let mut three = [Axis::POINT; 3];
        three[3 - axes.len()..].copy_from_slice(&axes);
        let expected = by_definition(sizes, three, &filters, &data);
        assert_eq!(map.wide(&filters, &data), expected, "{axes:?}");
        let cut = |numbers: &[u64]| numbers.iter().map(|number| *number as u32).collect::<Vec<u32>>();
        assert_eq!(map.narrow(&cut(&filters), &cut(&data)), cut(&expected));
    }
}

#[test]
fn convolutions_that_do_not_fit_are_refused() {
    let axis = Axis { input: 4, filter: 5, ..Axis::POINT };
    assert!(Convolution::new(1, [1, 1], 1, &[axis]).is_err());
    assert!(Convolution::new(1, [3, 4], 2, &[Axis::POINT]).is_err());
    assert!(Convolution::new(1, [1, 1], 0, &[Axis::POINT]).is_err());
    assert!(Convolution::new(1, [1, 1], 1, &[Axis { stride: 0, ..Axis::POINT }]).is_err());
    assert!(
        Convolution::new(1, [1, 1], 1, &[Axis { filter: usize::MAX, dilation: 9, ..Axis::POINT }]).is_err()
    );
}

/// One inference through one layer: what comes out, and what the data owner sent.
fn infer(ring: Ring, map: Arc<dyn Bilinear>, run: u8, weights: &[u64], input: &[u64]) -> (Vec<u64>, Vec<u8>) {
    let layer = Linear::new(ring, map);
    let lane = Lane::new(2, 0);
    let setup = SetupSeed::new(Kernel::best(), &Seed::from_bytes([77; 16]));
    let mask = setup.mask(&layer, lane);
    let weights = Weights::new(ring, weights.to_vec());
    let difference = weights.minus(&mask).unwrap();
    let seeds = || [Seed::from_bytes([run; 16]), Seed::from_bytes([run + 1; 16])];
    let mut writers = Writers([Vec::new(), Vec::new()]);
    let dealer = Draw::known(BundleId([0; 16]), [0; 16], seeds()).dealer(Kernel::best());
    layer.deal(lane, &mask, &dealer, &mut writers).unwrap();
    assert_eq!(
        Party::BOTH.map(|party| layer.key_bytes(party)),
        writers.0.each_ref().map(|keys| keys.len() as u64)
    );
    let stream = SeedStream::new(Kernel::best(), &seeds()[1]);
    let seat = Seat::new(Party::DataOwner, Permutation::new(Kernel::best(), &[0; 16]), stream);
    let shares: Vec<u64> = drawn(run, input.len()).into_iter().map(|number| ring.reduce(number)).collect();
    let others: Vec<u64> = input.iter().zip(&shares).map(|(x, r)| ring.other_share(*x, *r)).collect();
    let prepared = layer.prepare(lane, &seat, &difference).unwrap();
    let message = layer.request(lane, &seat, &others).unwrap();
    let answer = layer.answer(&weights, &shares, &message, &mut &writers.0[0][..]).unwrap();
    (ring.open([&answer, &prepared]).unwrap(), message)
}

#[test]
fn a_layer_with_weights_gives_the_product_on_every_ring() {
    let axis = Axis { input: 9, filter: 3, stride: 1, dilation: 2, before: 2, behind: 1 };
    let maps: [Arc<dyn Bilinear>; 3] = [
        Arc::new(Dense { batch: 2, inputs: 50, outputs: 7, layout: Layout::ByOutput }),
        Arc::new(Elementwise(33)),
        Arc::new(Convolution::new(1, [2, 3], 1, &[axis; 3]).unwrap()),
    ];
    for ring in rings() {
        for map in &maps {
            let reduce = |numbers: Vec<u64>| numbers.into_iter().map(|number| ring.reduce(number)).collect();
            let (weights, input): (Vec<u64>, Vec<u64>) =
                (reduce(drawn(31, map.left())), reduce(drawn(32, map.right())));
            let expected: Vec<u64> = reduce(map.wide(&weights, &input));
            assert_eq!(infer(ring, map.clone(), 33, &weights, &input).0, expected);
        }
    }
}

#[test]
fn equal_inputs_are_sent_as_unrelated_messages_in_every_inference() {
    let ring = rings()[0];
    let map: Arc<dyn Bilinear> =
        Arc::new(Dense { batch: 1, inputs: 1000, outputs: 1, layout: Layout::ByOutput });
    let [first, second] = [40, 50].map(|run| infer(ring, map.clone(), run, &[1; 1000], &[0; 1000]).1);
    let equal = first.iter().zip(&second).filter(|(a, b)| a == b).count();
    // 4,000 bytes, of which one in 256 is equal by chance.
    assert!(equal < 45, "{equal}");
}

#[test]
fn two_set_ups_of_one_architecture_have_different_masks() {
    let layer = Linear::new(rings()[0], Arc::new(Elementwise(1000)));
    let [a, b] = [1, 2].map(|byte| {
        let setup = SetupSeed::new(Kernel::best(), &Seed::from_bytes([byte; 16]));
        setup.mask(&layer, Lane::new(0, 0)).to_bytes(rings()[0])
    });
    assert!(a.iter().zip(&b).filter(|(a, b)| a == b).count() < 45);
}

#[test]
fn messages_and_weights_of_other_lengths_are_refused() {
    let ring = rings()[0];
    let layer =
        Linear::new(ring, Arc::new(Dense { batch: 1, inputs: 3, outputs: 2, layout: Layout::ByOutput }));
    let weights = Weights::new(ring, vec![1; 6]);
    let refused = layer.answer(&weights, &[0; 3], &[0; 11], &mut &[0u8; 8][..]);
    assert_eq!(refused, Err(Error::Message { expected: 12, found: 11 }));
    let refused = layer.answer(&weights, &[0; 3], &[0; 12], &mut &[0u8; 7][..]);
    assert_eq!(refused, Err(Error::KeysEnd { missing: 1 }));
    assert!(layer.answer(&Weights::new(ring, vec![1; 5]), &[0; 3], &[0; 12], &mut &[0u8; 8][..]).is_err());
    assert!(Weights::from_bytes(ring, 2, &[0; 9]).is_err());
}
