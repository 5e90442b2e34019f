//! Items sealed in memory, as the vault seals them: a file key each, wrapped for the record's epoch and its
//! owner; the payload; the hashes of the parts.

use std::fmt::Display;

use cowl_crypto::secret::hkdf_sha256;
use cowl_imaging::chaotic::{self, ChaoticKey, ImageSize};
use cowl_imaging::display::DisplayImage;
use cowl_seal::hybrid_rsa::RsaSecretKey;
use cowl_seal::payload::{Cores, PayloadOpener, PayloadSealer, plain_length, sealed_length};
use cowl_seal::split::{PartCheck, SplitPlan};
use cowl_seal::suite::{OpenWith, SealTo, decode_header, open_header, seal_header};
use cowl_seal::{ItemKey, Suite, XWingIdentity};
use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};

use crate::failure::{Failure, Result};

/// How an item is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// The product's.
    Standard,
    /// The published one for texts.
    HybridRsa,
    /// The published one for images, inside a standard envelope.
    ChaoticImage,
}

/// Content to be sealed. To the chaotic scheme, what is no image is a single row.
#[derive(Clone, Copy)]
pub(super) struct Content<'a> {
    bytes: &'a [u8],
    rows: usize,
}

/// The keys of a record and its owner.
pub(super) struct Keys {
    owner: XWingIdentity,
    epoch: XWingIdentity,
    rsa: RsaSecretKey,
}

/// A sealed item.
pub(super) struct SealedItem {
    header: Vec<u8>,
    payload: Vec<u8>,
    plan: SplitPlan,
    checks: Vec<PartCheck>,
    scheme: Scheme,
}

impl<'a> Content<'a> {
    /// All of it.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

impl<'a> From<&'a DisplayImage> for Content<'a> {
    fn from(image: &'a DisplayImage) -> Self {
        Self { bytes: image.samples(), rows: image.height() }
    }
}

impl<'a> From<&'a Vec<u8>> for Content<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Self { bytes, rows: 1 }
    }
}

impl Scheme {
    fn suite(self) -> Suite {
        match self {
            Self::HybridRsa => Suite::HybridRsa,
            Self::Standard | Self::ChaoticImage => Suite::Standard,
        }
    }
}

impl Keys {
    /// Fresh ones; takes tenths of a second.
    pub(super) fn make() -> Self {
        Self { owner: XWingIdentity::make(), epoch: XWingIdentity::make(), rsa: RsaSecretKey::make() }
    }

    /// Seals one item.
    pub(super) fn seal(&self, scheme: Scheme, content: Content<'_>) -> Result<SealedItem> {
        let key = ItemKey::make(scheme.suite());
        let scrambled;
        let plain = match scheme {
            Scheme::ChaoticImage => {
                scrambled = scramble(&key, content)?;
                &scrambled
            }
            Scheme::Standard | Scheme::HybridRsa => content.bytes,
        };
        let mut payload = vec![0; sealed_length(plain.len() as u64) as usize];
        let plan = SplitPlan::draw(payload.len() as u64, &cowl_crypto::id::random_bytes());
        let checks = PayloadSealer::new(&key).seal_parts(plain, &plan, &mut payload, Cores::One);
        Ok(SealedItem { header: self.header(&key)?, payload, plan, checks, scheme })
    }

    fn header(&self, key: &ItemKey) -> Result<Vec<u8>> {
        let (owner, epoch) = (SealTo::XWing(self.owner.recipient()), SealTo::XWing(self.epoch.recipient()));
        let recipients = match key.suite() {
            Suite::Standard => vec![epoch, owner],
            Suite::HybridRsa => vec![SealTo::Rsa(self.rsa.public_key()), epoch, owner],
        };
        Ok(seal_header(key, &recipients).map_err(fault)?.encode())
    }

    /// Opens one item, every part checked.
    pub(super) fn open(&self, item: &SealedItem) -> Result<Vec<u8>> {
        let header = decode_header(&item.header).map_err(fault)?;
        let with = match header.suite() {
            Suite::Standard => OpenWith::XWing(&self.epoch),
            Suite::HybridRsa => OpenWith::Rsa(&self.rsa),
        };
        let key = open_header(&header, &[with]).map_err(fault)?;
        let mut plain = vec![0; plain_length(item.payload.len() as u64).map_err(fault)? as usize];
        let parts = item.plan.split(&item.payload);
        PayloadOpener::open_parts(&key, &item.checks, &parts, &mut plain, Cores::One).map_err(fault)?;
        match item.scheme {
            Scheme::ChaoticImage => Ok(chaotic::decode(&chaotic_key(&key), &plain).map_err(fault)?.1),
            Scheme::Standard | Scheme::HybridRsa => Ok(plain),
        }
    }

    /// Seals items on all cores, as the vault does.
    pub(super) fn seal_all(&self, contents: &[(Scheme, Content<'_>)]) -> Result<Vec<SealedItem>> {
        contents.par_iter().with_max_len(1).map(|(scheme, content)| self.seal(*scheme, *content)).collect()
    }

    /// Opens items on all cores.
    pub(super) fn open_all(&self, items: &[SealedItem]) -> Result<Vec<Vec<u8>>> {
        items.par_iter().with_max_len(1).map(|item| self.open(item)).collect()
    }
}

fn scramble(key: &ItemKey, content: Content<'_>) -> Result<Vec<u8>> {
    let side = |length: usize| u32::try_from(length).map_err(fault);
    let size = ImageSize::new(side(content.rows)?, side(content.bytes.len() / content.rows)?);
    chaotic::encode(&chaotic_key(key), size.map_err(fault)?, content.bytes).map_err(fault)
}

fn chaotic_key(key: &ItemKey) -> ChaoticKey {
    ChaoticKey::from_secret(*hkdf_sha256(key.expose(), b"", b"cowl bench").expose())
}

/// What was just sealed opens; if not, the program is at fault.
fn fault(error: impl Display) -> Failure {
    Failure::usage(format!("the bench itself failed: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scheme_gives_the_content_back() {
        let keys = Keys::make();
        let content: Vec<u8> = (0..100_000u32).map(|at| (at / 7) as u8).collect();
        for scheme in [Scheme::Standard, Scheme::HybridRsa, Scheme::ChaoticImage] {
            let items = keys.seal_all(&[(scheme, Content { bytes: &content, rows: 250 })]).unwrap();
            assert!(keys.open_all(&items).unwrap() == [content.clone()], "{scheme:?}");
        }
    }
}
