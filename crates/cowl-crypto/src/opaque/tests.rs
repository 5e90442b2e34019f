use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

const HANDLE: &str = "ada";
const PASSWORD: &[u8] = b"correct horse battery staple";

/// One registered account: stretching takes long enough that the tests share it.
struct Account {
    setup: ServerSetup,
    record: Vec<u8>,
    export_key: ExportKey,
}

static ACCOUNT: LazyLock<Account> = LazyLock::new(|| {
    let setup = ServerSetup::make();
    let (record, export_key) = register(&setup, HANDLE, PASSWORD);
    Account { setup, record, export_key }
});

fn register(setup: &ServerSetup, handle: &str, password: &[u8]) -> (Vec<u8>, ExportKey) {
    let (state, request) = ClientRegistration::start(password).unwrap();
    let response = registration_response(setup, &request, handle).unwrap();
    let (upload, export_key) = ClientRegistration::finish(state, password, &response, handle).unwrap();
    (registration_record(&upload).unwrap(), export_key)
}

/// A log-in up to the client's last step.
fn answered(account: &Account, password: &[u8]) -> (ClientLogin, ServerLogin, Vec<u8>) {
    let (client, request) = ClientLogin::start(password).unwrap();
    let (server, response) = login_start(&account.setup, Some(&account.record), &request, HANDLE).unwrap();
    (client, server, response)
}

/// A log-in up to the server's last step.
fn finalized(account: &Account) -> (ServerLogin, Vec<u8>, SessionKey, ExportKey) {
    let (client, server, response) = answered(account, PASSWORD);
    let (finalization, session, export) = ClientLogin::finish(client, PASSWORD, &response, HANDLE).unwrap();
    (server, finalization, session, export)
}

fn refusal<T>(result: Result<T, OpaqueError>) -> Option<OpaqueError> {
    result.err()
}

#[test]
fn both_sides_share_a_session_key_and_the_export_key_stays() {
    let (server, finalization, session, export) = finalized(&ACCOUNT);
    assert!(login_finish(server, &finalization).unwrap().ct_eq(&session));
    assert!(export.ct_eq(&ACCOUNT.export_key));
    let (_, _, next_session, next_export) = finalized(&ACCOUNT);
    assert!(!next_session.ct_eq(&session));
    assert!(next_export.ct_eq(&ACCOUNT.export_key));
    assert_ne!(session.expose(), export.expose());
}

#[test]
fn messages_have_their_stated_lengths() {
    let (_, request) = ClientRegistration::start(PASSWORD).unwrap();
    assert_eq!(request.len(), REGISTRATION_REQUEST_LENGTH);
    let response = registration_response(&ACCOUNT.setup, &request, HANDLE).unwrap();
    assert_eq!(response.len(), REGISTRATION_RESPONSE_LENGTH);
    assert_eq!(ACCOUNT.record.len(), REGISTRATION_RECORD_LENGTH);
    let (_, request) = ClientLogin::start(PASSWORD).unwrap();
    assert_eq!(request.len(), LOGIN_REQUEST_LENGTH);
    let (_, _, response) = answered(&ACCOUNT, PASSWORD);
    assert_eq!(response.len(), LOGIN_RESPONSE_LENGTH);
    let (_, finalization, _, _) = finalized(&ACCOUNT);
    assert_eq!(finalization.len(), LOGIN_FINALIZATION_LENGTH);
}

#[test]
fn a_wrong_password_is_refused_at_the_client() {
    let wrong = b"correct horse battery stable";
    let (client, _, response) = answered(&ACCOUNT, wrong);
    let result = ClientLogin::finish(client, wrong, &response, HANDLE);
    assert_eq!(refusal(result), Some(OpaqueError::Refused));
}

#[test]
fn an_unknown_handle_looks_like_a_wrong_password() {
    let (client, request) = ClientLogin::start(PASSWORD).unwrap();
    let (server, response) = login_start(&ACCOUNT.setup, None, &request, "nobody").unwrap();
    assert_eq!(response.len(), LOGIN_RESPONSE_LENGTH);
    let result = ClientLogin::finish(client, PASSWORD, &response, "nobody");
    assert_eq!(refusal(result), Some(OpaqueError::Refused));
    let finalization = [0; LOGIN_FINALIZATION_LENGTH];
    assert_eq!(refusal(login_finish(server, &finalization)), Some(OpaqueError::Refused));
}

#[test]
fn an_unknown_handle_answers_the_same_share_each_time() {
    // The evaluated element (the first 32 bytes) repeats for a repeated request, as it does for a known
    // handle; a fake that drew it anew would give itself away.
    let (_, request) = ClientLogin::start(PASSWORD).unwrap();
    for record in [None, Some(ACCOUNT.record.as_slice())] {
        let answer = || login_start(&ACCOUNT.setup, record, &request, HANDLE).unwrap().1;
        let (first, second) = (answer(), answer());
        assert_eq!(first[..32], second[..32]);
        assert_ne!(first[32..], second[32..]);
    }
}

#[test]
fn handles_separate_equal_passwords() {
    let (record, export_key) = register(&ACCOUNT.setup, "grace", PASSWORD);
    assert!(!export_key.ct_eq(&ACCOUNT.export_key));
    // A record put under another handle opens nothing.
    let (client, request) = ClientLogin::start(PASSWORD).unwrap();
    let (_, response) = login_start(&ACCOUNT.setup, Some(&record), &request, HANDLE).unwrap();
    assert_eq!(refusal(ClientLogin::finish(client, PASSWORD, &response, HANDLE)), Some(OpaqueError::Refused));
}

#[test]
fn the_handle_is_bound_to_the_run() {
    let (client, _, response) = answered(&ACCOUNT, PASSWORD);
    assert_eq!(refusal(ClientLogin::finish(client, PASSWORD, &response, "Ada")), Some(OpaqueError::Refused));
}

#[test]
fn another_server_with_the_record_is_refused() {
    let thief = ServerSetup::make();
    let (client, request) = ClientLogin::start(PASSWORD).unwrap();
    let (_, response) = login_start(&thief, Some(&ACCOUNT.record), &request, HANDLE).unwrap();
    assert_eq!(refusal(ClientLogin::finish(client, PASSWORD, &response, HANDLE)), Some(OpaqueError::Refused));
}

#[test]
fn a_finalization_does_not_serve_another_run() {
    let (_, finalization, _, _) = finalized(&ACCOUNT);
    let (_, server, _) = answered(&ACCOUNT, PASSWORD);
    assert_eq!(refusal(login_finish(server, &finalization)), Some(OpaqueError::Refused));
}

#[test]
fn every_byte_of_a_finalization_counts() {
    let (server, finalization, _, _) = finalized(&ACCOUNT);
    for at in 0..finalization.len() {
        let mut altered = finalization.clone();
        altered[at] ^= 1;
        let server = ServerLogin::from_bytes(server.expose()).unwrap();
        assert_eq!(refusal(login_finish(server, &altered)), Some(OpaqueError::Refused), "byte {at}");
    }
    assert!(login_finish(server, &finalization).is_ok());
}

#[test]
fn altered_responses_are_refused() {
    // One byte in each field: element, masking nonce, masked key, masked envelope, server nonce, server
    // key share, MAC. (An altered element or key share is mostly no point at all.)
    for at in [0, 32, 64, 96, 150, 191, 192, 224, 256, 319] {
        let (client, _, mut response) = answered(&ACCOUNT, PASSWORD);
        response[at] ^= 1;
        let error = refusal(ClientLogin::finish(client, PASSWORD, &response, HANDLE)).unwrap();
        assert!(matches!(error, OpaqueError::Refused | OpaqueError::Malformed), "byte {at}: {error}");
    }
}

#[test]
fn an_altered_request_ends_in_a_refusal() {
    let (client, mut request) = ClientLogin::start(PASSWORD).unwrap();
    request[40] ^= 1; // the client's nonce
    let (_, response) = login_start(&ACCOUNT.setup, Some(&ACCOUNT.record), &request, HANDLE).unwrap();
    assert_eq!(refusal(ClientLogin::finish(client, PASSWORD, &response, HANDLE)), Some(OpaqueError::Refused));
}

#[test]
fn an_element_sent_back_is_refused() {
    let (client, request) = ClientLogin::start(PASSWORD).unwrap();
    let (_, mut response) = login_start(&ACCOUNT.setup, Some(&ACCOUNT.record), &request, HANDLE).unwrap();
    response[..32].copy_from_slice(&request[..32]);
    assert_eq!(refusal(ClientLogin::finish(client, PASSWORD, &response, HANDLE)), Some(OpaqueError::Refused));
}

#[test]
fn the_identity_element_is_malformed() {
    let zeros = [0; REGISTRATION_REQUEST_LENGTH];
    let result = registration_response(&ACCOUNT.setup, &zeros, HANDLE);
    assert_eq!(refusal(result), Some(OpaqueError::Malformed));
    let (_, mut request) = ClientLogin::start(PASSWORD).unwrap();
    request[..32].fill(0);
    let result = login_start(&ACCOUNT.setup, Some(&ACCOUNT.record), &request, HANDLE);
    assert_eq!(refusal(result), Some(OpaqueError::Malformed));
}

#[test]
fn a_setup_and_a_login_are_restored_from_their_bytes() {
    let setup = ServerSetup::from_bytes(ACCOUNT.setup.expose_bytes().expose()).unwrap();
    let (client, request) = ClientLogin::start(PASSWORD).unwrap();
    let (server, response) = login_start(&setup, Some(&ACCOUNT.record), &request, HANDLE).unwrap();
    let (finalization, session, _) = ClientLogin::finish(client, PASSWORD, &response, HANDLE).unwrap();
    let server = ServerLogin::from_bytes(server.expose()).unwrap();
    assert!(login_finish(server, &finalization).unwrap().ct_eq(&session));
}

#[test]
fn passwords_and_handles_have_limits() {
    for password in [&[][..], &[1; MAX_PASSWORD_LENGTH + 1]] {
        assert_eq!(refusal(ClientLogin::start(password)), Some(OpaqueError::Password));
        assert_eq!(refusal(ClientRegistration::start(password)), Some(OpaqueError::Password));
    }
    assert!(ClientLogin::start(&[1; MAX_PASSWORD_LENGTH]).is_ok());
    let (_, request) = ClientLogin::start(PASSWORD).unwrap();
    for handle in [String::new(), "a".repeat(MAX_HANDLE_LENGTH + 1)] {
        let result = login_start(&ACCOUNT.setup, None, &request, &handle);
        assert_eq!(refusal(result), Some(OpaqueError::Handle));
    }
    assert!(login_start(&ACCOUNT.setup, None, &request, &"a".repeat(MAX_HANDLE_LENGTH)).is_ok());
}

#[test]
fn messages_of_another_length_are_malformed() {
    let message = vec![1; 400];
    for length in 0..400 {
        let message = &message[..length];
        let setup = &ACCOUNT.setup;
        if length != REGISTRATION_REQUEST_LENGTH {
            assert_eq!(refusal(registration_response(setup, message, HANDLE)), Some(OpaqueError::Malformed));
        }
        if length != REGISTRATION_RECORD_LENGTH {
            assert_eq!(refusal(registration_record(message)), Some(OpaqueError::Malformed));
        }
        if length != LOGIN_REQUEST_LENGTH {
            assert_eq!(refusal(login_start(setup, None, message, HANDLE)), Some(OpaqueError::Malformed));
        }
        if length != SERVER_SETUP_LENGTH {
            assert_eq!(refusal(ServerSetup::from_bytes(message)), Some(OpaqueError::Malformed));
            assert_eq!(refusal(ServerLogin::from_bytes(message)), Some(OpaqueError::Malformed));
        }
    }
}

#[test]
fn nothing_may_follow_a_message() {
    let longer = |message: &[u8]| [message, &[0]].concat();
    let setup = &ACCOUNT.setup;
    let (registration, request) = ClientRegistration::start(PASSWORD).unwrap();
    let response = registration_response(setup, &request, HANDLE).unwrap();
    assert!(registration_response(setup, &longer(&request), HANDLE).is_err());
    assert!(ClientRegistration::finish(registration, PASSWORD, &longer(&response), HANDLE).is_err());
    assert!(registration_record(&longer(&ACCOUNT.record)).is_err());
    assert!(ServerSetup::from_bytes(&longer(setup.expose_bytes().expose())).is_err());
    let (client, request) = ClientLogin::start(PASSWORD).unwrap();
    let record = longer(&ACCOUNT.record);
    assert!(login_start(setup, Some(&ACCOUNT.record), &longer(&request), HANDLE).is_err());
    assert!(login_start(setup, Some(&record), &request, HANDLE).is_err());
    let (_, response) = login_start(setup, Some(&ACCOUNT.record), &request, HANDLE).unwrap();
    assert!(ClientLogin::finish(client, PASSWORD, &longer(&response), HANDLE).is_err());
    let (server, finalization, _, _) = finalized(&ACCOUNT);
    assert!(login_finish(server, &longer(&finalization)).is_err());
}

#[test]
fn a_server_of_another_context_is_refused() {
    use opaque_ke::{CredentialRequest, Identifiers, ServerLoginParameters, ServerRegistration};

    let setup =
        opaque_ke::ServerSetup::<suite::Suite>::deserialize(ACCOUNT.setup.expose_bytes().expose()).unwrap();
    let identifiers = Identifiers { client: Some(HANDLE.as_bytes()), server: None };
    for (context, accepted) in [(b"cowl/opaque/v1", true), (b"cowl/opaque/v2", false)] {
        let (client, request) = ClientLogin::start(PASSWORD).unwrap();
        let started = opaque_ke::ServerLogin::start(
            &mut suite::SystemRandomness,
            &setup,
            Some(ServerRegistration::deserialize(&ACCOUNT.record).unwrap()),
            CredentialRequest::deserialize(&request).unwrap(),
            HANDLE.as_bytes(),
            ServerLoginParameters { context: Some(context), identifiers },
        )
        .unwrap();
        let response = started.message.serialize();
        assert_eq!(ClientLogin::finish(client, PASSWORD, &response, HANDLE).is_ok(), accepted);
    }
}

#[test]
fn a_damaged_record_is_malformed() {
    let (_, request) = ClientLogin::start(PASSWORD).unwrap();
    let result = login_start(&ACCOUNT.setup, Some(&ACCOUNT.record[1..]), &request, HANDLE);
    assert_eq!(refusal(result), Some(OpaqueError::Malformed));
    let mut record = ACCOUNT.record.clone();
    record[..32].fill(0xff);
    let result = login_start(&ACCOUNT.setup, Some(&record), &request, HANDLE);
    assert_eq!(refusal(result), Some(OpaqueError::Malformed));
}

#[test]
fn stretching_is_argon2id_with_the_stated_cost() {
    use argon2::{Algorithm, Argon2, Params, Version};
    use opaque_ke::generic_array::GenericArray;
    use opaque_ke::ksf::Ksf;

    let input = [9; 64];
    let stretched = suite::Stretching.hash(GenericArray::from(input)).unwrap();
    let mut expected = [0; 64];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(65_536, 3, 4, None).unwrap())
        .hash_password_into(&input, &[0; 16], &mut expected)
        .unwrap();
    assert_eq!(stretched.as_slice(), expected);
}

proptest! {
    #[test]
    fn arbitrary_messages_never_panic_the_server(bytes in any::<[[u8; 32]; 6]>()) {
        let bytes = bytes.concat();
        let _ = registration_response(&ACCOUNT.setup, &bytes[..REGISTRATION_REQUEST_LENGTH], HANDLE);
        let _ = registration_record(&bytes);
        let _ = login_start(&ACCOUNT.setup, Some(&bytes), &bytes[..LOGIN_REQUEST_LENGTH], HANDLE);
        let login = ServerLogin::from_bytes(&bytes[..SERVER_LOGIN_LENGTH]).unwrap();
        prop_assert!(login_finish(login, &bytes[128..]).is_err());
    }
}
