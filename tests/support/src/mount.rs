//! A disk that is nearly full, and a folder that is mounted twice.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A small file system in memory or a folder that is mounted again, unmounted when dropped.
pub struct Mount(PathBuf);

impl Mount {
    /// Mounts it at a folder; `None`, and says so, where this user may not.
    pub fn new(path: PathBuf, size: &str) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "none"]);
        Self::at(path, mount)
    }

    /// Mounts a folder again at another one; `None`, and says so, where this user may not.
    pub fn again(folder: &Path, path: PathBuf) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.arg("--bind").arg(folder);
        Self::at(path, mount)
    }

    #[expect(clippy::print_stdout, reason = "a test that skips says so")]
    fn at(path: PathBuf, mut mount: Command) -> Option<Self> {
        fs::create_dir_all(&path).unwrap();
        mount.arg(&path);
        if mount.output().is_ok_and(|output| output.status.success()) {
            return Some(Self(path));
        }
        println!("skipped: this user mounts nothing");
        None
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
