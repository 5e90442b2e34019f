//! The grant check refuses what is not granted, and names it.
#![allow(clippy::unwrap_used, reason = "a test may stop at what it does not expect")]

use std::sync::Arc;

use cowl_crypto::merkle::Hash;
use cowl_domain::{
    CheckpointRef, ComputeTerms, Grant, GrantId, ItemId, Power, Powers, RecordId, Revocation, Scope,
    ShareTarget, Signed, Verified,
};
use cowl_job::{GrantCheck, JobSpec, ReadTechnique, Refusal, Seat, check_grants};
use cowl_testkit::technique::{NOW, Player, Stage, Subject, grant_to};
use proptest::prelude::*;

/// One owner, one receiver, one item, one grant.
struct Case {
    stage: Stage,
    spec: JobSpec,
    grant: Grant,
}

impl Case {
    fn new() -> Self {
        let stage = Stage::new(&Subject {
            technique: Arc::new(ReadTechnique),
            program: ReadTechnique::program(),
            power: Power::Read,
            further_seats: Vec::new(),
            ideal: <[Vec<u8>]>::to_vec,
        });
        let mut spec = stage.spec.clone();
        spec.items.truncate(1);
        spec.receivers.truncate(1);
        let receiver = stage.players.iter().find(|player| player.party() == spec.receivers[0]).unwrap();
        let grant = grant_to(receiver, spec.items[0].record, Powers::of([Power::Read]));
        spec.grants = vec![grant.grant];
        Self { stage, spec, grant }
    }

    fn owner(&self) -> &Player {
        &self.stage.players[0]
    }

    fn signed_by(&self, signer: &Player) -> Verified<Grant> {
        Signed::sign(&self.grant, signer.party(), 0, &signer.signing).verify(&signer.keys).unwrap()
    }

    fn revoked_by(&self, signer: &Player) -> Verified<Revocation> {
        let revocation = Revocation {
            grant: self.grant.grant,
            record: self.grant.record,
            last: ShareTarget::Epoch(0),
            revoked_at: NOW,
            checkpoint: CheckpointRef { size: 0, root: Hash::EMPTY },
        };
        Signed::sign(&revocation, signer.party(), 0, &signer.signing).verify(&signer.keys).unwrap()
    }

    fn check(&self) -> Result<GrantCheck, Refusal> {
        check_grants(&self.spec, &[self.signed_by(self.owner())], &[], NOW)
    }
}

fn refusal(case: &Case) -> Refusal {
    case.check().unwrap_err()
}

#[test]
fn a_sound_grant_covers_its_item() {
    let case = Case::new();
    let check = case.check().unwrap();
    let [granted] = check.granted() else { panic!("one item for one receiver") };
    assert_eq!(granted.item(), &case.spec.items[0]);
    assert_eq!(granted.receiver(), case.spec.receivers[0]);
    assert_eq!((granted.grant(), granted.power()), (Some(case.grant.grant), Power::Read));
    assert_eq!(check.valid_until(), None);
}

#[test]
fn a_grant_on_one_item_covers_that_item_and_no_other() {
    let mut case = Case::new();
    case.grant.scope = Scope::Item(case.spec.items[0].item);
    assert!(case.check().is_ok());
    let (item, receiver) = (ItemId::from_bytes([9; 16]), case.spec.receivers[0]);
    case.spec.items[0].item = item;
    assert_eq!(refusal(&case), Refusal::NotCovered { item, receiver });
}

#[test]
fn a_grant_on_another_record_covers_nothing() {
    let mut case = Case::new();
    case.grant.record = RecordId::from_bytes([9; 16]);
    let (item, receiver) = (case.spec.items[0].item, case.spec.receivers[0]);
    assert_eq!(refusal(&case), Refusal::NotCovered { item, receiver });
}

#[test]
fn a_grant_to_somebody_else_covers_nothing() {
    let mut case = Case::new();
    case.grant.grantee = case.owner().party();
    assert!(matches!(refusal(&case), Refusal::NotCovered { .. }));
}

#[test]
fn a_grant_that_the_owner_did_not_sign_is_refused_by_name() {
    let case = Case::new();
    let stranger = Player::new(Seat::DataOwner, 99);
    let refusal = check_grants(&case.spec, &[case.signed_by(&stranger)], &[], NOW).unwrap_err();
    let (owner, signer) = (case.owner().party(), stranger.party());
    assert_eq!(refusal, Refusal::NotTheOwner { grant: case.grant.grant, owner, signer });
}

#[test]
fn a_grant_without_the_power_is_refused_by_name() {
    let mut case = Case::new();
    case.grant.powers = Powers::of([Power::Append, Power::Compute]);
    assert_eq!(refusal(&case), Refusal::PowerMissing { grant: case.grant.grant, power: Power::Read });
}

#[test]
fn a_grant_to_compute_names_its_technique() {
    let mut case = Case::new();
    case.spec.power = Power::Compute;
    case.grant.powers = Powers::of([Power::Compute]);
    let (grant, technique) = (case.grant.grant, case.spec.technique.clone());
    let refused = Refusal::TechniqueNotGranted { grant, technique: technique.clone() };
    assert_eq!(refusal(&case), refused);
    let terms = |name: &str| ComputeTerms {
        technique: name.to_owned(),
        minimum_cohort: 10,
        runs: None,
        inference: None,
    };
    case.grant.compute = Some(terms("another"));
    assert_eq!(refusal(&case), refused);
    case.grant.compute = Some(terms(technique.as_str()));
    assert!(case.check().is_ok());
}

#[test]
fn a_grant_that_has_run_out_is_refused_by_name() {
    let mut case = Case::new();
    case.grant.expires_at = Some(NOW);
    assert_eq!(refusal(&case), Refusal::GrantExpired { grant: case.grant.grant });
    case.grant.expires_at = Some(NOW.plus_seconds(1));
    assert_eq!(case.check().unwrap().valid_until(), case.grant.expires_at);
}

#[test]
fn a_revoked_grant_is_refused_by_name() {
    let case = Case::new();
    let (grants, revocations) = ([case.signed_by(case.owner())], [case.revoked_by(case.owner())]);
    let refusal = check_grants(&case.spec, &grants, &revocations, NOW).unwrap_err();
    assert_eq!(refusal, Refusal::GrantRevoked { grant: case.grant.grant });
}

#[test]
fn nobody_but_the_owner_revokes() {
    let case = Case::new();
    let stranger = Player::new(Seat::DataOwner, 99);
    let (grants, revocations) = ([case.signed_by(case.owner())], [case.revoked_by(&stranger)]);
    assert!(check_grants(&case.spec, &grants, &revocations, NOW).is_ok());
}

#[test]
fn a_grant_that_is_named_and_not_shown_is_refused() {
    let case = Case::new();
    let refusal = check_grants(&case.spec, &[], &[], NOW).unwrap_err();
    assert_eq!(refusal, Refusal::GrantMissing { grant: case.grant.grant });
}

#[test]
fn a_grant_that_is_shown_and_not_named_does_not_count() {
    let mut case = Case::new();
    case.spec.grants.clear();
    assert!(matches!(refusal(&case), Refusal::NotCovered { .. }));
}

#[test]
fn a_sound_grant_counts_beside_one_that_has_run_out() {
    let mut case = Case::new();
    let sound = case.signed_by(case.owner());
    case.grant.grant = GrantId::from_bytes([0x41; 16]);
    case.grant.expires_at = Some(NOW);
    case.spec.grants.push(case.grant.grant);
    for grants in [[sound.clone(), case.signed_by(case.owner())], [case.signed_by(case.owner()), sound]] {
        assert!(check_grants(&case.spec, &grants, &[], NOW).is_ok());
    }
}

#[test]
fn owners_need_no_grant_for_their_own_items() {
    let mut case = Case::new();
    case.spec.receivers = vec![case.owner().party()];
    case.spec.grants.clear();
    let check = check_grants(&case.spec, &[], &[], NOW).unwrap();
    assert_eq!(check.granted()[0].grant(), None);
}

#[test]
fn a_job_about_nothing_or_for_nobody_is_refused() {
    let mut case = Case::new();
    let item = case.spec.items.pop().unwrap();
    assert_eq!(refusal(&case), Refusal::NoItems);
    case.spec.items = vec![item.clone(), item.clone()];
    assert_eq!(refusal(&case), Refusal::ItemTwice { item: item.item });
    case.spec.items = vec![item];
    let receiver = case.spec.receivers[0];
    case.spec.receivers.push(receiver);
    assert_eq!(refusal(&case), Refusal::ReceiverTwice { receiver });
    case.spec.receivers.clear();
    assert_eq!(refusal(&case), Refusal::NoReceivers);
}

proptest! {
    /// The check agrees with a definition in one line, whatever the grant is like.
    #[test]
    fn a_grant_counts_exactly_if_everything_about_it_fits(
        powers in proptest::collection::vec(proptest::sample::select(Power::ALL), 0..4),
        seconds_left in proptest::option::of(0u64..3),
        same_record: bool, one_item: bool, same_item: bool, same_grantee: bool, by_owner: bool, revoked: bool,
    ) {
        let mut case = Case::new();
        let stranger = Player::new(Seat::DataOwner, 99);
        let allowed = powers.contains(&Power::Read);
        case.grant.powers = Powers::of(powers);
        case.grant.expires_at = seconds_left.map(|seconds| NOW.plus_seconds(seconds));
        let item = if same_item { case.spec.items[0].item } else { ItemId::from_bytes([9; 16]) };
        case.grant.scope = if one_item { Scope::Item(item) } else { Scope::Record };
        if !same_record { case.grant.record = RecordId::from_bytes([9; 16]); }
        if !same_grantee { case.grant.grantee = stranger.party(); }
        let signer = if by_owner { case.owner() } else { &stranger };
        let revocations: Vec<_> = revoked.then(|| case.revoked_by(case.owner())).into_iter().collect();
        let outcome = check_grants(&case.spec, &[case.signed_by(signer)], &revocations, NOW);
        let fits = allowed && seconds_left != Some(0) && same_record && (same_item || !one_item) && same_grantee
            && by_owner && !revoked;
        prop_assert_eq!(outcome.is_ok(), fits);
    }
}
