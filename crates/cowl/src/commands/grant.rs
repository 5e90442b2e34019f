//! `cowl grant …`

use std::fmt;

use cowl_domain::{ComputeTerms, Scope};
use cowl_query::SCORES;
use cowl_vault::view::{GrantInfo, GrantState, RekeyReport, Trust};
use cowl_vault::{GrantSpec, Vault};
use jiff::Zoned;
use serde::Serialize;

use super::{Context, items, request, trust};
use crate::args::{GrantCommand, ListGrantsArguments, MakeArguments, RevokeArguments};
use crate::columns::{Columns, printable};
use crate::failure::{Failure, Result};
use crate::models;
use crate::moment::{Moment, Until};
use crate::output::Output;
use crate::session;
use crate::size::{Size, count};
use crate::style::{COMMAND, GOOD, QUIET};

pub(super) async fn run(context: &Context, command: GrantCommand) -> Result<()> {
    match command {
        GrantCommand::Make(arguments) => make(context, &arguments).await,
        GrantCommand::List(arguments) => list(context, &arguments).await,
        GrantCommand::Show { grant } => show(context, &grant).await,
        GrantCommand::Revoke(arguments) => revoke(context, &arguments).await,
        GrantCommand::Request(arguments) => request::ask(context, arguments).await,
        GrantCommand::Requests => request::list(context).await,
        GrantCommand::Approve(arguments) => request::approve(context, &arguments).await,
        GrantCommand::Deny { request } => request::deny(context, &request).await,
    }
}

async fn make(context: &Context, arguments: &MakeArguments) -> Result<()> {
    let expires_at = resolve(arguments.terms.until.as_ref())?;
    let compute = arguments.computing.resolve(arguments.terms.power).map_err(Failure::usage)?;
    let vault = session::unlock_and_resume(context).await?;
    let (record, items) = items::contents(&vault, &arguments.contents).await?;
    check_subject(compute.is_some(), &items)?;
    let powers = models::powers(&vault, record, &items, arguments.terms.power, compute.as_ref()).await?;
    let grantee = trust::confirm(context, &vault, &arguments.to, arguments.trust_first_use).await?;
    if grantee.trust == Trust::Own {
        return Err(Failure::usage("you may open what is yours without a grant"));
    }
    let spec = GrantSpec {
        record,
        items,
        grantee: grantee.handle.to_string(),
        powers,
        compute,
        purpose: arguments.terms.purpose,
        expires_at,
        note: arguments.note.clone(),
    };
    let grants = vault.grant(&spec).await?;
    context.output.data(&GrantList::from(grants.as_slice()))
}

/// Whoever may compute on a record and not read it could not find out what is in it.
fn check_subject(computes: bool, items: &[cowl_domain::ItemId]) -> Result<()> {
    if computes && items.is_empty() {
        return Err(Failure::usage("power 'compute' is given table by table, model by model")
            .with_hint("name them: --item ITEM"));
    }
    Ok(())
}

async fn list(context: &Context, arguments: &ListGrantsArguments) -> Result<()> {
    let vault = session::unlock_and_resume(context).await?;
    let me = vault.me().handle;
    let wanted = |grant: &&GrantInfo| {
        let given = grant.owner == me;
        !(arguments.given && !given
            || arguments.received && given
            || arguments.active && grant.state != GrantState::Active)
    };
    let grants = vault.grants().await?;
    context.output.data(&GrantList { grants: grants.iter().filter(wanted).map(GrantRow::from).collect() })
}

async fn show(context: &Context, text: &str) -> Result<()> {
    let grant = session::unlock(context).await?.find_grant(text).await?;
    context.output.data(&GrantRow::from(&grant))
}

async fn revoke(context: &Context, arguments: &RevokeArguments) -> Result<()> {
    let vault = session::unlock(context).await?;
    let grants = grants_to_end(&vault, arguments).await?;
    let ids: Vec<_> = grants.iter().map(|grant| grant.grant).collect();
    vault.revoke(&ids).await?;
    let rekeyed = match arguments.detach {
        true => None,
        false => {
            context.output.note("the cloud refuses from now on; giving new keys to what was open");
            Some(session::work(context, &vault, &*context.output.progress()).await?)
        }
    };
    context.output.data(&Revoked { revoked: ids.iter().map(ToString::to_string).collect(), rekeyed })
}

async fn grants_to_end(vault: &Vault, arguments: &RevokeArguments) -> Result<Vec<GrantInfo>> {
    if let Some(party) = &arguments.from {
        let (me, grantee) = (vault.me().handle, vault.party(party).await?.handle);
        let mut grants = vault.grants().await?;
        grants.retain(|it| it.owner == me && it.grantee == grantee && it.state == GrantState::Active);
        return match grants.is_empty() {
            true => Err(Failure::no(format!("{grantee} has nothing from you"))),
            false => Ok(grants),
        };
    }
    let mut grants = Vec::new();
    for text in &arguments.grants {
        grants.push(vault.find_grant(text).await?);
    }
    Ok(grants)
}

/// The end that was asked for, seen from now.
pub(super) fn resolve(until: Option<&Until>) -> Result<Option<cowl_domain::Timestamp>> {
    until.map(|until| until.resolve(&Zoned::now())).transpose().map_err(Failure::usage)
}

/// A grant as it is printed.
#[derive(Debug, Serialize)]
pub(super) struct GrantRow {
    grant: String,
    owner: String,
    grantee: String,
    record: String,
    /// Absent when the grant is on the whole record.
    item: Option<String>,
    powers: Vec<&'static str>,
    /// Of a grant to compute.
    compute: Option<Computing>,
    purpose: &'static str,
    note: Option<String>,
    made_at: Moment,
    expires_at: Option<Moment>,
    /// `active`, `expired` or `revoked`.
    state: &'static str,
    /// Of a grant that has ended: whether what it opened has new keys.
    rekeyed: Option<bool>,
}

impl From<&GrantInfo> for GrantRow {
    fn from(info: &GrantInfo) -> Self {
        let (state, rekeyed) = match info.state {
            GrantState::Active => ("active", None),
            GrantState::Expired { rekeyed } => ("expired", Some(rekeyed)),
            GrantState::Revoked { rekeyed } => ("revoked", Some(rekeyed)),
        };
        let item = match info.scope {
            Scope::Record => None,
            Scope::Item(item) => Some(item.to_string()),
        };
        Self {
            grant: info.grant.to_string(),
            owner: info.owner.to_string(),
            grantee: info.grantee.to_string(),
            record: info.record.to_string(),
            item,
            powers: info.powers.iter().map(cowl_domain::Power::as_str).collect(),
            compute: info.compute.as_ref().map(Computing::from),
            purpose: info.purpose.as_str(),
            note: info.note.clone(),
            made_at: info.made_at.into(),
            expires_at: info.expires_at.map(Moment::from),
            state,
            rekeyed,
        }
    }
}

impl GrantRow {
    fn subject(&self) -> String {
        self.item.as_ref().map_or_else(|| "whole record".to_owned(), |item| item[..items::SHORT].to_owned())
    }

    fn standing(&self) -> String {
        match (self.state, self.rekeyed) {
            (state, Some(false)) => format!("{state}, re-keying is due"),
            (state, _) => state.to_owned(),
        }
    }

    fn end(&self) -> String {
        self.expires_at.map_or_else(|| "until revoked".to_owned(), |at| at.to_string())
    }
}

impl fmt::Display for GrantRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "grant    {}", self.grant)?;
        writeln!(f, "from     {}", self.owner)?;
        writeln!(f, "to       {}", self.grantee)?;
        writeln!(f, "about    {}", self.item.as_deref().unwrap_or("the whole record, future items too"))?;
        writeln!(f, "record   {}", self.record)?;
        writeln!(f, "power    {}", self.powers.join(" and "))?;
        self.compute.iter().try_for_each(|terms| writeln!(f, "terms    {terms}"))?;
        writeln!(f, "purpose  {}", self.purpose)?;
        self.note.iter().try_for_each(|note| writeln!(f, "note     {}", printable(note)))?;
        writeln!(f, "made     {}", self.made_at)?;
        writeln!(f, "ends     {}", self.end())?;
        write!(f, "state    {}", self.standing())
    }
}

/// On what terms programs may work on it.
#[derive(Debug, Serialize)]
struct Computing {
    technique: String,
    /// The fewest rows that a figure may be about.
    minimum_cohort: u32,
    /// The most jobs; absent when there is no bound.
    runs: Option<u32>,
    /// Of a model: what of its output may be told.
    output: Option<String>,
    /// Of a model: who gets the output.
    receives: Option<&'static str>,
}

impl From<&ComputeTerms> for Computing {
    fn from(terms: &ComputeTerms) -> Self {
        let ComputeTerms { technique, minimum_cohort, runs, inference } = terms.clone();
        let output = inference.map(|terms| terms.output.to_string());
        let receives = inference.map(|terms| terms.receivers.as_str());
        Self { technique, minimum_cohort, runs, output, receives }
    }
}

impl fmt::Display for Computing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let technique = printable(&self.technique);
        match (&self.output, self.receives) {
            (Some(output), Some(who)) => {
                write!(f, "{technique}, tells {output} to {}", who.replace('-', " "))?
            }
            _ if self.technique == SCORES => write!(f, "{SCORES}, scores of single rows")?,
            _ => write!(f, "{technique}, figures of {} rows or more", self.minimum_cohort)?,
        }
        self.runs.iter().try_for_each(|runs| write!(f, ", {} at the most", count((*runs).into(), "job")))
    }
}

/// A list of grants as a table.
pub(super) fn table(grants: &[GrantRow]) -> Columns {
    let mut table = Columns::new(["grant", "from", "to", "about", "power", "purpose", "ends", "state"]);
    for grant in grants {
        table.row([
            grant.grant[..items::SHORT].to_owned(),
            grant.owner.clone(),
            grant.grantee.clone(),
            grant.subject(),
            grant.powers.join("+"),
            grant.purpose.to_owned(),
            grant.end(),
            grant.standing(),
        ]);
    }
    table
}

/// `cowl grant make` and `cowl grant list`
#[derive(Debug, Serialize)]
pub(super) struct GrantList {
    grants: Vec<GrantRow>,
}

impl From<&[GrantInfo]> for GrantList {
    fn from(grants: &[GrantInfo]) -> Self {
        Self { grants: grants.iter().map(GrantRow::from).collect() }
    }
}

impl fmt::Display for GrantList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.grants.is_empty() {
            return write!(
                f,
                "no grants; give one: {COMMAND}cowl grant make --to PARTY --item ITEM --purpose …{COMMAND:#}"
            );
        }
        table(&self.grants).fmt(f)
    }
}

/// `cowl grant revoke`
#[derive(Debug, Serialize)]
struct Revoked {
    revoked: Vec<String>,
    /// Absent when the re-keying was left to the agent.
    rekeyed: Option<Rekeyed>,
}

/// What an owner's pending work did.
#[derive(Debug, Serialize)]
pub(crate) struct Rekeyed {
    grants: u64,
    items: u64,
    parts: u64,
    bytes: Size,
    /// Items appended by others that every reader sees from now on.
    adopted: u64,
    /// Items appended by others that did not hold and were removed.
    refused: Vec<Refused>,
}

#[derive(Debug, Serialize)]
struct Refused {
    item: String,
    record: String,
    by: String,
    reason: String,
}

impl From<RekeyReport> for Rekeyed {
    fn from(report: RekeyReport) -> Self {
        let RekeyReport { grants, items, parts, bytes, adopted, refused } = report;
        let refused = refused.into_iter().map(|one| Refused {
            item: one.item.to_string(),
            record: one.record.to_string(),
            by: one.by.to_string(),
            reason: one.reason,
        });
        Self { grants, items, parts, bytes: Size(bytes), adopted, refused: refused.collect() }
    }
}

impl Rekeyed {
    /// Items that were removed although nobody asked for it are named, whatever the command prints.
    pub(crate) fn warn(&self, output: Output) {
        for one in &self.refused {
            let (item, reason) = (&one.item[..items::SHORT], printable(&one.reason));
            output.warn(format_args!("removed item {item}, which {} had appended: {reason}", one.by));
        }
    }
}

impl fmt::Display for Rekeyed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.items + self.grants + self.adopted == 0 {
            return f.write_str("nothing waits for new keys");
        }
        if self.adopted > 0 {
            write!(f, "{} from others taken in; ", count(self.adopted, "item"))?;
        }
        let (items, parts) = (count(self.items, "item"), count(self.parts, "part"));
        write!(f, "{items} re-keyed: {parts} ({}) sealed anew under new names", self.bytes)
    }
}

impl fmt::Display for Revoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{GOOD}✓{GOOD:#} {} revoked", count(self.revoked.len() as u64, "grant"))?;
        match &self.rekeyed {
            Some(rekeyed) => writeln!(f, "{GOOD}✓{GOOD:#} {rekeyed}")?,
            None => writeln!(f, "· re-keying is left to {COMMAND}cowl agent run --headless{COMMAND:#}")?,
        }
        write!(
            f,
            "{QUIET}what was read already, or copied by a dishonest cloud, cannot be called back{QUIET:#}"
        )
    }
}
