//! `cowl-model`: models from whoever made them, and what is planned from them before anybody has agreed to anything.

use cowl_domain::{OutputReceivers, OutputRule};
use cowl_model::onnx::{self, NoFiles};
use cowl_model::{Graph, ImportOptions, PublishedModel, Ring, Rounding, import, inspect, weights};
use cowl_mpc::technique::Inference;

/// ONNX files and tensors. What is imported is read back as it was written, and planned.
pub fn files(bytes: &[u8]) {
    let _ = onnx::read_tensor(bytes);
    let Ok(model) = import(bytes, &NoFiles, &ImportOptions::default()) else { return };
    let kept = weights::to_bytes(&model.architecture, &model.weights);
    // By bits: weights may be no numbers.
    let read =
        weights::from_bytes(&model.architecture, &kept).expect("they were written for this architecture");
    assert_eq!(weights::to_bytes(&model.architecture, &read), kept, "weights have changed");
    let ring = Ring::MENU[bytes.len() % Ring::MENU.len()];
    let (architecture, rounding, classes) = (model.architecture, Rounding::Nearby, Vec::new());
    let model = PublishedModel { architecture, ring, rounding, classes };
    assert_eq!(PublishedModel::from_bytes(&model.to_bytes()).as_ref(), Ok(&model), "a model has changed");
    planned(&model);
}

/// Published models and architectures.
pub fn published(bytes: &[u8]) {
    if let Ok(graph) = Graph::from_bytes(bytes) {
        assert_eq!(graph.to_bytes(), bytes, "two forms of one architecture");
    }
    if let Ok(model) = PublishedModel::from_bytes(bytes) {
        assert_eq!(model.to_bytes(), bytes, "two forms of one model");
        planned(&model);
    }
}

/// What a party does with a model before it says yes: it compiles it under each rule, and looks at what a run takes.
fn planned(model: &PublishedModel) {
    for rule in [OutputRule::Values, OutputRule::Labels, OutputRule::Top(3)] {
        let Ok(inference) = Inference::new(model, rule) else { continue };
        let forecast = inference.forecast(OutputReceivers::Both);
        let layers = forecast.layers.iter().map(|layer| layer.dealt.sum());
        assert!(layers.sum::<u64>() <= forecast.dealt.sum(), "layers take more than the whole");
        let _ = inspect::layers(&inference.graph, inference.protocol.program());
    }
}
