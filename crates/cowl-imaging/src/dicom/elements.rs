//! Data elements (PS3.5 chapter 7), found in place.

use std::ops::Range;

use super::DicomError;

/// Deepest nesting of sequences.
const DEEPEST: usize = 64;

const UNDEFINED: u32 = 0xffff_ffff;

/// Group and element number of an attribute (PS3.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tag(pub u16, pub u16);

impl Tag {
    pub(super) const META_GROUP: u16 = 0x0002;
    pub(super) const TRANSFER_SYNTAX: Self = Self(0x0002, 0x0010);
    pub(super) const SPECIFIC_CHARACTER_SET: Self = Self(0x0008, 0x0005);
    pub(super) const PIXEL_DATA: Self = Self(0x7fe0, 0x0010);
    const ITEM: Self = Self(0xfffe, 0xe000);
    const ITEM_END: Self = Self(0xfffe, 0xe00d);
    const SEQUENCE_END: Self = Self(0xfffe, 0xe0dd);
}

/// How elements are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Encoding {
    explicit: bool,
    big_endian: bool,
}

impl Encoding {
    pub(super) const EXPLICIT_LITTLE: Self = Self { explicit: true, big_endian: false };
    pub(super) const IMPLICIT_LITTLE: Self = Self { explicit: false, big_endian: false };
    const EXPLICIT_BIG: Self = Self { explicit: true, big_endian: true };

    /// All but two transfer syntaxes are explicit, little endian (PS3.5 A).
    pub(super) fn of_transfer_syntax(uid: &str) -> Self {
        match uid {
            "1.2.840.10008.1.2" => Self::IMPLICIT_LITTLE,
            "1.2.840.10008.1.2.2" => Self::EXPLICIT_BIG,
            _ => Self::EXPLICIT_LITTLE,
        }
    }

    pub(super) fn short(self, bytes: [u8; 2]) -> u16 {
        if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
    }

    fn long(self, bytes: [u8; 4]) -> u32 {
        if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }
}

/// Value of an element, as ranges of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// A value of defined length.
    Bytes(Range<usize>),
    /// Items: of a sequence, or of unknown elements of undefined length, which are implicit (PS3.5 6.2.2).
    Items(Items<'a>),
    /// Encapsulated pixel data.
    Fragments,
}

/// One data element.
#[derive(Debug)]
pub(super) struct Element<'a> {
    pub(super) tag: Tag,
    pub(super) value: Value<'a>,
}

/// Reads elements one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Elements<'a> {
    bytes: &'a [u8],
    position: usize,
    end: usize,
    encoding: Encoding,
    depth: usize,
}

/// Reads items of a sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Items<'a>(Elements<'a>);

/// Tag, value representation where it is written, and length.
struct Head {
    tag: Tag,
    representation: Option<[u8; 2]>,
    length: u32,
}

impl<'a> Elements<'a> {
    pub(super) fn new(bytes: &'a [u8], range: Range<usize>, encoding: Encoding) -> Self {
        Self { bytes, position: range.start, end: range.end.min(bytes.len()), encoding, depth: 0 }
    }

    /// Offset of what comes next.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// Bytes of a value.
    pub(super) fn bytes_at(&self, range: Range<usize>) -> &'a [u8] {
        self.bytes.get(range).unwrap_or_default()
    }

    /// Group of the next element.
    pub(super) fn next_group(&self) -> Option<u16> {
        let group = self.bytes[..self.end].get(self.position..)?.first_chunk::<2>()?;
        Some(self.encoding.short(*group))
    }

    /// The next element, or `None` at the end.
    pub(super) fn next_element(&mut self) -> Result<Option<Element<'a>>, DicomError> {
        if self.position >= self.end {
            return Ok(None);
        }
        let head = self.read_head()?;
        let value =
            if head.length == UNDEFINED { self.read_undefined(&head)? } else { self.read_defined(&head)? };
        Ok(Some(Element { tag: head.tag, value }))
    }

    fn read_defined(&mut self, head: &Head) -> Result<Value<'a>, DicomError> {
        let start = self.position;
        if head.tag == Tag::PIXEL_DATA && self.depth == 0 {
            // Only the beginning of the file may be here; who reads the pixels looks where they end.
            return Ok(Value::Bytes(start..start.saturating_add(head.length as usize)));
        }
        self.skip(head.length)?;
        if head.representation == Some(*b"SQ") {
            return Ok(Value::Items(Items(self.inner(start..self.position, self.encoding)?)));
        }
        Ok(Value::Bytes(start..self.position))
    }

    fn read_undefined(&mut self, head: &Head) -> Result<Value<'a>, DicomError> {
        if head.tag == Tag::PIXEL_DATA {
            return Ok(Value::Fragments);
        }
        let unknown = head.representation == Some(*b"UN");
        let encoding = if unknown { Encoding::IMPLICIT_LITTLE } else { self.encoding };
        let mut inner = self.inner(self.position..self.end, encoding)?;
        let start = self.position;
        inner.skip_to_sequence_end()?;
        let items = self.inner(start..inner.position, encoding)?;
        self.position = inner.position;
        Ok(Value::Items(Items(items)))
    }

    fn inner(&self, range: Range<usize>, encoding: Encoding) -> Result<Self, DicomError> {
        if self.depth == DEEPEST {
            return Err(DicomError::TooDeep);
        }
        let Range { start: position, end } = range;
        Ok(Self { bytes: self.bytes, position, end, encoding, depth: self.depth + 1 })
    }

    fn skip_to_sequence_end(&mut self) -> Result<(), DicomError> {
        loop {
            let at = self.position;
            let head = self.read_head()?;
            match (head.tag, head.length) {
                (Tag::SEQUENCE_END, _) => return Ok(()),
                (Tag::ITEM, UNDEFINED) => self.skip_to_item_end()?,
                (Tag::ITEM, length) => self.skip(length)?,
                _ => return Err(DicomError::NoElement(at)),
            }
        }
    }

    /// Skips the elements of an item of undefined length; returns with the delimiter read.
    fn skip_to_item_end(&mut self) -> Result<(), DicomError> {
        loop {
            let head = self.read_head()?;
            if head.tag == Tag::ITEM_END {
                return Ok(());
            }
            if head.length == UNDEFINED {
                self.read_undefined(&head)?;
            } else {
                self.skip(head.length)?;
            }
        }
    }

    fn skip(&mut self, length: u32) -> Result<(), DicomError> {
        let next = self.position.checked_add(length as usize).filter(|&next| next <= self.end);
        self.position = next.ok_or(DicomError::Truncated)?;
        Ok(())
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], DicomError> {
        let rest = self.bytes[..self.end].get(self.position..).unwrap_or_default();
        let taken = rest.first_chunk::<N>().ok_or(DicomError::Truncated)?;
        self.position += N;
        Ok(*taken)
    }

    fn read_head(&mut self) -> Result<Head, DicomError> {
        let at = self.position;
        let [g0, g1, e0, e1] = self.take()?;
        let tag = Tag(self.encoding.short([g0, g1]), self.encoding.short([e0, e1]));
        if !self.encoding.explicit || tag.0 == Tag::ITEM.0 {
            let length = self.encoding.long(self.take()?);
            return Ok(Head { tag, representation: None, length });
        }
        let representation: [u8; 2] = self.take()?;
        if !representation.iter().all(u8::is_ascii_uppercase) {
            return Err(DicomError::NoElement(at));
        }
        let short: [u8; 2] = self.take()?;
        let length = if has_short_length(representation) {
            u32::from(self.encoding.short(short))
        } else {
            self.encoding.long(self.take()?)
        };
        Ok(Head { tag, representation: Some(representation), length })
    }
}

impl<'a> Items<'a> {
    /// Elements of the next item, or `None` at the end of the sequence.
    pub(super) fn next_item(&mut self) -> Result<Option<Elements<'a>>, DicomError> {
        let outer = &mut self.0;
        if outer.position >= outer.end {
            return Ok(None);
        }
        let at = outer.position;
        let head = outer.read_head()?;
        match head.tag {
            Tag::SEQUENCE_END => Ok(None),
            Tag::ITEM => {
                let start = outer.position;
                let end = outer.skip_item(head.length)?;
                Ok(Some(outer.inner(start..end, outer.encoding)?))
            }
            _ => Err(DicomError::NoElement(at)),
        }
    }

    /// Items of a value that an implicit data set does not mark as a sequence.
    pub(super) fn from_value(value: Value<'a>, within: &Elements<'a>) -> Result<Self, DicomError> {
        match value {
            Value::Items(items) => Ok(items),
            Value::Bytes(range) => Ok(Self(within.inner(range, within.encoding)?)),
            Value::Fragments => Err(DicomError::NoElement(within.position)),
        }
    }
}

impl Elements<'_> {
    /// Skips the contents of an item and returns where they end, before any delimiter.
    fn skip_item(&mut self, length: u32) -> Result<usize, DicomError> {
        const DELIMITER: usize = 8;
        if length == UNDEFINED {
            self.skip_to_item_end()?;
            return Ok(self.position - DELIMITER);
        }
        self.skip(length)?;
        Ok(self.position)
    }
}

/// PS3.5 Table 7.1-2: these have a length of 16 bits, all others one of 32 bits after two reserved bytes.
fn has_short_length(representation: [u8; 2]) -> bool {
    const SHORT: [&[u8; 2]; 21] = [
        b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FL", b"FD", b"IS", b"LO", b"LT", b"PN", b"SH",
        b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US",
    ];
    SHORT.contains(&&representation)
}
