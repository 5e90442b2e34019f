//! NIfTI-1 and NIfTI-2 volumes in one uncompressed file (`.nii`): where the voxels lie.

use crate::pixels::{PixelLayout, RasterSpan, SampleFormat};

/// What the codecs need of a header.
struct Geometry {
    /// Lengths of the axes that there are, the fastest first.
    axes: Vec<u64>,
    datatype: i16,
    voxel_offset: u64,
}

/// Where the voxels lie, if the bytes are a little-endian NIfTI file of 8- or 16-bit integers or RGB24.
///
/// The third and all further axes are frames.
pub fn raster(bytes: &[u8]) -> Option<RasterSpan> {
    raster_in(bytes, bytes.len())
}

/// As [`raster`], from the beginning of a file of `length` bytes.
pub fn raster_in(bytes: &[u8], length: usize) -> Option<RasterSpan> {
    let geometry = read_first(bytes).or_else(|| read_second(bytes))?;
    let (format, samples) = sample_format(geometry.datatype)?;
    let axis = |index: usize| geometry.axes.get(index).copied().unwrap_or(1);
    let frames = geometry.axes.iter().skip(2).try_fold(1u64, |all, &length| all.checked_mul(length))?;
    let columns = u32::try_from(axis(0)).ok()?;
    let rows = u32::try_from(axis(1)).ok()?;
    let layout = PixelLayout::new(rows, columns, u32::try_from(frames).ok()?, samples, format).ok()?;
    RasterSpan::within(layout, usize::try_from(geometry.voxel_offset).ok()?, length)
}

/// Whether the bytes begin as a NIfTI file of either version, of either byte order, does.
pub fn is_nifti(bytes: &[u8]) -> bool {
    let first = bytes.get(344..347).is_some_and(|magic| magic == b"n+1" || magic == b"ni1");
    let second = bytes.get(4..7).is_some_and(|magic| magic == b"n+2" || magic == b"ni2");
    first || second
}

/// NIfTI-1: header of 348 bytes.
fn read_first(bytes: &[u8]) -> Option<Geometry> {
    let header: &[u8; 348] = bytes.first_chunk()?;
    let short = |at: usize| i16::from_le_bytes([header[at], header[at + 1]]);
    let size = i32::from_le_bytes([header[0], header[1], header[2], header[3]]);
    if size != 348 || header[344..] != *b"n+1\0" {
        return None;
    }
    let dimensions = usize::try_from(short(40)).ok().filter(|count| (1..=7).contains(count))?;
    let axes =
        (1..=dimensions).map(|axis| u64::try_from(short(40 + 2 * axis)).ok()).collect::<Option<_>>()?;
    let offset = f32::from_le_bytes([header[108], header[109], header[110], header[111]]);
    let whole = offset.fract() == 0.0 && (348.0..1e9).contains(&offset);
    whole.then(|| Geometry { axes, datatype: short(70), voxel_offset: offset as u64 })
}

/// NIfTI-2: header of 540 bytes.
fn read_second(bytes: &[u8]) -> Option<Geometry> {
    let header: &[u8; 540] = bytes.first_chunk()?;
    let long = |at: usize| i64::from_le_bytes(header[at..at + 8].try_into().expect("a slice of eight bytes"));
    let size = i32::from_le_bytes([header[0], header[1], header[2], header[3]]);
    if size != 540 || header[4..8] != *b"n+2\0" {
        return None;
    }
    let dimensions = usize::try_from(long(16)).ok().filter(|count| (1..=7).contains(count))?;
    let axes = (1..=dimensions).map(|axis| u64::try_from(long(16 + 8 * axis)).ok()).collect::<Option<_>>()?;
    let voxel_offset = u64::try_from(long(168)).ok()?;
    let datatype = i16::from_le_bytes([header[12], header[13]]);
    (voxel_offset >= 540).then_some(Geometry { axes, datatype, voxel_offset })
}

/// Codes of nifti1.h.
fn sample_format(datatype: i16) -> Option<(SampleFormat, u16)> {
    let (bits, signed, samples) = match datatype {
        2 => (8, false, 1),
        4 => (16, true, 1),
        128 => (8, false, 3),
        256 => (8, true, 1),
        512 => (16, false, 1),
        _ => return None,
    };
    Some((SampleFormat::new(bits, bits, signed).ok()?, samples))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(axes: &[i16], datatype: i16, voxels: usize) -> Vec<u8> {
        let mut bytes = vec![0u8; 352 + voxels];
        bytes[..4].copy_from_slice(&348i32.to_le_bytes());
        for (index, value) in std::iter::once(axes.len() as i16).chain(axes.iter().copied()).enumerate() {
            bytes[40 + 2 * index..42 + 2 * index].copy_from_slice(&value.to_le_bytes());
        }
        bytes[70..72].copy_from_slice(&datatype.to_le_bytes());
        bytes[108..112].copy_from_slice(&352f32.to_le_bytes());
        bytes[344..348].copy_from_slice(b"n+1\0");
        bytes
    }

    #[test]
    fn axes_beyond_the_second_are_frames() {
        let span = raster(&volume(&[5, 4, 3, 2], 4, 240)).unwrap();
        assert_eq!((span.layout().columns(), span.layout().rows(), span.layout().frames()), (5, 4, 6));
        assert_eq!(span.range(), 352..592);
    }

    #[test]
    fn volumes_that_are_cut_or_of_other_types_have_no_span() {
        assert!(raster(&volume(&[5, 4, 3, 2], 4, 239)).is_none());
        assert!(raster(&volume(&[5, 4, 3, 2], 16, 480)).is_none());
        assert!(raster(&volume(&[5, -4, 3], 2, 480)).is_none());
        assert!(raster(&volume(&[i16::MAX; 7], 2, 480)).is_none());
        assert!(raster(&[]).is_none());
    }
}
