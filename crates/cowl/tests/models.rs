//! Models on the command line, against a real server: a company that owns a model, and a hospital that may run it.

#![allow(clippy::unwrap_used, clippy::print_stderr)] // Helpers are test code, too.

mod world;

use std::path::Path;

use cowl_model::zoo;
use serde_json::Value;
use world::{World, cowl, text};

/// A company with a model, and a hospital without one.
struct Market {
    world: World,
    file: String,
    model: String,
}

impl Market {
    /// With LeNet-5 taken in; `None` where the server program is not built.
    fn begin() -> Option<Self> {
        let world = World::new()?;
        world.register("company", "model-owner");
        world.register("hospital", "hospital");
        let file = world.write("lenet.onnx", zoo::lenet5(1)).to_str().unwrap().to_owned();
        let classes =
            world.write("digits.txt", "zero\none\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n");
        let classes = classes.to_str().unwrap();
        let imported =
            world.json("company", &["model", "import", &file, "--name", "digits", "--classes", classes]);
        let model = imported["model"].as_str().unwrap().to_owned();
        assert_eq!(imported["total"]["weights"], 61_706);
        assert_ne!(imported["weights"], imported["model"]);
        Some(Self { world, file, model })
    }

    fn grant(&self, more: &[&str]) -> Value {
        let make = ["grant", "make", "--to", "hospital", "--item", "digits", "--power", "compute"];
        let terms = ["--purpose", "diagnosis", "--trust-first-use"];
        self.world.json("company", &[make.as_slice(), &terms, more].concat())
    }
}

#[test]
fn whoever_may_run_a_model_sees_its_layers_and_no_weight() {
    let Some(market) = Market::begin() else { return };
    let (world, model) = (&market.world, market.model.as_str());
    let none = world.json("hospital", &["model", "list"]);
    assert_eq!(none["models"].as_array().unwrap().len(), 0);
    let granted = market.grant(&["--output", "labels", "--runs", "100"]);
    let compute = &granted["grants"][0]["compute"];
    assert_eq!((&compute["technique"], &compute["runs"]), (&Value::from("mpc"), &Value::from(100)));
    assert_eq!(
        (&compute["output"], &compute["receives"]),
        (&Value::from("labels"), &Value::from("data-owner"))
    );
    let listed = world.json("hospital", &["model", "list"]);
    assert_eq!(listed["models"][0]["name"], "digits");
    assert_eq!(listed["models"][0]["terms"][0], "labels to data owner, 100 runs");
    let seen = world.json("hospital", &["model", "inspect", "digits"]);
    let own = world.json("company", &["model", "inspect", model]);
    assert_eq!(seen["layers"], own["layers"]);
    assert_eq!(seen["classes"][7], "seven");
    assert!(seen["layers"][1]["tells"][0].as_str().unwrap().starts_with("window 5×5"));
    // The weights are an item of the company's alone.
    let items = world.json("hospital", &["record", "list"]);
    let names: Vec<&str> =
        items["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["digits"]);
}

#[test]
fn not_even_a_grant_on_the_whole_record_opens_weights() {
    let Some(market) = Market::begin() else { return };
    let world = &market.world;
    let all = ["grant", "make", "--to", "hospital", "--all", "--purpose", "treatment", "--trust-first-use"];
    world.yes("company", &all);
    let path = world.path("weights");
    world.yes("hospital", &["record", "get", "digits.weights", "-o", path.to_str().unwrap()]);
    let sealed = std::fs::read(&path).unwrap();
    assert!(sealed.starts_with(b"cowl/sealed-weights/v1\n"));
    let plain = cowl_model::import(
        &std::fs::read(&market.file).unwrap(),
        &cowl_model::onnx::NoFiles,
        &cowl_model::ImportOptions::default(),
    );
    let weight =
        plain.unwrap().weights[0].data()[..4].iter().flat_map(|it| it.to_le_bytes()).collect::<Vec<u8>>();
    assert!(!sealed.windows(weight.len()).any(|window| window == weight));
}

#[test]
fn a_model_of_the_same_name_takes_the_place_only_when_told() {
    let Some(market) = Market::begin() else { return };
    let world = &market.world;
    let again = ["model", "import", &market.file, "--name", "digits"];
    let refused = world.command("company", again).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("--replace"), "{}", text(&refused.stderr));
    let replaced = world.json("company", &[again.as_slice(), &["--replace", "--ring", "48"]].concat());
    assert_eq!(replaced["ring"]["bits"], 48);
    assert_eq!(world.json("company", &["model", "list"])["models"].as_array().unwrap().len(), 1);
}

#[test]
fn grants_on_models_and_on_tables_are_told_apart() {
    let Some(market) = Market::begin() else { return };
    let world = &market.world;
    let make = ["grant", "make", "--to", "hospital", "--power", "compute", "--purpose", "diagnosis"];
    let refused = |more: &[&str]| {
        let output = world.command("company", [make.as_slice(), more].concat()).output().unwrap();
        assert!(!output.status.success(), "{more:?}");
        text(&output.stderr)
    };
    let weights = refused(&["--item", "digits.weights", "--output", "labels"]);
    assert!(weights.contains("is no model, but of kind weights"), "{weights}");
    let mixed = refused(&["--item", "digits", "--technique", "additive-he", "--output", "labels"]);
    assert!(mixed.contains("for models"), "{mixed}");
    let cohort = refused(&["--item", "digits", "--technique", "mpc", "--minimum-cohort", "5"]);
    assert!(cohort.contains("for tables"), "{cohort}");
    let rule = refused(&["--item", "digits", "--output", "top-0"]);
    assert!(rule.contains("top-K"), "{rule}");
    // A grant on a model is no table of the grantee's.
    market.grant(&["--output", "top-1"]);
    assert_eq!(world.json("hospital", &["table", "list"])["tables"].as_array().unwrap().len(), 0);
}

#[test]
fn a_file_is_inspected_without_a_profile_and_refused_by_the_name_of_its_node() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("lenet.onnx");
    std::fs::write(&file, zoo::lenet5(1)).unwrap();
    let inspect = |file: &Path, more: &[&str]| {
        cowl(home.path()).args(["model", "inspect"]).arg(file).args(more).output().unwrap()
    };
    let shown = inspect(&file, &[]);
    let page = text(&shown.stdout);
    assert!(shown.status.success() && page.contains("The architecture tells"), "{page}");
    assert!(page.contains("61,706 weights") && page.contains("comparisons"), "{page}");
    let json: Value = serde_json::from_slice(&inspect(&file, &["--json"]).stdout).unwrap();
    assert!(json["total"]["rounds"].as_u64().unwrap() > 10);
    std::fs::write(&file, replaced(&zoo::lenet5(1), b"Relu", b"Rolu")).unwrap();
    let refused = inspect(&file, &[]);
    assert_eq!(refused.status.code(), Some(1));
    let why = text(&refused.stderr);
    assert!(why.contains("(Rolu): this operator is not supported"), "{why}");
}

#[test]
fn a_network_of_any_size_is_taken_for_other_sizes_and_unknown_inputs_are_named() {
    let home = tempfile::tempdir().unwrap();
    let tissue = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/models/brain_tissue_64.onnx");
    let inspect = |shape: &[&str]| {
        cowl(home.path()).args(["model", "inspect", "--json"]).arg(&tissue).args(shape).output().unwrap()
    };
    let comparisons = |shape: &[&str]| {
        let json: Value = serde_json::from_slice(&inspect(shape).stdout).unwrap();
        json["total"]["comparisons"].as_u64().unwrap()
    };
    let [large, small] =
        [16, 8].map(|side| comparisons(&["--shape", &format!("t1=1x1x{side}x{side}x{side}")]));
    assert!(small > 0 && large == 8 * small, "{large}, {small}");
    let unknown = inspect(&["--shape", "t2=1x1x8x8x8"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("there is no input 't2'"), "{}", text(&unknown.stderr));
}

/// The first of these bytes are others.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let place = bytes.windows(from.len()).position(|window| window == from).unwrap();
    [&bytes[..place], to, &bytes[place + from.len()..]].concat()
}
