use data_encoding::HEXLOWER;
use proptest::prelude::*;

use super::*;
use crate::merkle::leaf_hash;

const NAME: &str = "cowl.example/log";

fn key() -> SigningKey {
    SigningKey::from_seed(&[3; 32])
}

fn checkpoint() -> Checkpoint {
    Checkpoint { origin: NAME.to_owned(), size: 123, root: leaf_hash(b"root") }
}

fn signed() -> String {
    sign_checkpoint(&checkpoint(), NAME, &key()).unwrap()
}

fn open(note: &str) -> Result<Checkpoint, CheckpointError> {
    open_checkpoint(note, NAME, &key().verifying_key())
}

/// A note over any text, signed as the log would.
fn signed_text(text: &str) -> String {
    note::sign(text, NAME, &key()).unwrap()
}

/// The key in a `name+hash+key` line.
fn key_of(verifier_key: &str) -> VerifyingKey {
    let encoded = verifier_key.splitn(3, '+').last().unwrap();
    VerifyingKey::from_bytes(*BASE64.decode(encoded.as_bytes()).unwrap().last_chunk().unwrap())
}

#[test]
fn a_checkpoint_is_read_back() {
    assert_eq!(open(&signed()), Ok(checkpoint()));
    let empty = Checkpoint { origin: "o".to_owned(), size: 0, root: Hash::EMPTY };
    let largest = Checkpoint { origin: "two words é".to_owned(), size: u64::MAX, root: Hash::EMPTY };
    for checkpoint in [empty, largest] {
        assert_eq!(open(&sign_checkpoint(&checkpoint, NAME, &key()).unwrap()), Ok(checkpoint));
    }
}

#[test]
fn the_text_of_a_note_is_the_prescribed_one() {
    let (text, signature) = text_and_signature();
    let root = BASE64.encode(leaf_hash(b"root").as_bytes());
    assert_eq!(text, format!("cowl.example/log\n123\n{root}\n"));
    assert!(signature.starts_with("\u{2014} cowl.example/log "));
    assert!(signature.ends_with("=\n"));
}

fn text_and_signature() -> (String, String) {
    let note = signed();
    let (text, signature) = note.split_once("\n\n").unwrap();
    (format!("{text}\n"), signature.to_owned())
}

#[test]
fn the_example_of_the_reference_implementation_is_reproduced() {
    // The key and the note in the documentation of Go's package golang.org/x/mod/sumdb/note.
    let seed = BASE64.decode(b"AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz").unwrap();
    let key = SigningKey::from_seed(seed.last_chunk().unwrap());
    let text = "If you think cryptography is the answer to your problem,\n\
                then you don't know what your problem is.\n";
    let expected = format!(
        "{text}\n\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    );
    assert_eq!(note::sign(text, "PeterNeumann", &key).unwrap(), expected);
    assert_eq!(note::open(&expected, "PeterNeumann", &key.verifying_key()), Ok(text));
    let verifier_key = verifier_key("PeterNeumann", &key.verifying_key()).unwrap();
    assert_eq!(verifier_key, "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
}

#[test]
fn the_example_of_the_specification_opens() {
    let key = key_of("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k");
    let note = "This is an example message.\n\n\
                \u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    assert_eq!(note::open(note, "example.com/foo", &key), Ok("This is an example message.\n"));
}

#[test]
fn a_checkpoint_of_the_go_checksum_database_opens() {
    let key = key_of("sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8");
    let note = "go.sum database tree\n6476701\nmb8QLQIs0Z0yP5Cstq6guj87oXWeC9gEM8oVikmm9Wk=\n\n\
                \u{2014} sum.golang.org Az3grsLX85Gz+s1SiTbgkuqxgItqFq7gsMUEyVnrsa9LM7Us9S+1xbFIGu95949rj4nPRYfvimWEPWL+o3GeoWwOoAw=\n";
    let checkpoint = open_checkpoint(note, "sum.golang.org", &key).unwrap();
    assert_eq!(checkpoint.origin, "go.sum database tree");
    assert_eq!(checkpoint.size, 6_476_701);
    assert!(HEXLOWER.encode(checkpoint.root.as_bytes()).starts_with("99bf102d"));
}

#[test]
fn no_bit_of_a_note_can_be_changed() {
    let note = signed();
    for at in 0..note.len() {
        for bit in 0..8 {
            let mut bytes = note.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            if let Ok(altered) = String::from_utf8(bytes) {
                assert!(open(&altered).is_err(), "bit {bit} of byte {at}");
            }
        }
    }
}

#[test]
fn no_byte_of_a_note_can_be_left_out_or_put_in() {
    let note = signed();
    for at in (0..note.len()).filter(|&at| note.is_char_boundary(at) && note.is_char_boundary(at + 1)) {
        let shorter = format!("{}{}", &note[..at], &note[at + 1..]);
        assert!(open(&shorter).is_err(), "without byte {at}");
    }
    for at in (0..=note.len()).filter(|&at| note.is_char_boundary(at)) {
        for extra in ["\n", " ", "A", "=", "\r"] {
            let longer = format!("{}{extra}{}", &note[..at], &note[at..]);
            assert!(open(&longer).is_err(), "with {extra:?} at {at}");
        }
    }
}

#[test]
fn other_keys_and_names_open_nothing() {
    let note = signed();
    let other = SigningKey::from_seed(&[4; 32]).verifying_key();
    assert_eq!(open_checkpoint(&note, NAME, &other), Err(CheckpointError::NotSigned));
    let public = key().verifying_key();
    assert_eq!(open_checkpoint(&note, "another", &public), Err(CheckpointError::NotSigned));
    assert_eq!(open_checkpoint(&note, "a name", &public), Err(CheckpointError::Name));
}

#[test]
fn signatures_of_witnesses_are_passed_over() {
    let (text, signature) = text_and_signature();
    let witness = "\u{2014} witness.example AAAAAAAAAAAAAAAAAAAA\n";
    for signatures in [format!("{witness}{signature}"), format!("{signature}{witness}{signature}")] {
        assert_eq!(open(&format!("{text}\n{signatures}")), Ok(checkpoint()));
    }
    assert_eq!(open(&format!("{text}\n{witness}")), Err(CheckpointError::NotSigned));
}

#[test]
fn one_bad_signature_in_the_name_of_the_key_spoils_the_note() {
    let (text, signature) = text_and_signature();
    let other = signed_text("another text\n");
    let (_, bad) = other.split_once("\n\n").unwrap();
    for signatures in [format!("{bad}{signature}"), format!("{signature}{bad}")] {
        assert_eq!(open(&format!("{text}\n{signatures}")), Err(CheckpointError::BadSignature));
    }
}

#[test]
fn malformed_notes_are_refused() {
    let (text, signature) = text_and_signature();
    let huge = format!("{text}\n{signature}{}", "\u{2014} w AAAAAAAA\n".repeat(10_000));
    for note in [
        "",
        "\n",
        "\n\n",
        "text\n\n",
        &text,
        &format!("{text}\n"),
        &format!("{text}{signature}"),
        &format!("{text}\n{}", signature.trim_end()),
        &format!("{text}\n{signature}{signature}x\n"),
        &format!("{text}\n- {NAME} AAAAAAAA\n{signature}"),
        &format!("{text}\n\u{2014} {NAME} AAAA\n{signature}"),
        &format!("{text}\n\u{2014} {NAME} AAAAAA==\n{signature}"),
        &format!("{text}\n\u{2014}  AAAAAAAA\n{signature}"),
        &format!("{text}\n\u{2014} a+b AAAAAAAA\n{signature}"),
        &format!("{text}\n{}", signature.replace('\n', "\r\n")),
        &huge,
    ] {
        assert_eq!(open(note), Err(CheckpointError::MalformedNote), "{note:?}");
    }
}

#[test]
fn a_signed_text_that_is_no_checkpoint_is_refused() {
    let root = BASE64.encode(leaf_hash(b"root").as_bytes());
    for text in [
        "\n".to_owned(),
        "origin\n".to_owned(),
        "origin\n1\n".to_owned(),
        format!("\n1\n{root}\n"),
        format!("origin\n01\n{root}\n"),
        format!("origin\n+1\n{root}\n"),
        format!("origin\n-1\n{root}\n"),
        format!("origin\n1 \n{root}\n"),
        format!("origin\n0x1\n{root}\n"),
        format!("origin\n\n{root}\n"),
        format!("origin\n18446744073709551616\n{root}\n"),
        format!("origin\n1\n{root} \n"),
        format!("origin\n1\n{}\n", root.trim_end_matches('=')),
        format!("origin\n1\n{}\n", BASE64.encode(&[1; 31])),
        format!("origin\n1\n{}\n", BASE64.encode(&[1; 33])),
        format!("origin\n1\n{root}\nextension\n"),
        format!("\norigin\n1\n{root}\n"),
    ] {
        assert_eq!(open(&signed_text(&text)), Err(CheckpointError::MalformedCheckpoint), "{text:?}");
    }
}

#[test]
fn what_could_not_be_read_back_is_not_signed() {
    for origin in ["", "two\nlines", "tab\t", "\u{85}"] {
        let checkpoint = Checkpoint { origin: origin.to_owned(), ..checkpoint() };
        assert_eq!(sign_checkpoint(&checkpoint, NAME, &key()), Err(CheckpointError::Origin));
    }
    for name in ["", "two words", "a+b", "line\n", "\u{a0}"] {
        assert_eq!(sign_checkpoint(&checkpoint(), name, &key()), Err(CheckpointError::Name));
        assert_eq!(verifier_key(name, &key().verifying_key()), Err(CheckpointError::Name));
    }
}

#[test]
fn leaves_are_sha_256_of_zero_tag_salt_and_event() {
    let salted = b"\0cowl-log/salted-leaf/v1\n0123456789abcdefevent";
    assert_eq!(salted_leaf(b"0123456789abcdef", b"event"), Hash::from_bytes(sha256(salted)));
    let open = b"\0cowl-log/open-leaf/v1\nbinding";
    assert_eq!(open_leaf(b"binding"), Hash::from_bytes(sha256(open)));
}

#[test]
fn salt_event_and_kind_of_leaf_all_count() {
    let salt = [7; SALT_LENGTH];
    let leaf = salted_leaf(&salt, b"event");
    assert_ne!(leaf, salted_leaf(&[8; SALT_LENGTH], b"event"));
    assert_ne!(leaf, salted_leaf(&salt, b"evens"));
    let salted_event = [salt.as_slice(), b"event"].concat();
    assert_ne!(leaf, open_leaf(&salted_event));
    assert_ne!(leaf, leaf_hash(&salted_event));
    assert_ne!(open_leaf(b"event"), leaf_hash(b"event"));
}

proptest! {
    #[test]
    fn every_checkpoint_is_read_back(origin in "[^\\p{Cc}]{1,60}", size in any::<u64>(), root in any::<[u8; 32]>()) {
        let checkpoint = Checkpoint { origin, size, root: Hash::from_bytes(root) };
        let note = sign_checkpoint(&checkpoint, NAME, &key()).unwrap();
        prop_assert_eq!(open(&note), Ok(checkpoint));
    }

    #[test]
    fn arbitrary_text_never_panics(text in any::<String>(), lines in "(\u{2014} [a-z.]{1,9} [A-Za-z0-9+/=]{0,90}\n){0,4}") {
        prop_assert!(open(&text).is_err());
        let note = format!("{text}\n\n{lines}");
        prop_assert!(open(&note).is_err());
    }
}
