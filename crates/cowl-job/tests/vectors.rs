//! Frozen forms of specification, plan, consent and evidence: every later version must read them.
//!
//! `cargo test -p cowl-job --test vectors -- --ignored` writes those that are missing.
#![allow(clippy::unwrap_used, reason = "a test may stop at what it does not expect")]

mod reading;

use std::fs;
use std::path::PathBuf;

use cowl_domain::Signed;
use cowl_job::{ConsentStatement, Evidence, JobSpec, Plan, ReadTechnique, Technique};
use cowl_testkit::technique::{Player, Stage};
use reading::stage;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../vectors/job")
}

fn receiver(stage: &Stage) -> &Player {
    stage.players.last().unwrap()
}

async fn vectors(stage: &Stage) -> Vec<(&'static str, Vec<u8>)> {
    let planned = stage.planned();
    let consent = stage.consent(receiver(stage), &planned).signed().to_bytes();
    let (spec, plan) = (planned.spec().to_bytes(), planned.plan().to_bytes());
    let settled = stage.run(receiver(stage), planned).await.unwrap();
    vec![("spec", spec), ("plan", plan), ("consent", consent), ("evidence", settled.evidence.to_bytes())]
}

fn frozen(name: &str) -> Vec<u8> {
    fs::read(folder().join(name).with_extension("cbor")).unwrap()
}

#[tokio::test]
async fn frozen_forms_are_written_as_ever() {
    for (name, bytes) in vectors(&stage()).await {
        assert_eq!(bytes, frozen(name), "{name} is written otherwise");
    }
}

#[test]
fn frozen_forms_are_read_as_ever() {
    let stage = stage();
    let spec = JobSpec::from_bytes(&frozen("spec")).unwrap();
    let plan = Plan::from_bytes(&frozen("plan")).unwrap();
    assert_eq!(plan.spec, spec.digest());
    let keys = &receiver(&stage).keys;
    let consent = Signed::<ConsentStatement>::from_bytes(&frozen("consent")).unwrap().verify(keys).unwrap();
    assert_eq!((consent.spec, consent.plan), (spec.digest(), plan.digest()));
    let evidence = Signed::<Evidence>::from_bytes(&frozen("evidence")).unwrap().verify(keys).unwrap();
    assert!(ReadTechnique.verify(&evidence, &spec).is_ok());
    assert!(evidence.consents.iter().any(|one| one.consent == consent.digest()));
}

#[tokio::test]
#[ignore = "writes files; run it by hand when a format gets a new version"]
async fn write_frozen_forms_that_are_missing() {
    fs::create_dir_all(folder()).unwrap();
    for (name, bytes) in vectors(&stage()).await {
        let file = folder().join(name).with_extension("cbor");
        if !file.exists() {
            fs::write(file, bytes).unwrap();
        }
    }
}
