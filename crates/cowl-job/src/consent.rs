//! Consents: each seat's signed yes to one plan of one job.

use cowl_crypto::digest::Digest;
use cowl_crypto::sign::SigningKey;
use cowl_domain::wire::{self, Statement};
use cowl_domain::{JobId, PartyId, Signed, Timestamp, Verified};
use minicbor::{Decode, Encode};

use crate::grants::{GrantCheck, GrantedItem};
use crate::refusal::Refusal;
use crate::seat::{Assignment, Roster, Seat};
use crate::state::Planned;

/// "I take this seat in this job, as planned, with these peers, until then." Good for one run.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ConsentStatement {
    /// The job.
    #[n(0)]
    pub job: JobId,
    /// The seat for which it is given.
    #[n(1)]
    pub seat: Seat,
    /// Who gives it; signs it too.
    #[n(2)]
    pub party: PartyId,
    /// [`crate::JobSpec::digest`].
    #[cbor(n(3), with = "wire::fixed")]
    pub spec: Digest,
    /// [`crate::Plan::digest`].
    #[cbor(n(4), with = "wire::fixed")]
    pub plan: Digest,
    /// Everybody at the table, with the digests of their keys.
    #[n(5)]
    pub peers: Vec<Assignment>,
    /// When it was given.
    #[n(6)]
    pub made_at: Timestamp,
    /// From when on it is good for nothing.
    #[n(7)]
    pub expires_at: Timestamp,
    /// Random, so that no two consents are alike.
    #[cbor(n(8), with = "minicbor::bytes")]
    pub nonce: [u8; 16],
}

impl Statement for ConsentStatement {
    const CONTEXT: &'static str = "cowl/consent/v1";
    const NAME: &'static str = "consent";
}

/// A party at its seat, able to sign.
#[derive(Clone, Copy)]
pub struct Participant<'a> {
    /// The seat.
    pub seat: Seat,
    /// The party.
    pub party: PartyId,
    /// The version of its keys.
    pub key_version: u32,
    /// Its signing key of that version.
    pub signing: &'a SigningKey,
}

impl Participant<'_> {
    /// That this party has this seat, and this key.
    pub(crate) fn check_seat(&self, roster: &Roster) -> Result<(), Refusal> {
        let (seat, party) = (self.seat, self.party);
        let keys = roster.keys(seat, party).ok_or(Refusal::NotSeated { seat, party })?;
        let own = keys.version == self.key_version && keys.signing == self.signing.verifying_key();
        if own { Ok(()) } else { Err(Refusal::WrongKey { party }) }
    }
}

/// When a consent is given, for how long, and what makes it unlike any other.
#[derive(Debug, Clone, Copy)]
pub struct ConsentTerms {
    /// Now.
    pub made_at: Timestamp,
    /// The end. Where a grant runs out before, the consent does.
    pub expires_at: Timestamp,
    /// 16 random bytes.
    pub nonce: [u8; 16],
}

/// One's own consent, not used yet. It cannot be copied, and only [`GrantCheck::consent`] makes one.
///
/// ```compile_fail,E0599
/// fn twice(consent: cowl_job::Consent) -> (cowl_job::Consent, cowl_job::Consent) {
///     (consent.clone(), consent)
/// }
/// ```
///
/// ```compile_fail,E0451
/// use cowl_domain::Signed;
/// use cowl_job::{Consent, ConsentStatement};
///
/// fn forge(signed: Signed<ConsentStatement>, statement: ConsentStatement) -> Consent {
///     Consent { signed, statement, granted: Vec::new() }
/// }
/// ```
#[derive(Debug)]
pub struct Consent {
    pub(crate) signed: Signed<ConsentStatement>,
    pub(crate) statement: ConsentStatement,
    pub(crate) granted: Vec<GrantedItem>,
}

impl Consent {
    /// The statement for the peers.
    pub fn signed(&self) -> &Signed<ConsentStatement> {
        &self.signed
    }

    /// What it says.
    pub fn statement(&self) -> &ConsentStatement {
        &self.statement
    }
}

impl GrantCheck {
    /// Consents to `planned`, whose grants were checked here, for one seat.
    ///
    /// # Errors
    /// [`Refusal::CheckOfAnotherJob`]; [`Refusal::NotSeated`] or [`Refusal::WrongKey`] for a participant that
    /// the roster does not have; [`Refusal::ConsentExpired`] where nothing is left of the time asked for.
    pub fn consent(
        self,
        planned: &Planned,
        participant: &Participant<'_>,
        terms: ConsentTerms,
    ) -> Result<Consent, Refusal> {
        let spec = planned.spec();
        if self.spec != spec.digest() {
            return Err(Refusal::CheckOfAnotherJob { job: spec.job });
        }
        participant.check_seat(planned.roster())?;
        let expires_at = self.valid_until.map_or(terms.expires_at, |end| end.min(terms.expires_at));
        if expires_at <= terms.made_at {
            return Err(Refusal::ConsentExpired { party: participant.party, at: expires_at });
        }
        let statement = ConsentStatement {
            job: spec.job,
            seat: participant.seat,
            party: participant.party,
            spec: self.spec,
            plan: planned.plan().digest(),
            peers: planned.roster().assignments(),
            made_at: terms.made_at,
            expires_at,
            nonce: terms.nonce,
        };
        let signed =
            Signed::sign(&statement, participant.party, participant.key_version, participant.signing);
        Ok(Consent { signed, statement, granted: self.granted })
    }
}

/// Checks one consent against the job that it is offered for.
pub(crate) fn verify(
    planned: &Planned,
    signed: &Signed<ConsentStatement>,
    now: Timestamp,
) -> Result<Verified<ConsentStatement>, Refusal> {
    let party = signed.signer();
    let unsound = |error| Refusal::UnsoundConsent { party, error };
    let claimed = signed.dangerous_unverified().map_err(|error| unsound(error.into()))?;
    let (roster, seat) = (planned.roster(), claimed.seat);
    let keys = roster.keys(seat, party).ok_or(Refusal::NotSeated { seat, party })?;
    let consent = signed.verify(keys).map_err(unsound)?;
    if consent.job != planned.spec().job {
        return Err(Refusal::ConsentToAnotherJob { party });
    }
    let same_terms = consent.party == party
        && consent.spec == planned.spec().digest()
        && consent.plan == planned.plan().digest()
        && consent.peers == roster.assignments();
    if !same_terms {
        return Err(Refusal::ConsentToOtherTerms { party });
    }
    check_expiry(&consent, now)?;
    Ok(consent)
}

pub(crate) fn check_expiry(consent: &ConsentStatement, now: Timestamp) -> Result<(), Refusal> {
    let (party, at) = (consent.party, consent.expires_at);
    if at <= now { Err(Refusal::ConsentExpired { party, at }) } else { Ok(()) }
}
