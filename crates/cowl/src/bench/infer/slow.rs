//! A wire that delays: a proxy of this process between two parties, with latency and bandwidth each way.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// How far two parties are from each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Wire {
    /// From one to the other and back.
    round_trip: Duration,
    /// Bytes a second each way; 0: no bound.
    bandwidth: f64,
}

impl Wire {
    /// Nothing in between.
    pub(super) const LOOPBACK: Self = Self { round_trip: Duration::ZERO, bandwidth: 0.0 };
    /// 1 ms, 1 Gb/s.
    pub(super) const METRO: Self = Self { round_trip: Duration::from_millis(1), bandwidth: 125e6 };
    /// 40 ms, 100 Mb/s.
    pub(super) const WIDE: Self = Self { round_trip: Duration::from_millis(40), bandwidth: 12.5e6 };

    /// An address that leads to `to` over this wire.
    ///
    /// # Errors
    /// Those of the system.
    pub(super) fn to(self, to: &str) -> std::io::Result<String> {
        if self == Self::LOOPBACK {
            return Ok(to.to_owned());
        }
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let to = to.to_owned();
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                if let Ok(far) = TcpStream::connect(&to) {
                    let _ = self.join(&near, &far);
                }
            }
        });
        Ok(address)
    }

    fn join(self, near: &TcpStream, far: &TcpStream) -> std::io::Result<()> {
        for (from, to) in [(near, far), (far, near)] {
            let (from, to) = (from.try_clone()?, to.try_clone()?);
            to.set_nodelay(true)?;
            let (sender, receiver) = sync_channel(WAITING);
            thread::spawn(move || self.take(from, |piece| sender.send(piece).is_ok()));
            thread::spawn(move || give(&receiver, to));
        }
        Ok(())
    }

    /// Reads, and says of each piece when it is to arrive.
    fn take(self, mut from: TcpStream, pass: impl Fn((Instant, Vec<u8>)) -> bool) {
        let mut buffer = vec![0; 16 << 10];
        let mut free = Instant::now();
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let on_the_wire = Duration::from_secs_f64(length as f64 / self.bandwidth);
            free = free.max(Instant::now()) + on_the_wire;
            if !pass((free + self.round_trip / 2, buffer[..length].to_vec())) {
                return;
            }
        }
    }
}

fn give(pieces: &Receiver<(Instant, Vec<u8>)>, mut to: TcpStream) {
    while let Ok((due, piece)) = pieces.recv() {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&piece).is_err() {
            return;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// Pieces that are on the way at a time.
const WAITING: usize = 4096;
