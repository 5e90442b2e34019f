//! The side that knows the password.

use opaque_ke as library;
use opaque_ke::{
    ClientLoginFinishParameters, ClientRegistrationFinishParameters, CredentialResponse, RegistrationResponse,
};

use super::suite::{Stretching, Suite, SystemRandomness, failure, identifiers, malformed, take_key};
use super::{
    CONTEXT, ExportKey, LOGIN_RESPONSE_LENGTH, OpaqueError, REGISTRATION_RESPONSE_LENGTH, SessionKey,
    check_handle, check_length, check_password,
};
use crate::absent::assert_absent;

/// What a client keeps between the messages of a registration.
pub struct ClientRegistration(library::ClientRegistration<Suite>);

/// What a client keeps between the messages of a log-in.
pub struct ClientLogin(library::ClientLogin<Suite>);

assert_absent!(ClientRegistration: Clone, Copy, std::fmt::Debug, PartialEq);
assert_absent!(ClientLogin: Clone, Copy, std::fmt::Debug, PartialEq);

impl ClientRegistration {
    /// Begins a registration; the bytes are the request for the server.
    pub fn start(password: &[u8]) -> Result<(Self, Vec<u8>), OpaqueError> {
        check_password(password)?;
        let started = library::ClientRegistration::start(&mut SystemRandomness, password).map_err(failure)?;
        Ok((Self(started.state), started.message.serialize().to_vec()))
    }

    /// Ends a registration: stretches the password (64 MiB, a fraction of a second) and returns the upload
    /// for the server, and the export key.
    pub fn finish(
        state: Self,
        password: &[u8],
        response: &[u8],
        handle: &str,
    ) -> Result<(Vec<u8>, ExportKey), OpaqueError> {
        check_password(password)?;
        let handle = check_handle(handle)?;
        check_length(response, REGISTRATION_RESPONSE_LENGTH)?;
        let response = RegistrationResponse::deserialize(response).map_err(malformed)?;
        let parameters = ClientRegistrationFinishParameters::new(identifiers(handle), Some(&Stretching));
        let mut finished =
            state.0.finish(&mut SystemRandomness, password, response, parameters).map_err(failure)?;
        Ok((finished.message.serialize().to_vec(), ExportKey(take_key(&mut finished.export_key))))
    }
}

impl ClientLogin {
    /// Begins a log-in; the bytes are the request for the server.
    pub fn start(password: &[u8]) -> Result<(Self, Vec<u8>), OpaqueError> {
        check_password(password)?;
        let started = library::ClientLogin::start(&mut SystemRandomness, password).map_err(failure)?;
        Ok((Self(started.state), started.message.serialize().to_vec()))
    }

    /// Ends a log-in: stretches the password, checks that the server holds this account's record, and
    /// returns the finalization for the server, the session key, and the export key.
    ///
    /// [`OpaqueError::Refused`] is a wrong password, an unknown handle or an altered response alike.
    pub fn finish(
        state: Self,
        password: &[u8],
        response: &[u8],
        handle: &str,
    ) -> Result<(Vec<u8>, SessionKey, ExportKey), OpaqueError> {
        check_password(password)?;
        let handle = check_handle(handle)?;
        check_length(response, LOGIN_RESPONSE_LENGTH)?;
        let response = CredentialResponse::deserialize(response).map_err(malformed)?;
        let parameters =
            ClientLoginFinishParameters::new(Some(CONTEXT), identifiers(handle), Some(&Stretching));
        let mut finished =
            state.0.finish(&mut SystemRandomness, password, response, parameters).map_err(failure)?;
        Ok((
            finished.message.serialize().to_vec(),
            SessionKey(take_key(&mut finished.session_key)),
            ExportKey(take_key(&mut finished.export_key)),
        ))
    }
}
