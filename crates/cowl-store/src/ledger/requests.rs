//! Requests for access, and their answers.

use cowl_domain::{AccessRequest, Event, EventKind, PartyId, RequestAnswer, RequestId};

use super::accounts::require_party;
use super::act::Act;
use super::connection::Ledger;
use super::grants::{NewGrant, add_grants};
use super::log::{Told, append};
use super::sql::{Columns, all, args, execute, one, sql};
use crate::error::{Result, StoreError};
use crate::proven::Proven;

/// A request as both sides see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRow {
    /// Identifier.
    pub request_id: RequestId,
    /// Signed request.
    pub request: Vec<u8>,
    /// Signed answer.
    pub answer: Option<Vec<u8>>,
}

impl Ledger {
    /// Puts a request before its owner. What it asks for is not looked up: that would tell the asker
    /// what is there.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such owner; [`StoreError::Conflict`] when the identifier
    /// is taken; [`StoreError::Refused`] when somebody else signed.
    pub async fn make_request(&self, request: &Proven<AccessRequest>, act: &Act) -> Result<()> {
        if request.signer() != request.from || request.from == request.owner {
            return Err(StoreError::Refused {
                reason: "a request is signed by who asks, and put to another",
            });
        }
        self.transact(move |mut work| async move {
            require_party(&mut work, &request.owner).await?;
            let signed = request.signed().to_bytes();
            let list = args![request.request, request.from, request.owner, act.now(), signed];
            if execute(work.on(), ADD, list).await? == 0 {
                return Err(StoreError::Conflict { what: "request" });
            }
            let mut event = Event::new(EventKind::RequestMade, act.now(), Some(request.from));
            event.subject = Some(request.owner);
            event.request = Some(request.request);
            event.statement = Some(request.verified().digest());
            append(&mut work, act, &[Told::new(event)]).await?;
            work.commit().await
        })
        .await
    }

    /// Answers a request once, with the grants that the answer names.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] unless the signer was asked; [`StoreError::Conflict`] when it was answered
    /// before; [`StoreError::Refused`] when the grants are not those that the answer names, or to somebody
    /// else; and what [`Ledger::make_grants`] says.
    pub async fn answer_request(
        &self,
        answer: &Proven<RequestAnswer>,
        grants: &[NewGrant],
        act: &Act,
    ) -> Result<()> {
        let owner = answer.signer();
        self.transact(move |mut work| async move {
            let row = one(work.on(), FIND, args![answer.request, owner]).await?;
            let sender = PartyId::from_bytes(row.fixed("sender")?);
            check_answer(answer, &sender, grants)?;
            let mut told = add_grants(&mut work, &owner, grants, act).await?;
            if execute(work.on(), ANSWER, args![answer.request, answer.signed().to_bytes()]).await? == 0 {
                return Err(StoreError::Conflict { what: "request" });
            }
            told.push(answered(answer, owner, sender, act));
            append(&mut work, act, &told).await?;
            work.commit().await
        })
        .await
    }

    /// The requests that `party` made or was asked, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn requests(&self, party: &PartyId) -> Result<Vec<RequestRow>> {
        let mut on = self.reader().await?;
        let rows = all(&mut on, LIST, args![party]).await?;
        let row_of = |row: &sqlx::any::AnyRow| {
            Ok(RequestRow {
                request_id: RequestId::from_bytes(row.fixed("id")?),
                request: row.blob("signed")?,
                answer: row.maybe_blob("answer")?,
            })
        };
        rows.iter().map(row_of).collect()
    }
}

fn check_answer(answer: &Proven<RequestAnswer>, sender: &PartyId, grants: &[NewGrant]) -> Result<()> {
    let named = answer.grants.len() == grants.len()
        && answer.grants.iter().zip(grants).all(|(id, new)| *id == new.grant.grant);
    if named && grants.iter().all(|new| new.grant.grantee == *sender) {
        Ok(())
    } else {
        Err(StoreError::Refused {
            reason: "the grants are not those that the answer names, or not to who asked",
        })
    }
}

fn answered(answer: &Proven<RequestAnswer>, owner: PartyId, sender: PartyId, act: &Act) -> Told {
    let kind = if answer.grants.is_empty() { EventKind::RequestDenied } else { EventKind::RequestApproved };
    let mut event = Event::new(kind, act.now(), Some(owner));
    event.subject = Some(sender);
    event.request = Some(answer.request);
    event.statement = Some(answer.verified().digest());
    Told::new(event)
}

const ADD: &str = sql!(
    "requests.add",
    "INSERT INTO access_request (id, sender, owner, made_at, signed) VALUES ($1, $2, $3, $4, $5) "
    "ON CONFLICT DO NOTHING"
);
const FIND: &str = sql!("requests.find", "SELECT sender FROM access_request WHERE id = $1 AND owner = $2");
const ANSWER: &str =
    sql!("requests.answer", "UPDATE access_request SET answer = $2 WHERE id = $1 AND answer IS NULL");
const LIST: &str = sql!(
    "requests.list",
    "SELECT id, signed, answer FROM access_request WHERE owner = $1 OR sender = $1 ORDER BY made_at, id"
);
