//! Flags of whatever takes a file as a model's input.

use clap::{Args, ValueEnum};
use cowl_imaging::network_input::{Fit, Hints, Values};

/// How files become inputs. Kind of file and sizes of the input decide the rest.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct InputArguments {
    /// Which volume of a NIfTI file of several, or, for a map of the brain, which region's map of a run; from 1
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Inputs")]
    pub(crate) volume: Option<u32>,
    /// Millimetres a voxel to which a volume is resampled
    #[arg(long, value_name = "MM", help_heading = "Inputs")]
    pub(crate) spacing: Option<f64>,
    /// What the values of a picture become
    #[arg(long, value_enum, default_value = "unit", help_heading = "Inputs")]
    pub(crate) values: ValuesChoice,
    /// How a picture is brought to its size
    #[arg(long, value_enum, default_value = "stretch", help_heading = "Inputs")]
    pub(crate) fit: FitChoice,
}

/// What the values of a picture become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum ValuesChoice {
    /// 0 to 1
    #[default]
    Unit,
    /// −1 to 1
    Symmetric,
    /// 0 to 255, as they are
    Bytes,
    /// Standardised as networks for ImageNet take them
    Imagenet,
}

/// How a picture is brought to its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum FitChoice {
    /// Each side by itself
    #[default]
    Stretch,
    /// Sides keep their ratio; black at the right and below
    Pad,
}

impl InputArguments {
    pub(crate) fn hints(&self) -> Hints {
        let values = match self.values {
            ValuesChoice::Unit => Values::Unit,
            ValuesChoice::Symmetric => Values::Symmetric,
            ValuesChoice::Bytes => Values::Bytes,
            ValuesChoice::Imagenet => Values::ImageNet,
        };
        let fit = match self.fit {
            FitChoice::Stretch => Fit::Stretch,
            FitChoice::Pad => Fit::Pad,
        };
        let volume = self.volume.map(|number| number as usize - 1);
        Hints { volume, spacing: self.spacing, values, fit, ..Hints::default() }
    }
}
