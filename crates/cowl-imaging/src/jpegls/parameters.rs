//! Coding parameters of a scan (T.87 C.2.4.1.1) and what follows from them (A.2.1).

use super::JpegLsError;

/// Samples after which the statistics of a context are halved, unless the stream says otherwise.
const DEFAULT_RESET: u16 = 64;

/// Parameters of a lossless scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parameters {
    /// Largest sample value.
    pub(super) maximum: i32,
    /// Gradient thresholds T1 ≤ T2 ≤ T3.
    pub(super) thresholds: [i32; 3],
    /// Samples after which the statistics of a context are halved.
    pub(super) reset: u16,
}

impl Parameters {
    /// What a stream of this precision has when it says nothing else.
    pub(super) fn default_for(bits: u8) -> Self {
        let maximum = (1 << bits) - 1;
        Self { maximum, thresholds: default_thresholds(maximum), reset: DEFAULT_RESET }
    }

    /// Parameters from an LSE segment, in which 0 stands for the default; `limit` is what the precision allows.
    pub(super) fn preset(values: [u16; 5], limit: i32) -> Result<Self, JpegLsError> {
        let [maximum, t1, t2, t3, reset] = values.map(i32::from);
        let maximum = if maximum == 0 { limit } else { maximum };
        let defaults = default_thresholds(maximum);
        let chosen = [(t1, defaults[0]), (t2, defaults[1]), (t3, defaults[2])];
        let thresholds = chosen.map(|(given, default)| if given == 0 { default } else { given });
        let reset = if reset == 0 { DEFAULT_RESET } else { values[4] };
        let ordered = thresholds.is_sorted() && thresholds[0] >= 1 && thresholds[2] <= maximum;
        if !(1..=limit).contains(&maximum) || !ordered || i32::from(reset) < 3 {
            return Err(JpegLsError::Damaged("preset parameters"));
        }
        Ok(Self { maximum, thresholds, reset })
    }

    /// Number of values of a residual.
    pub(super) fn range(&self) -> i32 {
        self.maximum + 1
    }

    /// Bits of a residual that is written out in full.
    pub(super) fn residual_bits(&self) -> u32 {
        (self.maximum as u32).ilog2() + 1
    }

    /// Longest code word.
    pub(super) fn limit(&self) -> u32 {
        let bits = self.residual_bits().max(2);
        2 * (bits + bits.max(8))
    }
}

/// T.87 C.2.4.1.1.1, for lossless coding.
fn default_thresholds(maximum: i32) -> [i32; 3] {
    const BASIC: [i32; 3] = [3, 7, 21];
    const LEAST: [i32; 3] = [2, 3, 4];
    let mut floor = 1;
    std::array::from_fn(|index| {
        let value = if maximum >= 128 {
            let factor = (maximum.min(4095) + 128) / 256;
            factor * (BASIC[index] - LEAST[index]) + LEAST[index]
        } else {
            LEAST[index].max(BASIC[index] / (256 / (maximum + 1)))
        };
        floor = if value > maximum || value < floor { floor } else { value };
        floor
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_thresholds_are_those_of_the_standard() {
        // T.87 Table C.3.
        assert_eq!(Parameters::default_for(8).thresholds, [3, 7, 21]);
        assert_eq!(Parameters::default_for(12).thresholds, [18, 67, 276]);
        assert_eq!(Parameters::default_for(16).thresholds, [18, 67, 276]);
    }

    #[test]
    fn presets_out_of_order_are_refused() {
        assert!(Parameters::preset([255, 9, 8, 21, 64], 255).is_err());
        assert!(Parameters::preset([256, 0, 0, 0, 0], 255).is_err());
        assert!(Parameters::preset([0; 5], 255).is_ok_and(|p| p == Parameters::default_for(8)));
    }
}
