//! Results as files: CSV, JSON, Parquet.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use cowl_tables::result::QueryResult;
use parquet::basic::{ConvertedType, Repetition, Type as Physical};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

use super::flat::{FlatTable, Value};
use crate::args::{ResultArguments, ResultFormat};
use crate::failure::{Failure, Result};
use crate::secret_input::is_stdin;
use crate::sink::{NOT_TO_A_TERMINAL, Readers, Sink};

/// Writes a result where the arguments want it. `false` when they want it nowhere in particular.
///
/// # Errors
/// A form that is not known; a file that cannot be written.
pub(crate) fn write(result: &QueryResult, arguments: &ResultArguments) -> Result<bool> {
    let Some(path) = &arguments.output else { return Ok(false) };
    let format = format(path, arguments)?;
    let mut sink = Sink::open(Some(path), Readers::Owner)?;
    if sink.is_terminal() && format == ResultFormat::Parquet {
        return Err(Failure::usage(NOT_TO_A_TERMINAL));
    }
    let bytes = encode(result, format).map_err(|error| Failure::file(path, error))?;
    sink.write_all(&bytes).map_err(|error| Failure::file(path, error))?;
    sink.commit()?;
    Ok(true)
}

/// Checks before anything is asked that its answer can be written.
///
/// # Errors
/// A form that is not known.
pub(crate) fn check(arguments: &ResultArguments) -> Result<()> {
    super::paper::check(arguments)?;
    match &arguments.output {
        Some(path) => format(path, arguments).map(drop),
        None if arguments.format.is_some() => {
            Err(Failure::usage("--format is for what is written to a file").with_hint("add -o FILE, or -o -"))
        }
        None => Ok(()),
    }
}

fn format(path: &Path, arguments: &ResultArguments) -> Result<ResultFormat> {
    if let Some(format) = arguments.format {
        return Ok(format);
    }
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("csv") => Ok(ResultFormat::Csv),
        Some("json") => Ok(ResultFormat::Json),
        Some("parquet") => Ok(ResultFormat::Parquet),
        _ if is_stdin(path) => Ok(ResultFormat::Csv),
        _ => Err(Failure::usage(format!("{}: the name does not say in which form to write", path.display()))
            .with_hint("let it end in .csv, .json or .parquet, or add --format")),
    }
}

fn encode(result: &QueryResult, format: ResultFormat) -> io::Result<Vec<u8>> {
    match format {
        ResultFormat::Json => {
            let mut bytes = serde_json::to_vec_pretty(result)?;
            bytes.push(b'\n');
            Ok(bytes)
        }
        ResultFormat::Csv => csv_bytes(&FlatTable::of(result)),
        ResultFormat::Parquet => parquet_bytes(&FlatTable::of(result)).map_err(io::Error::other),
    }
}

fn csv_bytes(table: &FlatTable) -> io::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&table.head)?;
    for row in &table.rows {
        writer.write_record(row.iter().map(csv_cell))?;
    }
    writer.into_inner().map_err(|error| error.into_error())
}

fn csv_cell(value: &Value) -> String {
    match value {
        Value::Missing => String::new(),
        Value::Integer(number) => number.to_string(),
        // All digits: what is read back is the same number.
        Value::Number(number) => number.to_string(),
        Value::Text(text) => text.clone(),
    }
}

/// What the cells of a column are in Parquet: the widest that one of them needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Integer,
    Number,
    Text,
}

impl Kind {
    fn of(table: &FlatTable, column: usize) -> Self {
        let kinds = table.rows.iter().filter_map(|row| match row.get(column)? {
            Value::Missing => None,
            Value::Integer(_) => Some(Self::Integer),
            Value::Number(_) => Some(Self::Number),
            Value::Text(_) => Some(Self::Text),
        });
        kinds.max().unwrap_or(Self::Number)
    }

    fn field(self, name: &str) -> std::result::Result<Arc<Type>, ParquetError> {
        let physical = match self {
            Self::Integer => Physical::INT64,
            Self::Number => Physical::DOUBLE,
            Self::Text => Physical::BYTE_ARRAY,
        };
        let builder = Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
        let converted = if self == Self::Text { ConvertedType::UTF8 } else { ConvertedType::NONE };
        Ok(Arc::new(builder.with_converted_type(converted).build()?))
    }
}

fn parquet_bytes(table: &FlatTable) -> std::result::Result<Vec<u8>, ParquetError> {
    let kinds: Vec<Kind> = (0..table.head.len()).map(|column| Kind::of(table, column)).collect();
    let fields: Vec<Arc<Type>> = kinds
        .iter()
        .zip(&table.head)
        .map(|(kind, name)| kind.field(name))
        .collect::<std::result::Result<_, _>>()?;
    let schema = Arc::new(Type::group_type_builder("figures").with_fields(fields).build()?);
    let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::new(WriterProperties::default()))?;
    let mut group = file.next_row_group()?;
    let mut column = 0;
    while let Some(mut writer) = group.next_column()? {
        write_column(writer.untyped(), table, column)?;
        writer.close()?;
        column += 1;
    }
    group.close()?;
    file.into_inner()
}

fn write_column(
    writer: &mut ColumnWriter<'_>,
    table: &FlatTable,
    column: usize,
) -> std::result::Result<(), ParquetError> {
    let cells = || table.rows.iter().map(|row| row.get(column).unwrap_or(&Value::Missing));
    let levels: Vec<i16> = cells().map(|cell| i16::from(*cell != Value::Missing)).collect();
    let written = match writer {
        ColumnWriter::Int64ColumnWriter(writer) => {
            let whole = |cell: &Value| match cell {
                Value::Integer(number) => Some(*number),
                _ => None,
            };
            writer.write_batch(&cells().filter_map(whole).collect::<Vec<_>>(), Some(&levels), None)
        }
        ColumnWriter::DoubleColumnWriter(writer) => {
            let number = |cell: &Value| match cell {
                Value::Integer(number) => Some(*number as f64),
                Value::Number(number) => Some(*number),
                _ => None,
            };
            writer.write_batch(&cells().filter_map(number).collect::<Vec<_>>(), Some(&levels), None)
        }
        ColumnWriter::ByteArrayColumnWriter(writer) => {
            let text = |cell: &Value| match cell {
                Value::Missing => None,
                other => Some(ByteArray::from(csv_cell(other).into_bytes())),
            };
            writer.write_batch(&cells().filter_map(text).collect::<Vec<_>>(), Some(&levels), None)
        }
        _ => return Err(ParquetError::General("a column of another type than was planned".to_owned())),
    };
    written.map(drop)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;

    use super::*;

    fn table() -> FlatTable {
        let text = |text: &str| Value::Text(text.to_owned());
        FlatTable {
            head: vec!["ward".to_owned(), "count(*)".to_owned(), "enc_avg(los)".to_owned()],
            rows: vec![
                vec![text("MICU, north"), Value::Integer(20), Value::Number(0.1 + 0.2)],
                vec![Value::Missing, Value::Integer(12), Value::Missing],
            ],
        }
    }

    #[test]
    fn csv_has_quotes_where_they_are_needed_and_every_digit() {
        let text = String::from_utf8(csv_bytes(&table()).unwrap()).unwrap();
        assert_eq!(text, "ward,count(*),enc_avg(los)\n\"MICU, north\",20,0.30000000000000004\n,12,\n");
    }

    #[test]
    fn parquet_is_read_back_as_it_was_written() {
        let bytes = Bytes::from(parquet_bytes(&table()).unwrap());
        let reader = SerializedFileReader::new(bytes).unwrap();
        let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(|row| row.unwrap()).collect();
        assert_eq!(rows[0].get_string(0).unwrap(), "MICU, north");
        assert_eq!((rows[0].get_long(1).unwrap(), rows[1].get_long(1).unwrap()), (20, 12));
        assert_eq!(rows[0].get_double(2).unwrap(), 0.1 + 0.2);
        assert!(rows[1].get_double(2).is_err(), "it is missing");
    }
}
