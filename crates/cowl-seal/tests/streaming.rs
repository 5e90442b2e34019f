//! A large file goes through sealing, splitting, joining and opening with one part in memory at a time.
#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

use std::io::{self, Read, Write};
use std::sync::mpsc::sync_channel;

use cowl_seal::payload::{Cores, OpenReader, PayloadSealer, SealWriter};
use cowl_seal::split::{MAX_PART, PartCheck, PartJoiner, PartSplitter};
use cowl_seal::{ItemKey, Suite};

/// Bytes that can be told apart, made as they are needed.
struct Counting {
    at: u64,
    length: u64,
}

impl Read for Counting {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = out.len().min((self.length - self.at) as usize);
        for (offset, byte) in out[..length].iter_mut().enumerate() {
            *byte = byte_at(self.at + offset as u64);
        }
        self.at += length as u64;
        Ok(length)
    }
}

fn byte_at(at: u64) -> u8 {
    (at ^ (at >> 8) ^ (at >> 20)) as u8
}

/// Seals to the same parts every time.
fn seal_into(key: &ItemKey, length: u64, mut hand_over: impl FnMut(Vec<u8>, PartCheck) -> io::Result<()>) {
    let splitter = PartSplitter::new(&[8; 32], &mut hand_over);
    let sealer = PayloadSealer::dangerous_with_nonce(key, [9; 16]);
    let mut writer = SealWriter::new(splitter, sealer, Cores::One).unwrap();
    io::copy(&mut Counting { at: 0, length }, &mut writer).unwrap();
    writer.finish().unwrap().finish().unwrap();
}

fn check_plaintext(mut reader: impl Read, length: u64) {
    let mut buffer = vec![0; 1 << 20];
    let mut at = 0;
    loop {
        let more = reader.read(&mut buffer).unwrap();
        if more == 0 {
            break;
        }
        assert!(buffer[..more].iter().enumerate().all(|(offset, byte)| *byte == byte_at(at + offset as u64)));
        at += more as u64;
    }
    assert_eq!(at, length);
}

/// What the manifest would say; no part is kept.
fn checks_of(key: &ItemKey, length: u64) -> Vec<PartCheck> {
    let mut checks = Vec::new();
    seal_into(key, length, |part, check| {
        assert!(part.len() as u64 <= MAX_PART);
        checks.push(check);
        Ok(())
    });
    checks
}

#[test]
fn a_large_file_streams_through_bounded_buffers() {
    for suite in [Suite::Standard, Suite::HybridRsa] {
        let (key, length) = (ItemKey::make(suite), (96 << 20) + 12_345);
        let checks = checks_of(&key, length);
        // One part waits between the two sides.
        let (sender, parts) = sync_channel(1);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                seal_into(&key, length, move |part, _| sender.send(part).map_err(io::Error::other))
            });
            let joiner = PartJoiner::new(checks, parts.into_iter().map(Ok));
            check_plaintext(OpenReader::new(joiner, &key, Cores::One).unwrap(), length);
        });
    }
}

#[test]
fn a_writer_that_fails_is_reported() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let sealer = PayloadSealer::new(&ItemKey::make(Suite::Standard));
    let error = SealWriter::new(Full, sealer, Cores::One).err().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
}
