//! `cowl seal` and `cowl open`: the age format on files and pipes, without a server, in constant memory.

use std::fs::File;
use std::io::{self, BufRead, Read, Write};
use std::path::Path;

use cowl_seal::age::armor::{ArmorReader, ArmorWriter, is_armored};
use cowl_seal::age::{self, Identity, Passphrase, Recipient};
use cowl_seal::payload::{Cores, SealWriter};

mod pipeline;

use crate::failure::{Failure, Result};
use crate::secret_input::is_stdin;
use pipeline::{ReadAhead, WriteBehind, pipeline};

/// For whom a file is sealed.
pub(crate) enum SealedFor {
    /// Holders of keys.
    Recipients(Vec<Recipient>),
    /// Those who know a passphrase.
    Passphrase(Passphrase),
}

/// Seals `input` into `output`; yields how many bytes went in.
///
/// # Errors
/// Those of the streams, and recipients that do not go together.
pub(crate) fn seal(
    input: File,
    output: impl Write + Send,
    sealed_for: &SealedFor,
    armor: bool,
) -> io::Result<u64> {
    pipeline(input, output, |mut input, output| {
        if !armor {
            return Ok(copy_sealed(&mut input, sealed_for, output)?.0);
        }
        let (bytes, writer) = copy_sealed(&mut input, sealed_for, ArmorWriter::new(output)?)?;
        writer.finish()?;
        Ok(bytes)
    })
}

/// Opens `input`, armored or not, into `output`; yields how many bytes came out.
///
/// `identities` are asked for after a glance at the header: `true` means that a passphrase opens it.
///
/// # Errors
/// Those of the streams and of `identities`; content that was not sealed for these, or was changed.
pub(crate) fn open(
    input: File,
    output: impl Write + Send,
    identities: impl FnOnce(bool) -> io::Result<Vec<Identity>> + Send,
) -> io::Result<u64> {
    pipeline(input, output, |mut input, output| {
        if is_armored(input.fill_buf()?) {
            let mut unarmored = io::BufReader::with_capacity(GLANCE, ArmorReader::new(input));
            let identities = identities(is_for_passphrase(unarmored.fill_buf()?))?;
            return copy_opened(age::open_reader(&identities, unarmored, Cores::All)?, output);
        }
        let identities = identities(is_for_passphrase(input.fill_buf()?))?;
        copy_opened(age::open_reader(&identities, input, Cores::All)?, output)
    })
}

/// A file, or stdin for `None` and `-`.
///
/// # Errors
/// When there is no such file.
pub(crate) fn input(path: Option<&Path>) -> Result<File> {
    use std::os::fd::AsFd;
    match path {
        Some(path) if !is_stdin(path) => File::open(path).map_err(|error| Failure::file(path, error)),
        _ => Ok(io::stdin().as_fd().try_clone_to_owned()?.into()),
    }
}

fn copy_sealed<W: Write>(
    input: &mut ReadAhead<'_>,
    sealed_for: &SealedFor,
    output: W,
) -> io::Result<(u64, W)> {
    let mut writer: SealWriter<W> = match sealed_for {
        SealedFor::Recipients(recipients) => age::seal_writer(recipients, output, Cores::All)?,
        SealedFor::Passphrase(passphrase) => {
            age::seal_writer_with_passphrase(passphrase, output, Cores::All)?
        }
    };
    let mut bytes = 0;
    loop {
        let chunk = input.fill_buf()?;
        if chunk.is_empty() {
            return Ok((bytes, writer.finish()?));
        }
        writer.write_all(chunk)?;
        let length = chunk.len();
        bytes += length as u64;
        input.consume(length);
    }
}

fn copy_opened(mut opened: impl Read, output: &mut WriteBehind<'_>) -> io::Result<u64> {
    let mut bytes = 0;
    loop {
        let length = output.fill_from(&mut opened)?;
        if length == 0 {
            return Ok(bytes);
        }
        bytes += length as u64;
    }
}

/// Whether the first stanza is that of a passphrase, which must be the only one.
fn is_for_passphrase(beginning: &[u8]) -> bool {
    let second_line = beginning.split(|byte| *byte == b'\n').nth(1);
    second_line.is_some_and(|line| line.starts_with(b"-> scrypt "))
}

/// Bytes that hold the first stanza's first line.
const GLANCE: usize = 64 << 10;

#[cfg(test)]
mod tests;
