//! Bundles on their way from the dealer to one of its parties.

use std::io::{self, Read, Write};

use cowl_crypto::digest::Hasher;
use cowl_domain::{PartyId, Signed};
use cowl_mpc::Party;
use cowl_mpc::bundle::BundleId;

use super::engine::Computation;
use super::error::{InferError, name_of};
use super::job::{Job, Order, Seats};
use super::keys::Keys;
use super::peer::{Link, PeerKey, StreamReader};
use super::store::{Folder, Ledger, Stock, Terms, sealed_bundle_length};
use super::wire::{Dealt, FromDealer, ToDealer};

/// One party's side of a set-up, as far as bundles are concerned.
pub(crate) struct Fetching<'a> {
    pub(crate) keys: &'a dyn Keys,
    pub(crate) folder: &'a Folder,
    pub(crate) ledger: &'a Ledger,
    pub(crate) dealer: &'a PeerKey,
    pub(crate) terms: &'a Terms,
    pub(crate) computation: &'a Computation,
    pub(crate) seat: Party,
    /// All three.
    pub(crate) seats: Seats,
}

impl Fetching<'_> {
    /// Takes in the next bundle that waits at the dealer; `ready` makes of it what it must be before the dealer
    /// forgets it. Whether there was one.
    ///
    /// # Errors
    /// [`InferError::Disagreement`] when it is not the dealer's, or not the one that it has signed.
    pub(crate) fn next(
        &self,
        link: &mut Link,
        ready: impl FnOnce(&Stock<'_>, BundleId) -> Result<(), InferError>,
    ) -> Result<bool, InferError> {
        let set_up = self.terms.id;
        link.say(&ToDealer::Next { set_up })?;
        let (signed, order) = match link.hear("answer of a dealer")? {
            FromDealer::Nothing => return Ok(false),
            FromDealer::Parcel { dealt, order } => (dealt, order),
            _ => return Err(link.unexpected("no parcel".to_owned()).into()),
        };
        let dealt = self.checked(&signed)?;
        let bundle = BundleId::from(dealt.bundle);
        let stock = Stock::new(self.folder, set_up, self.seat);
        if self.ledger.recorded()?.contains(&bundle.0) {
            // It was used before the dealer heard that it is kept.
            io::copy(&mut StreamReader::new(link), &mut io::sink())
                .map_err(|error| InferError::stream(&self.folder.path("used").unwrap_or_default(), error))?;
        } else {
            self.check(bundle, &order)?;
            self.keep(link, &stock, &dealt, &order)?;
            ready(&stock, bundle)?;
        }
        link.say(&ToDealer::Kept { set_up, bundle: dealt.bundle })?;
        match link.hear("answer of a dealer")? {
            FromDealer::Done => Ok(true),
            _ => Err(link.unexpected("a bundle is not taken as kept".to_owned()).into()),
        }
    }

    fn checked(&self, signed: &[u8]) -> Result<Dealt, InferError> {
        let signed = Signed::<Dealt>::from_bytes(signed).map_err(|error| self.wrong(&error.to_string()))?;
        let dealt = signed.verify(&self.dealer.keys)?.into_statement();
        let size = sealed_bundle_length(self.computation.bundle_bytes(self.seat));
        let fits = dealt.set_up == self.terms.id
            && dealt.party == self.me()
            && dealt.program == self.terms.program
            && dealt.size == size;
        if fits { Ok(dealt) } else { Err(self.wrong("it belongs to another set-up, party or program")) }
    }

    /// That the bundle is for a job of this set-up, and that the dealer has consented to it.
    fn check(&self, bundle: BundleId, order: &Order) -> Result<(), InferError> {
        let job = Job::new(self.terms, self.computation, bundle, &order.basis, self.seats.clone())?;
        job.check_dealers(&order.consent)
    }

    fn me(&self) -> PartyId {
        self.keys.party()
    }

    fn keep(
        &self,
        link: &mut Link,
        stock: &Stock<'_>,
        dealt: &Dealt,
        order: &Order,
    ) -> Result<(), InferError> {
        let bundle = BundleId::from(dealt.bundle);
        self.folder.room_for(dealt.size)?;
        stock.keep_order(bundle, order)?;
        let mut file = stock.begin(bundle)?;
        let path = file.path().to_owned();
        let (mut hasher, mut left, mut buffer) = (Hasher::new(), dealt.size, vec![0; BUFFER]);
        let mut stream = StreamReader::new(link);
        loop {
            let length = stream.read(&mut buffer).map_err(|error| InferError::stream(&path, error))?;
            if length == 0 {
                break;
            }
            left = left.checked_sub(length as u64).ok_or_else(|| self.wrong("it is too long"))?;
            hasher.update(&buffer[..length]);
            file.write_all(&buffer[..length]).map_err(|source| InferError::file(&path, source))?;
        }
        if left > 0 || hasher.finalize() != dealt.digest {
            return Err(self.wrong(&format!("{} is not what was signed", name_of(&bundle))));
        }
        file.keep()
    }

    fn wrong(&self, why: &str) -> InferError {
        InferError::Disagreement(format!("a bundle of {} does not hold: {why}", self.dealer.name))
    }
}

const BUFFER: usize = 256 << 10;
