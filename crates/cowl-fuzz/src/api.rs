//! `cowl-api`: frames of parts, JSON bodies of both directions.

use bytes::Bytes;
use cowl_api::Problem;
use cowl_api::frames::{FrameDecoder, FrameError, Piece};
use cowl_api::types::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A stream of frames: cut anywhere, it gives the same.
pub fn frames(bytes: &[u8]) {
    let whole = pieces(bytes, bytes.len().max(1));
    for cut in [1, 7, 53] {
        assert_eq!(pieces(bytes, cut), whole, "cutting into {cut} bytes changes what is read");
    }
}

/// Headers, bytes of all parts, and how it ended.
fn pieces(bytes: &[u8], cut: usize) -> (Vec<String>, Vec<u8>, Result<(), FrameError>) {
    let (mut headers, mut contents, mut decoder) = (Vec::new(), Vec::new(), FrameDecoder::new());
    for chunk in bytes.chunks(cut) {
        let mut chunk = Bytes::copy_from_slice(chunk);
        loop {
            match decoder.next(&mut chunk) {
                Ok(Some(Piece::Header(header))) => headers.push(format!("{header:?}")),
                Ok(Some(Piece::Bytes(piece))) => contents.extend_from_slice(&piece),
                Ok(None) => break,
                Err(error) => return (headers, contents, Err(error)),
            }
        }
    }
    (headers, contents, decoder.finish())
}

macro_rules! each_body {
    ($json:expr; $($body:ident)*) => {[$(body::<$body>($json)),*]};
}

/// Every body, read from the same JSON.
pub fn bodies(json: &[u8]) {
    let _ = bodies_read(json);
    let _ = serde_json::from_slice::<Blob>(json);
}

/// How many kinds of body this is.
pub fn bodies_read(json: &[u8]) -> usize {
    let read = each_body! { json;
        ServerInfo RegisterStart RegisterStarted RegisterFinish Registered LoginStart LoginStarted LoginFinish
        Session PasswordStart PasswordFinish Account PartyEntry PartyPage NewBinding NewRecord RecordView ItemRow
        ItemProof ItemPage PartsQuery PartsKnown PartsStored NewItem Commit ReadRequest ReadTicket NewGrants
        NewGrant GrantView RevokeGrant NewRequest RequestView AnswerRequest NewJob JobView JobResult JobPage
        NewConsent JobRefusal Settlement TableView Proof LogEntry EventPage OpenLeaf BindingPage Problem
    };
    read.iter().filter(|read| **read).count()
}

/// What is read can be written, and is then read as the same.
fn body<T: DeserializeOwned + Serialize>(json: &[u8]) -> bool {
    let Ok(value) = serde_json::from_slice::<T>(json) else { return false };
    let written = serde_json::to_value(&value).expect("a body can be written");
    let again: T = serde_json::from_value(written.clone()).expect("a body that was written can be read");
    assert_eq!(serde_json::to_value(&again).expect("a body can be written"), written);
    true
}
