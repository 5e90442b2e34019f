//! Sealing, storing, sharing, finding. What can be timed inside one process `cowl bench vault` times itself;
//! here whole programs are timed on whole files.

use std::process::Command;

use super::peers::{Age, Cowl, Peer, Rclone, Restic};
use super::row::{GoalOf, Row};
use super::scratch::{self, Scratch};
use super::timing;
use super::{libraries, many_files};
use crate::demo;
use crate::failure::{Failure, Result};
use crate::process;
use crate::workspace::Workspace;

const FILE_LENGTH: u64 = 1 << 30;

pub(crate) fn measure(workspace: &Workspace) -> Result<Vec<Row>> {
    demo::build(workspace)?;
    let rows = libraries::compare(workspace, "vault", inside(workspace)?);
    let mut rows = many_files::compare(workspace, rows);
    rows.extend(files(workspace)?);
    Ok(rows)
}

/// The rows that the program measures itself. It ends with 1 where a goal is missed, which is no fault.
fn inside(workspace: &Workspace) -> Result<Vec<Row>> {
    eprintln!("measuring inside cowl");
    let program = workspace.release_program("cowl");
    let printed = process::stdout_even_of_a_no(Command::new(program).args(["bench", "vault", "--json"]))?;
    Row::parse_lines(&printed)
}

/// Seconds for one file.
struct Times {
    seal: f64,
    open: f64,
}

fn files(workspace: &Workspace) -> Result<Vec<Row>> {
    let scratch = Scratch::in_memory()?;
    scratch::write_noise(&scratch.path("input"), FILE_LENGTH)?;
    let cowl = Cowl::new(workspace, &scratch)?;
    let ours = times(&cowl, &scratch)?;
    let mut rows = Vec::new();
    for (short, peer, goals) in peers(workspace, &scratch) {
        let [seal, open] = file_rows(short, &ours, goals);
        match peer.and_then(|peer| Ok((times(&*peer, &scratch)?, peer))) {
            Ok((theirs, peer)) => {
                rows.push(seal.against(peer.name(), theirs.seal));
                rows.push(open.against(peer.name(), theirs.open));
            }
            Err(failure) => {
                let why = format!("{short} cannot be had here: {failure}");
                rows.extend([seal.without(&why), open.without(&why)]);
            }
        }
    }
    rows.push(durable(workspace, &scratch, &cowl)?);
    Ok(rows)
}

/// What the ratio of times must be; none where the row only reports.
struct Goals {
    seal: Option<f64>,
    open: Option<f64>,
}

type Contender = (&'static str, Result<Box<dyn Peer>>, Goals);

fn peers(workspace: &Workspace, scratch: &Scratch) -> Vec<Contender> {
    fn boxed(peer: Result<impl Peer + 'static>) -> Result<Box<dyn Peer>> {
        peer.map(|peer| Box::new(peer) as Box<dyn Peer>)
    }
    vec![
        ("age", boxed(Age::new(workspace, scratch)), Goals { seal: Some(1.0), open: Some(1.0) }),
        ("restic", boxed(Restic::new(workspace)), Goals { seal: Some(4.0), open: None }),
        ("rclone", boxed(Rclone::new(workspace)), Goals { seal: Some(4.0), open: None }),
    ]
}

fn file_rows(peer: &str, ours: &Times, goals: Goals) -> [Row; 2] {
    let row = |verb: &str, seconds: f64, goal: Option<f64>| {
        let what = format!("{verb} a file of 1 GiB in memory");
        let row = Row::new(&format!("vault.{verb}-file.{peer}"), &what, "s", seconds);
        match goal {
            Some(goal) => row.goal(GoalOf::Ratio, goal),
            None => row,
        }
    };
    [row("seal", ours.seal, goals.seal), row("open", ours.open, goals.open)]
}

/// Both ways, and the proof that the bytes came back.
fn times(peer: &dyn Peer, scratch: &Scratch) -> Result<Times> {
    eprintln!("measuring {} on a file", peer.name());
    let seal = timing::median(|| peer.prepare_sealing(scratch), || peer.seal(scratch))?;
    let open = timing::median(|| peer.prepare_opening(scratch), || peer.open(scratch))?;
    if !scratch::are_equal(&scratch.path("input"), &peer.opened(scratch))? {
        return Err(Failure::new(format!("{} gives other bytes back", peer.name())));
    }
    peer.prepare_opening(scratch)?;
    peer.prepare_sealing(scratch)?;
    Ok(Times { seal, open })
}

/// From memory to the disk of the target directory, flushed, against a mere copy.
fn durable(workspace: &Workspace, memory: &Scratch, cowl: &Cowl) -> Result<Row> {
    eprintln!("measuring the disk");
    let disk = Scratch::below(&workspace.tools("bench")?)?;
    let sealed = disk.path("sealed");
    let ours = timing::median(
        || disk.clear("sealed"),
        || {
            cowl.seal_into(memory, &sealed)?;
            process::run_quietly(Command::new("sync").arg(&sealed))
        },
    )?;
    disk.clear("sealed")?;
    let copy = timing::median(|| disk.clear("copied"), || copy_durably(memory, &disk))?;
    let what = "seal a file of 1 GiB onto the disk and flush it";
    Ok(Row::new("vault.seal-file-durably.dd", what, "s", ours)
        .against("dd conv=fdatasync, a mere copy", copy))
}

fn copy_durably(memory: &Scratch, disk: &Scratch) -> Result<()> {
    let input = format!("if={}", memory.path("input").display());
    let output = format!("of={}", disk.path("copied").display());
    process::run_quietly(Command::new("dd").args([&input, &output, "bs=1M", "conv=fdatasync", "status=none"]))
}
