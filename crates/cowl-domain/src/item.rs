//! Items: what is sealed, how it is labelled, where its parts are.

use cowl_crypto::digest::Digest;
use minicbor::{Decode, Encode};

use crate::codec::CodecId;
use crate::event::CheckpointRef;
use crate::id::{ItemId, PartName, RecordId};
use crate::party::coded;
use crate::time::Timestamp;
use crate::wire::{self, Statement};

coded! {
    /// What an item is, found from its content. Known only to those who may open it.
    Kind ("kind") {
        /// Notes: txt, md, html, rtf.
        Text = 0, "text";
        /// PDF.
        Pdf = 1, "pdf";
        /// Office documents.
        Office = 2, "office";
        /// Display images: PNG, JPEG …
        Image = 3, "image";
        /// DICOM objects.
        Dicom = 4, "dicom";
        /// NIfTI volumes.
        Nifti = 5, "nifti";
        /// Comma-separated values.
        Csv = 6, "csv";
        /// ONNX models.
        Onnx = 7, "onnx";
        /// Sealed or plain tables.
        Table = 8, "table";
        /// Results of jobs.
        Result = 9, "result";
        /// Text segments of the search index; not shown in lists.
        Index = 10, "index";
        /// Anything else.
        Other = 11, "other";
        /// What a trained model computes, without its weights: for whoever may run it.
        Model = 12, "model";
        /// The weights of a trained model: for its owner alone.
        Weights = 13, "weights";
    }
}

coded! {
    /// How an item's payload is sealed.
    SuiteId ("suite") {
        /// age v1, X-Wing stanzas.
        Standard = 0, "standard";
        /// AES-256-GCM with RSA-3072-OAEP key wrapping.
        HybridRsa = 1, "hybrid-rsa";
        /// The published image scheme, inside a `standard` envelope. A research scheme.
        ChaoticImage = 2, "chaotic-image";
        /// A table whose cells are Paillier ciphertexts, with no envelope around them: the cloud adds.
        Additive = 3, "additive";
    }
}

/// How a lossy copy differs from what it was made of.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct LossyNote {
    /// The method, e.g. `dct quality 75`.
    #[n(0)]
    pub method: String,
    /// Stored size over original size, in parts per million.
    #[n(1)]
    pub ratio_ppm: u32,
    /// Peak signal-to-noise ratio, in thousandths of a decibel.
    #[n(2)]
    pub psnr_millidb: u32,
}

/// Where a DICOM object belongs.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct StudyLabel {
    /// Study Instance UID (0020,000D).
    #[n(0)]
    pub study_uid: String,
    /// Series Instance UID (0020,000E).
    #[n(1)]
    pub series_uid: String,
    /// SOP Instance UID (0008,0018).
    #[n(2)]
    pub instance_uid: String,
    /// Modality (0008,0060).
    #[n(3)]
    pub modality: String,
    /// Study Description (0008,1030), or Series Description (0008,103E) where that is empty.
    #[n(4)]
    pub description: String,
}

/// What people see of an item in a list. Sealed with the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Label {
    /// File name, with the folders below the one that was added.
    #[n(0)]
    pub name: String,
    /// What it is.
    #[n(1)]
    pub kind: Kind,
    /// In the owner's words.
    #[n(2)]
    pub description: Option<String>,
    /// The day it is about, `YYYY-MM-DD`.
    #[n(3)]
    pub date: Option<String>,
    /// Where a DICOM object belongs.
    #[n(4)]
    pub study: Option<StudyLabel>,
    /// Set when what is stored is not what was given.
    #[n(5)]
    pub lossy: Option<LossyNote>,
    /// The item that this one was derived from, if any.
    #[n(6)]
    pub derived_from: Option<ItemId>,
}

/// One part as the manifest lists it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PartEntry {
    /// Its name at the cloud.
    #[n(0)]
    pub name: PartName,
    /// Bytes.
    #[n(1)]
    pub size: u64,
    /// BLAKE3 of its bytes, which are ciphertext.
    #[cbor(n(2), with = "wire::fixed")]
    pub hash: Digest,
}

/// What the sealer vouches for with the origin signature; it survives re-keying.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct OriginClaim {
    /// The record for which it was sealed.
    #[n(0)]
    pub record: RecordId,
    /// The item.
    #[n(1)]
    pub item: ItemId,
    /// BLAKE3 of the bytes that opening yields.
    #[cbor(n(2), with = "wire::fixed")]
    pub content: Digest,
    /// How many bytes opening yields.
    #[n(3)]
    pub size: u64,
    /// Digest of the label's canonical bytes.
    #[cbor(n(4), with = "wire::fixed")]
    pub label: Digest,
    /// When it was sealed.
    #[n(5)]
    pub sealed_at: Timestamp,
    /// What the sealer had seen of the log.
    #[n(6)]
    pub checkpoint: CheckpointRef,
}

impl Statement for OriginClaim {
    const CONTEXT: &'static str = "cowl/origin/v1";
    const NAME: &'static str = "origin";
}

/// The bytes of a signed [`OriginClaim`], inside the sealed manifest.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Origin(#[cbor(n(0), with = "minicbor::bytes")] pub Vec<u8>);

/// The sealed list of an item's parts: what is needed to fetch, check, open and decode it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Manifest {
    /// The record; a manifest moved elsewhere is refused.
    #[n(0)]
    pub record: RecordId,
    /// The item.
    #[n(1)]
    pub item: ItemId,
    /// 0 for the first sealing; one more with every re-keying.
    #[n(2)]
    pub version: u32,
    /// How the payload is sealed.
    #[n(3)]
    pub suite: SuiteId,
    /// How the content was coded before sealing.
    #[n(4)]
    pub codec: CodecId,
    /// What people see.
    #[n(5)]
    pub label: Label,
    /// Bytes of the content.
    #[n(6)]
    pub content_size: u64,
    /// BLAKE3 of the content.
    #[cbor(n(7), with = "wire::fixed")]
    pub content: Digest,
    /// Bytes of the coded content, before sealing.
    #[n(8)]
    pub coded_size: u64,
    /// Parts in the order of the payload.
    #[n(9)]
    pub parts: Vec<PartEntry>,
    /// Who sealed it.
    #[n(10)]
    pub origin: Origin,
}

impl Manifest {
    /// Bytes of the sealed payload: the sum of the parts. `None` on overflow.
    pub fn payload_size(&self) -> Option<u64> {
        self.parts.iter().try_fold(0u64, |sum, part| sum.checked_add(part.size))
    }
}

/// "This item, in this version, is this sealed payload": what the cloud sees and every reader checks.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Placement {
    /// The record.
    #[n(0)]
    pub record: RecordId,
    /// The item.
    #[n(1)]
    pub item: ItemId,
    /// As in the manifest.
    #[n(2)]
    pub version: u32,
    /// The epoch whose recipient has a stanza in the header.
    #[n(3)]
    pub epoch: u32,
    /// BLAKE3 of the sealed manifest; through it, of every part.
    #[cbor(n(4), with = "wire::fixed")]
    pub manifest: Digest,
    /// Bytes of all parts together.
    #[n(5)]
    pub size: u64,
    /// How many parts.
    #[n(6)]
    pub parts: u32,
    /// Commitment to the file key: one header cannot open to two contents.
    #[cbor(n(7), with = "wire::fixed")]
    pub commitment: Digest,
    /// When it was placed.
    #[n(8)]
    pub placed_at: Timestamp,
    /// What the placer had seen of the log.
    #[n(9)]
    pub checkpoint: CheckpointRef,
}

impl Statement for Placement {
    const CONTEXT: &'static str = "cowl/placement/v1";
    const NAME: &'static str = "placement";
}
