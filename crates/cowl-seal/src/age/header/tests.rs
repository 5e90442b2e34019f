use std::io::{BufReader, Read};

use proptest::prelude::*;

use super::*;
use crate::age::{Identity, open_header};
use crate::file_key::ItemKey;
use crate::suite::{SealTo, seal_header};

fn key() -> ItemKey {
    ItemKey::from_slice(Suite::Standard, &[5; 16]).unwrap()
}

fn seal(stanzas: Vec<Stanza>) -> Header {
    Header::seal(Suite::Standard, &key().mac_key(), stanzas)
}

fn stanza(tag: &str, body: &[u8]) -> Stanza {
    Stanza::with_arg(tag, "arg".to_owned(), body.to_vec())
}

fn decode(text: &[u8]) -> Result<Header, HeaderError> {
    Header::decode(Suite::Standard, text)
}

/// Neither parses to what was sealed nor passes for it.
fn is_refused(text: &[u8]) -> bool {
    decode(text).map_or(true, |header| header.verify(&key().mac_key()).is_err())
}

#[test]
fn bodies_of_every_length_come_back() {
    for length in 0..200 {
        let header = seal(vec![stanza("x", &vec![7; length])]);
        assert_eq!(decode(&header.encode()), Ok(header));
    }
}

#[test]
fn every_changed_byte_is_refused() {
    let text = seal(vec![stanza("one", &[1; 48]), stanza("two", &[2; 7])]).encode();
    for at in 0..text.len() {
        for value in 0..=255 {
            let mut changed = text.clone();
            changed[at] = value;
            assert_eq!(is_refused(&changed), value != text[at], "byte {at} as {value}");
        }
    }
}

#[test]
fn every_cut_and_every_added_byte_is_refused() {
    let text = seal(vec![stanza("one", &[1; 48]), stanza("two", &[2; 7])]).encode();
    for at in 0..text.len() {
        assert!(decode(&text[..at]).is_err(), "cut at {at}");
    }
    for value in 0..=255 {
        assert_eq!(decode(&[text.as_slice(), &[value]].concat()), Err(HeaderError::Trailing));
    }
}

#[test]
fn swapped_doubled_and_dropped_stanzas_are_refused() {
    let (one, two) = (stanza("one", &[1; 32]), stanza("two", &[2; 32]));
    let sealed = seal(vec![one.clone(), two.clone()]);
    for stanzas in [vec![two.clone(), one.clone()], vec![one.clone(), two.clone(), two], vec![one]] {
        let changed = Header { stanzas, ..sealed.clone() };
        assert_eq!(changed.verify(&key().mac_key()), Err(BadMac));
    }
}

#[test]
fn a_header_of_the_other_suite_is_refused_by_its_first_line() {
    let text = seal(vec![stanza("x", b"")]).encode();
    assert_eq!(Header::decode(Suite::HybridRsa, &text), Err(HeaderError::FirstLine(Suite::HybridRsa)));
    let header = Header { suite: Suite::HybridRsa, ..decode(&text).unwrap() };
    assert_eq!(header.verify(&key().mac_key()), Err(BadMac));
}

#[test]
fn faults_are_named_by_place() {
    let cases: [(&str, HeaderError); 8] = [
        ("age-encryption.org/v2\n", HeaderError::FirstLine(Suite::Standard)),
        ("age-encryption.org/v1\n", HeaderError::Truncated),
        ("age-encryption.org/v1\n--- AAAA\n", HeaderError::MacLine),
        ("age-encryption.org/v1\n--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", HeaderError::NoStanza),
        (
            "age-encryption.org/v1\n-> a\n\n-> b  c\n\n",
            HeaderError::Stanza { index: 1, fault: StanzaFault::Arguments },
        ),
        ("age-encryption.org/v1\n-> a\nAAA=\n", HeaderError::Stanza { index: 0, fault: StanzaFault::Body }),
        ("age-encryption.org/v1\n-> a\nAB\n", HeaderError::Stanza { index: 0, fault: StanzaFault::Body }),
        ("age-encryption.org/v1\n->\n", HeaderError::Stanza { index: 0, fault: StanzaFault::Arguments }),
    ];
    for (text, error) in cases {
        assert_eq!(decode(text.as_bytes()), Err(error), "{text}");
    }
}

#[test]
fn reading_stops_behind_the_header() {
    let header = seal(vec![stanza("x", &[9; 100])]);
    let file = [header.encode().as_slice(), b"payload"].concat();
    let mut reader = BufReader::with_capacity(1, file.as_slice());
    assert_eq!(Header::read(Suite::Standard, &mut reader).unwrap(), header);
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"payload");
}

#[test]
fn a_header_without_end_is_not_read_without_end() {
    let endless = b"age-encryption.org/v1\n".chain(std::io::repeat(b'-'));
    let error = Header::read(Suite::Standard, &mut BufReader::new(endless)).unwrap_err();
    assert_eq!(error.get_ref().unwrap().downcast_ref(), Some(&HeaderError::TooLong));
    let noise = std::io::repeat(b'x');
    let error = Header::read(Suite::Standard, &mut BufReader::new(noise)).unwrap_err();
    assert_eq!(error.get_ref().unwrap().downcast_ref(), Some(&HeaderError::FirstLine(Suite::Standard)));
}

#[test]
fn a_stanza_stands_alone_too() {
    let one = stanza("cowl-share-v1", &[3; 48]);
    assert_eq!(Stanza::decode(&one.encode()), Ok(one.clone()));
    assert_eq!(Stanza::decode(&[one.encode(), one.encode()].concat()), Err(HeaderError::Trailing));
}

#[test]
fn a_native_header_with_any_changed_byte_does_not_open() {
    let identity = Identity::make();
    let recipient = identity.recipient().unwrap();
    let text = seal_header(&key(), &[SealTo::Age(&recipient)]).unwrap().encode();
    let identities = [identity];
    assert_eq!(open_header(&decode(&text).unwrap(), &identities).unwrap().expose(), &[5; 16]);
    for at in 0..text.len() {
        let mut changed = text.clone();
        changed[at] ^= 1;
        let opened =
            decode(&changed).map_err(Into::into).and_then(|header| open_header(&header, &identities));
        assert!(opened.is_err(), "byte {at}");
    }
}

prop_compose! {
    fn any_stanza()(tag in "[!-~]{1,20}", args in proptest::collection::vec("[!-~]{1,40}", 0..4),
                    body in proptest::collection::vec(any::<u8>(), 0..200)) -> Stanza {
        Stanza { tag, args, body }
    }
}

proptest! {
    #[test]
    fn what_is_sealed_parses_to_the_same(stanzas in proptest::collection::vec(any_stanza(), 1..5)) {
        let header = seal(stanzas);
        prop_assert_eq!(decode(&header.encode()), Ok(header));
    }

    #[test]
    fn what_parses_encodes_to_the_same(text in "(-> [!-~ ]{0,9}\n|[A-Za-z0-9+/]{0,66}\n|--- [A-Za-z0-9+/]{43}\n){1,6}") {
        let text = format!("age-encryption.org/v1\n{text}");
        if let Ok((header, rest)) = Header::decode_prefix(Suite::Standard, text.as_bytes()) {
            let mut again = header.encode();
            again.extend_from_slice(rest);
            prop_assert_eq!(again, text.into_bytes());
        }
    }

    #[test]
    fn noise_is_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Header::decode(Suite::Standard, &bytes);
        let _ = Stanza::decode(&bytes);
        let _ = crate::suite::decode_header(&bytes);
    }
}
