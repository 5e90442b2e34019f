//! Crate `age` opens what we seal, and we open what it seals.
#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

use std::io::{Read, Write};
use std::str::FromStr;

use age::secrecy::SecretString;
use cowl_seal::age as ours;
use cowl_seal::payload::Cores;
use proptest::prelude::*;

/// An X25519 identity, as both sides have it.
fn identities() -> (age::x25519::Identity, ours::Identity) {
    let mine = ours::Identity::X25519(ours::X25519Identity::make());
    let theirs = age::x25519::Identity::from_str(&mine.expose_string().unwrap()).unwrap();
    assert_eq!(theirs.to_public().to_string(), mine.recipient().unwrap().to_string());
    (theirs, mine)
}

fn sealed_by_us(recipients: &[ours::Recipient], plaintext: &[u8]) -> Vec<u8> {
    let mut writer = ours::seal_writer(recipients, Vec::new(), Cores::All).unwrap();
    writer.write_all(plaintext).unwrap();
    writer.finish().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn it_opens_what_we_seal(plaintext in proptest::collection::vec(any::<u8>(), 0..200_000)) {
        let (theirs, mine) = identities();
        let recipient = mine.recipient().unwrap();
        let in_memory = ours::seal(std::slice::from_ref(&recipient), &plaintext).unwrap();
        prop_assert_eq!(&age::decrypt(&theirs, &in_memory).unwrap(), &plaintext);
        let stream = sealed_by_us(&[recipient], &plaintext);
        prop_assert_eq!(&age::decrypt(&theirs, &stream).unwrap(), &plaintext);
        let armored = ours::armor::encode(&stream);
        let mut opened = Vec::new();
        let reader = age::armor::ArmoredReader::new(armored.as_bytes());
        let mut reader = age::Decryptor::new(reader).unwrap().decrypt(std::iter::once(&theirs as _)).unwrap();
        reader.read_to_end(&mut opened).unwrap();
        prop_assert_eq!(&opened, &plaintext);
    }

    #[test]
    fn we_open_what_it_seals(plaintext in proptest::collection::vec(any::<u8>(), 0..200_000)) {
        let (theirs, mine) = identities();
        let identities = [mine];
        let binary = age::encrypt(&theirs.to_public(), &plaintext).unwrap();
        prop_assert_eq!(&ours::open(&identities, &binary).unwrap(), &plaintext);
        let armored = age::encrypt_and_armor(&theirs.to_public(), &plaintext).unwrap();
        prop_assert_eq!(&ours::open(&identities, armored.as_bytes()).unwrap(), &plaintext);
    }
}

#[test]
fn large_files_go_both_ways() {
    let (theirs, mine) = identities();
    let plaintext: Vec<u8> = (0..5_000_000_u32).map(|at| (at >> 3) as u8).collect();
    let sealed = sealed_by_us(&[mine.recipient().unwrap()], &plaintext);
    assert!(age::decrypt(&theirs, &sealed).unwrap() == plaintext);
    let sealed = age::encrypt(&theirs.to_public(), &plaintext).unwrap();
    let mut opened = Vec::new();
    let mut reader = ours::open_reader(&[mine], sealed.as_slice(), Cores::All).unwrap();
    reader.read_to_end(&mut opened).unwrap();
    assert!(opened == plaintext);
}

#[test]
fn each_of_several_recipients_opens_the_file() {
    let parties: Vec<_> = (0..3).map(|_| identities()).collect();
    let recipients: Vec<_> = parties.iter().map(|(_, mine)| mine.recipient().unwrap()).collect();
    let sealed = ours::seal(&recipients, b"for three").unwrap();
    for (theirs, mine) in parties {
        assert_eq!(age::decrypt(&theirs, &sealed).unwrap(), b"for three");
        assert_eq!(ours::open(&[mine], &sealed).unwrap(), b"for three");
    }
}

#[test]
fn passphrases_go_both_ways() {
    let secret = || SecretString::from("correct horse battery staple".to_owned());
    let passphrase = || ours::Passphrase::new("correct horse battery staple".to_owned()).with_work_factor(10);
    let mut writer = ours::seal_writer_with_passphrase(&passphrase(), Vec::new(), Cores::One).unwrap();
    writer.write_all(b"ours").unwrap();
    let sealed = writer.finish().unwrap();
    assert_eq!(age::decrypt(&age::scrypt::Identity::new(secret()), &sealed).unwrap(), b"ours");

    let mut recipient = age::scrypt::Recipient::new(secret());
    recipient.set_work_factor(10);
    let sealed = age::encrypt(&recipient, b"theirs").unwrap();
    assert_eq!(ours::open(&[ours::Identity::Passphrase(passphrase())], &sealed).unwrap(), b"theirs");
    let bounded = ours::Identity::Passphrase(passphrase().with_highest_work_factor(9));
    assert!(ours::open(&[bounded], &sealed).is_err());
    let wrong = ours::Identity::Passphrase(ours::Passphrase::new("wrong".to_owned()));
    let error = ours::open(&[wrong], &sealed).unwrap_err();
    assert_eq!(error, ours::OpenHeaderError::NoMatch.into());
}
