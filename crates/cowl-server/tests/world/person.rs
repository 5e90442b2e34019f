//! Somebody with keys, a password and a session.

use cowl_api::types::{
    LoginFinish, LoginStart, NewBinding, PasswordFinish, PasswordStart, RegisterFinish, RegisterStart,
    Session,
};
use cowl_api::{Blob, Client, ClientError};
use cowl_crypto::id::random_bytes;
use cowl_crypto::opaque::{ClientLogin, ClientRegistration};
use cowl_crypto::sign::SigningKey;
use cowl_domain::party::SEALING_KEY_LENGTH;
use cowl_domain::{KeyBinding, PartyId, PartyKeys, Role, SealingKey, Signed, Statement, Timestamp};

pub(crate) struct Person {
    pub(crate) handle: String,
    pub(crate) password: Vec<u8>,
    pub(crate) signing: SigningKey,
    pub(crate) binding: KeyBinding,
    pub(crate) client: Client,
}

impl Person {
    /// Keys and a handle; the server knows nothing yet.
    pub(crate) fn unregistered(server: &Client, handle: &str) -> Self {
        let signing = SigningKey::make();
        let sealing = SealingKey::from_slice(&random_bytes::<SEALING_KEY_LENGTH>()).unwrap();
        let party = PartyKeys::first_id(&signing.verifying_key(), &sealing);
        let keys = PartyKeys { party, version: 0, signing: signing.verifying_key(), sealing, rsa: None };
        let binding = KeyBinding {
            handle: handle.parse().unwrap(),
            role: Role::Patient,
            keys,
            previous: None,
            made_at: Timestamp::from_millis(1),
        };
        let password = format!("password of {handle}").into_bytes();
        Self { handle: handle.into(), password, signing, binding, client: server.clone() }
    }

    /// Registers and logs in.
    pub(crate) async fn register(server: &Client, handle: &str) -> Self {
        let mut person = Self::unregistered(server, handle);
        person.enroll().await.unwrap();
        let session = person.log_in().await.unwrap();
        assert_eq!(session.party, person.party().to_string());
        person.client = server.with_token(&session.token.0);
        person
    }

    pub(crate) async fn enroll(&self) -> Result<(), ClientError> {
        let (state, request) = ClientRegistration::start(&self.password).unwrap();
        let body = RegisterStart { handle: self.handle.clone(), request: request.into() };
        let response = self.client.register_start(&body).await?.response.0;
        let (upload, _) = ClientRegistration::finish(state, &self.password, &response, &self.handle).unwrap();
        let body = RegisterFinish {
            handle: self.handle.clone(),
            email: Some(format!("{}@example.org", self.handle)),
            binding: self.sign(&self.binding),
            upload: upload.into(),
            key_store: self.key_store(),
        };
        self.client.register_finish(&body).await.map(drop)
    }

    pub(crate) async fn log_in(&self) -> Result<Session, ClientError> {
        let finish = self.begin_login(&self.password).await?.expect("the password is right");
        self.client.login_finish(&finish).await
    }

    /// The last message of a log-in; `None` when the client sees by itself that the password is wrong.
    pub(crate) async fn begin_login(&self, password: &[u8]) -> Result<Option<LoginFinish>, ClientError> {
        let (state, request) = ClientLogin::start(password).unwrap();
        let body = LoginStart { handle: self.handle.clone(), request: request.into() };
        let started = self.client.login_start(&body).await?;
        let finished = ClientLogin::finish(state, password, &started.response.0, &self.handle).ok();
        Ok(finished.map(|(finalization, _, _)| LoginFinish {
            login: started.login,
            finalization: finalization.into(),
        }))
    }

    /// Only the first message: what a guesser costs the server.
    pub(crate) async fn knock(&self) -> Result<(), ClientError> {
        let (_, request) = ClientLogin::start(b"a guess").unwrap();
        let body = LoginStart { handle: self.handle.clone(), request: request.into() };
        self.client.login_start(&body).await.map(drop)
    }

    pub(crate) async fn change_password(&mut self, password: &[u8]) {
        let (state, request) = ClientRegistration::start(password).unwrap();
        let started = self.client.password_start(&PasswordStart { request: request.into() }).await.unwrap();
        let (upload, _) =
            ClientRegistration::finish(state, password, &started.response.0, &self.handle).unwrap();
        let body = PasswordFinish { upload: upload.into(), key_store: self.key_store() };
        self.client.password_finish(&body).await.unwrap();
        self.password = password.to_vec();
    }

    /// Takes new keys, signed with the old ones.
    pub(crate) async fn change_keys(&mut self) {
        let signing = SigningKey::make();
        let mut next = self.binding.clone();
        next.keys.version += 1;
        next.keys.signing = signing.verifying_key();
        next.previous = Some(Signed::sign(&self.binding, self.party(), 0, &self.signing).digest());
        let body = NewBinding { binding: self.sign(&next), key_store: self.key_store() };
        self.client.next_keys(&body).await.unwrap();
        (self.binding, self.signing) = (next, signing);
    }

    pub(crate) fn party(&self) -> PartyId {
        self.binding.keys.party
    }

    pub(crate) fn sign<T: Statement>(&self, statement: &T) -> Blob {
        Signed::sign(statement, self.party(), self.binding.keys.version, &self.signing).to_bytes().into()
    }

    pub(crate) fn key_store(&self) -> Blob {
        Blob(format!("sealed key store of {}", self.handle).into_bytes())
    }
}
