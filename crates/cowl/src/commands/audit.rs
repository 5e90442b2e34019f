//! `cowl audit …`

use std::fmt;

use cowl_domain::EventKind;
use cowl_vault::view::{AuditLine, AuditReport};
use serde::Serialize;

use super::{Context, items};
use crate::failure::Result;
use crate::moment::Moment;
use crate::session;
use crate::size::count;
use crate::style::{GOOD, QUIET};

pub(super) async fn list(context: &Context, limit: Option<usize>) -> Result<()> {
    let lines = session::unlock(context).await?.audit_events().await?;
    let first = limit.map_or(0, |limit| lines.len().saturating_sub(limit));
    context.output.data(&EventList { events: lines[first..].iter().map(EventRow::from).collect() })
}

pub(super) async fn verify(context: &Context) -> Result<()> {
    let report = session::unlock(context).await?.audit_verify().await?;
    context.output.data(&Verified::from(report))
}

/// One event of the log.
#[derive(Debug, Serialize)]
struct EventRow {
    index: u64,
    at: Moment,
    event: &'static str,
    actor: Option<String>,
    subject: Option<String>,
    record: Option<String>,
    item: Option<String>,
    grant: Option<String>,
    count: Option<u64>,
    /// The same as a sentence.
    text: String,
}

impl From<&AuditLine> for EventRow {
    fn from(line: &AuditLine) -> Self {
        Self {
            index: line.index,
            at: line.at.into(),
            event: line.kind.as_str(),
            actor: line.actor.as_ref().map(ToString::to_string),
            subject: line.subject.as_ref().map(ToString::to_string),
            record: line.record.map(|id| id.to_string()),
            item: line.item.map(|id| id.to_string()),
            grant: line.grant.map(|id| id.to_string()),
            count: line.count,
            text: sentence(line),
        }
    }
}

/// Who did what, to whom, with what.
fn sentence(line: &AuditLine) -> String {
    let actor = line.actor.as_ref().map_or("somebody", |handle| handle.as_str());
    let subject = line.subject.as_ref().map_or("somebody", |handle| handle.as_str());
    let items = count(line.count.unwrap_or(1), "item");
    let item = line.item.map_or_else(|| items.clone(), |id| format!("item {}", short(&id.to_string())));
    let grant =
        line.grant.map_or_else(|| "a grant".to_owned(), |id| format!("grant {}", short(&id.to_string())));
    match line.kind {
        EventKind::PartyRegistered => format!("{actor} registered"),
        EventKind::KeysChanged => format!("{actor} changed keys"),
        EventKind::AccountDeleted => format!("{actor} deleted the account"),
        EventKind::LoggedIn => format!("{actor} logged in"),
        EventKind::LoginFailed => format!("somebody failed to log in as {subject}"),
        EventKind::PasswordChanged => format!("{actor} changed the password"),
        EventKind::RecordMade => format!("{actor} made a record"),
        EventKind::ItemsAdded => format!("{actor} added {items}"),
        EventKind::ItemsRemoved => format!("{actor} removed {items}"),
        EventKind::ItemRekeyed => format!("{actor} re-keyed {item}"),
        EventKind::EpochBegun => format!("{actor} began a new epoch of the record"),
        EventKind::GrantMade => format!("{actor} gave {grant} to {subject}"),
        EventKind::GrantRevoked => format!("{actor} took {grant} back from {subject}"),
        EventKind::GrantExpired => format!("{grant} to {subject} ran out"),
        EventKind::RequestMade => format!("{actor} asked {subject} for access"),
        EventKind::RequestApproved => format!("{actor} approved a request of {subject}"),
        EventKind::RequestDenied => format!("{actor} denied a request of {subject}"),
        EventKind::ItemRead => format!("{actor} read {item}"),
        EventKind::ReadRefused => format!("{actor} was refused {item}"),
        EventKind::RekeyingDone => format!("{actor} finished re-keying after {grant}"),
        EventKind::JobAsked
        | EventKind::JobConsented
        | EventKind::JobRefused
        | EventKind::JobWithdrawn
        | EventKind::JobAnswered
        | EventKind::JobFailed
        | EventKind::JobSettled => of_job(line.kind, actor, subject),
    }
}

/// A job has an asker, and an owner of what it works on.
fn of_job(kind: EventKind, actor: &str, other: &str) -> String {
    match kind {
        EventKind::JobAsked => format!("{actor} asked {other} for a job"),
        EventKind::JobConsented => format!("{actor} consented to a job of {other}"),
        EventKind::JobRefused => format!("{actor} refused a job of {other}"),
        EventKind::JobWithdrawn => format!("{actor} took a job back from {other}"),
        EventKind::JobAnswered => {
            format!("the cloud computed for a job of {other}, and {actor} has its sums")
        }
        EventKind::JobFailed => format!("a job of {other} at {actor} came to nothing: what it needs is gone"),
        _ => format!("{actor} settled a job of {other}"),
    }
}

fn short(id: &str) -> &str {
    id.get(..items::SHORT).unwrap_or(id)
}

/// `cowl audit list`
#[derive(Debug, Serialize)]
struct EventList {
    events: Vec<EventRow>,
}

impl fmt::Display for EventList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self
            .events
            .iter()
            .map(|row| format!("{:>6}  {QUIET}{}{QUIET:#}  {}", row.index, row.at, row.text));
        f.write_str(&lines.collect::<Vec<_>>().join("\n"))
    }
}

/// `cowl audit verify`
#[derive(Debug, Serialize)]
struct Verified {
    /// Events that concern the caller, each proven to be in the log.
    events: u64,
    /// Key bindings that were compared with the keys that this device trusts.
    bindings: u64,
    /// The log's size when this device had last seen it.
    from: u64,
    /// The log's size now, proven to continue the former.
    to: u64,
}

impl From<AuditReport> for Verified {
    fn from(report: AuditReport) -> Self {
        let AuditReport { events, bindings, from, to } = report;
        Self { events, bindings, from, to }
    }
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (events, bindings) = (count(self.events, "event"), count(self.bindings, "key binding"));
        writeln!(
            f,
            "{GOOD}✓{GOOD:#} the log was only ever added to: proven from checkpoint {} to {}",
            self.from, self.to
        )?;
        write!(f, "{GOOD}✓{GOOD:#} {events} that concern you are in it; {bindings} hold no surprise")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(kind: EventKind) -> AuditLine {
        AuditLine {
            index: 7,
            kind,
            at: cowl_domain::Timestamp::from_millis(0),
            actor: "radiologist@city".parse().ok(),
            subject: "alice".parse().ok(),
            record: None,
            item: Some(cowl_domain::ItemId::from_bytes([0; 16])),
            grant: Some(cowl_domain::GrantId::from_bytes([0; 16])),
            count: Some(3),
        }
    }

    #[test]
    fn every_event_is_a_sentence_about_those_whom_it_concerns() {
        for kind in EventKind::ALL {
            let text = sentence(&line(*kind));
            assert!(text.contains("radiologist@city") || text.contains("alice"), "{text}");
        }
        assert_eq!(sentence(&line(EventKind::ItemRead)), "radiologist@city read item aaaaaaaa");
        assert_eq!(sentence(&line(EventKind::ItemsAdded)), "radiologist@city added 3 items");
    }

    #[test]
    fn what_is_not_known_is_said_to_be_somebody() {
        let nobody = AuditLine { actor: None, subject: None, item: None, ..line(EventKind::ItemRead) };
        assert_eq!(sentence(&nobody), "somebody read 3 items");
    }
}
