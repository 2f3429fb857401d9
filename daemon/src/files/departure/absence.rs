//! An original that is not found has gone, or is away with its folder.
//!
//! A share that is not mounted is an empty folder, or none; so is a folder that a person emptied or took
//! away. What is not found has gone where its folder surely is there: because it is the one that the
//! original was seen in, or because something lies in it. In doubt it is away, and is waited for.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::files::folder::{self, FileId, Folder};
use crate::files::originals::OriginalPath;

/// The folders on the way to an original when it was last seen there, from its input folder on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Way(Vec<FileId>);

impl Way {
    /// The way to an original that is there; to another one none is known.
    pub(crate) fn to(original: &OriginalPath) -> Self {
        let found = || -> io::Result<Option<Self>> {
            let (mut ids, mut last) = (Vec::new(), None);
            for path in original.folders() {
                let folder = Folder::open_without_links(&path)?;
                ids.push(folder.id()?);
                last = Some(folder);
            }
            let entry = last.map(|folder| folder.entry(original.name())).transpose()?.flatten();
            Ok(entry.is_some_and(|entry| entry.is_file()).then_some(Self(ids)))
        };
        found().ok().flatten().unwrap_or_default()
    }

    /// Whether a folder is the one that was at this place of the way.
    fn leads_through(&self, place: usize, folder: FileId) -> bool {
        self.0.get(place) == Some(&folder)
    }

    /// Whether the original lay on another file system than this folder.
    fn leads_off(&self, folder: FileId) -> bool {
        self.0.last().is_some_and(|last| last.device != folder.device)
    }
}

/// Whether an original lies neither under its name nor under `aside` any more.
///
/// # Errors
///
/// When it lies under neither, and may be away with its folder.
pub(super) fn is_gone(original: &OriginalPath, aside: &OsStr, way: &Way) -> Result<bool> {
    let path = original.path();
    let folders = original.folders();
    for (place, above) in folders.iter().enumerate().rev() {
        let folder = match Folder::open_without_links(above) {
            Err(error) if folder::is_absent(&error) => continue,
            opened => opened.map_err(Error::io(&original.shown, "reach"))?,
        };
        let below = path.strip_prefix(above).unwrap_or(&path);
        let is_whole = place + 1 == folders.len();
        let is_sure = |id| match (is_whole, way.leads_off(id)) {
            (false, true) => Some(false), // it lay on a mount, which went with its folder
            _ => way.leads_through(place, id).then_some(true),
        };
        let found = look(&folder, below, aside, is_sure);
        return match found.map_err(Error::io(&original.shown, "read"))? {
            Found::There => Ok(false),
            Found::Gone => Ok(true),
            Found::Nothing => Err(Error::OriginalsAway { folder: shown(original, place) }),
        };
    }
    Err(Error::OriginalsAway { folder: shown(original, 0) })
}

/// What is found of an original.
enum Found {
    There,
    /// It is not there, and its folder is, or was taken away from one that is.
    Gone,
    /// Neither it nor anything else.
    Nothing,
}

/// Looks for an original `below` a folder, of which it may be known whether that surely is the one where
/// it would be. All is asked of one handle: by its path the folder may be another one from one moment to
/// the next.
fn look(
    folder: &Folder,
    below: &Path,
    aside: &OsStr,
    is_sure: impl Fn(FileId) -> Option<bool>,
) -> io::Result<Found> {
    if folder.entry(below)?.is_some() || folder.entry(below.with_file_name(aside))?.is_some() {
        return Ok(Found::There);
    }
    let is_sure = match is_sure(folder.id()?) {
        Some(is_sure) => is_sure,
        None => folder.names()?.next().transpose()?.is_some(),
    };
    Ok(if is_sure { Found::Gone } else { Found::Nothing })
}

/// A folder on the way to an original, as the user wrote it.
fn shown(original: &OriginalPath, place: usize) -> PathBuf {
    let folders = original.folders();
    let shown = original.shown.ancestors().nth(folders.len() - place);
    shown.filter(|shown| !shown.as_os_str().is_empty()).unwrap_or(&folders[place]).to_path_buf()
}

#[cfg(test)]
#[cfg(unix)] // devices and numbers are those of POSIX
mod tests;
