//! Modular arithmetic on eight numbers at a time.
//!
//! Numbers are in radix 2⁵², a digit of eight numbers beside each other in one [`Octet`], because the multiplier
//! of AVX-512 IFMA takes 52-bit digits (Gueron and Krasnov, "Software implementation of modular exponentiation,
//! using advanced vector instructions architectures", WAIFI 2012; Edamatsu and Takahashi, HPCC 2018).
//! The portable kernel has the same layout and gives the same digits.
//!
//! Digit sums are signed 64-bit numbers and may stand unnormalised until the reduction carries them.

#[cfg(target_arch = "x86_64")]
mod ifma;
mod portable;

/// Bits of a digit.
pub(crate) const DIGIT_BITS: u32 = 52;
pub(crate) const DIGIT_MASK: u64 = (1 << DIGIT_BITS) - 1;
/// Numbers that are worked on at once.
pub const LANES: usize = 8;
/// Digits that the kernel keeps in registers; every length is a multiple of it.
pub(crate) const BLOCK: usize = 10;
/// Digits of the longest number: 4,096 bits.
pub(crate) const MOST_DIGITS: usize = 80;

/// One digit of eight numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(64))]
pub(crate) struct Octet(pub(crate) [u64; LANES]);

/// Which instructions do the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel(Instructions);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Instructions {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Ifma(ifma::Ifma),
}

impl Kernel {
    /// The fastest that this processor can run.
    pub fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(ifma) = ifma::Ifma::detect() {
            return Self(Instructions::Ifma(ifma));
        }
        Self::portable()
    }

    /// The one that every processor can run.
    pub fn portable() -> Self {
        Self(Instructions::Portable)
    }

    /// Its name: `avx512-ifma` or `portable`.
    pub fn name(self) -> &'static str {
        match self.0 {
            Instructions::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Instructions::Ifma(_) => "avx512-ifma",
        }
    }

    /// sum += a·b; `sum` has twice the digits of each factor.
    pub(crate) fn multiply_add(self, sum: &mut [Octet], a: &[Octet], b: &[Octet]) {
        match self.0 {
            Instructions::Portable => portable::multiply_add(sum, a, b),
            #[cfg(target_arch = "x86_64")]
            Instructions::Ifma(ifma) => ifma.multiply_add(sum, a, b),
        }
    }

    /// sum = a².
    pub(crate) fn square(self, sum: &mut [Octet], a: &[Octet]) {
        match self.0 {
            Instructions::Portable => portable::square(sum, a),
            #[cfg(target_arch = "x86_64")]
            Instructions::Ifma(ifma) => ifma.square(sum, a),
        }
    }

    /// Montgomery's reduction: finds q with sum + q·n = remainder·2^(52·h), leaves the digits of −q in
    /// the low half of `sum` and zero in the high half. `inverse` is −n⁻¹ mod 2⁵².
    pub(crate) fn reduce(self, sum: &mut [Octet], n: &[u64], inverse: u64, remainder: &mut [Octet]) {
        match self.0 {
            Instructions::Portable => portable::reduce(sum, n, inverse, remainder),
            #[cfg(target_arch = "x86_64")]
            Instructions::Ifma(ifma) => ifma.reduce(sum, n, inverse, remainder),
        }
    }

    /// Doubles numbers, in normalised digits.
    pub(crate) fn double(self, digits: &mut [Octet]) {
        match self.0 {
            Instructions::Portable => portable::double(digits),
            #[cfg(target_arch = "x86_64")]
            Instructions::Ifma(ifma) => ifma.double(digits),
        }
    }

    /// Turns eight rows of digits, one a lane, into digits of eight numbers; a row's octets are eight digits each.
    pub(crate) fn gather_rows(self, rows: [&[Octet]; LANES], digits: &mut [Octet]) {
        match self.0 {
            Instructions::Portable => portable::gather_rows(rows, digits),
            #[cfg(target_arch = "x86_64")]
            Instructions::Ifma(ifma) => ifma.gather_rows(rows, digits),
        }
    }

    /// A row of a table for each lane of each group by the lane's own index: every row is read, whatever the indices.
    ///
    /// `table` has, for each digit, one word a row: 64 or 128 rows, eight to an octet.
    pub(crate) fn select_each(
        self,
        table: &[Octet],
        rows: usize,
        indices: &[[u64; LANES]],
        out: &mut [&mut [Octet]],
    ) {
        match self.0 {
            Instructions::Portable => portable::select_each(table, rows, indices, out),
            #[cfg(target_arch = "x86_64")]
            Instructions::Ifma(ifma) => ifma.select_each(table, rows, indices, out),
        }
    }

    /// One of the rows of a table, which lie behind each other: every row is read, whatever the index.
    pub(crate) fn select_shared(self, table: &[Octet], index: u64, row: &mut [Octet]) {
        match self.0 {
            Instructions::Portable => portable::select_shared(table, index, row),
            #[cfg(target_arch = "x86_64")]
            Instructions::Ifma(ifma) => ifma.select_shared(table, index, row),
        }
    }
}

/// All ones where the two are equal, zero where not, without a branch.
pub(crate) fn mask_if_equal(a: u64, b: u64) -> u64 {
    let difference = a ^ b;
    let differs = (difference | difference.wrapping_neg()) >> 63;
    std::hint::black_box(differs).wrapping_sub(1)
}

#[cfg(test)]
mod tests;
