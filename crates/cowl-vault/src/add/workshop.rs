//! Small files: read, coded, sealed and cut in memory, each on a core of its own.

use cowl_crypto::digest::Digest;
use cowl_crypto::id::random_bytes;
use cowl_domain::{ItemId, Kind, Label, SealingPolicy, StudyLabel, SuiteId};

use super::{AddOptions, Held};
use cowl_imaging::dicom::{DicomFile, DicomLabel};

use crate::codec;
use crate::error::{Result, VaultError};
use crate::kind::{HEAD_SIZE, detect};
use crate::seal::{Coded, Part, SealedItem, Sealer};
use crate::search::TextDocument;
use crate::source::{FileStamp, Origin, Source};

/// A small file after sealing.
pub(super) struct SealedFile {
    pub name: String,
    pub stamp: Option<FileStamp>,
    pub size: u64,
    pub outcome: std::result::Result<SealedContent, String>,
}

pub(super) enum SealedContent {
    Same(ItemId),
    New(Box<NewContent>),
}

pub(super) struct NewContent {
    pub sealed: SealedItem,
    pub parts: Vec<Part>,
    pub text: Option<TextDocument>,
    pub replaces: Option<ItemId>,
}

/// What sealing small files needs; shared with the threads that do it.
pub(super) struct Workshop {
    pub sealer: Sealer,
    pub options: AddOptions,
    pub policy: SealingPolicy,
    pub held: Held,
}

impl Workshop {
    pub(super) fn seal_file(&self, source: Source) -> SealedFile {
        let Source { name, origin } = source;
        let (stamp, content) = match origin {
            Origin::File(stamp) => (Some(stamp.clone()), stamp.read()),
            Origin::Bytes(bytes) => (None, Ok(bytes)),
            Origin::Reader(_) => (None, Err(VaultError::Bug("a pipe among small files".to_owned()))),
        };
        let size = content.as_ref().map_or(0, |bytes| bytes.len() as u64);
        let outcome = content.and_then(|bytes| self.seal_content(&name, bytes)).map_err(|e| e.to_string());
        SealedFile { name, stamp, size, outcome }
    }

    fn seal_content(&self, name: &str, content: Vec<u8>) -> Result<SealedContent> {
        let (name, content) = self.out_of_age(name, content)?;
        let digest = Digest::of(&content);
        let held = self.held.get(&name);
        if let Some(held) = held.filter(|held| held.content == digest && self.options.accepts(held.suite)) {
            return Ok(SealedContent::Same(held.item));
        }
        let mut label = self.options.label(name, &content);
        let suite = self.options.suite_for(&self.policy, label.kind);
        let encoded = codec::encode(self.options.codec, self.policy.codec(), label.kind, &content)?;
        let (content, digest) = match encoded.lossy {
            Some((stored, note)) => {
                label.lossy = Some(note);
                let digest = Digest::of(&stored);
                (stored, digest)
            }
            None => (content, digest),
        };
        let item = ItemId::from_bytes(random_bytes());
        let text = crate::indexing::document(self.sealer.record, item, &label, &content);
        let coded = Coded {
            label,
            suite,
            codec: encoded.codec,
            content: digest,
            content_size: content.len() as u64,
            coded_size: encoded.bytes.len() as u64,
        };
        let (sealed, parts) = self.sealer.seal(item, &coded, encoded.bytes)?;
        Ok(SealedContent::New(Box::new(NewContent {
            sealed,
            parts,
            text,
            replaces: held.map(|held| held.item),
        })))
    }

    /// An `.age` file that the given identity opens is taken in as what is inside it.
    fn out_of_age(&self, name: &str, content: Vec<u8>) -> Result<(String, Vec<u8>)> {
        let Some(inner) = name.strip_suffix(".age") else { return Ok((name.to_owned(), content)) };
        let Some(identity) = &self.options.age_identity else { return Ok((name.to_owned(), content)) };
        let identities = cowl_seal::age::read_identities(identity)
            .map_err(|e| VaultError::Invalid(format!("the identity file does not hold: {e}")))?;
        let opened = cowl_seal::age::open(&identities, &content)
            .map_err(|e| VaultError::Invalid(format!("{name} does not open: {e}")))?;
        Ok((inner.to_owned(), opened))
    }
}

impl AddOptions {
    /// The suite that was asked for, or else the policy's.
    pub(super) fn suite_for(&self, policy: &SealingPolicy, kind: Kind) -> SuiteId {
        self.suite.unwrap_or_else(|| policy.suite_for(kind))
    }

    /// Whether unchanged content may stay as it was sealed. A policy speaks of what is sealed from then on.
    pub(super) fn accepts(&self, held: SuiteId) -> bool {
        self.suite.is_none_or(|suite| suite == held)
    }

    pub(super) fn label(&self, name: String, content: &[u8]) -> Label {
        let kind = detect(&name, &content[..content.len().min(HEAD_SIZE)]);
        let dicom =
            if kind == Kind::Dicom { DicomFile::read(content).ok().map(|file| file.label()) } else { None };
        let date = self.date.clone().or_else(|| dicom.as_ref().and_then(study_date));
        let study = dicom.map(study_label);
        Label {
            name,
            kind,
            description: self.description.clone(),
            date,
            study,
            lossy: None,
            derived_from: None,
        }
    }
}

/// DICOM writes YYYYMMDD.
fn study_date(label: &DicomLabel) -> Option<String> {
    let text = label
        .study_date
        .as_deref()
        .filter(|text| text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()))?;
    Some(format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..]))
}

fn study_label(label: DicomLabel) -> StudyLabel {
    StudyLabel {
        study_uid: label.study_instance_uid.unwrap_or_default(),
        series_uid: label.series_instance_uid.unwrap_or_default(),
        instance_uid: label.sop_instance_uid.unwrap_or_default(),
        modality: label.modality.unwrap_or_default(),
        description: label.study_description.or(label.series_description).unwrap_or_default(),
    }
}
