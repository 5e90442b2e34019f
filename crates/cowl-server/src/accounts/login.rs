//! Log-in and log-out.

use axum::extract::State;
use axum::http::StatusCode;
use cowl_api::types::{LoginFinish, LoginStart, LoginStarted, Session};
use cowl_crypto::digest::Digest;
use cowl_crypto::id::random_bytes;
use cowl_crypto::opaque::{self, ServerLogin};
use cowl_domain::{Handle, PartyId};
use cowl_store::StoreError;
use cowl_store::ledger::{Credentials, LoginAttempt, NewSession};

use super::throttle::{admit_login, know_place_for, origin};
use super::{DONE, parse_handle};
use crate::app::{App, Shared};
use crate::extract::{Caller, ClientAddress, Json, hash_token};
use crate::refusal::Refusal;

/// For how long an attempt may be finished.
const ATTEMPT_SECONDS: u64 = 60;

pub(crate) async fn login_start(
    State(app): State<Shared>,
    address: ClientAddress,
    Json(body): Json<LoginStart>,
) -> Result<Json<LoginStarted>, Refusal> {
    let handle = parse_handle(&body.handle)?;
    admit_login(&app, &origin(&app, handle.as_str(), &address)).await?;
    let known = credentials(&app, &handle).await?;
    let record = known.as_ref().map(|known| known.opaque_record.as_slice());
    let (state, response) =
        opaque::login_start(&app.secrets.opaque, record, &body.request.0, handle.as_str())?;
    let login: [u8; 32] = random_bytes();
    let deadline = app.now().plus_seconds(ATTEMPT_SECONDS);
    let kept = Kept { credentials: fingerprint(known.as_ref()), state };
    let attempt = LoginAttempt {
        handle: handle.to_string(),
        party: known.map(|known| known.party),
        state: kept.to_bytes(),
    };
    app.ledger.begin_login(&hash_attempt(&login), &attempt, deadline).await?;
    Ok(Json(LoginStarted { login: login.as_slice().into(), response: response.into() }))
}

pub(crate) async fn login_finish(
    State(app): State<Shared>,
    address: ClientAddress,
    Json(body): Json<LoginFinish>,
) -> Result<Json<Session>, Refusal> {
    let attempt = match app.ledger.take_login(&hash_attempt(&body.login.0), app.now()).await {
        Err(StoreError::NotFound) => return Err(Refusal::wrong_credentials()),
        other => other?,
    };
    match finish(&app, &attempt, &body.finalization.0).await? {
        Some(party) => open_session(&app, &attempt, &address, &party).await.map(Json),
        None => {
            if let Some(party) = &attempt.party {
                app.ledger.login_refused(party, &app.act()).await?;
            }
            Err(Refusal::wrong_credentials())
        }
    }
}

/// The party, if the last message is right and the account has not changed since the first.
async fn finish(app: &App, attempt: &LoginAttempt, finalization: &[u8]) -> Result<Option<PartyId>, Refusal> {
    let kept = Kept::from_bytes(&attempt.state).ok_or_else(Refusal::internal)?;
    if opaque::login_finish(kept.state, finalization).is_err() {
        return Ok(None);
    }
    let known = credentials(app, &parse_handle(&attempt.handle)?).await?;
    let unchanged = fingerprint(known.as_ref()) == kept.credentials;
    Ok(known.filter(|_| unchanged).map(|known| known.party))
}

async fn open_session(
    app: &App,
    attempt: &LoginAttempt,
    address: &ClientAddress,
    party: &PartyId,
) -> Result<Session, Refusal> {
    let token: [u8; 32] = random_bytes();
    let expires_at = app.now().plus_seconds(app.config.sessions.hours.saturating_mul(3600));
    let origin = origin(app, &attempt.handle, address);
    let session = NewSession { token: hash_token(&token), expires_at };
    let known = know_place_for(&app.config.sessions);
    app.ledger.logged_in(party, &origin, known, &session, &app.act()).await?;
    let bindings = app.ledger.party(party).await?.bindings;
    Ok(Session {
        token: token.as_slice().into(),
        party: party.to_string(),
        expires_at: expires_at.as_millis(),
        key_store: app.ledger.key_store(party).await?.into(),
        bindings: bindings.into_iter().map(Into::into).collect(),
    })
}

pub(crate) async fn logout(State(app): State<Shared>, caller: Caller) -> Result<StatusCode, Refusal> {
    app.ledger.end_session(&caller.session).await?;
    Ok(DONE)
}

async fn credentials(app: &App, handle: &Handle) -> Result<Option<Credentials>, Refusal> {
    match app.ledger.credentials(handle).await {
        Ok(known) => Ok(Some(known)),
        Err(StoreError::NotFound) => Ok(None),
        Err(other) => Err(other.into()),
    }
}

/// Tells whether the password was changed or the account deleted while an attempt was running.
fn fingerprint(known: Option<&Credentials>) -> Digest {
    let record = known.map_or(&[][..], |known| known.opaque_record.as_slice());
    Digest::derive("cowl/server/credentials/v1", record)
}

fn hash_attempt(login: &[u8]) -> Digest {
    Digest::derive("cowl/server/login-attempt/v1", login)
}

/// What the ledger keeps of an attempt between its two messages.
struct Kept {
    credentials: Digest,
    state: ServerLogin,
}

impl Kept {
    fn to_bytes(&self) -> Vec<u8> {
        [self.credentials.as_bytes().as_slice(), self.state.expose()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (credentials, state) = bytes.split_first_chunk()?;
        Some(Self {
            credentials: Digest::from_bytes(*credentials),
            state: ServerLogin::from_bytes(state).ok()?,
        })
    }
}
