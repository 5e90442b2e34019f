//! The samples of the repository, inside the program, so that the demo works anywhere.

macro_rules! sample {
    ($name:literal) => {
        ($name, include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/", $name)))
    };
}

/// Names, as they stand in the patient's record, and contents.
pub(crate) const SAMPLES: &[(&str, &[u8])] = &[
    sample!("images/ct_head_026.dcm"),
    sample!("images/ct_head_027.dcm"),
    sample!("images/ct_head_028.dcm"),
    sample!("images/ct_small.dcm"),
    sample!("images/mr_brain_010.png"),
    sample!("images/mr_small.dcm"),
    sample!("images/report_sr.dcm"),
    sample!("notes/arztbrief.txt"),
    sample!("notes/compte-rendu.html"),
    sample!("notes/ct-thorax.txt"),
    sample!("notes/visit-anemia.rtf"),
    sample!("notes/visit-bronchitis.docx"),
    sample!("notes/visit-diabetes.html"),
    sample!("notes/visit-gingivitis.pdf"),
    sample!("notes/visit-hypertension.md"),
];

/// A study's table, which is nobody's own record.
pub(crate) const TABLE: &[u8] =
    include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/tables/pn2012.csv"));

/// A trained network, small; `cowl_model::zoo::fmri_trained` makes the whole of it.
pub(crate) const NETWORK: &[u8] =
    include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/models/fmri/network.bin"));

/// A map of a brain that the network was not trained on.
pub(crate) const MAP: (&str, &[u8]) = {
    let bytes = include_bytes!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../samples/models/fmri/map_left_precuneus.nii.gz"
    ));
    ("map_left_precuneus.nii.gz", bytes)
};

/// A trained network that labels tissue in a volume of 64³.
pub(crate) const TISSUE: &[u8] =
    include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/models/brain_tissue_64.onnx"));

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::demo::packs;

    #[test]
    fn every_sample_is_in_the_program_and_still_the_same() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples");
        let on_disk: BTreeSet<String> = packs::files(&folder)
            .unwrap()
            .iter()
            .map(|path| path.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned())
            // The files beside the folders say where the samples come from.
            .filter(|name| name.contains('/'))
            .filter(|name| !name.starts_with("tables/") && !name.starts_with("models/"))
            .collect();
        let inside: BTreeSet<String> = SAMPLES.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(inside, on_disk);
    }
}
