//! The samples of the repository, inside the program, so that the demo works anywhere.

/// Names, as they stand in the patient's record, and contents.
pub(super) const SAMPLES: &[(&str, &[u8])] = &[];

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
            .filter(|name| !name.ends_with("README.md"))
            .collect();
        let inside: BTreeSet<String> = SAMPLES.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(inside, on_disk);
    }
}
