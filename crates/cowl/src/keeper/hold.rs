//! The keeper process: `cowl agent hold`. Blocking and single-threaded; it does one small thing.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::time::{ClockId, clock_gettime};
use zeroize::{Zeroize, Zeroizing};

use super::{GET, LOCK, LONGEST, PATIENCE, PUT, READY, address, read_session, write_session};
use crate::failure::{Failure, Result};

/// Takes a session from stdin and serves it until it was idle for `lock_after`, or is told to lock.
///
/// # Errors
/// When there is no session on stdin, or the socket cannot be made.
pub(crate) fn run(profile: &Path, lock_after: Duration) -> Result<()> {
    // Fails for the leader of a group already, which a child of 'login' is not.
    let _ = rustix::process::setsid();
    let mut session = Session::read(io::stdin().as_fd().try_clone_to_owned()?.into())?;
    let listener = address::listen(profile).map_err(|error| Failure::file(profile, error))?;
    io::stdout().lock().write_all(READY.as_bytes())?;
    io::stdout().lock().flush()?;
    let ended = serve(&listener, &mut session, lock_after);
    address::remove(profile);
    Ok(ended?)
}

/// The bytes that are kept: never moved, wiped at the end, out of swap where the system allows.
struct Session {
    // Locked pages are let go before the bytes are: fields drop in this order, and wiping needs no lock.
    _locked: Option<region::LockGuard>,
    bytes: Zeroizing<Vec<u8>>,
}

impl Session {
    fn read(mut input: File) -> Result<Self> {
        let mut bytes = Zeroizing::new(vec![0; LONGEST]);
        let locked = region::lock(bytes.as_ptr(), LONGEST).ok();
        let mut length = 0;
        while length < LONGEST {
            match input.read(&mut bytes[length..])? {
                0 => break,
                more => length += more,
            }
        }
        bytes.truncate(length);
        if bytes.is_empty() {
            return Err(Failure::usage("no session came; 'cowl party login' starts the keeper"));
        }
        Ok(Self { _locked: locked, bytes })
    }

    /// Takes other bytes, [`LONGEST`] at the most, into the same memory.
    fn replace(&mut self, bytes: &[u8]) {
        self.bytes.zeroize();
        self.bytes.extend_from_slice(bytes);
    }
}

fn serve(listener: &UnixListener, session: &mut Session, lock_after: Duration) -> io::Result<()> {
    let mut deadline = now() + lock_after;
    while let Some(remaining) = deadline.checked_sub(now()).filter(|it| !it.is_zero()) {
        if !wait(listener, remaining.min(LONGEST_SLEEP))? {
            continue;
        }
        let (stream, _) = listener.accept()?;
        // What goes wrong with one visitor must not end the keeper.
        match answer(stream, session) {
            Ok(GET) => deadline = now() + lock_after,
            Ok(LOCK) => break,
            Ok(_) | Err(_) => {}
        }
    }
    Ok(())
}

/// Whether somebody has come within the time.
fn wait(listener: &UnixListener, time: Duration) -> io::Result<bool> {
    let timeout = Timespec::try_from(time).map_err(io::Error::other)?;
    match poll(&mut [PollFd::new(listener, PollFlags::IN)], Some(&timeout)) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn answer(mut stream: UnixStream, session: &mut Session) -> io::Result<u8> {
    address::refuse_strangers(&stream)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut request = [0];
    stream.read_exact(&mut request)?;
    match request[0] {
        GET => write_session(&mut stream, &session.bytes)?,
        PUT => {
            session.replace(&read_session(&mut stream)?);
            stream.write_all(&[0])?;
        }
        LOCK => stream.write_all(&[0])?,
        _ => {}
    }
    Ok(request[0])
}

/// Time since the machine was started, sleep included: a closed lid must not stop the clock.
fn now() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// A wait does not count sleep, so the clock is looked at this often.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::thread;

    use super::super::{fetch, lock, replace};
    use super::*;

    fn session(bytes: &[u8]) -> Session {
        let mut memory = Vec::with_capacity(LONGEST);
        memory.extend_from_slice(bytes);
        Session { _locked: None, bytes: Zeroizing::new(memory) }
    }

    #[test]
    fn a_keeper_gives_the_session_until_it_is_locked() {
        let folder = tempfile::tempdir().unwrap();
        let listener = address::listen(folder.path()).unwrap();
        let keeper =
            thread::spawn(move || serve(&listener, &mut session(b"secret"), Duration::from_secs(600)));
        assert_eq!(fetch(folder.path()).unwrap().as_slice(), b"secret");
        assert_eq!(fetch(folder.path()).unwrap().as_slice(), b"secret");
        assert!(lock(folder.path()));
        keeper.join().unwrap().unwrap();
        assert!(fetch(folder.path()).is_none());
        assert!(!lock(folder.path()));
    }

    #[test]
    fn a_keeper_holds_what_it_was_given_last_in_the_memory_that_it_has() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!replace(folder.path(), b"nobody takes it"));
        let listener = address::listen(folder.path()).unwrap();
        let keeper = thread::spawn(move || {
            let mut session = session(b"secret");
            let memory = session.bytes.as_ptr();
            serve(&listener, &mut session, Duration::from_secs(600))
                .map(|()| memory == session.bytes.as_ptr())
        });
        assert!(replace(folder.path(), b"a longer secret"));
        assert_eq!(fetch(folder.path()).unwrap().as_slice(), b"a longer secret");
        assert!(!replace(folder.path(), &vec![0; LONGEST + 1]), "too long a session is taken");
        assert_eq!(fetch(folder.path()).unwrap().as_slice(), b"a longer secret");
        assert!(lock(folder.path()));
        assert!(keeper.join().unwrap().unwrap());
    }

    #[test]
    fn a_keeper_that_is_not_used_ends_by_itself() {
        let folder = tempfile::tempdir().unwrap();
        let listener = address::listen(folder.path()).unwrap();
        serve(&listener, &mut session(b"secret"), Duration::from_millis(1)).unwrap();
    }

    #[test]
    fn visitors_who_say_nothing_or_nonsense_do_not_end_it() {
        let folder = tempfile::tempdir().unwrap();
        let listener = address::listen(folder.path()).unwrap();
        let keeper =
            thread::spawn(move || serve(&listener, &mut session(b"secret"), Duration::from_secs(600)));
        drop(address::connect(folder.path()).unwrap());
        address::connect(folder.path()).unwrap().write_all(b"?").unwrap();
        assert_eq!(fetch(folder.path()).unwrap().as_slice(), b"secret");
        assert!(lock(folder.path()));
        keeper.join().unwrap().unwrap();
    }

    #[test]
    fn the_socket_is_its_owners_alone_however_deep_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a-rather-long-name-of-a-folder-".repeat(4)).join("profile");
        std::fs::create_dir_all(&deep).unwrap();
        let listener = address::listen(&deep).unwrap();
        let mode = std::fs::metadata(deep.join("keeper.sock")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(address::connect(&deep).is_ok());
        drop(listener);
    }
}
