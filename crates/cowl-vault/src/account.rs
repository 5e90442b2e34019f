//! Registration, log-in, and the end of an account.
//!
//! OPAQUE (RFC 9807) keeps the password from the wire and yields an export key; together with the device
//! secret it opens the key store. The server holds the key store but, with the password guessed, still
//! lacks the device secret.

use cowl_api::types::{
    Account, LoginFinish, LoginStart, NewBinding, PasswordFinish, PasswordStart, RegisterFinish,
    RegisterStart, Session,
};
use cowl_crypto::opaque::{ClientLogin, ClientRegistration, ExportKey, OpaqueError};
use cowl_crypto::secret::Secret;
use cowl_domain::party::{verify_first_binding, verify_next_binding};
use cowl_domain::{Handle, KeyBinding, PartyKeys, Role, SealingKey, Signed, Verified};
use cowl_seal::XWingIdentity;
use cowl_seal::hybrid_rsa::RsaSecretKey;
use cowl_seal::key_store::{DeviceSecret, PartyIdentity};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use zeroize::{Zeroize, Zeroizing};

use crate::error::{Result, Tampering, VaultError};
use crate::kit::RecoveryKit;
use crate::profile::Profile;
use crate::vault::{Renewed, Unlocked, Vault, connect, meet, now, signing_key};
use crate::view::{PartyCard, Trust};

/// A password. Not printable, wiped when dropped.
pub struct Password(Zeroizing<Vec<u8>>);

impl Password {
    /// Takes the bytes over.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    fn fit_to_choose(&self) -> Result<&[u8]> {
        if self.0.len() < MIN_PASSWORD {
            return Err(VaultError::Invalid(format!("a password has at least {MIN_PASSWORD} bytes")));
        }
        Ok(&self.0)
    }
}

/// Who wants an account.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// The wanted handle.
    pub handle: Handle,
    /// Optional; in clear at the cloud.
    pub email: Option<String>,
    /// What the party is.
    pub role: Role,
}

/// Makes an account: keys, device secret, directory entry.
///
/// # Errors
/// When the handle is taken, the password too short, or the server out of reach.
pub async fn register(
    profile: &mut Profile,
    new: NewAccount,
    password: &Password,
) -> Result<(Vault, RecoveryKit)> {
    let bytes = password.fit_to_choose()?;
    if let Some(handle) = profile.handle() {
        return Err(VaultError::Invalid(format!(
            "this profile is {handle}'s already; choose another with --profile"
        )));
    }
    let client = connect(profile)?;
    meet(profile, &client).await?;
    let (registration, request) = ClientRegistration::start(bytes)?;
    let start = RegisterStart { handle: new.handle.to_string(), request: request.into() };
    let response = client.register_start(&start).await?.response;
    let (upload, export_key) = stretch_registration(registration, bytes, &response.0, &new.handle)?;
    let (identity, device) = (PartyIdentity::make(), DeviceSecret::make());
    let (keys, signing) = (first_keys(&identity)?, signing_key(&identity));
    let binding =
        KeyBinding { handle: new.handle.clone(), role: new.role, keys, previous: None, made_at: now() };
    let signed = Signed::sign(&binding, binding.keys.party, 0, &signing);
    // The secret is on disk before the account depends on it.
    profile.store_device_secret(&device)?;
    let finish = RegisterFinish {
        handle: new.handle.to_string(),
        email: new.email,
        binding: signed.to_bytes().into(),
        upload: upload.into(),
        key_store: identity.seal(export_key.expose(), &device).into(),
    };
    client.register_finish(&finish).await?;
    profile.remember_party(&new.handle, binding.keys.party)?;
    let vault = login(profile, &new.handle, password, None).await?;
    Ok((vault, RecoveryKit::new(device)))
}

/// Logs in and unlocks the key store.
///
/// # Errors
/// Wrong handle or password; a new device without the kit; key material that is not the account's own.
pub async fn login(
    profile: &mut Profile,
    handle: &Handle,
    password: &Password,
    kit: Option<&RecoveryKit>,
) -> Result<Vault> {
    let client = connect(profile)?;
    meet(profile, &client).await?;
    let (session, export_key) = open_session(&client, handle, password).await?;
    let device = match kit {
        Some(kit) => kit.device_secret(),
        None => profile.device_secret()?.ok_or(VaultError::CannotUnlock)?,
    };
    // The password was right; where the device secret is too, only another key store can be the reason.
    let own_device = kit.is_none() && profile.handle().as_ref() == Some(handle);
    let closed = || if own_device { Tampering::OwnKeys.into() } else { VaultError::CannotUnlock };
    let identity =
        PartyIdentity::open(&session.key_store.0, export_key.expose(), &device).map_err(|_| closed())?;
    let chain: Vec<ByteVec> = session.bindings.iter().map(|b| b.0.clone().into()).collect();
    let binding = verify_own(&chain, handle, &identity)?;
    if let Some(party) = profile.party().filter(|party| *party != binding.keys.party) {
        return Err(VaultError::Invalid(format!("this profile belongs to another party ({party})")));
    }
    if kit.is_some() {
        profile.store_device_secret(&device)?;
    }
    profile.remember_party(handle, binding.keys.party)?;
    let client = client.with_token(&session.token.0);
    let unlocked = Unlocked {
        token: session.token.0,
        identity,
        export_key: Zeroizing::new(export_key.expose().to_vec()),
        binding,
        chain,
    };
    Vault::assemble(profile.clone(), client, unlocked)
}

impl Vault {
    /// The caller.
    pub fn me(&self) -> PartyCard {
        PartyCard {
            party: self.party_id(),
            handle: self.binding().handle.clone(),
            role: self.binding().role,
            fingerprint: self.binding().keys.fingerprint(),
            key_version: self.binding().keys.version,
            trust: Trust::Own,
            deleted: false,
        }
    }

    /// What the cloud says of the account: quota and use.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn account(&self) -> Result<Account> {
        Ok(self.client.account().await?)
    }

    /// The recovery kit of this account, from this device.
    ///
    /// # Errors
    /// When the device secret cannot be read.
    pub fn recovery_kit(&self) -> Result<RecoveryKit> {
        let device = self.profile.device_secret()?.ok_or(VaultError::CannotUnlock)?;
        Ok(RecoveryKit::new(device))
    }

    /// Makes the RSA key for suite `hybrid-rsa` when it is first needed: the next version of the party's keys,
    /// signed with the present ones.
    pub(crate) async fn ensure_rsa(&self) -> Result<()> {
        if self.identity().rsa().is_some() {
            return Ok(());
        }
        let rsa = tokio::task::block_in_place(RsaSecretKey::make);
        let mut keys = self.binding().keys.clone();
        keys.version += 1;
        keys.rsa = Some(rsa.public_key().as_der().to_vec());
        let next = KeyBinding {
            handle: self.binding().handle.clone(),
            role: self.binding().role,
            keys,
            previous: Some(self.binding().digest()),
            made_at: now(),
        };
        let identity = PartyIdentity::from_keys(
            Secret::new(*self.identity().expose_signing_seed().expose()),
            XWingIdentity::from_seed(&self.identity().sealing().expose_seed()),
            Some(rsa),
        );
        let device = self.profile.device_secret()?.ok_or(VaultError::CannotUnlock)?;
        let key_store = identity.seal(&self.export_key, &device);
        let body = NewBinding { binding: self.sign(&next).to_bytes().into(), key_store: key_store.into() };
        self.client.next_keys(&body).await?;
        let signed = Signed::<KeyBinding>::from_bytes(&body.binding.0)?;
        let binding =
            verify_next_binding(self.binding(), &signed).map_err(|e| VaultError::Bug(e.to_string()))?;
        let mut chain = self.chain().to_vec();
        chain.push(body.binding.0.into());
        self.renew(Renewed { identity, binding, chain });
        Ok(())
    }

    /// Ends the session at the server.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn logout(&self) -> Result<()> {
        Ok(self.client.logout().await?)
    }

    /// Changes the password: registers anew and wraps the key store again, in one transaction.
    ///
    /// # Errors
    /// When the old password is wrong or the new one too short.
    pub async fn change_password(&self, old: &Password, new: &Password) -> Result<()> {
        let bytes = new.fit_to_choose()?;
        open_session(&self.client.without_token(), &self.binding().handle, old).await?;
        let (registration, request) = ClientRegistration::start(bytes)?;
        let response = self.client.password_start(&PasswordStart { request: request.into() }).await?.response;
        let (upload, export_key) =
            stretch_registration(registration, bytes, &response.0, &self.binding().handle)?;
        let device = self.profile.device_secret()?.ok_or(VaultError::CannotUnlock)?;
        let key_store = self.identity().seal(export_key.expose(), &device);
        let finish = PasswordFinish { upload: upload.into(), key_store: key_store.into() };
        Ok(self.client.password_finish(&finish).await?)
    }

    /// Destroys the account: its keys at the server and on this device, and with them all that was sealed.
    ///
    /// # Errors
    /// When the password is wrong.
    pub async fn delete_account(&self, password: &Password) -> Result<()> {
        open_session(&self.client.without_token(), &self.binding().handle, password).await?;
        self.client.delete_account().await?;
        self.profile.destroy()
    }

    /// What a session keeper holds so that later commands need no password. As secret as the keys.
    pub fn to_keeper(&self) -> Zeroizing<Vec<u8>> {
        let form = KeeperForm {
            token: self.token.clone(),
            signing_seed: *self.identity().expose_signing_seed().expose(),
            sealing_seed: *self.identity().sealing().expose_seed(),
            rsa: self.identity().rsa().map(|key| key.expose_pkcs8().to_vec()),
            bindings: self.chain().to_vec(),
            export_key: self.export_key.to_vec(),
        };
        Zeroizing::new(cowl_domain::wire::encode(&form))
    }

    /// The vault again, from what a session keeper held.
    ///
    /// # Errors
    /// When the bytes are not of this profile.
    pub fn resume(profile: Profile, keeper: &[u8]) -> Result<Self> {
        let form: KeeperForm = cowl_domain::wire::decode("session", keeper)?;
        let identity = form.identity()?;
        let handle = profile.handle().ok_or(VaultError::CannotUnlock)?;
        let binding = verify_own(&form.bindings, &handle, &identity)?;
        let client = connect(&profile)?.with_token(&form.token);
        let unlocked = Unlocked {
            token: form.token.clone(),
            identity,
            export_key: Zeroizing::new(form.export_key.clone()),
            binding,
            chain: form.bindings.clone(),
        };
        Self::assemble(profile, client, unlocked)
    }
}

#[derive(Encode, Decode)]
struct KeeperForm {
    #[cbor(n(0), with = "minicbor::bytes")]
    token: Vec<u8>,
    #[cbor(n(1), with = "minicbor::bytes")]
    signing_seed: [u8; 32],
    #[cbor(n(2), with = "minicbor::bytes")]
    sealing_seed: [u8; 32],
    #[cbor(n(3), with = "minicbor::bytes")]
    rsa: Option<Vec<u8>>,
    #[n(4)]
    bindings: Vec<ByteVec>,
    #[cbor(n(5), with = "minicbor::bytes")]
    export_key: Vec<u8>,
}

impl Drop for KeeperForm {
    fn drop(&mut self) {
        self.token.zeroize();
        self.signing_seed.zeroize();
        self.sealing_seed.zeroize();
        self.rsa.zeroize();
        self.export_key.zeroize();
    }
}

impl KeeperForm {
    fn identity(&self) -> Result<PartyIdentity> {
        let rsa = self.rsa.as_deref().map(RsaSecretKey::from_pkcs8).transpose();
        Ok(PartyIdentity::from_keys(
            Secret::new(self.signing_seed),
            XWingIdentity::from_seed(&self.sealing_seed),
            rsa.map_err(|_| VaultError::CannotUnlock)?,
        ))
    }
}

/// Logs in as far as the password goes.
async fn open_session(
    client: &cowl_api::client::Client,
    handle: &Handle,
    password: &Password,
) -> Result<(Session, ExportKey)> {
    let (state, request) = ClientLogin::start(&password.0)?;
    let started =
        client.login_start(&LoginStart { handle: handle.to_string(), request: request.into() }).await?;
    let (finalization, _, export_key) = tokio::task::block_in_place(|| {
        ClientLogin::finish(state, &password.0, &started.response.0, handle.as_str())
    })?;
    let finish = LoginFinish { login: started.login, finalization: finalization.into() };
    Ok((client.login_finish(&finish).await?, export_key))
}

fn stretch_registration(
    state: ClientRegistration,
    password: &[u8],
    response: &[u8],
    handle: &Handle,
) -> Result<(Vec<u8>, ExportKey)> {
    Ok(tokio::task::block_in_place(|| {
        ClientRegistration::finish(state, password, response, handle.as_str())
    })?)
}

fn first_keys(identity: &PartyIdentity) -> Result<PartyKeys> {
    let signing = signing_key(identity).verifying_key();
    let sealing = SealingKey::from_slice(&identity.sealing().recipient().to_bytes())
        .ok_or_else(|| VaultError::Bug("X-Wing key of wrong length".to_owned()))?;
    let party = PartyKeys::first_id(&signing, &sealing);
    Ok(PartyKeys { party, version: 0, signing, sealing, rsa: None })
}

/// The directory's word on our own keys must be our own keys.
fn verify_own(chain: &[ByteVec], handle: &Handle, identity: &PartyIdentity) -> Result<Verified<KeyBinding>> {
    let mut verified: Option<Verified<KeyBinding>> = None;
    for bytes in chain {
        let signed = Signed::<KeyBinding>::from_bytes(bytes)?;
        verified = Some(
            match &verified {
                None => verify_first_binding(&signed),
                Some(known) => verify_next_binding(known, &signed),
            }
            .map_err(|_| Tampering::OwnKeys)?,
        );
    }
    let binding = verified.ok_or(Tampering::OwnKeys)?;
    let same = binding.handle == *handle
        && binding.keys.signing == signing_key(identity).verifying_key()
        && binding.keys.sealing.as_bytes().as_slice() == identity.sealing().recipient().to_bytes()
        && binding.keys.rsa.as_deref() == identity.rsa().map(|key| key.public_key().as_der());
    if same { Ok(binding) } else { Err(Tampering::OwnKeys.into()) }
}

impl From<OpaqueError> for VaultError {
    fn from(error: OpaqueError) -> Self {
        match error {
            OpaqueError::Refused => Self::Refused(cowl_api::Problem::new(
                cowl_api::ProblemCode::WrongCredentials,
                "handle or password are wrong",
            )),
            other => Self::Invalid(other.to_string()),
        }
    }
}

const MIN_PASSWORD: usize = 8;
