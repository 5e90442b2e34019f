//! Bundles that wait to be used, sealed as the dealer sealed them.
//!
//! A bundle is a message to its party, which holds the key, and behind it the payload under that key, by AES-256-GCM:
//! it is read as fast as a run goes. It opens in its own place only: set-up, id and seat are in the message's context.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};

use cowl_mpc::Party;
use cowl_mpc::bundle::BundleId;
use cowl_seal::payload::{Cores, OpenReader, PayloadSealer, SealWriter};
use cowl_seal::{FileKey32, ItemKey, XWingRecipient, message};

use super::folder::{Folder, NewFile, SealedReader, SealedWriter};
use super::setup::SetUpId;
use crate::infer::error::InferError;
use crate::infer::job::Order;
use crate::infer::keys::Keys;

/// Which bundle, for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BundleName {
    /// Of which set-up.
    pub(crate) set_up: SetUpId,
    /// Its id.
    pub(crate) bundle: BundleId,
    /// For which seat.
    pub(crate) seat: Party,
}

impl BundleName {
    fn context(&self) -> Vec<u8> {
        let text =
            format!("cowl/infer/bundle/v1 {} {} {}", self.set_up, text(self.bundle), self.seat.index());
        text.into_bytes()
    }

    /// Seals a bundle to its party as it is written.
    ///
    /// # Errors
    /// Those of the writer.
    pub(crate) fn seal<W: Write>(&self, recipient: &XWingRecipient, mut to: W) -> io::Result<SealWriter<W>> {
        let key = FileKey32::make();
        to.write_all(&message::seal_to(recipient, &self.context(), key.expose()))?;
        SealWriter::new(to, PayloadSealer::new(&ItemKey::HybridRsa(key)), Cores::One)
    }

    /// Opens what [`BundleName::seal`] wrote.
    ///
    /// # Errors
    /// `None` when it was not sealed to this party for this place.
    fn open<R: Read>(&self, keys: &dyn Keys, mut from: R) -> Option<OpenReader<R>> {
        let mut sealed = [0; HEAD];
        from.read_exact(&mut sealed).ok()?;
        let key = keys.open(&self.context(), &sealed).ok()?;
        let key = FileKey32::new(key.as_slice().try_into().ok()?);
        OpenReader::new(from, &ItemKey::HybridRsa(key), Cores::One).ok()
    }
}

/// One party's stock for one set-up.
pub(crate) struct Stock<'a> {
    folder: &'a Folder,
    set_up: SetUpId,
    seat: Party,
}

impl<'a> Stock<'a> {
    /// The stock in a folder.
    pub(crate) fn new(folder: &'a Folder, set_up: SetUpId, seat: Party) -> Self {
        Self { folder, set_up, seat }
    }

    /// What is there, in the order of the ids. Bundles of which only a part is there are not among them.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn bundles(&self) -> Result<Vec<BundleId>, InferError> {
        let names = self.folder.names(&format!("{STOCK}/{}", self.set_up))?;
        let ids = names.iter().filter_map(|name| cowl_crypto::id::decode_id(name).ok()).map(BundleId);
        Ok(ids
            .filter(|id| self.seat == Party::ModelOwner || self.folder.has(&self.prepared_name(*id)))
            .filter(|id| self.folder.has(&self.order_name(*id)))
            .collect())
    }

    /// Whether this bundle is there.
    pub(crate) fn has(&self, bundle: BundleId) -> bool {
        self.folder.has(&self.name(bundle)) && self.folder.has(&self.order_name(bundle))
    }

    /// Begins to take a bundle in.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn begin(&self, bundle: BundleId) -> Result<NewFile, InferError> {
        self.folder.begin(&self.name(bundle))
    }

    /// Keeps what a bundle is for; before the bundle, so that none is there without.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn keep_order(&self, bundle: BundleId, order: &Order) -> Result<(), InferError> {
        self.folder.write(&self.order_name(bundle), order)
    }

    /// What a bundle is for.
    ///
    /// # Errors
    /// [`InferError::Empty`] when it is not there, [`InferError::Damaged`]; those of the disk.
    pub(crate) fn order(&self, bundle: BundleId) -> Result<Order, InferError> {
        self.folder.read(&self.order_name(bundle), "job of a bundle")?.ok_or(InferError::Empty)
    }

    /// A bundle's correlations, front to back.
    ///
    /// # Errors
    /// [`InferError::Empty`] when it is not there, [`InferError::Damaged`]; those of the disk.
    pub(crate) fn open(
        &self,
        keys: &dyn Keys,
        bundle: BundleId,
    ) -> Result<OpenReader<BufReader<File>>, InferError> {
        let path = self.folder.path(&self.name(bundle))?;
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(InferError::Empty),
            file => file.map_err(|source| InferError::file(&path, source))?,
        };
        let place = BundleName { set_up: self.set_up, bundle, seat: self.seat };
        place.open(keys, BufReader::new(file)).ok_or(InferError::Damaged { path })
    }

    /// Begins the data owner's part that is computed ahead of time.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn begin_prepared(&self, bundle: BundleId) -> Result<SealedWriter, InferError> {
        self.folder.seal_stream(&self.prepared_name(bundle))
    }

    /// The data owner's part that was computed ahead of time.
    ///
    /// # Errors
    /// [`InferError::Empty`] when it is not there, [`InferError::Damaged`]; those of the disk.
    pub(crate) fn open_prepared(&self, bundle: BundleId) -> Result<SealedReader, InferError> {
        self.folder.open_stream(&self.prepared_name(bundle))?.ok_or(InferError::Empty)
    }

    /// Erases a bundle and what was computed from it. Readers that have opened them go on.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn erase(&self, bundle: BundleId) -> Result<(), InferError> {
        self.folder.erase(&self.prepared_name(bundle))?;
        self.folder.erase(&self.name(bundle))?;
        self.folder.erase(&self.order_name(bundle))
    }

    fn name(&self, bundle: BundleId) -> String {
        format!("{STOCK}/{}/{}", self.set_up, text(bundle))
    }

    fn order_name(&self, bundle: BundleId) -> String {
        format!("{}.job", self.name(bundle))
    }

    fn prepared_name(&self, bundle: BundleId) -> String {
        format!("prepared/{}/{}", self.set_up, text(bundle))
    }
}

/// Bytes of a sealed bundle that holds so many.
pub(crate) fn sealed_bundle_length(bytes: u64) -> u64 {
    HEAD as u64 + cowl_seal::payload::sealed_length(bytes)
}

fn text(bundle: BundleId) -> String {
    cowl_crypto::id::encode_id(&bundle.0)
}

/// Bytes of a message that holds a key: its own head, an encapsulated key, the key and a tag.
const HEAD: usize = 8 + cowl_seal::ENCAPSULATED_LENGTH + 32 + 16;
const STOCK: &str = "stock";
