//! As much of Thrift's compact protocol as the footer and page headers of a Parquet file need.
//! <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>
//!
//! The decoder expects one field after the other, as the encoder writes them; whatever else stands there is refused.
//! Nothing is allocated by a length that was read: what is read is a slice of the footer.

/// Types of fields and elements.
pub(super) const I32: u8 = 5;
const I64: u8 = 6;
pub(super) const BINARY: u8 = 8;
const LIST: u8 = 9;
pub(super) const STRUCT: u8 = 12;

/// Seven bits a byte, the lowest first; the highest bit says whether more follow.
pub(super) fn write_varint(mut value: u64, to: &mut Vec<u8>) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

/// Writes one struct.
pub(super) struct Encoder {
    bytes: Vec<u8>,
    /// The number of the last field of each open struct.
    last: Vec<u8>,
}

impl Encoder {
    pub(super) fn new() -> Self {
        Self { bytes: Vec::new(), last: vec![0] }
    }

    fn field(&mut self, number: u8, kind: u8) {
        let last = self.last.last_mut().expect("a struct is open");
        self.bytes.push((number - *last) << 4 | kind);
        *last = number;
    }

    fn varint(&mut self, value: u64) {
        write_varint(value, &mut self.bytes);
    }

    fn signed(&mut self, value: i64) {
        self.varint((value << 1 ^ value >> 63) as u64);
    }

    pub(super) fn i32(&mut self, number: u8, value: i32) {
        self.field(number, I32);
        self.signed(value.into());
    }

    pub(super) fn i64(&mut self, number: u8, value: i64) {
        self.field(number, I64);
        self.signed(value);
    }

    pub(super) fn text(&mut self, number: u8, text: &str) {
        self.field(number, BINARY);
        self.element_text(text);
    }

    pub(super) fn list(&mut self, number: u8, kind: u8, length: usize) {
        self.field(number, LIST);
        match length {
            0..15 => self.bytes.push((length as u8) << 4 | kind),
            _ => {
                self.bytes.push(0xf0 | kind);
                self.varint(length as u64);
            }
        }
    }

    pub(super) fn element_i32(&mut self, value: i32) {
        self.signed(value.into());
    }

    pub(super) fn element_text(&mut self, text: &str) {
        self.varint(text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Begins a struct in a field.
    pub(super) fn open(&mut self, number: u8) {
        self.field(number, STRUCT);
        self.open_element();
    }

    /// Begins a struct in a list.
    pub(super) fn open_element(&mut self) {
        self.last.push(0);
    }

    pub(super) fn close(&mut self) {
        self.last.pop();
        self.bytes.push(0);
    }

    /// Ends the outermost struct.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.close();
        self.bytes
    }
}

/// Reads what an [`Encoder`] wrote; `None` for anything else.
pub(super) struct Decoder<'a> {
    rest: &'a [u8],
    last: Vec<u8>,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, last: vec![0] }
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    /// Whether this field comes next.
    pub(super) fn has(&self, number: u8, kind: u8) -> bool {
        let expected =
            self.last.last().and_then(|last| number.checked_sub(*last)).map(|step| step << 4 | kind);
        expected.is_some() && self.rest.first().copied() == expected
    }

    fn field(&mut self, number: u8, kind: u8) -> Option<()> {
        self.has(number, kind).then_some(())?;
        *self.last.last_mut()? = number;
        self.byte().map(drop)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    pub(super) fn i32(&mut self, number: u8) -> Option<i32> {
        self.field(number, I32)?;
        self.element_i32()
    }

    pub(super) fn i64(&mut self, number: u8) -> Option<i64> {
        self.field(number, I64)?;
        self.signed()
    }

    /// A number that is not negative.
    pub(super) fn u64(&mut self, number: u8) -> Option<u64> {
        u64::try_from(self.i64(number)?).ok()
    }

    pub(super) fn text(&mut self, number: u8) -> Option<&'a str> {
        self.field(number, BINARY)?;
        self.element_text()
    }

    /// The length of a list, of which each element is a byte at least.
    pub(super) fn list(&mut self, number: u8, kind: u8) -> Option<usize> {
        self.field(number, LIST)?;
        let head = self.byte()?;
        (head & 0xf == kind).then_some(())?;
        let length = match head >> 4 {
            15 => usize::try_from(self.varint()?).ok()?,
            short => usize::from(short),
        };
        (length <= self.rest.len()).then_some(length)
    }

    pub(super) fn element_i32(&mut self) -> Option<i32> {
        i32::try_from(self.signed()?).ok()
    }

    pub(super) fn element_text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(self.varint()?).ok()?;
        let (text, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        std::str::from_utf8(text).ok()
    }

    pub(super) fn open(&mut self, number: u8) -> Option<()> {
        self.field(number, STRUCT)?;
        self.open_element();
        Some(())
    }

    pub(super) fn open_element(&mut self) {
        self.last.push(0);
    }

    pub(super) fn close(&mut self) -> Option<()> {
        self.last.pop()?;
        (self.byte()? == 0).then_some(())
    }

    /// Ends the outermost struct, behind which nothing may stand.
    pub(super) fn finish(mut self) -> Option<()> {
        self.close()?;
        (self.rest.is_empty() && self.last.is_empty()).then_some(())
    }
}
