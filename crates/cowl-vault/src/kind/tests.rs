use std::path::Path;

use cowl_domain::Kind;
use proptest::prelude::*;

use super::{HEAD_SIZE, detect};

fn padded(bytes: &[u8], size: usize) -> Vec<u8> {
    let mut head = bytes.to_vec();
    head.resize(size, 0);
    head
}

#[test]
fn every_sample_note_is_what_its_format_is() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/notes");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let content = std::fs::read(&path).unwrap();
        let head = &content[..content.len().min(HEAD_SIZE)];
        let expected = match path.extension().unwrap().to_str().unwrap() {
            "pdf" => Kind::Pdf,
            "docx" => Kind::Office,
            _ => Kind::Text,
        };
        assert_eq!(detect(path.file_name().unwrap().to_str().unwrap(), head), expected, "{}", path.display());
        // A PDF tells without its name; a package of OOXML may not, within its head.
        if expected != Kind::Office {
            assert_eq!(detect("note", head), expected, "{} without its name", path.display());
        }
        seen += 1;
    }
    assert!(seen >= 8, "{seen} samples");
}

#[test]
fn images_are_known_by_their_signatures() {
    let heads: [&[u8]; 9] = [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"\xff\xd8\xff\xe0\0\x10JFIF\0",
        b"GIF89a\x01\0\x01\0",
        b"II*\0\x08\0\0\0",
        b"MM\0*\0\0\0\x08",
        b"RIFF\x24\0\0\0WEBPVP8 ",
        b"BM\x36\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x01\0\0\0",
        b"\0\0\0\x0cjP  \r\n\x87\n",
        b"P5\n2 2\n255\n\x01\x02\x00\x04",
    ];
    for head in heads {
        assert_eq!(detect("a.txt", head), Kind::Image, "{head:?}");
    }
}

#[test]
fn a_dicom_file_is_known_by_its_preamble() {
    let mut head = vec![0; 128];
    head.extend_from_slice(b"DICM\x02\0\0\0UL\x04\0\xc0\0\0\0");
    assert_eq!(detect("IM000001", &head), Kind::Dicom);
}

#[test]
fn a_dicom_data_set_without_preamble_is_known_in_each_transfer_syntax() {
    let explicit = b"\x08\0\x05\0CS\x0a\0ISO_IR 100\x08\0\x16\0UI\x1a\x001.2.840.10008.5.1.4.1.1.2\0";
    let implicit = b"\x08\0\x05\0\x0a\0\0\0ISO_IR 100\x08\0\x16\0\x1a\0\0\x001.2.840.10008.5.1.4.1.1.2\0";
    let big_endian = b"\0\x08\0\x05CS\0\x0aISO_IR 100\0\x08\0\x16UI\0\x1a1.2.840.10008.5.1.4.1.1.2\0";
    for head in [&explicit[..], implicit, big_endian] {
        assert_eq!(detect("image", head), Kind::Dicom, "{head:?}");
    }
}

#[test]
fn zeros_are_not_a_dicom_data_set() {
    assert_eq!(detect("disk.img", &[0; HEAD_SIZE]), Kind::Other);
}

#[test]
fn nifti_is_known_by_header_size_and_magic_in_both_byte_orders() {
    for (size, magic, offset) in [
        (348i32.to_le_bytes(), b"n+1\0", 344),
        (348i32.to_be_bytes(), b"ni1\0", 344),
        (540i32.to_le_bytes(), b"n+2\0", 4),
    ] {
        let mut head = padded(&size, 544);
        head[offset..offset + 4].copy_from_slice(magic);
        assert_eq!(detect("volume", &head), Kind::Nifti);
    }
    assert_eq!(detect("BRAIN.NII.GZ", b"\x1f\x8b\x08\0\0\0\0\0"), Kind::Nifti);
    assert_eq!(detect("notes.gz", b"\x1f\x8b\x08\0\0\0\0\0"), Kind::Other);
}

#[test]
fn office_packages_are_known_by_their_entries_or_else_by_name() {
    assert_eq!(detect("a", b"PK\x03\x04\x14\0\0\0\x08\0\0\0!\0 word/document.xml"), Kind::Office);
    assert_eq!(detect("a", b"PK\x03\x04 mimetypeapplication/vnd.oasis.opendocument.text"), Kind::Office);
    assert_eq!(detect("letter.docx", b"PK\x03\x04\x14\0\0\0 [Content_Types].xml"), Kind::Office);
    assert_eq!(detect("study.zip", b"PK\x03\x04\x14\0\0\0 IM000001"), Kind::Other);
    assert_eq!(detect("letter", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0"), Kind::Office);
}

#[test]
fn models_are_known_by_their_first_fields() {
    assert_eq!(detect("m", b"\x08\x07\x12\x07pytorch\x1a\x032.0:"), Kind::Onnx);
    assert_eq!(detect("m.onnx", b"\x08\x08:\xff\x01\x0a"), Kind::Onnx);
    assert_eq!(detect("m", b"\x08\x08:\xff\x01\x0a"), Kind::Other);
}

#[test]
fn text_with_the_name_of_a_table_is_a_table_and_binary_is_not() {
    assert_eq!(detect("labs.CSV", b"date,potassium\n2026-01-01,4.1\n"), Kind::Csv);
    assert_eq!(detect("labs.csv", &[0, 1, 2, 3]), Kind::Other);
}

#[test]
fn text_is_known_in_every_encoding_that_is_read() {
    assert_eq!(detect("a", "Ödem, Fieber über 39 °C".as_bytes()), Kind::Text);
    assert_eq!(detect("a", b"\xd6dem, Fieber \xfcber 39 \xb0C seit gestern"), Kind::Text);
    assert_eq!(detect("a", b"\xff\xfeF\0e\0v\0e\0r\0"), Kind::Text);
    assert_eq!(detect("a", b"{\\rtf1\\ansi fever}"), Kind::Text);
}

#[test]
fn a_head_that_ends_within_a_character_is_still_text() {
    let text = "ü".repeat(HEAD_SIZE);
    assert_eq!(detect("a", &text.as_bytes()[..HEAD_SIZE - 1]), Kind::Text);
}

#[test]
fn content_overrules_the_name() {
    assert_eq!(detect("report.pdf", b"\xff\xd8\xff\xe0"), Kind::Image);
    assert_eq!(detect("notes.txt", &[0x00, 0xff, 0x13]), Kind::Other);
    assert_eq!(detect("scan.dcm", b"dear colleague"), Kind::Text);
    assert_eq!(detect("how.md", b"# PDF\nA file begins with %PDF-1.7"), Kind::Text);
}

#[test]
fn an_empty_file_is_what_its_name_says() {
    assert_eq!(detect("folder.d/empty.txt", b""), Kind::Text);
    assert_eq!(detect("folder.txt/empty", b""), Kind::Other);
}

proptest! {
    #[test]
    fn any_bytes_have_a_kind(name in ".{0,20}", head in prop::collection::vec(any::<u8>(), 0..600)) {
        detect(&name, &head);
    }
}
