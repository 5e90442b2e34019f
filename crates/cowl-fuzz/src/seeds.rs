//! Real inputs of each target: vectors, samples, and what the crates themselves write.

mod models;

use std::fs;
use std::path::{Path, PathBuf};

use cowl_api::frames::FrameHeader;
use cowl_crypto::digest::Digest;
use cowl_crypto::log::{self, Checkpoint};
use cowl_crypto::merkle::{Hash, Tree};
use cowl_crypto::opaque::{self, ClientLogin, ClientRegistration};
use cowl_crypto::secret::Secret;
use cowl_domain::{ItemId, PartName, RecordId};
use cowl_imaging::chaotic::{self, ChaoticKey, ImageSize};
use cowl_imaging::container::{self, StorageCodec};
use cowl_imaging::dct::{self, Quality};
use cowl_imaging::display::{Channels, DisplayImage};
use cowl_model::onnx::NoFiles;
use cowl_model::{ImportOptions, Model, PublishedModel, Ring, Rounding, import, zoo};
use cowl_seal::payload::{Cores, PayloadSealer};
use cowl_seal::suite::{self, SealTo};
use cowl_seal::{EpochIdentity, FileKey, FileKey32, ItemKey, age, message, sealed_box, shares};
use cowl_tables::{CohortLedger, RowSet};
use cowl_vault::search::{TextDocument, segment};

use crate::tables::LEDGER_ROWS;
use crate::{crypto, mpc, seal};

/// Larger inputs are cut: a run over them would only take longer.
const MOST_BYTES: usize = 64 * 1024;

/// The files below a folder of the repository, cut; none if it is not there.
fn files(folder: &str) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    gather(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder), &mut found);
    found.sort();
    found.iter().filter_map(|file| fs::read(file).ok()).map(cut).collect()
}

fn gather(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.path() {
            path if path.is_dir() => gather(&path, found),
            path => found.push(path),
        }
    }
}

fn cut(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(MOST_BYTES);
    bytes
}

/// The age files of the C2SP vectors that are not deflated, without their heads.
fn age_files() -> Vec<Vec<u8>> {
    let body = |vector: Vec<u8>| {
        let end = vector.windows(2).position(|pair| pair == b"\n\n")?;
        let deflated = vector[..end].windows(11).any(|window| window == b"compressed:");
        (!deflated).then(|| vector[end + 2..].to_vec())
    };
    files("vectors/age").into_iter().filter_map(body).collect()
}

macro_rules! bytes_of {
    ($($text:expr),* $(,)?) => { vec![$($text.as_bytes().to_vec()),*] };
}

/// Bodies as they travel.
pub fn api_bodies() -> Vec<Vec<u8>> {
    bytes_of![
        r#"{"origin":"a","log_key":"AAAA","api":1,"max_upload":100}"#,
        r#"{"handle":"ada","email":null,"binding":"AQID","upload":"AQID","key_store":""}"#,
        r#"{"items":[{"placement":"AQ==","header":"AQ==","manifest":"AQ==","parts":["aebagbafaydqqcikbmga2dqpca"]}],"removed":[],"epoch":null,"shares":["AQ=="],"head":"AQ=="}"#,
        r#"{"grants":[{"grant":"AQ==","note":null,"shares":["AQ==","Ag=="]}]}"#,
        r#"{"token":"AQID","party":"aebagbafaydqqcikbmga2dqpca","expires_at":1700000000000,"key_store":"AQ==","bindings":["AQ=="]}"#,
        r#"{"events":[{"index":1,"salt":"AAAA","event":"AAAA"}],"more":false}"#,
        r#"{"bindings":[{"index":18446744073709551615,"binding":"AAAA"}],"more":true}"#,
        r#"{"parts":["aebagbafaydqqcikbmga2dqpca"]}"#,
        r#"{"code":"not-found","detail":"there is nothing here","hint":null}"#,
        r#""AAAA""#,
    ]
}

/// Two parts.
pub fn api_frames() -> Vec<Vec<u8>> {
    let frame = |content: &[u8]| {
        let length = u32::try_from(content.len()).expect("a short part");
        let header = FrameHeader { name: PartName::from_bytes([7; 16]), hash: Digest::of(content), length };
        [header.to_bytes().as_slice(), content].concat()
    };
    vec![frame(b"part"), [frame(b"one"), frame(&[7; 300])].concat()]
}

/// Checkpoints, with and without a witness.
pub fn crypto_checkpoints() -> Vec<Vec<u8>> {
    let sign = |size| {
        let checkpoint = Checkpoint { origin: crypto::LOG_NAME.into(), size, root: Hash::EMPTY };
        log::sign_checkpoint(&checkpoint, crypto::LOG_NAME, &crypto::log_key()).expect("a sound checkpoint")
    };
    let witnessed = format!("{}\u{2014} witness.example AAAAAAAA\n", sign(70_000));
    bytes_of![sign(0), sign(u64::MAX), witnessed]
}

/// One message of each kind.
pub fn crypto_opaque() -> Vec<Vec<u8>> {
    let start = "the first message needs nothing but a password";
    let (_, registration) = ClientRegistration::start(b"password").expect(start);
    let (_, login) = ClientLogin::start(b"password").expect(start);
    let (state, _) =
        opaque::login_start(crypto::setup(), None, &login, "ada").expect("an unknown handle is answered");
    let setup = crypto::setup().expose_bytes().expose().to_vec();
    vec![registration, login, state.expose().to_vec(), setup, vec![0; opaque::REGISTRATION_RECORD_LENGTH]]
}

/// Identifiers, digests, fingerprints, a proof.
pub fn crypto_texts() -> Vec<Vec<u8>> {
    let tree: Tree = (0..5).map(|leaf| cowl_crypto::merkle::leaf_hash(&[leaf])).collect();
    let proof = tree.inclusion_proof(2, 5).expect("leaf 2 of 5");
    let mut proved = [2u64.to_be_bytes(), 5u64.to_be_bytes()].concat();
    for hash in [cowl_crypto::merkle::leaf_hash(&[2]), tree.root()].into_iter().chain(proof) {
        proved.extend_from_slice(hash.as_bytes());
    }
    let fingerprint = cowl_crypto::fingerprint::Fingerprint::of(b"keys").to_string();
    let mut seeds = bytes_of!["aebagbafaydqqcikbmga2dqpca", Digest::of(b"").to_string(), fingerprint];
    seeds.push(proved);
    seeds
}

/// Frozen statements.
pub fn domain_statements() -> Vec<Vec<u8>> {
    files("vectors/domain")
}

/// Frozen values, and texts.
pub fn domain_values() -> Vec<Vec<u8>> {
    let mut seeds = files("vectors/domain");
    seeds.extend(bytes_of![
        "radiologist@city-hospital",
        "read+append",
        "aebagbafaydqqcikbmga2dqpca",
        "second-opinion"
    ]);
    seeds
}

/// Frozen specifications, plans, consents and evidence.
pub fn job_statements() -> Vec<Vec<u8>> {
    files("vectors/job")
}

/// A trained network of the samples, and small ones: with layers of all kinds, with arithmetic on shapes, with a function.
pub fn model_files() -> Vec<Vec<u8>> {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/models/brain_tissue_64.onnx");
    let mut seeds = vec![models::layers(), models::shapes(), models::function()];
    seeds.extend(fs::read(sample));
    seeds.push(models::tensor());
    seeds
}

/// What importing these files publishes, and one architecture alone.
pub fn model_published() -> Vec<Vec<u8>> {
    let mut files = model_files();
    files.extend([zoo::lenet5(1), zoo::unet(16, 1)]);
    let imported = files.iter().filter_map(|file| import(file, &NoFiles, &ImportOptions::default()).ok());
    let (rounding, classes) = (Rounding::Faithful, vec!["grey".to_owned(), "white".to_owned()]);
    let publish = |(place, model): (usize, Model)| {
        let (ring, classes) = (Ring::MENU[place % Ring::MENU.len()], classes.clone());
        PublishedModel { architecture: model.architecture, ring, rounding, classes }
    };
    let published: Vec<PublishedModel> = imported.enumerate().map(publish).collect();
    let mut seeds: Vec<_> = published.iter().map(PublishedModel::to_bytes).collect();
    seeds.extend(published.first().map(|model| model.architecture.to_bytes()));
    seeds
}

fn of_both(bytes: &[Vec<u8>; 2]) -> Vec<Vec<u8>> {
    (0u8..).zip(bytes).map(|(seat, bytes)| [&[seat], bytes.as_slice()].concat()).collect()
}

/// Both parties' halves.
pub fn mpc_bundles() -> Vec<Vec<u8>> {
    of_both(&mpc::played().bundles)
}

/// A form of each kind.
pub fn mpc_forms() -> Vec<Vec<u8>> {
    mpc::real_forms()
}

/// What each party hears of the other in a whole run.
pub fn mpc_messages() -> Vec<Vec<u8>> {
    of_both(&mpc::played().heard)
}

/// The masked weights of a set-up.
pub fn mpc_set_ups() -> Vec<Vec<u8>> {
    vec![mpc::played().masked.clone()]
}

/// The frozen forms, without the table.
pub fn query_forms() -> Vec<Vec<u8>> {
    files("vectors/query").into_iter().filter(|bytes| bytes.len() < 8 * 1024).collect()
}

/// Queries of every kind, and some that are refused.
pub fn query_sql() -> Vec<Vec<u8>> {
    const QUERIES: [&str; 6] = [
        "SELECT death, count(*) AS n, enc_avg(Age) FROM stays WHERE SysABP >= 80.5 GROUP BY death ORDER BY count(*) DESC LIMIT 3",
        "select enc_linreg(LOS, Age), enc_corr(\"LOS\", Age) r from STAYS s where not (s.death = 1 or SysABP is null)",
        "SELECT ICU, enc_var(LOS) FROM stays WHERE ICU IN (X'00112233445566778899aabbccddeeff') GROUP BY ICU",
        "SELECT enc_sum(LOS) FROM stays WHERE SysABP BETWEEN -1 AND 2.25 AND death <> TRUE; -- all",
        "WITH RECURSIVE n AS (SELECT 1) SELECT count(*) FROM n JOIN stays ON n.a = stays.ICU",
        "SELECT * FROM stays a CROSS JOIN stays b; ATTACH DATABASE 'x' AS y; PRAGMA table_info(stays)",
    ];
    QUERIES.map(|sql| sql.as_bytes().to_vec()).into()
}

/// The frozen table.
pub fn query_table_files() -> Vec<Vec<u8>> {
    files("vectors/query").into_iter().filter(|bytes| bytes.starts_with(b"PAR1")).collect()
}

/// The head of the sample, and small files of every kind.
pub fn tables_csv() -> Vec<Vec<u8>> {
    const LINES: usize = 40;
    let head =
        |file: Vec<u8>| file.split_inclusive(|byte| *byte == b'\n').take(LINES).flatten().copied().collect();
    let heads = files("samples/tables").into_iter().map(head);
    let small = [
        "ward;age;hb\nA;50;12,5\nB;;8,25\nA;71;9\nB;64;11,75\n",
        "day,x,yes\n2008-01-01,1e-3,no\n2008-02-29,-22.0976562,yes\nNA,900000000000.25,NaN\n",
        "\u{feff}\"a,1\"|\"b\"\r\n\"x\ny\"|\"say \"\"no\"\"\"\r\n\r\n5|6\r\n",
    ];
    heads.chain(small.map(|text| text.as_bytes().to_vec())).collect()
}

/// The frozen forms, a set of rows and a ledger.
pub fn tables_forms() -> Vec<Vec<u8>> {
    let rows = |taken| RowSet::of(LEDGER_ROWS, taken);
    let (ledger, _) = CohortLedger::new(LEDGER_ROWS, 5).answer_groups(&[rows(0..40), rows(20..80)], 5);
    let mut seeds = files("vectors/table");
    seeds.extend([rows(7..93).to_bytes(), ledger.to_bytes()]);
    seeds
}

/// A gray picture of some structure, as a portable graymap.
fn graymap() -> Vec<u8> {
    let mut file = b"P5 40 30 255\n".to_vec();
    file.extend((0..1200u32).map(|place| (place % 40 * 5 + place / 40) as u8));
    file
}

/// A volume of 16-bit samples, as NIfTI-1.
fn volume() -> Vec<u8> {
    let mut file = vec![0; 352 + 8 * 8 * 4 * 2];
    file[..4].copy_from_slice(&348u32.to_le_bytes());
    for (place, value) in [(40, 3u16), (42, 8), (44, 8), (46, 4), (70, 4), (72, 16)] {
        file[place..place + 2].copy_from_slice(&value.to_le_bytes());
    }
    file[108..112].copy_from_slice(&352f32.to_le_bytes());
    file[344..348].copy_from_slice(b"n+1\0");
    for (place, sample) in file[352..].chunks_exact_mut(2).enumerate() {
        sample.copy_from_slice(&(place as u16 * 3).to_le_bytes());
    }
    file
}

/// A small DICOM object: explicit, little endian, 8 by 8 samples of 16 bits.
fn dicom() -> Vec<u8> {
    fn element(file: &mut Vec<u8>, tag: (u16, u16), representation: &[u8; 2], value: &[u8]) {
        file.extend([tag.0.to_le_bytes(), tag.1.to_le_bytes()].concat());
        file.extend_from_slice(representation);
        let length = u16::try_from(value.len()).expect("a short value");
        if representation == b"OW" {
            file.extend_from_slice(&[0, 0]);
            file.extend_from_slice(&u32::from(length).to_le_bytes());
        } else {
            file.extend_from_slice(&length.to_le_bytes());
        }
        file.extend_from_slice(value);
    }
    let mut file = [vec![0; 128], b"DICM".to_vec()].concat();
    element(&mut file, (2, 0), b"UL", &28u32.to_le_bytes());
    element(&mut file, (2, 0x10), b"UI", b"1.2.840.10008.1.2.1\0");
    element(&mut file, (8, 5), b"CS", b"ISO_IR 100");
    element(&mut file, (8, 0x60), b"CS", b"CT");
    element(&mut file, (8, 0x1030), b"LO", b"Thorax");
    element(&mut file, (0x20, 0xd), b"UI", b"1.2.3\0");
    element(&mut file, (0x20, 0x32), b"DS", b"-10\\-20\\30 ");
    element(&mut file, (0x20, 0x37), b"DS", b"1\\0\\0\\0\\1\\0 ");
    for (tag, value) in [
        ((0x28, 2), 1u16),
        ((0x28, 0x10), 8),
        ((0x28, 0x11), 8),
        ((0x28, 0x100), 16),
        ((0x28, 0x101), 12),
        ((0x28, 0x102), 11),
        ((0x28, 0x103), 0),
    ] {
        element(&mut file, tag, b"US", &value.to_le_bytes());
    }
    element(&mut file, (0x28, 0x30), b"DS", b"0.5\\0.5 ");
    let pixels: Vec<u8> = (0..64u16).flat_map(|place| (place * 7).to_le_bytes()).collect();
    element(&mut file, (0x7fe0, 0x10), b"OW", &pixels);
    file
}

/// Sixteen numbers as NumPy writes them.
fn array() -> Vec<u8> {
    let header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (4, 4), }\n";
    [b"\x93NUMPY\x01\x00".as_slice(), &(header.len() as u16).to_le_bytes(), header, &[0x3f; 64]].concat()
}

/// Pictures, volumes, DICOM objects, arrays.
pub fn imaging_files() -> Vec<Vec<u8>> {
    let mut seeds = files("samples");
    seeds.extend(files("vectors/image"));
    seeds.extend([graymap(), volume(), dicom(), array()]);
    seeds
}

/// Each storage codec, its number before it, and bare streams.
pub fn imaging_coded() -> Vec<Vec<u8>> {
    let text = b"one line like the other\n".repeat(40);
    let mut seeds = Vec::new();
    for file in [graymap(), volume(), dicom(), text] {
        for codec in [StorageCodec::Zstd, StorageCodec::Live, StorageCodec::Archive] {
            let stored = container::encode_file(codec, &file).expect("lossless codecs take every small file");
            seeds.push([&[stored.codec.id()], stored.bytes.as_ref()].concat());
        }
    }
    let samples = graymap()[13..].to_vec();
    let image = DisplayImage::new(40, 30, Channels::Gray, samples.clone()).expect("40 by 30");
    let lossy = dct::encode(&image, Quality::new(75).expect("at most 100")).expect("a small picture");
    let size = ImageSize::new(30, 40).expect("a small picture");
    let scrambled =
        chaotic::encode(&ChaoticKey::from_secret([7; 32]), size, &samples).expect("a small picture");
    seeds.extend([[&[4], lossy.as_slice()].concat(), [&[5], scrambled.as_slice()].concat()]);
    seeds
}

/// Armored vectors.
pub fn seal_armor() -> Vec<Vec<u8>> {
    let mut seeds = age_files();
    seeds.retain(|file| file.windows(14).any(|window| window == b"AGE ENCRYPTED "));
    seeds.push(age::armor::encode(&[7; 100]).into_bytes());
    seeds
}

/// A box, a message, the frozen ones.
pub fn seal_boxes() -> Vec<Vec<u8>> {
    let mut seeds = files("vectors/seal");
    seeds.push(sealed_box::seal(&Secret::new([7; 32]), b"cowl-fuzz", b"content"));
    seeds.push(message::seal_to(seal::keys().xwing.recipient(), b"cowl-fuzz", b"content"));
    seeds
}

/// Vectors, whole.
pub fn seal_files() -> Vec<Vec<u8>> {
    let mut seeds = age_files();
    seeds.extend(files("vectors/age-npm"));
    seeds
}

fn item_keys() -> [ItemKey; 2] {
    [ItemKey::Standard(FileKey::new([7; 16])), ItemKey::HybridRsa(FileKey32::new([7; 32]))]
}

/// Headers of both suites, from here and elsewhere.
pub fn seal_headers() -> Vec<Vec<u8>> {
    let mut seeds = age_files();
    let keys = seal::keys();
    let [standard, rsa] = item_keys();
    for (key, to) in [
        (&standard, SealTo::XWing(keys.xwing.recipient())),
        (&rsa, SealTo::XWing(keys.xwing.recipient())),
        (&rsa, SealTo::Rsa(keys.rsa.public_key())),
    ] {
        seeds.push(suite::seal_header(key, &[to]).expect("suite and recipient fit").encode());
    }
    seeds
}

/// Keys as text and as DER.
pub fn seal_keys() -> Vec<Vec<u8>> {
    let keys = seal::keys();
    let mut seeds: Vec<_> =
        keys.identities.iter().filter_map(|one| Some(one.recipient()?.to_string().into())).collect();
    seeds.extend(keys.identities.iter().filter_map(|one| Some(one.expose_string()?.as_bytes().to_vec())));
    seeds.push(keys.rsa.public_key().as_der().to_vec());
    seeds.push(keys.rsa.expose_pkcs8().to_vec());
    seeds.push(keys.xwing.recipient().to_bytes());
    seeds.push([b"# a comment\n\n".to_vec(), seeds[0].clone(), b"\n".to_vec(), seeds[0].clone()].concat());
    seeds
}

/// Payloads of both suites; a span before one of them.
pub fn seal_payloads() -> Vec<Vec<u8>> {
    let plain = vec![7; 300];
    let mut seeds: Vec<_> =
        item_keys().iter().map(|key| PayloadSealer::new(key).seal(&plain, Cores::One)).collect();
    let span = [10u64, 20, 300].map(u64::to_be_bytes).concat();
    seeds.push([span, seeds[0][16..].to_vec()].concat());
    seeds
}

/// Shares of file keys and of an epoch.
pub fn seal_shares() -> Vec<Vec<u8>> {
    let recipient = seal::keys().xwing.recipient();
    let mut seeds: Vec<_> =
        item_keys().iter().map(|key| shares::wrap_item_key(recipient, key, b"cowl-fuzz").encode()).collect();
    seeds.push(shares::wrap_epoch(recipient, &EpochIdentity::from_seed(&[7; 32]), b"cowl-fuzz").encode());
    seeds
}

/// Everything that people keep.
pub fn vault_kinds() -> Vec<Vec<u8>> {
    let mut seeds = imaging_files();
    seeds.extend(bytes_of!["a;b;c\n1;2;3\n", "{\\rtf1 text}", "%PDF-1.7\n", "GIF89a"]);
    seeds
}

/// Segments, frozen and made.
pub fn vault_segments() -> Vec<Vec<u8>> {
    let document = TextDocument {
        item: ItemId::from_bytes([7; 16]),
        record: RecordId::from_bytes([8; 16]),
        title: "arztbrief.txt".into(),
        date: Some("2026-11-20".into()),
        text: "Metastase in der Lunge".into(),
    };
    let mut seeds = files("vectors/search");
    seeds.push(segment::encode(&[document.clone(), document]).expect("two small documents"));
    seeds.push(b"legal winner thank year wave sausage worth useful legal winner thank yellow".to_vec());
    seeds
}

/// Notes of every kind.
pub fn vault_texts() -> Vec<Vec<u8>> {
    let mut seeds = files("samples/notes");
    seeds.extend(bytes_of![
        "{\\rtf1\\ansi\\u8364?\\'e4{\\*\\x y}\\par text}",
        "<html><body>&amp;&#x41;&bogus;<script>x</script>text</body></html>",
    ]);
    seeds
}
