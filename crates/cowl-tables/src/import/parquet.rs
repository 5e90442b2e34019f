//! Parquet, as other programs write it: flat columns, plain or compressed with Snappy or Zstandard.
//!
//! Cells become the texts that a CSV file would have, so that all that follows is the same. The reader is that of crate
//! `parquet`; it trusts a file's footer more than it should, so this is for files of the owner's own. (Sealed tables have
//! a reader of their own, [`cowl_query::parquet`].)

use std::panic::{AssertUnwindSafe, catch_unwind};

use cowl_domain::table::Decimal;
use cowl_query::day_since_1970;
use parquet::basic::ConvertedType;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, FileReader, RowGroupReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

use super::{Cells, ImportError, Limits, MissingWords, RawTable, column_names};

const MILLIS_OF_A_DAY: i64 = 86_400_000;

/// How a file is read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ParquetOptions {
    /// Words that mean "missing", besides null and those that always do.
    pub missing: MissingWords,
    /// What the file may be at most.
    pub limits: Limits,
}

/// Reads a table.
///
/// # Errors
/// [`ImportError::Parquet`] for what is no Parquet file or is damaged, [`ImportError::NotTaken`] names a column that is
/// not flat or holds what no table has.
pub fn read_parquet<R: ChunkReader + 'static>(
    source: R,
    options: &ParquetOptions,
) -> Result<RawTable, ImportError> {
    let (found, most) = (source.len(), options.limits.bytes);
    if found > most {
        return Err(ImportError::TooLarge { what: "the file".into(), most });
    }
    // Damaged files break what the reader asserts.
    let read = catch_unwind(AssertUnwindSafe(|| read(source, options)));
    read.unwrap_or_else(|_| Err(ImportError::Parquet("it is damaged".into())))
}

fn read<R: ChunkReader + 'static>(source: R, options: &ParquetOptions) -> Result<RawTable, ImportError> {
    let reader = SerializedFileReader::new(source).map_err(refused)?;
    let about = reader.metadata().file_metadata();
    let rows = u64::try_from(about.num_rows()).unwrap_or(u64::MAX);
    if rows > options.limits.rows {
        let what = "the number of rows".into();
        return Err(ImportError::TooLarge { what, most: options.limits.rows });
    }
    let descriptors = about.schema_descr().columns();
    let names = descriptors.iter().map(|column| column.name());
    let names = column_names(names, descriptors.len(), &options.limits)?;
    if names.is_empty() {
        return Err(ImportError::NoHeader);
    }
    let mut columns = vec![Cells::default(); names.len()];
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).map_err(refused)?;
        for (place, about) in descriptors.iter().enumerate() {
            check(about)?;
            read_column(&*group, place, about, options, &mut columns[place])?;
        }
    }
    if columns.iter().any(|column| column.ends.len() as u64 != rows) {
        return Err(ImportError::Parquet("its columns are not as long as it says".into()));
    }
    if rows == 0 {
        return Err(ImportError::NoRows);
    }
    let (lines, missing) = ((1..=rows).collect(), options.missing.clone());
    Ok(RawTable { names, columns, lines, unit: "row", missing, decimal_comma: false })
}

fn refused(error: ParquetError) -> ImportError {
    ImportError::Parquet(error.to_string())
}

fn check(about: &ColumnDescriptor) -> Result<(), ImportError> {
    let refuse = |what| Err(ImportError::NotTaken { column: about.name().to_owned(), what });
    if about.max_rep_level() > 0 || about.path().parts().len() > 1 {
        return refuse("holds lists or structures; a table has one value a cell");
    }
    match about.converted_type() {
        ConvertedType::NONE if about.logical_type_ref().is_some() => {
            refuse("holds values of a kind that is not known here; convert it to numbers, days or texts")
        }
        ConvertedType::TIME_MILLIS
        | ConvertedType::TIME_MICROS
        | ConvertedType::INTERVAL
        | ConvertedType::BSON => {
            refuse("holds times of day or documents; convert it to numbers, days or texts")
        }
        _ => Ok(()),
    }
}

fn read_column(
    group: &dyn RowGroupReader,
    place: usize,
    about: &ColumnDescriptor,
    options: &ParquetOptions,
    to: &mut Cells,
) -> Result<(), ImportError> {
    let rows = usize::try_from(group.metadata().num_rows())
        .map_err(|_| ImportError::Parquet("a row group has a negative number of rows".into()))?;
    let column = Column { about, rows, longest: options.limits.cell_bytes };
    let whole = |number: i64| whole(number, about);
    match group.get_column_reader(place).map_err(refused)? {
        ColumnReader::BoolColumnReader(reader) => column.read(reader, to, |bit| Some(bit.to_string())),
        ColumnReader::Int32ColumnReader(reader) => column.read(reader, to, |number| whole((*number).into())),
        ColumnReader::Int64ColumnReader(reader) => column.read(reader, to, |number| whole(*number)),
        ColumnReader::FloatColumnReader(reader) => column.read(reader, to, |number| Some(number.to_string())),
        ColumnReader::DoubleColumnReader(reader) => {
            column.read(reader, to, |number| Some(number.to_string()))
        }
        ColumnReader::ByteArrayColumnReader(reader) => {
            column.read(reader, to, |bytes| std::str::from_utf8(bytes.data()).ok().map(str::to_owned))
        }
        ColumnReader::Int96ColumnReader(_) | ColumnReader::FixedLenByteArrayColumnReader(_) => {
            let what = "holds bytes of a fixed length; convert it to numbers, days or texts";
            Err(ImportError::NotTaken { column: about.name().to_owned(), what })
        }
    }
}

/// One column of a row group.
struct Column<'a> {
    about: &'a ColumnDescriptor,
    rows: usize,
    longest: usize,
}

impl Column<'_> {
    fn read<T: DataType>(
        &self,
        mut reader: ColumnReaderImpl<T>,
        to: &mut Cells,
        text: impl Fn(&T::T) -> Option<String>,
    ) -> Result<(), ImportError> {
        let (mut levels, mut values) = (Vec::new(), Vec::new());
        let optional = self.about.max_def_level() > 0;
        let mut left = self.rows;
        while left > 0 {
            levels.clear();
            values.clear();
            let (read, ..) = reader
                .read_records(left.min(8_192), optional.then_some(&mut levels), None, &mut values)
                .map_err(refused)?;
            if read == 0 {
                break;
            }
            let mut values = values.iter();
            for at in 0..read {
                let present = !optional || levels.get(at).is_some_and(|level| *level > 0);
                let cell = match present.then(|| values.next()).flatten() {
                    Some(value) => text(value).ok_or_else(|| self.not_taken())?,
                    None => String::new(),
                };
                self.push(cell.trim(), to)?;
            }
            left -= read;
        }
        Ok(())
    }

    fn push(&self, cell: &str, to: &mut Cells) -> Result<(), ImportError> {
        if cell.len() > self.longest {
            let what = format!("row {}, column '{}'", to.ends.len() + 1, self.about.name());
            return Err(ImportError::TooLarge { what, most: self.longest as u64 });
        }
        if cell.contains('\0') {
            return Err(self.not_taken());
        }
        to.push(cell);
        Ok(())
    }

    fn not_taken(&self) -> ImportError {
        let what = "holds values that are no text, number or day; convert it";
        ImportError::NotTaken { column: self.about.name().to_owned(), what }
    }
}

/// A whole number as its column means it; `None` where it is no value of such a column.
fn whole(number: i64, about: &ColumnDescriptor) -> Option<String> {
    match about.converted_type() {
        ConvertedType::DATE => day_since_1970(number),
        ConvertedType::TIMESTAMP_MILLIS => moment(number),
        ConvertedType::TIMESTAMP_MICROS => moment(number.div_euclid(1_000)),
        ConvertedType::DECIMAL => {
            let decimals = u8::try_from(about.type_scale()).ok()?;
            Some(Decimal { mantissa: number, decimals }.to_string())
        }
        ConvertedType::UINT_32 => Some((number as u32).to_string()),
        ConvertedType::UINT_64 => Some((number as u64).to_string()),
        _ => Some(number.to_string()),
    }
}

/// A day where it is midnight, else day and time.
fn moment(millis: i64) -> Option<String> {
    let (day, rest) = (millis.div_euclid(MILLIS_OF_A_DAY), millis.rem_euclid(MILLIS_OF_A_DAY) / 1_000);
    let day = day_since_1970(day)?;
    Some(match rest {
        0 => day,
        seconds => format!("{day}T{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_people_do() {
        assert_eq!(moment(0).as_deref(), Some("1970-01-01"));
        assert_eq!(moment(-1_000).as_deref(), Some("1969-12-31T23:59:59"));
        assert_eq!(moment(MILLIS_OF_A_DAY + 3_723_999).as_deref(), Some("1970-01-02T01:02:03"));
    }
}
