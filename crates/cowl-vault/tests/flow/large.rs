//! Large files: streamed, cut, resumed.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use cowl_api::paths::PARTS;
use cowl_domain::{ItemId, PartName, RecordId};
use cowl_vault::view::{AddReport, Added};
use cowl_vault::{AddOptions, Result, Silent, Source};

use crate::support::files::noise;
use crate::support::frames::parse;
use crate::support::{Party, World};

const LARGE: usize = 70 << 20;

fn large_file(folder: &Path, seed: u64) -> (PathBuf, Vec<u8>) {
    let (path, content) = (folder.join("volume.bin"), noise(seed, LARGE));
    fs::write(&path, &content).unwrap();
    (path, content)
}

async fn add(party: &Party, record: RecordId, path: &Path) -> Result<AddReport> {
    let sources = Source::gather(&[path.to_owned()]).unwrap();
    party.vault.add(record, sources, &AddOptions::default(), &Silent).await
}

fn sealed(report: &AddReport) -> ItemId {
    match report.files[0].1 {
        Added::Sealed(item) => item,
        ref other => panic!("not sealed: {other:?}"),
    }
}

/// Notes the names of the parts in each upload, and lets only the first `passed` uploads through.
fn watch_uploads(party: &Party, passed: usize) -> Arc<Mutex<Vec<HashSet<PartName>>>> {
    let uploads = Arc::new(Mutex::new(Vec::new()));
    let noted = uploads.clone();
    party.mallory.on_question(PARTS, move |question| {
        let names = parse(&question.body).iter().map(|frame| frame.name).collect();
        noted.lock().unwrap().push(names);
        None
    });
    party.mallory.fail_after(PARTS, passed);
    uploads
}

/// Writes nothing down, but compares with what should come.
struct Comparing<'a> {
    rest: &'a [u8],
}

impl std::io::Write for Comparing<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        assert!(self.rest.starts_with(bytes), "{} bytes before the end", self.rest.len());
        self.rest = &self.rest[bytes.len()..];
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn comes_back(party: &Party, record: RecordId, item: ItemId, content: &[u8]) {
    let mut comparing = Comparing { rest: content };
    party.vault.get(record, item, &mut comparing, &Silent).await.unwrap();
    assert!(comparing.rest.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_is_resumed_where_its_upload_was_cut() {
    let world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (path, content) = large_file(folder.path(), 11);
    let patient = world.patient;
    let record = patient.vault.create_record("large").await.unwrap();

    let cut = watch_uploads(&patient, 1);
    add(&patient, record, &path).await.unwrap_err();
    assert!(patient.names(record).await.unwrap().is_empty());
    let acknowledged = cut.lock().unwrap()[0].clone();
    assert!(!acknowledged.is_empty());

    patient.mallory.relent();
    let patient = patient.reopen();
    let resumed = watch_uploads(&patient, usize::MAX);
    let item = sealed(&add(&patient, record, &path).await.unwrap());
    for names in resumed.lock().unwrap().iter() {
        assert!(names.is_disjoint(&acknowledged), "an acknowledged part was sent again");
    }
    let sent = resumed.lock().unwrap().iter().map(HashSet::len).sum::<usize>() + acknowledged.len();
    let info = patient.vault.find_item(Some(record), "volume.bin").await.unwrap();
    assert_eq!(sent, info.parts as usize);
    comes_back(&patient, record, item, &content).await;

    let again = add(&patient, record, &path).await.unwrap();
    assert_eq!(again.files[0].1, Added::Unchanged(item));
    let second = patient.new_device(&world.cloud).await;
    assert_eq!(add(&second, record, &path).await.unwrap().files[0].1, Added::Unchanged(item));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changed_since_its_upload_was_cut_starts_anew_under_a_fresh_key() {
    let world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = large_file(folder.path(), 12);
    let stamp = fs::metadata(&path).unwrap().modified().unwrap();
    let patient = world.patient;
    let record = patient.vault.create_record("large").await.unwrap();
    let cut = watch_uploads(&patient, 1);
    add(&patient, record, &path).await.unwrap_err();

    // The same size, the same time, other content: only the parts' hashes show it.
    let content = noise(13, LARGE);
    fs::write(&path, &content).unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(stamp).unwrap();
    patient.mallory.relent();
    let patient = patient.reopen();
    let anew = watch_uploads(&patient, usize::MAX);
    let item = sealed(&add(&patient, record, &path).await.unwrap());
    let before: HashSet<PartName> = cut.lock().unwrap().iter().flatten().copied().collect();
    let after: HashSet<PartName> = anew.lock().unwrap().iter().flatten().copied().collect();
    assert!(before.is_disjoint(&after));
    comes_back(&patient, record, item, &content).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_is_re_keyed_without_changing() {
    let world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("volume.bin");
    let content = noise(14, 34 << 20);
    fs::write(&path, &content).unwrap();
    let record = world.patient.vault.create_record("large").await.unwrap();
    let item = sealed(&add(&world.patient, record, &path).await.unwrap());
    let granted = world.patient.share(record, &[item], &world.radiologist).await[0].grant;
    comes_back(&world.radiologist, record, item, &content).await;
    world.patient.vault.revoke(&[granted]).await.unwrap();
    let report = world.patient.vault.rekey_pending(&Silent).await.unwrap();
    assert_eq!((report.grants, report.items), (1, 1));
    assert!(report.bytes > content.len() as u64);
    comes_back(&world.patient, record, item, &content).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_is_not_labelled_with_a_suite_that_it_was_not_sealed_with() {
    let world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("volume.bin");
    fs::write(&path, vec![0; 33 << 20]).unwrap();
    let record = world.patient.vault.create_record("large").await.unwrap();
    let options = AddOptions { suite: Some(cowl_domain::SuiteId::ChaoticImage), ..AddOptions::default() };
    let sources = Source::gather(&[path]).unwrap();
    let report = world.patient.vault.add(record, sources, &options, &Silent).await.unwrap();
    assert!(matches!(report.files[0].1, Added::Refused(_)), "{report:?}");
    assert!(world.patient.names(record).await.unwrap().is_empty());
}
