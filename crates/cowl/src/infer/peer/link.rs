//! A connection: frames inside TLS on a socket that never blocks.
//!
//! Sending encrypts and hands to the system what it takes at once; the rest goes out while this side waits for
//! the other's bytes. So two parties may send large messages at the same time and neither waits for the other to
//! read, without a thread more. A frame is its kind (1 byte), its length (32 bits, big-endian) and its bytes;
//! no length is believed beyond what the kind allows.

mod stream;

use std::io::{self, BufRead, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use cowl_crypto::sign::VerifyingKey;
use cowl_domain::wire;
use cowl_mpc::RunError;
use cowl_mpc::channel::{Arrived, Channel, ChannelError};
use minicbor::{Decode, Encode};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustls::{AlertDescription, Connection, Error as TlsError};

pub(crate) use stream::{StreamReader, StreamWriter};

use super::{PeerError, tls};
use crate::infer::error::InferError;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A request or an answer, as canonical CBOR.
    Word = 1,
    /// One message of the computation.
    Message = 2,
    /// A piece of a stream.
    Piece = 3,
    /// The end of a stream, or of all requests.
    End = 4,
    /// A no, in words.
    No = 5,
}

impl Kind {
    fn of(byte: u8) -> Option<Self> {
        [Self::Word, Self::Message, Self::Piece, Self::End, Self::No]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

/// Bytes in front of a frame's own.
const HEAD: usize = 5;
/// An architecture is the largest word.
const LONGEST_WORD: usize = 64 << 20;
const LONGEST_NO: usize = 4 << 10;
/// Bytes of a piece of a stream.
const PIECE: usize = 256 << 10;
/// Bytes of a stream that may wait for the system to take them.
const AHEAD: usize = 1 << 20;
/// How long one waits for the other side to have read a refusal.
const LAST_WORD: Duration = Duration::from_secs(2);
/// How long one waits for the other side to end a connection, too.
const PARTING: Duration = Duration::from_secs(10);

/// One connection to one party.
pub(crate) struct Link {
    tls: Connection,
    socket: TcpStream,
    inbox: Vec<u8>,
    /// How much of `inbox` was taken.
    taken: usize,
    ended: bool,
    waiting: usize,
    /// Bytes of the computation that came with others.
    arrived: Arrived,
    peer: String,
    patience: Duration,
}

impl Link {
    pub(super) fn new(
        socket: TcpStream,
        mut tls: Connection,
        peer: &str,
        patience: Duration,
    ) -> Result<Self, PeerError> {
        let ready = socket.set_nodelay(true).and_then(|()| socket.set_nonblocking(true));
        ready.map_err(|source| PeerError::Io { peer: peer.to_owned(), source })?;
        tls.set_buffer_limit(None);
        Ok(Self {
            tls,
            socket,
            inbox: Vec::new(),
            taken: 0,
            ended: false,
            waiting: 0,
            arrived: Arrived::default(),
            peer: peer.to_owned(),
            patience,
        })
    }

    pub(super) fn shake_hands(&mut self) -> Result<(), PeerError> {
        self.pump(|link| !link.tls.is_handshaking() && !link.tls.wants_write())
    }

    pub(super) fn shown_key(&self) -> Option<VerifyingKey> {
        tls::shown_key(self.tls.peer_certificates())
    }

    pub(super) fn rename(&mut self, peer: &str) {
        peer.clone_into(&mut self.peer);
    }

    /// Sends a request or an answer.
    ///
    /// # Errors
    /// Those of the connection.
    pub(crate) fn say<T: Encode<()>>(&mut self, word: &T) -> Result<(), PeerError> {
        self.send_frame(Kind::Word, &wire::encode(word))?;
        self.flush()
    }

    /// Waits for a request or an answer.
    ///
    /// # Errors
    /// [`PeerError::Refused`] when it is a no; those of the connection.
    pub(crate) fn hear<T: Encode<()> + for<'b> Decode<'b, ()>>(
        &mut self,
        what: &'static str,
    ) -> Result<T, PeerError> {
        let bytes = self.receive_frame(Kind::Word, LONGEST_WORD)?;
        wire::decode(what, &bytes).map_err(|error| self.unexpected(error.to_string()))
    }

    /// The next request; `None` when the other side has ended the connection in good order.
    ///
    /// # Errors
    /// As [`Link::hear`].
    pub(crate) fn hear_next<T: Encode<()> + for<'b> Decode<'b, ()>>(
        &mut self,
        what: &'static str,
    ) -> Result<Option<T>, PeerError> {
        self.pump(|link| link.held() >= HEAD || link.ended)?;
        let kind = self.inbox.get(self.taken).copied();
        if kind.is_none_or(|kind| kind == Kind::End as u8) { Ok(None) } else { self.hear(what).map(Some) }
    }

    /// Sends bytes of the computation; does not wait for the other side.
    pub(super) fn send(&mut self, message: &[u8]) -> Result<(), PeerError> {
        message.chunks(PIECE).try_for_each(|piece| self.send_frame(Kind::Message, piece))
    }

    /// The next bytes of the computation, however they were sent.
    pub(super) fn receive(&mut self, bytes: usize) -> Result<Vec<u8>, PeerError> {
        let mut arrived = std::mem::take(&mut self.arrived);
        let taken = arrived.take(bytes, || self.receive_frame(Kind::Message, PIECE));
        self.arrived = arrived;
        taken
    }

    /// Says no, waits until that was read, and ends the connection.
    pub(crate) fn refuse(mut self, reason: &str) {
        let mut end = reason.len().min(LONGEST_NO);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        self.patience = self.patience.min(LAST_WORD);
        let said = self.send_frame(Kind::No, &reason.as_bytes()[..end]).and_then(|()| self.flush());
        if said.is_ok() {
            self.close();
        }
    }

    /// Ends the connection in good order. What was sent before arrives.
    pub(crate) fn close(mut self) {
        self.patience = self.patience.min(LAST_WORD);
        if self.flush().is_ok() {
            self.say_goodbye();
        }
    }

    /// Ends the connection when the other side has ended it, which it does when it has had all that was sent. It does not
    /// learn whether its own end has arrived.
    ///
    /// # Errors
    /// [`PeerError::Refused`] when the other side's last word is a no; those of the connection.
    pub(crate) fn part(mut self) -> Result<(), PeerError> {
        self.patience = self.patience.min(PARTING);
        self.send_frame(Kind::End, &[])?;
        self.flush()?;
        self.pump(|link| link.held() >= HEAD || link.ended)?;
        if self.held() > 0 {
            self.receive_frame(Kind::No, LONGEST_NO)?;
        }
        // Without TLS's own word that this was the end, it may have been cut.
        let in_good_order = self.tls.process_new_packets().is_ok_and(|state| state.peer_has_closed());
        if !in_good_order {
            return Err(PeerError::HungUp { peer: self.peer.clone() });
        }
        self.say_goodbye();
        Ok(())
    }

    /// TLS's end. What comes behind it is nobody's to read: it is taken from the system as it is, because closing with
    /// unread bytes would take back what was sent.
    fn say_goodbye(mut self) {
        self.tls.send_close_notify();
        let gone = self.write_some().is_ok() && !self.tls.wants_write();
        if !gone || self.socket.shutdown(Shutdown::Write).is_err() {
            return;
        }
        let (deadline, mut ignored) = (Instant::now() + self.patience, [0; 4096]);
        while self.wait(deadline).is_ok() {
            match self.socket.read(&mut ignored) {
                Ok(1..) => {}
                Err(error) if passes(&error) => {}
                _ => return,
            }
        }
    }

    /// Waits until the system has taken all that was sent.
    ///
    /// # Errors
    /// Those of the connection.
    pub(crate) fn flush(&mut self) -> Result<(), PeerError> {
        self.waiting = 0;
        self.pump(|link| !link.tls.wants_write())
    }

    fn send_frame(&mut self, kind: Kind, bytes: &[u8]) -> Result<(), PeerError> {
        let length = u32::try_from(bytes.len())
            .map_err(|_| self.unexpected(format!("a message of {} bytes", bytes.len())))?;
        let mut head = [kind as u8; HEAD];
        head[1..].copy_from_slice(&length.to_be_bytes());
        for part in [head.as_slice(), bytes] {
            self.tls.writer().write_all(part).map_err(|source| self.failed(source))?;
        }
        self.waiting += bytes.len();
        self.write_some().map(drop)
    }

    fn receive_frame(&mut self, kind: Kind, longest: usize) -> Result<Vec<u8>, PeerError> {
        let (found, length) = self.receive_head()?;
        match found {
            Some(Kind::No) if length <= LONGEST_NO => {
                let reason = self.take(length)?;
                let reason = String::from_utf8_lossy(&reason).into_owned();
                Err(PeerError::Refused { peer: self.peer.clone(), reason })
            }
            Some(found) if found == kind && length <= longest => self.take(length),
            _ => Err(self.unexpected(format!("{length} bytes of another kind, or too many"))),
        }
    }

    fn receive_head(&mut self) -> Result<(Option<Kind>, usize), PeerError> {
        self.fill(HEAD)?;
        let head: [u8; HEAD] = *self.inbox[self.taken..].first_chunk().expect("fill has seen to it");
        self.taken += HEAD;
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        Ok((Kind::of(head[0]), length as usize))
    }

    fn take(&mut self, bytes: usize) -> Result<Vec<u8>, PeerError> {
        self.fill(bytes)?;
        let taken = self.inbox[self.taken..self.taken + bytes].to_vec();
        self.taken += bytes;
        Ok(taken)
    }

    fn fill(&mut self, bytes: usize) -> Result<(), PeerError> {
        self.pump(|link| link.held() >= bytes || link.ended)?;
        if self.held() >= bytes {
            return Ok(());
        }
        Err(PeerError::HungUp { peer: self.peer.clone() })
    }

    fn held(&self) -> usize {
        self.inbox.len() - self.taken
    }

    /// Writes and reads until `done`; the time allowed begins anew with every byte that moves.
    fn pump(&mut self, done: impl Fn(&Self) -> bool) -> Result<(), PeerError> {
        let mut deadline = Instant::now() + self.patience;
        loop {
            let mut moved = self.write_some()?;
            if done(self) {
                return Ok(());
            }
            moved |= self.read_some()?;
            if done(self) {
                return Ok(());
            }
            if self.ended && !self.tls.wants_write() {
                return Err(PeerError::HungUp { peer: self.peer.clone() });
            }
            if moved {
                deadline = Instant::now() + self.patience;
            } else {
                self.wait(deadline)?;
            }
        }
    }

    /// Until the socket can be read, or written if there is something to write.
    fn wait(&self, deadline: Instant) -> Result<(), PeerError> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(PeerError::Silent { peer: self.peer.clone(), patience: self.patience });
        }
        let mut events = PollFlags::empty();
        events.set(PollFlags::IN, !self.ended);
        events.set(PollFlags::OUT, self.tls.wants_write());
        let mut sockets = [PollFd::new(&self.socket, events)];
        let time = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
        match poll(&mut sockets, Some(&time)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(self.failed(error.into())),
        }
    }

    fn write_some(&mut self) -> Result<bool, PeerError> {
        let mut moved = false;
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut self.socket) {
                Ok(_) => moved = true,
                Err(error) if passes(&error) => return Ok(moved),
                // Why it was closed may still stand in what can be read.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    self.read_some()?;
                    return Err(PeerError::HungUp { peer: self.peer.clone() });
                }
                Err(error) => return Err(self.failed(error)),
            }
        }
        self.waiting = 0;
        Ok(moved)
    }

    fn read_some(&mut self) -> Result<bool, PeerError> {
        match self.tls.read_tls(&mut self.socket) {
            Ok(0) => {
                self.ended = true;
                return Ok(false);
            }
            Ok(_) => {}
            Err(error) if passes(&error) => return Ok(false),
            Err(error) => return Err(self.failed(error)),
        }
        let state = match self.tls.process_new_packets() {
            Ok(state) => state,
            Err(error) => return Err(self.end_tls(&error)),
        };
        self.inbox.drain(..self.taken);
        self.taken = 0;
        let mut reader = self.tls.reader();
        // An error only says that there is no more as yet.
        while let Ok(bytes @ [_, ..]) = reader.fill_buf() {
            let read = bytes.len();
            self.inbox.extend_from_slice(bytes);
            reader.consume(read);
        }
        self.ended |= state.peer_has_closed();
        Ok(true)
    }

    /// Names what TLS says, after telling the other side.
    fn end_tls(&mut self, error: &TlsError) -> PeerError {
        let _ = self.tls.write_tls(&mut self.socket);
        let _ = self.socket.shutdown(Shutdown::Write);
        let peer = self.peer.clone();
        match error {
            TlsError::InvalidCertificate(_) => PeerError::Stranger { peer },
            TlsError::DecryptError => PeerError::Tampered { peer },
            TlsError::AlertReceived(AlertDescription::BadRecordMac | AlertDescription::DecryptError) => {
                PeerError::TamperedThere { peer }
            }
            TlsError::AlertReceived(
                AlertDescription::BadCertificate
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnknownCA
                | AlertDescription::AccessDenied
                | AlertDescription::CertificateRequired,
            ) => PeerError::NotWelcome { peer },
            other => PeerError::Protocol { peer, detail: other.to_string() },
        }
    }

    pub(crate) fn unexpected(&self, detail: String) -> PeerError {
        PeerError::Unexpected { peer: self.peer.clone(), detail }
    }

    fn failed(&self, source: io::Error) -> PeerError {
        match source.kind() {
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::UnexpectedEof => PeerError::HungUp { peer: self.peer.clone() },
            _ => PeerError::Io { peer: self.peer.clone(), source },
        }
    }
}

/// A connection as the computation uses it. What exactly has gone wrong is kept for whoever asks.
pub(crate) struct Wire<'a> {
    link: &'a mut Link,
    fault: Option<PeerError>,
    /// The greeting, and the first message behind it.
    first: Vec<Vec<u8>>,
}

impl<'a> Wire<'a> {
    /// The computation on this connection.
    pub(crate) fn new(link: &'a mut Link) -> Self {
        Self { link, fault: None, first: Vec::new() }
    }

    /// Ends the computation: sends what has not gone yet. What was wrong with the connection, if something was, says
    /// more than what the computation has made of it.
    ///
    /// # Errors
    /// The connection's, else the computation's.
    pub(crate) fn end<T>(self, outcome: Result<T, RunError>) -> Result<T, InferError> {
        match self.fault {
            Some(fault) => Err(fault.into()),
            None => {
                let outcome = outcome?;
                self.link.flush()?;
                Ok(outcome)
            }
        }
    }

    /// The first message that was sent behind the greeting.
    pub(crate) fn first_message(&self) -> Option<&[u8]> {
        self.first.get(1).map(Vec::as_slice)
    }

    fn keep(&mut self, error: PeerError) -> ChannelError {
        let told = match &error {
            PeerError::Silent { .. } => ChannelError::TimedOut,
            PeerError::HungUp { .. } => ChannelError::Closed,
            other => ChannelError::Failed(other.to_string()),
        };
        self.fault.get_or_insert(error);
        told
    }
}

impl Channel for Wire<'_> {
    fn send(&mut self, message: &[u8]) -> Result<(), ChannelError> {
        if self.first.len() < 2 {
            self.first.push(message.to_vec());
        }
        self.link.send(message).map_err(|error| self.keep(error))
    }

    fn receive(&mut self, bytes: usize) -> Result<Vec<u8>, ChannelError> {
        self.link.receive(bytes).map_err(|error| self.keep(error))
    }
}

fn passes(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
