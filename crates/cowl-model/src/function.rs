//! Functions of one number.

use minicbor::{Decode, Encode};

use crate::real::Real;

/// A function of one number, applied to each.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Function {
    /// max(x, 0)
    #[n(0)]
    Relu,
    /// |x|
    #[n(1)]
    Absolute,
    /// x for x ≥ 0, slope · x below.
    #[n(2)]
    LeakyRelu(#[n(0)] Real),
    /// x for x ≥ 0, scale · (eˣ − 1) below.
    #[n(3)]
    Elu(#[n(0)] Real),
    /// 1 / (1 + e⁻ˣ)
    #[n(4)]
    Sigmoid,
    /// Hyperbolic tangent.
    #[n(5)]
    Tanh,
    /// slope · x + offset, between 0 and 1.
    #[n(6)]
    HardSigmoid(#[n(0)] Real, #[n(1)] Real),
    /// x · Φ(x)
    #[n(8)]
    Gelu,
    /// Gelu with tanh in place of Φ.
    #[n(9)]
    GeluTanh,
    /// The error function.
    #[n(10)]
    Erf,
    /// eˣ
    #[n(11)]
    Exp,
    /// Natural logarithm.
    #[n(12)]
    Log,
    /// 1 / x
    #[n(13)]
    Reciprocal,
    /// √x
    #[n(14)]
    Sqrt,
    /// 1 / √x
    #[n(15)]
    ReciprocalSqrt,
    /// Between two bounds; the upper one wins.
    #[n(16)]
    Clip(#[n(0)] Real, #[n(1)] Real),
    /// A curve of which only the stretch between two numbers matters, because its argument is always there.
    #[n(17)]
    Within(#[n(0)] Curve, #[n(1)] Real, #[n(2)] Real),
}

/// A function that is steep somewhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum Curve {
    /// eˣ
    #[n(0)]
    Exp,
    /// Natural logarithm.
    #[n(1)]
    Log,
    /// 1 / x
    #[n(2)]
    Reciprocal,
}

impl Curve {
    /// The same without a stretch.
    pub fn function(self) -> Function {
        match self {
            Self::Exp => Function::Exp,
            Self::Log => Function::Log,
            Self::Reciprocal => Function::Reciprocal,
        }
    }
}

impl Function {
    /// Its value, by [`libm`], hence the same on every machine.
    pub fn at(self, x: f64) -> f64 {
        match self {
            Self::Relu => x.max(0.0),
            Self::Absolute => x.abs(),
            Self::LeakyRelu(slope) => {
                if x < 0.0 {
                    x * f64::from(slope.get())
                } else {
                    x
                }
            }
            Self::Elu(scale) => {
                if x < 0.0 {
                    f64::from(scale.get()) * libm::expm1(x)
                } else {
                    x
                }
            }
            Self::Sigmoid => sigmoid(x),
            Self::Tanh => libm::tanh(x),
            Self::HardSigmoid(slope, offset) => {
                (f64::from(slope.get()) * x + f64::from(offset.get())).clamp(0.0, 1.0)
            }
            Self::Gelu => x * 0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2),
            Self::GeluTanh => {
                let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x);
                0.5 * x * (1.0 + libm::tanh(inner))
            }
            Self::Erf => libm::erf(x),
            Self::Exp => libm::exp(x),
            Self::Log => libm::log(x),
            Self::Reciprocal => 1.0 / x,
            Self::Sqrt => x.sqrt(),
            Self::ReciprocalSqrt => 1.0 / x.sqrt(),
            Self::Clip(low, high) => x.max(f64::from(low.get())).min(f64::from(high.get())),
            Self::Within(curve, ..) => curve.function().at(x),
        }
    }

    /// Its value on single precision.
    pub fn at_single(self, x: f32) -> f32 {
        match self {
            Self::Relu => x.max(0.0),
            Self::Clip(low, high) => x.max(low.get()).min(high.get()),
            _ => self.at(f64::from(x)) as f32,
        }
    }

    /// The largest magnitude that it gives for arguments of at most this magnitude; infinite at a pole.
    pub fn largest(self, argument: f64) -> f64 {
        let at = |x: f64| {
            let value = self.at(x).abs();
            if value.is_nan() { f64::INFINITY } else { value }
        };
        match self {
            Self::Within(_, low, high) => at(low.get().into()).max(at(high.get().into())),
            Self::Log | Self::Reciprocal | Self::ReciprocalSqrt => f64::INFINITY,
            Self::Sqrt => at(argument),
            // All others rise, or fall by less than they rise elsewhere.
            _ => at(argument).max(at(-argument)),
        }
    }

    /// Its name, as `inspect` shows it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::Absolute => "abs",
            Self::LeakyRelu(_) => "leaky relu",
            Self::Elu(_) => "elu",
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
            Self::HardSigmoid(..) => "hard sigmoid",
            Self::Gelu => "gelu",
            Self::GeluTanh => "gelu (tanh)",
            Self::Erf => "erf",
            Self::Exp => "exp",
            Self::Log => "log",
            Self::Reciprocal => "reciprocal",
            Self::Sqrt => "square root",
            Self::ReciprocalSqrt => "reciprocal square root",
            Self::Clip(..) => "clip",
            Self::Within(curve, ..) => curve.function().name(),
        }
    }
}

fn sigmoid(x: f64) -> f64 {
    if x >= 0.0 {
        return 1.0 / (1.0 + libm::exp(-x));
    }
    let power = libm::exp(x);
    power / (1.0 + power)
}
