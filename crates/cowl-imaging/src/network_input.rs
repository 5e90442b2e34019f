//! What a network takes of a file: the numbers of its input in its order, and what they look like.
//!
//! The sizes of the network's input decide, together with the kind of file:
//!
//! | input | file | what is done |
//! |---|---|---|
//! | …×45×54×45, or 109,350 numbers | a map or a run in a NIfTI file | a component map on the 4 mm MNI grid, standardised ([`Hints::templates`]: dual regression of a run) |
//! | …×a×b×c | a volume in a NIfTI file or a DICOM series | the voxels as they are if there are as many along each axis, else resampled around the volume's middle; scaled to 0..1 |
//! | …×h×w, …×3×h×w, or a square number | a picture: PNG, JPEG, BMP, PNM, one DICOM frame | resized, scaled ([`Hints::values`]) |
//! | any | numbers (`.npy`) | as they are |
//!
//! Leading sizes of 1 (batch, channel) count as absent.

mod component;
mod numbers;
mod picture;
#[cfg(test)]
mod tests;

pub use component::standardised;
pub use numbers::{Numbers, NumbersError};
pub use picture::{Fit, Values};

use crate::dicom::{self, DicomError, DicomFile, SliceError};
use crate::display::{DisplayError, DisplayImage};
use crate::drawing::{self, Over, View};
use crate::regression::RegressionError;
use crate::volume::{self, Grid, NiftiError, Placement, Run, StackError, Volume};

/// Why a file cannot be what a network takes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// A NIfTI file.
    #[error(transparent)]
    Nifti(#[from] NiftiError),
    /// A DICOM file.
    #[error(transparent)]
    Dicom(#[from] DicomError),
    /// A file of a series.
    #[error("'{name}' cannot be a slice: {why}")]
    Slice {
        /// The file.
        name: String,
        /// What is missing.
        why: SliceError,
    },
    /// A series.
    #[error(transparent)]
    Series(#[from] StackError),
    /// A picture.
    #[error(transparent)]
    Picture(#[from] DisplayError),
    /// A file of numbers.
    #[error(transparent)]
    Numbers(#[from] NumbersError),
    /// A run that gives no component map.
    #[error(transparent)]
    Regression(#[from] RegressionError),
    /// A DICOM file whose pixels are not read.
    #[error("the pixels of the DICOM file are not read; uncompressed ones of 8 or 16 bits are")]
    Pixels,
    /// The wrong kind of file for the network.
    #[error("the network takes {wanted}; the file has {found}")]
    Kind {
        /// What the network takes.
        wanted: String,
        /// What the file is.
        found: String,
    },
    /// A run of several volumes, and nobody said which.
    #[error(
        "the file has {0} volumes; say which one is meant, from 1, or give template maps for dual regression"
    )]
    Several(usize),
    /// A volume or map that is not there.
    #[error("there is no volume {wanted}; there are {found}")]
    NoVolume {
        /// Which one was asked for, from 1.
        wanted: usize,
        /// How many there are.
        found: usize,
    },
    /// A map without values where the brain is.
    #[error("the map is the same everywhere in the brain: is it in MNI space?")]
    Flat,
    /// A hint that does not fit.
    #[error("{0}")]
    Hint(&'static str),
}

/// What a file holds.
#[derive(Debug)]
pub enum Source {
    /// Volumes.
    Run(Run),
    /// A picture.
    Picture(DisplayImage),
    /// Numbers with sizes.
    Numbers(Numbers),
}

impl Source {
    /// Reads a file by what its bytes are.
    ///
    /// # Errors
    /// [`InputError`] of that kind of file; [`InputError::Picture`] if it is none that is known.
    pub fn read(bytes: &[u8]) -> Result<Self, InputError> {
        const GZIP: &[u8] = &[0x1f, 0x8b];
        if bytes.starts_with(GZIP) || crate::nifti::is_nifti(bytes) {
            return Ok(Self::Run(volume::read(bytes)?));
        }
        if Numbers::is_npy(bytes) {
            return Ok(Self::Numbers(Numbers::read(bytes)?));
        }
        if dicom::is_dicom(bytes) {
            let span = DicomFile::read(bytes)?.raster().ok_or(InputError::Pixels)?;
            return DisplayImage::of_first_frame(&span, bytes).map(Self::Picture).ok_or(InputError::Pixels);
        }
        Ok(Self::Picture(DisplayImage::decode(bytes)?))
    }

    /// Puts the DICOM files of a series together; each has a name for error messages.
    ///
    /// # Errors
    /// [`InputError`] names the file, or says why the slices make no volume.
    pub fn read_series<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<Self, InputError> {
        let slice = |(name, bytes): (&str, &'a [u8])| {
            let slice = DicomFile::read(bytes)?.slice();
            slice.map_err(|why| InputError::Slice { name: name.to_owned(), why })
        };
        let slices = files.into_iter().map(slice).collect::<Result<_, _>>()?;
        Ok(Self::Run(volume::from_slices(slices)?))
    }

    fn kind(&self) -> String {
        match self {
            Self::Run(run) => {
                let [x, y, z] = run.grid().sizes;
                format!("{} of {x}×{y}×{z} voxels", if run.count() == 1 { "a volume" } else { "volumes" })
            }
            Self::Picture(picture) => format!("a picture of {}×{} pixels", picture.width(), picture.height()),
            Self::Numbers(numbers) => format!("numbers of {}", sizes_in_words(&numbers.sizes)),
        }
    }
}

/// What else is known about input and network. The default fits the networks of the samples.
#[derive(Debug, Clone, Default)]
pub struct Hints {
    /// Which volume of a file of several, or which map of a dual regression, from 0.
    pub volume: Option<usize>,
    /// Template maps on the 4 mm MNI grid, for runs.
    pub templates: Vec<Volume>,
    /// Where there is brain, on the 4 mm MNI grid (other than 0); without it, where the map is not 0.
    pub mask: Option<Volume>,
    /// What a component map is drawn over.
    pub anatomy: Option<Volume>,
    /// Millimetres a voxel to which a volume of other sizes is resampled; without it 1 for networks of 256 voxels a
    /// side or more, else 2.
    pub spacing: Option<f64>,
    /// What the values of a picture become.
    pub values: Values,
    /// How a picture is brought to its size.
    pub fit: Fit,
}

/// What goes into a network, and what it looks like.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The numbers in the network's order, as many as its sizes say.
    pub values: Vec<f32>,
    /// What they look like.
    pub shown: Shown,
}

/// What an input looks like.
#[derive(Debug, Clone)]
pub enum Shown {
    /// A volume, the values as the network takes them.
    Volume(Volume),
    /// A component map, and what it is drawn over, if that is known.
    Map {
        /// The map.
        map: Volume,
        /// The anatomy.
        anatomy: Option<Box<Volume>>,
    },
    /// A picture, resized; the network takes `channels` planes of it.
    Picture {
        /// The picture.
        picture: DisplayImage,
        /// 1 or 3.
        channels: usize,
    },
    /// Numbers of which nothing is known.
    Numbers,
}

/// Prepares a file for a network whose input has these sizes.
///
/// # Errors
/// [`InputError`] says why the file does not fit.
pub fn prepare(source: &Source, sizes: &[usize], hints: &Hints) -> Result<Prepared, InputError> {
    let wanted = without_leading_ones(sizes);
    let mni = Grid::mni_4mm();
    match (source, wanted) {
        (Source::Numbers(numbers), _) => {
            let values = numbers.fitting(wanted).ok_or_else(|| mismatch(source, sizes_in_words(sizes)))?;
            Ok(Prepared { values, shown: Shown::Numbers })
        }
        (Source::Run(run), _) if *wanted == mni.sizes || *wanted == [mni.count()] => {
            component::prepare(run, &mni, hints)
        }
        (Source::Run(run), &[a, b, c]) => anatomical(run, [a, b, c], hints),
        (Source::Run(_), _) => Err(mismatch(source, sizes_in_words(sizes))),
        (Source::Picture(picture), _) => {
            picture::prepare(picture, wanted, hints).ok_or_else(|| mismatch(source, sizes_in_words(sizes)))
        }
    }
}

fn mismatch(source: &Source, wanted: String) -> InputError {
    InputError::Kind { wanted, found: source.kind() }
}

fn without_leading_ones(sizes: &[usize]) -> &[usize] {
    &sizes[sizes.iter().take_while(|&&size| size == 1).count()..]
}

fn sizes_in_words(sizes: &[usize]) -> String {
    sizes.iter().map(ToString::to_string).collect::<Vec<_>>().join("×")
}

/// One volume of a run.
fn chosen(run: &Run, hints: &Hints) -> Result<Volume, InputError> {
    let place = match hints.volume {
        Some(place) => place,
        None if run.count() == 1 => 0,
        None => return Err(InputError::Several(run.count())),
    };
    run.volume(place).ok_or(InputError::NoVolume { wanted: place + 1, found: run.count() })
}

/// A volume of the body, values scaled to 0..1: unsigned bytes by 255, others from least to greatest.
fn anatomical(run: &Run, sizes: [usize; 3], hints: &Hints) -> Result<Prepared, InputError> {
    let volume = chosen(run, hints)?;
    let volume = if run.is_of_bytes() { volume.map(|value| value / 255.0) } else { volume.scaled_to_unit() };
    let volume = if volume.grid().sizes == sizes && hints.spacing.is_none() {
        volume
    } else {
        let usual = if sizes.iter().any(|&size| size >= 256) { 1.0 } else { 2.0 };
        let spacing = hints.spacing.unwrap_or(usual);
        let grid = conformed(sizes, spacing, volume.grid().centre())?;
        volume.coarsened(spacing).resampled(&grid)
    };
    Ok(Prepared { values: volume.last_axis_fastest(), shown: Shown::Volume(volume) })
}

/// A grid around a place, its axes those of FreeSurfer's conformed volumes, in which networks of the brain are mostly
/// trained: to the left, to the feet, to the front.
fn conformed(sizes: [usize; 3], spacing: f64, centre: [f64; 3]) -> Result<Grid, InputError> {
    let half = sizes.map(|size| (size as f64 - 1.0) / 2.0 * spacing);
    let [x, y, z] = centre;
    let placement = Placement::from_rows([
        [-spacing, 0.0, 0.0, x + half[0]],
        [0.0, 0.0, spacing, y - half[2]],
        [0.0, -spacing, 0.0, z + half[1]],
    ]);
    let placement = placement.filter(|_| (0.1..=20.0).contains(&spacing));
    Ok(Grid { sizes, placement: placement.ok_or(InputError::Hint("a spacing is 0.1 to 20 mm"))? })
}

/// Pixels along the longest side of what is drawn of a volume.
const PIXELS: usize = 240;

/// Of a component map, what exceeds so many standard deviations is drawn.
const HEAT_THRESHOLD: f32 = 2.0;

impl Shown {
    /// The input as its owner sees it; `None` for plain numbers.
    pub fn drawn(&self) -> Option<DisplayImage> {
        match self {
            Self::Volume(volume) => Some(drawing::three_planes(&View::of(volume, PIXELS), volume, None)),
            Self::Map { map, anatomy } => {
                let under = anatomy.as_deref().unwrap_or(map);
                let heat = Over::Heat { values: map, threshold: HEAT_THRESHOLD };
                Some(drawing::three_planes(&map_view(map, under), under, Some(heat)))
            }
            Self::Picture { picture, .. } => Some(picture.clone()),
            Self::Numbers => None,
        }
    }

    /// The input as the other side sees it: `masked` are its numbers plus the masks, modulo 2^`bits`, in the network's
    /// order. `None` for plain numbers, or if there are not as many.
    pub fn masked(&self, masked: &[u64], bits: u32) -> Option<DisplayImage> {
        match self {
            Self::Volume(volume) => masked_volume(&View::of(volume, PIXELS), volume, masked, bits),
            Self::Map { map, anatomy } => {
                masked_volume(&map_view(map, anatomy.as_deref().unwrap_or(map)), map, masked, bits)
            }
            Self::Picture { picture, channels } => picture::masked(picture, *channels, masked, bits),
            Self::Numbers => None,
        }
    }

    /// A label a voxel, in the network's order, over the slices of a volume; `None` for other inputs, or if there are
    /// not as many.
    pub fn labelled(&self, labels: &[f32]) -> Option<DisplayImage> {
        let Self::Volume(volume) = self else { return None };
        let labels = Volume::from_last_axis_fastest(volume.grid().clone(), labels).ok()?;
        Some(drawing::three_planes(&View::of(volume, PIXELS), volume, Some(Over::Labels(&labels))))
    }

    /// A region in one colour over the anatomy of a component map, through the region's middle; `region` holds labels.
    pub fn region(&self, regions: &Volume, label: usize) -> Option<DisplayImage> {
        let Self::Map { map, anatomy } = self else { return None };
        let only = regions.clone().map(|value| if value as usize == label { 1.0 } else { 0.0 });
        let under = anatomy.as_deref().unwrap_or(map);
        let view = View::of(under, PIXELS).through(middle(&only)?);
        Some(drawing::three_planes(&view, under, Some(Over::Labels(&only))))
    }
}

/// Slices go through the map's greatest value.
fn map_view(map: &Volume, under: &Volume) -> View {
    let greatest =
        (0..map.voxels().len()).max_by(|&one, &other| map.voxels()[one].total_cmp(&map.voxels()[other]));
    View::of(under, PIXELS).through(place_of(map.grid(), greatest.unwrap_or(0)))
}

fn place_of(grid: &Grid, at: usize) -> [f64; 3] {
    let [width, height, _] = grid.sizes;
    grid.placement.to_space([at % width, at / width % height, at / width / height].map(|part| part as f64))
}

/// The voxel other than 0 that is nearest to the mean place of all such.
fn middle(volume: &Volume) -> Option<[f64; 3]> {
    let inside = || (0..volume.voxels().len()).filter(|&at| volume.voxels()[at] != 0.0);
    let places = || inside().map(|at| place_of(volume.grid(), at));
    let count = inside().count() as f64;
    let mean = [0, 1, 2].map(|axis| places().map(|place| place[axis]).sum::<f64>() / count);
    let distance =
        |place: &[f64; 3]| place.iter().zip(mean).map(|(one, other)| (one - other).powi(2)).sum::<f64>();
    places().min_by(|one, other| distance(one).total_cmp(&distance(other)))
}

fn masked_volume(view: &View, volume: &Volume, masked: &[u64], bits: u32) -> Option<DisplayImage> {
    let [width, height, depth] = volume.grid().sizes;
    if masked.len() != volume.grid().count() {
        return None;
    }
    let mut numbers = vec![0; masked.len()];
    for (at, number) in masked.iter().enumerate() {
        let [x, y, z] = [at / depth / height, at / depth % height, at % depth];
        numbers[(z * height + y) * width + x] = *number;
    }
    drawing::three_planes_of_masked(view, volume, &numbers, bits)
}
