//! The records of the published framework: as many images and texts, as many bytes.

use cowl_imaging::display::DisplayImage;

use super::notes;
use super::pictures::{SLICES, scaled};
use super::random::Random;

/// A published record and the times of its table, in seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Published {
    /// As the paper names it: megabytes.
    pub(super) name: &'static str,
    pub(super) bytes: usize,
    pub(super) images: usize,
    pub(super) texts: usize,
    pub(super) encrypt: f64,
    pub(super) decrypt: f64,
    /// The same by AES alone, the paper's reference 31, where we know it.
    pub(super) aes_alone: Option<(f64, f64)>,
}

/// The five records.
pub(super) const PUBLISHED: [Published; 5] = [
    published("0.51", 510_000, (5, 31), (0.52, 0.61), Some((2.54, 0.70))),
    published("1.04", 1_040_000, (6, 32), (0.63, 0.72), None),
    published("2.03", 2_030_000, (7, 33), (0.74, 0.86), None),
    published("4.31", 4_310_000, (3, 29), (0.37, 0.46), None),
    published("8.32", 8_320_000, (4, 30), (0.49, 0.58), Some((2.41, 0.68))),
];

const fn published(
    name: &'static str,
    bytes: usize,
    (images, texts): (usize, usize),
    (encrypt, decrypt): (f64, f64),
    aes_alone: Option<(f64, f64)>,
) -> Published {
    Published { name, bytes, images, texts, encrypt, decrypt, aes_alone }
}

/// A record made after a published one.
pub(super) struct Record {
    pub(super) images: Vec<DisplayImage>,
    pub(super) texts: Vec<Vec<u8>>,
}

impl Record {
    /// Texts of one to three kilobytes, the rest in images of equal size. What rectangles leave over makes the
    /// last text longer.
    pub(super) fn make(published: &Published) -> Self {
        let mut random = Random::new(published.bytes as u64);
        let sentences = sentences();
        let mut texts: Vec<Vec<u8>> = (0..published.texts).map(|_| note(&sentences, &mut random)).collect();
        let rest = published.bytes - texts.iter().map(Vec::len).sum::<usize>();
        let pixels = rest / published.images;
        let width = pixels.isqrt();
        let side = |length: usize| u32::try_from(length).expect("the images have a few megabytes");
        let image =
            |at: usize| scaled(&SLICES[at % SLICES.len()].picture(), side(width), side(pixels / width));
        let images: Vec<DisplayImage> = (0..published.images).map(image).collect();
        let left_over = rest - images.iter().map(|image| image.samples().len()).sum::<usize>();
        if let Some(last) = texts.last_mut() {
            let filling = sentences.iter().cycle().flat_map(|sentence| sentence.bytes());
            last.extend(filling.take(left_over));
        }
        Self { images, texts }
    }

    /// All of it as one string of bytes.
    pub(super) fn joined(&self) -> Vec<u8> {
        let images = self.images.iter().map(DisplayImage::samples);
        images.chain(self.texts.iter().map(Vec::as_slice)).collect::<Vec<_>>().concat()
    }
}

fn note(sentences: &[String], random: &mut Random) -> Vec<u8> {
    let length = 1_000 + random.below(2_000);
    let mut text = String::new();
    while text.len() < length {
        text += random.pick(sentences).as_str();
        text += ". ";
    }
    text.into_bytes()
}

fn sentences() -> Vec<String> {
    let texts = notes::of_samples().texts;
    let all = texts.iter().flat_map(|text| text.split(['.', '\n']));
    all.map(str::trim).filter(|sentence| sentence.len() > 20).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_has_what_the_published_one_has_and_is_always_the_same() {
        let small = &PUBLISHED[0];
        let record = Record::make(small);
        assert_eq!((record.images.len(), record.texts.len()), (small.images, small.texts));
        let joined = record.joined();
        assert_eq!(joined.len(), small.bytes);
        assert_eq!(joined, Record::make(small).joined());
    }
}
