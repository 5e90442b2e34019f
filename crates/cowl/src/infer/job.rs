//! A run as a job of technique `mpc`: one plan for all three, a consent of each, evidence of the two who compute.
//!
//! A bundle is dealt for one job, and the job's identifier is the bundle's: no bundle serves two jobs, and no job has two.
//! All three derive the same specification and plan from the terms of the set-up and the [`Basis`] on which the bundle was
//! dealt. The dealer consents when it deals, and what it signs lies beside each half ([`Order`]): it need not be
//! there at the run. The other two consent when they run.
//!
//! In order: the data owner consents and asks → the model owner checks the grant, verifies both consents, consents,
//! records all three on its disk, says that it is ready → the data owner verifies, records on its own → first byte.

mod handing;
mod notary;
mod sitting;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use cowl_crypto::id::random_bytes;
use cowl_domain::{GrantId, JobId, PartyId, PartyKeys, Power, Signed, Timestamp};
use cowl_job::{
    Consent, ConsentStatement, ConsentTerms, GrantCheck, JobItem, JobSpec, Participant, Planned, Refusal,
    Registry, Roster, Seat,
};
use cowl_mpc::bundle::BundleId;
use cowl_mpc::technique::{Forecast, InferenceProgram, Mpc, Parties};
use minicbor::{Decode, Encode};

use super::engine::Computation;
use super::error::InferError;
use super::recipe::Recipe;
use super::store::Terms;
use handing::Absent;

pub(crate) use handing::Kept;
pub(crate) use notary::{Notary, VaultNotary};
pub(crate) use sitting::Sitting;

/// The published model as an item, and by whose leave it is run.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Basis {
    /// The item.
    #[n(0)]
    pub(crate) item: JobItem,
    /// The model owner's grant to the data owner.
    #[n(1)]
    pub(crate) grant: GrantId,
}

/// What lies beside a bundle: what it was dealt for, and the dealer's consent to just that job.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Order {
    /// Beyond the terms of the set-up.
    #[n(0)]
    pub(crate) basis: Basis,
    /// [`ConsentStatement`], signed by the dealer.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) consent: Vec<u8>,
}

/// All three, with the keys that the directory has for them.
#[derive(Debug, Clone)]
pub(crate) struct Seats {
    /// Brings the input.
    pub(crate) data_owner: PartyKeys,
    /// Brings the weights.
    pub(crate) model_owner: PartyKeys,
    /// Brings randomness.
    pub(crate) dealer: PartyKeys,
}

/// One run, as each of the three derives it.
pub(crate) struct Job {
    spec: JobSpec,
    seats: Seats,
    program: InferenceProgram,
    forecast: Forecast,
}

impl Job {
    /// The job for which a bundle was, or is to be, dealt.
    ///
    /// # Errors
    /// [`InferError::Disagreement`] when the basis or the seats are not those of the terms.
    pub(crate) fn new(
        terms: &Terms,
        computation: &Computation,
        bundle: BundleId,
        basis: &Basis,
        seats: Seats,
    ) -> Result<Self, InferError> {
        let item = &basis.item;
        if (item.item, item.owner) != (Recipe::from_bytes(&terms.recipe)?.model, terms.model_owner) {
            return Err(disagree("the job is about another model than the set-up"));
        }
        let sitting = [&seats.data_owner, &seats.model_owner, &seats.dealer].map(|keys| keys.party);
        if sitting != [terms.data_owner, terms.model_owner, terms.dealer] {
            return Err(disagree("the job has other parties than the set-up"));
        }
        let program = computation.program().clone();
        let spec = JobSpec {
            job: JobId::from_bytes(bundle.0),
            technique: Mpc::name(),
            program: program.digest(),
            power: Power::Compute,
            items: vec![item.clone()],
            grants: vec![basis.grant],
            receivers: receivers(terms),
        };
        Ok(Self { spec, seats, program, forecast: computation.forecast(terms.learns) })
    }

    /// What is asked for.
    pub(crate) fn spec(&self) -> &JobSpec {
        &self.spec
    }

    /// Its plan, with everybody at the table.
    ///
    /// # Errors
    /// [`InferError::Job`].
    pub(crate) fn planned(&self) -> Result<Planned, InferError> {
        let Seats { data_owner, model_owner, dealer } = self.seats.clone();
        let roster = Roster::new([
            (Seat::DataOwner, data_owner),
            (Seat::ModelOwner, model_owner),
            (Seat::Dealer, dealer),
        ])?;
        Ok(self.registry(Arc::new(Absent)).plan(self.spec.clone(), roster)?)
    }

    /// One party's consent, good for so many seconds at the most.
    ///
    /// # Errors
    /// [`InferError::Job`].
    pub(crate) fn consent(
        &self,
        check: GrantCheck,
        participant: &Participant<'_>,
        seconds: u64,
    ) -> Result<Offer, InferError> {
        let (planned, made_at) = (self.planned()?, now());
        let terms =
            ConsentTerms { made_at, expires_at: made_at.plus_seconds(seconds), nonce: random_bytes() };
        let own = check.consent(&planned, participant, terms)?;
        Ok(Offer { planned, own })
    }

    /// Checks the dealer's consent before anything is done with its bundle.
    ///
    /// # Errors
    /// [`InferError::Disagreement`] when it is to something else, [`InferError::Job`] when it is too old;
    /// [`InferError::Statement`].
    pub(crate) fn check_dealers(&self, consent: &[u8]) -> Result<(), InferError> {
        let signed = signed_consent(consent)?;
        let consent = signed.verify(&self.seats.dealer)?;
        let planned = self.planned()?;
        let found = (consent.job, consent.spec, consent.plan);
        if found != (self.spec.job, self.spec.digest(), planned.plan().digest()) {
            return Err(disagree("the dealer has consented to another job than its bundle is for"));
        }
        let (party, at) = (consent.party, consent.expires_at);
        if at <= now() { Err(Refusal::ConsentExpired { party, at }.into()) } else { Ok(()) }
    }

    fn registry(&self, parties: Arc<dyn Parties>) -> Registry {
        let (program, forecast) = (self.program.clone(), self.forecast.clone());
        Registry::new([Arc::new(Mpc { program, forecast, parties }) as Arc<dyn cowl_job::Technique>])
    }

    fn keys(&self, party: PartyId) -> Option<&PartyKeys> {
        let Seats { data_owner, model_owner, dealer } = &self.seats;
        [data_owner, model_owner, dealer].into_iter().find(|keys| keys.party == party)
    }
}

/// One's own consent with the plan that it is to.
pub(crate) struct Offer {
    planned: Planned,
    own: Consent,
}

impl Offer {
    /// For the others.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.own.signed().to_bytes()
    }
}

fn receivers(terms: &Terms) -> Vec<PartyId> {
    let gets = [
        (terms.learns.has_data_owner(), terms.data_owner),
        (terms.learns.has_model_owner(), terms.model_owner),
    ];
    gets.into_iter().filter_map(|(gets, party)| gets.then_some(party)).collect()
}

fn signed_consent(bytes: &[u8]) -> Result<Signed<ConsentStatement>, InferError> {
    Signed::from_bytes(bytes).map_err(|error| disagree(&error.to_string()))
}

/// The time of this machine.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn disagree(text: &str) -> InferError {
    InferError::Disagreement(text.to_owned())
}
