//! Streams of any length on a connection: pieces, and an end.

use std::io::{self, Read, Write};

use super::{AHEAD, Kind, LONGEST_NO, Link, PIECE};
use crate::infer::peer::PeerError;

/// Sends a stream of any length; the other side reads it with [`StreamReader`]. Without
/// [`StreamWriter::finish`] it has no end, and the other side refuses it.
pub(crate) struct StreamWriter<'a>(&'a mut Link);

impl<'a> StreamWriter<'a> {
    /// A stream of this connection.
    pub(crate) fn new(link: &'a mut Link) -> Self {
        Self(link)
    }

    /// Ends the stream.
    ///
    /// # Errors
    /// Those of the connection.
    pub(crate) fn finish(self) -> Result<(), PeerError> {
        self.0.send_frame(Kind::End, &[])?;
        self.0.flush()
    }
}

impl Write for StreamWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = &bytes[..bytes.len().min(PIECE)];
        self.0.send_frame(Kind::Piece, piece).map_err(io::Error::other)?;
        if self.0.waiting > AHEAD {
            self.0.flush().map_err(io::Error::other)?;
        }
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(io::Error::other)
    }
}

/// Reads what [`StreamWriter`] sends, to its end.
pub(crate) struct StreamReader<'a> {
    link: &'a mut Link,
    piece: Vec<u8>,
    at: usize,
    ended: bool,
}

impl<'a> StreamReader<'a> {
    /// The stream that comes next on this connection.
    pub(crate) fn new(link: &'a mut Link) -> Self {
        Self { link, piece: Vec::new(), at: 0, ended: false }
    }

    fn next_piece(&mut self) -> Result<(), PeerError> {
        let (kind, length) = self.link.receive_head()?;
        self.at = 0;
        match kind {
            Some(Kind::Piece) if length > 0 && length <= PIECE => self.piece = self.link.take(length)?,
            Some(Kind::End) if length == 0 => {
                self.piece.clear();
                self.ended = true;
            }
            Some(Kind::No) if length <= LONGEST_NO => {
                let reason = String::from_utf8_lossy(&self.link.take(length)?).into_owned();
                return Err(PeerError::Refused { peer: self.link.peer.clone(), reason });
            }
            _ => return Err(self.link.unexpected(format!("{length} bytes in the middle of a stream"))),
        }
        Ok(())
    }
}

impl Read for StreamReader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.piece.len() && !self.ended {
            self.next_piece().map_err(io::Error::other)?;
        }
        let length = (&self.piece[self.at..]).read(out)?;
        self.at += length;
        Ok(length)
    }
}
