//! What a result's label says, as JSON beside it: `scan.tif.json`.
//!
//! It follows from the ledger's record of the result, so that it can be written again after a crash.
//! It is withdrawn before its result is replaced and appears after it: while both are there, it
//! tells of no other result.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use polychromify_core::SourceType;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::files::fingerprint;
use crate::files::own;
use crate::files::publish::{self, Place};
use crate::files::temporary::Temporary;
use crate::job::context::JobContext;
use crate::ledger::{Ledger, Published};
use crate::plan::Job;

/// The JSON of a result.
#[derive(Debug)]
pub(crate) struct Sidecar {
    text: String,
}

/// A sidecar that is written, under a temporary name.
#[derive(Debug)]
pub(super) struct Written(Temporary);

impl Sidecar {
    /// What is told of a result, whose path below the output folder is `output`.
    pub(crate) fn of(output: &Path, result: &Published) -> Self {
        let value = told(output, result);
        let mut text = serde_json::to_string_pretty(&value).expect("strings and numbers only");
        text.push('\n');
        Self { text }
    }

    pub(crate) fn sha256(&self) -> String {
        fingerprint::sha256_of(self.text.as_bytes())
    }

    /// Writes it beside the temporary file of its result, with the rights of that, synced.
    pub(super) fn write(&self, temporary_result: &Path) -> Result<Written> {
        self.write_to(path(temporary_result), temporary_result)
    }

    fn write_to(&self, temporary: PathBuf, result: &Path) -> Result<Written> {
        let temporary = Temporary::new(temporary);
        let metadata = result.metadata().map_err(Error::io(result, "read"))?;
        let mode = own::mode_like(own::rights(&metadata));
        own::write_new_with(temporary.path(), self.text.as_bytes(), mode)?;
        Ok(Written(temporary))
    }

    /// Puts it beside its result at `path`, where nothing lies, or this very text.
    fn appear(&self, path: &Path) -> Result<()> {
        match inspect_sidecar(path, Some(&self.sha256()))? {
            Place::Ours => return Ok(()),
            Place::Free => {}
            _ => return Err(Error::Occupied { path: self::path(path) }),
        }
        let written = self.write_to(publish::temporary_name(&self::path(path)), path)?;
        written.appear(path)?;
        publish::sync_folder(path.parent().unwrap_or(path))
    }
}

/// What is told of a result, whose path below the output folder is `output`.
pub(crate) fn told(output: &Path, result: &Published) -> Value {
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let settings = serde_json::from_str(&result.recipe.settings).unwrap_or(Value::Null);
    let source_type = settings["source_type"].as_str();
    let source_type = source_type.unwrap_or(SourceType::default().term());
    let mut value = json!({
        "file": name(output),
        "size": result.size,
        "sha256": result.sha256,
        "width": result.width,
        "height": result.height,
        "digital_source_type":
            format!("http://cv.iptc.org/newscodes/digitalsourcetype/{source_type}"),
        "software": result.making.software,
        "weights": result.making.weights,
        "weights_sha256": result.recipe.weights,
        "settings": settings,
        "source": name(&result.input),
        "source_sha256": result.content,
        "time": result.making.at.map(crate::report::timestamp),
    });
    if let Some(notices) = &result.notices {
        value["notices"] = json!(notices);
    }
    if let Some(film) = &result.film {
        value["film"] = film.clone();
    }
    value
}

impl Written {
    /// Gives it its name, which is free.
    fn appear(self, result: &Path) -> Result<()> {
        publish::rename(self.0.path(), &path(result), None, publish::ALONE_ANYWAY)?;
        self.0.publish();
        Ok(())
    }
}

impl JobContext {
    /// Gives the sidecar of a result that was just published its name. Should that fail, the
    /// result is good, and the next run with `--sidecar` makes up for it.
    pub(super) fn publish_sidecar(&self, job: &Job, sidecar: Written) {
        if let Err(error) = sidecar.appear(&self.folder.join(&job.output)) {
            log::error!("{}: done, but without its sidecar: {error}", job.shown.display());
        }
    }

    /// Sees to it that a result which is there has its sidecar, if that is asked for. One that
    /// somebody changed is left as it is.
    pub(crate) fn keep_sidecar(&self, output: &Path, result: &Published) {
        if !self.policy.sidecar {
            return;
        }
        if let Err(error) = complete(&self.ledger, &self.folder, output, result) {
            log::warn!("{}: no sidecar: {error}", self.folder.join(output).display());
        }
    }
}

/// Writes the sidecar of a result that is there, unless it is there too.
fn complete(ledger: &Ledger, folder: &Path, output: &Path, result: &Published) -> Result<()> {
    let path = folder.join(output);
    match inspect_sidecar(&path, result.sidecar.as_deref())? {
        Place::Ours => Ok(()),
        Place::Free => {
            let sidecar = Sidecar::of(output, result);
            ledger.set_sidecar(output, Some(&sidecar.sha256()))?;
            sidecar.appear(&path)
        }
        Place::Edited => Err(Error::Edited { path: self::path(&path) }),
        Place::Foreign => Err(Error::Occupied { path: self::path(&path) }),
    }
}

/// Finishes the sidecar of a result that an interrupted run renamed into place; gives its hash if
/// it is there now.
pub(crate) fn recover(folder: &Path, output: &Path, result: &Published) -> Result<Option<String>> {
    let sidecar = Sidecar::of(output, result);
    let path = folder.join(output);
    match sidecar.appear(&path) {
        Ok(()) => Ok(Some(sidecar.sha256())),
        Err(error @ Error::Occupied { .. }) => {
            log::warn!("{}: done, but without its sidecar: {error}", path.display());
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Removes the sidecar of a result that did not get its name: of two renames only the second may have
/// reached the disk when the power failed. `before` is the result that lies at `path`.
pub(crate) fn discard(path: &Path, result: &Published, before: Option<&Published>) -> Result<()> {
    let is_before = before.is_some_and(|before| before.sidecar == result.sidecar);
    if result.sidecar.is_some()
        && !is_before
        && inspect_sidecar(path, result.sidecar.as_deref())? == Place::Ours
    {
        publish::remove(&self::path(path))?;
    }
    Ok(())
}

/// The sidecar's name beside a result, or its temporary name beside that of the result.
pub(crate) fn path(result: &Path) -> PathBuf {
    let mut name = OsString::from(result);
    name.push(".json");
    name.into()
}

/// Refuses a result at `path` whose sidecar would take the place of a file that is not ours.
pub(super) fn refuse_foreign(path: &Path, known: Option<&str>) -> Result<()> {
    match inspect_sidecar(path, known)? {
        Place::Free | Place::Ours => Ok(()),
        Place::Edited => Err(Error::Edited { path: self::path(path) }),
        Place::Foreign => Err(Error::Occupied { path: self::path(path) }),
    }
}

/// Removes the sidecar of the result that lay at `path` before, which `temporary` replaces. One that
/// somebody changed stays, unless its place is `needed`: that is refused.
pub(super) fn withdraw(
    path: &Path,
    temporary: &Path,
    known: Option<&str>,
    needed: bool,
) -> Result<()> {
    let place = match inspect_sidecar(path, known) {
        Err(Error::NoRoomForSidecar { .. }) if !needed => Place::Free,
        place => place?,
    };
    let sidecar = self::path(path);
    let aside = publish::replaced_name(&self::path(temporary));
    let withdrawn = match (place, known) {
        (Place::Ours, Some(known)) => publish::remove_unchanged(&sidecar, &aside, known),
        (Place::Edited, _) => Err(Error::Edited { path: sidecar }),
        (Place::Foreign, _) if needed => Err(Error::Occupied { path: sidecar }),
        (Place::Ours | Place::Free | Place::Foreign, _) => Ok(()),
    };
    match withdrawn {
        Err(Error::Edited { path }) if !needed => {
            log::warn!("{}: changed by somebody; it tells of an older result", path.display());
            Ok(())
        }
        withdrawn => withdrawn,
    }
}

/// Looks at the place of a sidecar beside a result at `path`, where one with the SHA-256 `known` is
/// expected.
fn inspect_sidecar(path: &Path, known: Option<&str>) -> Result<Place> {
    let path = self::path(path);
    match path.symlink_metadata() {
        Err(error) if publish::is_absent(&error) => Ok(Place::Free),
        Err(error) if publish::is_too_long(&error) => Err(Error::NoRoomForSidecar { path }),
        Err(error) => Err(Error::io(&path, "read")(error)),
        Ok(metadata) => match known {
            None => Ok(Place::Foreign),
            Some(known) if metadata.is_file() && fingerprint::sha256(&path)? == known => {
                Ok(Place::Ours)
            }
            Some(_) => Ok(Place::Edited),
        },
    }
}
