//! Batches of ciphertexts and what can be done with them without the secret key.

use std::fmt;

use crypto_bigint::{BoxedUint, ConcatenatingMul, NonZero, Resize};

use crate::error::Error;
use crate::kernel::LANES;
use crate::key::{KeyDigest, PublicKey};
use crate::lanes::{Lanes, Pairs};
use crate::number::{digits_of_bytes, words_of_digits};

/// Groups of lanes whose tables of powers are in memory at once for a scalar product: 40 to 80 KiB each.
const TERMS_AT_ONCE: usize = 64;
/// The version in a batch's wire form.
const VERSION: u8 = 1;

/// Ciphertexts under one key, eight side by side.
///
/// What is stored of a ciphertext c is c·Rˢ mod n², with one s (`scale`) for the batch: an addition costs one
/// Montgomery multiplication, which lowers s, and no conversion; s is brought to zero when bytes are asked for.
#[derive(Clone)]
pub struct Ciphertexts {
    key: KeyDigest,
    count: usize,
    scale: i64,
    groups: Vec<Pairs>,
}

impl fmt::Debug for Ciphertexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ciphertexts({} under {})", self.count, self.key)
    }
}

impl Ciphertexts {
    /// Results of a computation in Montgomery form, eight a group.
    pub fn from_montgomery(key: &PublicKey, count: usize, groups: Vec<Pairs>) -> Self {
        debug_assert_eq!(groups.len(), count.div_ceil(LANES));
        Self { key: key.digest(), count, scale: 1, groups }
    }

    /// Results of a computation out of Montgomery form, eight a group.
    pub fn from_plain(key: &PublicKey, count: usize, groups: Vec<Pairs>) -> Self {
        Self { scale: 0, ..Self::from_montgomery(key, count, groups) }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The key's name.
    pub fn key(&self) -> KeyDigest {
        self.key
    }

    /// Refuses ciphertexts under another key.
    ///
    /// # Errors
    /// [`Error::WrongKey`].
    pub fn expect_key(&self, key: &PublicKey) -> Result<(), Error> {
        let (expected, found) = (key.digest(), self.key);
        if expected == found { Ok(()) } else { Err(Error::WrongKey { expected, found }) }
    }

    /// Reads ciphertexts that lie behind each other, each c mod n and ⌊c/n⌋, little-endian of the length of n.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::OutOfRange`], [`Error::NotAUnit`].
    pub fn from_rows(key: &PublicKey, rows: &[u8]) -> Result<Self, Error> {
        let expected = key.ciphertext_bytes();
        if !rows.len().is_multiple_of(expected) {
            return Err(Error::Length { expected, found: rows.len() });
        }
        let mut batch =
            Self { key: key.digest(), count: rows.len() / expected, scale: 0, groups: Vec::new() };
        let mut digits = vec![0; 2 * key.modulus().digit_count()];
        for (group, rows) in rows.chunks(LANES * expected).enumerate() {
            let mut pairs = unit_pairs(key);
            for (lane, row) in rows.chunks(expected).enumerate() {
                let index = group * LANES + lane;
                read_row(key, row, &mut digits).ok_or(Error::OutOfRange { index })?;
                pairs.set(lane, &digits);
            }
            batch.groups.push(pairs);
        }
        batch.expect_units(key)?;
        Ok(batch)
    }

    /// The ciphertexts behind each other, as [`Ciphertexts::from_rows`] reads them.
    ///
    /// # Errors
    /// [`Error::WrongKey`].
    pub fn to_rows(&self, key: &PublicKey) -> Result<Vec<u8>, Error> {
        self.expect_key(key)?;
        let plain = self.rescaled(key, 0);
        let half = key.size().bytes();
        let mut rows = vec![0; self.count * 2 * half];
        for (index, row) in rows.chunks_exact_mut(2 * half).enumerate() {
            let (pairs, lane) = (&plain.groups[index / LANES], index % LANES);
            let (low, high) = row.split_at_mut(half);
            write_half(&pairs.low, lane, low);
            write_half(&pairs.high, lane, high);
        }
        Ok(rows)
    }

    /// Encrypted sums, one by one: left + right modulo n.
    ///
    /// # Errors
    /// [`Error::WrongKey`], [`Error::Counts`].
    pub fn add(&self, key: &PublicKey, other: &Self) -> Result<Self, Error> {
        let mut sum = self.clone();
        sum.add_assign(key, other)?;
        Ok(sum)
    }

    /// Adds in place.
    ///
    /// # Errors
    /// As [`Ciphertexts::add`].
    pub fn add_assign(&mut self, key: &PublicKey, other: &Self) -> Result<(), Error> {
        self.expect_key(key)?;
        other.expect_key(key)?;
        if self.count != other.count {
            return Err(Error::Counts { left: self.count, right: other.count });
        }
        let mut work = key.modulus().workspace();
        for (sum, other) in self.groups.iter_mut().zip(&other.groups) {
            key.modulus().multiply_pairs(&mut work, sum, other);
        }
        self.scale += other.scale - 1;
        Ok(())
    }

    /// Encrypted differences, one by one: left − right modulo n.
    ///
    /// # Errors
    /// As [`Ciphertexts::add`].
    pub fn subtract(&self, key: &PublicKey, other: &Self) -> Result<Self, Error> {
        self.add(key, &other.negate(key)?)
    }

    /// Encrypted products with open numbers, one by one. Takes a time that depends on the numbers.
    ///
    /// # Errors
    /// As [`Ciphertexts::add`].
    pub fn multiply(&self, key: &PublicKey, scalars: &[i64]) -> Result<Self, Error> {
        let terms = self.terms(key, scalars)?;
        let mut work = key.modulus().workspace();
        let raise =
            |(base, exponents): (Pairs, [u64; LANES])| key.modulus().raise_open(&mut work, &base, &exponents);
        Ok(self.with_groups(terms.into_iter().map(raise).collect(), 1))
    }

    /// The encrypted sum of all ciphertexts times their open weights. Takes a time that depends on the weights.
    ///
    /// # Errors
    /// As [`Ciphertexts::multiply`].
    pub fn scalar_product(&self, key: &PublicKey, weights: &[i64]) -> Result<Self, Error> {
        let terms = self.terms(key, weights)?;
        let mut work = key.modulus().workspace();
        let products = terms.chunks(TERMS_AT_ONCE).map(|terms| key.modulus().raise_product(&mut work, terms));
        let products: Vec<_> = products.collect();
        Self::from_montgomery(key, products.len() * LANES, products).sum(key)
    }

    /// Bases in Montgomery form, negated where their scalar is negative, with the scalars' magnitudes.
    fn terms(&self, key: &PublicKey, scalars: &[i64]) -> Result<Vec<(Pairs, [u64; LANES])>, Error> {
        self.expect_key(key)?;
        if self.count != scalars.len() {
            return Err(Error::Counts { left: self.count, right: scalars.len() });
        }
        let has_negative = scalars.iter().any(|&scalar| scalar < 0);
        let bases = if has_negative { self.with_signs(key, scalars)? } else { self.rescaled(key, 1) };
        let magnitudes = scalars.chunks(LANES).map(|scalars| {
            let mut magnitudes = [0; LANES];
            magnitudes.iter_mut().zip(scalars).for_each(|(to, scalar)| *to = scalar.unsigned_abs());
            magnitudes
        });
        Ok(bases.groups.into_iter().zip(magnitudes).collect())
    }

    /// The encrypted sum of all ciphertexts: one ciphertext. The sum of none is the ciphertext 1 of zero.
    ///
    /// # Errors
    /// [`Error::WrongKey`].
    pub fn sum(&self, key: &PublicKey) -> Result<Self, Error> {
        let mut sums = crate::sums::GroupedSums::new(key, 1);
        sums.add_batch(self, |_| 0)?;
        Ok(sums.finish())
    }

    /// The same ciphertexts with what is stored scaled by Rˢ, and canonical.
    pub(crate) fn rescaled(&self, key: &PublicKey, scale: i64) -> Self {
        let (modulus, mut work) = (key.modulus(), key.modulus().workspace());
        let mut groups = self.groups.clone();
        match scale - self.scale {
            0 => {}
            -1 => groups.iter_mut().for_each(|pairs| modulus.leave_pairs(&mut work, pairs)),
            missing => {
                // Scales are one at most and asked for are zero or one, so nothing else is negative.
                let missing = missing.unsigned_abs();
                let factor = modulus.raise_open(&mut work, &modulus.square_of_radix(), &[missing; LANES]);
                groups.iter_mut().for_each(|pairs| modulus.multiply_pairs(&mut work, pairs, &factor));
            }
        }
        groups.iter_mut().for_each(|pairs| modulus.canonicalise(pairs));
        Self { groups, scale, ..*self }
    }

    pub(crate) fn scale(&self) -> i64 {
        self.scale
    }

    pub(crate) fn groups(&self) -> &[Pairs] {
        &self.groups
    }

    pub(crate) fn with_groups(&self, groups: Vec<Pairs>, scale: i64) -> Self {
        Self { groups, scale, ..*self }
    }

    /// The halves of each ciphertext, canonical and out of Montgomery form, for the secret side.
    ///
    /// # Errors
    /// [`Error::WrongKey`].
    pub fn plain_groups(&self, key: &PublicKey) -> Result<Vec<Pairs>, Error> {
        self.expect_key(key)?;
        Ok(self.rescaled(key, 0).groups)
    }

    /// The canonical bytes of the batch: a CBOR array of version, the key's digest and the rows.
    ///
    /// # Errors
    /// [`Error::WrongKey`].
    pub fn to_bytes(&self, key: &PublicKey) -> Result<Vec<u8>, Error> {
        let rows = self.to_rows(key)?;
        let mut encoder = minicbor::Encoder::new(Vec::with_capacity(rows.len() + 48));
        encoder
            .array(3)
            .and_then(|encoder| encoder.u8(VERSION))
            .and_then(|encoder| encoder.bytes(self.key.as_bytes()))
            .and_then(|encoder| encoder.bytes(&rows))
            .expect("writing to a Vec cannot fail");
        Ok(encoder.into_writer())
    }

    /// Reads a batch from its canonical bytes.
    ///
    /// # Errors
    /// [`Error`]; every other form of the same batch is refused.
    pub fn from_bytes(key: &PublicKey, bytes: &[u8]) -> Result<Self, Error> {
        let malformed = |detail: String| Error::Malformed { detail };
        let (found, rows) = decoded(bytes).map_err(|error| malformed(error.to_string()))?;
        if found != key.digest() {
            return Err(Error::WrongKey { expected: key.digest(), found });
        }
        let batch = Self::from_rows(key, rows)?;
        if batch.to_bytes(key)? == bytes { Ok(batch) } else { Err(malformed("not in canonical form".into())) }
    }
}

/// One in every lane, not in Montgomery form: fills the lanes behind a batch's end.
pub(crate) fn unit_pairs(key: &PublicKey) -> Pairs {
    let mut pairs = key.modulus().zero_pairs();
    pairs.low.add_small([1; LANES]);
    pairs
}

/// Reads a ciphertext's digits, those of c mod n first; `None` if a half is not below n.
pub(crate) fn read_row(key: &PublicKey, row: &[u8], digits: &mut [u64]) -> Option<()> {
    let n = &key.modulus().digits;
    let halves = row.chunks_exact(key.size().bytes()).zip(digits.chunks_exact_mut(n.len()));
    for (half, digits) in halves {
        digits_of_bytes(half, digits);
        // Ciphertexts are no secret: the highest digit nearly always decides.
        let below = digits.iter().rev().cmp(n.iter().rev()).is_lt();
        below.then_some(())?;
    }
    Some(())
}

fn write_half(lanes: &Lanes, lane: usize, half: &mut [u8]) {
    let mut digits = vec![0; lanes.0.len()];
    lanes.get(lane, &mut digits);
    let mut words = vec![0; half.len() / 8];
    words_of_digits(&digits, &mut words);
    half.chunks_exact_mut(8).zip(words).for_each(|(bytes, word)| bytes.copy_from_slice(&word.to_le_bytes()));
}

fn decoded(bytes: &[u8]) -> Result<(KeyDigest, &[u8]), minicbor::decode::Error> {
    let mut decoder = minicbor::Decoder::new(bytes);
    if decoder.array()? != Some(3) || decoder.u8()? != VERSION {
        return Err(minicbor::decode::Error::message("not version 1 of a batch of ciphertexts"));
    }
    let digest = decoder.bytes()?.try_into().map_err(|_| minicbor::decode::Error::message("not a digest"))?;
    Ok((KeyDigest::from_bytes(digest), decoder.bytes()?))
}

impl Ciphertexts {
    /// Reads ciphertexts as the plain integers c below n² that other implementations exchange.
    ///
    /// # Errors
    /// As [`Ciphertexts::from_rows`].
    pub fn from_integers(key: &PublicKey, integers: &[BoxedUint]) -> Result<Self, Error> {
        let n = NonZero::new(key.n()).expect("a modulus is not zero");
        let half = key.size().bytes();
        let mut rows = Vec::with_capacity(integers.len() * 2 * half);
        for (index, integer) in integers.iter().enumerate() {
            let (high, low) = integer.div_rem_vartime(&n);
            if high.bits_vartime() > key.size().bits() {
                return Err(Error::OutOfRange { index });
            }
            for number in [low, high] {
                let mut bytes = number.to_le_bytes().into_vec();
                bytes.resize(half, 0);
                rows.extend(bytes);
            }
        }
        Self::from_rows(key, &rows)
    }

    /// The ciphertexts as the plain integers c below n² that other implementations exchange.
    ///
    /// # Errors
    /// [`Error::WrongKey`].
    pub fn to_integers(&self, key: &PublicKey) -> Result<Vec<BoxedUint>, Error> {
        let n = key.n();
        let rows = self.to_rows(key)?;
        let integer = |row: &[u8]| {
            let (low, high) = row.split_at(key.size().bytes());
            let high = BoxedUint::from_le_slice_vartime(high).concatenating_mul(&n);
            BoxedUint::from_le_slice_vartime(low).resize(high.bits_precision()).wrapping_add(&high)
        };
        Ok(rows.chunks_exact(key.ciphertext_bytes()).map(integer).collect())
    }
}
