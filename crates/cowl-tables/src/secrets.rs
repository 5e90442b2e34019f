//! What the opener of a table holds, and nobody else: the key that opens sums, the secret of the row tags, and which
//! cells are missing.

use std::sync::Arc;

use cowl_crypto::secret::Secret;
use cowl_domain::table::TableSchema;
use cowl_domain::wire::WireError;
use cowl_paillier::{Ciphertexts, Timing};
use cowl_paillier_secret::SecretKey;
use minicbor::{Decoder, Encoder};
use num_bigint::BigInt;
use rayon::prelude::*;
use zeroize::Zeroizing;

use crate::absent::assert_absent;
use crate::layout::SlotPlan;
use crate::rows::RowSet;
use crate::signed::{from_plaintext, modulus};
use crate::tag::TagKey;

const WHAT: &str = "opener's secrets";
/// The version in their bytes.
const VERSION: u8 = 1;
/// Ciphertexts that one core opens at once.
const OPENED_AT_ONCE: usize = 16;

/// The opener's secrets of one table. They stay with the owner; no grant hands them over.
pub struct OpenerSecrets {
    key: Arc<SecretKey>,
    tags: Secret<32>,
    /// For each column of the schema the rows in which it has a value; `None` where it has one in all, or is not secret.
    present: Vec<Option<RowSet>>,
}

assert_absent!(OpenerSecrets: Clone, std::fmt::Debug, std::fmt::Display, PartialEq);

impl OpenerSecrets {
    /// Secrets of a new table, with a fresh secret for its row tags.
    pub(crate) fn new(key: Arc<SecretKey>, present: Vec<Option<RowSet>>) -> Self {
        Self { key, tags: Secret::make(), present }
    }

    /// The key pair.
    pub fn key(&self) -> &Arc<SecretKey> {
        &self.key
    }

    /// Whether these are the secrets of a table with this schema.
    pub fn fit(&self, schema: &TableSchema) -> bool {
        self.key.public().digest().as_bytes() == schema.key.as_bytes()
            && self.present.len() == schema.columns.len()
            && self.present.iter().flatten().all(|rows| rows.rows() == schema.rows)
    }

    /// The rows in which none of these columns is missing: those that contribute to sums of a set.
    pub fn complete(&self, columns: &[u16], rows: u64) -> RowSet {
        let known = columns.iter().filter_map(|column| self.present.get(usize::from(*column))?.as_ref());
        known.fold(RowSet::all(rows), |all, present| all.and(present))
    }

    /// The key of the row tags of one of the table's sets.
    pub(crate) fn tag_key(&self, set: u16, plan: &SlotPlan) -> TagKey {
        let context = [self.key.public().digest().as_bytes().as_slice(), &set.to_be_bytes()].concat();
        TagKey::derive(&self.tags, &context, plan.slots(), plan.tags())
    }

    /// The integers in some ciphertexts that stand behind each other, opened on all cores. An error counts ciphertexts
    /// from the first of those that a core had.
    pub(crate) fn open(
        &self,
        ciphertexts: &[u8],
        timing: Timing,
    ) -> Result<Vec<BigInt>, cowl_paillier::Error> {
        let (public, modulus) = (self.key.public(), modulus(self.key.public()));
        let open = |chunk: &[u8]| {
            let opened = self.key.decrypt(&Ciphertexts::from_rows(public, chunk)?, timing)?;
            Ok(opened.iter().map(|plaintext| from_plaintext(plaintext, &modulus)).collect())
        };
        let chunks = ciphertexts.par_chunks(OPENED_AT_ONCE * public.ciphertext_bytes());
        let opened: Vec<Vec<BigInt>> = chunks.map(open).collect::<Result<_, _>>()?;
        Ok(opened.into_iter().flatten().collect())
    }

    /// Their canonical bytes, to be sealed to the owner before they are stored: version, key, secret of the tags, and
    /// for each column its rows or null.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let key = self.key.to_bytes();
        let present: Vec<_> = self.present.iter().map(|rows| rows.as_ref().map(RowSet::to_bytes)).collect();
        // Room for all of it, so that no part is left behind where a growing buffer was.
        let room =
            key.len() + 64 + present.iter().map(|rows| rows.as_ref().map_or(1, Vec::len) + 9).sum::<usize>();
        let mut bytes = Zeroizing::new(Vec::with_capacity(room));
        self.encode(&mut Encoder::new(&mut *bytes), &key, &present).expect("writing to a Vec cannot fail");
        bytes
    }

    fn encode(
        &self,
        to: &mut Encoder<&mut Vec<u8>>,
        key: &[u8],
        present: &[Option<Vec<u8>>],
    ) -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
        to.array(4)?.u8(VERSION)?.bytes(key)?.bytes(self.tags.expose())?.array(present.len() as u64)?;
        for rows in present {
            match rows {
                Some(rows) => to.bytes(rows)?,
                None => to.null()?,
            };
        }
        Ok(())
    }

    /// Reads their canonical bytes.
    ///
    /// # Errors
    /// [`WireError`] for anything else; what stood there is not told.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let malformed = |detail: &str| WireError::Malformed { what: WHAT, detail: detail.to_owned() };
        let secrets = decode(bytes).ok_or_else(|| malformed("they do not hold together"))?;
        if *secrets.to_bytes() == bytes { Ok(secrets) } else { Err(WireError::NotCanonical { what: WHAT }) }
    }
}

fn decode(bytes: &[u8]) -> Option<OpenerSecrets> {
    let mut from = Decoder::new(bytes);
    (from.array().ok()? == Some(4) && from.u8().ok()? == VERSION).then_some(())?;
    let key = Arc::new(SecretKey::from_bytes(from.bytes().ok()?).ok()?);
    let tags = Secret::from_slice(from.bytes().ok()?)?;
    let columns = from.array().ok()??;
    let mut present = Vec::new();
    for _ in 0..columns {
        let is_null = from.datatype().ok()? == minicbor::data::Type::Null;
        present.push(match is_null {
            true => from.null().map(|()| None).ok()?,
            false => Some(RowSet::from_bytes(from.bytes().ok()?).ok()?),
        });
    }
    Some(OpenerSecrets { key, tags, present })
}
