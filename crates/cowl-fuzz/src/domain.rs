//! `cowl-domain`: statements and values in canonical form.

use std::fmt::Debug;

use cowl_domain::wire::{self, Statement};
use cowl_domain::*;
use minicbor::{Decode, Encode};

/// Every kind of signed statement, read from the same bytes.
pub fn statements(bytes: &[u8]) {
    statement::<KeyBinding>(bytes);
    statement::<RecordGenesis>(bytes);
    statement::<Epoch>(bytes);
    statement::<RecordHead>(bytes);
    statement::<OriginClaim>(bytes);
    statement::<Placement>(bytes);
    statement::<Grant>(bytes);
    statement::<Share>(bytes);
    statement::<Revocation>(bytes);
    statement::<AccessRequest>(bytes);
    statement::<RequestAnswer>(bytes);
    if let Ok(binding) = Signed::from_bytes(bytes) {
        let _ = party::verify_first_binding(&binding);
    }
}

/// What is accepted was written in the one form that it has.
pub(crate) fn statement<T: Statement>(bytes: &[u8]) {
    if let Ok(signed) = Signed::<T>::from_bytes(bytes) {
        assert_eq!(signed.to_bytes(), bytes, "two forms of one {}", T::NAME);
        assert!(signed.dangerous_unverified().is_ok());
    }
}

/// Values that are not signed by themselves, and texts.
pub fn values(bytes: &[u8]) {
    value::<Manifest>(bytes);
    value::<Label>(bytes);
    value::<Event>(bytes);
    value::<PartyKeys>(bytes);
    value::<Handle>(bytes);
    if let Ok(manifest) = wire::decode::<Manifest>("manifest", bytes) {
        let _ = manifest.payload_size();
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        texts(text);
    }
}

pub(crate) fn value<T: Encode<()> + for<'b> Decode<'b, ()> + PartialEq + Debug>(bytes: &[u8]) {
    if let Ok(value) = wire::decode::<T>("value", bytes) {
        assert_eq!(wire::encode(&value), bytes);
    }
}

fn texts(text: &str) {
    if let Ok(item) = text.parse::<ItemId>() {
        assert_eq!(item.to_string(), text);
    }
    if let Ok(handle) = text.parse::<Handle>() {
        assert_eq!(handle.as_str(), text);
    }
    let _ = text.parse::<Powers>();
    let _ = text.parse::<Role>();
    let _ = text.parse::<Purpose>();
    let _ = text.parse::<Kind>();
}
