//! Requests for access, and their answers.

use axum::extract::State;
use axum::http::StatusCode;
use cowl_api::types::{AnswerRequest, NewRequest, RequestView};
use cowl_domain::{AccessRequest, GrantId, RequestAnswer, RequestId};
use cowl_store::ledger::RequestRow;

use crate::accounts::DONE;
use crate::app::Shared;
use crate::extract::{Caller, Id, Json};
use crate::grants::check_all;
use crate::refusal::Refusal;
use crate::statements::{current_keys, matches, prove};

/// Most bytes of a sealed note.
const MAX_NOTE: usize = 16 * 1024;

pub(crate) async fn requests(
    State(app): State<Shared>,
    caller: Caller,
) -> Result<Json<Vec<RequestView>>, Refusal> {
    let rows = app.ledger.requests(&caller).await?;
    Ok(Json(rows.into_iter().map(view).collect()))
}

pub(crate) async fn make_request(
    State(app): State<Shared>,
    caller: Caller,
    Json(body): Json<NewRequest>,
) -> Result<StatusCode, Refusal> {
    let keys = current_keys(&app, &caller).await?;
    let request = prove::<AccessRequest>(&body.request, &keys)?;
    matches("party", &request.from, &caller.party)?;
    if request.powers.is_empty_or_unknown() || request.sealed_note.len() > MAX_NOTE {
        return Err(Refusal::bad_request("a request asks for nothing, or its note is too long"));
    }
    app.ledger.make_request(&request, &app.act()).await?;
    Ok(DONE)
}

pub(crate) async fn answer(
    State(app): State<Shared>,
    caller: Caller,
    Id(request): Id<RequestId>,
    Json(body): Json<AnswerRequest>,
) -> Result<StatusCode, Refusal> {
    let keys = current_keys(&app, &caller).await?;
    let answer = prove::<RequestAnswer>(&body.answer, &keys)?;
    matches("request", &answer.request, &request)?;
    let (grants, observed) = check_all(body.grants, keys, app.now()).await?;
    let given: Vec<GrantId> = grants.iter().map(|grant| grant.grant.grant).collect();
    matches("grant", &answer.grants, &given)?;
    observed.check(&app).await?;
    app.ledger.answer_request(&answer, &grants, &app.act()).await?;
    Ok(DONE)
}

fn view(row: RequestRow) -> RequestView {
    RequestView {
        request_id: row.request_id.to_string(),
        request: row.request.into(),
        answer: row.answer.map(Into::into),
    }
}
