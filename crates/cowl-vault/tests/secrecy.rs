//! Strings planted in everything that is not on the list "in clear at the cloud" never occur in the cloud's
//! database, parts, logs, or in what passes on the wire; nor do the keys themselves.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use cowl_domain::{Power, Powers, Purpose, Role, SuiteId};
use cowl_vault::{
    AddOptions, CodecChoice, GrantSpec, NewAccount, Password, Profile, RequestSpec, Silent, Source,
    VaultError, account,
};
use support::files::Files;
use support::mallory::Mallory;
use support::party::{grant_spec, register};
use support::{Cloud, Party};
use tracing_subscriber::EnvFilter;

/// All that is planted, each unlike anything else.
mod planted {
    pub(super) const CONTENT: &str = "quokka-in-the-content";
    pub(super) const LARGE_CONTENT: &str = "axolotl-in-a-large-file";
    pub(super) const FILE_NAME: &str = "narwhal-as-a-file-name";
    pub(super) const FOLDER_NAME: &str = "okapi-as-a-folder-name";
    pub(super) const DESCRIPTION: &str = "wombat-in-a-description";
    pub(super) const DATE: &str = "1871-03-27";
    pub(super) const RECORD_NAME: &str = "capybara-as-a-record";
    pub(super) const NOTE: &str = "pangolin-in-a-note";
    pub(super) const REQUEST_NOTE: &str = "tapir-in-a-request";
    pub(super) const PASSWORD: &str = "echidna-as-a-password";
    pub(super) const NEW_PASSWORD: &str = "platypus-as-a-new-password";
    pub(super) const SEARCH: &str = "quokka binturong-searched";
    pub(super) const APPENDED: &str = "kakapo-in-a-report";

    /// The rarest words of them, in case that somebody takes them apart.
    pub(super) const ANIMALS: [&str; 9] = [
        "quokka",
        "axolotl",
        "narwhal",
        "wombat",
        "capybara",
        "pangolin",
        "platypus",
        "binturong",
        "echidna",
    ];

    pub(super) const ALL: [&str; 13] = [
        CONTENT,
        LARGE_CONTENT,
        FILE_NAME,
        FOLDER_NAME,
        DESCRIPTION,
        DATE,
        RECORD_NAME,
        NOTE,
        REQUEST_NOTE,
        PASSWORD,
        NEW_PASSWORD,
        SEARCH,
        APPENDED,
    ];
}

/// In clear at the cloud, so that it must be found: who looks in the wrong place finds nothing at all.
const HANDLE: &str = "patient-in-clear";

/// Everything that this process logs, the server in it above all.
static LOG: LazyLock<Arc<Mutex<Vec<u8>>>> = LazyLock::new(|| {
    let log = Arc::new(Mutex::new(Vec::new()));
    let writer = log.clone();
    let filter =
        EnvFilter::new("cowl_server=trace,cowl_store=trace,sqlx=trace,axum=trace,tower_http=trace,info");
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(move || Tee(writer.clone())).init();
    log
});

struct Tee(Arc<Mutex<Vec<u8>>>);

impl io::Write for Tee {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The forms in which a secret could stand somewhere: as it is, in hexadecimal, in base64 at any offset.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![secret.to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes()];
    for offset in 0..3 {
        let padded = [vec![0; offset], secret.to_vec()].concat();
        // Letters that also depend on what stands before or behind are left out.
        let whole = padded.len() / 3 * 4;
        let from = [0, 2, 3][offset];
        for alphabet in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            forms.push(alphabet.encode(&padded).as_bytes()[from..whole].to_vec());
        }
    }
    forms
}

/// Secrets in all their forms, to be looked for in one pass.
struct Search<'a> {
    forms: Vec<(&'a str, Vec<u8>)>,
    /// The forms that begin with these two bytes.
    beginnings: Vec<Vec<usize>>,
}

impl<'a> Search<'a> {
    fn new(secrets: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let with_forms = |(name, secret)| forms(secret).into_iter().map(move |form| (name, form));
        let forms: Vec<(&str, Vec<u8>)> = secrets.into_iter().flat_map(with_forms).collect();
        let mut beginnings = vec![Vec::new(); 1 << 16];
        for (index, (_, form)) in forms.iter().enumerate() {
            beginnings[pair(form)].push(index);
        }
        Self { forms, beginnings }
    }

    /// The names of the secrets that stand somewhere in these bytes.
    fn within(&self, place: &[u8]) -> BTreeSet<&'a str> {
        let mut found = BTreeSet::new();
        for at in 0..place.len().saturating_sub(1) {
            for index in &self.beginnings[pair(&place[at..])] {
                let (name, form) = &self.forms[*index];
                if place[at..].starts_with(form) {
                    found.insert(*name);
                }
            }
        }
        found
    }

    /// Which secret stands where.
    fn among(&self, places: &'a [(String, Vec<u8>)]) -> Vec<(&'a str, &'a str)> {
        let each = places.iter().flat_map(|(place, bytes)| {
            self.within(bytes).into_iter().map(move |secret| (secret, place.as_str()))
        });
        each.collect()
    }
}

fn pair(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) << 8 | usize::from(bytes[1])
}

/// The cloud's disk, what it logged, and what passed between it and these vaults.
fn places(cloud: &Cloud, wires: &[&Mallory]) -> Vec<(String, Vec<u8>)> {
    let mut places = Vec::new();
    for (path, bytes) in Files::read_from(cloud.folder.path()).iter() {
        places.push((format!("disk {}", path.display()), bytes.to_vec()));
    }
    places.push(("log".to_owned(), LOG.lock().unwrap().clone()));
    for (question, answer) in wires.iter().flat_map(|wire| wire.heard()) {
        let heads =
            format!("{} {} {:?} {:?}", question.method, question.target, question.headers, answer.headers);
        places.push((
            format!("wire {}", question.target),
            [heads.into_bytes(), question.body, answer.body].concat(),
        ));
    }
    places
}

/// Somebody who registers with a planted password, through a proxy that keeps everything.
async fn planted_party(cloud: &Cloud, handle: &'static str) -> Party {
    let (device, mallory) = (tempfile::tempdir().unwrap(), Mallory::before(cloud).await);
    mallory.keep_everything();
    let password = Password::new(planted::PASSWORD.into());
    let (vault, _) = register(&device, &mallory.url(), handle, Role::Patient, &password).await.unwrap();
    Party { handle, device, vault, mallory }
}

fn planted_folder(folder: &Path) {
    let below = folder.join(planted::FOLDER_NAME);
    std::fs::create_dir(&below).unwrap();
    let text = format!("{} and more of the same. ", planted::CONTENT);
    std::fs::write(below.join(format!("{}.txt", planted::FILE_NAME)), &text).unwrap();
    std::fs::write(below.join("table.csv"), format!("{},1\n", planted::CONTENT).repeat(50)).unwrap();
    std::fs::write(below.join("bytes.bin"), planted::CONTENT).unwrap();
    let large = format!("{} ", planted::LARGE_CONTENT).repeat((33 << 20) / planted::LARGE_CONTENT.len());
    std::fs::write(below.join("large.bin"), large).unwrap();
}

/// Everything that a vault can do, with planted strings wherever there is a place for one.
async fn live(cloud: &Cloud, patient: &Party, reader: &Party) {
    let record = patient.vault.create_record(planted::RECORD_NAME).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    planted_folder(folder.path());
    add_everything(patient, record, folder.path()).await;
    share_and_search(patient, reader, record).await;
    let asked = RequestSpec {
        owner: HANDLE.to_owned(),
        item: None,
        powers: Powers::of([Power::Read]),
        purpose: Purpose::Other,
        until: None,
        note: planted::REQUEST_NOTE.to_owned(),
    };
    let request = reader.vault.request(&asked).await.unwrap().request;
    patient.vault.approve(request, vec![], record, None, None).await.unwrap();
    for grant in patient.vault.grants().await.unwrap() {
        patient.vault.revoke(&[grant.grant]).await.unwrap();
    }
    patient.vault.rekey_pending(&Silent).await.unwrap();
    patient.vault.check(record, None, &Silent).await.unwrap();
    patient.vault.audit_verify().await.unwrap();
    new_device(cloud, patient).await;
}

async fn add_everything(patient: &Party, record: cowl_domain::RecordId, folder: &Path) {
    for suite in [SuiteId::Standard, SuiteId::HybridRsa, SuiteId::ChaoticImage] {
        for codec in [CodecChoice::Auto, CodecChoice::None] {
            let options = AddOptions {
                description: Some(planted::DESCRIPTION.to_owned()),
                date: Some(planted::DATE.to_owned()),
                suite: Some(suite),
                codec,
                ..AddOptions::default()
            };
            let mut sources = Source::gather(&[folder.to_owned()]).unwrap();
            sources.retain(|source| suite == SuiteId::Standard || !source.name().contains("large"));
            patient.vault.add(record, sources, &options, &Silent).await.unwrap();
        }
    }
}

async fn share_and_search(patient: &Party, reader: &Party, record: cowl_domain::RecordId) {
    let powers = Powers::of([Power::Read, Power::Append]);
    let note = Some(planted::NOTE.to_owned());
    let spec = GrantSpec { powers, note, ..grant_spec(record, &[], reader.handle) };
    patient.vault.grant(&spec).await.unwrap();
    let item = patient.vault.items(record).await.unwrap()[0].item;
    patient.share(record, &[item], reader).await;
    reader.add_bytes(record, "report.txt", planted::APPENDED.as_bytes()).await;
    reader.get(record, item).await.unwrap();
    for party in [patient, reader] {
        party.vault.search(planted::SEARCH, 10).await.unwrap();
    }
    let by_name = format!("{}/bytes.bin", planted::FOLDER_NAME);
    let _ = patient.vault.find_item(None, &by_name).await;
    let _ = reader.vault.find_record(planted::RECORD_NAME).await;
}

/// A wrong password, another one, and a second device by recovery kit.
async fn new_device(cloud: &Cloud, patient: &Party) {
    let (old, new) = (Password::new(planted::PASSWORD.into()), Password::new(planted::NEW_PASSWORD.into()));
    patient.vault.change_password(&old, &new).await.unwrap();
    let kit = patient.vault.recovery_kit().unwrap();
    let device = tempfile::tempdir().unwrap();
    let mut profile = Profile::create(device.path(), &patient.mallory.url(), None).unwrap();
    let handle = HANDLE.parse().unwrap();
    let wrong = account::login(&mut profile, &handle, &old, Some(&kit)).await;
    assert!(matches!(wrong, Err(VaultError::Refused(_))));
    account::login(&mut profile, &handle, &new, Some(&kit)).await.unwrap().logout().await.unwrap();
    let taken = NewAccount { handle, email: None, role: Role::Patient };
    let other = tempfile::tempdir().unwrap();
    let mut profile = Profile::create(other.path(), &cloud.url(), None).unwrap();
    account::register(&mut profile, taken, &old).await.map(drop).unwrap_err();
}

/// Secrets that nobody typed.
fn keys_of(party: &Party) -> Vec<(&'static str, Vec<u8>)> {
    let (signing, sealing) = party.seeds();
    let device = std::fs::read(party.device.path().join("device.secret")).unwrap();
    let words = party.vault.recovery_kit().unwrap().words();
    let first = words.split(' ').take(3).collect::<Vec<_>>().join(" ");
    let identity = party.vault.export_identity().unwrap();
    vec![
        ("signing seed", signing.to_vec()),
        ("sealing seed", sealing.to_vec()),
        ("device secret", device),
        ("recovery words", words.as_bytes().to_vec()),
        ("first recovery words", first.into_bytes()),
        ("age identity", identity.as_bytes()[..40].to_vec()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_not_meant_for_the_cloud_reaches_it() {
    LazyLock::force(&LOG);
    let cloud = Cloud::start().await;
    let patient = planted_party(&cloud, HANDLE).await;
    let reader = planted_party(&cloud, "reader-in-clear").await;
    live(&cloud, &patient, &reader).await;

    let places = places(&cloud, &[&patient.mallory, &reader.mallory]);
    let strings = planted::ALL.into_iter().chain(planted::ANIMALS).map(|text| (text, text.as_bytes()));
    assert_eq!(Search::new(strings).among(&places), []);
    let keys = [keys_of(&patient), keys_of(&reader)].concat();
    assert_eq!(Search::new(keys.iter().map(|(name, key)| (*name, key.as_slice()))).among(&places), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_clear_is_found_in_every_place_that_is_searched() {
    LazyLock::force(&LOG);
    let cloud = Cloud::start().await;
    let patient = planted_party(&cloud, HANDLE).await;
    let record = patient.vault.create_record("x").await.unwrap();
    patient.add_bytes(record, "x", b"x").await;
    let places = places(&cloud, &[&patient.mallory]);
    let found = Search::new([("handle", HANDLE.as_bytes())]);
    let holding: Vec<&str> = found.among(&places).into_iter().map(|(_, place)| place).collect();
    assert!(holding.iter().any(|name| name.starts_with("disk ledger.sqlite")), "{holding:?}");
    assert!(holding.iter().any(|name| name.starts_with("wire /v1/sessions/start")), "{holding:?}");
    // The server says in its log that it serves, but not whom.
    let log = places.iter().find(|(name, _)| name == "log").unwrap();
    assert!(String::from_utf8_lossy(&log.1).contains("/v1/records/{record}/commits"));
    assert!(!holding.contains(&"log"));
    // The sealed part of the item lies in a file.
    assert!(!cloud.packs().is_empty());
}

#[test]
fn a_secret_is_recognised_in_base64_and_hexadecimal_wherever_it_begins() {
    let secret = b"quokka-in-the-content";
    let search = Search::new([("secret", secret.as_slice())]);
    for before in 0..6 {
        for behind in 0..4 {
            let text = [vec![7; before], secret.to_vec(), vec![9; behind]].concat();
            let encoded = base64::engine::general_purpose::STANDARD.encode(&text);
            assert!(!search.within(encoded.as_bytes()).is_empty(), "{before} {behind}");
            assert!(!search.within(&text).is_empty(), "{before} {behind}");
        }
    }
    let hex: String = secret.iter().map(|byte| format!("{byte:02X}")).collect();
    assert!(!search.within(hex.as_bytes()).is_empty());
    assert!(search.within(b"something else entirely").is_empty());
}
