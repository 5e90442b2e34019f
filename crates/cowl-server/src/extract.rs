//! What handlers take from a request, with refusals in the contract's form.

use std::net::{IpAddr, SocketAddr};
use std::ops::Deref;
use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use cowl_api::{Blob, paths};
use cowl_crypto::digest::Digest;
use cowl_domain::PartyId;
use cowl_store::StoreError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::app::Shared;
use crate::refusal::Refusal;

/// A JSON body.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Shared> for Json<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, Refusal> {
        let too_large =
            || Refusal::too_large(format!("a body has {} bytes at most", app.config.limits.max_body));
        let bytes = Bytes::from_request(request, app).await.map_err(|rejection| {
            match rejection.into_response().status().as_u16() {
                413 => too_large(),
                _ => Refusal::bad_request("the body ends too early"),
            }
        })?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| describe(&error))
    }
}

/// A short body of bytes, which may be empty: the weights of scores.
pub(crate) struct Weights(pub(crate) Vec<u8>);

impl FromRequest<Shared> for Weights {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &Shared) -> Result<Self, Refusal> {
        let bytes = axum::body::to_bytes(request.into_body(), MAX_WEIGHTS).await;
        let too_large = |_| Refusal::too_large(format!("weights have {MAX_WEIGHTS} bytes at most"));
        bytes.map(|bytes| Self(bytes.to_vec())).map_err(too_large)
    }
}

/// Most bytes of weights.
const MAX_WEIGHTS: usize = 16 * 1024;

/// Where it is wrong, not what stands there: problems hold no content.
fn describe(error: &serde_json::Error) -> Refusal {
    let what = match error.classify() {
        serde_json::error::Category::Data => "the body does not have the expected fields",
        _ => "the body is not JSON",
    };
    Refusal::bad_request(format!("{what} (line {}, column {})", error.line(), error.column()))
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// An identifier in the path; one that cannot be read is answered like one that is not there.
pub(crate) struct Id<T>(pub(crate) T);

impl<T: FromStr> FromRequestParts<Shared> for Id<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Refusal> {
        let Path(text) =
            Path::<String>::from_request_parts(parts, app).await.map_err(|_| Refusal::not_found())?;
        text.parse().map(Self).map_err(|_| Refusal::not_found())
    }
}

/// Parameters behind the question mark.
pub(crate) struct Parameters<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Shared> for Parameters<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Refusal> {
        let query = Query::<T>::from_request_parts(parts, app).await;
        query.map(|Query(value)| Self(value)).map_err(|_| Refusal::bad_request("the query is not understood"))
    }
}

/// Whoever is logged in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller {
    pub(crate) party: PartyId,
    /// Hash of the session's token.
    pub(crate) session: Digest,
}

impl Deref for Caller {
    type Target = PartyId;

    fn deref(&self) -> &PartyId {
        &self.party
    }
}

impl FromRequestParts<Shared> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Refusal> {
        SessionToken::from_request_parts(parts, app).await?.caller(app).await
    }
}

/// Hash of the session's token that came along; whose it is, or whether anybody's, has not been asked.
pub(crate) struct SessionToken(pub(crate) Digest);

impl SessionToken {
    pub(crate) async fn caller(&self, app: &Shared) -> Result<Caller, Refusal> {
        match app.ledger.session(&self.0, app.now()).await {
            Ok(party) => Ok(Caller { party, session: self.0 }),
            Err(StoreError::NotFound) => Err(Refusal::unauthenticated()),
            Err(other) => Err(other.into()),
        }
    }
}

impl FromRequestParts<Shared> for SessionToken {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Refusal> {
        bearer(&parts.headers).map(|token| Self(hash_token(&token))).ok_or_else(Refusal::unauthenticated)
    }
}

fn bearer(headers: &HeaderMap) -> Option<Vec<u8>> {
    decode(headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?)
}

/// Tokens and tickets have 32 bytes.
fn decode(text: &str) -> Option<Vec<u8>> {
    let Blob(bytes) = serde_json::from_value(serde_json::Value::String(text.to_owned())).ok()?;
    (bytes.len() == 32).then_some(bytes)
}

/// What the ledger knows a session by.
pub(crate) fn hash_token(token: &[u8]) -> Digest {
    Digest::derive("cowl/server/session-token/v1", token)
}

/// What the ledger knows a read ticket by.
pub(crate) fn hash_ticket(ticket: &[u8]) -> Digest {
    Digest::derive("cowl/server/read-ticket/v1", ticket)
}

/// Hash of the read ticket that came along.
pub(crate) struct Ticket(pub(crate) Digest);

impl FromRequestParts<Shared> for Ticket {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Refusal> {
        let header = parts.headers.get(paths::TICKET).and_then(|value| value.to_str().ok());
        header.and_then(decode).map(|ticket| Self(hash_ticket(&ticket))).ok_or_else(Refusal::not_found)
    }
}

/// The client's address, as the connection or a trusted proxy tells it.
pub(crate) struct ClientAddress(pub(crate) String);

impl FromRequestParts<Shared> for ClientAddress {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Refusal> {
        let named = app.config.address_header.as_deref().and_then(|name| parts.headers.get(name));
        // A proxy appends; what stands before its own entry was sent by anybody.
        let last = named.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
        let address = last.or(peer).ok_or_else(Refusal::internal)?;
        Ok(Self(network(address)))
    }
}

/// One customer line has a whole IPv6 network of 64 bits, so that is what counts as one.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_line_count_as_one() {
        let one = network("2001:db8:1:2::3".parse().unwrap());
        assert_eq!(one, network("2001:db8:1:2:ffff::".parse().unwrap()));
        assert_ne!(one, network("2001:db8:1:3::3".parse().unwrap()));
        assert_eq!(network("::ffff:192.0.2.1".parse().unwrap()), "192.0.2.1");
    }

    #[test]
    fn tokens_have_thirty_two_bytes() {
        assert!(decode("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").is_some());
        for bad in ["", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "\"", "é"] {
            assert!(decode(bad).is_none());
        }
    }
}
