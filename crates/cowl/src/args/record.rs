//! `cowl record …`

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use cowl_domain::{SealingPolicy, SuiteId};
use cowl_seal::age::Recipient;
use cowl_vault::CodecChoice;

use crate::moment::parse_day;

/// What is to be done with records and items. Items go by identifier, the beginning of one, or name.
#[derive(Debug, Subcommand)]
pub(crate) enum RecordCommand {
    /// Make another record
    New {
        /// What you call it; the cloud cannot read it
        name: String,
        /// How its items are sealed where nothing else is said: standard, published, or rules (see 'policy')
        #[arg(long, default_value = "standard")]
        policy: SealingPolicy,
    },
    /// List the records that you may see
    Records,
    /// Show or set how the items of a record are sealed where nothing else is said
    #[command(after_help = POLICY_EXAMPLES)]
    Policy {
        /// Identifier, beginning of one, or name
        record: String,
        /// standard; published (text=hybrid-rsa,image=chaotic-image); or rules KIND=SUITE and codec=live|archive
        policy: Option<SealingPolicy>,
    },
    /// Seal files, folders or stdin ('-') into a record; what has not changed is left alone
    #[command(after_help = ADD_EXAMPLES)]
    Add(AddArguments),
    /// List items, your own and those granted to you
    #[command(visible_alias = "ls")]
    List(ListItemsArguments),
    /// Show all about one item, and who may open it
    Show(ShowArguments),
    /// Fetch, check and open one item
    #[command(after_help = GET_EXAMPLES)]
    Get(GetArguments),
    /// Write many items to a folder, opened or as .age files
    #[command(after_help = EXPORT_EXAMPLES)]
    Export(ExportArguments),
    /// Remove items from the cloud
    #[command(visible_alias = "rm")]
    Remove(RemoveArguments),
    /// Check that the cloud still holds what was sealed
    Check(CheckArguments),
}

/// `cowl record add`
#[derive(Debug, Args)]
pub(crate) struct AddArguments {
    /// Files and folders, whose links are left out; '-' is stdin
    #[arg(required = true, value_name = "FILE|DIR|-")]
    pub(crate) files: Vec<PathBuf>,
    /// Into which record; your own default one otherwise
    #[arg(long, value_name = "RECORD")]
    pub(crate) record: Option<String>,
    /// Name of what comes from stdin or of the one file; of the one folder, what its names begin with
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub(crate) name: Option<String>,
    /// Put it in the place of what has its name, wherever that came from
    #[arg(long)]
    pub(crate) replace: bool,
    /// A line of your own; sealed like all else
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    /// The day it is about: YYYY-MM-DD or 'today'
    #[arg(long, value_name = "DAY", value_parser = parse_day)]
    pub(crate) date: Option<String>,
    /// standard, hybrid-rsa or chaotic-image (a research scheme); by the record's policy otherwise
    #[arg(long)]
    pub(crate) suite: Option<SuiteId>,
    /// auto, none, zstd, live, archive, or dct:QUALITY (lossy, display images only)
    #[arg(long, default_value = "auto", value_parser = parse_codec)]
    pub(crate) codec: CodecChoice,
    /// Identity file to open FILE.age with
    #[arg(long, short, value_name = "FILE")]
    pub(crate) identity: Option<PathBuf>,
}

/// `cowl record list`
#[derive(Debug, Args)]
pub(crate) struct ListItemsArguments {
    /// Only this record
    #[arg(long, value_name = "RECORD")]
    pub(crate) record: Option<String>,
    /// Only items of this study
    #[arg(long, value_name = "UID")]
    pub(crate) study: Option<String>,
}

/// `cowl record show`
#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    /// Identifier, beginning of one, or name
    pub(crate) item: String,
    /// Only in this record
    #[arg(long, value_name = "RECORD")]
    pub(crate) record: Option<String>,
}

/// `cowl record get`
#[derive(Debug, Args)]
pub(crate) struct GetArguments {
    /// Identifier, beginning of one, or name
    pub(crate) item: String,
    /// Where to; a folder takes it under its own name, '-' is stdout
    #[arg(long, short, value_name = "FILE|DIR|-", default_value = "-")]
    pub(crate) output: PathBuf,
    /// Only in this record
    #[arg(long, value_name = "RECORD")]
    pub(crate) record: Option<String>,
}

/// `cowl record export`
#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// Which items; all otherwise
    pub(crate) items: Vec<String>,
    /// Folder to write to
    #[arg(long, short, value_name = "DIR", default_value = ".")]
    pub(crate) output: PathBuf,
    /// Write sealed .age files instead of opened ones
    #[arg(long)]
    pub(crate) age: bool,
    /// Seal to this recipient instead of your own key (age1… or age1pq1…)
    #[arg(long, value_name = "RECIPIENT", requires = "age")]
    pub(crate) to: Vec<Recipient>,
    /// Only from this record
    #[arg(long, value_name = "RECORD")]
    pub(crate) record: Option<String>,
}

/// `cowl record remove`
#[derive(Debug, Args)]
pub(crate) struct RemoveArguments {
    /// Identifiers, beginnings of such, or names
    #[arg(required = true)]
    pub(crate) items: Vec<String>,
    /// Only from this record
    #[arg(long, value_name = "RECORD")]
    pub(crate) record: Option<String>,
}

/// `cowl record check`
#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// Fetch N parts picked at random instead of all
    #[arg(long, value_name = "N")]
    pub(crate) sample: Option<usize>,
    /// Only this record; all that you may see otherwise
    #[arg(long, value_name = "RECORD")]
    pub(crate) record: Option<String>,
}

/// Reads the name of a storage codec.
fn parse_codec(text: &str) -> Result<CodecChoice, String> {
    match text.split_once(':') {
        None => match text {
            "auto" => Ok(CodecChoice::Auto),
            "none" => Ok(CodecChoice::None),
            "zstd" => Ok(CodecChoice::Zstd),
            "live" => Ok(CodecChoice::Live),
            "archive" => Ok(CodecChoice::Archive),
            _ => Err(format!(
                "'{text}' is not a codec; known are auto, none, zstd, live, archive, dct:QUALITY"
            )),
        },
        Some(("dct", quality)) => match quality.parse() {
            Ok(quality @ 1..=100) => Ok(CodecChoice::Dct(quality)),
            _ => Err(format!("the quality of dct is a number from 1 to 100, not '{quality}'")),
        },
        Some((name, _)) => Err(format!("codec '{name}' takes no setting")),
    }
}

const ADD_EXAMPLES: &str = "\
Items go by name, with the path below a folder in it. What has changed since it was added from the \
same place takes the place of what it was; a name that something else has is refused, unless --replace is given.

Examples:
  cowl record add scans/ report.pdf
  cowl record add letter.txt --description 'discharge letter' --date 2026-03-02
  cowl record add visit/report.txt --name second-visit.txt
  pg_dump clinic | cowl record add - --name clinic.sql --replace
  cowl record add old.age --identity key.txt";

const POLICY_EXAMPLES: &str = "\
Examples:
  cowl record policy heart
  cowl record policy heart text=hybrid-rsa,codec=archive
  cowl record policy heart standard

What is in the record stays as it was sealed. chaotic-image is a research scheme inside a standard envelope.";

const GET_EXAMPLES: &str = "\
Examples:
  cowl record get report.pdf -o .
  cowl record get k3q7 > scan.dcm";

const EXPORT_EXAMPLES: &str = "\
Examples:
  cowl record export -o backup/
  cowl record export --age -o sealed/                opens with 'cowl key export' in any age program
  cowl record export --age --to age1… report.pdf";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codecs_are_read_by_name_and_a_quality_only_where_there_is_one() {
        assert!(matches!(parse_codec("live"), Ok(CodecChoice::Live)));
        assert!(matches!(parse_codec("dct:75"), Ok(CodecChoice::Dct(75))));
        for wrong in ["", "dct", "dct:", "dct:0", "dct:101", "zstd:3", "gzip"] {
            assert!(parse_codec(wrong).is_err(), "{wrong}");
        }
    }
}
