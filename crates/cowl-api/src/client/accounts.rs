//! Accounts, sessions and the directory.

use super::call::Call;
use super::{Client, ClientError};
use crate::paths;
use crate::types::*;

impl Client {
    /// What one must know of the server.
    ///
    /// # Errors
    /// As every method here: [`ClientError`].
    pub async fn server(&self) -> Result<ServerInfo, ClientError> {
        self.fetch(Call::read(paths::SERVER)).await
    }

    /// Begins a registration.
    pub async fn register_start(&self, body: &RegisterStart) -> Result<RegisterStarted, ClientError> {
        self.send(Call::post(paths::REGISTER_START).freely(), body).await
    }

    /// Ends a registration; the account exists from then on.
    pub async fn register_finish(&self, body: &RegisterFinish) -> Result<Registered, ClientError> {
        self.send(Call::post(paths::REGISTER_FINISH), body).await
    }

    /// Begins a log-in.
    pub async fn login_start(&self, body: &LoginStart) -> Result<LoginStarted, ClientError> {
        self.send(Call::post(paths::LOGIN_START).freely(), body).await
    }

    /// Ends a log-in.
    pub async fn login_finish(&self, body: &LoginFinish) -> Result<Session, ClientError> {
        self.send(Call::post(paths::LOGIN_FINISH), body).await
    }

    /// Ends the session.
    pub async fn logout(&self) -> Result<(), ClientError> {
        self.touch(Call::delete(paths::SESSION)).await
    }

    /// The caller's account.
    pub async fn account(&self) -> Result<Account, ClientError> {
        self.fetch(Call::read(paths::ACCOUNT)).await
    }

    /// Destroys the caller's account with its key store.
    pub async fn delete_account(&self) -> Result<(), ClientError> {
        self.touch(Call::delete(paths::ACCOUNT)).await
    }

    /// Begins a change of password.
    pub async fn password_start(&self, body: &PasswordStart) -> Result<RegisterStarted, ClientError> {
        self.send(Call::post(paths::PASSWORD_START).freely(), body).await
    }

    /// Ends a change of password, and every other session.
    pub async fn password_finish(&self, body: &PasswordFinish) -> Result<(), ClientError> {
        self.tell(Call::post(paths::PASSWORD_FINISH), body).await
    }

    /// A party, by identifier or handle.
    pub async fn party(&self, party: &str) -> Result<PartyEntry, ClientError> {
        let fits =
            !party.is_empty() && party.bytes().all(|b| b.is_ascii_alphanumeric() || b"._@-".contains(&b));
        if !fits || party.starts_with('.') {
            return Err(crate::Problem::not_found().into());
        }
        self.fetch(Call::read(paths::PARTY).with("party", party)).await
    }

    /// Parties whose handles begin with `prefix`, in the order of their handles, behind the handle `after`.
    pub async fn parties(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<PartyPage, ClientError> {
        let call = Call::read(paths::PARTIES).query("prefix", Some(prefix)).query("after", after);
        self.fetch(call.query("limit", Some(limit))).await
    }

    /// Makes the caller's next keys known.
    pub async fn next_keys(&self, body: &NewBinding) -> Result<(), ClientError> {
        self.tell(Call::post(paths::KEYS), body).await
    }
}
