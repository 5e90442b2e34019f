use std::io::{Cursor, Write};
use std::path::Path;

use cowl_domain::{ExtractError, Kind, TextExtractor};
use proptest::prelude::*;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{Extractors, MAX_TEXT};

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/notes").join(name)).unwrap()
}

fn text_of(kind: Kind, name: &str, content: &[u8]) -> String {
    Extractors::default().extract(kind, name, content).unwrap()
}

fn assert_lines(text: &str, expected: &[&str]) {
    for line in expected {
        assert!(text.lines().any(|found| found.trim() == *line), "no line '{line}' in:\n{text}");
    }
}

#[test]
fn a_plain_note_is_its_own_text() {
    let content = sample("ct-thorax.txt");
    assert_eq!(text_of(Kind::Text, "ct-thorax.txt", &content).as_bytes(), content);
}

#[test]
fn a_note_in_windows_1252_keeps_its_umlauts_and_signs() {
    let text = text_of(Kind::Text, "arztbrief.txt", &sample("arztbrief.txt"));
    assert!(text.contains("Zustand nach Lungenentzündung") && text.contains("12,50 €"), "{text}");
}

#[test]
fn utf_16_is_read_in_both_byte_orders() {
    let units: Vec<u16> = "Ödem 😷".encode_utf16().collect();
    let bytes = |mark: [u8; 2], order: fn(u16) -> [u8; 2]| {
        mark.into_iter().chain(units.iter().flat_map(|unit| order(*unit))).collect::<Vec<u8>>()
    };
    assert_eq!(text_of(Kind::Text, "a.txt", &bytes([0xff, 0xfe], u16::to_le_bytes)), "Ödem 😷");
    assert_eq!(text_of(Kind::Text, "a.txt", &bytes([0xfe, 0xff], u16::to_be_bytes)), "Ödem 😷");
}

#[test]
fn a_page_yields_its_blocks_without_tags_scripts_and_styles() {
    let text = text_of(Kind::Text, "visit.html", &sample("visit-diabetes.html"));
    assert_lines(&text, &["Chief Complaint", "diabetes mellitus type 2 (disorder)"]);
    assert!(text.contains("≤ 135/85 mm Hg, repeat creatinine in µmol/l."), "{text}");
    assert!(!text.contains("searched") && !text.contains("#246") && !text.contains('<'), "{text}");
}

#[test]
fn character_references_become_characters() {
    let text = text_of(Kind::Text, "compte-rendu.html", &sample("compte-rendu.html"));
    assert!(text.contains("Compte rendu d’échographie abdominale"), "{text}");
    assert!(text.contains("Foie stéatose modérée") && text.contains("cœur rapide à l’examen"), "{text}");
    assert!(!text.contains("never searched"), "{text}");
}

#[test]
fn html_is_known_without_its_extension_and_less_than_signs_are_not_tags() {
    let page = b" <!DOCTYPE html><p>CRP &lt; 5 and 3 < 4 &unknown; <b>me</b>tastasis<br>done";
    assert_eq!(text_of(Kind::Text, "page", page), "CRP < 5 and 3 < 4 &unknown; metastasis\ndone");
}

#[test]
fn rich_text_yields_its_paragraphs_without_fonts_and_titles() {
    let text = text_of(Kind::Text, "visit.rtf", &sample("visit-anemia.rtf"));
    assert_lines(&text, &["Chief Complaint", "- osteoporosis (disorder)"]);
    assert!(text.contains("neurologist for Ménière’s disease (α wave normal)."), "{text}");
    assert!(!text.contains("Helvetica") && !text.contains("by hand"), "{text}");
}

#[test]
fn rich_text_counts_fallback_characters_and_joins_surrogates() {
    let rtf = br"{\rtf1\uc2\u252 ue{\uc0\u-10179\u-8704}{\*\unknown gone}\{x\}\bin3 \}\}\par y}";
    assert_eq!(text_of(Kind::Text, "a.rtf", rtf), "ü😀{x}\ny");
}

#[test]
fn a_pdf_yields_the_text_of_all_pages() {
    let text = text_of(Kind::Pdf, "visit.pdf", &sample("visit-gingivitis.pdf"));
    assert!(text.contains("gingivitis (disorder)"), "{text}");
    assert!(text.contains("orthopantomogram without periapical lesion"), "{text}");
}

#[test]
fn a_document_yields_its_paragraphs_and_cells() {
    let text = text_of(Kind::Office, "visit.docx", &sample("visit-bronchitis.docx"));
    assert_lines(&text, &["Chief Complaint", "Referral to otorhinolaryngology & audiometry."]);
    assert!(text.contains("turbinate hyperplasia"), "{text}");
}

fn package(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut package = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        package.start_file(*name, SimpleFileOptions::default()).unwrap();
        package.write_all(content).unwrap();
    }
    package.finish().unwrap().into_inner()
}

#[test]
fn slides_sheets_and_open_documents_yield_text_too() {
    let slides = package(&[(
        "ppt/slides/slide1.xml",
        b"<p:sld><a:p><a:t>Tumour</a:t><a:t> board</a:t></a:p></p:sld>",
    )]);
    assert_eq!(text_of(Kind::Office, "a.pptx", &slides), "Tumour board");
    let sheet =
        package(&[("xl/sharedStrings.xml", b"<sst><si><t>sodium</t></si><si><t>potassium</t></si></sst>")]);
    assert_eq!(text_of(Kind::Office, "a.xlsx", &sheet), "sodium\npotassium");
    let xml = b"<office:document-content><office:automatic-styles>no</office:automatic-styles><office:body>\
        <text:p>Dear <text:span>colleague</text:span>,</text:p><text:p/><text:p>thanks</text:p></office:body></office:document-content>";
    assert_eq!(text_of(Kind::Office, "a.odt", &package(&[("content.xml", xml)])), "Dear colleague,\nthanks");
}

#[test]
fn text_is_cut_where_a_packed_document_unpacks_to_more_than_is_searched() {
    let mut xml = b"<w:t>".to_vec();
    xml.resize(80 << 20, b'x');
    let bomb = package(&[("word/document.xml", &xml), ("word/footnotes.xml", b"<w:t>never reached</w:t>")]);
    assert!(bomb.len() < 1 << 20);
    assert_eq!(text_of(Kind::Office, "a.docx", &bomb).len(), MAX_TEXT);
}

#[test]
fn a_long_note_is_cut_between_characters() {
    let content = "ü".repeat(MAX_TEXT);
    let text = text_of(Kind::Text, "a.txt", &content.as_bytes()[..content.len() - 1]);
    assert!(text.len() <= MAX_TEXT && text.chars().all(|character| character == 'ü'));
}

#[test]
fn damaged_files_are_errors_that_name_the_kind() {
    for (kind, content) in
        [(Kind::Pdf, &b"%PDF-1.7 nothing more"[..]), (Kind::Office, b"PK\x03\x04 nothing more")]
    {
        let error = Extractors::default().extract(kind, "a", content).unwrap_err();
        assert!(error.to_string().contains(&kind.to_string()), "{error}");
    }
}

/// A PDF of one page whose content and further objects are given.
fn pdf(page: &str, objects: &[&str]) -> Vec<u8> {
    let fixed = ["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>", page];
    let mut file = b"%PDF-1.7\n".to_vec();
    let mut offsets = Vec::new();
    for (number, object) in fixed.iter().chain(objects).enumerate() {
        offsets.push(file.len());
        write!(file, "{} 0 obj\n{object}\nendobj\n", number + 1).unwrap();
    }
    let table = file.len();
    write!(file, "xref\n0 {}\n0000000000 65535 f \n", offsets.len() + 1).unwrap();
    offsets.iter().for_each(|offset| writeln!(file, "{offset:010} 00000 n ").unwrap());
    write!(file, "trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n", offsets.len() + 1)
        .unwrap();
    file
}

#[test]
fn a_pdf_that_draws_itself_without_end_is_refused() {
    let page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R /Resources 6 0 R >>";
    let content = "<< /Length 5 >>\nstream\n/F Do\nendstream";
    let form = "<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Length 5 >>\nstream\n/F Do\nendstream";
    let file = pdf(page, &[content, form, "<< /XObject << /F 5 0 R >> >>"]);
    let error = Extractors::default().extract(Kind::Pdf, "a.pdf", &file).unwrap_err();
    assert!(error.detail.contains("draws itself"), "{error}");
}

#[test]
fn a_pdf_whose_pages_are_their_own_parents_is_refused() {
    let page = "<< /Type /Page /Parent 3 0 R /Contents 4 0 R >>";
    let file = pdf(page, &["<< /Length 3 >>\nstream\nq Q\nendstream"]);
    let error = Extractors::default().extract(Kind::Pdf, "a.pdf", &file).unwrap_err();
    assert!(error.detail.contains("without end"), "{error}");
}

struct Other(fn() -> Result<String, ExtractError>);

impl TextExtractor for Other {
    fn extract(&self, _: Kind, _: &str, _: &[u8]) -> Result<String, ExtractError> {
        (self.0)()
    }
}

#[test]
fn other_kinds_are_asked_of_the_other_extractors_in_order() {
    let silent = || Box::new(Other(|| Ok(String::new()))) as Box<dyn TextExtractor>;
    let speaking = Box::new(Other(|| Ok("modality CT".to_owned())));
    let panicking = || Box::new(Other(|| panic!("damaged"))) as Box<dyn TextExtractor>;
    let extractors = Extractors::new(vec![silent(), panicking(), speaking]);
    assert_eq!(extractors.extract(Kind::Dicom, "a", b"").unwrap(), "modality CT");
    assert_eq!(Extractors::new(vec![silent()]).extract(Kind::Image, "a", b"").unwrap(), "");
    let error = Extractors::new(vec![panicking(), silent()]).extract(Kind::Dicom, "a", b"").unwrap_err();
    assert_eq!(error.kind, Kind::Dicom);
}

fn damaged_sample(name: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let content = sample(name);
    let size = content.len();
    (prop::collection::vec((0..size, any::<u8>()), 1..20), 0..size).prop_map(move |(changes, end)| {
        let mut damaged = content.clone();
        changes.into_iter().for_each(|(place, byte)| damaged[place] = byte);
        damaged.truncate(end.max(size / 2));
        damaged
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_documents_never_panic(pdf in damaged_sample("visit-gingivitis.pdf"), docx in damaged_sample("visit-bronchitis.docx")) {
        let _ = Extractors::default().extract(Kind::Pdf, "a.pdf", &pdf);
        let _ = Extractors::default().extract(Kind::Office, "a.docx", &docx);
    }

    #[test]
    fn damaged_pages_and_rich_text_never_panic(html in damaged_sample("visit-diabetes.html"), rtf in damaged_sample("visit-anemia.rtf")) {
        text_of(Kind::Text, "a.html", &html);
        text_of(Kind::Text, "a.rtf", &rtf);
    }

    #[test]
    fn any_bytes_are_some_text(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        text_of(Kind::Text, "a.txt", &bytes);
        text_of(Kind::Text, "a.html", &bytes);
        text_of(Kind::Text, "a.rtf", &[b"{\\rtf1 ", &bytes[..]].concat());
    }

    #[test]
    fn any_markup_is_some_text(page in "[<>/&;#!a-b\"'\\[\\]CDAT -]{0,60}") {
        text_of(Kind::Text, "a.html", page.as_bytes());
    }
}
