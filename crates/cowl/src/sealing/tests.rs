use std::io::Seek;

use super::*;

fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    file
}

fn identity() -> (Identity, SealedFor) {
    let identity = Identity::make();
    let recipient = identity.recipient().unwrap();
    (identity, SealedFor::Recipients(vec![recipient]))
}

fn sealed(bytes: &[u8], sealed_for: &SealedFor, armor: bool) -> Vec<u8> {
    let mut output = Vec::new();
    assert_eq!(seal(file(bytes), &mut output, sealed_for, armor).unwrap(), bytes.len() as u64);
    output
}

fn opened(sealed: &[u8], identity: Identity) -> io::Result<Vec<u8>> {
    let mut output = Vec::new();
    open(file(sealed), &mut output, |_| Ok(vec![identity])).map(|_| output)
}

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 253) as u8).collect()
}

#[test]
fn what_was_sealed_opens_whatever_its_length() {
    for length in [0, 1, 65_535, 65_536, 65_537, 1 << 20, (1 << 20) + 1, (3 << 20) + 5] {
        let (identity, sealed_for) = identity();
        let content = content(length);
        let sealed = sealed(&content, &sealed_for, false);
        assert!(opened(&sealed, identity).unwrap() == content, "{length} bytes");
    }
}

#[test]
fn armor_is_put_on_when_asked_for_and_taken_off_unasked() {
    let (identity, sealed_for) = identity();
    let content = content(200_000);
    let sealed = sealed(&content, &sealed_for, true);
    assert!(sealed.is_ascii() && sealed.starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----\n"));
    assert_eq!(opened(&sealed, identity).unwrap(), content);
}

#[test]
fn a_glance_at_the_header_tells_passphrases_from_keys() {
    let passphrase = SealedFor::Passphrase(Passphrase::new("correct horse".to_owned()).with_work_factor(2));
    for armor in [false, true] {
        let sealed = sealed(b"content", &passphrase, armor);
        let mut output = Vec::new();
        let identities = |for_passphrase: bool| {
            assert!(for_passphrase);
            Ok(vec![Identity::Passphrase(Passphrase::new("correct horse".to_owned()))])
        };
        open(file(&sealed), &mut output, identities).unwrap();
        assert_eq!(output, b"content");
    }
    let (identity, sealed_for) = identity();
    let sealed = sealed(b"content", &sealed_for, false);
    let keyed = |for_passphrase: bool| {
        assert!(!for_passphrase);
        Ok(vec![identity])
    };
    open(file(&sealed), io::sink(), keyed).unwrap();
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let (identity, sealed_for) = identity();
    let seed = identity.expose_string().unwrap();
    let sealed = sealed(&content(100_000), &sealed_for, false);
    for length in [0, 10, 100, 2_000, sealed.len() - 34_000, sealed.len() - 1] {
        let error = opened(&sealed[..length], seed.parse().unwrap()).unwrap_err();
        assert!(
            matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof),
            "{length}: {error}"
        );
    }
}

#[test]
fn another_key_and_another_byte_are_refused() {
    let (identity, sealed_for) = identity();
    let mut sealed = sealed(&content(100_000), &sealed_for, false);
    assert!(opened(&sealed, Identity::make()).is_err());
    let middle = sealed.len() / 2;
    sealed[middle] ^= 1;
    assert!(opened(&sealed, identity).is_err());
}
