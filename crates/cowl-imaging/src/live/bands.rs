//! Median edge prediction (LOCO-I, Weinberger et al. 2000) arranged so that decoding runs sixteen rows at once.
//!
//! The predictor needs the left neighbour, which makes decoding serial along a row. A plane is therefore cut into
//! sixteen horizontal bands that do not predict from each other; the decoder walks all of them in step, one band a
//! lane, and the compiler turns a step into a handful of vector instructions. The first row of each band is predicted
//! from the left only, which costs about half a per cent of size.
//!
//! Values are *keys*: 16-bit numbers in two's complement, in which arithmetic wraps. Prediction never leaves the range
//! of its neighbours, so wrapping loses nothing.

/// Bands of a plane, and lanes of the decoder.
pub(super) const LANES: usize = 16;

/// One key of each lane, all of the same column.
type Column = [i16; LANES];

/// Bytes of one key of each lane.
const ROW_BYTES: usize = 2 * LANES;

/// Words of four keys in a row of a block.
const ROW_WORDS: usize = LANES / 4;

/// Sixteen rows by sixteen columns of keys, four keys to a word.
const BLOCK_WORDS: usize = LANES * ROW_WORDS;
type Block = [u64; BLOCK_WORDS];

/// Size of a plane, and of the padded plane of residuals that codes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Geometry {
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Columns, rounded up to whole blocks of sixteen.
    pub(super) stride: usize,
    /// Rows of one band.
    pub(super) band_rows: usize,
}

impl Geometry {
    pub(super) fn new(rows: usize, columns: usize) -> Self {
        let stride = columns.next_multiple_of(LANES);
        Self { rows, columns, stride, band_rows: rows.div_ceil(LANES) }
    }

    /// Rows of the padded plane: a multiple of sixteen.
    pub(super) fn padded_rows(&self) -> usize {
        self.band_rows * LANES
    }

    /// Samples of the padded plane.
    pub(super) fn padded(&self) -> usize {
        self.stride * self.padded_rows()
    }
}

/// `a + b − clamp(c, min(a, b), max(a, b))`: the median of a, b and a + b − c, without overflow.
#[inline(always)]
fn median_edge(left: i16, above: i16, above_left: i16) -> i16 {
    let (low, high) = (left.min(above), left.max(above));
    left.wrapping_add(above).wrapping_sub(above_left.max(low).min(high))
}

/// Writes `keys − prediction` of a plane (`columns` keys a row) row by row to `store(y, residuals)`.
pub(super) fn predict(geometry: &Geometry, first: i16, keys: &[i16], mut store: impl FnMut(usize, &[i16])) {
    let mut residuals = vec![0i16; geometry.stride];
    let mut band_start = first;
    let mut above: &[i16] = &[];
    for (y, row) in keys.chunks_exact(geometry.columns).enumerate() {
        let out = &mut residuals[..geometry.columns];
        if y % geometry.band_rows == 0 {
            predict_first_row(row, band_start, out);
            band_start = row[0];
        } else {
            predict_row(above, row, out);
        }
        store(y, &residuals);
        above = row;
    }
}

fn predict_first_row(row: &[i16], start: i16, out: &mut [i16]) {
    out[0] = row[0].wrapping_sub(start);
    for (out, pair) in out[1..].iter_mut().zip(row.windows(2)) {
        *out = pair[1].wrapping_sub(pair[0]);
    }
}

fn predict_row(above: &[i16], row: &[i16], out: &mut [i16]) {
    out[0] = row[0].wrapping_sub(above[0]);
    let neighbours = row.iter().zip(&above[1..]).zip(above);
    for ((out, &key), ((&left, &above), &above_left)) in out[1..].iter_mut().zip(&row[1..]).zip(neighbours) {
        *out = key.wrapping_sub(median_edge(left, above, above_left));
    }
}

/// Undoes [`predict`]. `load(y, row)` gives the residuals of row `y` (`stride` of them), `store(y, keys)` takes its
/// keys, both as bytes, little endian.
///
/// Rows are asked for in the order of the lanes: 0, `band_rows`, 2 · `band_rows` … then 1, `band_rows` + 1 …
pub(super) fn reconstruct(
    geometry: &Geometry,
    first: i16,
    mut load: impl FnMut(usize, &mut [u8]),
    mut store: impl FnMut(usize, &[u8]),
) {
    let pitch = staging_pitch(geometry.stride);
    let mut staging = vec![0u8; pitch * LANES];
    let mut above = vec![[first; LANES]; geometry.stride];
    for row in 0..geometry.band_rows {
        for (lane, line) in staging.chunks_exact_mut(pitch).enumerate() {
            load(lane * geometry.band_rows + row, &mut line[..2 * geometry.stride]);
        }
        if row == 0 {
            above.fill(band_starts(first, &staging, pitch));
        }
        reconstruct_rows(&mut above, &mut staging, pitch);
        for (lane, line) in staging.chunks_exact(pitch).enumerate() {
            let y = lane * geometry.band_rows + row;
            if y < geometry.rows {
                store(y, &line[..2 * geometry.columns]);
            }
        }
    }
}

/// Distance of the lanes in the staging buffer: an odd number of cache lines, lest all lanes share one cache set.
fn staging_pitch(stride: usize) -> usize {
    const CACHE_LINE: usize = 64;
    ((2 * stride).div_ceil(CACHE_LINE) | 1) * CACHE_LINE
}

/// What the first row of each band is predicted from: the first key of the band before.
fn band_starts(first: i16, staging: &[u8], pitch: usize) -> Column {
    let mut starts = [first; LANES];
    for lane in 1..LANES {
        let at = (lane - 1) * pitch;
        starts[lane] = starts[lane - 1].wrapping_add(i16::from_le_bytes([staging[at], staging[at + 1]]));
    }
    starts
}

/// Turns one row of residuals a lane into keys; `above` holds the rows before and is replaced by these.
fn reconstruct_rows(above: &mut [Column], staging: &mut [u8], pitch: usize) {
    let mut left = above[0];
    let mut above_left = above[0];
    let mut words = [0u64; BLOCK_WORDS];
    for (index, above) in above.chunks_exact_mut(LANES).enumerate() {
        let origin = index * ROW_BYTES;
        for (lane, row) in words.chunks_exact_mut(ROW_WORDS).enumerate() {
            read_words(&staging[origin + lane * pitch..][..ROW_BYTES], row);
        }
        let mut columns = transpose(&words);
        reconstruct_block(&mut columns, above, &mut left, &mut above_left);
        words = transpose(&columns);
        for (lane, row) in words.chunks_exact(ROW_WORDS).enumerate() {
            write_words(row, &mut staging[origin + lane * pitch..][..ROW_BYTES]);
        }
    }
}

/// Turns the residuals of sixteen columns into keys.
#[inline(always)]
fn reconstruct_block(block: &mut Block, above: &mut [Column], left: &mut Column, above_left: &mut Column) {
    let mut bytes = [0u8; ROW_BYTES];
    for (column, above) in block.chunks_exact_mut(ROW_WORDS).zip(above) {
        write_words(column, &mut bytes);
        for lane in 0..LANES {
            let residual = i16::from_le_bytes([bytes[2 * lane], bytes[2 * lane + 1]]);
            let prediction = median_edge(left[lane], above[lane], above_left[lane]);
            left[lane] = prediction.wrapping_add(residual);
        }
        *above_left = *above;
        *above = *left;
        for (key, bytes) in left.iter().zip(bytes.chunks_exact_mut(2)) {
            bytes.copy_from_slice(&key.to_le_bytes());
        }
        read_words(&bytes, column);
    }
}

#[inline(always)]
fn read_words(bytes: &[u8], words: &mut [u64]) {
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
        *word = u64::from_le_bytes(*bytes);
    }
}

#[inline(always)]
fn write_words(words: &[u64], bytes: &mut [u8]) {
    for (word, bytes) in words.iter().zip(bytes.as_chunks_mut().0) {
        *bytes = word.to_le_bytes();
    }
}

/// Transposes a block as sixteen squares of 4 × 4 keys.
#[inline(always)]
fn transpose(block: &Block) -> Block {
    let mut out = [0u64; BLOCK_WORDS];
    for column in 0..ROW_WORDS {
        for row in 0..ROW_WORDS {
            let square = std::array::from_fn(|line| block[(4 * row + line) * ROW_WORDS + column]);
            for (line, word) in transpose_square(square).into_iter().enumerate() {
                out[(4 * column + line) * ROW_WORDS + row] = word;
            }
        }
    }
    out
}

/// Transposes 4 × 4 numbers of 16 bits: pairs of them, then pairs of pairs.
#[inline(always)]
fn transpose_square([a, b, c, d]: [u64; 4]) -> [u64; 4] {
    const EVEN: u64 = 0x0000_ffff_0000_ffff;
    const FRONT: u64 = 0x0000_0000_ffff_ffff;
    let (ab_even, ab_odd) = ((a & EVEN) | ((b & EVEN) << 16), ((a >> 16) & EVEN) | (b & !EVEN));
    let (cd_even, cd_odd) = ((c & EVEN) | ((d & EVEN) << 16), ((c >> 16) & EVEN) | (d & !EVEN));
    [
        (ab_even & FRONT) | (cd_even << 32),
        (ab_odd & FRONT) | (cd_odd << 32),
        (ab_even >> 32) | (cd_even & !FRONT),
        (ab_odd >> 32) | (cd_odd & !FRONT),
    ]
}
