//! Medical images as they are stored: what a file is and where its pixels lie, bit-exact pixel codecs, the published
//! lossy codec and the published chaotic scheme, sums of sealed images; volumes as networks take them. Nothing here
//! reads files, keeps keys or knows the cloud.
//!
//! | module | what |
//! |---|---|
//! | [`container`] | storage codecs of whole files: the entry point for sealing |
//! | [`live`], [`archive`] | bit-exact pixel codecs: fast, and small |
//! | [`jpegls`] | JPEG-LS, of which *archive* is made |
//! | [`dct`] | the published lossy codec, for display images |
//! | [`chaotic`] | the published scheme for images, a research scheme |
//! | [`additive`] | images that are added and averaged sealed (Paillier) |
//! | [`dicom`], [`nifti`], [`display`] | what a file is, its labels and text, its pixels |
//! | [`volume`], [`regression`] | volumes of floats from NIfTI and DICOM, resampled; dual regression of fMRI runs |
//! | [`network_input`] | what a network takes of a volume or picture |
//! | [`drawing`] | slices, labels and masked noise to look at |
//! | [`pixels`], [`framing`] | checked layouts; heads and frame indices of the pixel codecs |
#![deny(missing_docs)]

pub mod additive;
pub mod archive;
pub mod chaotic;
pub mod container;
pub mod dct;
pub mod dicom;
pub mod display;
pub mod drawing;
pub mod framing;
pub mod jpegls;
pub mod live;
pub mod network_input;
pub mod nifti;
pub mod pixels;
mod planes;
pub mod regression;
#[cfg(test)]
mod specimens;
pub mod volume;
