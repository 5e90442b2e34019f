//! Functions of one number as straight pieces, exact on integers.
//!
//! Pieces are as long as a tolerance allows, so that steep places have many and flat ones few. Outside of the
//! stretch that matters a function goes on as a straight line, which for most is exactly what it does. Both parties
//! make the same pieces on whatever machine: nothing here rounds other than IEEE 754 and `libm` do.

use minicbor::Encode;

use super::Rounding;
use crate::function::{Curve, Function};
use crate::ring::Ring;

/// A function by straight pieces: for the signed x between two knots, ⌊(slope · x + offset) / 2^f⌋ modulo 2^k.
#[derive(Clone, PartialEq, Eq, Debug, Encode)]
pub struct Spline {
    /// Where the next piece begins, ascending; f bits behind the point.
    #[n(0)]
    pub knots: Vec<i64>,
    /// One more than knots; piece i holds from knot i−1 on, below knot i.
    #[n(1)]
    pub pieces: Vec<Piece>,
    /// How many bits are cut behind: f.
    #[n(2)]
    pub truncate: u32,
}

/// The most pieces of a spline: where a function has no value, or is steep for long, it would have any number.
pub(super) const MOST_PIECES: usize = 1 << 14;

/// One straight piece.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode)]
pub struct Piece {
    /// f bits behind the point.
    #[n(0)]
    pub slope: i64,
    /// 2f bits behind the point; half a unit is in it if truncation goes down.
    #[n(1)]
    pub offset: i64,
}

/// Where a function is curved, and how it goes on outside.
struct Stretch {
    /// From where to where, in order; between two stretches the line of the earlier one goes on.
    curved: Vec<(f64, f64)>,
    below: Tail,
    above: Tail,
}

#[derive(Clone, Copy)]
enum Tail {
    /// slope and offset
    Line(f64, f64),
    /// As the nearest piece.
    GoesOn,
}

impl Spline {
    /// The pieces of a function; `None` where it would take more than 16,384 of them.
    pub fn of(function: Function, ring: Ring, rounding: Rounding) -> Option<Self> {
        let stretch = stretch(function, ring);
        let mut builder = Builder::new(function, ring, rounding);
        let below = match stretch.below {
            Tail::Line(slope, offset) => Some(builder.line(slope, offset, 0)),
            Tail::GoesOn => None,
        };
        builder.pieces.extend(below);
        for &(from, to) in &stretch.curved {
            builder.curve(builder.fixed(from), builder.fixed(to))?;
        }
        if let Tail::Line(slope, offset) = stretch.above {
            let end = stretch.curved.last().map_or(0.0, |&(_, end)| end);
            let line = builder.line(slope, offset, builder.fixed(end));
            builder.begin(builder.fixed(end), line);
        }
        Some(builder.finish())
    }

    /// Which piece holds for a signed number.
    pub fn piece(&self, x: i64) -> Piece {
        self.pieces[self.knots.partition_point(|&knot| knot <= x)]
    }

    /// slope · x + offset, before the truncation.
    pub fn raised(&self, x: i64) -> u64 {
        let piece = self.piece(x);
        (piece.slope as u64).wrapping_mul(x as u64).wrapping_add(piece.offset as u64)
    }
}

fn stretch(function: Function, ring: Ring) -> Stretch {
    const ZERO: Tail = Tail::Line(0.0, 0.0);
    const ONE: Tail = Tail::Line(0.0, 1.0);
    const SAME: Tail = Tail::Line(1.0, 0.0);
    let large = ring.headroom() / 2.0;
    let smallest = 1.0 / (1u64 << ring.fraction()) as f64;
    let of = |curved: Vec<(f64, f64)>, below, above| Stretch { curved, below, above };
    match function {
        Function::Relu => of(vec![(0.0, 0.0)], ZERO, SAME),
        Function::Absolute => of(vec![(0.0, 0.0)], Tail::Line(-1.0, 0.0), SAME),
        Function::LeakyRelu(slope) => of(vec![(0.0, 0.0)], Tail::Line(slope.get().into(), 0.0), SAME),
        Function::Elu(scale) => of(vec![(-16.0, 0.0)], Tail::Line(0.0, -f64::from(scale.get())), SAME),
        Function::Sigmoid => of(vec![(-16.0, 16.0)], ZERO, ONE),
        Function::Tanh => of(vec![(-8.5, 8.5)], Tail::Line(0.0, -1.0), ONE),
        Function::Erf => of(vec![(-4.5, 4.5)], Tail::Line(0.0, -1.0), ONE),
        Function::Gelu | Function::GeluTanh => of(vec![(-6.5, 6.5)], ZERO, SAME),
        Function::HardSigmoid(slope, offset) => hard_sigmoid(slope.get().into(), offset.get().into(), large),
        Function::Clip(low, high) => clip(low.get().into(), high.get().into(), large),
        Function::Exp => of(vec![(-17.0, libm::log(large))], ZERO, Tail::GoesOn),
        Function::Within(Curve::Exp, low, high) => {
            of(vec![(low.get().into(), high.get().into())], ZERO, Tail::GoesOn)
        }
        Function::Within(_, low, high) => {
            of(vec![(low.get().into(), high.get().into())], Tail::GoesOn, Tail::GoesOn)
        }
        Function::Log => of(vec![(smallest, large)], Tail::GoesOn, Tail::GoesOn),
        Function::Sqrt => of(vec![(0.0, large)], ZERO, Tail::GoesOn),
        Function::ReciprocalSqrt => {
            of(vec![(smallest.max(1.0 / large / large), large)], Tail::GoesOn, Tail::GoesOn)
        }
        Function::Reciprocal => {
            let least = smallest.max(1.0 / large);
            of(vec![(-large, -least), (least, large)], Tail::GoesOn, Tail::GoesOn)
        }
    }
}

fn hard_sigmoid(slope: f64, offset: f64, large: f64) -> Stretch {
    let ends = (-offset / slope, (1.0 - offset) / slope);
    let value = |end: f64| Tail::Line(0.0, (slope * end + offset).clamp(0.0, 1.0).round());
    if slope == 0.0 || !ends.0.is_finite() || !ends.1.is_finite() {
        let constant = Tail::Line(0.0, offset.clamp(0.0, 1.0));
        return Stretch { curved: vec![(0.0, 0.0)], below: constant, above: constant };
    }
    let (from, to) = if ends.0 <= ends.1 { ends } else { (ends.1, ends.0) };
    // Ends that no value reaches are no ends.
    let below = if from < -large { Tail::GoesOn } else { value(from) };
    let above = if to > large { Tail::GoesOn } else { value(to) };
    let near = |end: f64| end.clamp(-large, large);
    Stretch { curved: vec![(near(from), near(to))], below, above }
}

fn clip(low: f64, high: f64, large: f64) -> Stretch {
    // Bounds that no value reaches are no bounds; where they cross, the upper one wins.
    let low = low.min(high);
    let below = if low < -large { Tail::Line(1.0, 0.0) } else { Tail::Line(0.0, low) };
    let above = if high > large { Tail::Line(1.0, 0.0) } else { Tail::Line(0.0, high) };
    Stretch { curved: vec![(low.clamp(-large, large), high.clamp(-large, large))], below, above }
}

struct Builder {
    function: Function,
    ring: Ring,
    rounding: Rounding,
    knots: Vec<i64>,
    pieces: Vec<Piece>,
    /// Pieces that were fitted.
    made: usize,
}

/// Places at which a piece is compared with its function.
const SAMPLES: i64 = 24;

impl Builder {
    fn new(function: Function, ring: Ring, rounding: Rounding) -> Self {
        Self { function, ring, rounding, knots: Vec::new(), pieces: Vec::new(), made: 0 }
    }

    fn unit(&self) -> f64 {
        (1u64 << self.ring.fraction()) as f64
    }

    /// Numbers that the ring cannot hold become the nearest that are out of all reach.
    fn fixed(&self, x: f64) -> i64 {
        let reach = (1u64 << (self.ring.bits() - 3)) as f64;
        (x * self.unit()).round().clamp(-reach, reach) as i64
    }

    /// A line through (at, slope · at + offset), as integers that round to the nearest there.
    fn line(&self, slope: f64, offset: f64, at: i64) -> Piece {
        let value = slope * (at as f64 / self.unit()) + offset;
        self.through(slope, at, value)
    }

    fn through(&self, slope: f64, at: i64, value: f64) -> Piece {
        let slope = (slope * self.unit()).round() as i64;
        let half = match self.rounding {
            Rounding::Nearby => 0,
            Rounding::Faithful => 1i128 << (self.ring.fraction() - 1),
        };
        // Beyond all rings; with the slope's part it fits 128 bits.
        let raised = (value * self.unit() * self.unit()).round().clamp(-1e30, 1e30) as i128;
        Piece { slope, offset: (raised - i128::from(slope) * i128::from(at) + half) as i64 }
    }

    /// How far a piece may be off where the function has this value.
    fn tolerance(&self, value: f64) -> f64 {
        let relative = 1.0 / (1u32 << (self.ring.fraction().min(15) - 2)) as f64;
        let absolute = 1.0 / (1u32 << self.ring.fraction().min(16)) as f64;
        absolute.max(relative * value.abs())
    }

    /// The best line from `from` to `to`, and whether it is good enough everywhere.
    fn fit(&self, from: i64, to: i64) -> (Piece, bool) {
        let at = |place: i64| {
            let x = from as f64 + (to - from) as f64 * place as f64 / SAMPLES as f64;
            let x = x / self.unit();
            (x, self.function.at(x))
        };
        let (first, last) = (at(0), at(SAMPLES));
        let slope = if last.0 > first.0 { (last.1 - first.1) / (last.0 - first.0) } else { 0.0 };
        // As it will be rounded: over a long piece that matters.
        let slope = (slope * self.unit()).round() / self.unit();
        let error = |(x, y): (f64, f64)| y - (first.1 + slope * (x - first.0));
        let errors: Vec<(f64, f64)> = (0..=SAMPLES).map(|place| (error(at(place)), at(place).1)).collect();
        let (low, high) =
            errors.iter().fold((0f64, 0f64), |(low, high), (error, _)| (low.min(*error), high.max(*error)));
        let shift = (low + high) / 2.0;
        let good = errors.iter().all(|(error, value)| (error - shift).abs() <= self.tolerance(*value));
        (self.through(slope, from, first.1 + shift), good)
    }

    fn begin(&mut self, at: i64, piece: Piece) {
        // A piece that never held is replaced.
        if self.knots.last() == Some(&at) {
            self.knots.pop();
            self.pieces.pop();
        }
        if self.pieces.last() == Some(&piece) {
            return;
        }
        if !self.pieces.is_empty() {
            self.knots.push(at);
        }
        self.pieces.push(piece);
    }

    /// Pieces as long as they may be.
    fn curve(&mut self, from: i64, to: i64) -> Option<()> {
        let mut start = from;
        while start < to {
            // Equal pieces become one, so counting those that there are would not end.
            self.made += 1;
            if self.made > MOST_PIECES {
                return None;
            }
            let mut good = 1;
            let mut reach = 1;
            while start + reach < to && self.fit(start, start + reach).1 {
                good = reach;
                reach *= 2;
            }
            let mut bad = reach.min(to - start);
            if self.fit(start, start + bad).1 {
                good = bad;
            }
            while bad - good > 1 {
                let middle = good + (bad - good) / 2;
                if self.fit(start, start + middle).1 { good = middle } else { bad = middle }
            }
            let (piece, _) = self.fit(start, start + good);
            self.begin(start, piece);
            start += good;
        }
        // Of a stretch of one point the value there is all that is known.
        if self.pieces.is_empty() {
            let (piece, _) = self.fit(from, from);
            self.begin(from, piece);
        }
        Some(())
    }

    fn finish(self) -> Spline {
        Spline { knots: self.knots, pieces: self.pieces, truncate: self.ring.fraction() }
    }
}
