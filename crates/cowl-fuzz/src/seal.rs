//! `cowl-seal`: everything sealed, with keys that open the seeds.

use std::io::{BufReader, Read};
use std::sync::LazyLock;

use cowl_crypto::secret::Secret;
use cowl_seal::age::header::{Header, Stanza};
use cowl_seal::age::{self, Identity, Passphrase, Recipient, armor};
use cowl_seal::hybrid_rsa::{RsaPublicKey, RsaSecretKey};
use cowl_seal::key_store::{DeviceSecret, PartyIdentity};
use cowl_seal::payload::{Cores, PayloadOpener, SegmentSpan};
use cowl_seal::suite::{self, OpenWith};
use cowl_seal::{
    FileKey, FileKey32, ItemKey, Suite, XWingIdentity, XWingRecipient, message, sealed_box, shares,
};

/// Keys that open the seeds, made of fixed bytes.
pub struct Keys {
    /// Identities of the age vectors.
    pub identities: Vec<Identity>,
    /// A party's sealing key.
    pub xwing: XWingIdentity,
    /// A key of suite `hybrid-rsa`.
    pub rsa: RsaSecretKey,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let vectors = [
        include_bytes!("../../../vectors/age/x25519").as_slice(),
        include_bytes!("../../../vectors/age/hybrid").as_slice(),
    ];
    let mut identities: Vec<_> = vectors.iter().flat_map(|vector| identities_of(vector)).collect();
    // The vectors' own work factor: with more, each input would cost seconds and gigabytes.
    let passphrase = Passphrase::new("password".to_owned()).with_highest_work_factor(10);
    identities.push(Identity::Passphrase(passphrase));
    let rsa = RsaSecretKey::from_pkcs8(include_bytes!("../../../vectors/seal/rsa-3072.pkcs8"));
    Keys { identities, xwing: XWingIdentity::from_seed(&[7; 32]), rsa: rsa.expect("a frozen key is a key") }
});

/// The keys.
pub fn keys() -> &'static Keys {
    &KEYS
}

/// The identities that a vector of the C2SP suite names in its head.
fn identities_of(vector: &[u8]) -> Vec<Identity> {
    let head = vector.split(|byte| *byte == b'\n').take_while(|line| !line.is_empty());
    let identities = head.filter_map(|line| line.strip_prefix(b"identity: "));
    identities.filter_map(|text| std::str::from_utf8(text).ok()?.parse().ok()).collect()
}

/// Armor, whole and as a stream.
pub fn armor(bytes: &[u8]) {
    let whole = armor::decode(bytes);
    let mut streamed = Vec::new();
    let read = armor::ArmorReader::new(BufReader::with_capacity(7, bytes)).read_to_end(&mut streamed);
    assert_eq!(whole.is_ok(), read.is_ok(), "whole and stream differ");
    if let Ok(file) = whole {
        assert_eq!(file, streamed);
        assert_eq!(armor::decode(armor::encode(&file).as_bytes()).as_ref(), Ok(&file));
    }
}

/// Headers and stanzas of both suites.
pub fn headers(bytes: &[u8]) {
    for suite in [Suite::Standard, Suite::HybridRsa] {
        if let Ok((header, rest)) = Header::decode_prefix(suite, bytes) {
            assert_eq!([header.encode().as_slice(), rest].concat(), bytes, "two forms of one header");
        }
        let _ = Header::read(suite, &mut BufReader::with_capacity(5, bytes));
    }
    if let Ok(stanza) = Stanza::decode(bytes) {
        assert_eq!(stanza.encode(), bytes, "two forms of one stanza");
    }
    if let Ok(header) = suite::decode_header(bytes) {
        let mut with: Vec<_> = keys().identities.iter().map(OpenWith::Age).collect();
        with.extend([OpenWith::XWing(&keys().xwing), OpenWith::Rsa(&keys().rsa)]);
        let _ = suite::open_header(&header, &with);
    }
}

/// Whole age files, at once and as a stream.
pub fn files(bytes: &[u8]) {
    let whole = age::open(&keys().identities, bytes);
    if armor::is_armored(bytes) {
        return;
    }
    let mut streamed = Vec::new();
    let opened = age::open_reader(&keys().identities, bytes, Cores::One);
    let read = opened.and_then(|mut reader| reader.read_to_end(&mut streamed));
    assert_eq!(
        whole.is_ok(),
        read.is_ok(),
        "whole and stream differ: {:?} and {read:?}",
        whole.as_ref().err()
    );
    if let Ok(plain) = whole {
        assert_eq!(plain, streamed);
    }
}

/// Recipients and identities as text, one or a file of them; RSA and X-Wing keys as bytes.
pub fn key_texts(bytes: &[u8]) {
    let _ = RsaPublicKey::from_der(bytes);
    let _ = RsaSecretKey::from_pkcs8(bytes);
    if let Ok(recipient) = XWingRecipient::from_bytes(bytes) {
        assert_eq!(recipient.to_bytes(), bytes);
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = text.parse::<Recipient>();
    let _ = text.parse::<Identity>();
    let _ = cowl_seal::age::read_recipients(text);
    let _ = cowl_seal::age::read_identities(text);
}

/// Boxes, messages and the key store.
pub fn boxes(bytes: &[u8]) {
    let _ = sealed_box::open(&Secret::new([7; 32]), b"cowl-fuzz", bytes);
    let _ = message::open_with(&keys().xwing, b"cowl-fuzz", bytes);
    let _ = PartyIdentity::open(bytes, &[7; 64], &DeviceSecret::from_bytes([7; 16]));
}

/// Payloads of both suites, whole and a range of them.
pub fn payloads(bytes: &[u8]) {
    for key in [ItemKey::Standard(FileKey::new([7; 16])), ItemKey::HybridRsa(FileKey32::new([7; 32]))] {
        let _ = PayloadOpener::open(&key, bytes, Cores::One);
        let Some((numbers, sealed)) = bytes.split_first_chunk::<24>() else { continue };
        let number =
            |at: usize| numbers[at..at + 8].iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
        if let Some(span) = SegmentSpan::covering(&(number(0)..number(8)), number(16)) {
            let _ = PayloadOpener::new(&key, &Default::default()).open_range(&span, sealed);
        }
    }
}

/// Shares of keys.
pub fn shares(bytes: &[u8]) {
    let Ok(stanza) = Stanza::decode(bytes) else { return };
    for suite in [Suite::Standard, Suite::HybridRsa] {
        let _ = shares::unwrap_item_key(&keys().xwing, &stanza, suite, b"cowl-fuzz");
    }
    let _ = shares::unwrap_epoch(&keys().xwing, &stanza, b"cowl-fuzz");
}
