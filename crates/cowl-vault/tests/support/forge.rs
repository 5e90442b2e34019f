//! What somebody with keys of his own can make up.

use cowl_api::types::PartyEntry;
use cowl_crypto::sign::SigningKey;
use cowl_domain::{
    CheckpointRef, Handle, KeyBinding, PartyKeys, Role, SealingKey, Signed, Statement, Timestamp,
};
use cowl_seal::XWingIdentity;

use super::Party;

/// Keys that stand in no directory.
pub struct Impostor {
    pub signing: SigningKey,
    pub sealing: XWingIdentity,
}

impl Impostor {
    pub fn make() -> Self {
        Self { signing: SigningKey::make(), sealing: XWingIdentity::make() }
    }

    pub fn keys(&self) -> PartyKeys {
        let signing = self.signing.verifying_key();
        let sealing = SealingKey::from_slice(&self.sealing.recipient().to_bytes()).unwrap();
        PartyKeys { party: PartyKeys::first_id(&signing, &sealing), version: 0, signing, sealing, rsa: None }
    }

    /// A first binding, sound in itself, that claims somebody else's handle.
    pub fn binding(&self, handle: &str) -> Signed<KeyBinding> {
        let handle: Handle = handle.parse().unwrap();
        let made_at = Timestamp::from_millis(1_700_000_000_000);
        let binding =
            KeyBinding { handle, role: Role::Physician, keys: self.keys(), previous: None, made_at };
        Signed::sign(&binding, binding.keys.party, 0, &self.signing)
    }

    /// The directory's entry for it.
    pub fn entry(&self, handle: &str) -> PartyEntry {
        PartyEntry {
            party: self.keys().party.to_string(),
            handle: handle.to_owned(),
            role: Role::Physician.to_string(),
            bindings: vec![self.binding(handle).to_bytes().into()],
            index: 0,
            deleted: false,
        }
    }
}

/// The statement in signed bytes, changed, and signed by somebody else under his own name.
pub fn resign<T: Statement>(signed: &[u8], by: &Party, change: impl FnOnce(&mut T)) -> Vec<u8> {
    let mut statement = Signed::<T>::from_bytes(signed).unwrap().dangerous_unverified().unwrap();
    change(&mut statement);
    by.sign(&statement)
}

/// The same, under the name of the one who really signed.
pub fn impersonate<T: Statement>(signed: &[u8], by: &Party, change: impl FnOnce(&mut T)) -> Vec<u8> {
    let real = Signed::<T>::from_bytes(signed).unwrap();
    let mut statement = real.dangerous_unverified().unwrap();
    change(&mut statement);
    Signed::sign(&statement, real.signer(), real.key_version(), &by.signing_key()).to_bytes()
}

/// What a statement says.
pub fn read<T: Statement>(signed: &[u8]) -> T {
    Signed::<T>::from_bytes(signed).unwrap().dangerous_unverified().unwrap()
}

/// The checkpoint of somebody who has seen nothing.
pub fn nothing_seen() -> CheckpointRef {
    CheckpointRef { size: 0, root: cowl_crypto::merkle::Hash::EMPTY }
}
