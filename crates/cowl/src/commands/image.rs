//! `cowl image …`: images under an additively homomorphic scheme, as files.

use std::fmt;
use std::path::{Path, PathBuf};

use cowl_imaging::additive::{AdditiveError, Samples, SealedImage, Shown, Window, combine};
use cowl_paillier::Timing;
use cowl_paillier_secret::OwnerEncryptor;
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use serde::Serialize;

use super::Context;
use crate::args::{CombineArguments, ImageCommand, OpenImageArguments, SealAdditiveArguments, WindowChoice};
use crate::failure::{Failure, Result};
use crate::sink::{Readers, write_whole};
use crate::size::Size;
use crate::style::{GOOD, QUIET};

mod key_file;

/// Runs one of them.
///
/// # Errors
/// Those of the command.
pub(super) fn run(context: &Context, command: &ImageCommand) -> Result<()> {
    match command {
        ImageCommand::SealAdditive(arguments) => seal(context, arguments),
        ImageCommand::Combine(arguments) => combine_files(context, arguments),
        ImageCommand::Open(arguments) => open(context, arguments),
    }
}

fn seal(context: &Context, arguments: &SealAdditiveArguments) -> Result<()> {
    let outputs = outputs(&arguments.inputs, &arguments.output)?;
    let key =
        if arguments.new_key { key_file::make(context, arguments)? } else { key_file::open(&arguments.key)? };
    let encryptor = OwnerEncryptor::new(key.clone(), Timing::Constant);
    for (input, output) in arguments.inputs.iter().zip(outputs) {
        let samples = Samples::read(&read(input)?).map_err(|error| about(input, error))?;
        let sealed = SealedImage::seal(&samples, key.public(), arguments.images, |plaintexts| {
            encryptor.encrypt(plaintexts, &mut UnwrapErr(SysRng))
        });
        let sealed = sealed.map_err(|error| about(input, error))?;
        write_whole(&output, &sealed.to_bytes().map_err(|error| about(input, error))?, Readers::Umask)?;
        context.output.data(&Done::of(&sealed, &output, "sealed"))?;
    }
    Ok(())
}

/// Where each input goes: to the one file that was named, or below the folder that was named.
fn outputs(inputs: &[PathBuf], output: &Path) -> Result<Vec<PathBuf>> {
    match inputs {
        [_] if !output.is_dir() => Ok(vec![output.to_path_buf()]),
        _ if !output.is_dir() => {
            let text = format!("{}: several images need a folder, and this is none", output.display());
            Err(Failure::usage(text).with_hint("make it first, or name an existing one: -o FOLDER"))
        }
        inputs => {
            let mut outputs: Vec<PathBuf> = Vec::with_capacity(inputs.len());
            for input in inputs {
                let name = input.file_name().unwrap_or_default().to_string_lossy();
                let path = output.join(format!("{name}{SUFFIX}"));
                if outputs.contains(&path) {
                    return Err(Failure::usage(format!("two of the images are called {name}")));
                }
                outputs.push(path);
            }
            Ok(outputs)
        }
    }
}

fn combine_files(context: &Context, arguments: &CombineArguments) -> Result<()> {
    let count = arguments.inputs.len();
    let (factors, divisor) = if arguments.subtract {
        ((0..count).map(|place| if place == 0 { 1 } else { -1 }).collect(), 1)
    } else if arguments.factors.is_empty() {
        let divisor = if arguments.average { u32::try_from(count).unwrap_or(u32::MAX) } else { 1 };
        (vec![1; count], divisor)
    } else {
        (arguments.factors.clone(), 1)
    };
    let images = arguments.inputs.iter().map(|path| sealed_at(path)).collect::<Result<Vec<_>>>()?;
    let combined = combine(&images, &factors, divisor).map_err(|error| named(error, &arguments.inputs))?;
    let bytes = combined.to_bytes().map_err(|error| about(&arguments.output, error))?;
    write_whole(&arguments.output, &bytes, Readers::Umask)?;
    context.output.data(&Done::of(&combined, &arguments.output, "combined"))
}

/// A refusal that is about one of the images, with its name.
fn named(error: AdditiveError, inputs: &[PathBuf]) -> Failure {
    let hint = match &error {
        AdditiveError::TooMany { .. } => "seal the images with more room: --images N",
        AdditiveError::Shape { .. } => "all images need one size, and the same --images when sealed",
        _ => "",
    };
    let failure = match &error {
        AdditiveError::Shape { index, .. } | AdditiveError::OtherKey { index } => {
            about(&inputs[index - 1], error)
        }
        AdditiveError::Factors { .. } => Failure::usage(error.to_string()),
        _ => Failure::no(error.to_string()),
    };
    if hint.is_empty() { failure } else { failure.with_hint(hint) }
}

fn open(context: &Context, arguments: &OpenImageArguments) -> Result<()> {
    let format = Format::of(&arguments.output)?;
    if format == Format::Nifti && arguments.window.is_some() {
        return Err(Failure::usage("a window is for a picture; a volume keeps all values")
            .with_hint("leave --window out, or write a .png"));
    }
    let sealed = sealed_at(&arguments.input)?;
    let key = key_file::open(&arguments.key)?;
    let opened = sealed
        .open(|ciphertexts| key.decrypt(ciphertexts, Timing::Constant))
        .map_err(|error| about(&arguments.input, error))?;
    let shown = match arguments.window {
        None => Shown::Exactly,
        Some(WindowChoice::All) => Shown::Through(Window::of_all(&opened)),
        Some(WindowChoice::Of(window)) => Shown::Through(window),
    };
    let bytes = match format {
        Format::Nifti => opened.nifti(),
        Format::Png => opened.png(arguments.frame.get() - 1, shown),
    };
    let bytes = bytes.map_err(|error| about(&arguments.input, error))?;
    write_whole(&arguments.output, &bytes, Readers::Owner)?;
    context.output.data(&Done::of(&sealed, &arguments.output, "opened"))
}

/// What an opened image is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Nifti,
    Png,
}

impl Format {
    fn of(path: &Path) -> Result<Self> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("nii") => Ok(Self::Nifti),
            Some("png") => Ok(Self::Png),
            _ => {
                let text = format!("{}: opened images are written as .nii or .png", path.display());
                Err(Failure::usage(text).with_hint(".nii holds the exact sums, .png shows one frame"))
            }
        }
    }
}

fn sealed_at(path: &Path) -> Result<SealedImage> {
    SealedImage::from_bytes(&read(path)?).map_err(|error| about(path, error))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| Failure::file(path, error))
}

fn about(path: &Path, error: AdditiveError) -> Failure {
    Failure::no(format!("{}: {error}", path.display()))
}

/// What sealed images are called in a folder.
const SUFFIX: &str = ".sealed";

/// `cowl image …`
#[derive(Debug, Serialize)]
struct Done {
    path: String,
    /// `sealed`, `combined` or `opened`.
    done: &'static str,
    columns: usize,
    rows: usize,
    frames: usize,
    /// Images in it, counted with the size of their factors.
    images: u64,
    /// The most that it has room for.
    room: u64,
    /// What its sums are divided by.
    divisor: u32,
    /// Bytes of the samples, unsealed.
    samples: Size,
}

impl Done {
    fn of(image: &SealedImage, path: &Path, done: &'static str) -> Self {
        let layout = image.layout();
        Self {
            path: path.display().to_string(),
            done,
            columns: layout.columns(),
            rows: layout.rows(),
            frames: layout.frames(),
            images: image.weight(),
            room: image.room(),
            divisor: image.divisor(),
            samples: Size(layout.raster_bytes() as u64),
        }
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, done, columns, rows, frames, images, room, divisor, samples } = self;
        write!(f, "{GOOD}✓{GOOD:#} {path} {QUIET}{done}: {columns}×{rows}")?;
        if *frames > 1 {
            write!(f, "×{frames}")?;
        }
        write!(f, ", {samples} of samples, {images} of {room} images")?;
        if *divisor > 1 {
            write!(f, ", to be divided by {divisor}")?;
        }
        write!(f, "{QUIET:#}")
    }
}
