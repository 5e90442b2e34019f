//! From a program to the layers that need correlations: the same on all three machines.
//!
//! Each step of a [`Program`] becomes no layer (both parties apply it to their shares), one, or two (a function
//! by straight pieces and the truncation behind it). Layers stand in the order of the steps; a layer's place is
//! its lane, so that no mask is ever used twice.

mod arrangement;
mod forecast;
mod product;

use std::ops::Range;
use std::sync::Arc;

use cowl_model::graph::LayerId;
use cowl_model::program::{Operation, Ranking, Spline, Step};
use cowl_model::{Program, Shape, ShapeError};

pub(crate) use arrangement::Arrangement;
use arrangement::Competition;
pub use forecast::{Forecast, StepForecast};

use crate::bundle::{Layer, Plan};
use crate::error::Error;
use crate::linear::Linear;
use crate::nonlinear::{Family, Line, Made, Rounding, Want};
use crate::prg::Lane;
use crate::ring::Ring;

/// Why a program has no protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoweringError {
    /// A ring that shares cannot be made over.
    #[error(transparent)]
    Ring(Error),
    /// A layer that the family of protocols cannot make.
    #[error("layer {} of the architecture has no protocol: {why}", .layer.index())]
    Layer {
        /// Which.
        layer: LayerId,
        /// Why not.
        why: Error,
    },
    /// Sizes that do not fit; not for a program that was compiled.
    #[error("layer {} of the architecture: {why}", .layer.index())]
    Shape {
        /// Which.
        layer: LayerId,
        /// What does not fit.
        why: ShapeError,
    },
}

/// A program with the layers that two parties and a dealer need for it.
pub struct Protocol {
    program: Program,
    ring: Ring,
    plan: Plan,
    /// Of each step, its layers' places in the plan.
    layers: Vec<Range<usize>>,
}

impl Protocol {
    /// Lowers a program, its nonlinear layers as `family` makes them.
    ///
    /// # Errors
    /// [`LoweringError`].
    pub fn new(program: Program, family: &dyn Family) -> Result<Self, LoweringError> {
        let ring = Ring::new(program.ring().bits(), program.ring().fraction());
        let ring = ring.map_err(LoweringError::Ring)?;
        let lowering = Lowering { program: &program, ring, family, rounding: program.rounding().into() };
        let (mut all, mut layers) = (Vec::new(), Vec::with_capacity(program.steps().len()));
        for step in program.steps() {
            let made = lowering.step(step)?;
            layers.push(all.len()..all.len() + made.len());
            all.extend(made);
        }
        let plan = Plan::new(digest(&program, family), all);
        Ok(Self { program, ring, plan, layers })
    }

    /// What is computed.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The ring of all shares.
    pub fn ring(&self) -> Ring {
        self.ring
    }

    /// The layers that need correlations. Its digest covers the program, the family and the version of the protocol.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The layers of a step with their lanes.
    pub(crate) fn layers_of(&self, step: usize) -> impl Iterator<Item = (Lane, &Layer)> {
        self.plan.layers_at(self.layers[step].clone())
    }

    /// Layers with weights, in order: lane, layer and the weight's place in the program.
    pub(crate) fn linear_layers(&self) -> impl Iterator<Item = (Lane, &Linear, usize)> {
        let steps = self.program.steps().iter().enumerate();
        steps.filter_map(|(place, step)| {
            let Operation::Linear(operation) = &step.operation else { return None };
            match self.layers_of(place).next() {
                Some((lane, Layer::Linear(layer))) => Some((lane, layer, operation.weight.index())),
                _ => None,
            }
        })
    }

    /// The lane of a mask for all of a weight that is added rather than multiplied.
    pub(crate) fn added_weight(&self, weight: usize) -> Lane {
        Lane::new((self.plan.len() + weight) as u32, 0)
    }

    pub(crate) fn shape(&self, step: &Step) -> &Shape {
        &self.program.value(step.output).shape
    }
}

fn digest(program: &Program, family: &dyn Family) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("cowl/mpc/protocol/v1");
    hasher.update(&program.digest());
    *hasher.update(family.name().as_bytes()).finalize().as_bytes()
}

impl From<cowl_model::Rounding> for Rounding {
    fn from(rounding: cowl_model::Rounding) -> Self {
        match rounding {
            cowl_model::Rounding::Nearby => Self::Nearby,
            cowl_model::Rounding::Faithful => Self::Faithful,
        }
    }
}

struct Lowering<'a> {
    program: &'a Program,
    ring: Ring,
    family: &'a dyn Family,
    rounding: Rounding,
}

impl Lowering<'_> {
    fn step(&self, step: &Step) -> Result<Vec<Layer>, LoweringError> {
        let layer = step.layer;
        let competition = Competition::of(self.program, step);
        let competition = competition.map_err(|why| LoweringError::Shape { layer, why })?;
        self.layers(step, competition).map_err(|why| LoweringError::Layer { layer, why })
    }

    fn layers(&self, step: &Step, competition: Option<Competition>) -> Result<Vec<Layer>, Error> {
        let (ring, width) = (self.ring, self.ring.bits());
        let output = &self.program.value(step.output).shape;
        let input = |place: usize| &self.program.value(step.inputs[place]).shape;
        let count = output.count();
        let gate = |made: Made| Ok(vec![Layer::Gate(made?)]);
        if let Some(Competition { groups, size }) = competition {
            return gate(match step.operation {
                Operation::Top { count, .. } => self.family.top(ring, groups, Ranking::new(size, count)),
                _ => self.family.largest(ring, groups, size, width, want(&step.operation)),
            });
        }
        match &step.operation {
            Operation::Linear(linear) => {
                let weight = &self.program.weight(linear.weight).shape;
                let map = product::with_weight(&linear.map, weight, input(0), linear.weight_first)?;
                Ok(vec![Layer::Linear(Linear::new(ring, map))])
            }
            Operation::Product(map) => {
                gate(self.family.product(ring, Arc::new(product::Map::new(map, input(0), input(1))?)))
            }
            Operation::Truncate(bits) => gate(self.family.truncate(ring, count, *bits, self.rounding)),
            Operation::Relu { truncate } => {
                gate(self.family.relu(ring, count, width, *truncate, self.rounding))
            }
            Operation::Maximum => gate(self.family.relu(ring, count, width, 0, self.rounding)),
            Operation::Spline(spline) => self.spline(spline, count),
            Operation::Input(_)
            | Operation::Lift(_)
            | Operation::Public(_)
            | Operation::Local(_)
            | Operation::AddPublic(_)
            | Operation::MultiplyPublic(_)
            | Operation::Interpolate(_)
            | Operation::AddWeight(_) => Ok(Vec::new()),
            Operation::MaxPool(_)
            | Operation::Largest(_)
            | Operation::ArgMax { .. }
            | Operation::Top { .. } => Err(Error::Sizes { what: "a choice without an order" }),
        }
    }

    /// The pieces, if there is more than one, and the truncation.
    fn spline(&self, spline: &Spline, count: usize) -> Result<Vec<Layer>, Error> {
        let line = |piece: &cowl_model::program::Piece| Line { slope: piece.slope, offset: piece.offset };
        let lines: Vec<Line> = spline.pieces.iter().map(line).collect();
        let mut layers = Vec::new();
        if !spline.knots.is_empty() {
            layers.push(Layer::Gate(self.family.piecewise(self.ring, count, &spline.knots, &lines)?));
        }
        layers.push(Layer::Gate(self.family.truncate(self.ring, count, spline.truncate, self.rounding)?));
        Ok(layers)
    }
}

fn want(operation: &Operation) -> Want {
    match operation {
        Operation::ArgMax { last: true, .. } => Want::Last,
        Operation::ArgMax { .. } => Want::First,
        _ => Want::Value,
    }
}
