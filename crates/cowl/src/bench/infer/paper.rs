//! Grants and consents of a bench, which has no cloud: they are checked as everywhere, and remembered for as long as it runs.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use cowl_crypto::digest::Digest;
use cowl_crypto::merkle::Hash;
use cowl_crypto::sign::SigningKey;
use cowl_domain::{
    CheckpointRef, ComputeTerms, Grant, GrantId, InferenceTerms, ItemId, JobId, OutputReceivers, OutputRule,
    PartyId, PartyKeys, Power, Powers, Purpose, RecordId, Scope, Signed, Timestamp, Verified,
};
use cowl_job::{
    Clock, ConsentLedger, ConsentUse, Consented, Driver, GrantCheck, GrantedItem, ItemReader, ItemSource,
    JobItem, JobSpec, LedgerError, Participant, PortError, Ports, Registry, Seat, Settled, SystemSalts,
    Unsettled, check_grants,
};

use crate::infer::error::InferError;
use crate::infer::job::{Kept, Notary, now};
use crate::infer::wire::Leave;
use crate::models::TECHNIQUE;
use crate::models::dossier::Dossier;

/// A grant to run a model, and what the data owner shows of it.
pub(super) fn leave(
    owner: &PartyKeys,
    signing: &SigningKey,
    grantee: &PartyKeys,
    model: ItemId,
) -> (Verified<Grant>, Leave) {
    let record = RecordId::from_bytes([1; 16]);
    let inference = InferenceTerms { output: OutputRule::Values, receivers: OutputReceivers::Both };
    let grant = Grant {
        grant: GrantId::from_bytes([1; 16]),
        record,
        scope: Scope::Record,
        grantee: grantee.party,
        grantee_keys: grantee.digest(),
        powers: Powers::of([Power::Read, Power::Compute]),
        purpose: Purpose::Research,
        note: None,
        made_at: now(),
        expires_at: None,
        checkpoint: CheckpointRef { size: 0, root: Hash::EMPTY },
        compute: Some(ComputeTerms {
            technique: TECHNIQUE.to_owned(),
            minimum_cohort: 1,
            runs: None,
            inference: Some(inference),
        }),
    };
    let signed = Signed::sign(&grant, owner.party, owner.version, signing);
    let verified = signed.verify(owner).expect("it was signed with the key of these keys");
    let placement = Digest::of(b"bench");
    let item = JobItem { record, owner: owner.party, item: model, version: 0, placement, size: 1 };
    (verified, Leave { item, grant: signed.to_bytes() })
}

/// One party's, with the grants that it knows of.
pub(super) struct Paper {
    grants: Vec<Verified<Grant>>,
    used: Mutex<HashSet<(JobId, Seat, PartyId)>>,
}

impl Paper {
    pub(super) fn new(grants: Vec<Verified<Grant>>) -> Self {
        Self { grants, used: Mutex::default() }
    }
}

#[async_trait]
impl ConsentLedger for Paper {
    async fn record(&self, uses: &[ConsentUse]) -> Result<(), LedgerError> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        for ConsentUse { job, seat, party, .. } in uses {
            if !used.insert((*job, *seat, *party)) {
                return Err(LedgerError::AlreadyUsed { seat: *seat, party: *party });
            }
        }
        Ok(())
    }
}

#[async_trait]
impl ItemSource for Paper {
    async fn open(&self, granted: &GrantedItem) -> Result<Box<dyn ItemReader>, PortError> {
        Err(PortError::Missing { item: granted.item().item })
    }
}

impl Clock for Paper {
    fn now(&self) -> Timestamp {
        now()
    }
}

impl Notary for Paper {
    fn check(&self, spec: &JobSpec) -> Result<GrantCheck, InferError> {
        Ok(check_grants(spec, &self.grants, &[], now())?)
    }

    fn check_item(&self, _: &JobItem) -> Result<(), InferError> {
        Ok(())
    }

    fn settle(
        &self,
        registry: &Registry,
        consented: Consented,
        participant: &Participant<'_>,
        sink: &Kept,
    ) -> Result<Settled, Unsettled> {
        let ports = Ports { source: self, sink, clock: self, salts: &SystemSalts };
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.expect("a runtime without a network needs nothing of the system");
        runtime.block_on(Driver { registry, ledger: self, ports }.run(consented, participant))
    }

    fn keep(&self, _: &Dossier) -> Result<(), InferError> {
        Ok(())
    }
}
