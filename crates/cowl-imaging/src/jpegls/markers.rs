//! Marker segments (T.87 Annex C).

use super::JpegLsError;
use super::parameters::Parameters;

const START_OF_IMAGE: [u8; 2] = [0xff, 0xd8];
pub(super) const END_OF_IMAGE: [u8; 2] = [0xff, 0xd9];
const START_OF_FRAME: u8 = 0xf7;
const PRESET_PARAMETERS: u8 = 0xf8;
const START_OF_SCAN: u8 = 0xda;

/// Size and precision of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    width: u16,
    height: u16,
    bits: u8,
}

impl Header {
    /// `None` when a side is zero or `bits` is not in 2..=16.
    pub fn new(width: u16, height: u16, bits: u8) -> Option<Self> {
        let valid = width > 0 && height > 0 && (2..=16).contains(&bits);
        valid.then_some(Self { width, height, bits })
    }

    /// Samples of a line.
    pub fn width(&self) -> u16 {
        self.width
    }

    /// Lines.
    pub fn height(&self) -> u16 {
        self.height
    }

    /// Bits a sample, 2 to 16.
    pub fn bits(&self) -> u8 {
        self.bits
    }

    /// Samples of the raster.
    pub fn samples(&self) -> usize {
        usize::from(self.width) * usize::from(self.height)
    }

    /// Writes everything up to the scan: one component, number 1, not subsampled, without mapping table, lossless.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        const FRAME_LENGTH: u16 = 11;
        out.extend(START_OF_IMAGE);
        out.extend([0xff, START_OF_FRAME]);
        out.extend(FRAME_LENGTH.to_be_bytes());
        out.push(self.bits);
        out.extend(self.height.to_be_bytes());
        out.extend(self.width.to_be_bytes());
        out.extend([1, 1, 0x11, 0]);
        out.extend([0xff, START_OF_SCAN, 0, 8, 1, 1, 0, 0, 0, 0]);
    }
}

/// A parsed stream up to its scan.
pub(super) struct Parsed<'a> {
    pub(super) header: Header,
    pub(super) parameters: Parameters,
    /// The bits of the scan and what follows.
    pub(super) scan: &'a [u8],
}

pub(super) fn parse(stream: &[u8]) -> Result<Parsed<'_>, JpegLsError> {
    let mut rest = stream.strip_prefix(&START_OF_IMAGE).ok_or(JpegLsError::NotJpegLs)?;
    let mut header = None;
    let mut preset = None;
    loop {
        let (marker, segment, after) = next_segment(rest)?;
        rest = after;
        match marker {
            START_OF_FRAME => header = Some(read_frame(segment)?),
            PRESET_PARAMETERS => preset = Some(read_preset(segment)?),
            START_OF_SCAN => {
                read_scan(segment)?;
                let header = header.ok_or(JpegLsError::Damaged("scan before frame"))?;
                let parameters = resolve(header, preset)?;
                return Ok(Parsed { header, parameters, scan: rest });
            }
            0xe0..=0xef | 0xfe => {}
            0xc0..=0xcf => return Err(JpegLsError::NotJpegLs),
            _ => return Err(JpegLsError::Unsupported("this marker")),
        }
    }
}

fn resolve(header: Header, preset: Option<[u16; 5]>) -> Result<Parameters, JpegLsError> {
    let defaults = Parameters::default_for(header.bits);
    preset.map_or(Ok(defaults), |values| Parameters::preset(values, defaults.maximum))
}

/// Marker, contents of its segment, and what follows.
fn next_segment(bytes: &[u8]) -> Result<(u8, &[u8], &[u8]), JpegLsError> {
    let &[0xff, marker, high, low, ref rest @ ..] = bytes else {
        let cut = bytes.len() < 4;
        return Err(if cut { JpegLsError::Truncated } else { JpegLsError::Damaged("marker") });
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let contents = length.checked_sub(2).ok_or(JpegLsError::Damaged("segment length"))?;
    let (segment, after) = rest.split_at_checked(contents).ok_or(JpegLsError::Truncated)?;
    Ok((marker, segment, after))
}

fn read_frame(segment: &[u8]) -> Result<Header, JpegLsError> {
    let &[bits, h1, h0, w1, w0, components, ref rest @ ..] = segment else {
        return Err(JpegLsError::Damaged("frame segment"));
    };
    if components != 1 {
        return Err(JpegLsError::Unsupported("several components"));
    }
    if rest.len() != 3 {
        return Err(JpegLsError::Damaged("frame segment"));
    }
    let (width, height) = (u16::from_be_bytes([w1, w0]), u16::from_be_bytes([h1, h0]));
    Header::new(width, height, bits).ok_or(JpegLsError::Damaged("size or precision"))
}

fn read_preset(segment: &[u8]) -> Result<[u16; 5], JpegLsError> {
    let (&kind, values) = segment.split_first().ok_or(JpegLsError::Damaged("preset segment"))?;
    if kind != 1 {
        return Err(JpegLsError::Unsupported("mapping tables"));
    }
    let values: &[u8; 10] = values.try_into().map_err(|_| JpegLsError::Damaged("preset segment"))?;
    Ok(std::array::from_fn(|index| u16::from_be_bytes([values[2 * index], values[2 * index + 1]])))
}

fn read_scan(segment: &[u8]) -> Result<(), JpegLsError> {
    let &[components, _, table, near, interleave, transform] = segment else {
        return Err(JpegLsError::Damaged("scan segment"));
    };
    match (components, table, near, interleave, transform) {
        (1, 0, 0, 0, 0) => Ok(()),
        (1, 0, 1.., 0, 0) => Err(JpegLsError::Unsupported("near-lossless coding")),
        _ => Err(JpegLsError::Unsupported("this kind of scan")),
    }
}
