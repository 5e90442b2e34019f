//! Why a job is not begun.

use cowl_domain::{GrantId, ItemId, JobId, PartyId, Power, StatementError, Timestamp};

use crate::seat::Seat;
use crate::spec::TechniqueId;

/// Why a job is not begun. Nothing has happened yet: no item was opened, no consent was used up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The text names no technique.
    #[error("'{text}' is not the name of a technique: 1 to 32 of a-z 0-9 -")]
    NotATechnique {
        /// What stood there, cut to 40 characters.
        text: String,
    },
    /// This program does not have the technique.
    #[error("technique {technique} is not known here")]
    UnknownTechnique {
        /// The technique.
        technique: TechniqueId,
    },
    /// The job asks for a program that the technique does not run.
    #[error("technique {technique} does not run this program")]
    UnknownProgram {
        /// The technique.
        technique: TechniqueId,
    },
    /// The job asks for another power than the technique works with.
    #[error("technique {technique} does not work under the power {power}")]
    WrongPower {
        /// The technique.
        technique: TechniqueId,
        /// The power that the job asks for.
        power: Power,
    },
    /// The job names no item.
    #[error("the job names no item")]
    NoItems,
    /// The job names no receiver.
    #[error("the job names no receiver")]
    NoReceivers,
    /// An item is named twice.
    #[error("item {item} is named twice")]
    ItemTwice {
        /// The item.
        item: ItemId,
    },
    /// A receiver is named twice.
    #[error("receiver {receiver} is named twice")]
    ReceiverTwice {
        /// The receiver.
        receiver: PartyId,
    },

    /// A job over tables of several owners, where the technique needs one.
    #[error("item {item} belongs to {owner}: all items of this job must have one owner")]
    OtherOwner {
        /// The item.
        item: ItemId,
        /// Its owner.
        owner: PartyId,
    },
    /// A job with more or fewer items than its program has inputs.
    #[error("the program has {expected} inputs and the job {found} items")]
    WrongItems {
        /// Inputs of the program.
        expected: usize,
        /// Items of the job.
        found: usize,
    },

    /// A seat that the job needs is not taken by the party that it needs there.
    #[error("party {party} has to sit as {seat}, and does not")]
    SeatEmpty {
        /// The seat.
        seat: Seat,
        /// The party.
        party: PartyId,
    },
    /// A party has a seat for which the job has no use.
    #[error("party {party} sits as {seat}, for which this job has no use")]
    SeatUnneeded {
        /// The seat.
        seat: Seat,
        /// The party.
        party: PartyId,
    },
    /// A party has the same seat twice, or two seats with different keys.
    #[error("party {party} sits as {seat} twice, or with two sets of keys")]
    SeatedTwice {
        /// The seat.
        seat: Seat,
        /// The party.
        party: PartyId,
    },
    /// Two seats that must not be one party's.
    #[error("party {party} sits as {seat} and as {other}; they have to be two parties")]
    SeatsOfOneParty {
        /// The party.
        party: PartyId,
        /// One of its seats.
        seat: Seat,
        /// The other.
        other: Seat,
    },
    /// The party has no such seat in this job.
    #[error("party {party} does not sit as {seat} in this job")]
    NotSeated {
        /// The seat.
        seat: Seat,
        /// The party.
        party: PartyId,
    },
    /// The signing key is not the one that the roster names for this party.
    #[error("the key of party {party} is not the one that the roster names")]
    WrongKey {
        /// The party.
        party: PartyId,
    },
    /// A technique made a plan that does not belong to the specification and the roster that it was given.
    #[error("technique {technique} made a plan for something else")]
    ForeignPlan {
        /// The technique.
        technique: TechniqueId,
    },

    /// The job names a grant that was not shown.
    #[error("grant {grant} was not shown")]
    GrantMissing {
        /// The grant.
        grant: GrantId,
    },
    /// No grant of the job covers the item for this receiver.
    #[error("no grant covers item {item} for party {receiver}")]
    NotCovered {
        /// The item.
        item: ItemId,
        /// The receiver.
        receiver: PartyId,
    },
    /// The grant that covers the item is signed by somebody else than the record's owner.
    #[error("grant {grant} on the record of {owner} is signed by {signer}")]
    NotTheOwner {
        /// The grant.
        grant: GrantId,
        /// The record's owner.
        owner: PartyId,
        /// Who signed.
        signer: PartyId,
    },
    /// The grant that covers the item does not allow this.
    #[error("grant {grant} does not allow to {power}")]
    PowerMissing {
        /// The grant.
        grant: GrantId,
        /// What the job needs.
        power: Power,
    },
    /// The grant that covers the item allows to compute by another technique.
    #[error("grant {grant} does not allow technique {technique}")]
    TechniqueNotGranted {
        /// The grant.
        grant: GrantId,
        /// What the job needs.
        technique: TechniqueId,
    },
    /// The grant that covers the item has run out.
    #[error("grant {grant} has run out")]
    GrantExpired {
        /// The grant.
        grant: GrantId,
    },
    /// The grant that covers the item was revoked.
    #[error("grant {grant} was revoked")]
    GrantRevoked {
        /// The grant.
        grant: GrantId,
    },
    /// The grant that covers the item allows less than is asked for.
    #[error("grant {grant} does not allow {what}")]
    TermsExceeded {
        /// The grant.
        grant: GrantId,
        /// What goes beyond it.
        what: String,
    },
    /// The grants were checked for another job.
    #[error("the grants were checked for another job than {job}")]
    CheckOfAnotherJob {
        /// The job at hand.
        job: JobId,
    },

    /// A consent is not soundly signed.
    #[error("the consent of party {party} does not count: {error}")]
    UnsoundConsent {
        /// The party.
        party: PartyId,
        /// What is wrong with it.
        error: StatementError,
    },
    /// A seat has not consented.
    #[error("party {party} has not consented as {seat}")]
    ConsentMissing {
        /// The seat.
        seat: Seat,
        /// The party.
        party: PartyId,
    },
    /// A seat has consented twice.
    #[error("party {party} has consented twice as {seat}")]
    ConsentTwice {
        /// The seat.
        seat: Seat,
        /// The party.
        party: PartyId,
    },
    /// A seat has consented to another job.
    #[error("party {party} has consented to another job")]
    ConsentToAnotherJob {
        /// The party.
        party: PartyId,
    },
    /// A seat has consented to another plan, specification or set of keys than this job has.
    #[error("party {party} has consented to other terms than those of this job")]
    ConsentToOtherTerms {
        /// The party.
        party: PartyId,
    },
    /// A consent has run out.
    #[error("the consent of party {party} ran out")]
    ConsentExpired {
        /// The party.
        party: PartyId,
        /// When it ran out.
        at: Timestamp,
    },
    /// A consent for this seat of this job has been used before.
    #[error("the consent of party {party} as {seat} has been used before")]
    ConsentUsed {
        /// The seat.
        seat: Seat,
        /// The party.
        party: PartyId,
    },
    /// The consents cannot be recorded, so nothing may begin.
    #[error("consents cannot be recorded: {detail}")]
    LedgerUnavailable {
        /// What the ledger says.
        detail: String,
    },
}
