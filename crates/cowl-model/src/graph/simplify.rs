//! Rewriting that holds whatever the weights are: factors and offsets behind a linear layer go into its weights
//! (batch normalisation among them), pooling comes before the ReLU it commutes with, what nothing uses is left out.

use super::{Graph, GraphError, Node, NodeId, Operator, Origin};
use crate::bilinear::Bilinear;
use crate::function::Function;
use crate::local::Local;
use crate::shape::Shape;

impl Graph {
    /// The same function with fewer operations on data.
    ///
    /// # Errors
    /// [`GraphError`]; not for a graph that was built by [`Graph::push`].
    pub(crate) fn simplified(&self) -> Result<Self, GraphError> {
        Rewriting::new(self).run()?.without_dead_nodes()
    }

    fn same_ports(&self) -> Self {
        Self {
            layers: self.layers.clone(),
            inputs: self.inputs.clone(),
            weights: self.weights.clone(),
            parameters: self.parameters.clone(),
            ..Self::default()
        }
    }

    fn without_dead_nodes(&self) -> Result<Self, GraphError> {
        let mut wanted: Vec<NodeId> = self.outputs.iter().map(|output| output.node).collect();
        let is_port =
            |id: &NodeId| matches!(self.node(*id).operator, Operator::Input(_) | Operator::Weight(_));
        wanted.extend(self.ids().filter(is_port));
        let mut places = vec![NodeId(0); self.nodes.len()];
        let mut graph = self.same_ports();
        for id in self.ancestors(&wanted) {
            let node = self.node(id);
            let inputs = node.inputs.iter().map(|input| places[input.index()]).collect();
            places[id.index()] = graph.push(node.operator.clone(), inputs, node.layer)?;
        }
        for output in &self.outputs {
            graph.add_output(&output.name, places[output.node.index()]);
        }
        Ok(graph)
    }
}

struct Rewriting<'a> {
    from: &'a Graph,
    into: Graph,
    /// Where each old node is now.
    places: Vec<NodeId>,
    /// How often each old node is used, as an output too.
    uses: Vec<u32>,
    /// Of the new nodes: whether nothing but the next rewriting will use them.
    single: Vec<bool>,
}

/// A linear layer and what is added to it.
struct Linear {
    map: Bilinear,
    data: NodeId,
    weight: NodeId,
    weight_first: bool,
    bias: Option<NodeId>,
}

impl<'a> Rewriting<'a> {
    fn new(from: &'a Graph) -> Self {
        let mut uses = vec![0; from.nodes.len()];
        from.nodes.iter().flat_map(|node| &node.inputs).for_each(|input| uses[input.index()] += 1);
        from.outputs.iter().for_each(|output| uses[output.node.index()] += 1);
        Self { from, into: from.same_ports(), places: Vec::new(), uses, single: Vec::new() }
    }

    fn run(mut self) -> Result<Graph, GraphError> {
        for id in self.from.ids() {
            let node = self.from.node(id);
            let inputs: Vec<NodeId> = node.inputs.iter().map(|input| self.places[input.index()]).collect();
            let place = match self.rewritten(node, &inputs)? {
                Some(place) => place,
                None => self.push(node.operator.clone(), inputs, node)?,
            };
            self.single[place.index()] = self.uses[id.index()] == 1;
            self.places.push(place);
        }
        for output in &self.from.outputs {
            self.into.add_output(&output.name, self.places[output.node.index()]);
        }
        Ok(self.into)
    }

    fn push(&mut self, operator: Operator, inputs: Vec<NodeId>, like: &Node) -> Result<NodeId, GraphError> {
        let place = self.into.push(operator, inputs, like.layer)?;
        self.single.push(true);
        Ok(place)
    }

    fn rewritten(&mut self, node: &Node, inputs: &[NodeId]) -> Result<Option<NodeId>, GraphError> {
        match (&node.operator, inputs) {
            (Operator::MaxPool(_), [input]) => self.pool_before_relu(node, *input),
            (Operator::Bilinear(Bilinear::Multiply), [left, right]) => {
                let (data, factor) = if self.is_data(*left) { (*left, *right) } else { (*right, *left) };
                self.absorb_factor(node, data, Some(factor))
            }
            (Operator::Scale(_), [input]) => self.absorb_factor(node, *input, None),
            (Operator::Local(Local::Add), [left, right]) => {
                let (data, offset) = if self.is_data(*left) { (*left, *right) } else { (*right, *left) };
                self.offsets_together(node, data, offset)
            }
            _ => Ok(None),
        }
    }

    fn is_data(&self, id: NodeId) -> bool {
        self.into.node(id).origin == Origin::Data
    }

    fn pool_before_relu(&mut self, node: &Node, input: NodeId) -> Result<Option<NodeId>, GraphError> {
        let relu = self.into.node(input).clone();
        if relu.operator != Operator::Function(Function::Relu) || !self.single[input.index()] {
            return Ok(None);
        }
        let pooled = self.push(node.operator.clone(), relu.inputs.clone(), node)?;
        self.push(relu.operator.clone(), vec![pooled], &relu).map(Some)
    }

    /// (x + a) + b with weights a and b is x + (a + b).
    fn offsets_together(
        &mut self,
        node: &Node,
        data: NodeId,
        offset: NodeId,
    ) -> Result<Option<NodeId>, GraphError> {
        let inner = self.into.node(data).clone();
        let sum_of_two = inner.operator == Operator::Local(Local::Add) && self.single[data.index()];
        if !self.is_data(data) || self.is_data(offset) || !sum_of_two {
            return Ok(None);
        }
        let (base, first) = match *inner.inputs.as_slice() {
            [left, right] if !self.is_data(right) => (left, right),
            [left, right] if !self.is_data(left) => (right, left),
            _ => return Ok(None),
        };
        let offset = self.push(Operator::Local(Local::Add), vec![first, offset], node)?;
        let sum = self.push(Operator::Local(Local::Add), vec![base, offset], node)?;
        Ok(Some(sum))
    }

    /// A factor for each output channel of a linear layer, or one for all, goes into the layer's weights.
    fn absorb_factor(
        &mut self,
        node: &Node,
        data: NodeId,
        factor: Option<NodeId>,
    ) -> Result<Option<NodeId>, GraphError> {
        let weights_factor = factor.is_none_or(|factor| !self.is_data(factor));
        let Some(linear) = self.linear(data).filter(|_| weights_factor && self.is_data(data)) else {
            return Ok(None);
        };
        let shaped = match factor {
            None => None,
            Some(factor) => match self.shape_for(&linear, factor, &node.shape) {
                Some(shape) => {
                    Some((self.push(Operator::Local(Local::Reshape(shape)), vec![factor], node)?, factor))
                }
                None => return Ok(None),
            },
        };
        let weight = self.times(linear.weight, shaped.map(|(shaped, _)| shaped), node)?;
        let operands =
            if linear.weight_first { vec![weight, linear.data] } else { vec![linear.data, weight] };
        let product = self.push(Operator::Bilinear(linear.map), operands, node)?;
        let Some(bias) = linear.bias else { return Ok(Some(product)) };
        let bias = self.times(bias, shaped.map(|(_, factor)| factor), node)?;
        self.push(Operator::Local(Local::Add), vec![product, bias], node).map(Some)
    }

    fn times(&mut self, weight: NodeId, factor: Option<NodeId>, node: &Node) -> Result<NodeId, GraphError> {
        match factor {
            Some(factor) => self.push(Operator::Bilinear(Bilinear::Multiply), vec![weight, factor], node),
            None => self.push(node.operator.clone(), vec![weight], node),
        }
    }

    /// The linear layer that ends in `id`, if nothing else uses it.
    fn linear(&self, id: NodeId) -> Option<Linear> {
        let node = self.into.node(id);
        if !self.single[id.index()] {
            return None;
        }
        match (&node.operator, node.inputs.as_slice()) {
            (Operator::Bilinear(map), &[left, right]) => {
                let weight_first = self.is_data(right);
                let (data, weight) = if weight_first { (right, left) } else { (left, right) };
                let fits = self.is_data(data) && self.into.node(weight).origin == Origin::Weights;
                let map = map.clone();
                (fits && map != Bilinear::Multiply).then_some(Linear {
                    map,
                    data,
                    weight,
                    weight_first,
                    bias: None,
                })
            }
            (Operator::Local(Local::Add), &[left, right]) => {
                let (data, bias) = if self.is_data(left) { (left, right) } else { (right, left) };
                let inner = self.into.node(data);
                // A sum of sums is no layer with a bias; not to look further keeps long chains of sums off the stack.
                let fits = !self.is_data(bias) && matches!(inner.operator, Operator::Bilinear(_));
                let linear = (fits && inner.shape == node.shape).then(|| self.linear(data)).flatten()?;
                Some(Linear { bias: Some(bias), ..linear })
            }
            _ => None,
        }
    }

    /// The shape in which a factor multiplies the weight so that the layer's output is multiplied; `None` where the
    /// factor is not one a channel.
    fn shape_for(&self, linear: &Linear, factor: NodeId, output: &Shape) -> Option<Shape> {
        let (factor, weight) = (&self.into.node(factor).shape, &self.into.node(linear.weight).shape);
        if factor.count() == 1 {
            return (factor.rank() <= output.rank()).then(Shape::scalar);
        }
        let rank = output.rank();
        let (channel, along) = match &linear.map {
            Bilinear::Multiply => return None,
            Bilinear::MatMul if linear.weight_first => (rank.checked_sub(2)?, weight.rank().checked_sub(2)?),
            Bilinear::MatMul => (rank.checked_sub(1)?, weight.rank().checked_sub(1)?),
            Bilinear::Convolution(_) => (1, 0),
            Bilinear::TransposedConvolution(map) if map.groups == 1 => (1, 1),
            Bilinear::TransposedConvolution(_) => return None,
        };
        let plain = !matches!(linear.map, Bilinear::MatMul) || (weight.rank() == 2 && rank >= 2);
        let axis = (channel + factor.rank()).checked_sub(rank)?;
        let one_a_channel = factor.count() == factor.size(axis)
            && factor.size(axis) == output.size(channel)
            && weight.size(along) == factor.count();
        let mut sizes = vec![1; weight.rank()];
        sizes[along] = factor.count();
        (plain && one_a_channel).then(|| Shape::new(sizes).ok()).flatten()
    }
}
