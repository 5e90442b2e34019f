//! The side that keeps records and never learns a password.

use opaque_ke as library;
use opaque_ke::{
    CredentialFinalization, CredentialRequest, RegistrationRequest, RegistrationUpload,
    ServerLoginParameters, ServerRegistration,
};

use super::suite::{Suite, SystemRandomness, failure, identifiers, malformed, take, take_key};
use super::{
    CONTEXT, LOGIN_FINALIZATION_LENGTH, LOGIN_REQUEST_LENGTH, OpaqueError, REGISTRATION_RECORD_LENGTH,
    REGISTRATION_REQUEST_LENGTH, SERVER_LOGIN_LENGTH, SERVER_SETUP_LENGTH, SessionKey, check_handle,
    check_length,
};
use crate::absent::assert_absent;
use crate::secret::Secret;

/// A server's long-term secrets: without them no account can log in, and with them and a record a
/// password can be guessed at.
pub struct ServerSetup(library::ServerSetup<Suite>);

/// What a server keeps between the messages of a log-in; it holds the session key to be.
///
/// Finishing consumes it. Whoever stores its bytes must take them out of store when finishing, so that a
/// finalization serves once.
pub struct ServerLogin(Secret<SERVER_LOGIN_LENGTH>);

assert_absent!(ServerSetup: Clone, Copy, std::fmt::Debug, PartialEq);
assert_absent!(ServerLogin: Clone, Copy, std::fmt::Debug, PartialEq);

impl ServerSetup {
    /// Makes the secrets of a new server.
    pub fn make() -> Self {
        Self(library::ServerSetup::new(&mut SystemRandomness))
    }

    /// Restores what [`ServerSetup::expose_bytes`] gave.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, OpaqueError> {
        check_length(bytes, SERVER_SETUP_LENGTH)?;
        library::ServerSetup::deserialize(bytes).map(Self).map_err(malformed)
    }

    /// The secrets, for the server's own safe-keeping.
    pub fn expose_bytes(&self) -> Secret<SERVER_SETUP_LENGTH> {
        take(&mut self.0.serialize()).expect("the suite fixes the length of the setup")
    }
}

impl ServerLogin {
    /// Restores what [`ServerLogin::expose`] gave; damage shows when the log-in is finished.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, OpaqueError> {
        Secret::from_slice(bytes).map(Self).ok_or(OpaqueError::Malformed)
    }

    /// The state, to be kept secret for the seconds until the client's last message.
    pub fn expose(&self) -> &[u8; SERVER_LOGIN_LENGTH] {
        self.0.expose()
    }
}

/// Answers the request of a client that registers under this handle.
pub fn registration_response(
    setup: &ServerSetup,
    request: &[u8],
    handle: &str,
) -> Result<Vec<u8>, OpaqueError> {
    let handle = check_handle(handle)?;
    check_length(request, REGISTRATION_REQUEST_LENGTH)?;
    let request = RegistrationRequest::deserialize(request).map_err(malformed)?;
    let started = ServerRegistration::start(&setup.0, request, handle).map_err(failure)?;
    Ok(started.message.serialize().to_vec())
}

/// Turns the upload of a client into the record to be stored with the account.
pub fn registration_record(upload: &[u8]) -> Result<Vec<u8>, OpaqueError> {
    check_length(upload, REGISTRATION_RECORD_LENGTH)?;
    let upload = RegistrationUpload::<Suite>::deserialize(upload).map_err(malformed)?;
    Ok(ServerRegistration::finish(upload).serialize().to_vec())
}

/// Answers the request of a client that logs in under this handle.
///
/// Without a record (an unknown handle) the answer is a fake that looks like any other; the client's
/// check fails as with a wrong password, and so does [`login_finish`]. The caller must treat both alike
/// up to there, or it tells which handles exist.
pub fn login_start(
    setup: &ServerSetup,
    record: Option<&[u8]>,
    request: &[u8],
    handle: &str,
) -> Result<(ServerLogin, Vec<u8>), OpaqueError> {
    let handle = check_handle(handle)?;
    check_length(request, LOGIN_REQUEST_LENGTH)?;
    let request = CredentialRequest::deserialize(request).map_err(malformed)?;
    let record = record.map(stored).transpose()?;
    let started = library::ServerLogin::start(
        &mut SystemRandomness,
        &setup.0,
        record,
        request,
        handle,
        parameters(handle),
    )
    .map_err(failure)?;
    let state = take(&mut started.state.serialize()).expect("the suite fixes the length of the state");
    Ok((ServerLogin(state), started.message.serialize().to_vec()))
}

/// Checks the client's last message; the session key is then shared with the holder of the password.
pub fn login_finish(state: ServerLogin, finalization: &[u8]) -> Result<SessionKey, OpaqueError> {
    check_length(finalization, LOGIN_FINALIZATION_LENGTH)?;
    let finalization = CredentialFinalization::deserialize(finalization).map_err(malformed)?;
    let login = library::ServerLogin::<Suite>::deserialize(state.expose()).map_err(malformed)?;
    // 3DH fixed context and identities when it computed the expected MAC in the first step; they are
    // named again for key exchanges that check them here.
    let parameters = ServerLoginParameters { context: Some(CONTEXT), ..ServerLoginParameters::default() };
    let mut finished = login.finish(finalization, parameters).map_err(failure)?;
    Ok(SessionKey(take_key(&mut finished.session_key)))
}

fn stored(record: &[u8]) -> Result<ServerRegistration<Suite>, OpaqueError> {
    check_length(record, REGISTRATION_RECORD_LENGTH)?;
    ServerRegistration::deserialize(record).map_err(malformed)
}

fn parameters(handle: &[u8]) -> ServerLoginParameters<'_, '_> {
    ServerLoginParameters { context: Some(CONTEXT), identifiers: identifiers(handle) }
}
