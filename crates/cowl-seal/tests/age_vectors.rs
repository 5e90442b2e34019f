//! The C2SP vectors for age (`vectors/age`), each opened in memory and as a stream.
#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

use std::collections::HashMap;
use std::io::Read;
use std::path::PathBuf;

use cowl_seal::Suite;
use cowl_seal::age::armor::{self, ArmorError, ArmorReader};
use cowl_seal::age::header::{Header, HeaderError};
use cowl_seal::age::{self, Identity, OpenError, OpenHeaderError, Passphrase};
use cowl_seal::payload::{Cores, PayloadError};

/// One file of the suite: header fields, then an age file.
struct Vector {
    name: String,
    fields: HashMap<String, Vec<String>>,
    file: Vec<u8>,
}

impl Vector {
    fn parse(name: String, bytes: &[u8]) -> Self {
        let end = bytes.windows(2).position(|pair| pair == b"\n\n").unwrap();
        let mut fields: HashMap<String, Vec<String>> = HashMap::new();
        for line in std::str::from_utf8(&bytes[..end]).unwrap().lines() {
            let (key, value) = line.split_once(": ").unwrap();
            fields.entry(key.to_owned()).or_default().push(value.to_owned());
        }
        let body = &bytes[end + 2..];
        let file = match fields.get("compressed") {
            Some(_) => miniz_oxide::inflate::decompress_to_vec_zlib(body).unwrap(),
            None => body.to_vec(),
        };
        Self { name, fields, file }
    }

    fn all() -> Vec<Self> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../vectors/age");
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let files = entries.filter(|path| path.extension().is_none());
        files
            .map(|path| {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                Self::parse(name, &std::fs::read(&path).unwrap())
            })
            .collect()
    }

    fn one(&self, key: &str) -> Option<&str> {
        self.fields.get(key).map(|values| values[0].as_str())
    }

    fn identities(&self) -> Vec<Identity> {
        let of = |key: &str| self.fields.get(key).cloned().unwrap_or_default();
        let keys = of("identity").into_iter().map(|text| text.parse().unwrap());
        let passphrases =
            of("passphrase").into_iter().map(|text| Identity::Passphrase(Passphrase::new(text)));
        keys.chain(passphrases).collect()
    }

    fn is_armored(&self) -> bool {
        self.one("armored") == Some("yes")
    }

    fn open_in_memory(&self) -> Result<Vec<u8>, OpenError> {
        if self.is_armored() {
            let file = armor::decode(&self.file)?;
            assert!(!armor::is_armored(&file));
            return age::open(&self.identities(), &file);
        }
        age::open(&self.identities(), &self.file)
    }

    /// What comes out before an error, and the error.
    fn open_stream(&self, cores: Cores) -> (Vec<u8>, Option<std::io::Error>) {
        let mut released = Vec::new();
        let outcome = if self.is_armored() {
            let reader = std::io::BufReader::new(ArmorReader::new(self.file.as_slice()));
            age::open_reader(&self.identities(), reader, cores)
                .and_then(|mut it| it.read_to_end(&mut released))
        } else {
            age::open_reader(&self.identities(), self.file.as_slice(), cores)
                .and_then(|mut it| it.read_to_end(&mut released))
        };
        (released, outcome.err())
    }

    fn sha256_matches(&self, plaintext: &[u8]) -> bool {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, plaintext);
        let hex: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        self.one("payload").is_none_or(|expected| expected == hex)
    }
}

/// The words of the suite for an outcome.
fn name_of(error: &OpenError) -> &'static str {
    match error {
        OpenError::Armor(_) => "armor failure",
        OpenError::Header(OpenHeaderError::Header(_)) => "header failure",
        OpenError::Header(OpenHeaderError::NoMatch) => "no match",
        OpenError::Header(OpenHeaderError::Mac(_)) => "HMAC failure",
        // The suite counts the payload's nonce to the header.
        OpenError::Payload(PayloadError::Length(0..16)) => "header failure",
        OpenError::Payload(_) => "payload failure",
        _ => "another failure",
    }
}

fn name_of_io(error: &std::io::Error) -> &'static str {
    let inner = error.get_ref().unwrap();
    if let Some(error) = inner.downcast_ref::<OpenHeaderError>() {
        name_of(&OpenError::Header(error.clone()))
    } else if inner.is::<HeaderError>() {
        "header failure"
    } else if let Some(error) = inner.downcast_ref::<PayloadError>() {
        name_of(&OpenError::Payload(*error))
    } else if inner.is::<ArmorError>() {
        "armor failure"
    } else {
        "another failure"
    }
}

#[test]
fn there_are_143_vectors() {
    assert_eq!(Vector::all().len(), 143);
}

#[test]
fn every_vector_opens_or_is_refused_as_it_says() {
    let wrong: Vec<String> = Vector::all()
        .iter()
        .filter_map(|vector| {
            let found = match vector.open_in_memory() {
                Ok(plaintext) if vector.sha256_matches(&plaintext) => "success",
                Ok(_) => "another plaintext",
                Err(error) => name_of(&error),
            };
            let expected = vector.one("expect").unwrap();
            (found != expected).then(|| format!("{}: expected {expected}, found {found}", vector.name))
        })
        .collect();
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn a_stream_releases_what_is_good_and_refuses_what_is_not() {
    let mut wrong = Vec::new();
    for vector in Vector::all() {
        for cores in [Cores::One, Cores::All] {
            let (released, error) = vector.open_stream(cores);
            let expected = vector.one("expect").unwrap();
            let found = error.as_ref().map_or("success", name_of_io);
            // In a stream, armor that goes wrong late shows after its front was parsed.
            let early =
                expected == "armor failure" && (found == "header failure" || found == "payload failure");
            if (found != expected && !early) || !vector.sha256_matches(&released) {
                wrong.push(format!("{}: expected {expected}, found {found}", vector.name));
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn headers_that_parse_encode_to_the_same_bytes() {
    let mut count = 0;
    for vector in Vector::all().iter().filter(|vector| !vector.is_armored()) {
        if let Ok((header, payload)) = Header::decode_prefix(Suite::Standard, &vector.file) {
            let again = [header.encode().as_slice(), payload].concat();
            assert_eq!(again, vector.file, "{}", vector.name);
            count += 1;
        }
    }
    assert!(count > 50, "{count}");
}

#[test]
fn armor_that_decodes_encodes_to_the_same_text() {
    for vector in Vector::all().iter().filter(|vector| vector.is_armored()) {
        if let Ok(file) = armor::decode(&vector.file) {
            let text = String::from_utf8(vector.file.clone()).unwrap().replace("\r\n", "\n");
            assert_eq!(armor::encode(&file).trim(), text.trim(), "{}", vector.name);
        }
    }
}
