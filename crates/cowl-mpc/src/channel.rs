//! What moves a party's messages, and a pair of channels within one process.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// Why bytes do not come or go.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChannelError {
    /// The peer has ended the run, or its machine has.
    #[error("the peer has ended the run")]
    Closed,
    /// The peer has sent nothing for too long.
    #[error("the peer does not answer")]
    TimedOut,
    /// Anything else, in words.
    #[error("the connection to the peer fails: {0}")]
    Failed(String),
}

/// An ordered stream of bytes to the peer and back. Whoever implements it authenticates the peer and hides the
/// bytes from others.
pub trait Channel {
    /// Sends all bytes. Must not wait for the peer to read: both parties send before they receive.
    ///
    /// # Errors
    /// [`ChannelError`].
    fn send(&mut self, message: &[u8]) -> Result<(), ChannelError>;

    /// The next `bytes` bytes, as soon as they are there. Lengths are the program's, never the peer's.
    ///
    /// # Errors
    /// [`ChannelError`].
    fn receive(&mut self, bytes: usize) -> Result<Vec<u8>, ChannelError>;
}

/// Bytes that have arrived and were not taken yet: pieces come as they were sent and go as they are wanted.
#[derive(Default)]
pub struct Arrived {
    bytes: Vec<u8>,
    /// How many of them were taken.
    taken: usize,
}

impl Arrived {
    /// The next `bytes` bytes; `more` waits for a piece when there are fewer.
    ///
    /// # Errors
    /// Those of `more`.
    pub fn take<E>(
        &mut self,
        bytes: usize,
        mut more: impl FnMut() -> Result<Vec<u8>, E>,
    ) -> Result<Vec<u8>, E> {
        while self.bytes.len() - self.taken < bytes {
            self.add(more()?);
        }
        if self.taken == 0 && self.bytes.len() == bytes {
            return Ok(std::mem::take(&mut self.bytes));
        }
        let end = self.taken + bytes;
        let taken = self.bytes[self.taken..end].to_vec();
        self.taken = end;
        Ok(taken)
    }

    fn add(&mut self, piece: Vec<u8>) {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        if self.bytes.is_empty() {
            self.bytes = piece;
        } else {
            self.bytes.extend_from_slice(&piece);
        }
    }
}

/// One end of a pair within one process.
pub struct MemoryChannel {
    out: Sender<Vec<u8>>,
    into: Receiver<Vec<u8>>,
    arrived: Arrived,
    patience: Duration,
}

/// Two ends, each of which waits so long for the other.
pub fn pair(patience: Duration) -> [MemoryChannel; 2] {
    let ((out_a, into_b), (out_b, into_a)) = (channel(), channel());
    [(out_a, into_a), (out_b, into_b)].map(|(out, into)| MemoryChannel {
        out,
        into,
        arrived: Arrived::default(),
        patience,
    })
}

impl Channel for MemoryChannel {
    fn send(&mut self, message: &[u8]) -> Result<(), ChannelError> {
        self.out.send(message.to_vec()).map_err(|_| ChannelError::Closed)
    }

    fn receive(&mut self, bytes: usize) -> Result<Vec<u8>, ChannelError> {
        self.arrived.take(bytes, || {
            self.into.recv_timeout(self.patience).map_err(|error| match error {
                RecvTimeoutError::Timeout => ChannelError::TimedOut,
                RecvTimeoutError::Disconnected => ChannelError::Closed,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_in_order_whatever_pieces_they_were_sent_in() {
        let [mut here, mut there] = pair(Duration::from_secs(5));
        here.send(&[1, 2, 3]).unwrap();
        here.send(&[4]).unwrap();
        assert_eq!(there.receive(2), Ok(vec![1, 2]));
        assert_eq!(there.receive(0), Ok(vec![]));
        assert_eq!(there.receive(2), Ok(vec![3, 4]));
    }

    #[test]
    fn a_peer_that_is_gone_or_silent_is_told_apart() {
        let [here, mut there] = pair(Duration::from_millis(1));
        assert_eq!(there.receive(1), Err(ChannelError::TimedOut));
        drop(here);
        assert_eq!(there.receive(1), Err(ChannelError::Closed));
        assert_eq!(there.send(&[1]), Err(ChannelError::Closed));
    }
}
