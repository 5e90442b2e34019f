//! Comma-separated values, as they come: other delimiters, quotes, byte order marks.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use csv::{ByteRecord, Position, ReaderBuilder, Terminator};

use super::{Cells, ImportError, Limits, MissingWords, Place, RawTable, column_names};

/// How a file is read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CsvOptions {
    /// What stands between cells; `None` finds it in the header among comma, semicolon, tab and bar.
    pub delimiter: Option<u8>,
    /// Numbers are written 12,5.
    pub decimal_comma: bool,
    /// Words that mean "missing", besides those that always do.
    pub missing: MissingWords,
    /// What the file may be at most.
    pub limits: Limits,
}

/// How much of a file is looked at for its delimiter.
const SNIFFED: u64 = 64 << 10;
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a table.
///
/// # Errors
/// [`ImportError`] names line and column.
pub fn read_csv(mut source: impl Read, options: &CsvOptions) -> Result<RawTable, ImportError> {
    let mut head = Vec::new();
    source.by_ref().take(SNIFFED).read_to_end(&mut head)?;
    let body = head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&head);
    let delimiter = options.delimiter.unwrap_or_else(|| most_frequent_delimiter(body));
    // A last line is then always ended, and lines can be counted from their ends.
    let guard = Guard::new(body.chain(source).chain(&b"\n"[..]), &options.limits);
    let (row_so_far, too_large) = (guard.row_so_far.clone(), guard.too_large.clone());
    // A carriage return before the end of a line goes with the other blanks around a cell.
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .terminator(Terminator::Any(b'\n'))
        .from_reader(guard);
    let mut record = ByteRecord::new();
    let mut read = |record: &mut ByteRecord| match reader.read_byte_record(record) {
        Ok(more) => {
            row_so_far.set(0);
            Ok(more.then(|| first_line(reader.position(), record)))
        }
        Err(error) => Err(too_large.take().unwrap_or_else(|| ImportError::Read(error.into()))),
    };
    if read(&mut record)?.is_none() {
        return Err(ImportError::NoHeader);
    }
    let mut table = empty_table(&record, options)?;
    while let Some(line) = read(&mut record)? {
        let is_blank = record.len() == 1 && record[0].trim_ascii().is_empty();
        if !is_blank || table.names.len() == 1 {
            push(&mut table, &record, line, &options.limits)?;
        }
    }
    if table.lines.is_empty() { Err(ImportError::NoRows) } else { Ok(table) }
}

/// The delimiter that stands most often in the first line, outside of quotes.
fn most_frequent_delimiter(head: &[u8]) -> u8 {
    let mut quoted = false;
    let mut counts = [0u32; DELIMITERS.len()];
    for byte in head {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => break,
            _ if quoted => {}
            _ => counts
                .iter_mut()
                .zip(DELIMITERS)
                .for_each(|(count, known)| *count += u32::from(*byte == known)),
        }
    }
    // The first of equals: a file of one column has no delimiter, and then it does not matter.
    let best = (0..DELIMITERS.len()).rev().max_by_key(|place| counts[*place]).unwrap_or(0);
    DELIMITERS[best]
}

fn empty_table(header: &ByteRecord, options: &CsvOptions) -> Result<RawTable, ImportError> {
    let names = header.iter().map(|bytes| std::str::from_utf8(bytes).unwrap_or_default());
    let names = column_names(names, header.len(), &options.limits)?;
    let (missing, decimal_comma) = (options.missing.clone(), options.decimal_comma);
    Ok(RawTable {
        columns: vec![Cells::default(); names.len()],
        names,
        lines: Vec::new(),
        unit: "line",
        missing,
        decimal_comma,
    })
}

/// The line on which a record begins that ends before this position.
fn first_line(end: &Position, record: &ByteRecord) -> u64 {
    let inside = record.as_slice().iter().filter(|byte| **byte == b'\n').count() as u64;
    end.line().saturating_sub(inside + 1).max(1)
}

fn push(table: &mut RawTable, record: &ByteRecord, line: u64, limits: &Limits) -> Result<(), ImportError> {
    if table.rows() >= limits.rows {
        return Err(ImportError::TooLarge { what: "the number of rows".into(), most: limits.rows });
    }
    let (expected, found) = (table.names.len(), record.len());
    if expected != found {
        return Err(ImportError::Ragged { line, expected, found });
    }
    for (place, bytes) in record.iter().enumerate() {
        let at = || Place { line, unit: table.unit, column: table.names[place].clone() };
        if bytes.len() > limits.cell_bytes {
            return Err(ImportError::TooLarge { what: at().to_string(), most: limits.cell_bytes as u64 });
        }
        let text = std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
        let text = text.ok_or_else(|| ImportError::NotText(at()))?;
        table.columns[place].push(text.trim());
    }
    table.lines.push(line);
    Ok(())
}

/// Ends a file that is too large, or a row that does not end, before it takes all memory.
struct Guard<R> {
    source: R,
    file_left: u64,
    most_of_a_file: u64,
    most_of_a_row: usize,
    row_so_far: Rc<Cell<usize>>,
    too_large: Rc<Cell<Option<ImportError>>>,
}

impl<R> Guard<R> {
    fn new(source: R, limits: &Limits) -> Self {
        let (file_left, most_of_a_row) = (limits.bytes, limits.row_bytes);
        let (row_so_far, too_large) = (Rc::default(), Rc::default());
        Self { source, file_left, most_of_a_file: limits.bytes, most_of_a_row, row_so_far, too_large }
    }

    fn refuse(&self, what: &str, most: u64) -> io::Error {
        self.too_large.set(Some(ImportError::TooLarge { what: what.to_owned(), most }));
        io::Error::other("too large")
    }
}

impl<R: Read> Read for Guard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        // The reader's buffer runs ahead of the row by a few kilobytes; the limit is no exact one.
        self.row_so_far.set(self.row_so_far.get() + read);
        if self.row_so_far.get() > self.most_of_a_row {
            return Err(self.refuse("a row (is a quote not closed?)", self.most_of_a_row as u64));
        }
        match self.file_left.checked_sub(read as u64) {
            Some(left) => self.file_left = left,
            None => return Err(self.refuse("the file", self.most_of_a_file)),
        }
        Ok(read)
    }
}
