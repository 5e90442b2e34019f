//! A draft of a plan file from what was found in a table.
//!
//! Numbers are drafted as secret and everything else as dropped: what is left in clear text is for the owner to say.

use std::fmt;

use cowl_domain::table::{ColumnRole, ColumnType};
use cowl_tables::import::ColumnReport;

use super::found::notes;

/// A plan file to be looked through.
pub(crate) struct Draft<'a> {
    /// The name of the file that holds the table.
    pub(crate) file: String,
    pub(crate) columns: &'a [ColumnReport],
}

/// What is drafted for a column.
fn role(column: &ColumnReport) -> ColumnRole {
    match column.kind {
        ColumnType::Integer | ColumnType::Decimal | ColumnType::Binary if column.present > 0 => {
            ColumnRole::Secret
        }
        _ => ColumnRole::Dropped,
    }
}

impl fmt::Display for Draft<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", HEAD.replace("FILE", &self.file))?;
        for column in self.columns {
            let (missing, notes) = (column.missing_cells(), notes(column));
            write!(f, "[columns.{}]\n# {} present, {missing} missing", quoted(&column.name), column.present)?;
            notes.iter().try_for_each(|note| write!(f, "\n# {note}"))?;
            writeln!(f, "\nrole = \"{}\"\ntype = \"{}\"\n", role(column), column.kind)?;
        }
        let secret: Vec<String> = self
            .columns
            .iter()
            .filter(|column| role(column) == ColumnRole::Secret)
            .map(|column| quoted(&column.name))
            .collect();
        if secret.is_empty() {
            return Ok(());
        }
        let secret = secret.join(", ");
        write!(
            f,
            "[[set]]\nname = \"moments\"\nlayout = \"moments\"\ncolumns = [{secret}]\n\n\
             [[set]]\nname = \"cells\"\nlayout = \"cells\"\ncolumns = [{secret}]\n"
        )
    }
}

/// A text as TOML has it between quotes; of what JSON writes, TOML reads all.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text is always JSON")
}

const HEAD: &str = "\
# What becomes of each column. Look through it, then:
#   cowl table seal FILE --plan THIS-FILE
#
# role = \"open\"      clear text at the cloud: conditions, groups, order
#        \"token\"     a keyed hash: the cloud sees which rows are equal, and no value
#        \"secret\"    encrypted: sums, means, variances, correlations, regressions
#        \"dropped\"   left out; not even its name leaves this machine
# type = \"integer\", \"decimal\", \"binary\", \"category\", \"date\", \"text\"
# Also: decimals = 2, standardise = true, reference = \"a level\".
#
# Sets say which secret columns are added up together. A row with a missing cell counts in no figure that is had
# from a set of layout moments with that column in it: smaller sets leave more rows.

key-bits = 3072
minimum-cohort = 1
";
