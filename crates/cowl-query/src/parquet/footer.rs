//! The footer of a sealed table's file: Parquet's `FileMetaData`, in the one form that [`Footer::encode`] gives it.
//! <https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift>

use super::thrift::{BINARY, Decoder, Encoder, I32, STRUCT};

/// At both ends of a file.
pub(super) const MAGIC: &[u8; 4] = b"PAR1";
const VERSION: i32 = 1;
const ROOT: &str = "table";
const CREATED_BY: &str = "cowl";
const PLAIN: i32 = 0;
const RLE: i32 = 3;
const UNCOMPRESSED: i32 = 0;
const DATA_PAGE: i32 = 0;
const REQUIRED: i32 = 0;
const OPTIONAL: i32 = 1;
const UTF8: i32 = 0;
const DATE: i32 = 6;
const FIXED: i32 = 7;

/// What the values of a column are in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// BOOLEAN.
    Bit,
    /// INT64.
    Integer,
    /// DOUBLE.
    Double,
    /// INT32 of days since 1970.
    Day,
    /// BYTE_ARRAY of UTF-8.
    Text,
    /// FIXED_LEN_BYTE_ARRAY of so many bytes.
    Bytes(u32),
}

impl Shape {
    fn physical(self) -> i32 {
        match self {
            Self::Bit => 0,
            Self::Day => 1,
            Self::Integer => 2,
            Self::Double => 5,
            Self::Text => 6,
            Self::Bytes(_) => FIXED,
        }
    }

    fn converted(self) -> Option<i32> {
        match self {
            Self::Day => Some(DATE),
            Self::Text => Some(UTF8),
            _ => None,
        }
    }

    fn of(physical: i32, length: Option<i32>, converted: Option<i32>) -> Option<Self> {
        let length = length.map(u32::try_from).transpose().ok()?;
        let all =
            [Self::Bit, Self::Integer, Self::Double, Self::Day, Self::Text, Self::Bytes(length.unwrap_or(0))];
        all.into_iter().find(|it| it.physical() == physical && it.converted() == converted)
    }
}

/// A column of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileColumn {
    pub(super) name: String,
    pub(super) shape: Shape,
    /// Whether values may be missing.
    pub(super) optional: bool,
}

/// A row group: how many rows, and for each column the bytes of its chunk. Chunks lie behind each other from the
/// file's first magic on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) rows: u64,
    pub(super) chunks: Vec<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Footer {
    pub(super) columns: Vec<FileColumn>,
    pub(super) rows: u64,
    pub(super) groups: Vec<Group>,
    pub(super) notes: Vec<(String, String)>,
}

impl Footer {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut to = Encoder::new();
        to.i32(1, VERSION);
        to.list(2, STRUCT, self.columns.len() + 1);
        to.open_element();
        to.text(4, ROOT);
        to.i32(5, self.columns.len() as i32);
        to.close();
        self.columns.iter().for_each(|column| column.encode(&mut to));
        to.i64(3, self.rows as i64);
        to.list(4, STRUCT, self.groups.len());
        let mut offset = MAGIC.len() as u64;
        for group in &self.groups {
            self.encode_group(group, offset, &mut to);
            offset += group.chunks.iter().sum::<u64>();
        }
        to.list(5, STRUCT, self.notes.len());
        for (key, value) in &self.notes {
            to.open_element();
            to.text(1, key);
            to.text(2, value);
            to.close();
        }
        to.text(6, CREATED_BY);
        to.finish()
    }

    fn encode_group(&self, group: &Group, start: u64, to: &mut Encoder) {
        let total: u64 = group.chunks.iter().sum();
        let mut offset = start;
        to.open_element();
        to.list(1, STRUCT, group.chunks.len());
        for (column, bytes) in self.columns.iter().zip(&group.chunks) {
            to.open_element();
            to.i64(2, offset as i64);
            to.open(3);
            to.i32(1, column.shape.physical());
            to.list(2, I32, 2);
            to.element_i32(PLAIN);
            to.element_i32(RLE);
            to.list(3, BINARY, 1);
            to.element_text(&column.name);
            to.i32(4, UNCOMPRESSED);
            to.i64(5, group.rows as i64);
            to.i64(6, *bytes as i64);
            to.i64(7, *bytes as i64);
            to.i64(9, offset as i64);
            to.close();
            to.close();
            offset += bytes;
        }
        to.i64(2, total as i64);
        to.i64(3, group.rows as i64);
        to.close();
    }

    /// Reads a footer; `None` for every form but the one of [`Footer::encode`].
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let footer = Self::read(bytes)?;
        // Lengths below 2⁶³ each may still not add up; then there is nothing to encode.
        let sizes = footer.groups.iter().flat_map(|group| &group.chunks);
        let end = sizes.copied().try_fold(MAGIC.len() as u64, u64::checked_add)?;
        (i64::try_from(end).is_ok() && footer.encode() == bytes).then_some(footer)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut from = Decoder::new(bytes);
        from.i32(1)?;
        let columns = from.list(2, STRUCT)?.checked_sub(1)?;
        from.open_element();
        from.text(4)?;
        from.i32(5)?;
        from.close()?;
        let columns: Vec<_> = (0..columns).map(|_| FileColumn::decode(&mut from)).collect::<Option<_>>()?;
        let rows = from.u64(3)?;
        let count = from.list(4, STRUCT)?;
        let groups = (0..count).map(|_| decode_group(&mut from, columns.len())).collect::<Option<_>>()?;
        let count = from.list(5, STRUCT)?;
        let note = |from: &mut Decoder<'_>| {
            from.open_element();
            let note = (from.text(1)?.to_owned(), from.text(2)?.to_owned());
            from.close()?;
            Some(note)
        };
        let notes = (0..count).map(|_| note(&mut from)).collect::<Option<_>>()?;
        from.text(6)?;
        from.finish()?;
        Some(Self { columns, rows, groups, notes })
    }
}

fn decode_group(from: &mut Decoder<'_>, columns: usize) -> Option<Group> {
    from.open_element();
    (from.list(1, STRUCT)? == columns).then_some(())?;
    let chunks = (0..columns).map(|_| decode_chunk(from)).collect::<Option<_>>()?;
    from.i64(2)?;
    let rows = from.u64(3)?;
    from.close()?;
    Some(Group { rows, chunks })
}

/// The bytes of a chunk. That all else is as it must be shows when the footer is written again.
fn decode_chunk(from: &mut Decoder<'_>) -> Option<u64> {
    from.open_element();
    from.i64(2)?;
    from.open(3)?;
    from.i32(1)?;
    let encodings = from.list(2, I32)?;
    (0..encodings).try_for_each(|_| from.element_i32().map(drop))?;
    let path = from.list(3, BINARY)?;
    (0..path).try_for_each(|_| from.element_text().map(drop))?;
    from.i32(4)?;
    from.i64(5)?;
    let bytes = from.u64(6)?;
    from.i64(7)?;
    from.i64(9)?;
    from.close()?;
    from.close()?;
    Some(bytes)
}

impl FileColumn {
    fn encode(&self, to: &mut Encoder) {
        to.open_element();
        to.i32(1, self.shape.physical());
        if let Shape::Bytes(length) = self.shape {
            to.i32(2, length as i32);
        }
        to.i32(3, if self.optional { OPTIONAL } else { REQUIRED });
        to.text(4, &self.name);
        if let Some(converted) = self.shape.converted() {
            to.i32(6, converted);
        }
        to.close();
    }

    fn decode(from: &mut Decoder<'_>) -> Option<Self> {
        from.open_element();
        let physical = from.i32(1)?;
        let length = if from.has(2, I32) { Some(from.i32(2)?) } else { None };
        let optional = from.i32(3)? == OPTIONAL;
        let name = from.text(4)?.to_owned();
        let converted = if from.has(6, I32) { Some(from.i32(6)?) } else { None };
        from.close()?;
        Some(Self { name, shape: Shape::of(physical, length, converted)?, optional })
    }
}

/// The header of a page of so many rows whose values and levels take so many bytes.
pub(super) fn page_header(rows: u64, bytes: u64) -> Vec<u8> {
    let mut to = Encoder::new();
    to.i32(1, DATA_PAGE);
    to.i32(2, bytes as i32);
    to.i32(3, bytes as i32);
    to.open(5);
    to.i32(1, rows as i32);
    to.i32(2, PLAIN);
    to.i32(3, RLE);
    to.i32(4, RLE);
    to.close();
    to.finish()
}
