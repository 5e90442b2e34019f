//! The page docs/inference.md, run as it stands.

use std::net::TcpListener;

use crate::world::World;
use crate::world::manual::{Running, commands};

/// An address that nobody listens at now.
fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// What the page's example makes: building it here would take longer than all the rest.
fn write_network(world: &World, line: &str) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [.., "--", compact, onnx] = words.as_slice() else { panic!("{line}") };
    let compact = std::fs::read(world.path(compact)).unwrap();
    world.write(onnx, cowl_model::zoo::fmri_trained(&compact).unwrap());
}

/// A line with what people tell each other: fingerprints, and which job is meant.
fn filled_in(world: &World, line: &str) -> String {
    if let Some((verb, _)) = line.split_once(" FINGERPRINT") {
        let party = verb.split_whitespace().last().unwrap();
        let own = world.json(party, &["party", "show"]);
        return line.replace("FINGERPRINT", own["fingerprint"].as_str().unwrap());
    }
    if line.contains(" JOB") {
        let jobs = world.json("hospital", &["job", "list"]);
        return line.replace("JOB", jobs["jobs"][0]["job"].as_str().unwrap());
    }
    line.to_owned()
}

#[test]
fn the_manual_of_inference_works_as_written() {
    let Some(world) = World::new() else { return };
    world.link_samples();
    let addresses = ["127.0.0.1:7410", "127.0.0.1:7411"].map(|written| (written, free_address()));
    let (mut compared, mut terminals, mut found) = (0, Vec::new(), String::new());
    for line in commands("docs/inference.md") {
        let line = addresses.iter().fold(line, |line, (written, free)| line.replace(written, free));
        assert!(!line.contains("--trust-first-use"), "fingerprints are compared on this page: {line}");
        match line.as_str() {
            // The world has a cloud already.
            line if line.starts_with("cowl-server run") => {}
            line if line.contains("--example fmri_network") => write_network(&world, line),
            line if line.contains("infer deal") || line.contains("infer serve") => {
                terminals.push(Running::listening(&mut world.typed(line)));
            }
            // The one thing that a person is asked.
            line if line.contains("infer run") => found = world.run_line(&format!("{line} --yes")),
            line => {
                compared += u32::from(line.contains("party verify"));
                world.run_line(&filled_in(&world, line));
            }
        }
    }
    assert_eq!((compared, terminals.len()), (6, 2));
    assert!(found.contains("pericalcarine"), "{found}");
    assert!(std::fs::read_to_string(world.path("run.html")).unwrap().contains("pericalcarine"));
    let status = world.json("hospital", &["infer", "status"]);
    assert_eq!(status["set_ups"][0]["ready"], 9);
}
