//! JPEG-LS (ISO/IEC 14495-1, ITU-T T.87): lossless coding of one component of 2 to 16 bits.
//!
//! What is written and read is the interchange format of Annex C: SOI, SOF₅₅, SOS, the scan, EOI; a decoder also takes
//! preset parameters (LSE, type 1) and skips application data and comments. Not covered: near-lossless, several
//! components, restart intervals. Scans are bit for bit those of CharLS (see `vectors/jpegls`).

mod bits;
mod context;
mod markers;
mod parameters;
mod scan;

pub use markers::Header;

use bits::{BitReader, BitWriter};
use parameters::Parameters;
use scan::Scan;

/// Why a JPEG-LS stream cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JpegLsError {
    /// The bytes are not a JPEG-LS stream.
    #[error("not a JPEG-LS stream")]
    NotJpegLs,
    /// The stream uses something of the standard that is not decoded here.
    #[error("JPEG-LS with {0} is not decoded")]
    Unsupported(&'static str),
    /// The stream ends early.
    #[error("the JPEG-LS stream is cut short")]
    Truncated,
    /// The stream contradicts the standard or itself.
    #[error("the JPEG-LS stream is damaged: {0}")]
    Damaged(&'static str),
}

/// Appends the JPEG-LS stream of a raster to `out`. Bits of a sample above those of the header are ignored.
///
/// # Panics
/// When `samples` has not as many samples as the header says.
pub fn encode(header: Header, samples: &[u16], out: &mut Vec<u8>) {
    header.write(out);
    encode_scan(header, samples, out);
    out.extend(markers::END_OF_IMAGE);
}

/// Appends only the entropy-coded bits of the scan: a stream without what follows from its header.
///
/// # Panics
/// When `samples` has not as many samples as the header says.
pub fn encode_scan(header: Header, samples: &[u16], out: &mut Vec<u8>) {
    assert_eq!(samples.len(), header.samples(), "the raster has not the size given");
    let mut writer = BitWriter::new(out);
    Scan::new(&Parameters::default_for(header.bits())).encode(
        usize::from(header.width()),
        samples,
        &mut writer,
    );
    writer.finish();
}

/// The complete stream of a scan that [`encode_scan`] made.
pub fn stream_of_scan(header: Header, scan: &[u8]) -> Vec<u8> {
    let mut stream = Vec::with_capacity(scan.len() + 32);
    header.write(&mut stream);
    stream.extend_from_slice(scan);
    stream.extend(markers::END_OF_IMAGE);
    stream
}

/// Decodes what [`encode_scan`] made.
///
/// # Errors
/// [`JpegLsError`] when the bits are not exactly those of as many samples, or `samples` has not the header's number.
pub fn decode_scan(header: Header, scan: &[u8], samples: &mut [u16]) -> Result<(), JpegLsError> {
    let parameters = Parameters::default_for(header.bits());
    let tail = decode_bits(header, &parameters, scan, samples)?;
    if tail.is_empty() { Ok(()) } else { Err(JpegLsError::Damaged("bytes after the last sample")) }
}

/// Decodes the bits of a scan and gives what follows it.
fn decode_bits<'a>(
    header: Header,
    parameters: &Parameters,
    scan: &'a [u8],
    samples: &mut [u16],
) -> Result<&'a [u8], JpegLsError> {
    if samples.len() != header.samples() {
        return Err(JpegLsError::Damaged("number of samples"));
    }
    let mut reader = BitReader::new(scan);
    Scan::new(parameters).decode(usize::from(header.width()), samples, &mut reader)?;
    reader.rest_after_scan()
}

/// Reads the header, hence the size, of a stream, without decoding.
///
/// # Errors
/// [`JpegLsError`] when the bytes are not a stream that [`decode`] takes.
pub fn header(stream: &[u8]) -> Result<Header, JpegLsError> {
    markers::parse(stream).map(|parsed| parsed.header)
}

/// Decodes a stream into `samples`.
///
/// # Errors
/// [`JpegLsError`] when the stream is not acceptable or has not exactly `samples.len()` samples.
pub fn decode(stream: &[u8], samples: &mut [u16]) -> Result<Header, JpegLsError> {
    let parsed = markers::parse(stream)?;
    let tail = decode_bits(parsed.header, &parsed.parameters, parsed.scan, samples)?;
    if tail.starts_with(&markers::END_OF_IMAGE) { Ok(parsed.header) } else { Err(JpegLsError::Truncated) }
}

#[cfg(test)]
mod tests;
