//! Coefficients of scores, from files, from NEWS2, and for one of a table's sets.

use std::fs::File;
use std::path::Path;

use cowl_domain::table::{Layout, SealedSet, TableSchema};
use cowl_query::ScoreTerm;
use cowl_tables::news2;
use cowl_tables::regression::INTERCEPT;
use serde_json::Value;

use crate::failure::{Failure, Result};

/// Reads coefficients: CSV with a head `name,coefficient`, or as `cowl table regress -o FILE.csv` writes a model; JSON as
/// one object of names and numbers.
///
/// # Errors
/// What is no coefficient, by its line; a name that stands twice.
pub(crate) fn read(path: &Path) -> Result<Vec<ScoreTerm>> {
    let wrong = |what: String| Failure::usage(format!("{}: {what}", path.display()));
    let file = File::open(path).map_err(|error| Failure::file(path, error))?;
    let is_json = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    let terms = if is_json { from_json(file) } else { from_csv(file) }.map_err(wrong)?;
    for (place, term) in terms.iter().enumerate() {
        if terms[..place].iter().any(|other| other.name == term.name) {
            return Err(wrong(format!("'{}' has two coefficients", term.name))
                .with_hint("a model of several groups has one each; keep the lines of one group"));
        }
    }
    if terms.is_empty() { Err(wrong("there is no coefficient in it".to_owned())) } else { Ok(terms) }
}

fn from_csv(file: File) -> std::result::Result<Vec<ScoreTerm>, String> {
    let mut reader = csv::Reader::from_reader(file);
    let head = reader.headers().map_err(|error| error.to_string())?.clone();
    let place = |names: [&str; 2]| head.iter().position(|cell| names.contains(&cell.trim()));
    let (Some(name), Some(number)) = (place(["name", "term"]), place(["coefficient", "estimate"])) else {
        return Err("its head is not name,coefficient, nor that of a model (term, estimate)".to_owned());
    };
    let term = |(line, record): (usize, csv::Result<csv::StringRecord>)| {
        let record = record.map_err(|error| error.to_string())?;
        let cell = |place: usize| record.get(place).unwrap_or_default();
        let coefficient = number_of(cell(number))
            .ok_or_else(|| format!("line {line}: '{}' is no coefficient", cell(number)))?;
        Ok(ScoreTerm { name: cell(name).to_owned(), coefficient })
    };
    (2..).zip(reader.records()).map(term).collect()
}

fn from_json(file: File) -> std::result::Result<Vec<ScoreTerm>, String> {
    let value: Value = serde_json::from_reader(file).map_err(|error| error.to_string())?;
    let object = value.as_object().ok_or("it is not one object of names and numbers")?;
    let term = |(name, value): (&String, &Value)| {
        let coefficient = value.as_f64().ok_or_else(|| format!("'{name}' has no number"))?;
        Ok(ScoreTerm { name: name.clone(), coefficient })
    };
    object.iter().map(term).collect()
}

fn number_of(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// The points of NEWS2 for a table that was sealed with its bins.
///
/// # Errors
/// A table without them.
pub(crate) fn news2_terms(schema: &TableSchema, set: u16) -> Result<Vec<ScoreTerm>> {
    let columns = schema.sets.get(usize::from(set)).map_or(&[][..], |set| set.columns.as_slice());
    let names = columns.iter().filter_map(|place| schema.columns.get(usize::from(*place)));
    let term = |name: &str| {
        let coefficient = news2::points_of_indicator(name)?.into();
        Some(ScoreTerm { name: name.to_owned(), coefficient })
    };
    let terms: Vec<ScoreTerm> = names.filter_map(|column| term(&column.name)).collect();
    if terms.is_empty() {
        return Err(Failure::no("this table was not sealed with the bins of NEWS2").with_hint(
            "its owner adds them: cowl table seal FILE --news2 pulse=COLUMN,temperature=COLUMN …",
        ));
    }
    Ok(terms)
}

/// The set to score: the one of that name, or the only one of layout columns that has what is wanted.
///
/// # Errors
/// None, or several.
pub(crate) fn set(
    schema: &TableSchema,
    name: Option<&str>,
    has_all: impl Fn(&[&str]) -> bool,
) -> Result<u16> {
    let column = |place: &u16| schema.columns.get(usize::from(*place)).map_or("", |column| &column.name);
    let fits = |set: &SealedSet| match name {
        Some(name) => set.name == name,
        None => has_all(&set.columns.iter().map(column).collect::<Vec<_>>()),
    };
    let scored = |set: &SealedSet| matches!(set.layout, Layout::Columns { .. });
    let sets = (0u16..).zip(&schema.sets).filter(|(_, set)| scored(set) && fits(set));
    match sets.map(|(place, _)| place).collect::<Vec<_>>().as_slice() {
        [one] => Ok(*one),
        [] => Err(Failure::no("no set of this table, sealed for scores, has these columns")
            .with_hint("its owner chooses them: cowl table seal FILE --scored COLUMNS …")),
        _ => Err(Failure::usage("several sets of this table have these columns; name one: --set NAME")),
    }
}

/// Whether columns have the bins of NEWS2.
pub(crate) fn have_bins(columns: &[&str]) -> bool {
    columns.iter().any(|column| news2::points_of_indicator(column).is_some())
}

/// Whether each coefficient is of one of these columns.
pub(crate) fn have_all(columns: &[&str], terms: &[ScoreTerm]) -> bool {
    let has =
        |term: &ScoreTerm| term.name == INTERCEPT || columns.iter().any(|column| is_of(&term.name, column));
    terms.iter().all(has)
}

/// Whether a coefficient may be of a column: its own name, or an indicator of one of its levels.
fn is_of(term: &str, column: &str) -> bool {
    term == column || term.strip_prefix(column).is_some_and(|rest| rest.starts_with('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(name: &str, text: &str) -> Result<Vec<ScoreTerm>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn coefficients_are_read_from_csv_from_models_and_from_json() {
        let term = |name: &str, coefficient| ScoreTerm { name: name.to_owned(), coefficient };
        let expected = vec![term("(intercept)", 1.5), term("age", -0.25)];
        assert_eq!(read_text("c.csv", "name,coefficient\n(intercept),1.5\nage,-0.25\n").unwrap(), expected);
        let model = "target,term,estimate,p\nlos,(intercept),1.5,0.1\nlos,age,-0.25,\n";
        assert_eq!(read_text("model.csv", model).unwrap(), expected);
        let json = read_text("c.json", r#"{"(intercept)": 1.5, "age": -0.25}"#).unwrap();
        assert_eq!(json, expected);
    }

    #[test]
    fn what_is_no_coefficient_is_said_with_its_line() {
        let said = |name: &str, text: &str| read_text(name, text).unwrap_err().to_string();
        assert!(said("c.csv", "name,coefficient\nage,old\n").contains("line 2: 'old' is no coefficient"));
        assert!(said("c.csv", "name,coefficient\nage,NaN\n").contains("'NaN' is no coefficient"));
        assert!(said("c.csv", "name,coefficient\nage,1\nage,2\n").contains("'age' has two coefficients"));
        assert!(said("c.csv", "name,coefficient\n").contains("no coefficient in it"));
        assert!(said("c.csv", "a,b\n1,2\n").contains("its head is not"));
        assert!(said("c.json", "[1]").contains("not one object"));
        assert!(said("c.json", r#"{"age": "x"}"#).contains("'age' has no number"));
    }

    #[test]
    fn a_coefficient_is_of_a_column_or_of_one_of_its_levels() {
        assert!(is_of("ward=MICU", "ward") && is_of("age", "age"));
        assert!(!is_of("wards", "ward") && !is_of("age", "ward"));
    }
}
