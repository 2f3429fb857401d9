//! The palette of another photograph.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use polychromify_core::{ColorPicture, Colorizer, Limits, Reference, Scan};

use super::error::Error;
use super::small::Small;
use crate::host::Host;
use crate::procedure::ReferenceChoice;

/// Most pixels that are kept of one; a network sees as many.
const AREA: f64 = 65536.0;

/// Most pixels and bytes of a file.
const LIMITS: (u64, u64) = (1 << 30, 1 << 33);

/// A photograph in colors, and what each network learned from it.
pub(super) struct ReferencePicture {
    picture: ColorPicture,
    learned: Mutex<HashMap<String, Arc<Reference>>>,
}

impl ReferencePicture {
    /// Reads it, small.
    pub(super) fn read<H: Host>(host: &H, choice: &ReferenceChoice) -> Result<Self, Error> {
        let picture = match choice {
            ReferenceChoice::File(path) => read_file(path)?,
            open => host.read_reference(open, |info, pixels| {
                let shrink = (AREA / (f64::from(info.width) * f64::from(info.height))).sqrt();
                let small = Small::read(info, pixels, shrink);
                ColorPicture::from_linear(small.size, &small.linear)
            })?,
        };
        Ok(Self { picture, learned: Mutex::default() })
    }

    /// What a network, named by the hash of its weights, learns from it.
    pub(super) fn learned(
        &self,
        sha256: &str,
        colorizer: &Colorizer,
    ) -> Result<Arc<Reference>, Error> {
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reference) = learned.get(sha256) {
            return Ok(Arc::clone(reference));
        }
        let reference = Arc::new(Reference::learn(&self.picture, colorizer)?);
        learned.insert(sha256.to_owned(), Arc::clone(&reference));
        Ok(reference)
    }
}

fn read_file(path: &Path) -> Result<ColorPicture, Error> {
    let mut scan = Scan::open(path, &Limits::new(LIMITS.0, LIMITS.1))?;
    scan.read_colors()?.ok_or_else(|| Error::GrayReference { name: path.display().to_string() })
}
