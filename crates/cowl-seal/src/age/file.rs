//! Whole age files: header, then payload.

use std::io::{self, BufRead, Write};

use super::header::{Header, HeaderError};
use super::{Identity, OpenHeaderError, Passphrase, Recipient, armor, open_header};
use crate::file_key::{FileKey, ItemKey};
use crate::payload::{Cores, OpenReader, PayloadError, PayloadOpener, PayloadSealer, SealWriter};
use crate::suite::{SealHeaderError, SealTo, Suite, seal_header};

/// Why a file does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The armor around it is malformed.
    #[error(transparent)]
    Armor(#[from] armor::ArmorError),
    /// The header is malformed, was sealed to others, or was changed.
    #[error(transparent)]
    Header(#[from] OpenHeaderError),
    /// The payload was changed.
    #[error(transparent)]
    Payload(#[from] PayloadError),
}

impl From<HeaderError> for OpenError {
    fn from(error: HeaderError) -> Self {
        Self::Header(error.into())
    }
}

/// Seals bytes to recipients: a whole age file.
///
/// # Errors
/// [`SealHeaderError`] names the recipient that does not fit.
pub fn seal(recipients: &[Recipient], plaintext: &[u8]) -> Result<Vec<u8>, SealHeaderError> {
    let key = ItemKey::make(Suite::Standard);
    let mut file = seal_header(&key, &to_all(recipients))?.encode();
    file.extend(PayloadSealer::new(&key).seal(plaintext, Cores::One));
    Ok(file)
}

/// Opens a whole age file, armored or not.
///
/// # Errors
/// [`OpenError`].
pub fn open(identities: &[Identity], file: &[u8]) -> Result<Vec<u8>, OpenError> {
    if armor::is_armored(file) {
        return open_binary(identities, &armor::decode(file)?);
    }
    open_binary(identities, file)
}

fn open_binary(identities: &[Identity], file: &[u8]) -> Result<Vec<u8>, OpenError> {
    let (header, payload) = Header::decode_prefix(Suite::Standard, file)?;
    let key = open_header(&header, identities)?;
    Ok(open_payload(key, payload)?)
}

/// Opens the payload of an age file.
///
/// # Errors
/// [`PayloadError`].
pub fn open_payload(key: FileKey, payload: &[u8]) -> Result<Vec<u8>, PayloadError> {
    PayloadOpener::open(&key.into(), payload, Cores::One)
}

/// Writes the header of an age file; what is written to the result is sealed.
///
/// # Errors
/// Those of the writer, and [`SealHeaderError`] inside [`io::ErrorKind::InvalidInput`].
pub fn seal_writer<W: Write>(recipients: &[Recipient], writer: W, cores: Cores) -> io::Result<SealWriter<W>> {
    let key = ItemKey::make(Suite::Standard);
    let header = seal_header(&key, &to_all(recipients));
    begin(&key, &header.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?, writer, cores)
}

/// Writes the header of an age file under a passphrase; what is written to the result is sealed.
///
/// # Errors
/// Those of the writer.
pub fn seal_writer_with_passphrase<W: Write>(
    passphrase: &Passphrase,
    writer: W,
    cores: Cores,
) -> io::Result<SealWriter<W>> {
    let file_key = FileKey::make();
    let stanza = passphrase.wrap(&file_key);
    let key = ItemKey::Standard(file_key);
    begin(&key, &Header::seal(Suite::Standard, &key.mac_key(), vec![stanza]), writer, cores)
}

fn begin<W: Write>(key: &ItemKey, header: &Header, mut writer: W, cores: Cores) -> io::Result<SealWriter<W>> {
    writer.write_all(&header.encode())?;
    SealWriter::new(writer, PayloadSealer::new(key), cores)
}

/// Reads the header of an age file without armor; what is read from the result is opened.
///
/// # Errors
/// Those of the reader, and [`OpenError`] inside [`io::ErrorKind::InvalidData`].
pub fn open_reader<R: BufRead>(
    identities: &[Identity],
    mut reader: R,
    cores: Cores,
) -> io::Result<OpenReader<R>> {
    let header = Header::read(Suite::Standard, &mut reader)?;
    let key = open_header(&header, identities)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    OpenReader::new(reader, &key.into(), cores)
}

fn to_all(recipients: &[Recipient]) -> Vec<SealTo<'_>> {
    recipients.iter().map(SealTo::Age).collect()
}
