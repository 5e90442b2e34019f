//! Finds what a file is: from its first bytes, and from its name where these say nothing.
//!
//! The name never overrules content: a JPEG called `report.pdf` is an image, and bytes that are neither
//! text nor a known format are [`Kind::Other`] even when they are called `notes.txt`.

mod dicom;
mod onnx;
#[cfg(test)]
mod tests;

use cowl_domain::Kind;

/// How many of a file's first bytes [`detect`] wants. With fewer it still answers, less surely.
pub const HEAD_SIZE: usize = 4096;

/// What the file called `name` is, going by `head`, its first [`HEAD_SIZE`] bytes (or all, if it is shorter).
pub fn detect(name: &str, head: &[u8]) -> Kind {
    let extension = extension(name);
    if head.is_empty() {
        return of_extension(&extension);
    }
    by_signature(head)
        .or_else(|| by_structure(name, &extension, head))
        .or_else(|| text(&extension, head))
        .unwrap_or(Kind::Other)
}

/// Formats that begin with fixed bytes.
const SIGNATURES: &[(usize, &[u8], Kind)] = &[
    (128, b"DICM", Kind::Dicom),
    (0, b"\x89PNG\r\n\x1a\n", Kind::Image),
    (0, b"\xff\xd8\xff", Kind::Image),
    (0, b"GIF87a", Kind::Image),
    (0, b"GIF89a", Kind::Image),
    (0, b"II*\0", Kind::Image),
    (0, b"MM\0*", Kind::Image),
    (0, b"II+\0", Kind::Image),
    (0, b"MM\0+", Kind::Image),
    // JPEG 2000, as a file and as a bare code stream; JPEG XL likewise.
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", Kind::Image),
    (0, b"\xff\x4f\xff\x51", Kind::Image),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", Kind::Image),
    (0, b"\xff\x0a", Kind::Image),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind::Office),
    (0, b"{\\rtf", Kind::Text),
    // The program's own: a published model, and weights that are sealed to their owner.
    (0, b"cowl/model/v1\n", Kind::Model),
    (0, b"cowl/sealed-weights/v1\n", Kind::Weights),
];

fn by_signature(head: &[u8]) -> Option<Kind> {
    let at = |offset: usize, bytes: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(bytes));
    SIGNATURES.iter().find(|(offset, bytes, _)| at(*offset, bytes)).map(|(_, _, kind)| *kind)
}

fn by_structure(name: &str, extension: &str, head: &[u8]) -> Option<Kind> {
    if is_pdf(head) {
        Some(Kind::Pdf)
    } else if is_bmp(head) || is_webp(head) || is_netpbm(head) {
        Some(Kind::Image)
    } else if is_nifti(head) || is_packed_nifti(name, head) {
        Some(Kind::Nifti)
    } else if is_office_package(extension, head) {
        Some(Kind::Office)
    } else if dicom::is_bare_data_set(head) {
        Some(Kind::Dicom)
    } else if onnx::is_model(extension, head) {
        Some(Kind::Onnx)
    } else {
        None
    }
}

/// Readers of PDF accept the signature anywhere in the first 1024 bytes (ISO 32000-1, annex H, note 13).
fn is_pdf(head: &[u8]) -> bool {
    let start = &head[..head.len().min(1024)];
    match start.windows(5).position(|window| window == b"%PDF-") {
        Some(0) => true,
        // A note that mentions the signature is still a note.
        Some(_) => !is_plain(start),
        None => false,
    }
}

/// "BM" is also how words begin: the reserved fields and a known size of the second header must fit.
fn is_bmp(head: &[u8]) -> bool {
    let header_size = little_endian(head, 14);
    head.starts_with(b"BM")
        && little_endian(head, 6) == Some(0)
        && matches!(header_size, Some(12 | 40 | 52..=124))
}

fn is_webp(head: &[u8]) -> bool {
    head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP")
}

/// Binary PGM and PPM: "P5" or "P6", white space, a digit or a comment.
fn is_netpbm(head: &[u8]) -> bool {
    matches!(head, [b'P', b'5' | b'6', b'\n' | b' ', b'0'..=b'9' | b'#', ..]) && !is_plain(head)
}

/// Header sizes and magic of NIfTI-1 (`nifti1.h`) and NIfTI-2 (`nifti2.h`), in either byte order.
fn is_nifti(head: &[u8]) -> bool {
    let size = head.get(..4);
    let first = size == Some(&348i32.to_le_bytes()) || size == Some(&348i32.to_be_bytes());
    let second = size == Some(&540i32.to_le_bytes()) || size == Some(&540i32.to_be_bytes());
    let magic = |offset: usize| head.get(offset..offset + 4);
    (first && matches!(magic(344), Some(b"n+1\0" | b"ni1\0")))
        || (second && matches!(magic(4), Some(b"n+2\0" | b"ni2\0")))
}

fn is_packed_nifti(name: &str, head: &[u8]) -> bool {
    head.starts_with(&[0x1f, 0x8b]) && name.to_ascii_lowercase().ends_with(".nii.gz")
}

/// ZIP packages of OOXML and OpenDocument. Some writers put the telling entry late: then the name decides.
fn is_office_package(extension: &str, head: &[u8]) -> bool {
    const ENTRIES: [&[u8]; 4] = [b"word/", b"xl/", b"ppt/", b"mimetypeapplication/vnd.oasis.opendocument"];
    let names_entry = |entry: &[u8]| head.windows(entry.len()).any(|window| window == entry);
    head.starts_with(b"PK\x03\x04")
        && (of_extension(extension) == Kind::Office || ENTRIES.iter().any(|entry| names_entry(entry)))
}

fn text(extension: &str, head: &[u8]) -> Option<Kind> {
    if !is_plain(head) {
        return None;
    }
    Some(if of_extension(extension) == Kind::Csv { Kind::Csv } else { Kind::Text })
}

/// Whether the bytes are text in UTF-16 (marked), UTF-8 or a Latin code page: no control characters, and
/// where it is not UTF-8, mostly ASCII.
fn is_plain(head: &[u8]) -> bool {
    if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
        return head.len().is_multiple_of(2) || head.len() == HEAD_SIZE;
    }
    if head.iter().any(|&byte| is_control(byte)) {
        return false;
    }
    match std::str::from_utf8(head) {
        Ok(_) => true,
        // The head may end within a character.
        Err(error) if error.error_len().is_none() => true,
        Err(_) => head.iter().filter(|byte| byte.is_ascii()).count() * 10 >= head.len() * 7,
    }
}

fn is_control(byte: u8) -> bool {
    byte == 0x7f || (byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c))
}

/// The part of the name after its last dot, in lower case.
fn extension(name: &str) -> String {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    file.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).unwrap_or_default()
}

fn of_extension(extension: &str) -> Kind {
    match extension {
        "txt" | "text" | "md" | "markdown" | "htm" | "html" | "xhtml" | "rtf" => Kind::Text,
        "pdf" => Kind::Pdf,
        "doc" | "docx" | "odt" | "xls" | "xlsx" | "ods" | "ppt" | "pptx" | "odp" => Kind::Office,
        "png" | "jpg" | "jpeg" | "gif" | "bmp" | "tif" | "tiff" | "webp" | "jp2" | "jxl" => Kind::Image,
        "dcm" | "dicom" => Kind::Dicom,
        "nii" => Kind::Nifti,
        "csv" | "tsv" => Kind::Csv,
        "onnx" => Kind::Onnx,
        _ => Kind::Other,
    }
}

fn little_endian(bytes: &[u8], offset: usize) -> Option<u32> {
    let field = bytes.get(offset..offset.checked_add(4)?)?;
    Some(u32::from_le_bytes(field.try_into().ok()?))
}
