//! `cowl grant request|requests|approve|deny`

use std::fmt;

use cowl_vault::view::{RequestInfo, RequestState};
use cowl_vault::{RequestSpec, Vault, VaultError};
use serde::Serialize;

use super::grant::{GrantList, resolve};
use super::{Context, items, trust};
use crate::args::{ApproveArguments, Contents, RequestArguments};
use crate::columns::{Columns, printable};
use crate::failure::{Failure, Result};
use crate::moment::Moment;
use crate::session;

pub(super) async fn ask(context: &Context, arguments: RequestArguments) -> Result<()> {
    let until = resolve(arguments.terms.until.as_ref())?;
    let vault = session::unlock(context).await?;
    let owner = trust::confirm(context, &vault, &arguments.owner, arguments.trust_first_use).await?;
    let spec = RequestSpec {
        owner: owner.handle.to_string(),
        item: arguments.item,
        powers: arguments.terms.power,
        purpose: arguments.terms.purpose,
        until,
        note: arguments.note,
    };
    let request = vault.request(&spec).await?;
    context.output.data(&RequestRow::from(&request))
}

pub(super) async fn list(context: &Context) -> Result<()> {
    let requests = session::unlock(context).await?.requests().await?;
    context.output.data(&RequestList { requests: requests.iter().map(RequestRow::from).collect() })
}

pub(super) async fn approve(context: &Context, arguments: &ApproveArguments) -> Result<()> {
    let expires_at = resolve(arguments.until.as_ref())?;
    let vault = session::unlock_and_resume(context).await?;
    let request = find(&vault, &arguments.request).await?;
    let (record, items) = items::contents(&vault, &contents(&arguments.contents, &request)).await?;
    trust::confirm(context, &vault, request.from.as_str(), arguments.trust_first_use).await?;
    let compute = arguments.computing.resolve(request.powers).map_err(Failure::usage)?;
    if compute.as_ref().is_some_and(|terms| terms.inference.is_some())
        && !request.powers.contains(cowl_domain::Power::Read)
    {
        return Err(Failure::no(
            "a model is run by whoever may read its architecture; the request asks for less",
        )
        .with_hint("have it asked with --power read+compute, or give it: cowl grant make"));
    }
    let grants = vault.approve(request.request, items, record, expires_at, compute).await?;
    context.output.data(&GrantList::from(grants.as_slice()))
}

pub(super) async fn deny(context: &Context, text: &str) -> Result<()> {
    let vault = session::unlock(context).await?;
    let mut request = find(&vault, text).await?;
    vault.deny(request.request).await?;
    request.state = RequestState::Denied;
    context.output.data(&RequestRow::from(&request))
}

/// What the owner named, or the one item that the request names.
fn contents(named: &Contents, request: &RequestInfo) -> Contents {
    let named_something = named.all || named.study.is_some() || !named.item.is_empty();
    match request.item {
        Some(item) if !named_something => Contents { item: vec![item.to_string()], ..named.clone() },
        _ => named.clone(),
    }
}

async fn find(vault: &Vault, text: &str) -> Result<RequestInfo> {
    let requests = vault.requests().await?;
    let fits = |request: &&RequestInfo| {
        let id = request.request.to_string();
        id == text || (text.len() >= SHORTEST && id.starts_with(text))
    };
    let found: Vec<_> = requests.iter().filter(fits).collect();
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(VaultError::NotFound { what: "request", name: text.to_owned() }.into()),
        _ => Err(Failure::usage(format!(
            "'{text}' fits {} requests; give more of the identifier",
            found.len()
        ))),
    }
}

/// A request as it is printed.
#[derive(Debug, Serialize)]
struct RequestRow {
    request: String,
    from: String,
    owner: String,
    item: Option<String>,
    powers: Vec<&'static str>,
    purpose: &'static str,
    note: Option<String>,
    until: Option<Moment>,
    made_at: Moment,
    /// `open`, `approved` or `denied`.
    state: &'static str,
    /// The grants of an approved one.
    grants: Vec<String>,
}

impl From<&RequestInfo> for RequestRow {
    fn from(info: &RequestInfo) -> Self {
        let (state, grants) = match &info.state {
            RequestState::Open => ("open", Vec::new()),
            RequestState::Approved(grants) => ("approved", grants.iter().map(ToString::to_string).collect()),
            RequestState::Denied => ("denied", Vec::new()),
        };
        Self {
            request: info.request.to_string(),
            from: info.from.to_string(),
            owner: info.owner.to_string(),
            item: info.item.map(|item| item.to_string()),
            powers: info.powers.iter().map(cowl_domain::Power::as_str).collect(),
            purpose: info.purpose.as_str(),
            note: info.note.clone(),
            until: info.until.map(Moment::from),
            made_at: info.made_at.into(),
            state,
            grants,
        }
    }
}

impl fmt::Display for RequestRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "request  {}", self.request)?;
        writeln!(f, "from     {}", self.from)?;
        writeln!(f, "to       {}", self.owner)?;
        self.item.iter().try_for_each(|item| writeln!(f, "item     {item}"))?;
        writeln!(f, "power    {}", self.powers.join(" and "))?;
        writeln!(f, "purpose  {}", self.purpose)?;
        self.note.iter().try_for_each(|note| writeln!(f, "note     {}", printable(note)))?;
        self.until.iter().try_for_each(|until| writeln!(f, "until    {until}"))?;
        writeln!(f, "made     {}", self.made_at)?;
        write!(f, "state    {}", self.state)
    }
}

/// `cowl grant requests`
#[derive(Debug, Serialize)]
struct RequestList {
    requests: Vec<RequestRow>,
}

impl fmt::Display for RequestList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.requests.is_empty() {
            return f.write_str("no requests");
        }
        let mut table = Columns::new(["request", "from", "to", "power", "purpose", "state", "note"]);
        for row in &self.requests {
            table.row([
                row.request[..items::SHORT].to_owned(),
                row.from.clone(),
                row.owner.clone(),
                row.powers.join("+"),
                row.purpose.to_owned(),
                row.state.to_owned(),
                row.note.clone().unwrap_or_default(),
            ]);
        }
        table.fmt(f)
    }
}

/// Letters of an identifier that may stand for the whole.
const SHORTEST: usize = 4;
