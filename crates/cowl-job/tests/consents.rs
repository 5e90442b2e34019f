//! No job runs without the consent of every seat, given to just this job, and used once.
#![allow(clippy::unwrap_used, reason = "a test may stop at what it does not expect")]

mod reading;

use cowl_crypto::digest::Digest;
use cowl_domain::{JobId, Signed, Timestamp};
use cowl_job::{Consent, ConsentStatement, ConsentTerms, Consented, Planned, Refusal, Seat, check_grants};
use cowl_testkit::technique::{MemoryLedger, NOW, Player, Stage};
use proptest::prelude::*;
use reading::stage;

/// The second receiver's view: its own consent, and those of the three others.
fn at_the_last_seat(stage: &Stage) -> (Planned, Consent, Vec<Signed<ConsentStatement>>) {
    let planned = stage.planned();
    let player = stage.players.last().unwrap();
    let (own, others) = (stage.consent(player, &planned), stage.consents_of_others(player, &planned));
    (planned, own, others)
}

fn signed(statement: &ConsentStatement, player: &Player) -> Signed<ConsentStatement> {
    Signed::sign(statement, player.party(), player.keys.version, &player.signing)
}

fn consented(stage: &Stage) -> Consented {
    let (planned, own, others) = at_the_last_seat(stage);
    planned.consented(own, &others, NOW).unwrap()
}

/// What comes of it when the first seat's consent is altered and signed anew.
fn altered(alter: impl FnOnce(&mut ConsentStatement)) -> Refusal {
    let stage = stage();
    let (planned, own, mut others) = at_the_last_seat(&stage);
    let mut statement = others[0].dangerous_unverified().unwrap();
    alter(&mut statement);
    others[0] = signed(&statement, &stage.players[0]);
    planned.consented(own, &others, NOW).unwrap_err()
}

#[tokio::test]
async fn a_job_starts_with_the_consent_of_every_seat() {
    let stage = stage();
    let ledger = MemoryLedger::default();
    let running = consented(&stage).start(&ledger, NOW).await.unwrap();
    assert_eq!(running.consents().len(), stage.players.len());
    assert_eq!(ledger.len(), stage.players.len());
}

#[test]
fn a_consent_to_another_job_is_refused_by_name() {
    let party = stage().players[0].party();
    let another = altered(|statement| statement.job = JobId::from_bytes([9; 16]));
    assert_eq!(another, Refusal::ConsentToAnotherJob { party });
}

#[test]
fn a_consent_to_other_terms_is_refused_by_name() {
    let party = stage().players[0].party();
    let other = Refusal::ConsentToOtherTerms { party };
    assert_eq!(altered(|statement| statement.spec = Digest::of(b"other")), other);
    assert_eq!(altered(|statement| statement.plan = Digest::of(b"other")), other);
    assert_eq!(altered(|statement| statement.peers[2].keys = Digest::of(b"other")), other);
    assert_eq!(altered(|statement| statement.peers.truncate(3)), other);
    assert_eq!(altered(|statement| statement.party = cowl_domain::PartyId::from_bytes([9; 16])), other);
}

#[test]
fn a_consent_for_a_seat_that_the_party_does_not_have_is_refused_by_name() {
    let party = stage().players[0].party();
    let refusal = altered(|statement| statement.seat = Seat::Enclave);
    assert_eq!(refusal, Refusal::NotSeated { seat: Seat::Enclave, party });
}

#[test]
fn a_consent_that_has_run_out_is_refused_by_name() {
    let party = stage().players[0].party();
    assert_eq!(altered(|statement| statement.expires_at = NOW), Refusal::ConsentExpired { party, at: NOW });
}

#[tokio::test]
async fn a_consent_that_runs_out_while_waiting_for_the_others_is_refused() {
    let stage = stage();
    let ledger = MemoryLedger::default();
    let refusal = consented(&stage).start(&ledger, NOW.plus_seconds(60)).await.unwrap_err();
    assert!(matches!(refusal, Refusal::ConsentExpired { .. }));
    assert!(ledger.is_empty());
}

#[test]
fn a_consent_in_the_name_of_another_party_is_refused_by_name() {
    let stage = stage();
    let (planned, own, mut others) = at_the_last_seat(&stage);
    let statement = others[0].dangerous_unverified().unwrap();
    let (victim, forger) = (&stage.players[0], &stage.players[1]);
    others[0] = Signed::sign(&statement, victim.party(), 0, &forger.signing);
    let refusal = planned.consented(own, &others, NOW).unwrap_err();
    assert!(matches!(refusal, Refusal::UnsoundConsent { party, .. } if party == victim.party()));
}

#[test]
fn two_consents_for_one_seat_are_refused_by_name() {
    let stage = stage();
    let (planned, own, mut others) = at_the_last_seat(&stage);
    others.push(others[0].clone());
    let refusal = planned.consented(own, &others, NOW).unwrap_err();
    assert_eq!(refusal, Refusal::ConsentTwice { seat: Seat::DataOwner, party: stage.players[0].party() });
}

#[tokio::test]
async fn a_consent_is_used_once() {
    let stage = stage();
    let ledger = MemoryLedger::default();
    let (planned, own, others) = at_the_last_seat(&stage);
    let (again, same) = (planned.clone(), stage.consent(stage.players.last().unwrap(), &planned));
    planned.consented(own, &others, NOW).unwrap().start(&ledger, NOW).await.unwrap();
    let refusal = again.consented(same, &others, NOW).unwrap().start(&ledger, NOW).await.unwrap_err();
    assert!(matches!(refusal, Refusal::ConsentUsed { .. }));
    assert_eq!(ledger.len(), stage.players.len());
}

/// Otherwise a seat could be made to run a job as often as it signs anew.
#[tokio::test]
async fn a_fresh_consent_does_not_run_the_same_job_again() {
    let stage = stage();
    let ledger = MemoryLedger::default();
    consented(&stage).start(&ledger, NOW).await.unwrap();
    let (planned, own, mut others) = at_the_last_seat(&stage);
    for (signed_one, player) in others.iter_mut().zip(&stage.players) {
        let mut statement = signed_one.dangerous_unverified().unwrap();
        statement.nonce = [8; 16];
        *signed_one = signed(&statement, player);
    }
    let refusal = planned.consented(own, &others, NOW).unwrap().start(&ledger, NOW).await.unwrap_err();
    assert!(matches!(refusal, Refusal::ConsentUsed { .. }));
}

#[tokio::test]
async fn nothing_begins_when_consents_cannot_be_recorded() {
    let refusal = consented(&stage()).start(&MemoryLedger::broken(), NOW).await.unwrap_err();
    assert!(matches!(refusal, Refusal::LedgerUnavailable { .. }));
}

#[test]
fn a_grant_check_of_another_job_gives_no_consent() {
    let stage = stage();
    let mut another = stage.spec.clone();
    another.job = JobId::from_bytes([9; 16]);
    let check = check_grants(&another, &stage.grants, &[], NOW).unwrap();
    let refusal = check.consent(&stage.planned(), &stage.players[0].participant(), terms(60)).unwrap_err();
    assert_eq!(refusal, Refusal::CheckOfAnotherJob { job: stage.spec.job });
}

#[test]
fn nobody_consents_with_a_key_or_for_a_seat_that_the_roster_does_not_name() {
    let stage = stage();
    let (planned, stranger) = (stage.planned(), Player::new(Seat::Dealer, 99));
    let check = || check_grants(&stage.spec, &stage.grants, &[], NOW).unwrap();
    let refusal = check().consent(&planned, &stranger.participant(), terms(60)).unwrap_err();
    assert_eq!(refusal, Refusal::NotSeated { seat: Seat::Dealer, party: stranger.party() });
    let mut impostor = stage.players[0].participant();
    impostor.signing = &stranger.signing;
    let refusal = check().consent(&planned, &impostor, terms(60)).unwrap_err();
    assert_eq!(refusal, Refusal::WrongKey { party: stage.players[0].party() });
}

#[test]
fn a_consent_without_any_time_left_is_not_given() {
    let stage = stage();
    let check = check_grants(&stage.spec, &stage.grants, &[], NOW).unwrap();
    let refusal = check.consent(&stage.planned(), &stage.players[0].participant(), terms(0)).unwrap_err();
    assert!(matches!(refusal, Refusal::ConsentExpired { .. }));
}

fn terms(seconds: u64) -> ConsentTerms {
    let expires_at: Timestamp = NOW.plus_seconds(seconds);
    ConsentTerms { made_at: NOW, expires_at, nonce: [7; 16] }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is there, doubled, out of order or altered: a job gets to `Consented` with one sound consent of
    /// each seat, and not otherwise.
    #[test]
    fn there_is_no_way_around_the_consent_of_every_seat(
        picks in proptest::collection::vec((0usize..3, 0u8..8), 0..6),
    ) {
        let stage = stage();
        let (planned, own, others) = at_the_last_seat(&stage);
        let offer = |(place, flaw): &(usize, u8)| {
            let mut statement = others[*place].dangerous_unverified().unwrap();
            match flaw {
                1 => statement.job = JobId::from_bytes([9; 16]),
                2 => statement.plan = Digest::of(b"other"),
                3 => statement.expires_at = NOW,
                _ => {}
            }
            signed(&statement, &stage.players[*place])
        };
        let offered: Vec<_> = picks.iter().map(offer).collect();
        let mut places: Vec<_> = picks.iter().map(|(place, _)| *place).collect();
        places.sort_unstable();
        let sound = picks.iter().all(|(_, flaw)| !(1..=3).contains(flaw)) && places == [0, 1, 2];
        prop_assert_eq!(planned.consented(own, &offered, NOW).is_ok(), sound);
    }

    /// A changed byte of a consent on its way makes it no consent.
    #[test]
    fn a_consent_with_a_changed_byte_is_refused(place: proptest::sample::Index, change in 1u8..) {
        let stage = stage();
        let (planned, own, mut others) = at_the_last_seat(&stage);
        let mut bytes = others[0].to_bytes();
        let place = place.index(bytes.len());
        bytes[place] ^= change;
        if let Ok(changed) = Signed::from_bytes(&bytes) {
            others[0] = changed;
            prop_assert!(planned.consented(own, &others, NOW).is_err());
        }
    }
}
