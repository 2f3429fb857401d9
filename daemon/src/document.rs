//! A manifest or list that is being written, to appear whole in place of its older self.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use polychromify_core::hexadecimal;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::files::{fingerprint, own, publish};
use crate::ledger::{self, FOLDER, Ledger};

/// A document under its temporary name in the ledger's folder.
pub(crate) struct Document {
    folder: PathBuf,
    /// Below the output folder.
    name: PathBuf,
    out: BufWriter<File>,
    hasher: Sha256,
}

/// A document that is whole and synced.
pub(crate) struct Finished {
    folder: PathBuf,
    /// Below the output folder.
    name: PathBuf,
    sha256: String,
}

impl Document {
    /// Starts a document of an output folder.
    pub(crate) fn create(folder: &Path, name: impl AsRef<Path>) -> Result<Self> {
        let name = name.as_ref().to_path_buf();
        let path = temporary(folder, &name);
        let file = own::create_anew(&path)?;
        let (out, hasher) = (BufWriter::new(file), Sha256::new());
        Ok(Self { folder: folder.to_path_buf(), name, out, hasher })
    }

    pub(crate) fn add(&mut self, bytes: &[u8]) -> Result<()> {
        let path = temporary(&self.folder, &self.name);
        self.write_all(bytes).map_err(Error::io(path, "write"))
    }

    pub(crate) fn finish(mut self) -> Result<Finished> {
        let path = temporary(&self.folder, &self.name);
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
    pub(crate) fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Gives it its name, in place of the one that was written before and that nobody changed.
    pub(crate) fn appear(self, ledger: &Ledger) -> Result<()> {
        let path = self.folder.join(&self.name);
        let temporary = temporary(&self.folder, &self.name);
        let found = match inspect(ledger, &self.folder, &self.name) {
            Ok(found) => found,
            Err(error) => {
                publish::remove(&temporary)?;
                return Err(error);
            }
        };
        let document = |sha256| ledger::Document { sha256, intended: Some(self.sha256.clone()) };
        ledger.set_document(&self.name, &document(found.clone()))?;
        if found.is_some() {
            let is_ours = |sha256: &str| found.as_deref() == Some(sha256);
            publish::replace(&temporary, &path, &is_ours, publish::ALONE_ANYWAY)?;
        } else {
            publish::rename(&temporary, &path, None, publish::ALONE_ANYWAY)?;
        }
        publish::sync_folder(path.parent().unwrap_or(&self.folder))?;
        ledger.set_document(&self.name, &document(Some(self.sha256.clone())))
    }
}

/// The SHA-256 of the document that lies under a name; `None`: nothing does.
///
/// # Errors
///
/// When what lies there is not ours, or somebody changed it.
pub(crate) fn inspect(ledger: &Ledger, folder: &Path, name: &Path) -> Result<Option<String>> {
    let path = folder.join(name);
    let known = ledger.document(name)?;
    let found = match path.symlink_metadata() {
        Err(error) if publish::is_absent(&error) => return Ok(None),
        Err(error) => return Err(Error::io(&path, "read")(error)),
        Ok(metadata) if metadata.is_file() => Some(fingerprint::sha256(&path)?),
        Ok(_) => None,
    };
    let mut ours = [&known.sha256, &known.intended].into_iter().flatten();
    if found.as_ref().is_some_and(|found| ours.clone().any(|ours| ours == found)) {
        return Ok(found);
    }
    Err(if ours.next().is_none() { Error::Occupied { path } } else { Error::Edited { path } })
}

/// On the file system of the output folder; the ledger's lock of manifests keeps others out.
fn temporary(folder: &Path, name: &Path) -> PathBuf {
    let mut file = name.file_name().unwrap_or_default().to_os_string();
    file.push(".tmp");
    folder.join(FOLDER).join(file)
}
