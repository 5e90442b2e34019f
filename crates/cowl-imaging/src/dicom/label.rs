//! The labels of a file.

use super::DicomFile;
use super::elements::Tag;

/// Longest text of one label, in characters; the standard's longest is 64 (PS3.5 6.2, LO).
const LONGEST: usize = 256;

/// What a DICOM file says about itself. The patient's name, number and birth date are left out on purpose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DicomLabel {
    /// Kind of equipment (0008,0060), as CT or MR.
    pub modality: Option<String>,
    /// Study (0020,000D).
    pub study_instance_uid: Option<String>,
    /// Series (0020,000E).
    pub series_instance_uid: Option<String>,
    /// This instance (0008,0018).
    pub sop_instance_uid: Option<String>,
    /// Class of the instance (0008,0016).
    pub sop_class_uid: Option<String>,
    /// Date of the study, YYYYMMDD (0008,0020).
    pub study_date: Option<String>,
    /// Description of the study (0008,1030).
    pub study_description: Option<String>,
    /// Description of the series (0008,103E).
    pub series_description: Option<String>,
    /// Body part examined (0018,0015).
    pub body_part: Option<String>,
    /// Number of the series (0020,0011).
    pub series_number: Option<String>,
    /// Number of the instance in its series (0020,0013).
    pub instance_number: Option<String>,
}

pub(super) fn read(file: &DicomFile<'_>) -> DicomLabel {
    let characters = file.character_set();
    let text = |group, element| {
        let text = characters.decode(file.bytes_of(Tag(group, element))?);
        let text: String = text.trim_matches(['\0', ' ']).chars().take(LONGEST).collect();
        (!text.is_empty()).then_some(text)
    };
    DicomLabel {
        modality: text(0x0008, 0x0060),
        study_instance_uid: text(0x0020, 0x000d),
        series_instance_uid: text(0x0020, 0x000e),
        sop_instance_uid: text(0x0008, 0x0018),
        sop_class_uid: text(0x0008, 0x0016),
        study_date: text(0x0008, 0x0020),
        study_description: text(0x0008, 0x1030),
        series_description: text(0x0008, 0x103e),
        body_part: text(0x0018, 0x0015),
        series_number: text(0x0020, 0x0011),
        instance_number: text(0x0020, 0x0013),
    }
}
