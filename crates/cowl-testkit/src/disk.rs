//! A disk that is soon full.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "these are tests, if not marked as such")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// A small file system of its own, where the tests run as root and may mount one.
#[derive(Debug)]
pub struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// One of so many MiB; `None`, said aloud, where none can be mounted.
    pub fn mount(mebibytes: u32) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("cowl-disk-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        let size = format!("size={mebibytes}m");
        if !run("mount", &["-t", "tmpfs", "-o", &size, "tmpfs"], &path) {
            let _ = fs::remove_dir(&path);
            println!("skipped: a small tmpfs cannot be mounted here");
            return None;
        }
        Some(Self { path })
    }

    /// Its root.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Mounts it anew as `ro` or `rw`.
    pub fn remount(&self, mode: &str) -> bool {
        run("mount", &["-o", &format!("remount,{mode}")], &self.path)
    }

    /// Fills it to the last page.
    pub fn fill(&self) {
        let ballast = self.ballast();
        let mut room = 64 * 1024 * 1024;
        while fs::write(&ballast, vec![1; room]).is_err() && room > 0 {
            // What was written of it is left, so that a smaller one fits exactly.
            room = usize::try_from(fs::metadata(&ballast).map_or(0, |file| file.len())).unwrap();
            fs::remove_file(&ballast).unwrap();
        }
    }

    /// Gives the space back that [`SmallDisk::fill`] took.
    pub fn give_room(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }

    fn ballast(&self) -> PathBuf {
        self.path.join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        run("umount", &["-l"], &self.path);
        let _ = fs::remove_dir(&self.path);
    }
}

fn run(program: &str, arguments: &[&str], path: &Path) -> bool {
    Command::new(program).args(arguments).arg(path).output().is_ok_and(|output| output.status.success())
}
