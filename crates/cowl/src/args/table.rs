//! `cowl table …`

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand, ValueEnum};
use cowl_tables::news2::{UnknownVital, Vital};

use crate::moment::{parse_day, parse_duration};

/// What is to be done with tables. Tables go by identifier, the beginning of one, or name.
#[derive(Debug, Subcommand)]
pub(crate) enum TableCommand {
    /// Look into a file: types, missing values, oddities; nothing leaves this machine
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(ImportArguments),
    /// Seal a table so that the cloud can add and cannot read
    #[command(after_help = SEAL_EXAMPLES)]
    Seal(Box<SealTableArguments>),
    /// List tables, your own and those that you may ask about
    #[command(visible_alias = "ls")]
    List,
    /// Show the columns of a table and what may be asked about them
    Show {
        /// Identifier, beginning of one, or name
        table: String,
    },
    /// Fetch and decrypt the rows of an own table
    Get(GetTableArguments),
    /// Ask about rows that you cannot see, in SQL
    #[command(after_help = QUERY_EXAMPLES)]
    Query(QueryArguments),
    /// Fit a linear regression to rows that you cannot see
    #[command(after_help = REGRESS_EXAMPLES)]
    Regress(RegressArguments),
    /// Score each row by open coefficients: a model, or the early-warning score NEWS2
    #[command(after_help = SCORE_EXAMPLES)]
    Score(ScoreArguments),
}

/// What is said of a file that holds a table.
#[derive(Debug, Clone, Args)]
pub(crate) struct TableFileArguments {
    /// A CSV or Parquet file
    pub(crate) file: PathBuf,
    /// What stands between cells; found in the header otherwise
    #[arg(long, value_name = "CHARACTER", help_heading = "Reading")]
    pub(crate) delimiter: Option<char>,
    /// Numbers are written 12,5
    #[arg(long, help_heading = "Reading")]
    pub(crate) decimal_comma: bool,
    /// Words that mean "missing", besides NA, NULL and the like
    #[arg(
        long,
        value_name = "WORD",
        value_delimiter = ',',
        allow_hyphen_values = true,
        help_heading = "Reading"
    )]
    pub(crate) missing: Vec<String>,
}

/// `cowl table import`
#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    #[command(flatten)]
    pub(crate) file: TableFileArguments,
    /// Write a draft of a plan for 'cowl table seal', to be looked through; '-' is stdout
    #[arg(long, value_name = "FILE|-")]
    pub(crate) write_plan: Option<PathBuf>,
}

/// `cowl table seal`
#[derive(Debug, Args)]
pub(crate) struct SealTableArguments {
    #[command(flatten)]
    pub(crate) file: TableFileArguments,
    /// Into which record; your own default one otherwise
    #[arg(long, value_name = "RECORD")]
    pub(crate) record: Option<String>,
    /// Name of the table; that of the file otherwise
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub(crate) name: Option<String>,
    /// A line of your own; sealed like all else
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    /// The day it is about: YYYY-MM-DD or 'today'
    #[arg(long, value_name = "DAY", value_parser = parse_day)]
    pub(crate) date: Option<String>,
    /// Keep the file itself, too, as an ordinary sealed item that readers may open
    #[arg(long)]
    pub(crate) keep_plain: bool,
    /// Take a Paillier key pair that was made beforehand, for this table alone; a fresh one takes seconds to minutes
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_key: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) columns: ColumnArguments,
}

/// What becomes of the columns. What is not named is dropped.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Columns")]
pub(crate) struct ColumnArguments {
    /// A plan, as 'cowl table import --write-plan' drafts it; what is said here besides goes before it
    #[arg(long, value_name = "FILE")]
    pub(crate) plan: Option<PathBuf>,
    /// Columns to leave in clear text at the cloud: conditions, groups, order
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub(crate) open: Vec<String>,
    /// Columns to replace by keyed hashes: groups and joins by equality
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub(crate) token: Vec<String>,
    /// Columns to encrypt: sums, means, variances, regressions
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub(crate) secret: Vec<String>,
    /// Columns to leave out although the plan keeps them
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub(crate) drop: Vec<String>,
    /// Columns to seal as (x − mean)/deviation
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub(crate) standardise: Vec<String>,
    /// What a column is: integer, decimal, binary, category, date, text
    #[arg(long = "as", value_name = "COLUMN=TYPE", value_delimiter = ',', value_parser = parse_pair)]
    pub(crate) kinds: Vec<(String, String)>,
    /// Digits after the point of a column; as many as are exact otherwise
    #[arg(long, value_name = "COLUMN=N", value_delimiter = ',', value_parser = parse_pair)]
    pub(crate) decimals: Vec<(String, String)>,
    /// The level of a category to which its indicators refer; the first in the alphabet otherwise
    #[arg(long, value_name = "COLUMN=LEVEL", value_parser = parse_pair)]
    pub(crate) reference: Vec<(String, String)>,
    /// Columns whose sums of products are wanted together (means, variances, regressions); all secret ones otherwise
    #[arg(long, value_name = "[NAME=]COLUMNS")]
    pub(crate) moments: Vec<String>,
    /// Columns whose cells lie side by side (retrieval, sums); all secret ones otherwise
    #[arg(long, value_name = "[NAME=]COLUMNS")]
    pub(crate) cells: Vec<String>,
    /// Columns by which single rows may be scored with open coefficients; none otherwise
    #[arg(long, value_name = "[NAME=]COLUMNS")]
    pub(crate) scored: Vec<String>,
    /// What the sizes of a score's coefficients add up to at most, in units of its last digit; 2⁴⁰ otherwise
    #[arg(long, value_name = "N")]
    pub(crate) score_weight: Option<u64>,
    /// Signs of the early-warning score NEWS2 and their columns: their bins are sealed, so that the score can be had
    #[arg(long, value_name = "SIGN=COLUMN", value_delimiter = ',', value_parser = parse_sign)]
    pub(crate) news2: Vec<(Vital, String)>,
    /// Bits of the table's key: 2048, 3072 or 4096
    #[arg(long, value_name = "BITS")]
    pub(crate) key_bits: Option<u32>,
    /// No figure about fewer rows ever leaves, whatever a grant says
    #[arg(long, value_name = "ROWS")]
    pub(crate) minimum_cohort: Option<u32>,
}

/// `cowl table get`
#[derive(Debug, Args)]
pub(crate) struct GetTableArguments {
    /// Identifier, beginning of one, or name
    pub(crate) table: String,
    /// Where to; '-' is stdout
    #[arg(long, short, value_name = "FILE.csv|-", default_value = "-")]
    pub(crate) output: PathBuf,
}

/// In which form a result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ResultFormat {
    /// Comma-separated values
    Csv,
    /// One JSON document
    Json,
    /// A Parquet file
    Parquet,
}

/// How a question is put, and what becomes of its answer.
#[derive(Debug, Clone, Args)]
pub(crate) struct AskingArguments {
    /// A table under a name for this query; otherwise tables go by their names, and the only one also as 't'
    #[arg(long = "table", value_name = "[NAME=]TABLE")]
    pub(crate) tables: Vec<String>,
    /// How long to wait for whoever opens the answer; then 'cowl job show' has it
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = parse_duration)]
    pub(crate) wait: Duration,
    /// Ask and go: 'cowl job show' has the answer later
    #[arg(long, conflicts_with = "wait")]
    pub(crate) detach: bool,
    #[command(flatten)]
    pub(crate) output: ResultArguments,
}

/// Where the figures go.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ResultArguments {
    /// Write the figures to a file, in the form that its name says (.csv, .json, .parquet); '-' is stdout
    #[arg(long, short, value_name = "FILE|-")]
    pub(crate) output: Option<PathBuf>,
    /// The form, where the name does not say it
    #[arg(long, value_enum)]
    pub(crate) format: Option<ResultFormat>,
    /// Write one self-contained page: figures, plots, what was asked, who learnt what
    #[arg(long, value_name = "FILE.html")]
    pub(crate) report: Option<PathBuf>,
    /// Draw the coefficients of a regression with their intervals; its residuals beside it, for who owns the rows
    #[arg(long, value_name = "FILE.png|FILE.svg")]
    pub(crate) plot: Option<PathBuf>,
}

impl ResultArguments {
    /// Whether something is to be drawn.
    pub(crate) fn wants_pictures(&self) -> bool {
        self.report.is_some() || self.plot.is_some()
    }

    /// Whether the figures are to go anywhere but to the terminal.
    pub(crate) fn wants_files(&self) -> bool {
        self.output.is_some() || self.report.is_some() || self.plot.is_some()
    }
}

/// `cowl table query`
#[derive(Debug, Args)]
pub(crate) struct QueryArguments {
    /// One SELECT of keys and aggregates
    pub(crate) sql: String,
    #[command(flatten)]
    pub(crate) asking: AskingArguments,
}

/// `cowl table regress`
#[derive(Debug, Args)]
pub(crate) struct RegressArguments {
    /// The column to explain
    #[arg(long, value_name = "COLUMN")]
    pub(crate) target: String,
    /// The columns to explain it by
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', required = true)]
    pub(crate) on: Vec<String>,
    /// Only rows for which this holds, of open and token columns, as after WHERE
    #[arg(long = "where", value_name = "CONDITION")]
    pub(crate) condition: Option<String>,
    /// Ridge instead of ordinary least squares: LAMBDA · Σ βᵢ² is added to the sum of squares
    #[arg(long, value_name = "LAMBDA", allow_hyphen_values = true, value_parser = parse_penalty)]
    pub(crate) ridge: Option<String>,
    /// One regression for each value of these
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub(crate) by: Vec<String>,
    #[command(flatten)]
    pub(crate) asking: AskingArguments,
}

/// `cowl table score`
#[derive(Debug, Args)]
pub(crate) struct ScoreArguments {
    /// Coefficients: CSV with the head name,coefficient, a model as 'table regress -o FILE.csv' writes it, or JSON
    #[arg(long, value_name = "FILE", required_unless_present = "news2")]
    pub(crate) model: Option<PathBuf>,
    /// The points of NEWS2, of a table that was sealed with its bins
    #[arg(long, conflicts_with = "model")]
    pub(crate) news2: bool,
    /// The set of columns; found by the names of the coefficients otherwise
    #[arg(long, value_name = "NAME")]
    pub(crate) set: Option<String>,
    /// Digits after the point of the scores; 6 otherwise, and none for NEWS2
    #[arg(long, value_name = "N")]
    pub(crate) decimals: Option<u8>,
    #[command(flatten)]
    pub(crate) asking: AskingArguments,
}

/// Reads a decimal that is not negative, as the grammar of queries has it.
fn parse_penalty(text: &str) -> Result<String, String> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    match text.parse::<f64>() {
        Ok(number) if digits && number.is_finite() => Ok(text.to_owned()),
        _ => Err("a penalty is a number from 0, such as 0.5".to_owned()),
    }
}

/// Reads `SIGN=COLUMN`.
fn parse_sign(text: &str) -> Result<(Vital, String), String> {
    let (sign, column) = text.split_once('=').ok_or_else(|| format!("'{text}' is not SIGN=COLUMN"))?;
    let sign = sign.parse().map_err(|error: UnknownVital| error.to_string())?;
    if column.is_empty() { Err(format!("'{text}' names no column")) } else { Ok((sign, column.to_owned())) }
}

/// Reads `COLUMN=VALUE`.
fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.rsplit_once('=') {
        Some((column, value)) if !column.is_empty() && !value.is_empty() => {
            Ok((column.to_owned(), value.to_owned()))
        }
        _ => Err(format!("'{text}' is not COLUMN=VALUE")),
    }
}

const IMPORT_EXAMPLES: &str = "\
Examples:
  cowl table import patients.csv
  cowl table import patients.csv --write-plan plan.toml
  cowl table import klinik.csv --decimal-comma --missing unbekannt";

const SEAL_EXAMPLES: &str = "\
Open columns stay in clear text at the cloud, token columns show which rows are equal, secret ones are encrypted, all \
others are left out. What was found in the file is shown, and asked about, before anything is sealed.

Examples:
  cowl table seal patients.csv --open ward --secret age,los,cost
  cowl table seal patients.csv --plan plan.toml --yes
  cowl table seal patients.csv --open ward --token patient --secret age,los --moments los,age";

const QUERY_EXAMPLES: &str = "\
There are count(*), enc_sum, enc_avg, enc_var, enc_stddev, enc_cov, enc_corr, enc_linreg(target, columns…) and \
enc_ridge(penalty, target, columns…). Conditions and groups are of open and token columns. What each side will learn is \
shown, and asked about, before the query goes out.

Examples:
  cowl table query 'SELECT ward, count(*), enc_avg(los) FROM t GROUP BY ward ORDER BY ward'
  cowl table query \"SELECT enc_corr(los, age) FROM stays WHERE admitted >= '2008-01-01'\" -o figures.csv";

const SCORE_EXAMPLES: &str = "\
A score is of one row, so it takes a grant of its own: --technique additive-score --minimum-cohort 1. What each side will \
learn is shown, and asked about, before the request goes out.

Examples:
  cowl table regress --target los --on age,weight -o model.csv
  cowl table score --model model.csv -o scores.csv
  cowl table score --news2 --table wards -o news2.csv";

const REGRESS_EXAMPLES: &str = "\
Examples:
  cowl table regress --target los --on age,weight
  cowl table regress --target los --on age,weight --ridge 0.5
  cowl table regress --target los --on age --where \"ward = 'MICU'\" --report los.html";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_a_column_and_a_value() {
        assert_eq!(parse_pair("ward=ICU"), Ok(("ward".to_owned(), "ICU".to_owned())));
        assert_eq!(parse_pair("a=b=c"), Ok(("a=b".to_owned(), "c".to_owned())));
        for wrong in ["", "ward", "ward=", "=ICU"] {
            assert!(parse_pair(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_penalty_is_a_number_from_zero() {
        assert_eq!(parse_penalty("0.5"), Ok("0.5".to_owned()));
        for wrong in ["", "-1", "1e9", "inf", "NaN", "1.2.3", "."] {
            assert!(parse_penalty(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_sign_of_news2_is_in_a_column() {
        assert_eq!(parse_sign("pulse=HR"), Ok((Vital::Pulse, "HR".to_owned())));
        assert!(parse_sign("hair=HR").unwrap_err().contains("there are respiration"));
        assert!(parse_sign("pulse").is_err() && parse_sign("pulse=").is_err());
    }
}
