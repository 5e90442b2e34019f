//! The table of operations: what the document says of each route.

use utoipa::openapi::path::HttpMethod::{self, Delete, Get, Post};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::operations::Access::{Open, Session, Ticket};
use super::operations::Body::{Empty, Json, List, Raw};
use crate::problem::{Problem, ProblemCode};
use crate::types::*;
use crate::{Blob, paths};

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Anybody.
    Open,
    /// Whoever is logged in.
    Session,
    /// Whoever is logged in and holds a ticket.
    Ticket,
}

/// What a request or an answer carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    Empty,
    /// One value of this type.
    Json(&'static str),
    /// An array of this type.
    List(&'static str),
    /// Bytes of this media type.
    Raw(&'static str),
}

/// One method of one route.
pub(super) struct Operation {
    pub(super) method: HttpMethod,
    pub(super) path: &'static str,
    pub(super) access: Access,
    pub(super) query: &'static [&'static str],
    pub(super) request: Body,
    pub(super) response: Body,
    pub(super) summary: &'static str,
}

const OCTETS: Body = Raw("application/octet-stream");
const TEXT: Body = Raw("text/plain; charset=utf-8");

macro_rules! operations {
    ($($method:ident $path:ident $([$($query:literal),*])? $access:ident: $request:expr => $response:expr, $summary:literal;)*) => {
        vec![$(Operation {
            method: $method,
            path: paths::$path,
            access: $access,
            query: &[$($($query),*)?],
            request: $request,
            response: $response,
            summary: $summary,
        }),*]
    };
}

pub(super) fn all() -> Vec<Operation> {
    [accounts(), records(), grants(), jobs(), log(), operations()].into_iter().flatten().collect()
}

fn accounts() -> Vec<Operation> {
    operations! {
        Get SERVER Open: Empty => Json("ServerInfo"), "What a client must know of the server.";
        Post REGISTER_START Open: Json("RegisterStart") => Json("RegisterStarted"), "Begins a registration.";
        Post REGISTER_FINISH Open: Json("RegisterFinish") => Json("Registered"), "Ends a registration.";
        Post LOGIN_START Open: Json("LoginStart") => Json("LoginStarted"), "Begins a log-in.";
        Post LOGIN_FINISH Open: Json("LoginFinish") => Json("Session"), "Ends a log-in.";
        Delete SESSION Session: Empty => Empty, "Ends the session.";
        Get ACCOUNT Session: Empty => Json("Account"), "The caller's account.";
        Delete ACCOUNT Session: Empty => Empty, "Destroys the caller's account.";
        Post PASSWORD_START Session: Json("PasswordStart") => Json("RegisterStarted"), "Begins a change of password.";
        Post PASSWORD_FINISH Session: Json("PasswordFinish") => Empty, "Ends a change of password.";
        Get PARTY Session: Empty => Json("PartyEntry"), "A party, by handle or identifier.";
        Get PARTIES ["prefix", "after", "limit"] Session: Empty => Json("PartyPage"), "The directory.";
        Post KEYS Session: Json("NewBinding") => Empty, "The caller's next keys.";
    }
}

fn records() -> Vec<Operation> {
    operations! {
        Get RECORDS Session: Empty => List("RecordView"), "The records that the caller may see.";
        Post RECORDS Session: Json("NewRecord") => Empty, "Makes a record.";
        Get RECORD Session: Empty => Json("RecordView"), "One record.";
        Get ITEMS ["after", "limit"] Session: Empty => Json("ItemPage"), "The items of a record that the caller may see.";
        Post PARTS Session: OCTETS => Json("PartsStored"), "Uploads framed parts as one pack.";
        Post PARTS_KNOWN Session: Json("PartsQuery") => Json("PartsKnown"), "Which parts of a cut upload arrived.";
        Post COMMITS Session: Json("Commit") => Empty, "Changes a record, all or nothing.";
        Post READS Session: Json("ReadRequest") => Json("ReadTicket"), "Writes the read to the log and yields a ticket.";
        Get PART Ticket: Empty => OCTETS, "Bytes of a part; one range is honoured.";
        Post PARTS_BATCH Ticket: Json("PartsQuery") => OCTETS, "Framed parts.";
    }
}

fn grants() -> Vec<Operation> {
    operations! {
        Get GRANTS Session: Empty => List("GrantView"), "Grants given and received.";
        Post GRANTS Session: Json("NewGrants") => Empty, "Makes grants, all or none.";
        Get GRANT Session: Empty => Json("GrantView"), "One of them.";
        Post REVOCATION Session: Json("RevokeGrant") => Empty, "Ends a grant at once.";
        Post REKEYED Session: Empty => Empty, "Says that re-keying after a grant's end is done.";
        Get REQUESTS Session: Empty => List("RequestView"), "Requests made and received.";
        Post REQUESTS Session: Json("NewRequest") => Empty, "Asks for access.";
        Post ANSWER Session: Json("AnswerRequest") => Empty, "Approves or denies a request.";
    }
}

fn jobs() -> Vec<Operation> {
    operations! {
        Get JOBS ["role", "state", "after", "limit"] Session: Empty => Json("JobPage"), "Jobs asked for and to be opened.";
        Post JOBS Session: Json("NewJob") => Json("JobView"), "Asks for a computation on what is sealed.";
        Get JOB Session: Empty => Json("JobView"), "One of them, with its results.";
        Delete JOB Session: Empty => Empty, "Takes a job back that has not settled.";
        Post CONSENT Session: Json("NewConsent") => Empty, "The owner consents to a job.";
        Post REFUSAL Session: Json("JobRefusal") => Empty, "The owner refuses a job.";
        Post COMPUTATION Session: OCTETS => OCTETS, "Computes, for the owner: ciphertexts of sums, or of scores by the weights that come along.";
        Post SETTLEMENT Session: Json("Settlement") => Empty, "The owner hands out results and evidence.";
        Get TABLE Session: Empty => Json("TableView"), "What queries need to know of a sealed table.";
    }
}

fn log() -> Vec<Operation> {
    operations! {
        Get CHECKPOINT Open: Empty => TEXT, "The newest C2SP checkpoint.";
        Get CONSISTENCY ["from", "to"] Open: Empty => Json("Proof"), "RFC 6962 consistency proof.";
        Get INCLUSION ["index", "size"] Open: Empty => Json("Proof"), "RFC 6962 inclusion proof.";
        Get EVENTS ["after", "limit"] Session: Empty => Json("EventPage"), "Events that concern the caller.";
        Get BINDINGS ["after", "limit"] Session: Empty => Json("BindingPage"), "Open leaves: key bindings.";
    }
}

fn operations() -> Vec<Operation> {
    operations! {
        Get HEALTH Open: Empty => TEXT, "200 while the process lives.";
        Get READY Open: Empty => TEXT, "200 while database and part store answer.";
        Get OPENAPI Open: Empty => Raw("application/json"), "This document.";
    }
}

type Named = (String, RefOr<Schema>);

fn schema_of<T: PartialSchema + ToSchema>(schemas: &mut Vec<Named>) {
    schemas.push((T::name().into_owned(), T::schema()));
    T::schemas(schemas);
}

macro_rules! schemas_of {
    ($($type:ident)*) => {{
        let mut schemas = Vec::new();
        $(schema_of::<$type>(&mut schemas);)*
        schemas
    }};
}

/// All types that the operations name, and those inside them.
pub(super) fn schemas() -> Vec<Named> {
    schemas_of! {
        Blob Problem ProblemCode ServerInfo RegisterStart RegisterStarted RegisterFinish Registered
        LoginStart LoginStarted LoginFinish SessionBody Account PasswordStart PasswordFinish PartyEntry PartyPage
        NewBinding NewRecord RecordView ItemPage PartsQuery PartsKnown PartsStored Commit ReadRequest
        ReadTicket NewGrants GrantView RevokeGrant NewRequest RequestView AnswerRequest NewJob JobView JobPage
        NewConsent JobRefusal Settlement TableView Proof EventPage BindingPage
    }
}

/// [`crate::types::Session`], whose name is taken here by the access.
type SessionBody = crate::types::Session;
