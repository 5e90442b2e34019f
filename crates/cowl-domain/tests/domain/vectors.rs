//! Frozen forms: what was written by this version must be read, with the same meaning, by every later one.
//!
//! `cargo test -p cowl-domain --test domain -- --ignored write` writes the files anew, for a new version of a
//! format under a new name; a file that is there stays as it is.

use std::fs;
use std::path::PathBuf;

use cowl_crypto::digest::Digest;
use cowl_crypto::merkle::Hash;
use cowl_domain::wire::{self, Statement};
use cowl_domain::*;

use crate::fabricated::*;

/// A value in its frozen form, and how to read it strictly and write it again.
struct Vector {
    name: &'static str,
    bytes: Vec<u8>,
    digest: String,
    again: fn(&[u8]) -> Vec<u8>,
    /// Whether bytes are a statement that its signer signed; `None` for values that are not signed.
    counts: Option<fn(&[u8]) -> bool>,
}

fn signed<T: Statement>(name: &'static str, statement: &T) -> Vector {
    let signed = Signed::sign(statement, party_keys(1).party, 0, &signing_key(1));
    let again = |bytes: &[u8]| {
        let signed = Signed::<T>::from_bytes(bytes).unwrap();
        let statement = signed.verify(&party_keys(1)).unwrap().into_statement();
        Signed::sign(&statement, party_keys(1).party, 0, &signing_key(1)).to_bytes()
    };
    let counts =
        |bytes: &[u8]| Signed::<T>::from_bytes(bytes).is_ok_and(|it| it.verify(&party_keys(1)).is_ok());
    let digest = signed.digest().to_string();
    Vector { name, bytes: signed.to_bytes(), digest, again, counts: Some(counts) }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../vectors/domain")
}

fn checkpoint() -> CheckpointRef {
    CheckpointRef { size: 1234, root: Hash::from_bytes([0xc1; 32]) }
}

fn vectors() -> Vec<Vector> {
    let mut all = parties_and_records();
    all.extend(items());
    all.extend(grants());
    all.push(record_card());
    all
}

fn parties_and_records() -> Vec<Vector> {
    let keys = party_keys(1);
    let record = RecordId::from_bytes([0x11; 16]);
    let handle: Handle = "radiologist@city-hospital".parse().unwrap();
    let first =
        KeyBinding { handle, role: Role::Physician, keys: keys.clone(), previous: None, made_at: NOW };
    let later = KeyBinding {
        keys: PartyKeys { version: 1, rsa: Some(vec![0x30, 0x82]), ..keys.clone() },
        previous: Some(Digest::of(b"before")),
        ..first.clone()
    };
    let genesis = RecordGenesis { record, owner: keys.party, made_at: NOW };
    let epoch = Epoch {
        record,
        number: 3,
        recipient: keys.sealing,
        previous: Some(Digest::of(b"epoch 2")),
        made_at: NOW,
        checkpoint: checkpoint(),
    };
    let head = RecordHead {
        record,
        sequence: 70_000,
        epoch: 3,
        items_root: items_root().root(),
        items: 3,
        sealed_name: vec![1, 2, 3],
        made_at: NOW,
        checkpoint: checkpoint(),
    };
    vec![
        signed("key-binding-first", &first),
        signed("key-binding-later", &later),
        signed("record", &genesis),
        signed("epoch", &epoch),
        signed("record-head", &head),
    ]
}

fn record_card() -> Vector {
    let policy = "text=hybrid-rsa,image=chaotic-image,codec=archive".parse().unwrap();
    let bytes = wire::encode(&RecordCard { name: "health record".into(), policy });
    let again = |bytes: &[u8]| wire::encode(&wire::decode::<RecordCard>("record card", bytes).unwrap());
    let digest = Digest::of(&bytes).to_string();
    Vector { name: "record-card", bytes, digest, again, counts: None }
}

fn items() -> Vec<Vector> {
    let (record, item) = (RecordId::from_bytes([0x11; 16]), ItemId::from_bytes([0x22; 16]));
    let claim = OriginClaim {
        record,
        item,
        content: Digest::of(b"content"),
        size: 7,
        label: Digest::of(&wire::encode(&manifest().label)),
        sealed_at: NOW,
        checkpoint: checkpoint(),
    };
    let placement = Placement {
        record,
        item,
        version: 2,
        epoch: 3,
        manifest: Digest::of(b"sealed manifest"),
        size: 66_000,
        parts: 2,
        commitment: Digest::of(b"commitment"),
        placed_at: NOW,
        checkpoint: checkpoint(),
    };
    let manifest = wire::encode(&manifest());
    let again = |bytes: &[u8]| wire::encode(&wire::decode::<Manifest>("manifest", bytes).unwrap());
    let digest = Digest::of(&manifest).to_string();
    vec![
        signed("origin", &claim),
        signed("placement", &placement),
        Vector { name: "manifest", bytes: manifest, digest, again, counts: None },
    ]
}

fn manifest() -> Manifest {
    let study = StudyLabel {
        study_uid: "1.2.3".into(),
        series_uid: "1.2.3.4".into(),
        instance_uid: "1.2.3.4.5".into(),
        modality: "CT".into(),
        description: "Thorax".into(),
    };
    let lossy = LossyNote { method: "dct quality 75".into(), ratio_ppm: 92_000, psnr_millidb: 41_500 };
    let part =
        |seed, size| PartEntry { name: PartName::from_bytes([seed; 16]), size, hash: Digest::of(&[seed]) };
    Manifest {
        record: RecordId::from_bytes([0x11; 16]),
        item: ItemId::from_bytes([0x22; 16]),
        version: 2,
        suite: SuiteId::Standard,
        codec: CodecId(4),
        label: Label {
            name: "befunde/Röntgen.dcm".into(),
            kind: Kind::Dicom,
            description: Some("before the operation".into()),
            date: Some("2026-11-20".into()),
            study: Some(study),
            lossy: Some(lossy),
            derived_from: Some(ItemId::from_bytes([0x33; 16])),
        },
        content_size: 7,
        content: Digest::of(b"content"),
        coded_size: 5,
        parts: vec![part(1, 65_000), part(2, 1_000)],
        origin: Origin(vec![0xaa; 10]),
    }
}

fn grants() -> Vec<Vector> {
    let (grant, record) = (GrantId::from_bytes([0x44; 16]), RecordId::from_bytes([0x11; 16]));
    let (item, reader) = (ItemId::from_bytes([0x22; 16]), party_keys(2));
    let on_record = Grant {
        grant,
        record,
        scope: Scope::Record,
        grantee: reader.party,
        grantee_keys: Digest::of(b"keys of the reader"),
        powers: Powers::of([Power::Read, Power::Append]),
        purpose: Purpose::SecondOpinion,
        note: None,
        made_at: NOW,
        expires_at: None,
        checkpoint: checkpoint(),
        compute: None,
    };
    let on_item = Grant {
        scope: Scope::Item(item),
        note: Some(Digest::of(b"note")),
        expires_at: Some(NOW.plus_seconds(86_400)),
        ..on_record.clone()
    };
    let (of_epoch, of_item) = (ShareTarget::Epoch(3), ShareTarget::Item(item, 2));
    let [to_compute, to_infer] = grants_to_compute(&on_item);
    let share = |target| Share { grant, target, sealed: vec![0x5e; 40] };
    let revocation = Revocation { grant, record, last: of_epoch, revoked_at: NOW, checkpoint: checkpoint() };
    let (request, powers) = (RequestId::from_bytes([0x55; 16]), Powers::of([Power::Read]));
    let asked = AccessRequest {
        request,
        from: reader.party,
        owner: party_keys(1).party,
        item: Some(item),
        powers,
        purpose: Purpose::Treatment,
        until: Some(NOW.plus_seconds(3_600)),
        sealed_note: b"sealed words".to_vec(),
        made_at: NOW,
    };
    let answer = |grants| RequestAnswer { request, grants, answered_at: NOW };
    vec![
        signed("grant-on-record", &on_record),
        signed("grant-on-item", &on_item),
        signed("grant-to-compute", &to_compute),
        signed("grant-to-infer", &to_infer),
        signed("share-of-epoch", &share(of_epoch)),
        signed("share-of-item", &share(of_item)),
        signed("revocation", &revocation),
        signed("request", &asked),
        signed("request-approved", &answer(vec![grant])),
        signed("request-denied", &answer(vec![])),
        event("event", None),
        event("event-of-job", Some(JobId::from_bytes([0x66; 16]))),
    ]
}

/// For figures of a table, and for runs of a model.
fn grants_to_compute(on_item: &Grant) -> [Grant; 2] {
    let for_figures = Grant {
        powers: Powers::of([Power::Compute]),
        compute: Some(ComputeTerms {
            technique: "additive-he".to_owned(),
            minimum_cohort: 10,
            runs: Some(100),
            inference: None,
        }),
        ..on_item.clone()
    };
    let for_runs = Grant {
        powers: Powers::of([Power::Read, Power::Compute]),
        compute: Some(ComputeTerms {
            technique: "mpc".to_owned(),
            minimum_cohort: 1,
            runs: Some(100),
            inference: Some(InferenceTerms {
                output: OutputRule::Top(3),
                receivers: OutputReceivers::DataOwner,
            }),
        }),
        ..on_item.clone()
    };
    [for_figures, for_runs]
}

fn event(name: &'static str, job: Option<JobId>) -> Vector {
    let mut event = Event::new(EventKind::ItemRead, NOW, Some(party_keys(2).party));
    event.record = Some(RecordId::from_bytes([0x11; 16]));
    event.grant = Some(GrantId::from_bytes([0x44; 16]));
    event.count = Some(2);
    event.job = job;
    let again = |bytes: &[u8]| wire::encode(&wire::decode::<Event>("event", bytes).unwrap());
    let digest = event.leaf(&[9; 16]).to_string();
    Vector { name, bytes: wire::encode(&event), digest, again, counts: None }
}

fn items_root() -> ItemsRoot {
    let item = |seed: u8| (ItemId::from_bytes([seed; 16]), Digest::of(&[seed]));
    ItemsRoot::new([item(3), item(1), item(2)])
}

/// Digests that other statements and the log name, one a line.
fn digests() -> String {
    let lines = vectors().into_iter().map(|vector| format!("{} {}\n", vector.digest, vector.name));
    let (keys, root) = (party_keys(1), items_root().root());
    let further = [
        format!("{} keys of the signer\n", keys.digest()),
        format!("{} identifier of the signer\n", keys.party),
        format!("{root} root over three items\n"),
    ];
    lines.chain(further).collect()
}

#[test]
fn frozen_forms_are_read_and_written_as_ever() {
    for vector in vectors() {
        let frozen = fs::read(folder().join(vector.name).with_extension("cbor")).unwrap();
        assert_eq!(vector.bytes, frozen, "{} is written otherwise", vector.name);
        assert_eq!((vector.again)(&frozen), frozen, "{} is read otherwise", vector.name);
    }
}

#[test]
fn frozen_digests_are_the_same_as_ever() {
    assert_eq!(digests(), fs::read_to_string(folder().join("digests.txt")).unwrap());
}

/// Exhaustive where the property tests draw: each byte of each statement, each length.
#[test]
fn no_byte_of_a_statement_can_be_changed_or_left_out() {
    for vector in vectors() {
        let Some(counts) = vector.counts else { continue };
        assert!(counts(&vector.bytes));
        for place in 0..vector.bytes.len() {
            assert!(!counts(&vector.bytes[..place]), "{} cut to {place} bytes", vector.name);
            for change in [0x01, 0x20, 0x80, 0xff] {
                let mut changed = vector.bytes.clone();
                changed[place] ^= change;
                assert!(!counts(&changed), "{} with byte {place} changed by {change:#x}", vector.name);
            }
        }
    }
}

#[test]
fn every_frozen_form_is_tested() {
    let named: Vec<_> = vectors().iter().map(|vector| format!("{}.cbor", vector.name)).collect();
    for entry in fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            named.contains(&name) || name == "digests.txt" || name == "README.md",
            "{name} is tested nowhere"
        );
    }
}

#[test]
#[ignore = "writes files; run it by hand when a format gets a new version"]
fn write_frozen_forms_that_are_missing() {
    for vector in vectors() {
        let file = folder().join(vector.name).with_extension("cbor");
        if !file.exists() {
            fs::write(file, vector.bytes).unwrap();
        }
    }
    let file = folder().join("digests.txt");
    if !file.exists() {
        fs::write(file, digests()).unwrap();
    }
}
