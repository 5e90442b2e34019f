//! Names of items as names of files. They come from whoever sealed the item, so they are not trusted.

use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};

use cowl_domain::{ItemId, Kind};

use crate::commands::items::SHORT;

/// The name as a path below a folder; it never leads out of it.
pub(super) fn relative_path(name: &str) -> PathBuf {
    let cleaned: String = name.chars().map(|it| if it.is_control() { '_' } else { it }).collect();
    let parts = Path::new(&cleaned).components().filter_map(|component| match component {
        Component::Normal(part) => Some(part.to_os_string()),
        Component::ParentDir => Some("_".into()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    });
    let path: PathBuf = parts.collect();
    if path.as_os_str().is_empty() { PathBuf::from("item") } else { path }
}

/// The last part of the name.
pub(super) fn file_name(name: &str) -> PathBuf {
    relative_path(name).file_name().map_or_else(|| PathBuf::from("item"), PathBuf::from)
}

/// Gives every item a path of its own.
#[derive(Debug, Default)]
pub(super) struct Paths(HashSet<PathBuf>);

impl Paths {
    /// The item's name with `suffix`; with the beginning of its identifier too where that is taken already.
    pub(super) fn take(&mut self, name: &str, item: &ItemId, suffix: &str) -> PathBuf {
        let path = relative_path(name);
        let plain = with_suffix(&path, suffix);
        if self.0.insert(plain.clone()) {
            return plain;
        }
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let extension = path.extension().map_or_else(String::new, |it| format!(".{}", it.to_string_lossy()));
        let short = &item.to_string()[..SHORT];
        let other = with_suffix(&path.with_file_name(format!("{stem} ({short}){extension}")), suffix);
        self.0.insert(other.clone());
        other
    }
}

/// Whether an item of this kind may be shown on a terminal, if its bytes are text.
pub(super) fn is_text(kind: Kind) -> bool {
    matches!(kind, Kind::Text | Kind::Csv | Kind::Other | Kind::Table | Kind::Result)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_folder() {
        for (name, expected) in [
            ("scan.dcm", "scan.dcm"),
            ("ct/1/scan.dcm", "ct/1/scan.dcm"),
            ("/etc/passwd", "etc/passwd"),
            ("../../.ssh/authorized_keys", "_/_/.ssh/authorized_keys"),
            ("./a//b", "a/b"),
            ("a\nb", "a_b"),
            ("", "item"),
            ("/", "item"),
            ("..", "_"),
        ] {
            assert_eq!(relative_path(name), Path::new(expected), "{name:?}");
        }
        assert_eq!(file_name("ct/1/scan.dcm"), Path::new("scan.dcm"));
    }

    #[test]
    fn two_items_of_one_name_get_two_paths() {
        let mut paths = Paths::default();
        let [one, other] = [1, 2].map(|byte| ItemId::from_bytes([byte; 16]));
        assert_eq!(paths.take("ct/a.dcm", &one, ".age"), Path::new("ct/a.dcm.age"));
        let second = paths.take("ct/a.dcm", &other, ".age");
        assert_eq!(second, PathBuf::from(format!("ct/a ({}).dcm.age", &other.to_string()[..8])));
    }
}
