//! Who learns what from an inference, in words for people.

use cowl_domain::{OutputReceivers, OutputRule};
use cowl_model::{Program, PublishedModel};

/// What becomes known to whom. A line each.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Told {
    /// To the party that brings the input.
    pub data_owner: Vec<String>,
    /// To the party that brings the weights.
    pub model_owner: Vec<String>,
    /// To the party that deals randomness.
    pub dealer: Vec<String>,
    /// To the blind cloud, which keeps the model.
    pub cloud: Vec<String>,
}

impl Told {
    /// Of a run of `model`, whose `program` tells its outputs under `rule`.
    pub fn new(
        model: &PublishedModel,
        program: &Program,
        rule: OutputRule,
        receivers: OutputReceivers,
    ) -> Self {
        let shown = [
            format!(
                "the architecture: {} layers, their sizes and attributes",
                model.architecture.layers().len()
            ),
            format!("the ring ({}), which says about how large weights and values become", model.ring),
        ];
        let result = result(model, program, rule);
        let told = |facts: &[String], gets: bool| -> Vec<String> {
            facts.iter().chain(result.iter().filter(|_| gets)).cloned().collect()
        };
        let [architecture, ring] = shown;
        let outside = |what: &str| vec![architecture.clone(), ring.clone(), what.to_owned()];
        let commitment =
            "whether the weights are those of an earlier run; of the weights masked numbers only";
        let run = "that its model was run, when and by whom; of the input masked numbers only".to_owned();
        Self {
            data_owner: told(&outside(commitment), receivers.has_data_owner()),
            model_owner: told(&[run], receivers.has_model_owner()),
            dealer: outside(
                "the grant with its terms and purpose; for how many runs it dealt, when and between whom; no message of them",
            ),
            cloud: vec![
                "who fetched the sealed architecture and who looks up grants, and when; nothing of what is computed"
                    .to_owned(),
            ],
        }
    }
}

/// What the output is, and how much of the weights it could tell over many runs.
fn result(model: &PublishedModel, program: &Program, rule: OutputRule) -> Vec<String> {
    let shapes = program.outputs().iter().map(|output| {
        let value = program.value(output.value);
        format!("'{}' {}", output.name, value.shape)
    });
    let numbers = output_numbers(program);
    let weights = model.architecture.weight_count().max(1);
    let ratio = numbers as f64 / weights as f64;
    vec![
        format!("the output, {rule}: {}", shapes.collect::<Vec<_>>().join(", ")),
        format!(
            "that is {numbers} numbers a run over {weights} weights ({ratio:.2e} a weight): answers to many inputs say more of \
             a model than one does, and the protocol does not hide what they say"
        ),
    ]
}

/// How many numbers all outputs of a program have.
fn output_numbers(program: &Program) -> u64 {
    program.outputs().iter().map(|output| program.value(output.value).shape.count() as u64).sum()
}
