//! A disk that is nearly full.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// A small file system in memory, unmounted when dropped.
pub struct Mount(PathBuf);

impl Mount {
    /// Mounts it at a folder; `None`, and says so, where this user may not.
    #[expect(clippy::print_stdout, reason = "a test that skips says so")]
    pub fn new(path: PathBuf, size: &str) -> Option<Self> {
        fs::create_dir_all(&path).unwrap();
        let options = format!("size={size}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "none"]).arg(&path);
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
