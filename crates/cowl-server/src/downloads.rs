//! Parts on their way out, against a ticket.

use std::ops::Range;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use cowl_api::frames::{FRAME_HEADER, FrameHeader};
use cowl_api::types::PartsQuery;
use cowl_domain::PartName;
use cowl_store::ledger::PartLocation;
use cowl_store::{PackKey, PartStore, StoreError};
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::app::Shared;
use crate::extract::{Caller, Id, Json, Ticket};
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
    caller: Caller,
    ticket: Ticket,
    Id(part): Id<PartName>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let place = app.ledger.part_location(&caller, &ticket.0, &part, app.now()).await?;
    let asked =
        headers.get(RANGE).map(|value| value.to_str().ok().and_then(|text| parse_range(text, place.length)));
    let (status, range) = match asked {
        None => (StatusCode::OK, 0..place.length),
        Some(Some(range)) => (StatusCode::PARTIAL_CONTENT, range),
        Some(None) => return Err(Refusal::bad_request("the range is not one inside the part")),
    };
    let stored = place.offset + range.start..place.offset + range.end;
    let bytes = app.parts.range(place.pack, stored).await.map_err(damaged)?;
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
    let body = Body::from_stream(frames(app.parts.clone(), groups(places)));
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
    parts: PartStore,
    groups: Vec<Vec<PartLocation>>,
) -> impl futures_util::Stream<Item = Result<Bytes, StoreError>> + Send {
    stream::iter(groups)
        .map(move |group| read_group(parts.clone(), group))
        .buffered(GROUPS_AHEAD)
        .map_ok(|pieces| stream::iter(pieces.into_iter().map(Ok)))
        .try_flatten()
}

/// Headers and bodies in turn.
async fn read_group(parts: PartStore, group: Vec<PartLocation>) -> Result<Vec<Bytes>, StoreError> {
    let pack: PackKey = group.first().expect("no group is empty").pack;
    let ranges: Vec<_> = group.iter().map(|place| place.offset..place.offset + place.length).collect();
    let bodies = parts.ranges(pack, &ranges).await.inspect_err(|error| {
        tracing::error!(%error, "a part cannot be read");
    })?;
    let pieces = group.iter().zip(bodies).flat_map(|(place, body)| [header(place), body]);
    Ok(pieces.collect())
}

fn header(place: &PartLocation) -> Bytes {
    let length = u32::try_from(place.length).expect("parts were bounded when they came in");
    Bytes::copy_from_slice(&FrameHeader { name: place.part, hash: place.hash, length }.to_bytes())
}

/// The ledger knows the part; that its bytes are gone is the server's fault, not the caller's.
fn damaged(error: StoreError) -> Refusal {
    match error {
        StoreError::NotFound => {
            tracing::error!("a pack that the ledger refers to is not there");
            Refusal::internal()
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
