//! Seats, and who takes them.

use std::fmt;

use cowl_crypto::digest::Digest;
use cowl_domain::{PartyId, PartyKeys, wire};
use minicbor::{Decode, Encode};

use crate::refusal::Refusal;

/// What a party does in a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Seat {
    /// Owns items that go in.
    #[n(0)]
    DataOwner,
    /// Owns the model that goes in.
    #[n(1)]
    ModelOwner,
    /// Deals correlated randomness to the others.
    #[n(2)]
    Dealer,
    /// Computes on what it cannot open.
    #[n(3)]
    Evaluator,
    /// Holds a key, or a share of one, with which results are opened.
    #[n(4)]
    Opener,
    /// Computes in the clear inside trusted hardware.
    #[n(5)]
    Enclave,
    /// Gets the result.
    #[n(6)]
    Receiver,
}

impl Seat {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DataOwner => "data owner",
            Self::ModelOwner => "model owner",
            Self::Dealer => "dealer",
            Self::Evaluator => "evaluator",
            Self::Opener => "opener",
            Self::Enclave => "enclave",
            Self::Receiver => "receiver",
        }
    }
}

impl fmt::Display for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One line of a roster, as plans and consents name it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Assignment {
    /// The seat.
    #[n(0)]
    pub seat: Seat,
    /// Who takes it.
    #[n(1)]
    pub party: PartyId,
    /// [`PartyKeys::digest`] of the keys with which it is known to the others.
    #[cbor(n(2), with = "wire::fixed")]
    pub keys: Digest,
}

/// Who takes which seat, with which keys. The caller vouches for the keys: they come from the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    seated: Vec<(Seat, PartyKeys)>,
}

impl Roster {
    /// The roster of these, in the order of seat and party. A party may take several seats.
    ///
    /// # Errors
    /// [`Refusal::SeatedTwice`] for the same seat twice, or two sets of keys of one party.
    pub fn new(seated: impl IntoIterator<Item = (Seat, PartyKeys)>) -> Result<Self, Refusal> {
        let mut seated: Vec<_> = seated.into_iter().collect();
        seated.sort_by_key(|(seat, keys)| (*seat, keys.party));
        for (place, (seat, keys)) in seated.iter().enumerate() {
            let clashes = |(other, theirs): &(Seat, PartyKeys)| {
                theirs.party == keys.party && (other == seat || theirs != keys)
            };
            if seated[..place].iter().any(clashes) {
                return Err(Refusal::SeatedTwice { seat: *seat, party: keys.party });
            }
        }
        Ok(Self { seated })
    }

    /// Seats and parties, sorted.
    pub fn places(&self) -> impl Iterator<Item = (Seat, PartyId)> {
        self.seated.iter().map(|(seat, keys)| (*seat, keys.party))
    }

    /// The keys of `party` where it sits as `seat`.
    pub fn keys(&self, seat: Seat, party: PartyId) -> Option<&PartyKeys> {
        self.seated.iter().find(|(one, keys)| *one == seat && keys.party == party).map(|(_, keys)| keys)
    }

    /// The roster as plans and consents name it.
    pub fn assignments(&self) -> Vec<Assignment> {
        let named = |(seat, keys): &(Seat, PartyKeys)| Assignment {
            seat: *seat,
            party: keys.party,
            keys: keys.digest(),
        };
        self.seated.iter().map(named).collect()
    }

    /// Whether exactly these seats are taken by these parties.
    ///
    /// # Errors
    /// [`Refusal::SeatEmpty`] or [`Refusal::SeatUnneeded`].
    pub fn require_exactly(&self, needed: &[(Seat, PartyId)]) -> Result<(), Refusal> {
        let missing = needed.iter().find(|(seat, party)| self.keys(*seat, *party).is_none());
        if let Some(&(seat, party)) = missing {
            return Err(Refusal::SeatEmpty { seat, party });
        }
        match self.places().find(|place| !needed.contains(place)) {
            Some((seat, party)) => Err(Refusal::SeatUnneeded { seat, party }),
            None => Ok(()),
        }
    }
}
