//! The log, and whether the server is up.

use cowl_crypto::merkle::Hash;

use super::call::Call;
use super::{Client, ClientError};
use crate::paths;
use crate::types::*;

/// No answer to a call for a checkpoint is longer.
const MAX_CHECKPOINT: usize = 64 * 1024;

impl Client {
    /// The newest checkpoint, a signed note; [`cowl_crypto::log::open_checkpoint`] checks it.
    pub async fn checkpoint(&self) -> Result<String, ClientError> {
        let call = Call::read(paths::CHECKPOINT);
        let body = self.exchange(&call, MAX_CHECKPOINT, |request| request).await?;
        String::from_utf8(body.into()).map_err(|e| call.bad_answer(e))
    }

    /// Proof that the tree of `to` leaves continues that of `from`.
    pub async fn consistency(&self, from: u64, to: u64) -> Result<Vec<Hash>, ClientError> {
        self.proof(|| Call::read(paths::CONSISTENCY).query("from", Some(from)).query("to", Some(to))).await
    }

    /// Proof that leaf `index` is among the first `size`.
    pub async fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash>, ClientError> {
        self.proof(|| Call::read(paths::INCLUSION).query("index", Some(index)).query("size", Some(size)))
            .await
    }

    /// Events that concern the caller, behind leaf `after`.
    pub async fn events(&self, after: Option<u64>, limit: u32) -> Result<EventPage, ClientError> {
        self.fetch(Call::read(paths::EVENTS).query("after", after).query("limit", Some(limit))).await
    }

    /// Key bindings of everybody, behind leaf `after`.
    pub async fn bindings(&self, after: Option<u64>, limit: u32) -> Result<BindingPage, ClientError> {
        self.fetch(Call::read(paths::BINDINGS).query("after", after).query("limit", Some(limit))).await
    }

    /// Succeeds while the server's database and part store answer.
    pub async fn ready(&self) -> Result<(), ClientError> {
        self.touch(Call::read(paths::READY)).await
    }

    async fn proof(&self, call: impl Fn() -> Call) -> Result<Vec<Hash>, ClientError> {
        let proof: Proof = self.fetch(call()).await?;
        let hashes: Option<_> =
            proof.hashes.into_iter().map(|blob| Some(Hash::from_bytes(blob.0.try_into().ok()?))).collect();
        hashes.ok_or_else(|| call().bad_answer("a hash of a proof is not 32 bytes"))
    }
}
