use proptest::prelude::*;

use super::*;

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/../../samples/images/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn explicit(group: u16, element: u16, representation: &[u8; 2], value: &[u8]) -> Vec<u8> {
    let mut out = [group.to_le_bytes(), element.to_le_bytes()].concat();
    out.extend(representation);
    if [b"OB", b"OW", b"SQ", b"UN", b"UT"].contains(&representation) {
        out.extend([0, 0]);
        out.extend((value.len() as u32).to_le_bytes());
    } else {
        out.extend((value.len() as u16).to_le_bytes());
    }
    out.extend(value);
    out
}

fn file(transfer_syntax: &str, data_set: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![0; 128];
    bytes.extend(b"DICM");
    bytes.extend(explicit(0x0002, 0x0010, b"UI", transfer_syntax.as_bytes()));
    bytes.extend(data_set.concat());
    bytes
}

const EXPLICIT: &str = "1.2.840.10008.1.2.1\0";

fn image(rows: u16, columns: u16, samples: u16, planar: u16, pixels: &[u8]) -> Vec<Vec<u8>> {
    let number = |element, value: u16| explicit(0x0028, element, b"US", &value.to_le_bytes());
    vec![
        number(0x0002, samples),
        number(0x0006, planar),
        explicit(0x0028, 0x0008, b"IS", b"2 "),
        number(0x0010, rows),
        number(0x0011, columns),
        number(0x0100, 8),
        number(0x0101, 8),
        number(0x0103, 0),
        explicit(0x7fe0, 0x0010, b"OB", pixels),
    ]
}

#[test]
fn the_pixels_of_a_real_slice_are_found() {
    let bytes = sample("ct_head_027.dcm");
    let file = DicomFile::read(&bytes).unwrap();
    let span = file.raster().unwrap();
    let layout = span.layout();
    assert_eq!((layout.rows(), layout.columns(), layout.frames()), (256, 256, 1));
    assert_eq!((layout.format().bits_allocated(), layout.format().is_signed()), (16, true));
    assert_eq!(span.range().end, bytes.len());
    assert_eq!(file.label().modality.as_deref(), Some("CT"));
}

#[test]
fn labels_leave_the_patient_out() {
    let bytes = sample("mr_small.dcm");
    let label = DicomFile::read(&bytes).unwrap().label();
    assert_eq!(label.modality.as_deref(), Some("MR"));
    assert_eq!(label.study_date.as_deref(), Some("20040826"));
    assert!(!format!("{label:?}").contains("CompressedSamples"), "{label:?}");
}

#[test]
fn the_text_of_a_real_report_is_found() {
    let text = structured_report_text(&sample("report_sr.dcm")).unwrap();
    assert!(text.lines().count() > 5, "{text}");
    assert!(structured_report_text(&sample("ct_small.dcm")).is_none());
}

#[test]
fn report_text_takes_names_values_and_measures_of_nested_items() {
    let item = |contents: &[Vec<u8>]| {
        let contents = contents.concat();
        [&[0xfe, 0xff, 0x00, 0xe0], (contents.len() as u32).to_le_bytes().as_slice(), &contents].concat()
    };
    let meaning = |text: &[u8]| item(&[explicit(0x0008, 0x0104, b"LO", text)]);
    let measured =
        item(&[explicit(0x0040, 0x08ea, b"SQ", &meaning(b"mm")), explicit(0x0040, 0xa30a, b"DS", b"12.5")]);
    let size = item(&[
        explicit(0x0040, 0xa043, b"SQ", &meaning(b"Diameter")),
        explicit(0x0040, 0xa300, b"SQ", &measured),
    ]);
    let finding = item(&[
        explicit(0x0040, 0xa043, b"SQ", &meaning(b"Finding ")),
        explicit(0x0040, 0xa160, b"UT", b"Metastasis in the left lung "),
        explicit(0x0040, 0xa730, b"SQ", &size),
    ]);
    let observer = item(&[explicit(0x0040, 0xa123, b"PN", b"Doe^Jane")]);
    let bytes = file(
        EXPLICIT,
        &[
            explicit(0x0040, 0xa043, b"SQ", &meaning(b"Chest report")),
            explicit(0x0040, 0xa730, b"SQ", &[finding, observer].concat()),
        ],
    );
    let text = structured_report_text(&bytes).unwrap();
    assert_eq!(text, "Chest report\nFinding Metastasis in the left lung\nDiameter mm 12.5\n");
}

#[test]
fn planes_that_follow_each_other_are_taken_as_frames() {
    let pixels = [7; 2 * 2 * 3 * 3];
    let together = file(EXPLICIT, &image(2, 3, 3, 0, &pixels));
    let planes = file(EXPLICIT, &image(2, 3, 3, 1, &pixels));
    let shape = |bytes: &[u8]| {
        let span = DicomFile::read(bytes).unwrap().raster().unwrap();
        (span.layout().frames(), span.layout().samples_per_pixel(), span.range().len())
    };
    assert_eq!(shape(&together), (2, 3, 36));
    assert_eq!(shape(&planes), (6, 1, 36));
}

#[test]
fn only_native_whole_little_endian_pixels_have_a_raster() {
    let pixels = [7; 36];
    let raster = |syntax, pixels: &[u8]| {
        let bytes = file(syntax, &image(2, 3, 3, 0, pixels));
        DicomFile::read(&bytes).unwrap().raster()
    };
    assert!(raster(EXPLICIT, &pixels).is_some());
    assert!(raster(EXPLICIT, &pixels[..35]).is_none());
    assert!(raster("1.2.840.10008.1.2.4.50", &pixels).is_none());
}

#[test]
fn a_length_beyond_the_file_is_damage_and_keeps_what_came_before() {
    let mut bytes = file(EXPLICIT, &[explicit(0x0008, 0x0060, b"CS", b"CT")]);
    bytes.extend([0x08, 0, 0x3e, 0x10, b'U', b'T', 0, 0, 0xf0, 0xff, 0xff, 0xff, b'x']);
    let file = DicomFile::read(&bytes).unwrap();
    assert_eq!(file.damage(), Some(DicomError::Truncated));
    assert_eq!(file.label().modality.as_deref(), Some("CT"));
}

#[test]
fn sequences_nested_without_end_are_refused() {
    let head = [
        &[0x40, 0, 0x30, 0xa7, b'S', b'Q', 0, 0, 0xff, 0xff, 0xff, 0xff][..],
        &[0xfe, 0xff, 0, 0xe0, 0xff, 0xff, 0xff, 0xff],
    ]
    .concat();
    let bytes = file(EXPLICIT, &vec![head; 10_000]);
    assert_eq!(DicomFile::read(&bytes).unwrap().damage(), Some(DicomError::TooDeep));
}

#[test]
fn what_is_no_dicom_file_is_named() {
    assert_eq!(DicomFile::read(b"text").unwrap_err(), DicomError::NotDicom);
    let mut bytes = vec![0; 128];
    bytes.extend(b"DICM");
    assert_eq!(DicomFile::read(&bytes).unwrap_err(), DicomError::NoTransferSyntax);
}

proptest! {
    #[test]
    fn damaged_files_never_panic(position in 132usize..6000, bytes in prop::collection::vec(any::<u8>(), 1..16)) {
        let mut report = sample("report_sr.dcm");
        let at = position.min(report.len() - bytes.len());
        report[at..at + bytes.len()].copy_from_slice(&bytes);
        if let Ok(file) = DicomFile::read(&report) {
            let _ = (file.raster(), file.label(), file.report_text());
        }
    }
}
