//! Padmé: lengths that say little (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and
//! Communication with PURBs", PoPETs 2019, algorithm 1).

/// The smallest padded length: one document or ten are not told apart.
pub(super) const MINIMUM: usize = 4096;

/// The length to which `length` bytes are padded: at most 12 % more, and one of so few values that it leaks
/// O(log log length) bits. `None` beyond what fits into memory.
pub(super) fn padded(length: usize) -> Option<usize> {
    if length <= MINIMUM {
        return Some(MINIMUM);
    }
    let exponent = length.ilog2();
    let mantissa = exponent.ilog2() + 1;
    let mask = (1usize << (exponent - mantissa)) - 1;
    Some(length.checked_add(mask)? & !mask)
}
