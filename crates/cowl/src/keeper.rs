//! The session keeper: a small process that holds an unlocked session in memory, so that not every
//! command asks for the password. Like ssh-agent, one a profile.
//!
//! It listens on a Unix socket in the profile's folder and serves processes of the same user only. A
//! request is one byte: [`GET`] is answered with a length (32 bits, big-endian) and the session's bytes
//! and begins the idle time anew; [`PUT`] is followed by a length and bytes that take the place of the
//! session's, and is answered with one zero byte; so is [`LOCK`], after the bytes are gone. This module is
//! what commands call; [`hold`] is the process itself.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::failure::{Failure, Result};

mod address;
pub(crate) mod hold;

/// What the keeper of this profile holds; `None` when there is no keeper.
pub(crate) fn fetch(profile: &Path) -> Option<Zeroizing<Vec<u8>>> {
    let mut stream = connect(profile).ok()?;
    stream.write_all(&[GET]).ok()?;
    read_session(&mut stream).ok()
}

/// Gives the keeper of this profile another session to hold, for as long as it would have held the one before.
/// Whether there was one to take it.
pub(crate) fn replace(profile: &Path, session: &[u8]) -> bool {
    let give = || -> io::Result<()> {
        let mut stream = connect(profile)?;
        stream.write_all(&[PUT])?;
        write_session(&mut stream, session)?;
        stream.read_exact(&mut [0])
    };
    give().is_ok()
}

/// Ends the keeper of this profile; whether there was one.
pub(crate) fn lock(profile: &Path) -> bool {
    let ask = || -> io::Result<()> {
        let mut stream = connect(profile)?;
        stream.write_all(&[LOCK])?;
        stream.read_exact(&mut [0])
    };
    ask().is_ok()
}

/// Starts a keeper for this profile, in place of one that runs already.
///
/// # Errors
/// When the process cannot be started or does not come up.
pub(crate) fn start(profile: &Path, session: &[u8], lock_after: Duration) -> Result<()> {
    lock(profile);
    let program = std::env::current_exe()?;
    let mut keeper = Command::new(program)
        .args(["agent", "hold", "--lock-after", &format!("{}s", lock_after.as_secs()), "--profile"])
        .arg(address::as_folder(profile))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    // The pipe closes when it goes out of scope: that is where the session ends.
    keeper.stdin.take().expect("stdin was piped above").write_all(session)?;
    let mut answer = String::new();
    BufReader::new(keeper.stdout.take().expect("stdout was piped above")).read_line(&mut answer)?;
    if answer == READY {
        return Ok(());
    }
    let _ = keeper.wait();
    Err(Failure::No {
        text: "the session keeper did not start; this device stays locked".to_owned(),
        hint: Some("later commands will ask for the password".to_owned()),
    })
}

fn read_session(stream: &mut UnixStream) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_be_bytes(length)).ok().filter(|length| *length <= LONGEST);
    let length = length.ok_or(io::ErrorKind::InvalidData)?;
    let mut session = Zeroizing::new(vec![0; length]);
    stream.read_exact(&mut session)?;
    Ok(session)
}

fn write_session(stream: &mut UnixStream, session: &[u8]) -> io::Result<()> {
    let length = u32::try_from(session.len()).map_err(io::Error::other)?;
    stream.write_all(&length.to_be_bytes())?;
    stream.write_all(session)
}

fn connect(profile: &Path) -> io::Result<UnixStream> {
    let stream = address::connect(profile)?;
    address::refuse_strangers(&stream)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// The request for the session.
const GET: u8 = b'g';
/// The request to hold another one.
const PUT: u8 = b'p';
/// The request to forget it.
const LOCK: u8 = b'l';
const READY: &str = "ready\n";
/// Bytes of a session at most.
const LONGEST: usize = 1 << 20;
/// How long one side waits for the other in the middle of an exchange.
const PATIENCE: Duration = Duration::from_secs(2);
