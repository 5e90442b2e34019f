//! The check that every item of a job is granted to every receiver.

use cowl_crypto::digest::Digest;
use cowl_domain::{Grant, GrantId, PartyId, Power, Revocation, Timestamp, Verified};

use crate::refusal::Refusal;
use crate::spec::{JobItem, JobSpec, TechniqueId};

/// An item that a receiver may have, with the grant that says so. Only [`check_grants`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantedItem {
    item: JobItem,
    receiver: PartyId,
    power: Power,
    grant: Option<GrantId>,
}

impl GrantedItem {
    /// The item.
    pub fn item(&self) -> &JobItem {
        &self.item
    }

    /// For whom.
    pub fn receiver(&self) -> PartyId {
        self.receiver
    }

    /// What the grant allows.
    pub fn power(&self) -> Power {
        self.power
    }

    /// The grant; `None` where the receiver is the owner.
    pub fn grant(&self) -> Option<GrantId> {
        self.grant
    }
}

/// That the grants of a job cover it. Only [`check_grants`] makes one, and it can be turned into one consent.
#[derive(Debug)]
pub struct GrantCheck {
    pub(crate) spec: Digest,
    pub(crate) granted: Vec<GrantedItem>,
    pub(crate) valid_until: Option<Timestamp>,
}

impl GrantCheck {
    /// What is granted to whom: each item once for each receiver.
    pub fn granted(&self) -> &[GrantedItem] {
        &self.granted
    }

    /// When the first of the grants that count runs out; no consent lasts longer.
    pub fn valid_until(&self) -> Option<Timestamp> {
        self.valid_until
    }
}

/// Checks that the grants which `spec` names allow what it asks for, at `now`.
///
/// Every receiver needs, for every item that is not its own, a grant signed by the item's owner, with the
/// specification's power (to compute: by the specification's technique), neither expired nor revoked. A revocation
/// counts only if the grant's signer signed it. Grants that the specification does not name are passed over.
///
/// # Errors
/// A [`Refusal`] that names grant, item or power. Where several grants fail, the one that came closest is named.
pub fn check_grants(
    spec: &JobSpec,
    grants: &[Verified<Grant>],
    revocations: &[Verified<Revocation>],
    now: Timestamp,
) -> Result<GrantCheck, Refusal> {
    spec.check_shape()?;
    let book = Book { named: named(spec, grants)?, revocations, spec, now };
    let mut check = GrantCheck { spec: spec.digest(), granted: Vec::new(), valid_until: None };
    for item in &spec.items {
        for &receiver in &spec.receivers {
            let grant = if receiver == item.owner { None } else { Some(book.covering(item, receiver)?) };
            let end = grant.and_then(|grant| grant.expires_at);
            check.valid_until = earliest(check.valid_until, end);
            let grant = grant.map(|grant| grant.grant);
            check.granted.push(GrantedItem { item: item.clone(), receiver, power: spec.power, grant });
        }
    }
    Ok(check)
}

fn named<'a>(spec: &JobSpec, grants: &'a [Verified<Grant>]) -> Result<Vec<&'a Verified<Grant>>, Refusal> {
    if let Some(&grant) = spec.grants.iter().find(|id| grants.iter().all(|shown| shown.grant != **id)) {
        return Err(Refusal::GrantMissing { grant });
    }
    Ok(grants.iter().filter(|shown| spec.grants.contains(&shown.grant)).collect())
}

fn earliest(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

struct Book<'a> {
    named: Vec<&'a Verified<Grant>>,
    revocations: &'a [Verified<Revocation>],
    spec: &'a JobSpec,
    now: Timestamp,
}

impl<'a> Book<'a> {
    /// A grant under which `receiver` may have `item`, or the reason of the one that comes closest.
    fn covering(&self, item: &JobItem, receiver: PartyId) -> Result<&'a Verified<Grant>, Refusal> {
        let mut closest = (0, Refusal::NotCovered { item: item.item, receiver });
        for grant in self.named.iter().copied().filter(|grant| is_about(grant, item, receiver)) {
            match self.flaw(grant, item) {
                None => return Ok(grant),
                Some((closeness, refusal)) if closeness > closest.0 => closest = (closeness, refusal),
                Some(_) => {}
            }
        }
        Err(closest.1)
    }

    /// What is wrong with a grant on this item, with the number of checks that it passed before, from 1.
    fn flaw(&self, grant: &Verified<Grant>, item: &JobItem) -> Option<(u8, Refusal)> {
        let (id, signer, owner) = (grant.grant, grant.signer(), item.owner);
        if signer != owner {
            return Some((1, Refusal::NotTheOwner { grant: id, owner, signer }));
        }
        let JobSpec { power, technique, .. } = self.spec;
        if grant.powers.is_empty_or_unknown() || !grant.powers.contains(*power) {
            return Some((2, Refusal::PowerMissing { grant: id, power: *power }));
        }
        if *power == Power::Compute && !allows(grant, technique) {
            return Some((3, Refusal::TechniqueNotGranted { grant: id, technique: technique.clone() }));
        }
        if grant.has_expired(self.now) {
            return Some((4, Refusal::GrantExpired { grant: id }));
        }
        self.is_revoked(grant).then_some((5, Refusal::GrantRevoked { grant: id }))
    }

    fn is_revoked(&self, grant: &Verified<Grant>) -> bool {
        let ends = |end: &Verified<Revocation>| {
            end.grant == grant.grant && end.record == grant.record && end.signer() == grant.signer()
        };
        self.revocations.iter().any(ends)
    }
}

fn allows(grant: &Grant, technique: &TechniqueId) -> bool {
    grant.compute.as_ref().is_some_and(|terms| terms.technique == technique.as_str())
}

fn is_about(grant: &Grant, item: &JobItem, receiver: PartyId) -> bool {
    grant.record == item.record && grant.grantee == receiver && grant.covers(&item.item)
}
