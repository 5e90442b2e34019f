//! A TCP connection that a test has its hands on: it passes bytes, or cuts, or stands still.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

/// A listener on the loopback interface that passes what comes to a target and back.
#[derive(Debug)]
pub struct Wire {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    target: SocketAddr,
    is_cut: bool,
    is_dropped: bool,
    /// Bytes from clients that still pass before the wire stands still or breaks.
    allowance: Option<(u64, End)>,
    /// Bytes from clients that have passed.
    sent: u64,
    open: Vec<TcpStream>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Cut,
    StandStill,
}

impl Wire {
    /// A wire to `target`.
    ///
    /// # Panics
    /// When there is no free port.
    pub fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let state =
            State { target, is_cut: false, is_dropped: false, allowance: None, sent: 0, open: Vec::new() };
        let state = Arc::new(Mutex::new(state));
        let accepting = Arc::clone(&state);
        thread::spawn(move || accept(&listener, &accepting));
        Self { address, state }
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Leads new connections elsewhere.
    pub fn lead_to(&self, target: SocketAddr) {
        self.lock().target = target;
    }

    /// Cuts all connections, and new ones at once, until [`Wire::mend`].
    pub fn cut(&self) {
        let mut state = self.lock();
        state.is_cut = true;
        state.close_all();
    }

    /// Lets everything pass again.
    pub fn mend(&self) {
        let mut state = self.lock();
        (state.is_cut, state.allowance) = (false, None);
    }

    /// Breaks the connection once after so many more bytes from clients.
    pub fn cut_after(&self, bytes: u64) {
        self.lock().allowance = Some((bytes, End::Cut));
    }

    /// After so many more bytes from clients none passes until [`Wire::mend`]; connections stay open.
    pub fn stand_still_after(&self, bytes: u64) {
        self.lock().allowance = Some((bytes, End::StandStill));
    }

    /// Bytes from clients that have passed.
    pub fn sent(&self) -> u64 {
        self.lock().sent
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        {
            let mut state = self.lock();
            state.is_dropped = true;
            state.close_all();
        }
        // Wakes the thread that accepts, so that it sees the end.
        let _ = TcpStream::connect(self.address);
    }
}

impl State {
    fn close_all(&mut self) {
        for stream in self.open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().expect("no holder of this lock panics")
}

fn accept(listener: &TcpListener, state: &Arc<Mutex<State>>) {
    for client in listener.incoming().flatten() {
        let target = {
            let state = lock(state);
            if state.is_dropped {
                return;
            }
            if state.is_cut { None } else { Some(state.target) }
        };
        let server = target.and_then(|target| TcpStream::connect(target).ok());
        if let Some(server) = server {
            // A connection that breaks here is what such tests are about.
            let _ = join(client, server, state);
        }
    }
}

fn join(client: TcpStream, server: TcpStream, state: &Arc<Mutex<State>>) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let mut upward = (client.try_clone()?, server.try_clone()?);
    let mut downward = (server.try_clone()?, client.try_clone()?);
    lock(state).open.extend([client, server]);
    let upstream = Arc::clone(state);
    thread::spawn(move || {
        pass(&mut upward.0, &mut upward.1, |bytes| allow(&upstream, bytes));
    });
    thread::spawn(move || pass(&mut downward.0, &mut downward.1, Some));
    Ok(())
}

/// Copies until one side ends or `allow`, which says how many of so many bytes may pass, says no.
fn pass(from: &mut TcpStream, to: &mut TcpStream, allow: impl Fn(usize) -> Option<usize>) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let Some(allowed) = allow(length) else { break };
        if to.write_all(&buffer[..allowed]).is_err() || allowed < length {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

/// How many of these bytes may pass; waits while the wire stands still.
fn allow(state: &Mutex<State>, bytes: usize) -> Option<usize> {
    loop {
        let mut state = lock(state);
        if state.is_cut || state.is_dropped {
            return None;
        }
        match state.allowance {
            Some((left, End::StandStill)) if left < bytes as u64 => {}
            Some((left, End::Cut)) if left < bytes as u64 => {
                state.allowance = None;
                state.sent += left;
                return Some(usize::try_from(left).expect("less than the bytes at hand"));
            }
            other => {
                state.allowance = other.map(|(left, end)| (left - bytes as u64, end));
                state.sent += bytes as u64;
                return Some(bytes);
            }
        }
        drop(state);
        thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// A server that sends back what it gets.
    fn echo() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || {
                    let mut back = stream.try_clone().unwrap();
                    pass(&mut { stream }, &mut back, Some);
                });
            }
        });
        address
    }

    fn said(stream: &mut TcpStream, words: &[u8]) -> Vec<u8> {
        let mut answer = vec![0; words.len()];
        let heard = stream.write_all(words).and_then(|()| stream.read_exact(&mut answer));
        if heard.is_ok() { answer } else { Vec::new() }
    }

    #[test]
    fn a_wire_passes_breaks_and_is_mended() {
        let wire = Wire::to(echo());
        let connect = || TcpStream::connect(wire.address()).unwrap();
        let mut stream = connect();
        assert_eq!(said(&mut stream, b"hello"), b"hello");
        assert_eq!(wire.sent(), 5);
        wire.cut();
        assert_eq!(said(&mut stream, b"hello"), b"");
        assert_eq!(said(&mut connect(), b"hello"), b"");
        wire.mend();
        assert_eq!(said(&mut connect(), b"hello"), b"hello");
        wire.cut_after(3);
        assert_eq!(said(&mut connect(), b"hello"), b"");
        assert_eq!(wire.sent(), 13);
        assert_eq!(said(&mut connect(), b"hello"), b"hello");
    }
}
