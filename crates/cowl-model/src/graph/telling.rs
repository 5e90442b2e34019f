//! An architecture that tells less of its outputs than it computes.

use super::{Element, Graph, GraphError, Layer, NodeId, Operator, Output};
use crate::local::Local;

/// What is told of each output.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Telling {
    /// Every number.
    Values,
    /// The place of the largest class; the first of several.
    Labels,
    /// The places of the so many largest classes, and their numbers; the largest first.
    Top(usize),
}

/// An output of which not that can be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TellingError {
    /// There is nothing to choose from.
    #[error("output '{0}' has one class only: there is no largest among them")]
    OneClass(String),
    /// The graph cannot grow.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

impl Graph {
    /// The same with layers behind it that tell only so much. Classes lie along the second axis, behind the batch; along
    /// the only one where there is one. Outputs that are places already are told as they are.
    ///
    /// # Errors
    /// [`TellingError`].
    pub fn telling(&self, telling: Telling) -> Result<Self, TellingError> {
        let mut graph = self.clone();
        if telling == Telling::Values {
            return Ok(graph);
        }
        for output in std::mem::take(&mut graph.outputs) {
            if graph.node(output.node).element == Element::Index {
                graph.outputs.push(output);
            } else {
                graph.tell(output, telling)?;
            }
        }
        Ok(graph)
    }

    fn tell(&mut self, output: Output, telling: Telling) -> Result<(), TellingError> {
        let shape = &self.node(output.node).shape;
        let axis = usize::from(shape.sizes().len() > 1);
        if shape.sizes().get(axis).is_none_or(|&classes| classes < 2) {
            return Err(TellingError::OneClass(output.name));
        }
        let Telling::Top(count) = telling else {
            let label = Operator::ArgMax { axis, last: false };
            let label = self.behind(&output, "ArgMax", label, output.node)?;
            self.add_output(&output.name, label);
            return Ok(());
        };
        let top = self.behind(&output, "TopK", Operator::Top { axis, count }, output.node)?;
        let half = |start: usize| Operator::Local(Local::Slice { axis, start, step: 1, count });
        let places = self.behind(&output, "Slice", half(count), top)?;
        let values = self.behind(&output, "Slice", half(0), top)?;
        self.add_output(&output.name, places);
        self.add_output(&format!("{} value", output.name), values);
        Ok(())
    }

    fn behind(
        &mut self,
        output: &Output,
        operator: &str,
        does: Operator,
        of: NodeId,
    ) -> Result<NodeId, GraphError> {
        let layer = Layer { name: format!("told of {}", output.name), operator: operator.into() };
        let layer = self.add_layer(layer);
        self.push(does, vec![of], layer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::NoFiles;
    use crate::{ImportOptions, Ring, Rounding, Tensor, compile, import, zoo};

    fn lenet() -> crate::Model {
        import(&zoo::lenet5(1), &NoFiles, &ImportOptions::default()).unwrap()
    }

    #[test]
    fn the_largest_class_is_told_and_nothing_else() {
        let model = lenet();
        let input = Tensor::filled(model.architecture.inputs()[0].shape.clone(), 0.5f32);
        let all = model.architecture.evaluate(std::slice::from_ref(&input), &model.weights).unwrap();
        let told = model.architecture.telling(Telling::Top(1)).unwrap();
        let few = told.evaluate(&[input], &model.weights).unwrap();
        let logits = all[0].data();
        let place = (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap();
        assert_eq!((few[0].data(), few[1].data()), (&[place as f32][..], &[logits[place]][..]));
        let labels = model.architecture.telling(Telling::Labels).unwrap();
        let program = compile(&labels, Ring::MENU[0], Rounding::Nearby).unwrap();
        assert_eq!(program.outputs().len(), 1);
        assert_eq!(program.value(program.outputs()[0].value).shape.count(), 1);
    }

    #[test]
    fn what_is_told_of_places_is_the_places() {
        let model = import(&zoo::unet(16, 1), &NoFiles, &ImportOptions::default()).unwrap();
        assert_eq!(model.architecture.telling(Telling::Labels).unwrap(), model.architecture);
        let model = lenet();
        assert_eq!(model.architecture.telling(Telling::Values).unwrap(), model.architecture);
    }
}
