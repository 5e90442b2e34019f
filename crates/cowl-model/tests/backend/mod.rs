//! Runs the folders of ONNX's backend tests.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cowl_model::fixed;
use cowl_model::onnx::messages::{ModelProto, data_type};
use cowl_model::onnx::{self, Constant, Folder, read_tensor};
use cowl_model::{Bound, Graph, ImportOptions, Model, Program, Ring, Rounding, Tensor, compile, import};

/// The folders with tests of single operators.
const SUITES: [&str; 4] = ["node", "simple", "pytorch-operator", "pytorch-converted"];

/// The operators that Cowl promises; a test of any other is not counted.
const OPERATORS: &[&str] = &[
    "Add",
    "Sub",
    "Mul",
    "Div",
    "Neg",
    "Gemm",
    "MatMul",
    "Conv",
    "ConvTranspose",
    "Relu",
    "LeakyRelu",
    "PRelu",
    "Elu",
    "Clip",
    "Sigmoid",
    "Tanh",
    "HardSigmoid",
    "HardSwish",
    "Gelu",
    "Erf",
    "Exp",
    "Reciprocal",
    "Sqrt",
    "Softmax",
    "LogSoftmax",
    "MaxPool",
    "AveragePool",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "BatchNormalization",
    "InstanceNormalization",
    "LayerNormalization",
    "Flatten",
    "Reshape",
    "Transpose",
    "Squeeze",
    "Unsqueeze",
    "Concat",
    "Split",
    "Slice",
    "Pad",
    "Identity",
    "Dropout",
    "Constant",
    "Gather",
    "Expand",
    "ReduceMean",
    "ReduceSum",
    "Sum",
    "Mean",
    "Max",
    "Min",
    "Resize",
    "ArgMax",
    "Abs",
    "Where",
];

/// Inputs of operators that shapes or geometry follow from, by operator and place.
const PARAMETERS: &[(&str, &[usize])] =
    &[("Resize", &[1, 2]), ("Clip", &[1, 2]), ("Dropout", &[1]), ("Pad", &[2]), ("Div", &[1])];

pub(crate) enum Verdict {
    Passed,
    NotSupported(String),
    Failed(String),
}

/// One folder: a model with its first set of inputs and outputs.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    bytes: Vec<u8>,
    proto: ModelProto,
}

/// How a model is run.
#[derive(Clone, Copy)]
pub(crate) enum Runner {
    /// In floats, at ONNX's own tolerance.
    Floats,
    /// On integers of this ring, at the tolerance of the two-party run.
    Fixed(Ring, Evaluator),
}

/// A program's outputs for rounded inputs and weights.
pub(crate) type Evaluator = fn(Program, &[Tensor<u64>], &[Tensor<u64>]) -> Result<Vec<Tensor<u64>>, String>;

/// Set by `cargo xtask test onnx`: the folder `onnx/backend/test/data` of the wheel.
const DATA: &str = "COWL_TEST_ONNX";

/// No test may give other numbers, and so many must pass; the others are listed with what they lack.
pub(crate) fn at_least(wanted: usize, runner: Runner) {
    let Some(data) = std::env::var_os(DATA).map(PathBuf::from) else {
        println!("skipped: {DATA} is not set; `cargo xtask test onnx` fetches the tests");
        return;
    };
    let verdicts = run_all(&data, runner);
    let (mut passed, mut failed) = (0, Vec::new());
    for (name, verdict) in &verdicts {
        match verdict {
            Verdict::Passed => passed += 1,
            Verdict::NotSupported(why) => println!("skipped case: {name}: {why}"),
            Verdict::Failed(why) => {
                println!("FAILED   {name}: {why}");
                failed.push(name);
            }
        }
    }
    println!("{passed} of {} tests of float32 models pass", verdicts.len());
    assert!(failed.is_empty(), "{} tests give other numbers: {failed:?}", failed.len());
    assert!(passed >= wanted, "only {passed} pass");
}

pub(crate) fn run_all(data: &Path, runner: Runner) -> Vec<(String, Verdict)> {
    cases(data).iter().map(|case| (case.name.clone(), run(case, runner))).collect()
}

/// The tests of float32 models of the promised operators.
pub(crate) fn cases(data: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    for suite in SUITES {
        let mut folders: Vec<PathBuf> =
            std::fs::read_dir(data.join(suite)).unwrap().map(|entry| entry.unwrap().path()).collect();
        folders.sort();
        cases.extend(folders.iter().filter_map(|folder| Case::read(folder)));
    }
    cases
}

impl Case {
    fn read(folder: &Path) -> Option<Self> {
        let bytes = std::fs::read(folder.join("model.onnx")).ok()?;
        let proto = onnx::read(&bytes).unwrap();
        let graph = proto.graph.as_ref().unwrap();
        let known =
            graph.node.iter().all(|node| OPERATORS.contains(&node.op_type.as_deref().unwrap_or_default()));
        let float = input_type(graph.input.first()?) == data_type::FLOAT;
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        (known && float).then(|| Self { name, folder: folder.to_path_buf(), bytes, proto })
    }

    fn tensors(&self, kind: &str) -> Vec<Constant> {
        let file = |place: usize| self.folder.join(format!("test_data_set_0/{kind}_{place}.pb"));
        let present = (0..).map(file).take_while(|file| file.exists());
        present.map(|file| read_tensor(&std::fs::read(file).unwrap()).unwrap()).collect()
    }

    fn input_names(&self) -> Vec<String> {
        let graph = self.proto.graph.as_ref().unwrap();
        let initialised =
            |name: &str| graph.initializer.iter().any(|tensor| tensor.name.as_deref() == Some(name));
        let names = graph.input.iter().map(|input| input.name.clone().unwrap_or_default());
        names.filter(|name| !initialised(name)).collect()
    }

    fn is_parameter(&self, name: &str) -> bool {
        let nodes = &self.proto.graph.as_ref().unwrap().node;
        nodes.iter().any(|node| {
            let place = node.input.iter().position(|input| input == name);
            let operator = node.op_type.as_deref().unwrap_or_default();
            let places = PARAMETERS.iter().find(|(known, _)| *known == operator).map(|(_, places)| *places);
            place.zip(places).is_some_and(|(place, places)| places.contains(&place))
        })
    }

    /// Binds what is no data: the first float input that is no parameter is the data owner's, the rest are weights.
    pub(crate) fn import(&self) -> Result<(Model, Vec<Tensor<f32>>), String> {
        let mut options = ImportOptions::default();
        let mut data = Vec::new();
        for (name, constant) in self.input_names().into_iter().zip(self.tensors("input")) {
            match constant {
                Constant::Floats(tensor) if !self.is_parameter(&name) => {
                    if data.is_empty() {
                        options.shapes.insert(name, tensor.shape().sizes().to_vec());
                        data.push(tensor);
                    } else {
                        options.bound.insert(name, Bound::Weight(tensor));
                    }
                }
                constant => {
                    options.bound.insert(name, Bound::Parameter(constant));
                }
            }
        }
        let model =
            import(&self.bytes, &Folder::new(&self.folder), &options).map_err(|error| error.to_string())?;
        Ok((model, data))
    }

    pub(crate) fn outputs(&self) -> BTreeMap<usize, Tensor<f32>> {
        let floats = |constant: Constant| match constant {
            Constant::Floats(tensor) => tensor,
            Constant::Wholes(tensor) => tensor.map(|&value| value as f32),
            Constant::Booleans(tensor) => tensor.map(|&value| f32::from(u8::from(value))),
        };
        self.tensors("output").into_iter().map(floats).enumerate().collect()
    }
}

fn input_type(input: &onnx::messages::ValueInfoProto) -> i32 {
    let tensor = input.r#type.as_ref().and_then(|kind| kind.tensor_type.as_ref());
    tensor.and_then(|tensor| tensor.elem_type).unwrap_or_default()
}

fn run(case: &Case, runner: Runner) -> Verdict {
    let (model, data) = match case.import() {
        Ok(imported) => imported,
        Err(why) => return Verdict::NotSupported(why),
    };
    let again = Graph::from_bytes(&model.architecture.to_bytes());
    if again.as_ref() != Ok(&model.architecture) {
        return Verdict::Failed("the architecture does not survive its own bytes".into());
    }
    let ran = match runner {
        Runner::Floats => {
            let outputs = model.architecture.evaluate(&data, &model.weights);
            outputs.map(|outputs| (outputs, 1e-3, 1e-7)).map_err(|error| Verdict::Failed(error.to_string()))
        }
        Runner::Fixed(ring, evaluator) => {
            on_integers(&model, &data, ring, evaluator).map(|outputs| (outputs, 1e-3, 1e-4))
        }
    };
    let (outputs, relative, absolute) = match ran {
        Ok(ran) => ran,
        Err(verdict) => return verdict,
    };
    for (place, wanted) in case.outputs() {
        let finite = wanted.data().iter().all(|value| value.is_finite());
        if matches!(runner, Runner::Fixed(..)) && !finite {
            return Verdict::NotSupported(
                "it wants results that are no numbers, which integers do not have".into(),
            );
        }
        if let Err(why) = compare(&outputs[place], &wanted, relative, absolute) {
            return Verdict::Failed(format!("output {place}: {why}"));
        }
    }
    Verdict::Passed
}

fn on_integers(
    model: &Model,
    data: &[Tensor<f32>],
    ring: Ring,
    evaluator: Evaluator,
) -> Result<Vec<Tensor<f32>>, Verdict> {
    let failed = |error: fixed::FixedError| Verdict::Failed(error.to_string());
    let program = compile(&model.architecture, ring, Rounding::Nearby)
        .map_err(|error| Verdict::NotSupported(error.to_string()))?;
    let weights = fixed::quantise_weights(&program, &model.architecture, &model.weights).map_err(failed)?;
    let inputs = data
        .iter()
        .map(|input| fixed::quantise_input(&program, "data", input))
        .collect::<Result<Vec<_>, _>>();
    let outputs = evaluator(program.clone(), &inputs.map_err(failed)?, &weights).map_err(Verdict::Failed)?;
    let values = program.outputs().iter().map(|output| program.value(output.value));
    Ok(values.zip(&outputs).map(|(value, output)| fixed::real(&program, value, output)).collect())
}

/// numpy's `assert_allclose`: |a − b| ≤ absolute + relative · |b|.
pub(crate) fn compare(
    found: &Tensor<f32>,
    wanted: &Tensor<f32>,
    relative: f32,
    absolute: f32,
) -> Result<(), String> {
    if found.shape() != wanted.shape() {
        return Err(format!("{} instead of {}", found.shape(), wanted.shape()));
    }
    let near = |one: f32, other: f32| {
        one == other
            || (one - other).abs() <= absolute + relative * other.abs()
            || (one.is_nan() && other.is_nan())
    };
    let pairs = found.data().iter().zip(wanted.data()).enumerate();
    let wrong: Vec<_> = pairs.filter(|(_, (one, other))| !near(**one, **other)).collect();
    match wrong.first() {
        None => Ok(()),
        Some((at, (one, other))) => {
            Err(format!("{} numbers differ; number {at} is {one}, not {other}", wrong.len()))
        }
    }
}
