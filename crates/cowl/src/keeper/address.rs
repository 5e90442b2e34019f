//! Where a profile's keeper listens, and to whom.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use rustix::net::sockopt::socket_peercred;
use rustix::process::{getuid, umask};

/// Connects to the profile's keeper.
pub(super) fn connect(profile: &Path) -> io::Result<UnixStream> {
    with_short_path(profile, UnixStream::connect)
}

/// Listens in the profile's folder, readable and writable for its owner only. What a keeper that was
/// killed has left there is removed.
pub(super) fn listen(profile: &Path) -> io::Result<UnixListener> {
    remove(profile);
    let before = umask(Mode::from_raw_mode(0o177));
    let listener = with_short_path(profile, UnixListener::bind);
    umask(before);
    listener
}

/// Removes the socket.
pub(super) fn remove(profile: &Path) {
    let _ = std::fs::remove_file(profile.join(SOCKET));
}

/// Fails unless the other end is a process of the same user.
pub(super) fn refuse_strangers(stream: &UnixStream) -> io::Result<()> {
    let peer = socket_peercred(stream)?;
    if peer.uid == getuid() {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        "another user is at the other end of the session keeper",
    ))
}

/// The profile's folder as an argument that cannot be taken for the name of a profile.
pub(super) fn as_folder(profile: &Path) -> PathBuf {
    std::path::absolute(profile).unwrap_or_else(|_| profile.to_path_buf())
}

/// An address holds 108 bytes; a folder may be deeper than that, and is then named through its handle.
fn with_short_path<T>(profile: &Path, act: impl FnOnce(PathBuf) -> io::Result<T>) -> io::Result<T> {
    let path = profile.join(SOCKET);
    if path.as_os_str().len() <= LONGEST_ADDRESS {
        return act(path);
    }
    let folder = File::open(profile)?;
    act(PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd())))
}

const SOCKET: &str = "keeper.sock";
const LONGEST_ADDRESS: usize = 100;
