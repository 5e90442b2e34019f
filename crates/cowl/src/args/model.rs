//! `cowl model …`

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand, ValueEnum};

use super::InputArguments;

/// What is to be done with models. Models go by identifier, the beginning of one, or name.
#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Take in an ONNX file: its architecture for those who may run it, its weights for you alone
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(Box<ImportModelArguments>),
    /// Show the layers of a model, what they take, and all that its architecture tells
    #[command(after_help = INSPECT_EXAMPLES)]
    Inspect(Box<InspectModelArguments>),
    /// List models, your own and those that you may run
    #[command(visible_alias = "ls")]
    List,
}

/// How bits behind the point are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum TruncationChoice {
    /// Up or down by chance: fewer bytes
    #[default]
    Nearby,
    /// Always down: the same on every run
    Faithful,
}

/// How an ONNX file is read, and on which numbers it is to be computed.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ReadingArguments {
    /// The size of a first axis that the file leaves open
    #[arg(long, value_name = "N", default_value = "1", help_heading = "Reading")]
    pub(crate) batch: usize,
    /// The size of another axis that the file leaves open, by the name that it has there
    #[arg(long = "dimension", value_name = "NAME=N", value_parser = parse_dimension, help_heading = "Reading")]
    pub(crate) dimensions: Vec<(String, usize)>,
    /// The sizes of an input, by its name, instead of those that the file has
    #[arg(long = "shape", value_name = "NAME=AxBxC", value_parser = parse_shape, help_heading = "Reading")]
    pub(crate) shapes: Vec<(String, Vec<usize>)>,
    /// Bits of the numbers that are computed with: 32, 40, 48 or 64; found from the model otherwise
    #[arg(long, value_name = "BITS", help_heading = "Numbers")]
    pub(crate) ring: Option<u32>,
    /// Bits behind the point
    #[arg(long, value_name = "BITS", requires = "ring", help_heading = "Numbers")]
    pub(crate) fraction: Option<u32>,
    /// How bits behind the point are cut
    #[arg(long, value_enum, default_value = "nearby", help_heading = "Numbers")]
    pub(crate) truncation: TruncationChoice,
    /// An input to see how large values become: a scan, a picture, numbers; one file an input of the model, several
    /// inputs one after the other
    #[arg(long, value_name = "FILE", num_args = 1.., help_heading = "Numbers")]
    pub(crate) calibrate: Vec<PathBuf>,
    /// The largest magnitude of a number of the input, where no input is given
    #[arg(long, value_name = "NUMBER", default_value = "1", help_heading = "Numbers")]
    pub(crate) largest_input: f32,
    #[command(flatten)]
    pub(crate) inputs: InputArguments,
}

/// `cowl model import`
#[derive(Debug, Args)]
pub(crate) struct ImportModelArguments {
    /// An ONNX file; weights in files beside it are found
    pub(crate) file: PathBuf,
    /// Into which record; your own default one otherwise
    #[arg(long, value_name = "RECORD")]
    pub(crate) record: Option<String>,
    /// Name of the model; that of the file otherwise
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub(crate) name: Option<String>,
    /// A line of your own; sealed like all else
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    /// What the classes of the output are called: a text file, a line each
    #[arg(long, value_name = "FILE")]
    pub(crate) classes: Option<PathBuf>,
    /// Take the place of a model of the same name
    #[arg(long)]
    pub(crate) replace: bool,
    #[command(flatten)]
    pub(crate) reading: ReadingArguments,
}

/// `cowl model inspect`
#[derive(Debug, Args)]
pub(crate) struct InspectModelArguments {
    /// An ONNX file, or a model: identifier, beginning of one, or name
    #[arg(value_name = "FILE|ITEM")]
    pub(crate) model: String,
    #[command(flatten)]
    pub(crate) reading: ReadingArguments,
}

/// Reads `NAME=1x1x32x32x32`.
fn parse_shape(text: &str) -> Result<(String, Vec<usize>), String> {
    let wrong = || format!("'{text}' is not NAME=AxBxC");
    let (name, sizes) = text.rsplit_once('=').ok_or_else(wrong)?;
    let size = |size: &str| size.parse().ok().filter(|size| *size > 0).ok_or_else(wrong);
    let sizes = sizes.split('x').map(size).collect::<Result<Vec<usize>, String>>()?;
    if name.is_empty() { Err(wrong()) } else { Ok((name.to_owned(), sizes)) }
}

/// Reads `NAME=N`.
fn parse_dimension(text: &str) -> Result<(String, usize), String> {
    let wrong = || format!("'{text}' is not NAME=N");
    let (name, size) = text.rsplit_once('=').ok_or_else(wrong)?;
    let size = size.parse().ok().filter(|size| *size > 0).ok_or_else(wrong)?;
    if name.is_empty() { Err(wrong()) } else { Ok((name.to_owned(), size)) }
}

const IMPORT_EXAMPLES: &str = "\
The architecture (layers, sizes, attributes) and the numbers that are computed with are one item, which whoever may run the \
model can read; the weights are another, sealed to you. An operator that is not supported is refused by the name of its \
node.

Examples:
  cowl model import tissue.onnx
  cowl model import tissue.onnx --name tissue --classes tissue.txt --record models
  cowl model import brain_tissue_64.onnx --shape t1=1x1x32x32x32
  cowl model import net.onnx --dimension height=256 --dimension width=256 --calibrate scan-1.png scan-2.png
  cowl grant make --to hospital --item tissue --power compute --output labels --runs 100 --purpose diagnosis";

const INSPECT_EXAMPLES: &str = "\
Examples:
  cowl model inspect tissue.onnx
  cowl model inspect tissue --json";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_is_a_name_and_its_sizes() {
        assert_eq!(parse_shape("volume=1x1x32"), Ok(("volume".to_owned(), vec![1, 1, 32])));
        assert_eq!(parse_shape("a=b=7"), Ok(("a=b".to_owned(), vec![7])));
        for wrong in ["", "volume", "volume=", "=3", "volume=1x", "volume=0x2", "volume=1,2"] {
            assert!(parse_shape(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_dimension_is_a_name_and_a_size() {
        assert_eq!(parse_dimension("height=256"), Ok(("height".to_owned(), 256)));
        for wrong in ["", "height", "height=", "=3", "height=0", "height=-1", "height=x"] {
            assert!(parse_dimension(wrong).is_err(), "{wrong}");
        }
    }
}
