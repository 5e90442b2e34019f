//! Inverses of whole batches for one inversion (Montgomery's trick), and the check that all are units.

use crypto_bigint::{BoxedUint, ConcatenatingMul, Gcd, NonZero, Odd};

use crate::ciphertext::{Ciphertexts, unit_pairs};
use crate::error::Error;
use crate::kernel::LANES;
use crate::key::PublicKey;
use crate::lanes::{Lanes, Pairs};
use crate::number::digits_of;

impl Ciphertexts {
    /// Encrypted negations, one by one.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::NotAUnit`] cannot come of batches that were checked when read.
    pub fn negate(&self, key: &PublicKey) -> Result<Self, Error> {
        self.expect_key(key)?;
        let montgomery = self.rescaled(key, 1);
        let Some(inverses) = inverses_of_low(key, montgomery.groups()) else {
            self.expect_units(key)?;
            return Err(Error::NotAUnit { index: 0 });
        };
        let (modulus, mut work) = (key.modulus(), key.modulus().workspace());
        let mut groups = Vec::with_capacity(inverses.len());
        for (pairs, inverse) in montgomery.groups().iter().zip(inverses) {
            let mut inverse = Pairs { low: inverse, high: modulus.zero() };
            // x·x' = 1 + k·n, so that x'·(1 − k·n) is the inverse modulo n².
            let mut correction = pairs.clone();
            modulus.multiply_pairs(&mut work, &mut correction, &inverse);
            modulus.leave_pairs(&mut work, &mut correction);
            correction.high.subtract_from(&modulus.digits);
            modulus.enter_pairs(&mut work, &mut correction);
            modulus.multiply_pairs(&mut work, &mut inverse, &correction);
            groups.push(inverse);
        }
        Ok(self.with_groups(groups, 1))
    }

    /// In Montgomery form, with the ciphertexts of negative numbers negated.
    pub(crate) fn with_signs(&self, key: &PublicKey, signs: &[i64]) -> Result<Self, Error> {
        let negated = self.negate(key)?;
        let mut groups = self.rescaled(key, 1).groups().to_vec();
        for (index, _) in signs.iter().enumerate().filter(|(_, sign)| **sign < 0) {
            let (to, from) = (&mut groups[index / LANES], &negated.groups()[index / LANES]);
            let octets = to.low.0.iter_mut().chain(&mut to.high.0).zip(from.low.0.iter().chain(&from.high.0));
            octets.for_each(|(to, from)| to.0[index % LANES] = from.0[index % LANES]);
        }
        Ok(self.with_groups(groups, 1))
    }

    /// Refuses a batch with a number that shares a factor with n: one greatest common divisor for all, and one each
    /// only to find the culprit.
    pub(crate) fn expect_units(&self, key: &PublicKey) -> Result<(), Error> {
        let n = key.n();
        let is_unit = |number: &BoxedUint| number.gcd_vartime(&n).bits_vartime() == 1;
        let (modulus, mut work) = (key.modulus(), key.modulus().workspace());
        let mut product = unit_pairs(key).low;
        for pairs in self.groups() {
            modulus.multiply(&mut work, &mut product, &pairs.low);
        }
        // One lane against the next, four, two and one at a time: all eight are in the first.
        for distance in [4, 2, 1] {
            let turned = product.turned(distance);
            modulus.multiply(&mut work, &mut product, &turned);
        }
        modulus.leave(&mut work, &mut product);
        if is_unit(&modulus.number(&product, 0)) {
            return Ok(());
        }
        let number = |index: &usize| modulus.number(&self.groups()[index / LANES].low, index % LANES);
        let culprit = (0..self.len()).find(|index| !is_unit(&number(index)));
        Err(Error::NotAUnit { index: culprit.unwrap_or_default() })
    }
}

/// The inverses modulo n of the low halves, in Montgomery form like them; `None` if one has none.
fn inverses_of_low(key: &PublicKey, groups: &[Pairs]) -> Option<Vec<Lanes>> {
    let (modulus, mut work) = (key.modulus(), key.modulus().workspace());
    let mut product = modulus.one().low;
    let mut before = Vec::with_capacity(groups.len());
    for pairs in groups {
        before.push(product.clone());
        modulus.multiply(&mut work, &mut product, &pairs.low);
    }
    modulus.leave(&mut work, &mut product);
    let mut inverse = inverse_lanes(key, &product)?;
    modulus.enter(&mut work, &mut inverse);
    let mut inverses = Vec::with_capacity(groups.len());
    for (pairs, mut before) in groups.iter().zip(before).rev() {
        modulus.multiply(&mut work, &mut before, &inverse);
        modulus.multiply(&mut work, &mut inverse, &pairs.low);
        inverses.push(before);
    }
    inverses.reverse();
    Some(inverses)
}

/// The inverse modulo n of each lane, by one inversion of their product.
fn inverse_lanes(key: &PublicKey, lanes: &Lanes) -> Option<Lanes> {
    let n = key.n();
    let modulus = NonZero::new(n.clone()).into_option()?;
    let odd = Odd::new(n).into_option()?;
    let times = |a: &BoxedUint, b: &BoxedUint| a.concatenating_mul(b).rem_vartime(&modulus);
    let numbers: Vec<BoxedUint> = (0..LANES).map(|lane| key.modulus().number(lanes, lane)).collect();
    let mut before = vec![BoxedUint::one_with_precision(key.size().bits())];
    for number in &numbers {
        before.push(times(&before[before.len() - 1], number));
    }
    let mut inverse = before.pop()?.invert_odd_mod_vartime(&odd).into_option()?;
    let mut inverses = key.modulus().zero();
    for (lane, number) in numbers.iter().enumerate().rev() {
        let own = times(&inverse, &before.pop()?);
        inverses.set(lane, &digits_of(&own, key.modulus().digit_count()));
        inverse = times(&inverse, number);
    }
    Some(inverses)
}
