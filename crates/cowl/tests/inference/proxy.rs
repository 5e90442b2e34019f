//! Between two parties: a wire that changes a bit, or falls silent.
//!
//! What goes over it are TLS records, in the same order in every run of a model: so one clean run tells how many pass in each
//! direction, and a fault has its place by the number of the record.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::world::text;
use super::{Trio, numbers};

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// From the hospital to the maker.
    There,
    /// From the maker to the hospital.
    Back,
}

impl Way {
    const BOTH: [Self; 2] = [Self::There, Self::Back];

    /// Records behind those without which the hospital has no output: the maker's end is its evidence (head and body) and
    /// its end of the connection; the hospital sends its last check before (head and body), and twice that it ends.
    fn behind_the_output(self) -> usize {
        match self {
            Self::There => 6,
            Self::Back => 3,
        }
    }
}

/// What becomes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Nothing.
    None,
    /// A bit in its middle is flipped.
    Body,
    /// The lowest bit of its length is flipped.
    Length,
    /// The lowest bit of its type is flipped.
    Type,
    /// It does not arrive, and nothing behind it.
    Silence,
}

impl Fault {
    fn apply(self, record: &mut [u8]) {
        let place = match self {
            Self::None | Self::Silence => return,
            Self::Body => HEAD + (record.len() - HEAD) / 2,
            Self::Length => HEAD - 1,
            Self::Type => 0,
        };
        record[place] ^= 1;
    }
}

/// Bytes of a record in front of what is in it: type, version, length.
const HEAD: usize = 5;

/// A wire with at most one fault.
struct Wire {
    address: String,
    /// Records that have come, each way.
    passed: Arc<[AtomicUsize; 2]>,
}

impl Wire {
    fn to(maker: &str, fault: Fault, way: Way, record: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (maker, passed) = (maker.to_owned(), Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]));
        let count = passed.clone();
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let Ok(far) = TcpStream::connect(&maker) else { continue };
                let (near_end, far_end) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                for (here, from, to) in [(Way::There, near, far), (Way::Back, far_end, near_end)] {
                    let (fault, count) = (if here == way { fault } else { Fault::None }, count.clone());
                    thread::spawn(move || pass(from, to, (fault, record), &count[here as usize]));
                }
            }
        });
        Self { address, passed }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, (fault, faulty): (Fault, usize), count: &AtomicUsize) {
    let mut head = [0; HEAD];
    while from.read_exact(&mut head).is_ok() {
        let mut record = head.to_vec();
        record.resize(HEAD + usize::from(u16::from_be_bytes([head[3], head[4]])), 0);
        if from.read_exact(&mut record[HEAD..]).is_err() {
            break;
        }
        let number = count.fetch_add(1, Ordering::SeqCst);
        if fault == Fault::Silence && number >= faulty {
            continue;
        }
        if number == faulty {
            fault.apply(&mut record);
        }
        if to.write_all(&record).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// What came of a run over a wire.
struct Outcome {
    output: Output,
    /// What the maker says beside.
    noted: String,
}

/// A run over a wire; waited for is what the maker says of it, if it is to say more than that the run has ended.
fn run_over(trio: &Trio, wire: &Wire, patience: &str, more: bool) -> Outcome {
    let input = trio.input.to_str().unwrap();
    let before = trio.maker.notes().len();
    let run = ["infer", "run", "--model", "digits", "--at", &wire.address, "--input", input, "--yes"];
    let output =
        trio.world.command("hospital", run).args(["--patience", patience, "--json"]).output().unwrap();
    // The maker may still be waiting for what does not come.
    let until = Instant::now() + Duration::from_secs(60);
    let noted = loop {
        let noted = trio.maker.notes()[before..].to_owned();
        let has_said = is_named(&noted) || !more && noted.contains("hospital: run ");
        if has_said || Instant::now() > until {
            break noted;
        }
        thread::sleep(Duration::from_millis(20));
    };
    Outcome { output, noted }
}

/// Records of a run without a fault, each way.
fn clean(trio: &Trio, patience: &str) -> [usize; 2] {
    trio.stock(1);
    let wire = Wire::to(&trio.maker.address, Fault::None, Way::There, 0);
    let clean = run_over(trio, &wire, patience, false);
    assert!(clean.output.status.success(), "{}", text(&clean.output.stderr));
    assert!(text(&clean.output.stderr).is_empty(), "{}", text(&clean.output.stderr));
    assert!(!is_named(&clean.noted), "{}", clean.noted);
    wire.passed.each_ref().map(|passed| passed.load(Ordering::SeqCst))
}

/// Whether a text says what has happened.
fn is_named(text: &str) -> bool {
    let names = [
        "were changed on the way",
        "does not speak this protocol",
        "has stopped answering",
        "has hung up",
        "nothing came for too long",
        "there is no evidence of",
    ];
    names.iter().any(|name| text.contains(name))
}

/// The first records, the last, and some of those in between.
fn spread(all: usize) -> Vec<usize> {
    let between = (1..5).map(|part| all * part / 5);
    let mut places: Vec<usize> = (0..3).chain(between).chain(all - 5..all).collect();
    places.dedup();
    places
}

/// A run over a wire with this fault ends as it must: with errors by name at both ends, or, where both had agreed on the
/// output before, with the right output and a word about the evidence.
fn check(trio: &Trio, all: [usize; 2], (fault, way, record): (Fault, Way, usize), patience: &str) {
    trio.stock(1);
    let wire = Wire::to(&trio.maker.address, fault, way, record);
    // Whoever ends the connection last does not learn whether that has arrived.
    let is_last = way == Way::Back && record + 1 == all[way as usize];
    let Outcome { output, noted } = run_over(trio, &wire, patience, !is_last);
    let said = text(&output.stderr);
    let case = format!("{fault:?} {way:?} {record} of {}: {said}\nmaker: {noted}", all[way as usize]);
    let passed = wire.passed[way as usize].load(Ordering::SeqCst);
    assert!(passed > record, "the fault did not come: {case}");
    assert!(is_named(&said), "the hospital does not say it: {case}");
    assert!(is_last || is_named(&noted), "the maker does not say it: {case}");
    match output.status.code() {
        Some(0) => {
            assert!(record + way.behind_the_output() >= all[way as usize], "an output came out: {case}");
            assert!(said.contains("no evidence of the run") || said.contains("may have none"), "{case}");
            check_numbers(trio, &serde_json::from_slice(&output.stdout).unwrap());
        }
        Some(1) => assert!(output.stdout.is_empty(), "{case}"),
        status => panic!("{status:?}: {case}"),
    }
}

/// The type in front of an encrypted record is none of its content, and nobody has to look at it: where nobody does, the
/// run is as without the fault.
fn check_type(trio: &Trio, way: Way, record: usize, patience: &str) {
    trio.stock(1);
    let wire = Wire::to(&trio.maker.address, Fault::Type, way, record);
    let Outcome { output, noted } = run_over(trio, &wire, patience, false);
    let said = text(&output.stderr);
    if output.status.success() {
        assert!(said.is_empty() && !is_named(&noted), "{said}{noted}");
        check_numbers(trio, &serde_json::from_slice(&output.stdout).unwrap());
    } else {
        assert!(is_named(&said) && is_named(&noted), "{said}{noted}");
    }
}

fn check_numbers(trio: &Trio, ran: &Value) {
    let (found, expected) = (numbers(ran), trio.expected());
    assert_eq!(found.len(), expected.len());
    assert!(found.iter().zip(&expected).all(|(found, expected)| (found - expected).abs() < 1e-2), "{ran}");
}

/// A maker that waits so long.
fn begin(patience: &str) -> Option<Trio> {
    let world = Trio::gather()?;
    Trio::grant(&world);
    Some(Trio::listen(world, &["--trust-first-use", "--patience", patience]))
}

#[test]
fn a_bit_that_is_flipped_in_any_message_is_named_at_both_ends_and_nothing_wrong_comes_out() {
    let patience = "8s";
    let Some(trio) = begin(patience) else { return };
    let all = clean(&trio, patience);
    for way in Way::BOTH {
        // With the last record there the hospital answers the maker's end: nobody waits for it.
        let records = all[way as usize] - usize::from(way == Way::There);
        for record in spread(records) {
            check(&trio, all, (Fault::Body, way, record), patience);
        }
        check(&trio, all, (Fault::Length, way, all[way as usize] / 2), patience);
        check_type(&trio, way, all[way as usize] / 2, patience);
    }
    check_numbers(&trio, &{
        trio.stock(1);
        trio.run()
    });
    let [here, there] = trio.left();
    assert_eq!(here, there);
}

#[test]
fn a_party_that_falls_silent_in_the_middle_of_a_run_is_named_at_both_ends() {
    let patience = "3s";
    let Some(trio) = begin(patience) else { return };
    let all = clean(&trio, patience);
    for way in Way::BOTH {
        let all_this_way = all[way as usize];
        // In the handshake, at the request or its answer, in the computation, at the evidence.
        for record in [1, all_this_way / 4, all_this_way / 2, all_this_way - 3] {
            check(&trio, all, (Fault::Silence, way, record), patience);
        }
    }
    check_numbers(&trio, &{
        trio.stock(1);
        trio.run()
    });
}
