//! The page docs/tables.md, run as it stands.

use super::repository;
use crate::world::World;
use crate::world::manual::{Running, commands};

#[test]
fn the_manual_of_tables_works_as_written() {
    let Some(world) = World::new() else { return };
    let key = repository("vectors/paillier/secret-2048.cbor");
    world.link_samples();
    let (mut ran, mut agent) = (0, None);
    for line in commands("docs/tables.md") {
        if line.starts_with("cowl-server") || line.contains("job approve") || line.contains("job deny") {
            continue;
        }
        if line.contains("agent run") {
            agent = Some(Running::start(&mut world.typed(&line)));
            continue;
        }
        if line.contains(" JOB") {
            let jobs = world.json("researcher", &["job", "list"]);
            let Some(job) = jobs["jobs"][0]["job"].as_str() else { continue };
            world.run_line(&line.replace("JOB", job));
            ran += 1;
            continue;
        }
        // What a person would be asked is answered; making a key takes too long for a test.
        let line = match line.contains("table seal") {
            true => format!("{line} --secret-key {}", key.to_str().unwrap()),
            false => line,
        };
        world.run_line(&format!("{line} --yes"));
        ran += 1;
    }
    drop(agent);
    assert!(ran >= 9, "{ran}");
    let model = std::fs::read_to_string(world.path("model.csv")).unwrap();
    assert!(model.starts_with("target,term,estimate"), "{model}");
}
