//! Packs come back as they went in.

use bytes::Bytes;
use cowl_crypto::id::random_bytes;
use cowl_store::{PackKey, StoreError};
use futures_util::stream;

use super::{Stores, noise};

/// A pack from pieces and a pack from a stream have the same bytes, in every range.
pub async fn packs_are_read_back(stores: &Stores) {
    let bytes = noise(9 * 1024 * 1024 + 17);
    let [whole, streamed] = [(); 2].map(|()| PackKey::from_bytes(random_bytes()));
    let pieces: Vec<Bytes> = (0..bytes.len())
        .step_by(1_000_000)
        .map(|at| bytes.slice(at..bytes.len().min(at + 1_000_000)))
        .collect();
    let length = bytes.len() as u64;
    assert_eq!(stores.parts.put_pack(whole, pieces.clone()).await.unwrap(), length);
    let pieces = stream::iter(pieces.into_iter().map(Ok));
    assert_eq!(stores.parts.put_pack_stream(streamed, pieces).await.unwrap(), length);
    for pack in [whole, streamed] {
        assert_eq!(stores.parts.range(pack, 0..length).await.unwrap(), bytes);
        let ranges = [5..6, 100..100_000, length - 1..length];
        let read = stores.parts.ranges(pack, &ranges).await.unwrap();
        for (range, read) in ranges.iter().zip(read) {
            let expected = bytes.slice(range.start as usize..range.end as usize);
            assert_eq!(read, expected);
        }
        let beyond = stores.parts.range(pack, length - 1..length + 5).await;
        assert!(matches!(beyond, Err(StoreError::Corrupt { .. })), "{beyond:?}");
    }
}

/// A stream that breaks off leaves no pack.
pub async fn a_broken_stream_leaves_nothing(stores: &Stores) {
    let pack = PackKey::from_bytes(random_bytes());
    let broken = StoreError::Refused { reason: "the client hung up" };
    let pieces = stream::iter([Ok(noise(1000)), Err(broken.clone())]);
    assert_eq!(stores.parts.put_pack_stream(pack, pieces).await, Err(broken));
    assert_eq!(stores.parts.range(pack, 0..10).await, Err(StoreError::NotFound));
    stores.parts.delete(pack).await.unwrap();
    stores.parts.ping().await.unwrap();
    stores.ledger.ping().await.unwrap();
}
