//! Definition levels: which rows of an optional column have a value. One bit a row, as one bit-packed run of the
//! hybrid encoding, behind its length.
//! <https://github.com/apache/parquet-format/blob/master/Encodings.md#run-length-encoding--bit-packing-hybrid-rle--3>

use super::thrift::write_varint;

/// The levels of so many rows.
pub(super) fn of(present: impl ExactSizeIterator<Item = bool>) -> Vec<u8> {
    let rows = present.len();
    let mut levels = head(rows);
    let start = levels.len();
    levels.resize(start + rows.div_ceil(8), 0);
    for (row, _) in present.enumerate().filter(|(_, present)| *present) {
        levels[start + row / 8] |= 1 << (row % 8);
    }
    levels
}

/// The levels of `rows` rows of which the first `count` have a value.
pub(super) fn of_first(count: u64, rows: u64) -> Vec<u8> {
    of((0..rows as usize).map(|row| (row as u64) < count))
}

/// The length of what follows, and the header of a run of so many groups of eight.
fn head(rows: usize) -> Vec<u8> {
    let groups = rows.div_ceil(8);
    let mut run = Vec::new();
    write_varint((groups as u64) << 1 | 1, &mut run);
    let mut levels = ((run.len() + groups) as u32).to_le_bytes().to_vec();
    levels.append(&mut run);
    levels
}

/// Takes the levels of so many rows off the front; `None` for any other form. Bits behind the last row are zero.
pub(super) fn take(bytes: &mut &[u8], rows: usize) -> Option<Vec<bool>> {
    let head = head(rows);
    let bits;
    *bytes = bytes.strip_prefix(head.as_slice())?;
    (bits, *bytes) = bytes.split_at_checked(rows.div_ceil(8))?;
    let bit = |row: usize| bits[row / 8] >> (row % 8) & 1 == 1;
    let beyond = (rows..rows.div_ceil(8) * 8).any(bit);
    (!beyond).then(|| (0..rows).map(bit).collect())
}
