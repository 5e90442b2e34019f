//! Parts on their way out, against a ticket.

use std::ops::Range;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use cowl_api::frames::{FRAME_HEADER, FrameHeader};
use cowl_api::types::PartsQuery;
use cowl_api::{Problem, ProblemCode};
use cowl_domain::PartName;
use cowl_store::ledger::PartLocation;
use cowl_store::{PackKey, StoreError};
use futures_util::future::try_join_all;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::app::Shared;
use crate::extract::{Caller, Id, Json, SessionToken, Ticket};
use crate::refusal::Refusal;
use crate::uploads::part_names;

const BYTES_SENT: &str = "cowl_part_bytes_sent_total";
const OCTETS: &str = "application/octet-stream";
/// About how many bytes one read of the part store fetches in a batch.
const GROUP_BYTES: u64 = 4 * 1024 * 1024;
/// Groups of a batch that are read ahead.
const GROUPS_AHEAD: usize = 2;

pub(crate) async fn part(
    State(app): State<Shared>,
    session: SessionToken,
    ticket: Result<Ticket, Refusal>,
    part: Result<Id<PartName>, Refusal>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let (ticket, Id(part)) = match (ticket, part) {
        (Ok(ticket), Ok(part)) => (ticket, part),
        (Err(refusal), _) | (_, Err(refusal)) => {
            // Whoever has no session is told that first, as everywhere.
            session.caller(&app).await?;
            return Err(refusal);
        }
    };
    let (finder, place) = Finder::find(app, &session, ticket, &part).await?;
    let asked =
        headers.get(RANGE).map(|value| value.to_str().ok().and_then(|text| parse_range(text, place.length)));
    let (status, range) = match asked {
        None => (StatusCode::OK, 0..place.length),
        Some(Some(range)) => (StatusCode::PARTIAL_CONTENT, range),
        Some(None) => return Err(Refusal::bad_request("the range is not one inside the part")),
    };
    let bytes = finder.read(&place, range.clone()).await.map_err(lost)?;
    metrics::counter!(BYTES_SENT).increment(bytes.len() as u64);
    let mut response = (status, [(CONTENT_TYPE, OCTETS), (ACCEPT_RANGES, "bytes")], bytes).into_response();
    if status == StatusCode::PARTIAL_CONTENT {
        let content = format!("bytes {}-{}/{}", range.start, range.end - 1, place.length);
        let value = content.parse().expect("digits fit in a header");
        response.headers_mut().insert(CONTENT_RANGE, value);
    }
    Ok(response)
}

/// One range of RFC 9110 §14.1.2, inside a part of `length` bytes.
fn parse_range(text: &str, length: u64) -> Option<Range<u64>> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let number =
        |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
    let range = match (first, last) {
        ("", suffix) => length.saturating_sub(number(suffix)?)..length,
        (first, "") => number(first)?..length,
        (first, last) => number(first)?..number(last)?.checked_add(1)?.min(length),
    };
    (range.start < range.end).then_some(range)
}

pub(crate) async fn parts_batch(
    State(app): State<Shared>,
    caller: Caller,
    ticket: Ticket,
    Json(query): Json<PartsQuery>,
) -> Result<Response, Refusal> {
    let names = part_names(&query)?;
    let places = app.ledger.part_locations(&caller, &ticket.0, &names, app.now()).await?;
    let length: u64 = places.iter().map(|place| FRAME_HEADER as u64 + place.length).sum();
    metrics::counter!(BYTES_SENT).increment(length);
    let finder = Arc::new(Finder { app, caller, ticket });
    let body = Body::from_stream(frames(finder, groups(places)));
    Ok(([(CONTENT_TYPE, OCTETS.to_owned()), (CONTENT_LENGTH, length.to_string())], body).into_response())
}

/// Neighbours in the answer that are in the same pack are read together.
fn groups(places: Vec<PartLocation>) -> Vec<Vec<PartLocation>> {
    let mut groups: Vec<Vec<PartLocation>> = Vec::new();
    let mut bytes = 0;
    for place in places {
        let pack = groups.last().and_then(|group| group.last()).map(|last| last.pack);
        if pack != Some(place.pack) || bytes + place.length > GROUP_BYTES {
            groups.push(Vec::new());
            bytes = 0;
        }
        bytes += place.length;
        groups.last_mut().expect("one was pushed").push(place);
    }
    groups
}

fn frames(
    finder: Arc<Finder>,
    groups: Vec<Vec<PartLocation>>,
) -> impl futures_util::Stream<Item = Result<Bytes, StoreError>> + Send {
    stream::iter(groups)
        .map(move |group| read_group(finder.clone(), group))
        .buffered(GROUPS_AHEAD)
        .map_ok(|pieces| stream::iter(pieces.into_iter().map(Ok)))
        .try_flatten()
}

/// Headers and bodies in turn.
async fn read_group(finder: Arc<Finder>, group: Vec<PartLocation>) -> Result<Vec<Bytes>, StoreError> {
    let bodies = finder.read_all(&group).await.inspect_err(|error| {
        tracing::error!(%error, "a part cannot be read");
    })?;
    let pieces = group.iter().zip(bodies).flat_map(|(place, body)| [header(place), body]);
    Ok(pieces.collect())
}

/// Reads parts where the ledger says, and asks again when they have just been moved.
struct Finder {
    app: Shared,
    caller: Caller,
    ticket: Ticket,
}

impl Finder {
    /// Session and place in one question; only a refusal takes another, to say which of them was wrong.
    async fn find(
        app: Shared,
        session: &SessionToken,
        ticket: Ticket,
        part: &PartName,
    ) -> Result<(Self, PartLocation), Refusal> {
        let found = app.ledger.part_location_in_session(&session.0, &ticket.0, part, app.now()).await;
        if found == Err(StoreError::NotFound) {
            session.caller(&app).await?;
        }
        let (party, place) = found?;
        let caller = Caller { party, session: session.0 };
        Ok((Self { app, caller, ticket }, place))
    }

    async fn place(&self, part: &PartName) -> Result<PartLocation, StoreError> {
        self.app.ledger.part_location(&self.caller, &self.ticket.0, part, self.app.now()).await
    }

    /// A range of a part. [`StoreError::NotFound`] or [`StoreError::Corrupt`]: its bytes are gone.
    async fn read(&self, place: &PartLocation, range: Range<u64>) -> Result<Bytes, StoreError> {
        let mut place = place.clone();
        loop {
            let stored = place.offset + range.start..place.offset + range.end;
            match self.app.parts.range(place.pack, stored).await {
                Err(StoreError::NotFound) => {
                    // Packs are compacted while they are read: then the ledger knows a new place.
                    let now = self.place(&place.part).await?;
                    if now == place {
                        return Err(StoreError::NotFound);
                    }
                    place = now;
                }
                outcome => return outcome,
            }
        }
    }

    /// Neighbours in one pack together; one by one if they have been moved since.
    async fn read_all(&self, group: &[PartLocation]) -> Result<Vec<Bytes>, StoreError> {
        let pack: PackKey = group.first().expect("no group is empty").pack;
        let ranges: Vec<_> = group.iter().map(|place| place.offset..place.offset + place.length).collect();
        match self.app.parts.ranges(pack, &ranges).await {
            Err(StoreError::NotFound) => {
                try_join_all(group.iter().map(|place| self.read(place, 0..place.length))).await
            }
            outcome => outcome,
        }
    }
}

fn header(place: &PartLocation) -> Bytes {
    let length = u32::try_from(place.length).expect("parts were bounded when they came in");
    Bytes::copy_from_slice(&FrameHeader { name: place.part, hash: place.hash, length }.to_bytes())
}

/// The ledger knows the part; that its bytes are gone is the server's fault, and the caller can do without
/// this part only.
fn lost(error: StoreError) -> Refusal {
    match error {
        StoreError::NotFound | StoreError::Corrupt { .. } => {
            tracing::error!(%error, "a pack that the ledger refers to is not there, or not whole");
            Problem::new(ProblemCode::PartLost, "the server has lost a part that it had acknowledged")
                .with_hint("its operator may have a copy; otherwise add the file again")
                .into()
        }
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use cowl_crypto::digest::Digest;
    use cowl_domain::ItemId;

    use super::*;

    #[test]
    fn ranges_are_those_of_rfc_9110() {
        assert_eq!(parse_range("bytes=0-0", 10), Some(0..1));
        assert_eq!(parse_range("bytes=2-5", 10), Some(2..6));
        assert_eq!(parse_range("bytes=2-99", 10), Some(2..10));
        assert_eq!(parse_range("bytes=7-", 10), Some(7..10));
        assert_eq!(parse_range("bytes=-3", 10), Some(7..10));
        assert_eq!(parse_range("bytes=-30", 10), Some(0..10));
        for bad in
            ["", "bytes=", "bytes=-", "bytes=5-4", "bytes=10-", "bytes=+1-2", "bytes=1-2,4-5", "items=1-2"]
        {
            assert_eq!(parse_range(bad, 10), None, "{bad}");
        }
        assert_eq!(parse_range(&format!("bytes=0-{}", u64::MAX), 10), None);
        assert_eq!(parse_range("bytes=0-99999999999999999999999", 10), None);
    }

    #[test]
    fn a_group_is_of_one_pack_and_bounded() {
        let place = |pack: u8, length: u64| PartLocation {
            part: PartName::from_bytes([0; 16]),
            item: ItemId::from_bytes([0; 16]),
            pack: PackKey::from_bytes([pack; 16]),
            offset: 0,
            length,
            hash: Digest::of(b""),
        };
        let places = vec![place(1, 5), place(1, 6), place(2, 7), place(1, GROUP_BYTES), place(1, 1)];
        let sizes: Vec<_> = groups(places).iter().map(Vec::len).collect();
        assert_eq!(sizes, [2, 1, 1, 1]);
        assert!(groups(Vec::new()).is_empty());
    }
}
