//! `cowl image …`

use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgGroup, Args, Subcommand};
use cowl_imaging::additive::{USUAL_IMAGES, Window};
use cowl_seal::age::Recipient;

use super::PassphraseArguments;

/// What is to be done with images.
#[derive(Debug, Subcommand)]
pub(crate) enum ImageCommand {
    /// Seal images so that whoever has them can add them up, and only the key's holder sees the sum
    #[command(after_help = SEAL_EXAMPLES)]
    SealAdditive(SealAdditiveArguments),
    /// Add, subtract or average sealed images of one size; needs no key
    #[command(after_help = COMBINE_EXAMPLES)]
    Combine(CombineArguments),
    /// Open a sealed image or sum of images
    #[command(after_help = OPEN_EXAMPLES)]
    Open(OpenImageArguments),
}

/// The secret key of sealed images, itself a sealed file.
#[derive(Debug, Args)]
pub(crate) struct KeyFileArguments {
    /// File with the images' secret key; it is sealed itself
    #[arg(long, short, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// Identity file that opens the key file; may be repeated
    #[arg(long = "identity", short, value_name = "FILE")]
    pub(crate) identities: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArguments,
}

/// `cowl image seal-additive`
#[derive(Debug, Args)]
pub(crate) struct SealAdditiveArguments {
    /// DICOM (uncompressed) or NIfTI of 8 or 16 bits a sample, or pictures of 8
    #[arg(required = true, value_name = "IN")]
    pub(crate) inputs: Vec<PathBuf>,
    /// Where to; a folder for several images
    #[arg(long, short, value_name = "OUT")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) key: KeyFileArguments,
    /// Make the key file first, sealed to recipients or under a passphrase
    #[arg(long)]
    pub(crate) new_key: bool,
    /// Who may open the new key file: age1pq1… or age1…; may be repeated
    #[arg(long = "recipient", short, value_name = "RECIPIENT", requires = "new_key")]
    pub(crate) recipients: Vec<Recipient>,
    /// File with one recipient a line; may be repeated
    #[arg(long = "recipients-file", short = 'R', value_name = "FILE", requires = "new_key")]
    pub(crate) recipient_files: Vec<PathBuf>,
    /// Length of the new key: 2048, 3072 or 4096
    #[arg(long, value_name = "BITS", default_value_t = 3072, requires = "new_key")]
    pub(crate) bits: u32,
    /// The most images that a sum may hold
    #[arg(long, value_name = "N", default_value_t = USUAL_IMAGES)]
    pub(crate) images: u32,
}

/// `cowl image combine`
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("how").required(true).args(["add", "subtract", "average", "factors"])))]
pub(crate) struct CombineArguments {
    /// Sealed images of one size, key and room
    #[arg(required = true, value_name = "IN")]
    pub(crate) inputs: Vec<PathBuf>,
    /// Where to
    #[arg(long, short, value_name = "OUT")]
    pub(crate) output: PathBuf,
    /// The sum of all
    #[arg(long)]
    pub(crate) add: bool,
    /// The first without all others
    #[arg(long)]
    pub(crate) subtract: bool,
    /// The average of all
    #[arg(long)]
    pub(crate) average: bool,
    /// The sum of all, each times its whole number, as in 2,-1
    #[arg(long, value_name = "F,…", value_delimiter = ',', allow_hyphen_values = true)]
    pub(crate) factors: Vec<i64>,
}

/// `cowl image open`
#[derive(Debug, Args)]
pub(crate) struct OpenImageArguments {
    /// A sealed image
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,
    /// Where to: NAME.nii holds the exact sums, NAME.png shows one frame
    #[arg(long, short, value_name = "OUT")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) key: KeyFileArguments,
    /// Values that a PNG shows, as CENTER/WIDTH, or 'all'; without it they must be whole, 0 to 65535
    #[arg(long, value_name = "C/W|all", allow_hyphen_values = true)]
    pub(crate) window: Option<WindowChoice>,
    /// Which frame a PNG shows, from 1
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) frame: std::num::NonZeroUsize,
}

/// What a picture shows of the values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum WindowChoice {
    /// From the least to the greatest.
    All,
    /// A window.
    Of(Window),
}

impl FromStr for WindowChoice {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "all" {
            return Ok(Self::All);
        }
        let numbers = text
            .split_once('/')
            .and_then(|(center, width)| Some((center.trim().parse().ok()?, width.trim().parse().ok()?)));
        let window = numbers.and_then(|(center, width)| Window::new(center, width));
        window.map(Self::Of).ok_or("write CENTER/WIDTH, the width at least 1, as in 40/400; or 'all'")
    }
}

const SEAL_EXAMPLES: &str = "\
Sealed so, an image is three to four times its size, and whoever has it sees rows, columns and bits of a sample.
Use it for sums that others compute. For storing and sharing, 'cowl record add' and 'cowl seal' are better.

Examples:
  cowl image seal-additive --new-key -p -k study.key -o sealed/ scans/*.dcm
  cowl image seal-additive -k study.key -p -o late.sealed late.dcm";

const COMBINE_EXAMPLES: &str = "\
Examples:
  cowl image combine --average -o template.sealed sealed/*.sealed
  cowl image combine --subtract -o vessels.sealed contrast.sealed mask.sealed";

const OPEN_EXAMPLES: &str = "\
Examples:
  cowl image open -k study.key -p -o template.nii template.sealed
  cowl image open -k study.key -p --window 40/400 -o template.png template.sealed";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_two_numbers_or_all() {
        assert_eq!("all".parse(), Ok(WindowChoice::All));
        assert_eq!("-600/1500".parse(), Ok(WindowChoice::Of(Window::new(-600.0, 1500.0).unwrap())));
        for text in ["", "40", "40/0", "a/b", "40/NaN"] {
            assert!(text.parse::<WindowChoice>().is_err(), "{text}");
        }
    }
}
