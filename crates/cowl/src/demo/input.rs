//! What the patient's record is made of: the samples that come with the program, or one's own files.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use cowl_crypto::digest::{Digest, Hasher};
use cowl_domain::Kind;
use cowl_vault::Source;
use cowl_vault::view::ItemInfo;

use super::misspelling::misspelt_word;
use super::samples::SAMPLES;
use crate::failure::{Failure, Result};

/// The originals, to seal and to compare with.
pub(super) enum Input {
    Samples,
    Own(PathBuf),
}

impl Input {
    /// One's own path, or the samples.
    ///
    /// # Errors
    /// When there is nothing at the path.
    pub(super) fn choose(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else { return Ok(Self::Samples) };
        std::fs::metadata(path).map_err(|error| Failure::file(path, error))?;
        Ok(Self::Own(path.to_path_buf()))
    }

    /// What it is called in the account of the demo.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Samples => "samples".to_owned(),
            Self::Own(path) => path.display().to_string(),
        }
    }

    /// All of it, to be sealed.
    ///
    /// # Errors
    /// When something cannot be read, or there is nothing.
    pub(super) fn sources(&self) -> Result<Vec<Source>> {
        let sources = match self {
            Self::Samples => {
                SAMPLES.iter().map(|(name, bytes)| Source::bytes(*name, bytes.to_vec())).collect()
            }
            Self::Own(path) => Source::gather(std::slice::from_ref(path))?,
        };
        match sources.is_empty() {
            true => Err(Failure::usage(format!("{}: there is no file in it", self.name()))),
            false => Ok(sources),
        }
    }

    /// The digest of an original, computed from the file itself, not from what the vault says.
    ///
    /// # Errors
    /// When it is gone.
    pub(super) fn digest(&self, name: &str) -> Result<Digest> {
        match self {
            Self::Samples => {
                let sample = SAMPLES.iter().find(|(known, _)| *known == name);
                let (_, bytes) = sample.ok_or_else(|| Failure::no(format!("there is no sample {name}")))?;
                Ok(Digest::of(bytes))
            }
            Self::Own(_) => {
                let path = self.original(name);
                digest_of_file(&path).map_err(|error| Failure::file(&path, error))
            }
        }
    }

    /// Words to search for, one of them misspelt; `None` where there is no text.
    pub(super) fn query(&self, items: &[ItemInfo]) -> Option<String> {
        if matches!(self, Self::Samples) {
            return Some("metastatis lung".to_owned());
        }
        let notes = items.iter().filter(|item| item.label.kind == Kind::Text);
        let mut texts = notes.filter_map(|item| beginning(&self.original(&item.label.name)).ok());
        let in_text = texts.find_map(|text| misspelt_word(&text));
        in_text.or_else(|| items.iter().find_map(|item| misspelt_word(&item.label.name)))
    }

    fn original(&self, name: &str) -> PathBuf {
        match self {
            Self::Own(path) if path.is_dir() => path.join(name),
            Self::Own(path) => path.clone(),
            Self::Samples => PathBuf::from(name),
        }
    }
}

fn digest_of_file(path: &Path) -> std::io::Result<Digest> {
    let mut file = File::open(path)?;
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finalize()),
            length => hasher.update(&buffer[..length]),
        };
    }
}

/// As much of a note as is worth reading for one word.
fn beginning(path: &Path) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(1 << 18).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
