//! Statistics of the contexts (T.87 A.3.5, A.4–A.6 and, for interrupted runs, A.7.2).

/// Statistics of a context of regular mode.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context {
    /// Sum of magnitudes of residuals (A).
    magnitude: i32,
    /// Bias of residuals (B).
    bias: i32,
    /// Correction of the prediction (C).
    pub(super) correction: i32,
    /// Occurrences (N).
    occurrences: i32,
}

impl Context {
    pub(super) fn new(range: i32) -> Self {
        Self { magnitude: first_magnitude(range), bias: 0, correction: 0, occurrences: 1 }
    }

    /// The Golomb parameter k.
    #[inline(always)]
    pub(super) fn golomb_parameter(&self) -> u32 {
        golomb_parameter(self.occurrences as u32, self.magnitude as u32)
    }

    /// Whether residuals are mapped the other way round, because most of them are negative (A.5.2).
    #[inline(always)]
    pub(super) fn is_inverted(&self, golomb_parameter: u32) -> bool {
        golomb_parameter == 0 && 2 * self.bias <= -self.occurrences
    }

    #[inline(always)]
    pub(super) fn update(&mut self, residual: i32, reset: i32) {
        self.bias += residual;
        self.magnitude += residual.abs();
        if self.occurrences == reset {
            self.magnitude >>= 1;
            self.bias >>= 1;
            self.occurrences >>= 1;
        }
        self.occurrences += 1;
        self.correct_bias();
    }

    #[inline(always)]
    fn correct_bias(&mut self) {
        if self.bias <= -self.occurrences {
            self.bias = (self.bias + self.occurrences).max(1 - self.occurrences);
            self.correction = (self.correction - 1).max(-128);
        } else if self.bias > 0 {
            self.bias = (self.bias - self.occurrences).min(0);
            self.correction = (self.correction + 1).min(127);
        }
    }
}

/// Statistics of the samples that interrupt a run: one for `Ra ≠ Rb` (type 0) and one for `Ra = Rb` (type 1).
#[derive(Debug, Clone, Copy)]
pub(super) struct RunContext {
    interruption_type: i32,
    magnitude: i32,
    occurrences: i32,
    negatives: i32,
}

impl RunContext {
    pub(super) fn new(interruption_type: i32, range: i32) -> Self {
        Self { interruption_type, magnitude: first_magnitude(range), occurrences: 1, negatives: 0 }
    }

    pub(super) fn golomb_parameter(&self) -> u32 {
        let occurrences = self.occurrences as u32;
        golomb_parameter(
            occurrences,
            self.magnitude as u32 + self.interruption_type as u32 * (occurrences >> 1),
        )
    }

    pub(super) fn map(&self, residual: i32, golomb_parameter: u32) -> u32 {
        let mostly_negative = 2 * self.negatives >= self.occurrences;
        let mapped = match residual.signum() {
            1 => golomb_parameter == 0 && !mostly_negative,
            -1 => golomb_parameter != 0 || mostly_negative,
            _ => false,
        };
        (2 * residual.abs() - self.interruption_type - i32::from(mapped)) as u32
    }

    pub(super) fn unmap(&self, mapped: u32, golomb_parameter: u32) -> i32 {
        let value = mapped as i32 + self.interruption_type;
        let magnitude = (value + 1) >> 1;
        let mostly_negative = 2 * self.negatives >= self.occurrences;
        let negative = (golomb_parameter != 0 || mostly_negative) == (value & 1 == 1);
        if negative { -magnitude } else { magnitude }
    }

    pub(super) fn update(&mut self, residual: i32, mapped: u32, reset: i32) {
        self.negatives += i32::from(residual < 0);
        self.magnitude += (mapped as i32 + 1 - self.interruption_type) >> 1;
        if self.occurrences == reset {
            self.magnitude >>= 1;
            self.occurrences >>= 1;
            self.negatives >>= 1;
        }
        self.occurrences += 1;
    }
}

fn first_magnitude(range: i32) -> i32 {
    ((range + 32) >> 6).max(2)
}

/// Smallest k with `occurrences · 2ᵏ ≥ magnitude`.
#[inline(always)]
fn golomb_parameter(occurrences: u32, magnitude: u32) -> u32 {
    let guess = occurrences.leading_zeros().saturating_sub(magnitude.leading_zeros());
    guess + u32::from((occurrences << guess) < magnitude)
}
