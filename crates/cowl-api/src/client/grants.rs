//! Grants and requests for them.

use cowl_domain::{GrantId, RequestId};

use super::call::Call;
use super::{Client, ClientError};
use crate::paths;
use crate::types::*;

impl Client {
    /// The grants that the caller made or received, ended ones too.
    pub async fn grants(&self) -> Result<Vec<GrantView>, ClientError> {
        self.fetch(Call::read(paths::GRANTS)).await
    }

    /// One of them.
    pub async fn grant(&self, grant: &GrantId) -> Result<GrantView, ClientError> {
        self.fetch(Call::read(paths::GRANT).with("grant", grant)).await
    }

    /// Makes grants: all or none.
    pub async fn make_grants(&self, body: &NewGrants) -> Result<(), ClientError> {
        self.tell(Call::post(paths::GRANTS), body).await
    }

    /// Ends a grant; the server refuses its holder from then on.
    pub async fn revoke(&self, grant: &GrantId, body: &RevokeGrant) -> Result<(), ClientError> {
        self.tell(Call::post(paths::REVOCATION).with("grant", grant), body).await
    }

    /// Says that all that an ended grant could open has been re-keyed.
    pub async fn rekeyed(&self, grant: &GrantId) -> Result<(), ClientError> {
        self.touch(Call::post(paths::REKEYED).with("grant", grant)).await
    }

    /// The requests that the caller made or received.
    pub async fn requests(&self) -> Result<Vec<RequestView>, ClientError> {
        self.fetch(Call::read(paths::REQUESTS)).await
    }

    /// Asks for access.
    pub async fn make_request(&self, body: &NewRequest) -> Result<(), ClientError> {
        self.tell(Call::post(paths::REQUESTS), body).await
    }

    /// Approves or denies a request.
    pub async fn answer(&self, request: &RequestId, body: &AnswerRequest) -> Result<(), ClientError> {
        self.tell(Call::post(paths::ANSWER).with("request", request), body).await
    }
}
