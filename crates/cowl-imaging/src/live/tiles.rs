//! Sorting of tiles by how busy they are.
//!
//! An entropy coder with one table for smooth and busy regions serves neither well. The plane of low bytes is cut
//! into tiles of 8 × 4 samples, and each tile goes to the stream of its *activity*: the logarithm of the mean of its
//! residuals. This gains about five per cent of size on CT and makes the entropy coder faster; the activities
//! themselves are coded beside the streams.

use std::ops::Range;

/// Number of activities, hence of streams.
pub(super) const ACTIVITIES: usize = 8;

const TILE_COLUMNS: usize = 8;
const TILE_ROWS: usize = 4;

/// One row of a tile.
type Line = [u8; TILE_COLUMNS];

/// Bytes of one tile.
pub(super) const TILE: usize = TILE_COLUMNS * TILE_ROWS;

/// A stream shorter than this many tiles does not earn its tables and joins the next busier one.
const FEWEST_TILES: usize = 64;

/// Where each activity's tiles lie in the buffer of sorted tiles; `None` when an activity is out of range.
pub(super) fn stream_ranges(activities: &[u8]) -> Option<[Range<usize>; ACTIVITIES]> {
    let mut counts = [0usize; ACTIVITIES];
    for &activity in activities {
        *counts.get_mut(usize::from(activity))? += 1;
    }
    let mut start = 0;
    Some(counts.map(|count| {
        let range = start..start + count * TILE;
        start = range.end;
        range
    }))
}

/// Lowest activity of a tile that has a high byte: one residual of 256 makes a mean of 8, and ⌊log₂ 17⌋ = 4.
pub(super) const FIRST_WITH_HIGH_BYTES: u8 = 4;

/// Where the tiles that may have high bytes lie in the buffer of sorted tiles.
pub(super) fn with_high_bytes(ranges: &[Range<usize>; ACTIVITIES]) -> Range<usize> {
    ranges[usize::from(FIRST_WITH_HIGH_BYTES)].start..ranges[ACTIVITIES - 1].end
}

/// The activity of each tile of a plane given as low and high bytes (`stride` a row, whole tiles), in raster order.
pub(super) fn activities(low: &[u8], high: &[u8], stride: usize) -> Vec<u8> {
    let mut activities = Vec::with_capacity(low.len() / TILE);
    let mut sums = vec![0u16; stride];
    let mut high_sums = vec![0u16; stride];
    let bands = low.chunks_exact(stride * TILE_ROWS).zip(high.chunks_exact(stride * TILE_ROWS));
    for (low, high) in bands {
        add_rows(low, &mut sums);
        add_rows(high, &mut high_sums);
        let tiles = sums.chunks_exact(TILE_COLUMNS).zip(high_sums.chunks_exact(TILE_COLUMNS));
        activities.extend(tiles.map(|(low, high)| activity(total(low) + 256 * total(high))));
    }
    join_rare(&mut activities);
    activities
}

fn add_rows(rows: &[u8], sums: &mut [u16]) {
    sums.fill(0);
    for row in rows.chunks_exact(sums.len()) {
        for (sum, &byte) in sums.iter_mut().zip(row) {
            *sum += u16::from(byte);
        }
    }
}

fn total(sums: &[u16]) -> u32 {
    sums.iter().map(|&sum| u32::from(sum)).sum()
}

/// ⌊log₂(2 · mean + 1)⌋, at most 7.
fn activity(sum: u32) -> u8 {
    let doubled_mean = (2 * sum) / TILE as u32 + 1;
    doubled_mean.ilog2().min(ACTIVITIES as u32 - 1) as u8
}

fn join_rare(activities: &mut [u8]) {
    let mut counts = [0usize; ACTIVITIES];
    for &activity in activities.iter() {
        counts[usize::from(activity)] += 1;
    }
    let mut target = [0u8; ACTIVITIES];
    let mut pending = 0;
    for activity in (0..ACTIVITIES).rev() {
        pending = if counts[activity] >= FEWEST_TILES || pending == 0 { activity as u8 } else { pending };
        target[activity] = pending;
    }
    if target.iter().enumerate().any(|(activity, &to)| activity != usize::from(to)) {
        for activity in activities {
            *activity = target[usize::from(*activity)];
        }
    }
}

/// Copies the tiles of `plane` whose activity is `least` or more to their places in `sorted`.
pub(super) fn sort(plane: &[u8], stride: usize, activities: &[u8], least: u8, sorted: &mut [u8]) {
    let mut cursors = cursors(activities);
    let rows = plane.chunks_exact(stride * TILE_ROWS).zip(activities.chunks_exact(stride / TILE_COLUMNS));
    for (rows, activities) in rows {
        let (upper, lower) = rows.split_at(2 * stride);
        let (first, second) = halves(upper);
        let (third, fourth) = halves(lower);
        let tiles = first.iter().zip(second).zip(third).zip(fourth).zip(activities);
        for ((((first, second), third), fourth), &activity) in
            tiles.filter(|(_, activity)| **activity >= least)
        {
            let tile = &mut sorted[advance(&mut cursors, activity)];
            for (out, line) in tile.as_chunks_mut().0.iter_mut().zip([first, second, third, fourth]) {
                *out = *line;
            }
        }
    }
}

/// Undoes [`sort`]; the other tiles are left as they are.
pub(super) fn unsort(sorted: &[u8], activities: &[u8], least: u8, stride: usize, plane: &mut [u8]) {
    let mut cursors = cursors(activities);
    let rows = plane.chunks_exact_mut(stride * TILE_ROWS).zip(activities.chunks_exact(stride / TILE_COLUMNS));
    for (rows, activities) in rows {
        let (upper, lower) = rows.split_at_mut(2 * stride);
        let (first, second) = halves_mut(upper);
        let (third, fourth) = halves_mut(lower);
        let tiles = first.iter_mut().zip(second).zip(third).zip(fourth).zip(activities);
        for ((((first, second), third), fourth), &activity) in
            tiles.filter(|(_, activity)| **activity >= least)
        {
            let tile = &sorted[advance(&mut cursors, activity)];
            for (line, bytes) in [first, second, third, fourth].into_iter().zip(tile.as_chunks().0) {
                *line = *bytes;
            }
        }
    }
}

/// Two neighbouring rows, each as its tiles' lines.
fn halves(rows: &[u8]) -> (&[Line], &[Line]) {
    let (front, back) = rows.split_at(rows.len() / 2);
    (front.as_chunks().0, back.as_chunks().0)
}

fn halves_mut(rows: &mut [u8]) -> (&mut [Line], &mut [Line]) {
    let (front, back) = rows.split_at_mut(rows.len() / 2);
    (front.as_chunks_mut().0, back.as_chunks_mut().0)
}

fn cursors(activities: &[u8]) -> [usize; ACTIVITIES] {
    stream_ranges(activities)
        .expect("activities were checked when read or made here")
        .map(|range| range.start)
}

#[inline(always)]
fn advance(cursors: &mut [usize; ACTIVITIES], activity: u8) -> Range<usize> {
    let cursor = &mut cursors[usize::from(activity) % ACTIVITIES];
    let start = *cursor;
    *cursor += TILE;
    start..start + TILE
}
