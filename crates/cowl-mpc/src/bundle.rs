//! One run's correlations for one party: a header, then every layer's bytes in the order of the program.
//!
//! Lengths follow from the program alone ([`Plan::bytes`]), so a bundle that is too short or too long is no
//! bundle. Bundles hold secrets: they are sealed to their party, used once and erased; this module only makes
//! and reads the bytes.
//!
//! # Format
//! `cowl-mpc` and the version (9 bytes), the seat (1), the bundle's id (16), the public key of the
//! permutation (16), the id of the set-up (16), the digest of the program (32), the length of what follows the
//! header (8, little-endian), the party's secret seed (16); then the layers.
//!
//! # Secure when
//! Both parties got the same id, permutation, set-up and program ([`Opened::common`], which their greetings
//! compare), and no id is ever used twice. All that is secret or fresh comes from the operating system, per
//! bundle.

use std::ops::Range;

use zeroize::Zeroizing;

use crate::dealing::{Dealer, Delivery, KeySource, Seat};
use crate::error::Error;
use crate::linear::{Linear, SetupId, SetupSeed};
use crate::prg::{Kernel, Lane, Permutation, Seed, SeedStream};
use crate::protocol::Gate;
use crate::ring::Party;

const MAGIC: [u8; 9] = *b"cowl-mpc\x01";
/// Bytes of a header.
pub const HEADER_BYTES: usize = MAGIC.len() + 1 + 16 + 16 + 16 + 32 + 8 + 16;

/// A layer that needs correlations.
pub enum Layer {
    /// With weights.
    Linear(Linear),
    /// Without.
    Gate(Box<dyn Gate>),
}

/// The layers of a program in its order.
pub struct Plan {
    digest: [u8; 32],
    layers: Vec<Layer>,
}

impl Plan {
    /// `digest` names the program.
    pub fn new(digest: [u8; 32], layers: Vec<Layer>) -> Self {
        Self { digest, layers }
    }

    /// The digest that names the program.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The layers with their lanes.
    pub fn layers(&self) -> impl Iterator<Item = (Lane, &Layer)> {
        self.layers_at(0..self.layers.len())
    }

    /// Some of the layers with their lanes.
    pub(crate) fn layers_at(&self, places: Range<usize>) -> impl Iterator<Item = (Lane, &Layer)> {
        (places.start as u32..).map(|place| Lane::new(place, 0)).zip(&self.layers[places])
    }

    /// How many layers.
    pub(crate) fn len(&self) -> usize {
        self.layers.len()
    }

    /// Bytes of a party's bundle behind the header, exactly.
    pub fn bytes(&self, party: Party) -> u64 {
        self.layers.iter().map(|layer| layer.key_bytes(party)).sum()
    }
}

impl Layer {
    /// Bytes of the correlation, exactly.
    pub fn key_bytes(&self, party: Party) -> u64 {
        match self {
            Self::Linear(linear) => linear.key_bytes(party),
            Self::Gate(gate) => gate.key_bytes(party),
        }
    }
}

/// What both parties know of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BundleId(pub [u8; 16]);

/// What the dealer drew for one run.
pub struct Draw {
    id: BundleId,
    permutation: [u8; 16],
    seeds: [Seed; 2],
}

impl Draw {
    /// A fresh one from the operating system.
    ///
    /// # Errors
    /// [`Error::Randomness`].
    pub fn random() -> Result<Self, Error> {
        let (mut id, mut permutation) = ([0; 16], [0; 16]);
        for bytes in [&mut id, &mut permutation] {
            getrandom::fill(bytes).map_err(|_| Error::Randomness)?;
        }
        Ok(Self { id: BundleId(id), permutation, seeds: [Seed::random()?, Seed::random()?] })
    }

    /// One that is known, for frozen vectors and for the reference that knows the masks.
    pub fn known(id: BundleId, permutation: [u8; 16], seeds: [Seed; 2]) -> Self {
        Self { id, permutation, seeds }
    }

    /// The bundle's id.
    pub fn id(&self) -> BundleId {
        self.id
    }

    /// The dealer's view, which is also the plaintext reference's.
    pub fn dealer(&self, kernel: Kernel) -> Dealer {
        let streams = self.seeds.each_ref().map(|seed| SeedStream::new(kernel, seed));
        Dealer::new(Permutation::new(kernel, &self.permutation), streams)
    }

    fn header(&self, party: Party, plan: &Plan, setup: SetupId) -> Zeroizing<Vec<u8>> {
        let length = plan.bytes(party).to_le_bytes();
        let seed = self.seeds[party.index()].expose();
        let seat = [party.index() as u8];
        let parts: [&[u8]; 8] =
            [&MAGIC, &seat, &self.id.0, &self.permutation, &setup.0, &plan.digest, &length, seed];
        let mut header = Zeroizing::new(Vec::with_capacity(HEADER_BYTES));
        parts.into_iter().for_each(|part| header.extend_from_slice(part));
        header
    }
}

/// Deals one run: both parties' bundles, header and all.
///
/// # Errors
/// [`Error::Delivery`].
pub fn deal(
    kernel: Kernel,
    plan: &Plan,
    setup: &SetupSeed,
    draw: &Draw,
    delivery: &mut dyn Delivery,
) -> Result<(), Error> {
    for party in Party::BOTH {
        delivery.deliver(party, &draw.header(party, plan, setup.id()))?;
    }
    let dealer = draw.dealer(kernel);
    plan.layers().try_for_each(|(lane, layer)| match layer {
        Layer::Linear(linear) => linear.deal(lane, &setup.mask(linear, lane), &dealer, delivery),
        Layer::Gate(gate) => gate.deal(lane, &dealer, delivery),
    })
}

/// A bundle whose header has been read: what is behind it is next in its source.
pub struct Opened {
    id: BundleId,
    setup: SetupId,
    common: [u8; 32],
    seat: Seat,
}

impl Opened {
    /// Which bundle.
    pub fn id(&self) -> BundleId {
        self.id
    }

    /// The set-up that it was dealt for.
    pub fn setup(&self) -> SetupId {
        self.setup
    }

    /// A digest of everything that both parties' headers must have in common.
    pub fn common(&self) -> &[u8; 32] {
        &self.common
    }

    /// The party's place in the run.
    pub fn seat(&self) -> &Seat {
        &self.seat
    }

    pub(crate) fn into_seat(self) -> Seat {
        self.seat
    }
}

/// Reads a bundle's header and takes the seat that it is for.
///
/// # Errors
/// [`Error::Header`] when it is another version, another party's or another program's, [`Error::KeysEnd`].
pub fn open(kernel: Kernel, party: Party, plan: &Plan, keys: &mut dyn KeySource) -> Result<Opened, Error> {
    let mut header = keys.take(HEADER_BYTES)?;
    let length = plan.bytes(party).to_le_bytes();
    let fits = field::<9>(&mut header) == MAGIC && field(&mut header) == [party.index() as u8];
    let (id, permutation, setup) =
        (BundleId(field(&mut header)), field(&mut header), SetupId(field(&mut header)));
    if !fits || field(&mut header) != plan.digest || field(&mut header) != length {
        return Err(Error::Header);
    }
    let mut common = blake3::Hasher::new_derive_key("cowl/mpc/bundle/v1");
    let parts: [&[u8]; 4] = [&id.0, &permutation, &setup.0, &plan.digest];
    parts.into_iter().for_each(|part| _ = common.update(part));
    let stream = SeedStream::new(kernel, &Seed::from_bytes(field(&mut header)));
    let seat = Seat::new(party, Permutation::new(kernel, &permutation), stream);
    Ok(Opened { id, setup, common: *common.finalize().as_bytes(), seat })
}

fn field<const N: usize>(header: &mut &[u8]) -> [u8; N] {
    let (field, rest) = header.split_first_chunk().expect("the header's length is the sum of its fields");
    *header = rest;
    *field
}
