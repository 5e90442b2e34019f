//! Numbers with sizes, as NumPy writes them (`.npy`, format 1 to 3, numpy.lib.format).

use super::without_leading_ones;

/// Why a `.npy` file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NumbersError {
    /// The header is not what NumPy writes.
    #[error("the header of the .npy file is damaged")]
    Header,
    /// A type of number.
    #[error("numbers of type '{0}' are not read; integers and floats of up to 64 bits, little-endian, are")]
    Type(String),
    /// Columns first.
    #[error("the .npy file is in Fortran's order; save it with numpy.ascontiguousarray")]
    Fortran,
    /// Sizes and length of the file do not agree.
    #[error("the .npy file is cut short or too long for its sizes")]
    Length,
}

/// Numbers with sizes, the last axis the fastest.
#[derive(Debug, Clone, PartialEq)]
pub struct Numbers {
    /// Length of each axis.
    pub sizes: Vec<usize>,
    /// All numbers.
    pub values: Vec<f32>,
}

const MAGIC: &[u8] = b"\x93NUMPY";

impl Numbers {
    /// Whether the bytes begin as a `.npy` file does.
    pub fn is_npy(bytes: &[u8]) -> bool {
        bytes.starts_with(MAGIC)
    }

    /// Reads a `.npy` file.
    ///
    /// # Errors
    /// [`NumbersError`].
    pub fn read(bytes: &[u8]) -> Result<Self, NumbersError> {
        let (header, data) = split(bytes).ok_or(NumbersError::Header)?;
        let kind = text_after(header, "'descr':").ok_or(NumbersError::Header)?;
        let order = after(header, "'fortran_order':").ok_or(NumbersError::Header)?;
        let sizes =
            sizes(after(header, "'shape':").ok_or(NumbersError::Header)?).ok_or(NumbersError::Header)?;
        if order.starts_with("True") && sizes.len() > 1 {
            return Err(NumbersError::Fortran);
        }
        let (length, decode) = decoder(kind).ok_or_else(|| NumbersError::Type(kind.to_owned()))?;
        let count = sizes.iter().try_fold(1usize, |all, &size| all.checked_mul(size));
        if count.and_then(|count| count.checked_mul(length)) != Some(data.len()) {
            return Err(NumbersError::Length);
        }
        Ok(Self { sizes, values: data.chunks_exact(length).map(decode).collect() })
    }

    /// The numbers, if their sizes are these but for leading ones, or they are a list of as many.
    pub(super) fn fitting(&self, sizes: &[usize]) -> Option<Vec<f32>> {
        let own = without_leading_ones(&self.sizes);
        let fits = own == sizes || own == [sizes.iter().product::<usize>()];
        fits.then(|| self.values.clone())
    }
}

/// The header's text, and what follows it.
fn split(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (length, rest) = match *rest {
        [1, _, low, high, ..] => (usize::from(u16::from_le_bytes([low, high])), &rest[4..]),
        [2 | 3, _, a, b, c, d, ..] => (u32::from_le_bytes([a, b, c, d]) as usize, &rest[6..]),
        _ => return None,
    };
    let (header, data) = rest.split_at_checked(length)?;
    Some((std::str::from_utf8(header).ok()?, data))
}

fn after<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    Some(header.split_once(key)?.1.trim_start())
}

fn text_after<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    Some(after(header, key)?.strip_prefix('\'')?.split_once('\'')?.0)
}

fn sizes(tuple: &str) -> Option<Vec<usize>> {
    let inner = tuple.strip_prefix('(')?.split_once(')')?.0;
    inner.split(',').map(str::trim).filter(|size| !size.is_empty()).map(|size| size.parse().ok()).collect()
}

/// Reads one number.
type Decoder = fn(&[u8]) -> f32;

/// Bytes of a number, and how to read it, by NumPy's name of its type.
fn decoder(kind: &str) -> Option<(usize, Decoder)> {
    Some(match kind {
        "|u1" => (1, |raw| raw[0].into()),
        "|i1" => (1, |raw| (raw[0] as i8).into()),
        "<u2" => (2, |raw| u16::from_le_bytes([raw[0], raw[1]]).into()),
        "<i2" => (2, |raw| i16::from_le_bytes([raw[0], raw[1]]).into()),
        "<i4" => (4, |raw| i32::from_le_bytes([raw[0], raw[1], raw[2], raw[3]]) as f32),
        "<f4" => (4, |raw| f32::from_le_bytes([raw[0], raw[1], raw[2], raw[3]])),
        "<i8" => (8, |raw| i64::from_le_bytes(eight(raw)) as f32),
        "<f8" => (8, |raw| f64::from_le_bytes(eight(raw)) as f32),
        _ => return None,
    })
}

fn eight(raw: &[u8]) -> [u8; 8] {
    [0, 1, 2, 3, 4, 5, 6, 7].map(|place| raw[place])
}
