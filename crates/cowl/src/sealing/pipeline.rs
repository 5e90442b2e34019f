//! Reading, working and writing at the same time: one thread each, with a few large buffers between them.
//!
//! Buffers go round: full ones one way, empty ones back, so that memory stays constant whatever the
//! stream's length.

use std::io::{self, BufRead, Read, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use zeroize::Zeroizing;

/// Runs `work` between a thread that reads `input` ahead and one that writes to `output` behind.
///
/// # Errors
/// The first of: writing failed, work failed. A failure to read reaches `work` at its place in the stream.
pub(super) fn pipeline<T>(
    input: impl Read + Send,
    output: impl Write + Send,
    work: impl FnOnce(ReadAhead<'_>, &mut WriteBehind<'_>) -> io::Result<T>,
) -> io::Result<T> {
    thread::scope(|scope| {
        let (to_fill, empty) = buffers();
        let (full, to_work) = sync_channel(BUFFERS);
        scope.spawn(move || read_ahead(input, &empty, &full));
        let (written, to_reuse) = buffers();
        let (to_write, finished) = sync_channel(BUFFERS);
        let writer = scope.spawn(move || write_behind(output, &finished, &written));
        let mut behind = WriteBehind { full: &to_write, empty: &to_reuse };
        let outcome = work(ReadAhead::new(&to_work, &to_fill), &mut behind);
        // Both threads end when the channels between close.
        drop((to_write, to_reuse, to_work, to_fill));
        let wrote = writer.join().expect("the writing thread does not panic");
        wrote.and(outcome)
    })
}

/// The input, read ahead by another thread.
pub(super) struct ReadAhead<'a> {
    full: &'a Receiver<io::Result<Buffer>>,
    empty: &'a SyncSender<Buffer>,
    current: Buffer,
    at: usize,
    ended: bool,
}

impl<'a> ReadAhead<'a> {
    fn new(full: &'a Receiver<io::Result<Buffer>>, empty: &'a SyncSender<Buffer>) -> Self {
        Self { full, empty, current: Buffer::default(), at: 0, ended: false }
    }
}

impl BufRead for ReadAhead<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.current.len() && !self.ended {
            let used = std::mem::take(&mut self.current);
            self.at = 0;
            if used.capacity() > 0 {
                // The reader may have ended and needs no buffers any more.
                let _ = self.empty.send(used);
            }
            match self.full.recv() {
                Ok(next) => self.current = next?,
                Err(_) => self.ended = true,
            }
        }
        Ok(&self.current[self.at..])
    }

    fn consume(&mut self, length: usize) {
        self.at = (self.at + length).min(self.current.len());
    }
}

impl Read for ReadAhead<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let ready = self.fill_buf()?;
        let length = ready.len().min(out.len());
        out[..length].copy_from_slice(&ready[..length]);
        self.consume(length);
        Ok(length)
    }
}

/// The output, written by another thread.
pub(super) struct WriteBehind<'a> {
    full: &'a SyncSender<Buffer>,
    empty: &'a Receiver<Buffer>,
}

impl WriteBehind<'_> {
    /// Reads a buffer full from `source` and passes it on; yields its length, 0 at the end.
    pub(super) fn fill_from(&mut self, source: &mut impl Read) -> io::Result<usize> {
        let mut buffer = self.empty.recv().map_err(|_| writer_is_gone())?;
        buffer.resize(BUFFER, 0);
        let mut length = 0;
        let outcome = loop {
            match source.read(&mut buffer[length..]) {
                Ok(0) => break Ok(()),
                Ok(more) => length += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
            if length == BUFFER {
                break Ok(());
            }
        };
        // What was read before an error is sound, and goes out as it would have from a plain copy.
        buffer.truncate(length);
        self.send(buffer)?;
        outcome.map(|()| length)
    }

    fn send(&self, buffer: Buffer) -> io::Result<()> {
        self.full.send(buffer).map_err(|_| writer_is_gone())
    }
}

impl Write for WriteBehind<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut buffer = self.empty.recv().map_err(|_| writer_is_gone())?;
        buffer.clear();
        buffer.extend_from_slice(bytes);
        self.send(buffer)?;
        Ok(bytes.len())
    }

    /// Nothing to do: what was passed on is written in any case, and `pipeline` waits for it.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn read_ahead(mut input: impl Read, empty: &Receiver<Buffer>, full: &SyncSender<io::Result<Buffer>>) {
    while let Ok(mut buffer) = empty.recv() {
        buffer.resize(BUFFER, 0);
        let outcome = fill(&mut input, &mut buffer);
        let last = !matches!(outcome, Ok(BUFFER));
        let message = match outcome {
            Ok(0) => return,
            Ok(length) => {
                buffer.truncate(length);
                Ok(buffer)
            }
            Err(error) => Err(error),
        };
        if full.send(message).is_err() || last {
            return;
        }
    }
}

/// Reads until the buffer is full or the stream ends.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match input.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

fn write_behind(
    mut output: impl Write,
    full: &Receiver<Buffer>,
    empty: &SyncSender<Buffer>,
) -> io::Result<()> {
    while let Ok(buffer) = full.recv() {
        output.write_all(&buffer)?;
        let _ = empty.send(buffer);
    }
    output.flush()
}

/// The way back of empty buffers, with all buffers on it.
fn buffers() -> (SyncSender<Buffer>, Receiver<Buffer>) {
    let (sender, receiver) = sync_channel(BUFFERS);
    for _ in 0..BUFFERS {
        sender.send(Zeroizing::new(Vec::with_capacity(BUFFER))).expect("there is room for all of them");
    }
    (sender, receiver)
}

/// Only seen when the writer failed; its own error takes the place of this one.
fn writer_is_gone() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the output is gone")
}

/// May hold plaintext, so it is wiped in the end.
type Buffer = Zeroizing<Vec<u8>>;

/// Bytes of a buffer, as many as a run of segments has.
const BUFFER: usize = 1 << 20;
/// Buffers in each direction.
const BUFFERS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn through(input: impl Read + Send, output: impl Write + Send) -> io::Result<u64> {
        pipeline(input, output, |mut input, mut output| io::copy(&mut input, &mut output))
    }

    #[test]
    fn what_goes_in_comes_out_whatever_its_length() {
        for length in [0, 1, BUFFER - 1, BUFFER, BUFFER + 1, 7 * BUFFER + 3] {
            let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let mut output = Vec::new();
            assert_eq!(through(bytes.as_slice(), &mut output).unwrap(), length as u64);
            assert!(output == bytes, "{length} bytes");
        }
    }

    #[test]
    fn a_failure_to_read_comes_through_under_its_own_name() {
        struct Torn;
        impl Read for Torn {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::new(io::ErrorKind::TimedOut, "torn"))
            }
        }
        let error = through(io::repeat(7).take(3 << 20).chain(Torn), io::sink()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn a_failure_to_write_ends_the_work() {
        struct Full(usize);
        impl Write for Full {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0 = self.0.checked_sub(1).ok_or(io::ErrorKind::StorageFull)?;
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let error = through(io::repeat(7), Full(2)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn work_that_gives_up_early_leaves_nobody_waiting() {
        let outcome = pipeline(io::repeat(7), io::sink(), |mut input, _| input.fill_buf().map(<[u8]>::len));
        assert_eq!(outcome.unwrap(), BUFFER);
    }
}
