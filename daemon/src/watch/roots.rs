//! The folders that are watched.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::files::filesystem;
use crate::plan;
use crate::policy::OnSuccess;
use crate::watch::settings::WatchSettings;

/// A folder that is watched with everything below it.
#[derive(Debug)]
pub(super) struct Root {
    /// As the user wrote it.
    pub(super) shown: PathBuf,
    /// Absolute, free of symbolic links.
    pub(super) real: PathBuf,
    /// Device and number of the folder when it was last there; `None`: it is not there.
    pub(super) identity: Option<(u64, u64)>,
    /// Why it is polled; `None`: it sends events.
    pub(super) polled: Option<String>,
    /// When it is looked through next; `None`: never.
    pub(super) next_sweep: Option<Instant>,
    /// Photographs found in it when it was last looked through.
    pub(super) files: u64,
}

impl Root {
    /// What is at the folder's path: its device and number, if it is a folder that can be read.
    pub(super) fn found(&self) -> Option<(u64, u64)> {
        let metadata = fs::metadata(&self.real).ok()?;
        metadata.is_dir().then(|| (metadata.dev(), metadata.ino()))
    }

    /// Finds out whether the folder sends events; `can_listen`: whether any would be heard.
    pub(super) fn ask_file_system(&mut self, settings: &WatchSettings, can_listen: bool) {
        if settings.poll_all {
            self.polled = Some("as asked for".to_owned());
        } else if can_listen {
            self.polled = filesystem::without_events(&self.real).map(sends_none);
        }
    }

    /// How long after a look through it the next one follows; `None`: none does.
    pub(super) fn interval(&self, settings: &WatchSettings) -> Option<Duration> {
        if self.polled.is_some() {
            return Some(settings.poll_interval);
        }
        (!settings.rescan.is_zero()).then_some(settings.rescan)
    }
}

/// Checks the folders that are to be watched.
pub(super) fn open(settings: &WatchSettings, output: &Path) -> Result<Vec<Root>> {
    let mut roots: Vec<Root> = Vec::new();
    for input in &settings.inputs {
        let real = input.canonicalize().map_err(Error::io(input, "read"))?;
        if !real.is_dir() {
            return Err(Error::WatchesFolders { path: input.clone() });
        }
        if output.starts_with(&real) {
            return Err(Error::OutputInsideInput {
                input: input.clone(),
                output: settings.output.clone(),
            });
        }
        if real.starts_with(output) {
            return Err(Error::InputInsideOutput {
                input: input.clone(),
                output: settings.output.clone(),
            });
        }
        for other in &roots {
            if real.starts_with(&other.real) || other.real.starts_with(&real) {
                return Err(Error::WatchedTwice {
                    inner: input.clone(),
                    outer: other.shown.clone(),
                });
            }
        }
        let shown = input.clone();
        let mut root =
            Root { shown, real, identity: None, polled: None, next_sweep: None, files: 0 };
        root.identity = root.found();
        root.ask_file_system(settings, true);
        roots.push(root);
    }
    Ok(roots)
}

/// Why a folder of this file system is polled.
pub(super) fn sends_none(file_system: &str) -> String {
    format!("{file_system} sends no events")
}

/// Folders that are not looked into: that of the originals that move away, wherever it lies.
pub(super) fn excluded(
    settings: &WatchSettings,
    on_success: &OnSuccess,
    output: &Path,
) -> Result<Vec<PathBuf>> {
    let OnSuccess::Move(folder) = on_success else { return Ok(Vec::new()) };
    let real = plan::resolve(folder)?;
    if real.starts_with(output) || output.starts_with(&real) {
        return Err(Error::MovesIntoOutput { folder: folder.clone() });
    }
    for input in &settings.inputs {
        if plan::resolve(input)?.starts_with(&real) {
            return Err(Error::MovesIntoInput { folder: folder.clone(), input: input.clone() });
        }
    }
    Ok(vec![real])
}
