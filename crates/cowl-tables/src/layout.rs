//! Where values lie in plaintexts: slots that cannot overflow.
//!
//! A plaintext holds Σ vⱼ·2^offⱼ, each vⱼ a signed integer in a slot of its own. Adding plaintexts adds the slots,
//! as long as no sum leaves its slot. Here that is arithmetic, not hope: from the range of each variable and the
//! number of rows the largest sum of each slot follows exactly, and with it the slot's width: a bit for the sign,
//! those of one row's value, and *guard bits* for the rows. What does not fit is refused when a table is sealed.
//!
//! Three layouts: *cells* (per variable: is it there, and its value), *columns* (one variable of many rows; slots
//! have room for a score), *moments* (1, xᵢ, xᵢxⱼ of the complete rows; an incomplete row is zeros). Row tags
//! ([`crate::tag`]) come last, in slots of their own.
//!
//! The seam to encryption: [`SlotPlan::pack`] gives one signed integer a ciphertext, [`SlotPlan::open`] takes the
//! decrypted sums.

use num_bigint::BigInt;

use crate::rows::RowSet;
use crate::tag::{MOST_TAGS, TAG_BITS, TagError, TagKey};

mod bits;
mod sealed;

pub use sealed::variables_of;

/// The widest slot: sums are handled as `i128`.
pub const WIDEST_SLOT: u32 = 127;

/// The most slots of a row: a thousand variables and their products.
pub const MOST_SLOTS: usize = 1 << 19;

/// The lowest and the highest integer of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The lowest.
    pub lowest: i128,
    /// The highest.
    pub highest: i128,
}

impl Range {
    /// From the lowest to the highest.
    pub fn new(lowest: i64, highest: i64) -> Self {
        Self { lowest: lowest.into(), highest: highest.into() }
    }

    const FLAG: Self = Self { lowest: 0, highest: 1 };
    const TAG: Self = Self { lowest: 0, highest: (1 << TAG_BITS) - 1 };

    /// With 0, for rows where the value is missing.
    fn with_zero(self) -> Self {
        Self { lowest: self.lowest.min(0), highest: self.highest.max(0) }
    }

    /// The range of products; of squares when a variable meets itself. Two `i64` never overflow here.
    fn product(self, other: Self, same: bool) -> Self {
        let corners = [
            self.lowest * other.lowest,
            self.lowest * other.highest,
            self.highest * other.lowest,
            self.highest * other.highest,
        ];
        let corner = |pick: fn(i128, i128) -> i128| corners.into_iter().reduce(pick).expect("there are four");
        let lowest = if same { 0 } else { corner(i128::min) };
        Self { lowest, highest: corner(i128::max) }
    }

    /// The range of sums of `rows` such values, each taken or zero. `None` beyond 128 bits.
    fn sum(self, rows: u64) -> Option<Self> {
        let Self { lowest, highest } = self.with_zero();
        Some(Self { lowest: lowest.checked_mul(rows.into())?, highest: highest.checked_mul(rows.into())? })
    }

    /// Bits of a two's complement that holds the range and its negative.
    fn width(self) -> u32 {
        let magnitude = self.lowest.unsigned_abs().max(self.highest.unsigned_abs());
        (u128::BITS - magnitude.leading_zeros() + 1).max(2)
    }

    fn contains(self, value: i128) -> bool {
        (self.lowest..=self.highest).contains(&value)
    }

    /// How far two values of it can be apart.
    fn span(self) -> u128 {
        self.highest.abs_diff(self.lowest)
    }
}

/// Why values cannot be laid out, or do not fit where they should lie.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// No variable, or a table without rows.
    #[error("a set needs at least one variable and one row")]
    Empty,
    /// More variables than a set may have.
    #[error("{0} variables would need more than {MOST_SLOTS} slots a row; seal fewer of them together")]
    TooManyVariables(usize),
    /// Sums wider than a slot may be.
    #[error(
        "sums of '{what}' over {rows} rows need more than {WIDEST_SLOT} bits; give its columns fewer decimals or \
         standardise them"
    )]
    TooWide {
        /// Which slot.
        what: String,
        /// Rows that are summed.
        rows: u64,
    },
    /// A slot wider than a plaintext.
    #[error("a slot of {width} bits does not fit a plaintext of {capacity} bits; take a longer key")]
    NoRoom {
        /// The slot's width.
        width: u32,
        /// The plaintext's.
        capacity: u32,
    },
    /// Another number of values, tags or plaintexts.
    #[error("{what}: {expected} were expected, {found} found")]
    WrongCount {
        /// Which.
        what: &'static str,
        /// As planned.
        expected: usize,
        /// As given.
        found: usize,
    },
    /// A value that is not in its range: at sealing our fault, at opening a forgery or a wrong key.
    #[error("slot {slot} holds a value that the rows cannot have; nothing is shown")]
    OutOfRange {
        /// The slot, from 0.
        slot: usize,
    },
    /// A codebook whose slots are not those of its variables.
    #[error("the codebook's slots are not those that its variables need; the table must be sealed again")]
    OtherPlan,
    /// A plaintext with something above its slots.
    #[error("plaintext {0} holds more than its slots; nothing is shown")]
    Overflow(usize),
    /// The row tags do not fit.
    #[error(transparent)]
    Tag(#[from] TagError),
}

/// Bits of a plaintext that slots may use under a modulus of so many bits: sign and modulus leave two less.
pub const fn capacity(modulus_bits: u32) -> u32 {
    modulus_bits - 2
}

/// Slots, their widths and how they are spread over ciphertexts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotPlan {
    names: Vec<String>,
    /// One row's values, or one cell of a block.
    ranges: Vec<Range>,
    /// How often a row can be added: rows of the table, or for scores the sum of the coefficients' sizes.
    additions: u64,
    tags: usize,
    widths: Vec<Vec<u32>>,
}

/// A variable as a layout needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extent {
    /// Its name, for errors.
    pub name: String,
    /// Its range.
    pub range: Range,
}

impl SlotPlan {
    /// *Moments*: 1, xᵢ, xᵢxⱼ of a row in the order of [`crate::Moments::new`], to be added over at most `rows` rows.
    ///
    /// # Errors
    /// [`LayoutError::TooWide`] names the product that does not fit.
    pub fn moments(variables: &[Extent], rows: u64, capacity: u32) -> Result<Self, LayoutError> {
        if crate::moment_count(variables.len()) > MOST_SLOTS {
            return Err(LayoutError::TooManyVariables(variables.len()));
        }
        let one = Extent { name: "1".into(), range: Range::FLAG };
        let with_one: Vec<&Extent> = std::iter::once(&one).chain(variables).collect();
        let pairs = (0..with_one.len()).flat_map(|i| (i..with_one.len()).map(move |j| (i, j)));
        let slots = pairs.map(|(i, j)| match i {
            0 => (with_one[j].name.clone(), with_one[j].range),
            _ => {
                let (left, right) = (with_one[i], with_one[j]);
                (format!("{} · {}", left.name, right.name), left.range.product(right.range, i == j))
            }
        });
        Self::new(variables, slots.collect(), rows, capacity)
    }

    /// *Cells*: for each variable whether it is there, then its value (0 where it is missing).
    ///
    /// # Errors
    /// As [`SlotPlan::moments`].
    pub fn cells(variables: &[Extent], rows: u64, capacity: u32) -> Result<Self, LayoutError> {
        let pair =
            |it: &Extent| [(format!("{} is there", it.name), Range::FLAG), (it.name.clone(), it.range)];
        Self::new(variables, variables.iter().flat_map(pair).collect(), rows, capacity)
    }

    /// *Columns*: one variable of as many rows as fit, for scores Σ cᵢxᵢ with Σ|cᵢ| ≤ `weight`.
    ///
    /// # Errors
    /// As [`SlotPlan::moments`].
    pub fn columns(variables: &[Extent], weight: u64, capacity: u32) -> Result<Self, LayoutError> {
        let one = Self::block(variables, weight, 1, capacity)?;
        let (value, tags) = (one.widths[0][0], one.widths.iter().flatten().skip(1).sum::<u32>());
        let together = capacity.saturating_sub(tags) / value;
        if together == 0 {
            return Err(LayoutError::NoRoom { width: value + tags, capacity });
        }
        Self::block(variables, weight, together, capacity)
    }

    /// *Columns* with so many rows a ciphertext.
    fn block(variables: &[Extent], weight: u64, rows: u32, capacity: u32) -> Result<Self, LayoutError> {
        let slot = score_slot(variables).ok_or(LayoutError::Empty)?;
        Self::new(variables, vec![slot; rows as usize], weight, capacity)
    }

    fn new(
        variables: &[Extent],
        slots: Vec<(String, Range)>,
        additions: u64,
        capacity: u32,
    ) -> Result<Self, LayoutError> {
        if variables.is_empty() || additions == 0 {
            return Err(LayoutError::Empty);
        }
        let too_wide = |what: &String| LayoutError::TooWide { what: what.clone(), rows: additions };
        let mut spans = Vec::with_capacity(slots.len());
        for (name, range) in &slots {
            let sum = range.sum(additions).filter(|sum| sum.width() <= WIDEST_SLOT);
            spans.push(sum.ok_or_else(|| too_wide(name))?);
        }
        let widest = spans.iter().zip(&slots).max_by_key(|(sum, _)| sum.span()).expect("there is a slot");
        let tags = tags_for(widest.0.span()).ok_or_else(|| too_wide(&widest.1.0))?;
        let tag = Range::TAG.sum(additions).filter(|sum| sum.width() <= WIDEST_SLOT);
        spans.extend(vec![tag.ok_or_else(|| too_wide(&"the row tags".to_owned()))?; tags]);
        let widths = spread(spans.into_iter().map(Range::width), capacity)?;
        let (names, ranges) = slots.into_iter().unzip();
        Ok(Self { names, ranges, additions, tags, widths })
    }

    /// The widths of the slots in bits, for each ciphertext, the lowest slot first; the tags' slots are the last.
    pub fn widths(&self) -> &[Vec<u32>] {
        &self.widths
    }

    /// How many ciphertexts a row (or block) has.
    pub fn ciphertexts(&self) -> usize {
        self.widths.len()
    }

    /// How many slots hold values; for columns, the rows a ciphertext.
    pub fn slots(&self) -> usize {
        self.ranges.len()
    }

    /// How many slots hold tags.
    pub fn tags(&self) -> usize {
        self.tags
    }

    /// How often a row can be added; of *columns*, what the sizes of the weights add up to at most.
    pub fn additions(&self) -> u64 {
        self.additions
    }

    /// What lies in the slots, for people.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Bits of a slot that are there only so that sums do not overflow.
    pub fn guard_bits(&self, slot: usize) -> u32 {
        let width = self.widths.iter().flatten().nth(slot).copied().unwrap_or(0);
        width - self.ranges.get(slot).map_or(TAG_BITS + 1, |range| range.with_zero().width()).min(width)
    }

    /// The plaintexts of one row: its values, then its tags.
    ///
    /// # Errors
    /// [`LayoutError::OutOfRange`] for a value that is not in the range that the plan was made for.
    pub fn pack(&self, row: u64, values: &[i128], key: &TagKey) -> Result<Vec<BigInt>, LayoutError> {
        self.check_count("values", self.slots(), values.len())?;
        let inside = |(value, range): (&i128, &Range)| range.with_zero().contains(*value);
        if let Some(slot) = values.iter().zip(&self.ranges).position(|pair| !inside(pair)) {
            return Err(LayoutError::OutOfRange { slot });
        }
        let tags = key.tags_of(row, values)?;
        self.check_count("tags", self.tags, tags.len())?;
        let mut all = values.iter().copied().chain(tags.into_iter().map(i128::from));
        Ok(self.widths.iter().map(|widths| bits::join(widths, &mut all)).collect())
    }

    /// The sums of the selected rows from their decrypted plaintexts, once ranges and tags have been checked.
    ///
    /// # Errors
    /// [`LayoutError`]: what was opened is not the sum of exactly these rows.
    pub fn open(&self, plaintexts: &[BigInt], key: &TagKey, rows: &RowSet) -> Result<Vec<i128>, LayoutError> {
        let (sums, tags) = self.split(plaintexts)?;
        self.check_ranges(&sums, rows.len())?;
        key.check(rows.iter(), &sums, &tags)?;
        Ok(sums)
    }

    /// The values of one row from its decrypted plaintexts, once ranges and tags have been checked.
    ///
    /// # Errors
    /// [`LayoutError`]: what was opened is not this row.
    pub fn open_row(&self, plaintexts: &[BigInt], key: &TagKey, row: u64) -> Result<Vec<i128>, LayoutError> {
        let (values, tags) = self.split(plaintexts)?;
        self.check_ranges(&values, 1)?;
        key.check([row], &values, &tags)?;
        Ok(values)
    }

    /// The scores of one block from its decrypted plaintext: `columns` are the numbers under which the block's
    /// ciphertexts were tagged, with the coefficient of each.
    ///
    /// # Errors
    /// As [`SlotPlan::open`]; [`LayoutError::OutOfRange`] also when the coefficients outweigh the plan.
    pub fn open_scores(
        &self,
        plaintexts: &[BigInt],
        key: &TagKey,
        columns: &[(u64, i64)],
    ) -> Result<Vec<i128>, LayoutError> {
        let (sums, tags) = self.split(plaintexts)?;
        let weight = columns.iter().try_fold(0u64, |sum, (_, factor)| sum.checked_add(factor.unsigned_abs()));
        self.check_ranges(&sums, weight.unwrap_or(u64::MAX))?;
        key.check_combination(columns.iter().copied(), &sums, &tags)?;
        Ok(sums)
    }

    /// Each sum must be one that `additions` rows can have; without this, a change by the tags' prime would pass.
    fn check_ranges(&self, sums: &[i128], additions: u64) -> Result<(), LayoutError> {
        let additions = if additions > self.additions { 0 } else { additions };
        let inside =
            |(sum, range): (&i128, &Range)| range.sum(additions).is_some_and(|all| all.contains(*sum));
        match sums.iter().zip(&self.ranges).position(|pair| !inside(pair)) {
            Some(slot) => Err(LayoutError::OutOfRange { slot }),
            None => Ok(()),
        }
    }

    /// Values and tags from plaintexts; nothing is known of them yet.
    fn split(&self, plaintexts: &[BigInt]) -> Result<(Vec<i128>, Vec<i128>), LayoutError> {
        self.check_count("plaintexts", self.ciphertexts(), plaintexts.len())?;
        let mut values = Vec::with_capacity(self.slots() + self.tags);
        for (place, (plaintext, widths)) in plaintexts.iter().zip(&self.widths).enumerate() {
            bits::split(plaintext, widths, &mut values).ok_or(LayoutError::Overflow(place))?;
        }
        let tags = values.split_off(self.slots());
        Ok((values, tags))
    }

    fn check_count(&self, what: &'static str, expected: usize, found: usize) -> Result<(), LayoutError> {
        if expected == found { Ok(()) } else { Err(LayoutError::WrongCount { what, expected, found }) }
    }
}

/// What a slot of a block holds: any of the variables, with either sign, as coefficients may be negative.
fn score_slot(variables: &[Extent]) -> Option<(String, Range)> {
    let most = variables.iter().map(|it| it.range.lowest.abs().max(it.range.highest.abs())).max()?;
    Some(("a score".to_owned(), Range { lowest: -most, highest: most }))
}

/// How many tags cover sums that can be `span` apart; `None` when two do not.
fn tags_for(span: u128) -> Option<usize> {
    // Both primes are above 2⁶¹ − 2⁵.
    const SMALLEST: u128 = (1 << TAG_BITS) - (1 << 5);
    (1..=MOST_TAGS).find(|tags| span < SMALLEST.pow(*tags as u32))
}

/// Slots in their order; a ciphertext ends where the next slot would not fit.
fn spread(widths: impl Iterator<Item = u32>, capacity: u32) -> Result<Vec<Vec<u32>>, LayoutError> {
    let mut spread: Vec<Vec<u32>> = vec![Vec::new()];
    let mut used = 0;
    for width in widths {
        if width > capacity {
            return Err(LayoutError::NoRoom { width, capacity });
        }
        if used + width > capacity {
            spread.push(Vec::new());
            used = 0;
        }
        used += width;
        spread.last_mut().expect("it began with one").push(width);
    }
    Ok(spread)
}

/// The moments of one row in the order of [`SlotPlan::moments`]; zeros when a value is missing.
pub fn moments_of_row(values: &[Option<i64>]) -> Vec<i128> {
    let complete: Option<Vec<i128>> =
        std::iter::once(Some(1)).chain(values.iter().map(|value| value.map(i128::from))).collect();
    let Some(with_one) = complete else { return vec![0; crate::moment_count(values.len())] };
    let products = with_one.iter().enumerate().flat_map(|(i, x)| with_one[i..].iter().map(move |y| x * y));
    products.collect()
}

/// The cells of one row in the order of [`SlotPlan::cells`].
pub fn cells_of_row(values: &[Option<i64>]) -> Vec<i128> {
    values.iter().flat_map(|value| [i128::from(value.is_some()), value.unwrap_or(0).into()]).collect()
}

#[cfg(test)]
mod tests;
