//! Orbits of the map x' = µx(1−x)(2+x), and what is derived from the key to start them.

use zeroize::Zeroize;

/// Orbits that run side by side to make the stream of the diffusion.
pub(super) const LANES: usize = 8;

/// Steps that are thrown away, so that nearby starting points have parted.
const TRANSIENT: usize = 128;

/// Parameters are drawn from this range. At 1.58446… the map leaves 0..1; below 1.58 windows of order become frequent.
const LEAST_PARAMETER: f64 = 1.58;
const GREATEST_PARAMETER: f64 = 1.584;

/// Share of the other orbit in each of two coupled ones.
const COUPLING: f64 = 0.0625;

const CONTEXT: &str = "cowl chaotic-image v1 seeds";

/// One step.
#[inline(always)]
fn step(parameter: f64, x: f64) -> f64 {
    ((parameter * x) * (1.0 - x)) * (2.0 + x)
}

/// Starting point and parameter of an orbit.
#[derive(Clone, Copy, Default, Zeroize)]
struct Seed {
    start: f64,
    parameter: f64,
}

/// Seeds of all orbits.
#[derive(Zeroize)]
#[zeroize(drop)]
pub(super) struct Seeds {
    blocks: Seed,
    rows: Seed,
    columns: Seed,
    stream: [Seed; LANES],
}

impl Seeds {
    pub(super) fn derive(secret: &[u8; 32]) -> Self {
        let mut reader = blake3::Hasher::new_derive_key(CONTEXT).update(secret).finalize_xof();
        let mut seed = || {
            let start = 0.1 + 0.8 * unit(&mut reader);
            let parameter = LEAST_PARAMETER + (GREATEST_PARAMETER - LEAST_PARAMETER) * unit(&mut reader);
            Seed { start, parameter }
        };
        Self { blocks: seed(), rows: seed(), columns: seed(), stream: std::array::from_fn(|_| seed()) }
    }

    /// The orbit that orders blocks.
    pub(super) fn block_orbit(&self, length: usize) -> Vec<f64> {
        let mut x = self.blocks.start;
        let mut next = || {
            x = step(self.blocks.parameter, x);
            x
        };
        (0..TRANSIENT + length).map(|_| next()).skip(TRANSIENT).collect()
    }

    /// The two coupled orbits that order rows and columns.
    pub(super) fn coupled_orbits(&self, rows: usize, columns: usize) -> (Vec<f64>, Vec<f64>) {
        let (mut x, mut y) = (self.rows.start, self.columns.start);
        let mut next = || {
            let (free_x, free_y) = (step(self.rows.parameter, x), step(self.columns.parameter, y));
            x = (1.0 - COUPLING) * free_x + COUPLING * free_y;
            y = (1.0 - COUPLING) * free_y + COUPLING * free_x;
            (x, y)
        };
        let steps = TRANSIENT + rows.max(columns);
        let mut orbits: (Vec<f64>, Vec<f64>) = (0..steps).map(|_| next()).skip(TRANSIENT).unzip();
        orbits.0.truncate(rows);
        orbits.1.truncate(columns);
        orbits
    }

    /// The stream of the diffusion.
    pub(super) fn stream(&self) -> Stream {
        let mut stream = Stream {
            points: self.stream.map(|seed| seed.start),
            parameters: self.stream.map(|seed| seed.parameter),
        };
        for _ in 0..TRANSIENT {
            stream.next_bytes();
        }
        stream
    }
}

/// A number of 0..1 with 53 bits.
fn unit(reader: &mut blake3::OutputReader) -> f64 {
    let mut bytes = [0u8; 8];
    reader.fill(&mut bytes);
    (u64::from_le_bytes(bytes) >> 11) as f64 / (1u64 << 53) as f64
}

/// Bytes of eight orbits, in turn.
#[derive(Zeroize)]
#[zeroize(drop)]
pub(super) struct Stream {
    points: [f64; LANES],
    parameters: [f64; LANES],
}

impl Stream {
    /// One byte of each orbit: bits 16 to 23 of its mantissa, where no trace of the distribution of the map is left.
    #[inline(always)]
    pub(super) fn next_bytes(&mut self) -> [u8; LANES] {
        for (point, &parameter) in self.points.iter_mut().zip(&self.parameters) {
            *point = step(parameter, *point);
        }
        self.points.map(|point| (point.to_bits() >> 16) as u8)
    }
}
