//! The networks, and what they are to be compared to.

use cowl_model::onnx::NoFiles;
use cowl_model::{ImportOptions, Model, import, zoo};

use super::trio::Repeats;
use crate::args::InferGroup;
use crate::demo::samples::TISSUE;
use crate::failure::{Failure, Result};

/// A network and what it is to be compared to: [LLAMA of EzPC on a like machine, measured elsewhere], and the goal.
pub(super) struct Network {
    id: &'static str,
    pub(super) what: &'static str,
    pub(super) group: InferGroup,
    onnx: fn() -> Vec<u8>,
    /// Voxels along each side of its input, where they are others than the file says.
    side: Option<usize>,
    /// Milliseconds online, bytes dealt, bytes online, rounds; none where it cannot run there.
    pub(super) reference: [Option<f64>; 4],
    pub(super) goal: [Option<f64>; 4],
    /// How far outputs may be from those in floats; none where that is not measured here.
    pub(super) largest_difference: Option<f64>,
    /// Runs on loopback.
    pub(super) near: Repeats,
    /// Runs over slow wires; none where they would take too long.
    pub(super) far: Option<Repeats>,
}

impl Network {
    /// The network, imported.
    ///
    /// # Errors
    /// A network that is refused.
    pub(super) fn model(&self) -> Result<Model> {
        let refused = |error: cowl_model::ImportError| Failure::no(error.to_string());
        let onnx = (self.onnx)();
        let model = import(&onnx, &NoFiles, &ImportOptions::default()).map_err(refused)?;
        let (Some(side), [port]) = (self.side, model.architecture.inputs()) else { return Ok(model) };
        let shape = vec![1, 1, side, side, side];
        let options =
            ImportOptions { shapes: [(port.name.clone(), shape)].into(), ..ImportOptions::default() };
        import(&onnx, &NoFiles, &options).map_err(refused)
    }

    /// The name of one of its rows.
    pub(super) fn id_of(&self, row: &str) -> String {
        format!("infer.{}.{row}", self.id)
    }
}

/// As most networks are measured: the first runs warm up.
const NEAR: Repeats = Repeats { before: 3, measured: 21 };
const FAR: Repeats = Repeats { before: 1, measured: 1 };

pub(super) const NETWORKS: [Network; 6] = [
    Network {
        id: "mlp",
        what: "MLP 784-128-128-10",
        group: InferGroup::Mlp,
        onnx: || zoo::perceptron(1),
        side: None,
        reference: [Some(7.3), Some(2.35e6), None, None],
        goal: [Some(1.0), Some(0.25e6), Some(10e3), Some(8.0)],
        largest_difference: Some(1e-3),
        near: NEAR,
        far: Some(FAR),
    },
    Network {
        id: "lenet",
        what: "LeNet-5",
        group: InferGroup::Lenet,
        onnx: || zoo::lenet5(1),
        side: None,
        reference: [Some(183.0), Some(23.1e6), Some(263e3), Some(30.0)],
        goal: [Some(3.0), Some(7e6), Some(120e3), Some(22.0)],
        largest_difference: Some(1e-3),
        near: NEAR,
        far: Some(FAR),
    },
    Network {
        id: "fmri",
        what: "fMRI MLP 109,350-200-200-200-58",
        group: InferGroup::Fmri,
        onnx: || zoo::fmri(1),
        side: None,
        reference: [Some(192.0), Some(180e6), None, None],
        goal: [Some(10.0), Some(0.6e6), Some(0.5e6), Some(12.0)],
        largest_difference: Some(1e-2),
        near: NEAR,
        far: Some(FAR),
    },
    Network {
        id: "cifar",
        what: "CNN of 128 k comparisons",
        group: InferGroup::Cifar,
        onnx: || zoo::cifar(1),
        side: None,
        reference: [Some(3700.0), Some(394e6), None, None],
        goal: [Some(40.0), Some(120e6), Some(2.2e6), Some(40.0)],
        largest_difference: Some(1e-3),
        near: NEAR,
        far: Some(FAR),
    },
    Network {
        id: "meshnet-32",
        what: "MeshNet 32³, trained",
        group: InferGroup::Meshnet32,
        onnx: || TISSUE.to_vec(),
        side: Some(32),
        reference: [None; 4],
        goal: [Some(250.0), None, None, None],
        largest_difference: None,
        near: Repeats { before: 1, measured: 7 },
        far: Some(Repeats { before: 0, measured: 1 }),
    },
    Network {
        id: "meshnet-64",
        what: "MeshNet 64³, trained",
        group: InferGroup::Meshnet64,
        onnx: || TISSUE.to_vec(),
        side: None,
        reference: [None; 4],
        goal: [Some(5000.0), None, None, None],
        largest_difference: None,
        near: Repeats { before: 0, measured: 1 },
        far: None,
    },
];
