//! An unlocked account on one device: everything else in this crate are its verbs.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use cowl_api::client::{Client, ClientConfig, ClientError};
use cowl_crypto::sign::{SigningKey, VerifyingKey};
use cowl_domain::{CheckpointRef, KeyBinding, PartyId, PartyKeys, Signed, Statement, Timestamp, Verified};
use cowl_seal::key_store::PartyIdentity;
use cowl_seal::message::{self, MessageError};
use minicbor::bytes::ByteVec;
use zeroize::Zeroizing;

use crate::error::{Result, Tampering, VaultError};
use crate::local::{LocalKey, LocalState};
use crate::profile::{KnownServer, Profile};

/// An unlocked account.
pub struct Vault {
    pub(crate) profile: Profile,
    pub(crate) client: Client,
    pub(crate) token: Vec<u8>,
    identity: PartyIdentity,
    pub(crate) export_key: Zeroizing<Vec<u8>>,
    pub(crate) signing: SigningKey,
    binding: Verified<KeyBinding>,
    /// Our own bindings as the directory has them, first to newest.
    chain: Vec<ByteVec>,
    renewed: OnceLock<Renewed>,
    pub(crate) local_key: LocalKey,
    pub(crate) log_key: VerifyingKey,
    pub(crate) origin: String,
    state: Mutex<LocalState>,
    pub(crate) current: Mutex<Option<CheckpointRef>>,
    /// Checkpoints of others that this process has proven to be prefixes of ours.
    pub(crate) proven: Mutex<Vec<CheckpointRef>>,
    pub(crate) known: Mutex<crate::directory::Known>,
}

/// The account's keys after one was added.
pub(crate) struct Renewed {
    pub identity: PartyIdentity,
    pub binding: Verified<KeyBinding>,
    pub chain: Vec<ByteVec>,
}

/// What a log-in yields.
pub(crate) struct Unlocked {
    pub token: Vec<u8>,
    pub identity: PartyIdentity,
    /// Seals the key store anew when keys are added.
    pub export_key: Zeroizing<Vec<u8>>,
    pub binding: Verified<KeyBinding>,
    /// Our own bindings as the directory has them, first to newest.
    pub chain: Vec<ByteVec>,
}

impl Vault {
    pub(crate) fn assemble(profile: Profile, client: Client, unlocked: Unlocked) -> Result<Self> {
        let Unlocked { token, identity, export_key, binding, chain } = unlocked;
        let signing = signing_key(&identity);
        let local_key = LocalKey::derive(&signing.expose_seed());
        let state = LocalState::load(&profile, &local_key)?;
        let server =
            profile.known_server().ok_or_else(|| VaultError::Bug("profile without a server".to_owned()))?;
        Ok(Self {
            log_key: parse_log_key(&server)?,
            origin: server.origin,
            profile,
            client,
            token,
            identity,
            renewed: OnceLock::new(),
            export_key,
            signing,
            binding,
            chain,
            local_key,
            state: Mutex::new(state),
            current: Mutex::new(None),
            proven: Mutex::default(),
            known: Mutex::default(),
        })
    }

    /// Our secret keys.
    pub(crate) fn identity(&self) -> &PartyIdentity {
        self.renewed.get().map_or(&self.identity, |renewed| &renewed.identity)
    }

    /// Our public keys.
    pub(crate) fn binding(&self) -> &Verified<KeyBinding> {
        self.renewed.get().map_or(&self.binding, |renewed| &renewed.binding)
    }

    pub(crate) fn chain(&self) -> &[ByteVec] {
        self.renewed.get().map_or(&self.chain, |renewed| &renewed.chain)
    }

    pub(crate) fn renew(&self, renewed: Renewed) {
        // Keys are added once at the most: a second call finds them there.
        let _ = self.renewed.set(renewed);
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.party_id());
    }

    /// Whether this session has added a key to the account, so that what a session keeper holds is to be
    /// replaced by [`Vault::to_keeper`].
    pub fn has_renewed_keys(&self) -> bool {
        self.renewed.get().is_some()
    }

    /// The party's identifier.
    pub fn party_id(&self) -> PartyId {
        self.binding().keys.party
    }

    /// The party's public keys.
    pub fn public_keys(&self) -> PartyKeys {
        self.binding().keys.clone()
    }

    /// Opens a message that was sealed to this party for the place that `context` names.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn open_message(
        &self,
        context: &[u8],
        sealed: &[u8],
    ) -> std::result::Result<Zeroizing<Vec<u8>>, MessageError> {
        message::open_with(self.identity().sealing(), context, sealed)
    }

    /// The profile that this is.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The key for statements.
    pub(crate) fn signing_key(&self) -> &SigningKey {
        &self.signing
    }

    pub(crate) fn sign<T: Statement>(&self, statement: &T) -> Signed<T> {
        Signed::sign(statement, self.party_id(), self.binding().keys.version, self.signing_key())
    }

    /// The local state, to look at.
    pub(crate) fn state(&self) -> MutexGuard<'_, LocalState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what other processes of this device have written into the local state since: fingerprints that were
    /// compared, grants that were taken back. For programs that go on for long.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn catch_up(&self) -> Result<()> {
        self.change_state(|_| {})
    }

    /// Changes the local state and stores it. Other processes' changes in between are kept.
    pub(crate) fn change_state(&self, change: impl FnOnce(&mut LocalState)) -> Result<()> {
        let _lock = self.profile.lock()?;
        let mut state = self.state();
        let mut fresh = LocalState::load(&self.profile, &self.local_key)?;
        let before = fresh.clone();
        change(&mut fresh);
        if fresh != before {
            fresh.store(&self.profile, &self.local_key)?;
        }
        *state = fresh;
        Ok(())
    }
}

/// The client for a profile's server.
pub(crate) fn connect(profile: &Profile) -> Result<Client> {
    let mut config = ClientConfig::new(profile.server_url());
    if let Some(pem) = profile.ca_pem() {
        config = config.trusting(pem);
    }
    Ok(Client::new(&config)?)
}

/// Meets the server, or checks that it is the one that was met before.
pub(crate) async fn meet(profile: &mut Profile, client: &Client) -> Result<KnownServer> {
    let info = client.server().await?;
    let log_key = info.log_key.0.iter().map(|byte| format!("{byte:02x}")).collect();
    let server = KnownServer { origin: info.origin, log_key };
    parse_log_key(&server)?;
    match profile.known_server() {
        Some(known) if known != server => Err(Tampering::Server.into()),
        Some(known) => Ok(known),
        None => {
            profile.remember_server(server.clone())?;
            Ok(server)
        }
    }
}

/// The Ed25519 key of an identity.
pub(crate) fn signing_key(identity: &PartyIdentity) -> SigningKey {
    SigningKey::from_seed(identity.expose_signing_seed().expose())
}

/// The time of this machine's clock.
pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn parse_log_key(server: &KnownServer) -> Result<VerifyingKey> {
    let digits: Option<Vec<u8>> = (0..server.log_key.len())
        .step_by(2)
        .map(|at| server.log_key.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect();
    digits
        .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
        .map(VerifyingKey::from_bytes)
        .ok_or_else(|| VaultError::Invalid("the server's log key is not 32 bytes".to_owned()))
}

impl From<ClientError> for VaultError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Problem(problem) => Self::Refused(problem),
            ClientError::BadAnswer { .. } => Self::Senseless(error.to_string()),
            ClientError::Config { detail } => Self::Invalid(detail),
            other => Self::Unreachable(other.to_string()),
        }
    }
}
