//! Secure inference by three parties, each of them processes of its own, against a real server.

#![allow(clippy::unwrap_used, clippy::print_stderr)] // Helpers are test code, too.

mod world;

#[path = "inference/crashes.rs"]
mod crashes;
#[path = "inference/jobs.rs"]
mod jobs;
#[path = "inference/manual.rs"]
mod manual;
#[path = "inference/newcomers.rs"]
mod newcomers;
#[path = "inference/orphans.rs"]
mod orphans;
#[path = "inference/proxy.rs"]
mod proxy;
#[path = "inference/runs.rs"]
mod runs;

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};

use cowl_model::onnx::NoFiles;
use cowl_model::{ImportOptions, Tensor, import, zoo};
use serde_json::Value;
use world::World;

/// A party that listens, until it is dropped.
struct Role {
    process: Child,
    address: String,
    /// What it says beside.
    notes: PathBuf,
}

impl Role {
    fn start(world: &World, party: &str, arguments: &[&str]) -> Self {
        let mut command = world.command(party, ["infer"]);
        command.args(arguments).args(["--listen", "127.0.0.1:0"]);
        let notes = world.path(&format!("{party}.notes"));
        let written = File::create(&notes).unwrap();
        let mut process = command.stdout(Stdio::piped()).stderr(written).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.split_once(" at ").and_then(|(_, rest)| rest.split_once(';'));
        let address = address.unwrap_or_else(|| panic!("{line}{}", fs::read_to_string(&notes).unwrap())).0;
        Self { process, address: address.to_owned(), notes }
    }

    fn notes(&self) -> String {
        fs::read_to_string(&self.notes).unwrap()
    }

    fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A dealer, a model owner with one model, a hospital with data.
struct Trio {
    world: World,
    dealer: Role,
    maker: Role,
    input: PathBuf,
    numbers: Vec<f32>,
}

impl Trio {
    /// `None` where the server program is not built.
    fn begin() -> Option<Self> {
        let world = Self::gather()?;
        Self::grant(&world);
        Some(Self::listen(world, &["--trust-first-use"]))
    }

    /// Three parties and a model that nobody may run.
    fn gather() -> Option<World> {
        let world = World::new()?;
        for (party, role) in [("dealer", "dealer"), ("maker", "model-owner"), ("hospital", "hospital")] {
            world.register(party, role);
        }
        world.write("digits.onnx", zoo::perceptron(1));
        Self::import(&world);
        Some(world)
    }

    /// Dealer and maker begin to listen; the maker with these arguments.
    fn listen(world: World, serving: &[&str]) -> Self {
        let numbers: Vec<f32> = (0..784).map(|at| (at * 37 % 256) as f32 / 255.0).collect();
        let text: Vec<String> = numbers.iter().map(f32::to_string).collect();
        let input = world.write("image.csv", text.join(","));
        let dealer = Self::deal(&world);
        let maker = Self::serve(&world, &dealer, serving);
        Self { world, dealer, maker, input, numbers }
    }

    /// Takes the model in, in place of one that is there.
    fn import(world: &World) {
        let file = world.path("digits.onnx");
        world.yes("maker", &["model", "import", file.to_str().unwrap(), "--replace"]);
    }

    /// Lets the hospital run it.
    fn grant(world: &World) {
        let grant = ["grant", "make", "--to", "hospital", "--item", "digits", "--power", "compute"];
        let terms = ["--technique", "mpc", "--output", "values", "--runs", "60", "--purpose", "diagnosis"];
        world.yes("maker", &[&grant[..], &terms, &["--trust-first-use"]].concat());
    }

    fn deal(world: &World) -> Role {
        Role::start(world, "dealer", &["deal", "--for", "maker", "--for", "hospital", "--trust-first-use"])
    }

    fn serve(world: &World, dealer: &Role, more: &[&str]) -> Role {
        let dealer = format!("dealer@{}", dealer.address);
        Role::start(world, "maker", &[&["serve", "--model", "digits", "--dealer", &dealer], more].concat())
    }

    /// Kills the model owner and starts it again; it listens elsewhere then.
    fn restart_maker(&mut self) {
        self.maker.kill();
        self.maker = Self::serve(&self.world, &self.dealer, &["--trust-first-use"]);
    }

    fn restart_dealer(&mut self) {
        self.dealer.kill();
        self.dealer = Self::deal(&self.world);
    }

    fn stocking(&self, runs: u32) -> Vec<String> {
        let dealer = format!("dealer@{}", self.dealer.address);
        let (at, runs) = (self.maker.address.clone(), runs.to_string());
        let arguments =
            ["infer", "stock", "--model", "digits", "--at", &at, "--dealer", &dealer, "--runs", &runs];
        arguments.iter().chain(&["--trust-first-use"]).map(|word| (*word).to_owned()).collect()
    }

    fn stock(&self, runs: u32) -> Value {
        let arguments = self.stocking(runs);
        self.world.json("hospital", &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn running(&self) -> Vec<String> {
        let input = self.input.to_str().unwrap();
        let arguments =
            ["infer", "run", "--model", "digits", "--at", &self.maker.address, "--input", input, "--yes"];
        arguments.map(str::to_owned).to_vec()
    }

    fn run(&self) -> Value {
        let arguments = self.running();
        self.world.json("hospital", &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn no_run(&self) -> String {
        let arguments = self.running();
        self.world.no(1, "hospital", &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// What the model gives in floats.
    fn expected(&self) -> Vec<f32> {
        let model = import(&zoo::perceptron(1), &NoFiles, &ImportOptions::default()).unwrap();
        let shape = model.architecture.inputs()[0].shape.clone();
        let input = Tensor::new(shape, self.numbers.clone()).unwrap();
        let outputs = model.architecture.evaluate(&[input], &model.weights).unwrap();
        outputs[0].data().to_vec()
    }

    /// How many runs each of the two has ready.
    fn left(&self) -> [u64; 2] {
        let asked = self.world.json("hospital", &["infer", "status"]);
        let there = self.world.json("maker", &["infer", "status"]);
        [&asked, &there].map(|status| status["set_ups"][0]["ready"].as_u64().unwrap())
    }
}

/// An output of a run.
fn numbers(ran: &Value) -> Vec<f32> {
    let numbers = ran["outputs"][0]["numbers"].as_array().unwrap();
    numbers.iter().map(|number| number.as_f64().unwrap() as f32).collect()
}
