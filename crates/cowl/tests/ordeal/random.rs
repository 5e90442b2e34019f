//! Chance that can be repeated.

/// SplitMix64: a few lines, and good enough to choose what to kill.
pub(crate) struct Random(u64);

impl Random {
    /// From `COWL_CHAOS_SEED`, or from the clock.
    pub(crate) fn seed() -> u64 {
        let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        std::env::var("COWL_CHAOS_SEED")
            .map_or_else(|_| now().as_micros() as u64, |seed| seed.parse().unwrap())
    }

    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}
