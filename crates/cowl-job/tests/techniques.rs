//! The technique `read` and its ideal twin, under the conformance suite.

use std::sync::Arc;

use cowl_domain::Power;
use cowl_job::{Fact, Form, Machine, ReadTechnique, Seat};
use cowl_testkit::technique::{Stage, Subject, conforms};

fn read() -> Subject {
    Subject {
        technique: Arc::new(ReadTechnique),
        program: ReadTechnique::program(),
        power: Power::Read,
        further_seats: Vec::new(),
        ideal: <[Vec<u8>]>::to_vec,
    }
}

#[tokio::test]
async fn reading_conforms() {
    conforms(&read()).await;
}

#[tokio::test]
async fn the_ideal_twin_of_reading_conforms() {
    conforms(&read().twin()).await;
}

/// A function over all items, with a third machine at the table: what later techniques will look like.
#[tokio::test]
async fn an_ideal_twin_that_computes_conforms() {
    let total = |contents: &[Vec<u8>]| vec![contents.concat().len().to_be_bytes().to_vec()];
    let subject =
        Subject { power: Power::Compute, further_seats: vec![Seat::Dealer], ideal: total, ..read() };
    conforms(&subject.twin()).await;
}

#[test]
fn the_plan_of_reading_says_who_learns_what() {
    let stage = Stage::new(&read());
    let planned = stage.planned();
    let (plan, item) = (planned.plan(), &planned.spec().items[2]);
    let receiver = Machine::Party(planned.spec().receivers[0]);
    assert!(plan.discloses(receiver, Fact::Content(item.item)));
    assert!(plan.discloses(Machine::Cloud, Fact::Use(item.item)));
    assert!(plan.discloses(Machine::Party(item.owner), Fact::Use(item.item)));
    assert!(!plan.discloses(Machine::Cloud, Fact::Content(item.item)));
    assert!(plan.movements.iter().all(|one| one.form == Form::Sealed && one.from == Machine::Cloud));
    assert_eq!(plan.cost.bytes, 2 * planned.spec().items.iter().map(|item| item.size).sum::<u64>());
}

#[test]
fn the_matrix_has_a_mark_for_each_disclosure() {
    let planned = Stage::new(&read()).planned();
    let matrix = planned.plan().matrix();
    let marks = matrix.rows.iter().flat_map(|(_, row)| row).filter(|mark| **mark).count();
    assert_eq!(marks, planned.plan().disclosures.len());
    assert!(matrix.rows.iter().all(|(_, row)| row.len() == matrix.facts.len()));
}
