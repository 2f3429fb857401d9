//! One input and the name of its result.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::files::originals::OriginalPath;
use crate::plan::names::Naming;

/// One photograph to be colored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    /// The input as the user wrote it.
    pub(crate) shown: PathBuf,
    /// The input as an absolute path, its folder free of symbolic links.
    pub(crate) input: PathBuf,
    /// The input below its input folder; its name if it was given by itself.
    pub(crate) below: PathBuf,
    /// The result, below the output folder.
    pub(crate) output: PathBuf,
    /// Whether the user named this very file, which is opened whatever links lead to it.
    pub(crate) named: bool,
}

impl Job {
    /// The job of the file at `below` in an input folder, written as `shown` and really at `root`.
    pub(crate) fn in_folder(shown: &Path, root: &Path, below: PathBuf, naming: Naming) -> Self {
        Self {
            shown: shown.join(&below),
            input: root.join(&below),
            output: naming.result(&below),
            below,
            named: false,
        }
    }

    /// The job of a ledger's row. Its input folder is what its result's path shows it to be.
    pub(crate) fn recorded(input: PathBuf, output: PathBuf) -> Self {
        let name = input.file_name().unwrap_or_default();
        let below = output.parent().unwrap_or(Path::new("")).join(name);
        let named = !input.ends_with(&below);
        let below = if named { name.into() } else { below };
        Self { shown: input.clone(), input, below, output, named }
    }

    /// Where its original lies.
    pub(crate) fn original(&self) -> OriginalPath {
        let root = self.input.ancestors().nth(self.below.components().count());
        match root {
            Some(root) if !self.named => {
                OriginalPath::in_folder(self.shown.clone(), root, self.below.clone())
            }
            _ => OriginalPath::named(self.shown.clone(), self.input.clone()),
        }
    }
}

/// The absolute path of a file, its folder free of symbolic links, its own name kept.
pub(crate) fn identity(path: &Path) -> Result<PathBuf> {
    let absolute = std::path::absolute(path).map_err(Error::io(path, "read"))?;
    match (absolute.parent(), absolute.file_name()) {
        (Some(parent), Some(name)) => {
            Ok(parent.canonicalize().map_err(Error::io(path, "read"))?.join(name))
        }
        _ => Ok(absolute),
    }
}
