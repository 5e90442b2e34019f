//! The asker's side: a signed specification with its program, checked before anybody is bothered with it.

use axum::extract::State;
use axum::http::StatusCode;
use cowl_api::types::{JobView, NewJob};
use cowl_domain::{JobId, PartyId, Power};
use cowl_job::JobSpec;
use cowl_query::{Catalog, FIGURES, GrantedTable, MOST_TABLES, Program, SCORES};
use cowl_store::Proven;
use cowl_store::ledger::{self, JobTarget};

use super::view;
use crate::accounts::DONE;
use crate::app::{App, Shared};
use crate::extract::{Caller, Id, Json};
use crate::refusal::Refusal;
use crate::statements::{current_keys, prove};
use crate::tables;

/// Most bytes of a program.
const MAX_PROGRAM: usize = 128 * 1024;

pub(crate) async fn make_job(
    State(app): State<Shared>,
    caller: Caller,
    Json(body): Json<NewJob>,
) -> Result<Json<JobView>, Refusal> {
    let keys = current_keys(&app, &caller).await?;
    let spec = prove::<JobSpec>(&body.spec, &keys)?;
    let owner = check_spec(&spec, &caller)?;
    let program = read_program(&spec, &body.program.0)?;
    program.check(&catalog(&app, &caller, &spec, &program).await?)?;
    let new = ledger::NewJob {
        job: spec.job,
        owner,
        technique: spec.technique.as_str().to_owned(),
        program: body.program.0,
        targets: spec.items.iter().map(target).collect(),
        grants: spec.grants.clone(),
        most_waiting: app.config.compute.most_waiting,
    };
    let row = app.ledger.plan_job(&spec, &new, &app.act()).await?;
    Ok(Json(view(row, Vec::new())))
}

pub(crate) async fn withdraw(
    State(app): State<Shared>,
    caller: Caller,
    Id(job): Id<JobId>,
) -> Result<StatusCode, Refusal> {
    app.ledger.withdraw_job(&caller, &job, &app.act()).await?;
    Ok(DONE)
}

/// Whether the specification is one that this cloud serves; yields the owner of all its items.
fn check_spec(spec: &JobSpec, caller: &PartyId) -> Result<PartyId, Refusal> {
    spec.check_shape().map_err(|refusal| Refusal::bad_request(refusal.to_string()))?;
    if ![FIGURES, SCORES].contains(&spec.technique.as_str()) || spec.power != Power::Compute {
        return Err(unknown_technique());
    }
    if spec.receivers != [*caller] {
        return Err(Refusal::bad_request("the one receiver of a job is who asks for it"));
    }
    if spec.items.len() > MOST_TABLES || spec.grants.len() > MOST_TABLES {
        let most = format!("a job names {MOST_TABLES} tables and {MOST_TABLES} grants at most");
        return Err(Refusal::bad_request(most));
    }
    let owner = spec.items.first().map(|item| item.owner).ok_or_else(Refusal::internal)?;
    if spec.items.iter().any(|item| item.owner != owner) {
        return Err(Refusal::bad_request(
            "all tables of a job are of one owner, who alone can open what comes out",
        ));
    }
    Ok(owner)
}

fn unknown_technique() -> Refusal {
    Refusal::bad_request(format!("this cloud computes jobs of techniques {FIGURES} and {SCORES} only"))
}

/// The program, which has as many tables as the specification has items.
fn read_program(spec: &JobSpec, bytes: &[u8]) -> Result<Program, Refusal> {
    if bytes.len() > MAX_PROGRAM {
        return Err(Refusal::too_large(format!("a program has {MAX_PROGRAM} bytes at most")));
    }
    let program = Program::decode(spec.technique.as_str(), bytes).ok_or_else(unknown_technique)??;
    if program.digest() != spec.program {
        return Err(Refusal::bad_request("the program is not the one that the specification names"));
    }
    if program.tables().len() != spec.items.len() {
        return Err(Refusal::bad_request("the query has another number of tables than the job has items"));
    }
    Ok(program)
}

/// The schemas of the tables that the query names, provided that the caller may see them.
async fn catalog(
    app: &App,
    caller: &PartyId,
    spec: &Proven<JobSpec>,
    program: &Program,
) -> Result<Catalog, Refusal> {
    let mut tables = Vec::with_capacity(spec.items.len());
    for (item, named) in spec.items.iter().zip(program.tables()) {
        let row = app.ledger.table(caller, &item.record, &item.item, app.now()).await?;
        if row.stored.placement != item.placement || row.owner != item.owner {
            return Err(Refusal::not_found());
        }
        let facts = tables::facts(app, &row.stored).await?;
        tables.push(GrantedTable { name: named.name.clone(), schema: facts.schema.clone() });
    }
    Ok(Catalog { tables })
}

fn target(item: &cowl_job::JobItem) -> JobTarget {
    JobTarget { record: item.record, item: item.item, version: item.version, placement: item.placement }
}
