//! Large files: streamed, cut, resumed; and pipes, whose length nobody knows before they end.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum::http::Method;
use cowl_api::paths::PARTS;
use cowl_domain::{CodecId, ItemId, PartName, RecordId};
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

/// How many parts the uploads had but for the last one, which brings what search knows of the file.
fn parts_of_file(uploads: &Mutex<Vec<HashSet<PartName>>>) -> usize {
    let uploads = uploads.lock().unwrap();
    let (_, of_file) = uploads.split_last().unwrap();
    of_file.iter().map(HashSet::len).sum()
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
    let info = patient.vault.find_item(Some(record), "volume.bin").await.unwrap();
    assert_eq!(acknowledged.len() + parts_of_file(&resumed), info.parts as usize);
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

/// A NIfTI volume of 512 × 512 voxels a slice, some noise on a slope.
fn volume(slices: i16) -> Vec<u8> {
    let mut file = vec![0u8; 352];
    file[..4].copy_from_slice(&348i32.to_le_bytes());
    for (at, value) in [(40, 3), (42, 512), (44, 512), (46, slices), (70, 4)] {
        file[at..at + 2].copy_from_slice(&value.to_le_bytes());
    }
    file[108..112].copy_from_slice(&352f32.to_le_bytes());
    file[344..348].copy_from_slice(b"n+1\0");
    let voxels = slices as usize * 512 * 512;
    for (at, noise) in noise(21, voxels).into_iter().enumerate() {
        let (x, y) = (at % 512, at / 512 % 512);
        let value = (x + 2 * y) as i16 + i16::from(noise & 63) - 700;
        file.extend(value.to_le_bytes());
    }
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_volume_is_coded_block_by_block_resumed_where_it_was_cut_and_read_in_ranges() {
    let world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (path, content) = (folder.path().join("volume.nii"), volume(160));
    fs::write(&path, &content).unwrap();
    let patient = world.patient;
    let record = patient.vault.create_record("large").await.unwrap();
    let cut = watch_uploads(&patient, 1);
    add(&patient, record, &path).await.unwrap_err();
    assert!(patient.names(record).await.unwrap().is_empty());
    let acknowledged = cut.lock().unwrap()[0].clone();

    patient.mallory.relent();
    let patient = patient.reopen();
    let resumed = watch_uploads(&patient, usize::MAX);
    let item = sealed(&add(&patient, record, &path).await.unwrap());
    let info = patient.vault.find_item(Some(record), "volume.nii").await.unwrap();
    assert_eq!(acknowledged.len() + parts_of_file(&resumed), info.parts as usize);
    assert_eq!((info.codec, info.size), (CodecId(2), content.len() as u64));
    assert!(info.stored < info.size / 20 * 11, "{} of {}", info.stored, info.size);
    comes_back(&patient, record, item, &content).await;

    let reader = patient.vault.reader(record, item).await.unwrap();
    let end = content.len();
    for range in [0..352, 40_000_000..40_600_000, end - 1..end, 5..5] {
        let read = reader.read(range.start as u64..range.end as u64).await.unwrap();
        assert!(read == content[range.clone()], "{range:?}");
    }
    assert!(reader.read(0..end as u64 + 1).await.is_err());
    assert_eq!(add(&patient, record, &path).await.unwrap().files[0].1, Added::Unchanged(item));
    let hits = patient.vault.search("volume", 5).await.unwrap();
    assert!(hits.iter().any(|hit| hit.item == item), "large files are found by their labels");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_texts_from_files_and_pipes_are_compressed_and_keep_their_grants_when_re_keyed() {
    let world = World::start().await;
    let patient = &world.patient;
    let record = patient.vault.create_record("large").await.unwrap();
    let lines: Vec<u8> =
        (0..1_200_000).flat_map(|n| format!("{n},heart rate,{},bpm\n", n % 140).into_bytes()).collect();
    let content = lines.repeat(2);
    assert!(content.len() > 33 << 20);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("monitor.csv");
    fs::write(&path, &content).unwrap();
    let from_file = sealed(&add(patient, record, &path).await.unwrap());
    let pipe = vec![Source::reader("piped.csv", Box::new(std::io::Cursor::new(content.clone())))];
    let report = patient.vault.add(record, pipe, &AddOptions::default(), &Silent).await.unwrap();
    let from_pipe = sealed(&report);
    for (item, name) in [(from_file, "monitor.csv"), (from_pipe, "piped.csv")] {
        let info = patient.vault.find_item(Some(record), name).await.unwrap();
        assert_eq!((info.item, info.codec), (item, CodecId(1)));
        assert!(info.stored < info.size / 3, "{} of {}", info.stored, info.size);
        comes_back(patient, record, item, &content).await;
    }
    let granted = patient.share(record, &[from_file], &world.radiologist).await[0].grant;
    comes_back(&world.radiologist, record, from_file, &content).await;
    patient.vault.revoke(&[granted]).await.unwrap();
    assert_eq!(patient.vault.rekey_pending(&Silent).await.unwrap().items, 1);
    comes_back(patient, record, from_file, &content).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lossy_codec_refuses_large_files_and_says_up_to_what_size_it_takes_them() {
    let world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = large_file(folder.path(), 15);
    let record = world.patient.vault.create_record("large").await.unwrap();
    let options = AddOptions { codec: cowl_vault::CodecChoice::Dct(80), ..AddOptions::default() };
    let sources = Source::gather(&[path]).unwrap();
    let report = world.patient.vault.add(record, sources, &options, &Silent).await.unwrap();
    assert!(matches!(&report.files[0].1, Added::Refused(reason) if reason.contains("32 MiB")), "{report:?}");
}

/// A pipe of so many bytes that can be told apart, made as they are read.
struct Pipe {
    at: u64,
    length: u64,
    /// Where it breaks.
    breaks: u64,
}

impl Pipe {
    fn of(length: u64) -> Self {
        Self { at: 0, length, breaks: u64::MAX }
    }

    fn word(at: u64) -> [u8; 8] {
        (at.wrapping_add(1)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23).to_le_bytes()
    }
}

impl std::io::Read for Pipe {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if self.at >= self.breaks {
            return Err(std::io::Error::other("the other program died"));
        }
        let length = out.len().min(usize::try_from(self.length - self.at).unwrap());
        for (byte, at) in out[..length].iter_mut().zip(self.at..) {
            *byte = Self::word(at / 8)[(at % 8) as usize];
        }
        self.at += length as u64;
        Ok(length)
    }
}

/// Compares what is written with what a pipe gives.
struct Matching(Pipe);

impl std::io::Write for Matching {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut expected = vec![0; bytes.len()];
        std::io::Read::read_exact(&mut self.0, &mut expected)?;
        assert!(expected == bytes, "differs before byte {}", self.0.at);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn add_pipe(party: &Party, record: RecordId, pipe: Pipe, options: &AddOptions) -> AddReport {
    let sources = vec![Source::reader("dump.bin", Box::new(pipe))];
    party.vault.add(record, sources, options, &Silent).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_of_any_length_is_sealed_as_it_flows() {
    const LONG: u64 = (208 << 20) + 12_345;
    let world = World::start().await;
    let patient = world.patient;
    let record = patient.vault.create_record("pipes").await.unwrap();
    let item = sealed(&add_pipe(&patient, record, Pipe::of(LONG), &AddOptions::default()).await);
    let info = patient.vault.find_item(Some(record), "dump.bin").await.unwrap();
    assert_eq!((info.item, info.size), (item, LONG));
    assert!((18..=120).contains(&info.parts), "{} parts", info.parts);
    let mut matching = Matching(Pipe::of(LONG));
    patient.vault.get(record, item, &mut matching, &Silent).await.unwrap();
    assert_eq!(matching.0.at, LONG);
    patient.vault.check(record, None, &Silent).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_that_breaks_off_leaves_nothing_behind_and_the_next_one_takes_its_name() {
    const LONG: u64 = 96 << 20;
    let world = World::start().await;
    let patient = world.patient;
    let record = patient.vault.create_record("pipes").await.unwrap();
    for breaks in [1 << 20, 70 << 20] {
        let broken = Pipe { at: 0, length: LONG, breaks };
        let report = add_pipe(&patient, record, broken, &AddOptions::default()).await;
        assert!(
            matches!(&report.files[0].1, Added::Refused(reason) if reason.contains("the other program died")),
            "{report:?}"
        );
        assert!(patient.names(record).await.unwrap().is_empty());
    }
    let item = sealed(&add_pipe(&patient, record, Pipe::of(40 << 20), &AddOptions::default()).await);
    let again = add_pipe(&patient, record, Pipe::of(40 << 20), &AddOptions::default()).await;
    assert_eq!(again.files[0].1, Added::Unchanged(item));
    patient.mallory.forget();
    let other = add_pipe(&patient, record, Pipe::of(41 << 20), &AddOptions::default()).await;
    assert!(matches!(&other.files[0].1, Added::Refused(reason) if reason.contains("--replace")), "{other:?}");
    assert!(patient.mallory.heard_on(&Method::POST, PARTS).is_empty(), "what is refused is not sent");
    let options = AddOptions { replace: true, ..AddOptions::default() };
    let other = add_pipe(&patient, record, Pipe::of(41 << 20), &options).await;
    assert!(matches!(other.files[0].1, Added::Replaced { old, .. } if old == item), "{other:?}");
    assert_eq!(patient.names(record).await.unwrap(), ["dump.bin"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_pipe_is_refused_for_the_suite_that_takes_whole_images_only() {
    let world = World::start().await;
    let record = world.patient.vault.create_record("pipes").await.unwrap();
    let options = AddOptions { suite: Some(cowl_domain::SuiteId::ChaoticImage), ..AddOptions::default() };
    let report = add_pipe(&world.patient, record, Pipe::of(33 << 20), &options).await;
    assert!(matches!(&report.files[0].1, Added::Refused(reason) if reason.contains("32 MiB")), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_sealed_file_is_taken_in_by_what_is_inside_it_armored_or_not() {
    let world = World::start().await;
    let patient = &world.patient;
    let record = patient.vault.create_record("sealed").await.unwrap();
    let identity = patient.vault.export_identity().unwrap();
    let recipient = cowl_seal::age::Recipient::Hybrid(patient.recipient());
    let content = noise(21, 34 << 20);
    let mut file = cowl_seal::age::seal(&[recipient], &content).unwrap();
    let armored = cowl_seal::age::armor::encode(&file).into_bytes();
    let folder = tempfile::tempdir().unwrap();
    let [bare, text, damaged] =
        ["bare.bin.age", "text.bin.age", "damaged.bin.age"].map(|n| folder.path().join(n));
    fs::write(&bare, &file).unwrap();
    fs::write(&text, armored).unwrap();
    let last = file.len() - 100;
    file[last] ^= 1;
    fs::write(&damaged, &file).unwrap();

    let options = AddOptions { age_identity: Some(identity), ..AddOptions::default() };
    let sources = Source::gather(&[bare.clone(), text, damaged]).unwrap();
    let report = patient.vault.add(record, sources, &options, &Silent).await.unwrap();
    assert!(matches!(report.files[2].1, Added::Refused(_)), "{report:?}");
    assert_eq!(patient.names(record).await.unwrap(), ["bare.bin", "text.bin"]);
    for name in ["bare.bin", "text.bin"] {
        let info = patient.vault.find_item(Some(record), name).await.unwrap();
        comes_back(patient, record, info.item, &content).await;
    }
    let again = Source::gather(&[bare]).unwrap();
    let again = patient.vault.add(record, again, &options, &Silent).await.unwrap();
    assert!(matches!(again.files[0].1, Added::Unchanged(_)), "{again:?}");

    let stranger =
        AddOptions { age_identity: Some(world.attacker.vault.export_identity().unwrap()), ..options };
    let sources = Source::gather(&[folder.path().join("bare.bin.age")]).unwrap();
    let report = patient.vault.add(record, sources, &stranger, &Silent).await.unwrap();
    assert!(
        matches!(&report.files[0].1, Added::Refused(reason) if reason.contains("does not open")),
        "{report:?}"
    );
}
