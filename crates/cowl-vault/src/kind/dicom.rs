//! DICOM data sets without the preamble and meta group of PS3.10, as old archives and some devices write them.

/// Whether the bytes begin with two well-formed data elements (PS3.5, 7.1), the first of group 0002 or 0008,
/// in any of the three uncompressed transfer syntaxes.
pub(super) fn is_bare_data_set(head: &[u8]) -> bool {
    const SYNTAXES: [Syntax; 3] = [
        Syntax { big_endian: false, explicit: true },
        Syntax { big_endian: false, explicit: false },
        Syntax { big_endian: true, explicit: true },
    ];
    SYNTAXES.iter().any(|syntax| two_elements(head, *syntax).is_some())
}

#[derive(Clone, Copy)]
struct Syntax {
    big_endian: bool,
    explicit: bool,
}

struct Element {
    group: u16,
    element: u16,
    /// Where the next element begins.
    end: usize,
}

fn two_elements(head: &[u8], syntax: Syntax) -> Option<()> {
    let first = element(head, syntax)?;
    let starts_data_set = matches!((first.group, first.element), (0x0002, 0..=2) | (0x0008, 0..=0x18));
    let second = element(head.get(first.end..)?, syntax)?;
    let ascending = (second.group, second.element) > (first.group, first.element);
    (starts_data_set && ascending && second.group <= 0x0010).then_some(())
}

fn element(bytes: &[u8], syntax: Syntax) -> Option<Element> {
    let group = short(bytes, 0, syntax)?;
    let element = short(bytes, 2, syntax)?;
    let (header, length) =
        if syntax.explicit { explicit_length(bytes, syntax)? } else { (8, long(bytes, 4, syntax)?) };
    // Values before the patient module are short and, by PS3.5 7.1.1, of even length.
    (length <= 1024 && length.is_multiple_of(2)).then_some(Element {
        group,
        element,
        end: header + length as usize,
    })
}

/// Bytes before the value, and the value's length, for explicit value representations (PS3.5, 7.1.2).
fn explicit_length(bytes: &[u8], syntax: Syntax) -> Option<(usize, u32)> {
    const LONG: [&[u8]; 6] = [b"OB", b"OW", b"SQ", b"UN", b"UT", b"UC"];
    const SHORT: [&[u8]; 16] = [
        b"AE", b"AS", b"CS", b"DA", b"DS", b"DT", b"IS", b"LO", b"LT", b"PN", b"SH", b"ST", b"TM", b"UI",
        b"UL", b"US",
    ];
    let representation = bytes.get(4..6)?;
    if SHORT.contains(&representation) {
        Some((8, u32::from(short(bytes, 6, syntax)?)))
    } else if LONG.contains(&representation) {
        Some((12, long(bytes, 8, syntax)?))
    } else {
        None
    }
}

fn short(bytes: &[u8], offset: usize, syntax: Syntax) -> Option<u16> {
    let field = bytes.get(offset..offset + 2)?.try_into().ok()?;
    Some(if syntax.big_endian { u16::from_be_bytes(field) } else { u16::from_le_bytes(field) })
}

fn long(bytes: &[u8], offset: usize, syntax: Syntax) -> Option<u32> {
    let field = bytes.get(offset..offset + 4)?.try_into().ok()?;
    Some(if syntax.big_endian { u32::from_be_bytes(field) } else { u32::from_le_bytes(field) })
}
