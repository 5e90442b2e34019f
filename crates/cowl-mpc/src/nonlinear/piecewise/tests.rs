use super::*;
use crate::nonlinear::two_parties::{agree, numbers, rings};

fn line(slope: i64, offset: i64) -> Line {
    Line { slope, offset }
}

#[test]
fn absolute_values_clips_and_leaky_relus_are_exact_on_every_ring() {
    for ring in rings() {
        let inputs = numbers(ring, 11, 300, ring.bits() - 3);
        let signed: Vec<i64> = inputs.iter().map(|x| ring.signed(*x)).collect();
        let run = |knots: &[i64], lines: &[Line]| {
            let gate = Piecewise::new(ring, 300, knots, lines).unwrap();
            agree(&gate, ring, 11, &inputs).into_iter().map(|y| ring.signed(y)).collect::<Vec<i64>>()
        };
        let absolute: Vec<i64> = signed.iter().map(|x| x.abs()).collect();
        assert_eq!(run(&[0], &[line(-1, 0), line(1, 0)]), absolute);
        let clipped: Vec<i64> = signed.iter().map(|x| (*x).clamp(-70, 4095)).collect();
        assert_eq!(run(&[-70, 4095], &[line(0, -70), line(1, 0), line(0, 4095)]), clipped);
        let leaky: Vec<i64> = signed.iter().map(|x| if *x < 0 { *x } else { 3 * x }).collect();
        assert_eq!(run(&[0], &[line(1, 0), line(3, 0)]), leaky);
    }
}

#[test]
fn a_sigmoid_of_many_pieces_is_within_its_tolerance_of_the_function() {
    let ring = Ring::new(40, 15).unwrap();
    let unit = f64::from(1 << 15);
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let knots: Vec<i64> = (-64..=64).map(|place| place << 12).collect();
    let chord = |from: i64| {
        let (x, slope) =
            (from as f64 / unit, sigmoid((from + 4096) as f64 / unit) - sigmoid(from as f64 / unit));
        let slope = (slope * unit * 8.0).round();
        line(slope as i64, (sigmoid(x) * unit * unit) as i64 - slope as i64 * from)
    };
    let mut lines = vec![line(0, 0)];
    lines.extend(knots[..128].iter().map(|knot| chord(*knot)));
    lines.push(line(0, 1 << 30));
    let gate = Piecewise::new(ring, 500, &knots, &lines).unwrap();
    let inputs: Vec<u64> = (0..500).map(|place| ring.reduce(((place - 250) * 1500) as u64)).collect();
    for (x, y) in inputs.iter().zip(agree(&gate, ring, 12, &inputs)) {
        let expected = sigmoid(ring.signed(*x) as f64 / unit);
        assert!((ring.signed(y) as f64 / unit / unit - expected).abs() < 5e-4, "{x}");
    }
}

#[test]
fn knots_on_which_a_value_falls_belong_to_the_piece_above() {
    let ring = rings()[0];
    let gate =
        Piecewise::new(ring, 5, &[-2, 0, 2], &[line(0, 1), line(0, 2), line(0, 3), line(0, 4)]).unwrap();
    let inputs = [-3i64, -2, 0, 1, 2].map(|x| ring.reduce(x as u64));
    assert_eq!(agree(&gate, ring, 13, &inputs), [1, 2, 3, 3, 4]);
}

#[test]
fn knots_that_do_not_ascend_are_refused() {
    let (ring, line) = (rings()[0], line(0, 0));
    assert!(Piecewise::new(ring, 1, &[1, 1], &[line; 3]).is_err());
    assert!(Piecewise::new(ring, 1, &[1], &[line; 3]).is_err());
    assert!(Piecewise::new(ring, 1, &[], &[line; 1]).is_err());
}
