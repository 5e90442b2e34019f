//! Requests: a reader asks, the owner answers.

use cowl_api::types::{AnswerRequest, NewRequest, RequestView};
use cowl_crypto::id::random_bytes;
use cowl_domain::{
    AccessRequest, ComputeTerms, ItemId, Powers, Purpose, RecordId, RequestAnswer, RequestId, Signed,
    Timestamp, Verified,
};
use cowl_seal::message;

use crate::error::{Result, VaultError};
use crate::grant::{GrantSpec, recipient_of};
use crate::record::misplaced;
use crate::vault::{Vault, now};
use crate::view::{GrantInfo, RequestInfo, RequestState};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct RequestSpec {
    /// Handle or identifier of the owner.
    pub owner: String,
    /// The item, if its identifier is known.
    pub item: Option<ItemId>,
    /// What is wanted.
    pub powers: Powers,
    /// Why.
    pub purpose: Purpose,
    /// Until when.
    pub until: Option<Timestamp>,
    /// Words for the owner, e.g. which file is meant; sealed.
    pub note: String,
}

impl Vault {
    /// Asks an owner for access.
    ///
    /// # Errors
    /// When there is no such party.
    pub async fn request(&self, spec: &RequestSpec) -> Result<RequestInfo> {
        let owner = self.find_party(&spec.owner).await?;
        if owner.party() == self.party_id() {
            return Err(VaultError::Invalid("you need not ask yourself".to_owned()));
        }
        let request = RequestId::from_bytes(random_bytes());
        let statement = AccessRequest {
            request,
            from: self.party_id(),
            owner: owner.party(),
            item: spec.item,
            powers: spec.powers,
            purpose: spec.purpose,
            until: spec.until,
            sealed_note: message::seal_to(
                &recipient_of(&owner)?,
                &note_context(&request),
                spec.note.as_bytes(),
            ),
            made_at: now(),
        };
        let signed = self.sign(&statement);
        self.client.make_request(&NewRequest { request: signed.to_bytes().into() }).await?;
        self.change_state(|state| {
            if state.notes.len() >= NOTES_KEPT {
                state.notes.remove(0);
            }
            state.notes.push((request.to_string(), spec.note.clone()));
        })?;
        self.find_request(&request).await
    }

    /// The requests that the caller has made or been asked.
    ///
    /// # Errors
    /// Those of the server; statements that do not hold.
    pub async fn requests(&self) -> Result<Vec<RequestInfo>> {
        let mut infos = Vec::new();
        for view in self.client.requests().await? {
            infos.push(self.request_info(&view).await?);
        }
        infos.sort_by_key(|info| info.made_at);
        Ok(infos)
    }

    /// Says yes: makes the grants and answers, in one transaction. Who asked to compute gets it on these terms.
    ///
    /// # Errors
    /// When the request is not open, or the grants cannot be made.
    pub async fn approve(
        &self,
        request: RequestId,
        items: Vec<ItemId>,
        record: RecordId,
        expires_at: Option<Timestamp>,
        compute: Option<ComputeTerms>,
    ) -> Result<Vec<GrantInfo>> {
        let asked = self.open_request(&request).await?;
        let spec = GrantSpec {
            record,
            items,
            grantee: asked.from.to_string(),
            powers: asked.powers,
            compute,
            purpose: asked.purpose,
            expires_at: expires_at.or(asked.until),
            note: None,
        };
        let (grants, made) = self.prepare_grants(&spec).await?;
        let ids = made.iter().map(|grant| grant.grant).collect();
        let answer = RequestAnswer { request, grants: ids, answered_at: now() };
        let body = AnswerRequest { answer: self.sign(&answer).to_bytes().into(), grants };
        self.client.answer(&request, &body).await?;
        Ok(made)
    }

    /// Says no.
    ///
    /// # Errors
    /// When the request is not open.
    pub async fn deny(&self, request: RequestId) -> Result<()> {
        self.open_request(&request).await?;
        let answer = RequestAnswer { request, grants: Vec::new(), answered_at: now() };
        let body = AnswerRequest { answer: self.sign(&answer).to_bytes().into(), grants: Vec::new() };
        Ok(self.client.answer(&request, &body).await?)
    }

    async fn open_request(&self, request: &RequestId) -> Result<RequestInfo> {
        let info = self.find_request(request).await?;
        if info.owner != self.binding().handle {
            return Err(VaultError::Invalid(format!("this request is {}'s to answer", info.owner)));
        }
        match info.state {
            RequestState::Open => Ok(info),
            _ => Err(VaultError::Invalid("this request was answered before".to_owned())),
        }
    }

    async fn find_request(&self, request: &RequestId) -> Result<RequestInfo> {
        let found = self.requests().await?.into_iter().find(|info| info.request == *request);
        found.ok_or_else(|| VaultError::NotFound { what: "request", name: request.to_string() })
    }

    async fn request_info(&self, view: &RequestView) -> Result<RequestInfo> {
        let signed = Signed::<AccessRequest>::from_bytes(&view.request.0)?;
        let from = self.signer(&signed.signer(), &[signed.key_version()]).await?;
        let request = from.verify_statement(&signed)?;
        if request.request.to_string() != view.request_id || request.from != from.party() {
            return Err(misplaced("request", &view.request_id, request.request));
        }
        let answer =
            view.answer.as_ref().map(|bytes| Signed::<RequestAnswer>::from_bytes(&bytes.0)).transpose()?;
        let version = answer.as_ref().map_or(0, Signed::key_version);
        let owner = self.signer(&request.owner, &[version]).await?;
        let state = match answer {
            None => RequestState::Open,
            Some(signed) => {
                let answer = owner.verify_statement(&signed)?;
                if answer.request != request.request {
                    return Err(misplaced("answer", request.request, answer.request));
                }
                match answer.grants.as_slice() {
                    [] => RequestState::Denied,
                    grants => RequestState::Approved(grants.to_vec()),
                }
            }
        };
        Ok(RequestInfo {
            request: request.request,
            from: from.handle().clone(),
            owner: owner.handle().clone(),
            item: request.item,
            powers: request.powers,
            purpose: request.purpose,
            note: self.request_note(&request),
            until: request.until,
            made_at: request.made_at,
            state,
        })
    }

    fn request_note(&self, request: &Verified<AccessRequest>) -> Option<String> {
        if request.owner == self.party_id() {
            let context = note_context(&request.request);
            let plain = message::open_with(self.identity().sealing(), &context, &request.sealed_note).ok()?;
            return String::from_utf8(plain.to_vec()).ok();
        }
        let id = request.request.to_string();
        self.state().notes.iter().find(|(request, _)| *request == id).map(|(_, note)| note.clone())
    }
}

fn note_context(request: &RequestId) -> Vec<u8> {
    [b"cowl/request-note/v1".as_slice(), request.as_bytes()].concat()
}

const NOTES_KEPT: usize = 1000;
