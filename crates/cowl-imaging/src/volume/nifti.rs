//! NIfTI-1 and NIfTI-2 in one file (`.nii`, `.nii.gz`), of either byte order, as floats.
//!
//! What a header claims is never reserved: values are kept as they are read, and a file that ends early is refused.

use std::io::Read;

use flate2::read::MultiGzDecoder;

use super::{Grid, MOST_VALUES, Placement, Run};

/// Why a NIfTI file cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NiftiError {
    /// No header of either version.
    #[error("not a NIfTI file")]
    NotNifti,
    /// Header and voxels are two files.
    #[error("a NIfTI header whose voxels are in another file (.img); join them to one .nii file")]
    TwoFiles,
    /// Number or lengths of axes.
    #[error("the NIfTI file has axes of {0:?}; one to four are read, none of them empty")]
    Axes(Vec<i64>),
    /// More values than are read.
    #[error("the NIfTI file has more than {MOST_VALUES} values")]
    TooLarge,
    /// A type of voxel, by its code in nifti1.h.
    #[error("voxels of NIfTI type {0} are not read; integers and floats of up to 64 bits are")]
    Type(i16),
    /// The place of the voxels in the file.
    #[error("the NIfTI file says that its voxels begin where its header is")]
    Offset,
    /// The affine.
    #[error("the NIfTI file places its voxels nowhere: its affine cannot be undone")]
    Placement,
    /// Fewer bytes than the header says.
    #[error("the NIfTI file is cut short")]
    Truncated,
    /// Compressed bytes that are none.
    #[error("the compressed NIfTI file is damaged")]
    Damaged(#[source] std::io::Error),
}

/// Reads a NIfTI file, compressed or not. What is no number becomes 0: programs write it where there is no brain.
///
/// # Errors
/// [`NiftiError`] names what is wrong with the file.
pub fn read(file: &[u8]) -> Result<Run, NiftiError> {
    if file.starts_with(&[0x1f, 0x8b]) {
        return read_from(&mut MultiGzDecoder::new(file));
    }
    read_from(&mut &*file)
}

fn read_from(source: &mut dyn Read) -> Result<Run, NiftiError> {
    let mut start = [0; 4];
    fill(source, &mut start)?;
    let header = match (i32::from_le_bytes(start), i32::from_be_bytes(start)) {
        (348, _) => Bytes::read(source, 348, false)?.first()?,
        (_, 348) => Bytes::read(source, 348, true)?.first()?,
        (540, _) => Bytes::read(source, 540, false)?.second()?,
        (_, 540) => Bytes::read(source, 540, true)?.second()?,
        _ => return Err(NiftiError::NotNifti),
    };
    header.read_run(source)
}

fn fill(source: &mut dyn Read, bytes: &mut [u8]) -> Result<(), NiftiError> {
    source.read_exact(bytes).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => NiftiError::Truncated,
        _ => NiftiError::Damaged(error),
    })
}

/// A header as it lies in the file; its first four bytes, its length, are left 0.
struct Bytes {
    bytes: Vec<u8>,
    big_endian: bool,
}

/// What a header says.
struct Header {
    sizes: Vec<i64>,
    kind: i16,
    big_endian: bool,
    /// Bytes between header and voxels.
    gap: u64,
    slope: f64,
    intercept: f64,
    placement: Option<Placement>,
}

impl Bytes {
    fn read(source: &mut dyn Read, length: usize, big_endian: bool) -> Result<Self, NiftiError> {
        let mut bytes = vec![0; length];
        fill(source, &mut bytes[4..])?;
        Ok(Self { bytes, big_endian })
    }

    /// The bytes of a number, little-endian.
    fn number<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut bytes: [u8; N] =
            self.bytes[at..at + N].try_into().expect("every field lies within the header");
        if self.big_endian {
            bytes.reverse();
        }
        bytes
    }

    fn short(&self, at: usize) -> i16 {
        i16::from_le_bytes(self.number(at))
    }

    fn float(&self, at: usize) -> f64 {
        f32::from_le_bytes(self.number(at)).into()
    }

    fn double(&self, at: usize) -> f64 {
        f64::from_le_bytes(self.number(at))
    }

    fn long(&self, at: usize) -> i64 {
        i64::from_le_bytes(self.number(at))
    }

    fn first(&self) -> Result<Header, NiftiError> {
        match &self.bytes[344..348] {
            b"n+1\0" => {}
            b"ni1\0" => return Err(NiftiError::TwoFiles),
            _ => return Err(NiftiError::NotNifti),
        }
        let axes = (1..=usize::try_from(self.short(40)).unwrap_or(0).min(7)).map(|axis| 40 + 2 * axis);
        let offset = self.float(108);
        let whole = (348.0..1e9).contains(&offset) && offset.fract() == 0.0;
        Ok(Header {
            sizes: axes.map(|at| self.short(at).into()).collect(),
            kind: self.short(70),
            big_endian: self.big_endian,
            gap: if whole { offset as u64 - 348 } else { return Err(NiftiError::Offset) },
            slope: self.float(112),
            intercept: self.float(116),
            placement: Forms {
                codes: [i32::from(self.short(252)), i32::from(self.short(254))],
                spacing: [0, 1, 2, 3].map(|axis| self.float(76 + 4 * axis)),
                quaternion: [0, 1, 2, 3, 4, 5].map(|place| self.float(256 + 4 * place)),
                rows: [0, 1, 2].map(|row| [0, 1, 2, 3].map(|column| self.float(280 + 16 * row + 4 * column))),
            }
            .placement(),
        })
    }

    fn second(&self) -> Result<Header, NiftiError> {
        match &self.bytes[4..8] {
            b"n+2\0" => {}
            b"ni2\0" => return Err(NiftiError::TwoFiles),
            _ => return Err(NiftiError::NotNifti),
        }
        let axes = (1..=usize::try_from(self.long(16)).unwrap_or(0).min(7)).map(|axis| 16 + 8 * axis);
        let offset = u64::try_from(self.long(168)).ok().filter(|&offset| offset <= 1 << 30);
        let code = |at: usize| i32::from_le_bytes(self.number(at));
        Ok(Header {
            sizes: axes.map(|at| self.long(at)).collect(),
            kind: self.short(12),
            big_endian: self.big_endian,
            gap: offset.and_then(|offset| offset.checked_sub(540)).ok_or(NiftiError::Offset)?,
            slope: self.double(176),
            intercept: self.double(184),
            placement: Forms {
                codes: [code(344), code(348)],
                spacing: [0, 1, 2, 3].map(|axis| self.double(104 + 8 * axis)),
                quaternion: [0, 1, 2, 3, 4, 5].map(|place| self.double(352 + 8 * place)),
                rows: [0, 1, 2]
                    .map(|row| [0, 1, 2, 3].map(|column| self.double(400 + 32 * row + 8 * column))),
            }
            .placement(),
        })
    }
}

/// The ways in which a header says where voxels lie (nifti1.h, "3D image orientation").
struct Forms {
    /// `qform_code` and `sform_code`.
    codes: [i32; 2],
    /// `pixdim[0..4]`: handedness, then spacing.
    spacing: [f64; 4],
    /// `quatern_b` to `d`, `qoffset_x` to `z`.
    quaternion: [f64; 6],
    /// `srow_x` to `z`.
    rows: [[f64; 4]; 3],
}

impl Forms {
    /// The affine goes before the quaternion; without either, spacing alone (method 1).
    fn placement(&self) -> Option<Placement> {
        let [_, x, y, z] = self.spacing;
        let [quaternion, affine] = self.codes.map(|code| code > 0);
        if affine {
            Placement::from_rows(self.rows)
        } else if quaternion {
            self.rotated()
        } else {
            Placement::along_axes([x, y, z].map(|step| if step == 0.0 { 1.0 } else { step.abs() }))
        }
    }

    fn rotated(&self) -> Option<Placement> {
        let [b, c, d, ..] = self.quaternion;
        let a = (1.0 - b * b - c * c - d * d).max(0.0).sqrt();
        let flip = if self.spacing[0] < 0.0 { -1.0 } else { 1.0 };
        let step = [self.spacing[1], self.spacing[2], flip * self.spacing[3]];
        let turn = [
            [a * a + b * b - c * c - d * d, 2.0 * (b * c - a * d), 2.0 * (b * d + a * c)],
            [2.0 * (b * c + a * d), a * a + c * c - b * b - d * d, 2.0 * (c * d - a * b)],
            [2.0 * (b * d - a * c), 2.0 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ];
        let row = |row: usize| {
            [turn[row][0] * step[0], turn[row][1] * step[1], turn[row][2] * step[2], self.quaternion[3 + row]]
        };
        Placement::from_rows([row(0), row(1), row(2)])
    }
}

impl Header {
    /// Lengths of the three axes of space, and of time.
    fn axes(&self) -> Result<[usize; 4], NiftiError> {
        let refused = || NiftiError::Axes(self.sizes.clone());
        let mut axes = [1; 4];
        for (place, &size) in self.sizes.iter().enumerate() {
            let size = usize::try_from(size).ok().filter(|&size| size > 0).ok_or_else(refused)?;
            match axes.get_mut(place) {
                Some(axis) => *axis = size,
                None if size == 1 => {}
                None => return Err(refused()),
            }
        }
        if self.sizes.is_empty() { Err(refused()) } else { Ok(axes) }
    }

    fn read_run(&self, source: &mut dyn Read) -> Result<Run, NiftiError> {
        let [width, height, depth, volumes] = self.axes()?;
        let count = [height, depth, volumes].iter().try_fold(width, |all, &size| all.checked_mul(size));
        let count = count.filter(|&count| count <= MOST_VALUES).ok_or(NiftiError::TooLarge)?;
        let placement = self.placement.ok_or(NiftiError::Placement)?;
        let (bytes, decode) = decoder(self.kind).ok_or(NiftiError::Type(self.kind))?;
        let skipped = std::io::copy(&mut source.take(self.gap), &mut std::io::sink());
        if skipped.map_err(NiftiError::Damaged)? < self.gap {
            return Err(NiftiError::Truncated);
        }
        let scaled = self.slope.is_finite() && self.intercept.is_finite() && self.slope != 0.0;
        let (slope, intercept) = if scaled { (self.slope, self.intercept) } else { (1.0, 0.0) };
        let each = |value: f64| finite((value * slope + intercept) as f32);
        let values = self.read_values(source, count, bytes, &|raw| each(decode(raw)))?;
        let grid = Grid { sizes: [width, height, depth], placement };
        let of_bytes = self.kind == UNSIGNED_BYTE && slope == 1.0 && intercept == 0.0;
        Ok(Run { grid, values, bytes: of_bytes })
    }

    /// Values in pieces, so that no more is reserved than the file has.
    fn read_values(
        &self,
        source: &mut dyn Read,
        count: usize,
        bytes: usize,
        decode: &dyn Fn(&[u8; 8]) -> f32,
    ) -> Result<Vec<f32>, NiftiError> {
        const PIECE: usize = 1 << 16;
        let mut values = Vec::new();
        let mut piece = vec![0; PIECE.min(count) * bytes];
        while values.len() < count {
            let piece = &mut piece[..PIECE.min(count - values.len()) * bytes];
            fill(source, piece)?;
            values.extend(piece.chunks_exact_mut(bytes).map(|raw| {
                if self.big_endian {
                    raw.reverse();
                }
                let mut number = [0; 8];
                number[..bytes].copy_from_slice(raw);
                decode(&number)
            }));
        }
        Ok(values)
    }
}

fn finite(value: f32) -> f32 {
    if value.is_finite() { value } else { 0.0 }
}

const UNSIGNED_BYTE: i16 = 2;

/// Turns a number, little-endian in the first of eight bytes, into a float.
type Decoder = fn(&[u8; 8]) -> f64;

/// Bytes of a voxel, and how to read them, by its code in nifti1.h.
fn decoder(kind: i16) -> Option<(usize, Decoder)> {
    Some(match kind {
        UNSIGNED_BYTE => (1, |raw| raw[0].into()),
        4 => (2, |raw| i16::from_le_bytes([raw[0], raw[1]]).into()),
        8 => (4, |raw| i32::from_le_bytes([raw[0], raw[1], raw[2], raw[3]]).into()),
        16 => (4, |raw| f32::from_le_bytes([raw[0], raw[1], raw[2], raw[3]]).into()),
        64 => (8, |raw| f64::from_le_bytes(*raw)),
        256 => (1, |raw| (raw[0] as i8).into()),
        512 => (2, |raw| u16::from_le_bytes([raw[0], raw[1]]).into()),
        768 => (4, |raw| u32::from_le_bytes([raw[0], raw[1], raw[2], raw[3]]).into()),
        1024 => (8, |raw| i64::from_le_bytes(*raw) as f64),
        1280 => (8, |raw| u64::from_le_bytes(*raw) as f64),
        _ => return None,
    })
}
