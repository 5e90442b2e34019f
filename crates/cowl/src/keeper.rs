//! The session keeper: a small process that holds an unlocked session in memory, so that not every
//! command asks for the password. Like ssh-agent, one a profile.
//!
//! It listens on a Unix socket in the profile's folder and serves processes of the same user only. A
//! request is one byte: [`GET`] is answered with a length (32 bits, big-endian) and the session's bytes
//! and begins the idle time anew; [`LOCK`] with one zero byte, after the bytes are gone. This module is
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
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let length = usize::try_from(u32::from_be_bytes(length)).ok().filter(|length| *length <= LONGEST)?;
    let mut session = Zeroizing::new(vec![0; length]);
    stream.read_exact(&mut session).ok()?;
    Some(session)
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

fn connect(profile: &Path) -> io::Result<UnixStream> {
    let stream = address::connect(profile)?;
    address::refuse_strangers(&stream)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// The request for the session.
const GET: u8 = b'g';
/// The request to forget it.
const LOCK: u8 = b'l';
const READY: &str = "ready\n";
/// Bytes of a session at most.
const LONGEST: usize = 1 << 20;
/// How long one side waits for the other in the middle of an exchange.
const PATIENCE: Duration = Duration::from_secs(2);
