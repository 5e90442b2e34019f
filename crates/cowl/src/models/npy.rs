//! Arrays of floats as NumPy writes them (format versions 1 to 3), C order, little-endian.

/// An array that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a .npy file of little-endian floats in C order")]
pub(crate) struct NotAnArray;

/// The numbers of an array of `float32` or `float64`, row-major.
///
/// # Errors
/// [`NotAnArray`].
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<f32>, NotAnArray> {
    let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or(NotAnArray)?;
    let (version, rest) = rest.split_at_checked(2).ok_or(NotAnArray)?;
    let width = if version[0] == 1 { 2 } else { 4 };
    let (length, rest) = rest.split_at_checked(width).ok_or(NotAnArray)?;
    let length = length.iter().rev().fold(0usize, |length, byte| length << 8 | usize::from(*byte));
    let (header, numbers) = rest.split_at_checked(length).ok_or(NotAnArray)?;
    let header = std::str::from_utf8(header).map_err(|_| NotAnArray)?;
    if !header.contains("'fortran_order': False") {
        return Err(NotAnArray);
    }
    if header.contains("'<f4'") {
        let (numbers, rest) = numbers.as_chunks::<4>();
        return if rest.is_empty() {
            Ok(numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
        } else {
            Err(NotAnArray)
        };
    }
    let (numbers, rest) = numbers.as_chunks::<8>();
    if header.contains("'<f8'") && rest.is_empty() {
        return Ok(numbers.iter().map(|bytes| f64::from_le_bytes(*bytes) as f32).collect());
    }
    Err(NotAnArray)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(kind: &str, order: &str, data: &[u8]) -> Vec<u8> {
        let header = format!("{{'descr': '{kind}', 'fortran_order': {order}, 'shape': (2,), }}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend_from_slice(&(header.len() as u16).to_le_bytes());
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(data);
        bytes
    }

    #[test]
    fn floats_of_both_widths_are_read() {
        let single: Vec<u8> = [1.5f32, -2.0].iter().flat_map(|number| number.to_le_bytes()).collect();
        let double: Vec<u8> = [1.5f64, -2.0].iter().flat_map(|number| number.to_le_bytes()).collect();
        assert_eq!(read(&array("<f4", "False", &single)), Ok(vec![1.5, -2.0]));
        assert_eq!(read(&array("<f8", "False", &double)), Ok(vec![1.5, -2.0]));
    }

    #[test]
    fn other_arrays_and_cut_ones_are_refused() {
        let single = [0u8; 8];
        assert!(
            read(&array("<i4", "False", &single)).is_err() && read(&array("<f4", "True", &single)).is_err()
        );
        let whole = array("<f4", "False", &single);
        assert!(
            (0..whole.len()).all(|end| (whole.len() - end).is_multiple_of(4) || read(&whole[..end]).is_err())
        );
        assert!(read(b"\x93NUMPY\x02\x00\xff\xff\xff\xff").is_err());
    }
}
