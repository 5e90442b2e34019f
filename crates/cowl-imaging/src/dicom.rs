//! DICOM files (PS3.10) as storage and search see them: label, text of reports, and where uncompressed pixels lie.
//!
//! Read in place and without allocation from what the file declares: a length that exceeds the file is an error, never
//! a reservation. Everything is read up to the pixel data; what follows is not looked at.

mod charset;
mod elements;
mod label;
mod raster;
mod report;
mod slice;

pub use elements::Tag;
pub use label::DicomLabel;
pub use slice::{Slice, SliceError};

use std::collections::BTreeMap;

use crate::pixels::RasterSpan;
use charset::CharacterSet;
use elements::{Elements, Encoding, Value};

/// Why a DICOM file cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DicomError {
    /// There is no `DICM` after the preamble.
    #[error("not a DICOM file")]
    NotDicom,
    /// The file meta information does not name a transfer syntax.
    #[error("the DICOM file names no transfer syntax")]
    NoTransferSyntax,
    /// The data set is deflated; its elements cannot be read in place.
    #[error("deflated DICOM data sets are not read")]
    Deflated,
    /// An element, item or sequence is longer than what holds it.
    #[error("the DICOM file is cut short")]
    Truncated,
    /// The bytes at this offset of the file are not a data element.
    #[error("no DICOM element at byte {0}")]
    NoElement(usize),
    /// Sequences are nested deeper than any real file.
    #[error("DICOM sequences are nested too deeply")]
    TooDeep,
}

const PREAMBLE: usize = 128;
const MAGIC: &[u8] = b"DICM";
const DEFLATED: &str = "1.2.840.10008.1.2.1.99";

/// Whether the bytes begin as a DICOM file does.
pub fn is_dicom(bytes: &[u8]) -> bool {
    bytes.get(PREAMBLE..).is_some_and(|rest| rest.starts_with(MAGIC))
}

/// A DICOM file, read up to its pixel data.
#[derive(Debug)]
pub struct DicomFile<'a> {
    bytes: &'a [u8],
    /// Bytes of the whole file, of which `bytes` may be the beginning.
    length: u64,
    transfer_syntax: String,
    encoding: Encoding,
    /// Elements of the data set before the pixel data.
    attributes: BTreeMap<Tag, Value<'a>>,
    pixel_data: Option<Value<'a>>,
    /// What ended the reading before pixel data or end of file were reached.
    damage: Option<DicomError>,
}

impl<'a> DicomFile<'a> {
    /// Reads the file meta information and the data set up to its pixel data.
    ///
    /// A data set that is damaged further on is kept as far as it went; [`DicomFile::damage`] then says so.
    ///
    /// # Errors
    /// [`DicomError`] when there is no readable meta information, or the data set is deflated.
    pub fn read(bytes: &'a [u8]) -> Result<Self, DicomError> {
        Self::read_head(bytes, bytes.len() as u64)
    }

    /// As [`DicomFile::read`], from the beginning of a file of `length` bytes.
    ///
    /// # Errors
    /// As [`DicomFile::read`].
    pub fn read_head(bytes: &'a [u8], length: u64) -> Result<Self, DicomError> {
        if !is_dicom(bytes) {
            return Err(DicomError::NotDicom);
        }
        let (transfer_syntax, start) = read_meta(bytes)?;
        if transfer_syntax == DEFLATED {
            return Err(DicomError::Deflated);
        }
        let encoding = Encoding::of_transfer_syntax(&transfer_syntax);
        let mut file = Self {
            bytes,
            length,
            transfer_syntax,
            encoding,
            attributes: BTreeMap::new(),
            pixel_data: None,
            damage: None,
        };
        file.damage = file.read_data_set(start).err();
        Ok(file)
    }

    fn read_data_set(&mut self, start: usize) -> Result<(), DicomError> {
        let mut elements = Elements::new(self.bytes, start..self.bytes.len(), self.encoding);
        while let Some(element) = elements.next_element()? {
            if element.tag == Tag::PIXEL_DATA {
                if matches!(&element.value, Value::Bytes(range) if range.end as u64 > self.length) {
                    return Err(DicomError::Truncated);
                }
                self.pixel_data = Some(element.value);
                return Ok(());
            }
            self.attributes.insert(element.tag, element.value);
        }
        Ok(())
    }

    /// UID of the transfer syntax.
    pub fn transfer_syntax(&self) -> &str {
        &self.transfer_syntax
    }

    /// What ended the reading before pixel data or end of file were reached.
    pub fn damage(&self) -> Option<DicomError> {
        self.damage
    }

    /// Where the pixels lie, if they are uncompressed, little endian, whole, and of 8 or 16 bits.
    pub fn raster(&self) -> Option<RasterSpan> {
        raster::find(self)
    }

    /// Labels that help to find and to sort the file. The patient's name is not among them.
    pub fn label(&self) -> DicomLabel {
        label::read(self)
    }

    /// Text of a structured report: names of concepts and their values, one a line; `None` for other files.
    pub fn report_text(&self) -> Option<String> {
        report::text(self)
    }

    fn character_set(&self) -> CharacterSet {
        CharacterSet::from_codes(self.bytes_of(Tag::SPECIFIC_CHARACTER_SET).unwrap_or_default())
    }

    fn bytes_of(&self, tag: Tag) -> Option<&'a [u8]> {
        match self.attributes.get(&tag)? {
            Value::Bytes(range) => self.bytes.get(range.clone()),
            _ => None,
        }
    }
}

/// Text of a structured report; `None` when the bytes are none.
pub fn structured_report_text(bytes: &[u8]) -> Option<String> {
    DicomFile::read(bytes).ok()?.report_text()
}

/// Transfer syntax, and where the data set begins. Meta information is always explicit, little endian (PS3.10 7.1).
fn read_meta(bytes: &[u8]) -> Result<(String, usize), DicomError> {
    let start = PREAMBLE + MAGIC.len();
    let mut elements = Elements::new(bytes, start..bytes.len(), Encoding::EXPLICIT_LITTLE);
    let mut transfer_syntax = None;
    while elements.next_group() == Some(Tag::META_GROUP) {
        let Some(element) = elements.next_element()? else { break };
        if let (Tag::TRANSFER_SYNTAX, Value::Bytes(range)) = (element.tag, element.value) {
            let uid = String::from_utf8_lossy(&bytes[range]);
            transfer_syntax = Some(uid.trim_end_matches(['\0', ' ']).to_owned());
        }
    }
    Ok((transfer_syntax.ok_or(DicomError::NoTransferSyntax)?, elements.position()))
}

#[cfg(test)]
mod tests;
