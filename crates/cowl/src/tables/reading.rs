//! Files of this machine that hold tables.

use std::fs::File;
use std::io::BufReader;

use cowl_tables::import::{CsvOptions, MissingWords, ParquetOptions, RawTable, read_csv, read_parquet};

use crate::args::TableFileArguments;
use crate::failure::{Failure, Result};

/// Reads a table; what it says of itself by its name decides how.
///
/// # Errors
/// What is wrong with the file, by line and column.
pub(crate) fn read(arguments: &TableFileArguments) -> Result<RawTable> {
    let path = &arguments.file;
    let file = File::open(path).map_err(|error| Failure::file(path, error))?;
    let table = match is_parquet(arguments) {
        true => read_parquet(file, &parquet_options(arguments)?),
        false => read_csv(BufReader::new(file), &csv_options(arguments)?),
    };
    table.map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}

fn is_parquet(arguments: &TableFileArguments) -> bool {
    arguments.file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("parquet"))
}

fn missing(arguments: &TableFileArguments) -> MissingWords {
    MissingWords::with(arguments.missing.iter().cloned())
}

fn parquet_options(arguments: &TableFileArguments) -> Result<ParquetOptions> {
    if arguments.delimiter.is_some() || arguments.decimal_comma {
        return Err(Failure::usage("--delimiter and --decimal-comma are for CSV files"));
    }
    Ok(ParquetOptions { missing: missing(arguments), ..ParquetOptions::default() })
}

fn csv_options(arguments: &TableFileArguments) -> Result<CsvOptions> {
    let delimiter = match arguments.delimiter {
        None => None,
        Some(character) if character.is_ascii() && character != '"' && character != '\n' => {
            Some(character as u8)
        }
        Some(character) => {
            return Err(Failure::usage(format!("'{character}' cannot stand between cells")));
        }
    };
    Ok(CsvOptions {
        delimiter,
        decimal_comma: arguments.decimal_comma,
        missing: missing(arguments),
        ..CsvOptions::default()
    })
}

/// The name of a file without its folder and ending.
pub(crate) fn stem(arguments: &TableFileArguments) -> String {
    let stem = arguments.file.file_stem().unwrap_or(arguments.file.as_os_str());
    stem.to_string_lossy().into_owned()
}
