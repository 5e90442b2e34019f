//! A result as a Parquet file, for programs that read tables.

use std::io;
use std::sync::Arc;

use cowl_query::Cell;
use parquet::basic::{ConvertedType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::Type;

use crate::result::{Figure, QueryResult};

/// The values of a column, and which are missing.
enum Values {
    Integers(Vec<Option<i64>>),
    Numbers(Vec<Option<f64>>),
    Texts(Vec<Option<String>>),
}

/// The result as an uncompressed Parquet file. Keys and counts have a column each; a figure has three, `x`, `x used` and
/// `x dropped`; a regression is JSON in a column of text, because a row has room for one number a column.
///
/// # Errors
/// When the file cannot be made, which no result is known to cause.
pub fn to_parquet(result: &QueryResult) -> io::Result<Vec<u8>> {
    write(&columns(result)).map_err(io::Error::other)
}

fn columns(result: &QueryResult) -> Vec<(String, Values)> {
    let mut columns = Vec::new();
    for (place, name) in result.columns.iter().enumerate() {
        let figures: Vec<&Figure> = result.rows.iter().map(|row| &row.figures[place]).collect();
        columns.push((name.clone(), values(&figures)));
        if figures.iter().any(|figure| matches!(figure, Figure::Number { .. })) {
            let counted = |pick: fn(u64, u64) -> u64| {
                let count = |figure: &&Figure| match figure {
                    Figure::Number { used, dropped, .. } => i64::try_from(pick(*used, *dropped)).ok(),
                    _ => None,
                };
                Values::Integers(figures.iter().map(count).collect())
            };
            columns.push((format!("{name} used"), counted(|used, _| used)));
            columns.push((format!("{name} dropped"), counted(|_, dropped| dropped)));
        }
    }
    columns
}

fn values(figures: &[&Figure]) -> Values {
    let whole =
        |figure: &&Figure| matches!(figure, Figure::Count(_) | Figure::Key(Cell::Integer(_) | Cell::Null));
    let number = |figure: &&Figure| {
        matches!(
            figure,
            Figure::Number { .. } | Figure::Undefined { .. } | Figure::Key(Cell::Decimal { .. } | Cell::Null)
        )
    };
    if figures.iter().all(whole) {
        return Values::Integers(figures.iter().map(|figure| as_integer(figure)).collect());
    }
    if figures.iter().all(number) {
        return Values::Numbers(figures.iter().map(|figure| as_number(figure)).collect());
    }
    Values::Texts(figures.iter().map(|figure| as_text(figure)).collect())
}

fn as_integer(figure: &Figure) -> Option<i64> {
    match figure {
        Figure::Count(rows) => i64::try_from(*rows).ok(),
        Figure::Key(Cell::Integer(number)) => Some(*number),
        _ => None,
    }
}

fn as_number(figure: &Figure) -> Option<f64> {
    match figure {
        Figure::Number { value, .. } => Some(*value),
        Figure::Key(cell) => cell.as_number(),
        _ => None,
    }
}

fn as_text(figure: &Figure) -> Option<String> {
    match figure {
        Figure::Key(Cell::Null) | Figure::Undefined { .. } => None,
        Figure::Key(cell) => Some(cell.to_string()),
        Figure::Count(rows) => Some(rows.to_string()),
        Figure::Number { value, .. } => Some(value.to_string()),
        Figure::Regression { .. } => serde_json::to_string(figure).ok(),
    }
}

fn write(columns: &[(String, Values)]) -> Result<Vec<u8>, ParquetError> {
    let fields = columns.iter().map(|(name, values)| Ok(Arc::new(field(name, values)?)));
    let fields = fields.collect::<Result<Vec<_>, ParquetError>>()?;
    let schema = Arc::new(Type::group_type_builder("result").with_fields(fields).build()?);
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default())?;
    let mut group = writer.next_row_group()?;
    for (_, values) in columns {
        let Some(column) = group.next_column()? else { break };
        match values {
            Values::Integers(values) => write_column::<Int64Type>(column, values)?,
            Values::Numbers(values) => write_column::<DoubleType>(column, values)?,
            Values::Texts(values) => {
                let bytes = |text: &Option<String>| text.as_deref().map(ByteArray::from);
                write_column::<ByteArrayType>(column, &values.iter().map(bytes).collect::<Vec<_>>())?;
            }
        }
    }
    group.close()?;
    writer.into_inner()
}

fn field(name: &str, values: &Values) -> Result<Type, ParquetError> {
    let (physical, converted) = match values {
        Values::Integers(_) => (Physical::INT64, ConvertedType::NONE),
        Values::Numbers(_) => (Physical::DOUBLE, ConvertedType::NONE),
        Values::Texts(_) => (Physical::BYTE_ARRAY, ConvertedType::UTF8),
    };
    let builder = Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
    builder.with_converted_type(converted).build()
}

fn write_column<T: DataType>(
    mut column: SerializedColumnWriter<'_>,
    values: &[Option<T::T>],
) -> Result<(), ParquetError> {
    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let present: Vec<T::T> = values.iter().flatten().cloned().collect();
    column.typed::<T>().write_batch(&present, Some(&levels), None)?;
    column.close()
}

#[cfg(test)]
mod tests {
    use cowl_crypto::digest::Digest;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;

    use super::*;
    use crate::result::ResultRow;

    #[test]
    fn a_result_is_read_by_others_as_it_is() {
        let number = |value| Figure::Number { value, used: 7, dropped: 2 };
        let row = |key: Cell, count, figure| ResultRow {
            figures: vec![Figure::Key(key), Figure::Count(count), figure],
        };
        let result = QueryResult {
            query: Digest::of(b"query"),
            columns: ["ward", "count(*)", "enc_avg(los)"].map(String::from).into(),
            rows: vec![
                row(Cell::Text("A".into()), 9, number(1.5)),
                row(Cell::Null, 12, Figure::Undefined { why: "too few".into() }),
            ],
            rounded: vec![],
            minimum_cohort: 5,
        };
        let reader = SerializedFileReader::new(bytes::Bytes::from(to_parquet(&result).unwrap())).unwrap();
        let rows: Vec<Vec<(String, Field)>> =
            reader.get_row_iter(None).unwrap().map(|row| row.unwrap().into_columns()).collect();
        let names: Vec<&str> = rows[0].iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["ward", "count(*)", "enc_avg(los)", "enc_avg(los) used", "enc_avg(los) dropped"]);
        let fields = |row: usize| rows[row].iter().map(|(_, field)| field.clone()).collect::<Vec<_>>();
        let first =
            [Field::Str("A".into()), Field::Long(9), Field::Double(1.5), Field::Long(7), Field::Long(2)];
        assert_eq!(fields(0), first);
        assert_eq!(fields(1), [Field::Null, Field::Long(12), Field::Null, Field::Null, Field::Null]);
    }
}
