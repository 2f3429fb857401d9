//! A manifest that is being written, to appear whole in place of its older self.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use polychromify_core::hexadecimal;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::files::{fingerprint, own, publish};
use crate::ledger::{self, FOLDER, Ledger};

/// A document under its temporary name in the ledger's folder.
pub(super) struct Document {
    folder: PathBuf,
    name: &'static str,
    out: BufWriter<File>,
    hasher: Sha256,
}

/// A document that is whole and synced.
pub(super) struct Finished {
    folder: PathBuf,
    name: &'static str,
    sha256: String,
}

impl Document {
    /// Starts a document of an output folder.
    pub(super) fn create(folder: &Path, name: &'static str) -> Result<Self> {
        let path = temporary(folder, name);
        let file = own::create_anew(&path)?;
        let (out, hasher) = (BufWriter::new(file), Sha256::new());
        Ok(Self { folder: folder.to_path_buf(), name, out, hasher })
    }

    pub(super) fn add(&mut self, bytes: &[u8]) -> Result<()> {
        let path = temporary(&self.folder, self.name);
        self.write_all(bytes).map_err(Error::io(path, "write"))
    }

    pub(super) fn finish(mut self) -> Result<Finished> {
        let path = temporary(&self.folder, self.name);
        let done = self.out.flush().and_then(|()| self.out.get_ref().sync_all());
        done.map_err(Error::io(path, "sync"))?;
        let sha256 = hexadecimal(&self.hasher.finalize());
        Ok(Finished { folder: self.folder, name: self.name, sha256 })
    }
}

impl Write for Document {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Finished {
    pub(super) fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Gives it its name, in place of the one that was written before and that nobody changed.
    pub(super) fn appear(self, ledger: &Ledger) -> Result<()> {
        let path = self.folder.join(self.name);
        let temporary = temporary(&self.folder, self.name);
        let known = ledger.document(self.name)?;
        let is_there = path.symlink_metadata().is_ok();
        let found = match path.symlink_metadata() {
            Ok(metadata) if metadata.is_file() => Some(fingerprint::sha256(&path)?),
            _ => None,
        };
        let ours = [&known.sha256, &known.intended].into_iter().flatten();
        if is_there && !found.as_ref().is_some_and(|found| ours.clone().any(|ours| ours == found)) {
            publish::remove(&temporary)?;
            return Err(if ours.count() == 0 {
                Error::Occupied { path }
            } else {
                Error::Edited { path }
            });
        }
        let document = |sha256| ledger::Document { sha256, intended: Some(self.sha256.clone()) };
        ledger.set_document(self.name, &document(found.clone()))?;
        if is_there {
            publish::replace(&temporary, &path, &|sha256| found.as_deref() == Some(sha256))?;
        } else {
            publish::rename(&temporary, &path, None)?;
        }
        publish::sync_folder(&self.folder)?;
        ledger.set_document(self.name, &document(Some(self.sha256.clone())))
    }
}

/// On the file system of the output folder; the ledger's lock of manifests keeps others out.
fn temporary(folder: &Path, name: &str) -> PathBuf {
    folder.join(FOLDER).join(format!("{name}.tmp"))
}
