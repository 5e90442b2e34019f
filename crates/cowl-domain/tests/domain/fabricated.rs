//! Values to test with: arbitrary ones, and fixed ones.

use cowl_crypto::digest::Digest;
use cowl_crypto::merkle::Hash;
use cowl_crypto::sign::{SigningKey, VerifyingKey};
use cowl_domain::party::SEALING_KEY_LENGTH;
use cowl_domain::*;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

pub(crate) fn signing_key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

/// The first keys of the party that belongs to this seed.
pub(crate) fn party_keys(seed: u8) -> PartyKeys {
    let signing = signing_key(seed).verifying_key();
    let sealing = SealingKey::from_slice(&[seed; SEALING_KEY_LENGTH]).unwrap();
    PartyKeys { party: PartyKeys::first_id(&signing, &sealing), version: 0, signing, sealing, rsa: None }
}

macro_rules! ids {
    ($($function:ident: $name:ident),*) => {$(
        pub(crate) fn $function() -> impl Strategy<Value = $name> {
            any::<[u8; 16]>().prop_map($name::from_bytes)
        }
    )*};
}

ids!(
    party_id: PartyId, record_id: RecordId, item_id: ItemId, part_name: PartName, grant_id: GrantId,
    request_id: RequestId, job_id: JobId
);

pub(crate) fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest::from_bytes)
}

fn hash() -> impl Strategy<Value = Hash> {
    any::<[u8; 32]>().prop_map(Hash::from_bytes)
}

fn time() -> impl Strategy<Value = Timestamp> {
    any::<u64>().prop_map(Timestamp::from_millis)
}

fn checkpoint() -> impl Strategy<Value = CheckpointRef> {
    (any::<u64>(), hash()).prop_map(|(size, root)| CheckpointRef { size, root })
}

fn sealing_key() -> impl Strategy<Value = SealingKey> {
    vec(any::<u8>(), SEALING_KEY_LENGTH).prop_map(|bytes| SealingKey::from_slice(&bytes).unwrap())
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..40)
}

fn powers() -> impl Strategy<Value = Powers> {
    vec(select(Power::ALL), 0..4).prop_map(Powers::of)
}

fn keys() -> impl Strategy<Value = PartyKeys> {
    let signing = any::<[u8; 32]>().prop_map(VerifyingKey::from_bytes);
    (party_id(), any::<u32>(), signing, sealing_key(), option::of(bytes())).prop_map(
        |(party, version, signing, sealing, rsa)| PartyKeys { party, version, signing, sealing, rsa },
    )
}

pub(crate) fn key_binding() -> impl Strategy<Value = KeyBinding> {
    let handle = "[a-z0-9][a-z0-9._@-]{2,63}".prop_map(|text| text.parse().unwrap());
    (handle, select(Role::ALL), keys(), option::of(digest()), time()).prop_map(
        |(handle, role, keys, previous, made_at)| KeyBinding { handle, role, keys, previous, made_at },
    )
}

pub(crate) fn record_genesis() -> impl Strategy<Value = RecordGenesis> {
    (record_id(), party_id(), time()).prop_map(|(record, owner, made_at)| RecordGenesis {
        record,
        owner,
        made_at,
    })
}

pub(crate) fn epoch() -> impl Strategy<Value = Epoch> {
    (record_id(), any::<u32>(), sealing_key(), option::of(digest()), time(), checkpoint()).prop_map(
        |(record, number, recipient, previous, made_at, checkpoint)| Epoch {
            record,
            number,
            recipient,
            previous,
            made_at,
            checkpoint,
        },
    )
}

pub(crate) fn record_head() -> impl Strategy<Value = RecordHead> {
    (record_id(), any::<u64>(), any::<u32>(), hash(), any::<u64>(), bytes(), time(), checkpoint()).prop_map(
        |(record, sequence, epoch, items_root, items, sealed_name, made_at, checkpoint)| RecordHead {
            record,
            sequence,
            epoch,
            items_root,
            items,
            sealed_name,
            made_at,
            checkpoint,
        },
    )
}

pub(crate) fn origin_claim() -> impl Strategy<Value = OriginClaim> {
    (record_id(), item_id(), digest(), any::<u64>(), digest(), time(), checkpoint()).prop_map(
        |(record, item, content, size, label, sealed_at, checkpoint)| OriginClaim {
            record,
            item,
            content,
            size,
            label,
            sealed_at,
            checkpoint,
        },
    )
}

pub(crate) fn placement() -> impl Strategy<Value = Placement> {
    let numbers = (any::<u32>(), any::<u32>(), any::<u64>(), any::<u32>());
    (record_id(), item_id(), numbers, digest(), digest(), time(), checkpoint()).prop_map(
        |(record, item, (version, epoch, size, parts), manifest, commitment, placed_at, checkpoint)| {
            Placement {
                record,
                item,
                version,
                epoch,
                manifest,
                size,
                parts,
                commitment,
                placed_at,
                checkpoint,
            }
        },
    )
}

fn scope() -> impl Strategy<Value = Scope> {
    option::of(item_id()).prop_map(|item| item.map_or(Scope::Record, Scope::Item))
}

fn share_target() -> impl Strategy<Value = ShareTarget> {
    (option::of(item_id()), any::<u32>()).prop_map(|(item, number)| {
        item.map_or(ShareTarget::Epoch(number), |item| ShareTarget::Item(item, number))
    })
}

pub(crate) fn grant() -> impl Strategy<Value = Grant> {
    let what = (grant_id(), record_id(), scope(), powers(), select(Purpose::ALL));
    let times = (time(), option::of(time()));
    let terms = (checkpoint(), option::of(compute_terms()));
    (what, party_id(), digest(), option::of(digest()), times, terms).prop_map(
        |(
            (grant, record, scope, powers, purpose),
            grantee,
            grantee_keys,
            note,
            (made_at, expires_at),
            (checkpoint, compute),
        )| {
            Grant {
                grant,
                record,
                scope,
                grantee,
                grantee_keys,
                powers,
                purpose,
                note,
                made_at,
                expires_at,
                checkpoint,
                compute,
            }
        },
    )
}

fn compute_terms() -> impl Strategy<Value = ComputeTerms> {
    let output = prop_oneof![
        Just(OutputRule::Values),
        Just(OutputRule::Labels),
        any::<u32>().prop_map(OutputRule::Top)
    ];
    let inference = (output, select(OutputReceivers::ALL))
        .prop_map(|(output, receivers)| InferenceTerms { output, receivers });
    let (runs, inference) = (option::of(any::<u32>()), option::of(inference));
    ("[a-z0-9-]{1,32}", any::<u32>(), runs, inference).prop_map(
        |(technique, minimum_cohort, runs, inference)| ComputeTerms {
            technique,
            minimum_cohort,
            runs,
            inference,
        },
    )
}

pub(crate) fn share() -> impl Strategy<Value = Share> {
    (grant_id(), share_target(), bytes()).prop_map(|(grant, target, sealed)| Share { grant, target, sealed })
}

pub(crate) fn revocation() -> impl Strategy<Value = Revocation> {
    (grant_id(), record_id(), share_target(), time(), checkpoint()).prop_map(
        |(grant, record, last, revoked_at, checkpoint)| Revocation {
            grant,
            record,
            last,
            revoked_at,
            checkpoint,
        },
    )
}

pub(crate) fn access_request() -> impl Strategy<Value = AccessRequest> {
    let what = (option::of(item_id()), powers(), select(Purpose::ALL), option::of(time()));
    (request_id(), party_id(), party_id(), what, bytes(), time()).prop_map(
        |(request, from, owner, (item, powers, purpose, until), sealed_note, made_at)| AccessRequest {
            request,
            from,
            owner,
            item,
            powers,
            purpose,
            until,
            sealed_note,
            made_at,
        },
    )
}

pub(crate) fn request_answer() -> impl Strategy<Value = RequestAnswer> {
    (request_id(), vec(grant_id(), 0..4), time()).prop_map(|(request, grants, answered_at)| RequestAnswer {
        request,
        grants,
        answered_at,
    })
}

fn label() -> impl Strategy<Value = Label> {
    let study = (".*", ".*", ".*", ".*", ".*").prop_map(
        |(study_uid, series_uid, instance_uid, modality, description)| StudyLabel {
            study_uid,
            series_uid,
            instance_uid,
            modality,
            description,
        },
    );
    let lossy = (".*", any::<u32>(), any::<u32>()).prop_map(|(method, ratio_ppm, psnr_millidb)| LossyNote {
        method,
        ratio_ppm,
        psnr_millidb,
    });
    let texts = (".*", option::of(".*"), option::of(".*"));
    (texts, select(Kind::ALL), option::of(study), option::of(lossy), option::of(item_id())).prop_map(
        |((name, description, date), kind, study, lossy, derived_from)| Label {
            name,
            kind,
            description,
            date,
            study,
            lossy,
            derived_from,
        },
    )
}

pub(crate) fn manifest() -> impl Strategy<Value = Manifest> {
    let part =
        (part_name(), any::<u64>(), digest()).prop_map(|(name, size, hash)| PartEntry { name, size, hash });
    let coding = (select(SuiteId::ALL), any::<u8>().prop_map(CodecId), any::<u64>(), any::<u64>());
    let origin = bytes().prop_map(Origin);
    ((record_id(), item_id(), any::<u32>()), coding, label(), digest(), vec(part, 0..5), origin).prop_map(
        |(
            (record, item, version),
            (suite, codec, content_size, coded_size),
            label,
            content,
            parts,
            origin,
        )| {
            Manifest {
                record,
                item,
                version,
                suite,
                codec,
                label,
                content_size,
                content,
                coded_size,
                parts,
                origin,
            }
        },
    )
}

pub(crate) fn event() -> impl Strategy<Value = Event> {
    let who = (option::of(party_id()), option::of(party_id()));
    let what =
        (option::of(record_id()), option::of(item_id()), option::of(grant_id()), option::of(request_id()));
    let why = (option::of(digest()), option::of(job_id()));
    (select(EventKind::ALL), time(), who, what, option::of(any::<u64>()), why).prop_map(
        |(kind, at, (actor, subject), (record, item, grant, request), count, (statement, job))| Event {
            kind,
            at,
            actor,
            subject,
            record,
            item,
            grant,
            request,
            count,
            statement,
            job,
        },
    )
}
