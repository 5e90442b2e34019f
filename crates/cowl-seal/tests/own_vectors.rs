//! Cowl's own sealed formats, frozen in `vectors/seal`: what was sealed once opens for ever.
//!
//! `COWL_WRITE_VECTORS=1` writes the files that are not there yet; no file is ever written over.
#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

use std::path::PathBuf;
use std::sync::OnceLock;

use cowl_crypto::secret::Secret;
use cowl_seal::age::header::{Header, Stanza};
use cowl_seal::age::{self, Identity};
use cowl_seal::hybrid_rsa::RsaSecretKey;
use cowl_seal::payload::{Cores, PayloadOpener, PayloadSealer};
use cowl_seal::split::SplitPlan;
use cowl_seal::suite::{OpenWith, SealTo, open_header, seal_header};
use cowl_seal::{
    DeviceSecret, EpochIdentity, ItemKey, PartyIdentity, Suite, XWingIdentity, message, sealed_box, shares,
};

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../vectors").join(name)
}

/// The frozen file; made first where it is missing and wanted.
fn frozen(name: &str, make: impl FnOnce() -> Vec<u8>) -> Vec<u8> {
    let path = folder("seal").join(name);
    if !path.exists() && std::env::var_os("COWL_WRITE_VECTORS").is_some() {
        std::fs::write(&path, make()).unwrap();
    }
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The party to whom everything is sealed.
fn party() -> XWingIdentity {
    XWingIdentity::from_seed(&[0x11; 32])
}

fn item_key(suite: Suite) -> ItemKey {
    let bytes: Vec<u8> = (1..=32).collect();
    let length = if suite == Suite::Standard { 16 } else { 32 };
    ItemKey::from_slice(suite, &bytes[..length]).unwrap()
}

/// Two segments, so that the counter shows.
fn plaintext() -> Vec<u8> {
    (0..65_536_u32 + 100).map(|at| (at % 251) as u8).collect()
}

fn rsa() -> RsaSecretKey {
    static PKCS8: OnceLock<Vec<u8>> = OnceLock::new();
    let pkcs8 =
        PKCS8.get_or_init(|| frozen("rsa-3072.pkcs8", || RsaSecretKey::make().expose_pkcs8().to_vec()));
    RsaSecretKey::from_pkcs8(pkcs8).unwrap()
}

fn seal_file(suite: Suite, recipients: &[SealTo<'_>]) -> Vec<u8> {
    let key = item_key(suite);
    let mut file = seal_header(&key, recipients).unwrap().encode();
    file.extend(PayloadSealer::new(&key).seal(&plaintext(), Cores::One));
    file
}

fn check_file(suite: Suite, file: &[u8], with: &[OpenWith<'_>]) {
    let (header, payload) = Header::decode_prefix(suite, file).unwrap();
    for with in with {
        let key = open_header(&header, &[*with]).unwrap();
        assert_eq!(key.expose(), item_key(suite).expose());
        assert!(PayloadOpener::open(&key, payload, Cores::One).unwrap() == plaintext());
    }
}

#[test]
fn suite_standard_opens() {
    let identity = party();
    let text = Identity::Hybrid(party()).expose_string().unwrap();
    assert_eq!(frozen("standard-v1.key", || text.as_bytes().to_vec()), text.as_bytes());
    let file =
        frozen("standard-v1.age", || seal_file(Suite::Standard, &[SealTo::XWing(party().recipient())]));
    check_file(Suite::Standard, &file, &[OpenWith::XWing(&identity)]);
}

#[test]
fn suite_hybrid_rsa_opens() {
    let (rsa, identity) = (rsa(), party());
    let file = frozen("hybrid-rsa-v1.bin", || {
        seal_file(Suite::HybridRsa, &[SealTo::Rsa(rsa.public_key()), SealTo::XWing(identity.recipient())])
    });
    check_file(Suite::HybridRsa, &file, &[OpenWith::Rsa(&rsa), OpenWith::XWing(&identity)]);
}

#[test]
fn shares_open() {
    let epoch = EpochIdentity::from_seed(&[0x22; 32]);
    let share =
        frozen("share-epoch-v1.txt", || shares::wrap_epoch(party().recipient(), &epoch, b"grant 1").encode());
    let opened = shares::unwrap_epoch(&party(), &Stanza::decode(&share).unwrap(), b"grant 1").unwrap();
    assert_eq!(opened.recipient(), epoch.recipient());
    for suite in [Suite::Standard, Suite::HybridRsa] {
        let share = frozen(&format!("share-{suite}-v1.txt"), || {
            shares::wrap_item_key(party().recipient(), &item_key(suite), b"grant 1").encode()
        });
        let share = Stanza::decode(&share).unwrap();
        let opened = shares::unwrap_item_key(&party(), &share, suite, b"grant 1").unwrap();
        assert_eq!(opened.expose(), item_key(suite).expose());
    }
}

#[test]
fn boxes_and_messages_open() {
    let key = Secret::new([0x33; 32]);
    let sealed = frozen("sealed-box-v1.bin", || sealed_box::seal(&key, b"record 1", b"a manifest"));
    assert_eq!(sealed_box::open(&key, b"record 1", &sealed).unwrap().as_slice(), b"a manifest");
    let sealed = frozen("message-v1.bin", || message::seal_to(party().recipient(), b"request 1", b"a note"));
    assert_eq!(message::open_with(&party(), b"request 1", &sealed).unwrap().as_slice(), b"a note");
}

#[test]
fn key_stores_open() {
    let device = DeviceSecret::from_bytes([0x44; 16]);
    for (name, with_rsa) in [("key-store-v1.bin", false), ("key-store-rsa-v1.bin", true)] {
        let sealed = frozen(name, || {
            let rsa = with_rsa.then(rsa);
            PartyIdentity::from_keys(Secret::new([0x55; 32]), party(), rsa).seal(&[0x66; 64], &device)
        });
        let opened = PartyIdentity::open(&sealed, &[0x66; 64], &device).unwrap();
        assert_eq!(opened.expose_signing_seed().expose(), &[0x55; 32]);
        assert_eq!(opened.sealing().recipient(), party().recipient());
        assert_eq!(
            opened.rsa().map(|key| key.public_key().clone()),
            with_rsa.then(|| rsa().public_key().clone())
        );
    }
}

#[test]
fn what_is_derived_from_keys_stays() {
    let derive = || {
        let mut text = String::new();
        for suite in [Suite::Standard, Suite::HybridRsa] {
            let key = item_key(suite);
            text += &format!("{suite} commitment {}\n", key.commitment());
            let manifest: String =
                key.manifest_key().expose().iter().map(|byte| format!("{byte:02x}")).collect();
            text += &format!("{suite} manifest {manifest}\n");
        }
        text.into_bytes()
    };
    assert_eq!(frozen("derived-v1.txt", derive), derive());
}

#[test]
fn split_plans_stay() {
    let draw = || {
        let lengths = [32, 10_000, 500_000, 8_320_000, 1 << 30];
        let lines =
            lengths.map(|length| format!("{length} {:?}\n", SplitPlan::draw(length, &[0x77; 32]).sizes()));
        lines.concat().into_bytes()
    };
    assert_eq!(frozen("split-plans-v2.txt", draw), draw());
}

#[test]
fn files_of_npm_age_encryption_open() {
    for name in ["npm-hybrid", "npm-x25519"] {
        let read =
            |extension: &str| std::fs::read(folder("age-npm").join(format!("{name}.{extension}"))).unwrap();
        let identities: Vec<Identity> =
            age::read_identities(&String::from_utf8(read("key")).unwrap()).unwrap();
        let opened = age::open(&identities, &read("age")).unwrap();
        assert!(opened == b"sealed by age-encryption 0.3.1\n".repeat(3000));
    }
}
