//! Routes. `{…}` are path parameters in axum's and OpenAPI's notation.

/// `GET` [`crate::types::ServerInfo`].
pub const SERVER: &str = "/v1/server";
/// `POST` [`crate::types::RegisterStart`] → [`crate::types::RegisterStarted`].
pub const REGISTER_START: &str = "/v1/registrations/start";
/// `POST` [`crate::types::RegisterFinish`] → [`crate::types::Registered`].
pub const REGISTER_FINISH: &str = "/v1/registrations/finish";
/// `POST` [`crate::types::LoginStart`] → [`crate::types::LoginStarted`].
pub const LOGIN_START: &str = "/v1/sessions/start";
/// `POST` [`crate::types::LoginFinish`] → [`crate::types::Session`].
pub const LOGIN_FINISH: &str = "/v1/sessions/finish";
/// `DELETE`: log-out.
pub const SESSION: &str = "/v1/sessions/current";
/// `GET` [`crate::types::Account`]; `DELETE`: destroys the account.
pub const ACCOUNT: &str = "/v1/account";
/// `POST` [`crate::types::PasswordStart`] → [`crate::types::RegisterStarted`].
pub const PASSWORD_START: &str = "/v1/account/password/start";
/// `POST` [`crate::types::PasswordFinish`].
pub const PASSWORD_FINISH: &str = "/v1/account/password/finish";
/// `GET` [`crate::types::PartyEntry`], by handle or identifier.
pub const PARTY: &str = "/v1/parties/{party}";
/// `GET` [`crate::types::PartyPage`], `?prefix=&after=&limit=`.
pub const PARTIES: &str = "/v1/parties";
/// `POST` [`crate::types::NewBinding`]: the caller's next keys.
pub const KEYS: &str = "/v1/account/keys";
/// `GET` a list of [`crate::types::RecordView`]; `POST` [`crate::types::NewRecord`].
pub const RECORDS: &str = "/v1/records";
/// `GET` [`crate::types::RecordView`].
pub const RECORD: &str = "/v1/records/{record}";
/// `GET` [`crate::types::ItemPage`], `?after=&limit=`.
pub const ITEMS: &str = "/v1/records/{record}/items";
/// `POST` framed parts ([`crate::frames`]) → [`crate::types::PartsStored`].
pub const PARTS: &str = "/v1/records/{record}/parts";
/// `POST` [`crate::types::PartsQuery`] → [`crate::types::PartsKnown`]: which parts of a cut upload arrived.
pub const PARTS_KNOWN: &str = "/v1/records/{record}/parts/known";
/// `POST` [`crate::types::Commit`].
pub const COMMITS: &str = "/v1/records/{record}/commits";
/// `POST` [`crate::types::ReadRequest`] → [`crate::types::ReadTicket`]. Writes the read events.
pub const READS: &str = "/v1/records/{record}/reads";
/// `GET` bytes of a part, `Range` honoured; header [`TICKET`].
pub const PART: &str = "/v1/parts/{part}";
/// `POST` [`crate::types::PartsQuery`] → framed parts; header [`TICKET`].
pub const PARTS_BATCH: &str = "/v1/parts/batch";
/// `GET` a list of [`crate::types::GrantView`]; `POST` [`crate::types::NewGrants`].
pub const GRANTS: &str = "/v1/grants";
/// `GET` [`crate::types::GrantView`].
pub const GRANT: &str = "/v1/grants/{grant}";
/// `POST` [`crate::types::RevokeGrant`].
pub const REVOCATION: &str = "/v1/grants/{grant}/revocation";
/// `POST`, no body: all that the ended grant could open has been re-keyed.
pub const REKEYED: &str = "/v1/grants/{grant}/rekeyed";
/// `GET` a list of [`crate::types::RequestView`]; `POST` [`crate::types::NewRequest`].
pub const REQUESTS: &str = "/v1/requests";
/// `POST` [`crate::types::AnswerRequest`].
pub const ANSWER: &str = "/v1/requests/{request}/answer";
/// `GET` [`crate::types::JobPage`], `?role=asker|opener&state=&after=&limit=`; `POST` [`crate::types::NewJob`] →
/// [`crate::types::JobView`].
pub const JOBS: &str = "/v1/jobs";
/// `GET` [`crate::types::JobView`]; `DELETE`: its asker takes it back.
pub const JOB: &str = "/v1/jobs/{job}";
/// `POST` [`crate::types::NewConsent`].
pub const CONSENT: &str = "/v1/jobs/{job}/consent";
/// `POST` [`crate::types::JobRefusal`].
pub const REFUSAL: &str = "/v1/jobs/{job}/refusal";
/// `POST`, no body, or for technique `additive-score` the weights that the owner made: the cloud computes, and answers with the canonical bytes of the technique's answer.
pub const COMPUTATION: &str = "/v1/jobs/{job}/answer";
/// `POST` [`crate::types::Settlement`].
pub const SETTLEMENT: &str = "/v1/jobs/{job}/settlement";
/// `GET` [`crate::types::TableView`].
pub const TABLE: &str = "/v1/records/{record}/items/{item}/table";
/// `GET` a C2SP checkpoint as text.
pub const CHECKPOINT: &str = "/v1/log/checkpoint";
/// `GET` [`crate::types::Proof`], `?from=&to=`.
pub const CONSISTENCY: &str = "/v1/log/consistency";
/// `GET` [`crate::types::Proof`], `?index=&size=`.
pub const INCLUSION: &str = "/v1/log/inclusion";
/// `GET` [`crate::types::EventPage`], `?after=&limit=`: the events that concern the caller.
pub const EVENTS: &str = "/v1/log/events";
/// `GET` [`crate::types::BindingPage`], `?after=&limit=`: the open leaves.
pub const BINDINGS: &str = "/v1/log/bindings";
/// `GET`: 200 while the process lives.
pub const HEALTH: &str = "/healthz";
/// `GET`: 200 while database and part store answer.
pub const READY: &str = "/readyz";
/// `GET` the OpenAPI document.
pub const OPENAPI: &str = "/v1/openapi.json";

/// The header that carries a read ticket.
pub const TICKET: &str = "x-cowl-ticket";

/// Every route.
pub const ALL: [&str; 42] = [
    SERVER,
    REGISTER_START,
    REGISTER_FINISH,
    LOGIN_START,
    LOGIN_FINISH,
    SESSION,
    ACCOUNT,
    PASSWORD_START,
    PASSWORD_FINISH,
    PARTY,
    PARTIES,
    KEYS,
    RECORDS,
    RECORD,
    ITEMS,
    PARTS,
    PARTS_KNOWN,
    COMMITS,
    READS,
    PART,
    PARTS_BATCH,
    GRANTS,
    GRANT,
    REVOCATION,
    REKEYED,
    REQUESTS,
    ANSWER,
    JOBS,
    JOB,
    CONSENT,
    REFUSAL,
    COMPUTATION,
    SETTLEMENT,
    TABLE,
    CHECKPOINT,
    CONSISTENCY,
    INCLUSION,
    EVENTS,
    BINDINGS,
    HEALTH,
    READY,
    OPENAPI,
];
