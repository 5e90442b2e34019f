//! `cowl-imaging`: files from outside, and coded files from a seal that somebody else made.

use cowl_imaging::additive::{Samples, SealedImage};
use cowl_imaging::chaotic::{self, ChaoticKey};
use cowl_imaging::container::{self, StorageCodec};
use cowl_imaging::dicom::DicomFile;
use cowl_imaging::display::{self, DisplayImage};
use cowl_imaging::network_input::{self, Hints, Source};
use cowl_imaging::{archive, dct, jpegls, live, nifti, volume};

/// Pixels of a JPEG-LS stream beyond which a run would only take long.
const MOST_SAMPLES: usize = 1 << 20;

/// Coded files and streams: the first byte says the codec.
pub fn coded(bytes: &[u8]) {
    let Some((codec, stream)) = bytes.split_first() else { return };
    let _ = container::decode_file(codec % 6, stream);
    let _ = live::decode(stream);
    let _ = archive::decode(stream);
    let _ = archive::index(stream);
    let _ = dct::decode(stream);
    let _ = chaotic::decode(&ChaoticKey::from_secret([7; 32]), stream);
    if let Ok(header) = jpegls::header(stream)
        && header.samples() <= MOST_SAMPLES
    {
        let _ = jpegls::decode(stream, &mut vec![0; header.samples()]);
    }
}

/// DICOM, NIfTI, pictures and sealed images; whatever they are, coding gives them back.
pub fn files(bytes: &[u8]) {
    let _ = Samples::read(bytes);
    if let Ok(sealed) = SealedImage::from_bytes(bytes) {
        assert_eq!(sealed.to_bytes().expect("it was read"), bytes);
    }
    if let Ok(file) = DicomFile::read(bytes) {
        let _ = (file.label(), file.report_text(), file.raster(), file.damage());
    }
    let _ = (nifti::is_nifti(bytes), nifti::raster(bytes), display::raster(bytes));
    let _ = DisplayImage::decode(bytes);
    as_input(bytes);
    if let Some(span) = container::find_raster(bytes) {
        assert!(bytes.get(span.range()).is_some(), "pixels outside the file");
    }
    for codec in [container::choose(bytes), StorageCodec::Archive] {
        let stored = container::encode_file(codec, bytes).expect("lossless codecs take every small file");
        let again =
            container::decode_file(stored.codec.id(), &stored.bytes).expect("what was coded is decoded");
        assert_eq!(again.as_ref(), bytes, "coding has changed the file");
    }
}

/// Volumes, series, pictures and arrays as a network takes them.
fn as_input(bytes: &[u8]) {
    if let Ok(file) = DicomFile::read(bytes)
        && let Ok(slice) = file.slice()
    {
        let _ = volume::from_slices(vec![slice.clone(), slice]);
    }
    let Ok(source) = Source::read(bytes) else { return };
    for sizes in [[1, 4, 4, 4].as_slice(), &[3, 8, 8], &[16]] {
        if let Ok(prepared) = network_input::prepare(&source, sizes, &Hints::default()) {
            assert_eq!(
                prepared.values.len(),
                sizes.iter().product::<usize>(),
                "not as many as were asked for"
            );
        }
    }
}
