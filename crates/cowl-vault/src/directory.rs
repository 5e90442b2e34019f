//! Who is who: key bindings from the cloud's directory, checked, pinned, compared.
//!
//! A party's identifier follows from its first keys, and each later version is signed by the one before;
//! so the directory can lie only about which party a handle belongs to, and only until this device has
//! seen it once. Comparing fingerprints closes that gap.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use cowl_api::types::PartyEntry;
use cowl_crypto::fingerprint::Fingerprint;
use cowl_crypto::{log, merkle};
use cowl_domain::party::{verify_first_binding, verify_next_binding};
use cowl_domain::{Handle, KeyBinding, PartyId, PartyKeys, Signed, Statement, StatementError, Verified};

use crate::error::{Result, Tampering, VaultError};
use crate::local::Pin;
use crate::vault::Vault;
use crate::view::{PartyCard, Trust};

/// A party whose bindings have been checked.
#[derive(Debug)]
pub(crate) struct KnownParty {
    bindings: Vec<Verified<KeyBinding>>,
    pub deleted: bool,
}

/// The parties that were looked up by this process.
pub(crate) type Known = HashMap<PartyId, Arc<KnownParty>>;

impl KnownParty {
    fn verify(entry: &PartyEntry) -> std::result::Result<Self, Tampering> {
        let lie = |why: String| Tampering::Directory(entry.handle.clone(), why);
        let mut bindings: Vec<Verified<KeyBinding>> = Vec::new();
        for bytes in &entry.bindings {
            let signed = Signed::<KeyBinding>::from_bytes(&bytes.0)?;
            let next = match bindings.last() {
                None => verify_first_binding(&signed),
                Some(known) => verify_next_binding(known, &signed),
            };
            bindings.push(next.map_err(|e| lie(e.to_string()))?);
        }
        let known = Self { bindings, deleted: entry.deleted };
        let newest = known.bindings.last().ok_or_else(|| lie("it has no keys".to_owned()))?;
        if newest.handle.as_str() != entry.handle || newest.keys.party.to_string() != entry.party {
            return Err(lie("handle or identifier are not those that were signed".to_owned()));
        }
        Ok(known)
    }

    pub(crate) fn newest(&self) -> &Verified<KeyBinding> {
        self.bindings.last().expect("verify refuses a party without bindings")
    }

    pub(crate) fn keys(&self) -> &PartyKeys {
        &self.newest().keys
    }

    pub(crate) fn party(&self) -> PartyId {
        self.keys().party
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.newest().handle
    }

    /// Checks a statement with the version of the keys under which it was signed.
    pub(crate) fn verify_statement<T: Statement>(
        &self,
        signed: &Signed<T>,
    ) -> std::result::Result<Verified<T>, StatementError> {
        let version = signed.key_version();
        let binding = self.bindings.iter().find(|binding| binding.keys.version == version);
        signed.verify(&binding.unwrap_or_else(|| self.newest()).keys)
    }
}

impl Vault {
    /// A party by handle or identifier: checked, and pinned when this device sees it for the first time.
    ///
    /// # Errors
    /// When there is none, or its keys have changed in a way that nobody signed.
    pub async fn party(&self, name: &str) -> Result<PartyCard> {
        let known = self.find_party(name).await?;
        Ok(self.card(&known))
    }

    /// The parties whose handle begins with `prefix`.
    ///
    /// # Errors
    /// Those of the server; a directory that lies.
    pub async fn parties(&self, prefix: &str) -> Result<Vec<PartyCard>> {
        let page = self.client.parties(prefix, None, DIRECTORY_PAGE).await?;
        let mut cards = Vec::new();
        for entry in &page.parties {
            let known = KnownParty::verify(entry)?;
            self.check_pin(&known)?;
            cards.push(self.card(&known));
        }
        Ok(cards)
    }

    /// Compares a fingerprint that came over another channel; equal makes the pin a verified one.
    ///
    /// # Errors
    /// When there is no such party.
    pub async fn verify_party(&self, name: &str, fingerprint: &Fingerprint) -> Result<Option<PartyCard>> {
        let known = self.find_party(name).await?;
        if !known.keys().fingerprint().ct_eq(fingerprint) {
            return Ok(None);
        }
        self.change_state(|state| state.set_pin(pin(&known, true)))?;
        Ok(Some(self.card(&known)))
    }

    pub(crate) fn card(&self, known: &KnownParty) -> PartyCard {
        let binding = known.newest();
        let trust = match self.state().pin_of(&known.party()) {
            _ if known.party() == self.party_id() => Trust::Own,
            Some(pin) if pin.verified => Trust::Verified,
            _ => Trust::FirstUse,
        };
        PartyCard {
            party: known.party(),
            handle: binding.handle.clone(),
            role: binding.role,
            fingerprint: binding.keys.fingerprint(),
            key_version: binding.keys.version,
            trust,
            deleted: known.deleted,
        }
    }

    /// The handle of a party that may be unknown here.
    pub(crate) async fn handle_of(&self, party: &PartyId) -> Result<Handle> {
        Ok(self.known_party(party).await?.handle().clone())
    }

    pub(crate) async fn known_party(&self, party: &PartyId) -> Result<Arc<KnownParty>> {
        if let Some(known) = self.remembered(party) {
            return Ok(known);
        }
        // A statement names this party, so there is one: identifiers are never reused.
        self.find_party(&party.to_string()).await.map_err(|error| match error {
            VaultError::NotFound { name, .. } => {
                Tampering::Directory(name, "it knows nobody of this identifier".to_owned()).into()
            }
            other => other,
        })
    }

    /// Who has signed these statements: somebody whose keys have changed since this process first looked is
    /// looked up again.
    pub(crate) async fn signer(&self, party: &PartyId, versions: &[u32]) -> Result<Arc<KnownParty>> {
        let known = self.known_party(party).await?;
        if versions.iter().all(|version| *version <= known.keys().version) {
            return Ok(known);
        }
        self.find_party(&party.to_string()).await
    }

    pub(crate) async fn find_party(&self, name: &str) -> Result<Arc<KnownParty>> {
        let entry = self.client.party(name).await.map_err(|e| not_found(e, name))?;
        let known = KnownParty::verify(&entry)?;
        let asked = known.handle().as_str() == name || known.party().to_string() == name;
        if !asked {
            let why = format!("it answers with {}", known.handle());
            return Err(Tampering::Directory(name.to_owned(), why).into());
        }
        self.check_pin(&known)?;
        let before = self.remembered(&known.party());
        if before.is_none_or(|before| before.newest().digest() != known.newest().digest()) {
            self.check_in_log(&entry, &known).await?;
            self.change_state(|state| {
                let verified = state.pin_of(&known.party()).is_some_and(|pin| pin.verified);
                state.set_pin(pin(&known, verified));
            })?;
        }
        let known = Arc::new(known);
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(known.party(), known.clone());
        Ok(known)
    }

    fn remembered(&self, party: &PartyId) -> Option<Arc<KnownParty>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(party).cloned()
    }

    /// What this device has seen under this handle and identifier must lead to what it is shown now.
    fn check_pin(&self, known: &KnownParty) -> std::result::Result<(), Tampering> {
        let changed = || Tampering::KeysChanged { handle: known.handle().clone() };
        let state = self.state();
        if state.pin_by_handle(known.handle().as_str()).is_some_and(|pin| pin.party != known.party()) {
            return Err(changed());
        }
        match state.pin_of(&known.party()) {
            Some(pin) if known.bindings.iter().all(|binding| binding.digest() != pin.binding) => {
                Err(changed())
            }
            _ => Ok(()),
        }
    }

    /// The newest binding must stand in the log, where the party itself can see it.
    async fn check_in_log(&self, entry: &PartyEntry, known: &KnownParty) -> Result<()> {
        let mut seen = self.checkpoint().await?;
        if entry.index >= seen.size {
            seen = self.advance().await?;
        }
        let lie =
            || Tampering::Directory(known.handle().to_string(), "its keys are not in the log".to_owned());
        let newest = entry.bindings.last().ok_or_else(lie)?;
        let proof = self.client.inclusion(entry.index, seen.size).await?;
        merkle::verify_inclusion(log::open_leaf(&newest.0), entry.index, seen.size, &proof, seen.root)
            .map_err(|_| lie())?;
        Ok(())
    }
}

fn pin(known: &KnownParty, verified: bool) -> Pin {
    let binding = known.newest();
    Pin {
        party: known.party(),
        handle: binding.handle.to_string(),
        binding: binding.digest(),
        version: binding.keys.version,
        verified,
    }
}

fn not_found(error: cowl_api::client::ClientError, name: &str) -> VaultError {
    match error.code() {
        Some(cowl_api::ProblemCode::NotFound) => {
            VaultError::NotFound { what: "party", name: name.to_owned() }
        }
        _ => error.into(),
    }
}

const DIRECTORY_PAGE: u32 = 100;
