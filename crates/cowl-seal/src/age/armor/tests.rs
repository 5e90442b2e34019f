use std::io::BufReader;

use proptest::prelude::*;

use super::*;

fn read(text: &[u8], capacity: usize) -> io::Result<Vec<u8>> {
    let mut file = Vec::new();
    ArmorReader::new(BufReader::with_capacity(capacity, text)).read_to_end(&mut file).map(|_| file)
}

#[test]
fn files_of_every_length_come_back() {
    for length in 0..150 {
        let file: Vec<u8> = (0..length).collect();
        let text = encode(&file);
        assert_eq!(decode(text.as_bytes()).as_ref(), Ok(&file));
        assert_eq!(decode(text.replace('\n', "\r\n").as_bytes()).as_ref(), Ok(&file));
        assert_eq!(read(text.as_bytes(), 7).unwrap(), file);
    }
}

#[test]
fn faults_are_named_by_line() {
    let body = "-----BEGIN AGE ENCRYPTED FILE-----\nAAAA\n-----END AGE ENCRYPTED FILE-----\n";
    assert_eq!(decode(body.as_bytes()), Ok(vec![0; 3]));
    assert_eq!(decode(format!("x{body}").as_bytes()), Err(ArmorError::Begin));
    assert_eq!(decode(format!("{body}x").as_bytes()), Err(ArmorError::Trailing));
    assert_eq!(decode(format!("{body}{body}").as_bytes()), Err(ArmorError::Trailing));
    assert_eq!(decode(&body.as_bytes()[..40]), Err(ArmorError::Truncated));
    assert_eq!(decode(b""), Err(ArmorError::Begin));
    for bad in ["AAA", "AAAA\nAAAA", "AAB=", "AAAA ", " AAAA", "AA=A", "", "AAAA\n"] {
        let text = body.replace("AAAA", bad);
        assert!(matches!(decode(text.as_bytes()), Err(ArmorError::Line(_))), "{bad:?}");
    }
}

#[test]
fn white_space_around_the_armor_is_allowed() {
    let text = format!("\n \t\r\n{}\n\n  \n", encode(b"content"));
    assert_eq!(decode(text.as_bytes()).unwrap(), b"content");
    assert!(is_armored(text.as_bytes()) && !is_armored(b"age-encryption.org/v1\n"));
}

#[test]
fn an_endless_line_is_refused_early() {
    let text = format!("-----BEGIN AGE ENCRYPTED FILE-----\n{}", "A".repeat(1 << 20));
    let error = read(text.as_bytes(), 64).unwrap_err();
    assert_eq!(error.get_ref().unwrap().downcast_ref(), Some(&ArmorError::Line(1)));
}

proptest! {
    #[test]
    fn writing_in_pieces_gives_the_same_text(file in proptest::collection::vec(any::<u8>(), 0..400), piece in 1..100usize) {
        let mut writer = ArmorWriter::new(Vec::new()).unwrap();
        for part in file.chunks(piece) {
            writer.write_all(part).unwrap();
        }
        prop_assert_eq!(String::from_utf8(writer.finish().unwrap()).unwrap(), encode(&file));
    }

    #[test]
    fn text_has_one_reading(text in "[A-Za-z0-9+/=\r\n]{0,200}") {
        let text = format!("{BEGIN}\n{text}\n{END}\n");
        if let Ok(file) = decode(text.as_bytes()) {
            prop_assert_eq!(encode(&file), text.replace("\r\n", "\n"));
        }
    }
}
