//! Small files: read, coded, sealed and cut in memory, each on a core of its own.

use std::sync::Arc;

use cowl_crypto::digest::Digest;
use cowl_crypto::id::random_bytes;
use cowl_domain::{ItemId, Kind, Label, SealingPolicy, StudyLabel, SuiteId};

use super::AddOptions;
use super::held::{Held, Standing};
use cowl_imaging::dicom::{DicomFile, DicomLabel};

use crate::codec;
use crate::error::{Result, VaultError};
use crate::indexing::Document;
use crate::kind::{HEAD_SIZE, detect};
use crate::seal::{Coded, Part, SealedItem, Sealer};
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
    pub document: Document,
    pub replaces: Option<ItemId>,
}

/// What sealing small files needs; shared with the threads that do it.
pub(super) struct Workshop {
    pub sealer: Sealer,
    pub options: AddOptions,
    pub policy: SealingPolicy,
    pub held: Arc<Held>,
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
        let outcome = content
            .and_then(|bytes| self.seal_content(&name, stamp.as_ref(), bytes))
            .map_err(|e| e.to_string());
        SealedFile { name, stamp, size, outcome }
    }

    fn seal_content(&self, name: &str, stamp: Option<&FileStamp>, content: Vec<u8>) -> Result<SealedContent> {
        let (name, content) = self.options.opened(name, content)?;
        let digest = Digest::of(&content);
        let standing = |digest| self.held.standing(&name, stamp, Some(digest), &self.options);
        if let Standing::Same(item) = standing(&digest) {
            return Ok(SealedContent::Same(item));
        }
        let mut label = self.options.label(name.clone(), &content);
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
        let replaces = match standing(&digest) {
            Standing::Same(item) => return Ok(SealedContent::Same(item)),
            Standing::Taken(reason) => return Err(VaultError::Invalid(reason)),
            Standing::Replaces(old) => Some(old),
            Standing::Free => None,
        };
        let item = ItemId::from_bytes(random_bytes());
        let document = crate::indexing::document(self.sealer.record, item, &label, &content);
        let coded = Coded {
            label,
            suite,
            codec: encoded.codec,
            content: digest,
            content_size: content.len() as u64,
            coded_size: encoded.bytes.len() as u64,
        };
        let (sealed, parts) = self.sealer.seal(item, &coded, encoded.bytes)?;
        Ok(SealedContent::New(Box::new(NewContent { sealed, parts, document, replaces })))
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
