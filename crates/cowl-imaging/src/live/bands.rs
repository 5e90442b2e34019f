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

/// Keys or residuals of a block: sixteen rows by sixteen columns.
const BLOCK: usize = LANES * LANES;
type Block = [i16; BLOCK];

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

/// Undoes [`predict`]. `load(y, row)` gives the residuals of row `y` (`stride` of them), `store(y, keys)` takes its keys.
///
/// Rows are asked for in the order of the lanes: 0, `band_rows`, 2 · `band_rows` … then 1, `band_rows` + 1 …
pub(super) fn reconstruct(
    geometry: &Geometry,
    first: i16,
    mut load: impl FnMut(usize, &mut [i16]),
    mut store: impl FnMut(usize, &[i16]),
) {
    let pitch = staging_pitch(geometry.stride);
    let mut staging = vec![0i16; pitch * LANES];
    let mut above = vec![[first; LANES]; geometry.stride];
    for row in 0..geometry.band_rows {
        for (lane, line) in staging.chunks_exact_mut(pitch).enumerate() {
            load(lane * geometry.band_rows + row, &mut line[..geometry.stride]);
        }
        if row == 0 {
            above.fill(band_starts(first, &staging, pitch));
        }
        reconstruct_rows(&mut above, &mut staging, pitch);
        for (lane, line) in staging.chunks_exact(pitch).enumerate() {
            let y = lane * geometry.band_rows + row;
            if y < geometry.rows {
                store(y, &line[..geometry.columns]);
            }
        }
    }
}

/// Distance of the lanes in the staging buffer: an odd number of cache lines, lest all lanes share one cache set.
fn staging_pitch(stride: usize) -> usize {
    const CACHE_LINE: usize = 32;
    (stride.div_ceil(CACHE_LINE) | 1) * CACHE_LINE
}

/// What the first row of each band is predicted from: the first key of the band before.
fn band_starts(first: i16, staging: &[i16], pitch: usize) -> Column {
    let mut starts = [first; LANES];
    for lane in 1..LANES {
        starts[lane] = starts[lane - 1].wrapping_add(staging[(lane - 1) * pitch]);
    }
    starts
}

/// Turns one row of residuals a lane into keys; `above` holds the rows before and is replaced by these.
fn reconstruct_rows(above: &mut [Column], staging: &mut [i16], pitch: usize) {
    let (mut block, mut spare) = ([0i16; BLOCK], [0i16; BLOCK]);
    let mut left = above[0];
    let mut above_left = above[0];
    for (index, above) in above.chunks_exact_mut(LANES).enumerate() {
        let origin = index * LANES;
        for (lane, out) in block.chunks_exact_mut(LANES).enumerate() {
            out.copy_from_slice(&staging[origin + lane * pitch..][..LANES]);
        }
        transpose(&mut block, &mut spare);
        reconstruct_block(&mut block, above, &mut left, &mut above_left);
        transpose(&mut block, &mut spare);
        for (lane, keys) in block.chunks_exact(LANES).enumerate() {
            staging[origin + lane * pitch..][..LANES].copy_from_slice(keys);
        }
    }
}

/// Turns the residuals of sixteen columns into keys.
#[inline(always)]
fn reconstruct_block(block: &mut Block, above: &mut [Column], left: &mut Column, above_left: &mut Column) {
    for (column, above) in block.chunks_exact_mut(LANES).zip(above) {
        for lane in 0..LANES {
            let prediction = median_edge(left[lane], above[lane], above_left[lane]);
            left[lane] = prediction.wrapping_add(column[lane]);
            column[lane] = left[lane];
        }
        *above_left = *above;
        *above = *left;
    }
}

/// Transposes a block of 16 × 16: four perfect shuffles, each of which the compiler turns into interleaving stores.
#[inline(always)]
fn transpose(block: &mut Block, spare: &mut Block) {
    shuffle(block, spare);
    shuffle(spare, block);
    shuffle(block, spare);
    shuffle(spare, block);
}

#[inline(always)]
fn shuffle(block: &Block, out: &mut Block) {
    let (front, back) = block.split_at(BLOCK / 2);
    for ((pair, &front), &back) in out.chunks_exact_mut(2).zip(front).zip(back) {
        pair[0] = front;
        pair[1] = back;
    }
}
