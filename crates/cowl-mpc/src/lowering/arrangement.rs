//! Which numbers of a value compete with each other: windows of a pool, lines along an axis.

use cowl_model::program::{Operation, Step};
use cowl_model::{Program, Shape, ShapeError};

/// Groups of one size, one behind the other, as places of the input. A window that sees fewer numbers than
/// others, because it reaches into the padding, has its first one several times.
pub(crate) struct Arrangement {
    groups: usize,
    size: usize,
    /// Of one plane; the input's other planes follow at equal distances.
    places: Vec<usize>,
    plane: usize,
}

/// How many groups there are, and how many numbers compete in each: all that a layer is made from.
pub(super) struct Competition {
    pub(super) groups: usize,
    pub(super) size: usize,
}

impl Competition {
    /// Of a step that chooses; `None` for all others. Lists nothing: an architecture may be larger than memory.
    pub(super) fn of(program: &Program, step: &Step) -> Result<Option<Self>, ShapeError> {
        let input = || &program.value(step.inputs[0]).shape;
        let (groups, size) = match &step.operation {
            Operation::MaxPool(window) => (window.pooled(input())?.count(), window.widest(input())?),
            Operation::Largest(axis) | Operation::ArgMax { axis, .. } | Operation::Top { axis, .. } => {
                let size = input().size(*axis);
                (input().count() / size.max(1), size)
            }
            _ => return Ok(None),
        };
        Ok(Some(Self { groups, size: size.max(1) }))
    }
}

impl Arrangement {
    /// Of a step that chooses; `None` for all others.
    pub(crate) fn of(program: &Program, step: &Step) -> Result<Option<Self>, ShapeError> {
        let input = || &program.value(step.inputs[0]).shape;
        match &step.operation {
            Operation::MaxPool(window) => Self::windows(&window.seen(input())?, input()).map(Some),
            Operation::Largest(axis) | Operation::ArgMax { axis, .. } | Operation::Top { axis, .. } => {
                Ok(Some(Self::lines(input(), *axis)))
            }
            _ => Ok(None),
        }
    }

    fn windows(seen: &[Vec<usize>], input: &Shape) -> Result<Self, ShapeError> {
        let size = seen.iter().map(Vec::len).max().unwrap_or(1).max(1);
        let filled = |window: &Vec<usize>| {
            let first = window.first().copied();
            window.iter().copied().chain(first.into_iter().cycle()).take(size).collect::<Vec<_>>()
        };
        let plane = input.sizes().iter().skip(2).product();
        let planes: usize = input.sizes().iter().take(2).product();
        let places: Vec<usize> = seen.iter().flat_map(filled).collect();
        if places.len() == seen.len() * size {
            return Ok(Self { groups: planes * seen.len(), size, places, plane });
        }
        let (shape, why) = (input.clone(), "a window that sees nothing but padding".into());
        Err(ShapeError::Unfit { what: "a maximum", shape, why })
    }

    fn lines(input: &Shape, axis: usize) -> Self {
        let (size, stride) = (input.size(axis), input.strides()[axis]);
        let line = |start: usize| (0..size).map(move |at| start + at * stride);
        let places = (0..stride).flat_map(line).collect();
        let groups = input.count() / size.max(1);
        Self { groups, size: size.max(1), places, plane: size * stride }
    }

    /// Where a group's results lie along an axis: the inverse of [`Arrangement::apply`] for as many as come out.
    pub(crate) fn spread(&self, results: Vec<u64>) -> Vec<u64> {
        let few = results.len() / self.groups.max(1);
        let inner = self.plane / self.size;
        if few <= 1 || inner <= 1 {
            return results;
        }
        let planes = results.chunks_exact(few * inner);
        planes.flat_map(|plane| (0..few * inner).map(|at| plane[at % inner * few + at / inner])).collect()
    }

    /// The numbers group by group.
    pub(crate) fn apply(&self, numbers: &[u64]) -> Vec<u64> {
        let planes = numbers.chunks_exact(self.plane.max(1));
        planes.flat_map(|plane| self.places.iter().map(|&place| plane[place])).collect()
    }
}
