//! The audit log: rewritten, cut, forked, signed by others; events made up.

use cowl_api::paths::{CHECKPOINT, CONSISTENCY, EVENTS, GRANTS, INCLUSION, RECORD};
use cowl_api::types::{EventPage, GrantView, Proof};
use cowl_crypto::log::{Checkpoint, open_checkpoint, sign_checkpoint};
use cowl_crypto::merkle::{Hash, Tree, leaf_hash};
use cowl_crypto::sign::SigningKey;
use cowl_domain::{Event, EventKind, Grant, wire};
use cowl_vault::Tampering;

use crate::assert_matches;
use crate::support::forge::read;
use crate::support::mallory::{Answer, Question};
use crate::support::{Party, World, tampering};

/// Shows another checkpoint, signed by `key`.
fn show_checkpoint(party: &Party, key: SigningKey, change: impl Fn(&mut Checkpoint) + Send + 'static) {
    party.mallory.on_answer(CHECKPOINT, move |_, answer| {
        let note = String::from_utf8(answer.body.clone()).unwrap();
        let origin = note.lines().next().unwrap().to_owned();
        let mut checkpoint = parse(&note);
        change(&mut checkpoint);
        answer.body = sign_checkpoint(&checkpoint, &origin, &key).unwrap().into_bytes();
    });
}

/// What a note says, whoever signed it.
fn parse(note: &str) -> Checkpoint {
    use base64::Engine;
    let mut lines = note.lines();
    let origin = lines.next().unwrap().to_owned();
    let size = lines.next().unwrap().parse().unwrap();
    let root = base64::engine::general_purpose::STANDARD.decode(lines.next().unwrap()).unwrap();
    Checkpoint { origin, size, root: Hash::from_bytes(root.try_into().unwrap()) }
}

/// The patient has seen the log up to now.
async fn seen(world: World) -> World {
    world.patient.vault.create_record("seen").await.unwrap();
    world.patient.vault.audit_verify().await.unwrap();
    let patient = world.patient.reopen();
    World { patient, ..world }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_has_become_shorter_is_refused() {
    let world = seen(World::start().await).await;
    show_checkpoint(&world.patient, world.cloud.log_key(), |checkpoint| checkpoint.size -= 1);
    assert_matches!(
        tampering(world.patient.vault.audit_verify().await),
        Tampering::RolledBack { what: "the log", .. }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_root_for_the_same_size_is_refused() {
    let world = seen(World::start().await).await;
    let root = |checkpoint: &mut Checkpoint| checkpoint.root = leaf_hash(b"another history");
    show_checkpoint(&world.patient, world.cloud.log_key(), root);
    assert_matches!(tampering(world.patient.vault.audit_verify().await), Tampering::Log(_));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_longer_log_that_does_not_continue_the_one_seen_is_refused() {
    let world = seen(World::start().await).await;
    let key = world.cloud.log_key();
    let mut tree: Tree = (0..200u32).map(|leaf| leaf_hash(&leaf.to_be_bytes())).collect();
    tree.append(leaf_hash(b"one more"));
    let (size, root) = (201, tree.root());
    show_checkpoint(&world.patient, key, move |checkpoint| {
        (checkpoint.size, checkpoint.root) = (size, root);
    });
    world.patient.mallory.on_question(CONSISTENCY, move |question| Some(proof(&tree, question)));
    assert_matches!(tampering(world.patient.vault.audit_verify().await), Tampering::Log(_));
}

/// An honest proof of a made-up tree.
fn proof(tree: &Tree, question: &Question) -> Answer {
    let number = |name: &str| -> u64 {
        let query = question.target.split_once('?').unwrap().1;
        let value = query.split('&').find_map(|pair| pair.strip_prefix(name)).unwrap();
        value.trim_start_matches('=').parse().unwrap()
    };
    let hashes = tree.consistency_proof(number("from"), number("to")).unwrap();
    json_answer(&Proof { hashes: hashes.iter().map(|hash| hash.as_bytes().as_slice().into()).collect() })
}

fn json_answer(value: &impl serde::Serialize) -> Answer {
    let mut answer = Answer::failure().with_json(value);
    answer.status = axum::http::StatusCode::OK;
    answer.headers.insert("content-type", "application/json".parse().unwrap());
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_garbled_consistency_proof_is_refused() {
    let world = seen(World::start().await).await;
    let changes: [fn(&mut Proof); 3] = [
        |proof| proof.hashes.clear(),
        |proof| proof.hashes[0].0[0] ^= 1,
        |proof| proof.hashes.push(proof.hashes[0].clone()),
    ];
    for change in changes {
        world.attacker.vault.create_record("grows").await.unwrap();
        world.patient.mallory.relent();
        world.patient.mallory.alter(CONSISTENCY, change);
        assert_matches!(tampering(world.patient.vault.audit_verify().await), Tampering::Log(_));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_signed_by_another_key_is_refused() {
    let world = seen(World::start().await).await;
    show_checkpoint(&world.patient, SigningKey::make(), |_| {});
    assert_matches!(tampering(world.patient.vault.audit_verify().await), Tampering::Log(_));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_checkpoint_under_the_real_signature_is_refused() {
    let world = seen(World::start().await).await;
    world.patient.mallory.on_answer(CHECKPOINT, |_, answer| {
        let note = String::from_utf8(answer.body.clone()).unwrap();
        let size = parse(&note).size;
        answer.body = note.replacen(&format!("\n{size}\n"), &format!("\n{}\n", size + 1), 1).into_bytes();
    });
    assert_matches!(tampering(world.patient.vault.audit_verify().await), Tampering::Log(_));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_of_another_log_is_refused() {
    let world = seen(World::start().await).await;
    let (key, origin) = (world.cloud.log_key(), "elsewhere".to_owned());
    world.patient.mallory.on_answer(CHECKPOINT, move |_, answer| {
        let real = parse(std::str::from_utf8(&answer.body).unwrap());
        let other = Checkpoint { origin: origin.clone(), ..real.clone() };
        // Signed by the real log under its real name, but about another log.
        answer.body = sign_checkpoint(&other, &real.origin, &key).unwrap().into_bytes();
    });
    assert_matches!(tampering(world.patient.vault.audit_verify().await), Tampering::Log(_));
}

#[tokio::test(flavor = "multi_thread")]
async fn something_that_is_no_checkpoint_is_refused() {
    let world = seen(World::start().await).await;
    for garbage in ["", "\n\n\n", "cowl\n1\n", "{}"] {
        world.patient.mallory.relent();
        world.patient.mallory.on_answer(CHECKPOINT, |_, answer| answer.body = garbage.as_bytes().to_vec());
        assert_matches!(tampering(world.patient.vault.audit_verify().await), Tampering::Log(_));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_parties_who_are_shown_different_logs_find_out_when_they_deal_with_each_other() {
    let world = World::start().await;
    let other = world.cloud.fork().await;
    // The radiologist has seen the log of the copy; the patient the log of the original.
    world.radiologist.mallory.lead_to(&other);
    world.radiologist.vault.create_record("on the copy").await.unwrap();
    world.radiologist.vault.audit_verify().await.unwrap();
    let radiologist = world.radiologist.reopen();
    let record = world.patient.vault.create_record("on the original").await.unwrap();
    world.patient.add_bytes(record, "one.txt", b"one").await;
    world.patient.vault.audit_verify().await.unwrap();
    let patient = world.patient.reopen();
    patient.share(record, &[], &radiologist).await;
    // Now the cloud hands the grant over, and goes on showing the copy's log.
    for route in [GRANTS, RECORD] {
        radiologist.mallory.detour(route, &world.cloud);
    }
    assert_matches!(
        tampering(radiologist.vault.grants().await),
        Tampering::Log(_) | Tampering::RolledBack { .. }
    );
    assert_matches!(
        tampering(radiologist.vault.items(record).await),
        Tampering::Log(_) | Tampering::RolledBack { .. }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_hides_what_a_grantor_has_seen_is_noticed() {
    let world = World::start().await;
    world.radiologist.vault.audit_verify().await.unwrap();
    let radiologist = world.radiologist.reopen();
    let frozen = radiologist.mallory.last_answer(&axum::http::Method::GET, CHECKPOINT);
    let record = world.patient.vault.create_record("later").await.unwrap();
    world.patient.vault.audit_verify().await.unwrap();
    world.patient.share(record, &[], &radiologist).await;
    radiologist.mallory.replay(CHECKPOINT, frozen);
    let found = tampering(radiologist.vault.grants().await);
    assert_matches!(found, Tampering::Log(_));
    let views: Vec<GrantView> = radiologist.mallory.last_answer(&axum::http::Method::GET, GRANTS).json();
    assert!(read::<Grant>(&views[0].grant.0).checkpoint.size > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_never_happened_is_not_in_the_log() {
    let world = seen(World::start().await).await;
    world.patient.mallory.alter(EVENTS, |page: &mut EventPage| {
        let entry = page.events.last_mut().unwrap();
        let mut event: Event = wire::decode("event", &entry.event.0).unwrap();
        event.kind = EventKind::ItemRead;
        entry.event = wire::encode(&event).into();
    });
    assert_matches!(tampering(world.patient.vault.audit_verify().await), Tampering::Log(_));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_with_another_salt_or_place_is_not_in_the_log() {
    let world = seen(World::start().await).await;
    let changes: [fn(&mut EventPage); 4] = [
        |page| page.events[0].salt.0[0] ^= 1,
        |page| page.events[0].salt.0.truncate(15),
        |page| page.events.last_mut().unwrap().index -= 1,
        |page| page.events.push(page.events.last().unwrap().clone()),
    ];
    for change in changes {
        world.patient.mallory.relent();
        world.patient.mallory.alter(EVENTS, change);
        assert_matches!(tampering(world.patient.vault.audit_verify().await), Tampering::Log(_));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_events_that_never_ends_is_refused() {
    let world = seen(World::start().await).await;
    world.patient.mallory.on_answer(EVENTS, |_, answer| {
        let mut page: EventPage = answer.json();
        page.more = true;
        *answer = answer.with_json(&page);
    });
    world.patient.mallory.on_question(EVENTS, |question| {
        question.target = EVENTS.to_owned();
        None
    });
    assert_matches!(tampering(world.patient.vault.audit_verify().await), Tampering::Log(_));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_garbled_inclusion_proof_is_refused() {
    let world = seen(World::start().await).await;
    let changes: [fn(&mut Proof); 2] = [|proof| proof.hashes.clear(), |proof| proof.hashes[0].0[31] ^= 1];
    for change in changes {
        world.patient.mallory.relent();
        world.patient.mallory.alter(INCLUSION, change);
        assert_matches!(tampering(world.patient.vault.audit_verify().await), Tampering::Log(_));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_untouched_log_verifies() {
    let world = seen(World::start().await).await;
    let report = world.patient.vault.audit_verify().await.unwrap();
    assert!(report.events > 0 && report.to >= report.from, "{report:?}");
    let note =
        String::from_utf8(world.patient.mallory.last_answer(&axum::http::Method::GET, CHECKPOINT).body)
            .unwrap();
    let key = world.cloud.log_key().verifying_key();
    assert_eq!(open_checkpoint(&note, &parse(&note).origin, &key).unwrap().size, report.to);
}
