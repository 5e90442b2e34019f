//! A role that others call: one thread a connection, and a word to whoever asks for what cannot be.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::error::InferError;
use super::peer::{Link, Listener, PeerKey};

/// Connections at a time; more are closed.
const MOST: usize = 64;

/// Serves connections until the process ends. `serve` serves one; `failed` hears of those that have failed.
///
/// # Errors
/// Those of the system, when it takes no connections any more.
pub(crate) fn serve_all(
    listener: &Listener,
    serve: impl Fn(&mut Link, &PeerKey) -> Result<(), InferError> + Sync,
    failed: impl Fn(&str, &InferError) + Sync,
) -> std::io::Result<()> {
    let busy = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        loop {
            let socket = match listener.wait() {
                Ok(socket) => socket,
                // The other end was gone before it was taken.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error),
            };
            if busy.fetch_add(1, Ordering::Relaxed) >= MOST {
                busy.fetch_sub(1, Ordering::Relaxed);
                continue;
            }
            let (serve, failed, busy) = (&serve, &failed, &busy);
            scope.spawn(move || {
                match listener.greet(socket) {
                    Err(error) => failed("a connection", &error.into()),
                    Ok((link, peer)) => serve_one(link, &peer, serve, failed),
                }
                busy.fetch_sub(1, Ordering::Relaxed);
            });
        }
    })
}

fn serve_one(
    mut link: Link,
    peer: &PeerKey,
    serve: impl Fn(&mut Link, &PeerKey) -> Result<(), InferError>,
    failed: impl Fn(&str, &InferError),
) {
    match serve(&mut link, peer) {
        Ok(()) => link.close(),
        Err(error) => {
            failed(&peer.name, &error);
            if let Some(reason) = error.told() {
                link.refuse(&reason);
            }
        }
    }
}
