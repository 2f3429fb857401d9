//! What a run needs before its first job: weights, device, and the output folder to itself.

use std::path::Path;
use std::thread;

use directories::ProjectDirs;
use polychromify_core::scan::Limits;
use polychromify_core::{Arithmetic, Colorizer, Device, Weights};

use crate::cli::{BordersChoice, Coloring, PrecisionName};
use crate::error::{Error, Result};
use crate::files::lock::Lock;
use crate::job::{Policy, Redo, Style};
use crate::ledger::{self, Ledger};
use crate::output;
use crate::render::{Recipe, Settings};

/// Most pixels of a scan. The largest archive scans have a few hundred megapixels; a file that
/// claims more than this is refused before it takes hours.
const MOST_PIXELS: u64 = 4_000_000_000;

/// Memory of all jobs together where none is set, and the least of each: a JPEG of 85 megapixels in
/// color is held by it, however many cores there are.
const LEAST_MEMORY: u64 = 1 << 30;
const LEAST_SHARE: u64 = 256 << 20;

const SOURCE_DATE_EPOCH: &str = "SOURCE_DATE_EPOCH";

/// Weights on their device, and what results are made with.
pub(crate) struct OpenedModel {
    pub(crate) colorizer: Colorizer,
    /// Name of the weights.
    pub(crate) weights: String,
    /// Name of the device.
    pub(crate) device: String,
    pub(crate) recipe: Recipe,
    pub(crate) style: Style,
}

impl OpenedModel {
    /// Finds and opens what the user asked for. `hints` is the SHA-256 of the hints file.
    pub(crate) fn open(arguments: &Coloring, hints: Option<String>) -> Result<Self> {
        let weights = find_weights(arguments.weights.as_deref())?;
        let device = Device::open(arguments.device.choice())?;
        let arithmetic = arguments.precision.map(PrecisionName::arithmetic);
        let arithmetic = arithmetic.unwrap_or_else(|| Arithmetic::default_for(&weights, &device));
        let colorizer = Colorizer::open_in(&weights, &device, arithmetic)?;
        if arguments.variant > 1 && !colorizer.has_alternatives() {
            return Err(polychromify_core::Error::NoAlternatives.into());
        }
        Ok(Self {
            colorizer,
            weights: weights.name().to_owned(),
            device: device.name().to_string(),
            recipe: Settings::new(arguments, arithmetic, hints).recipe(weights.sha256()),
            style: Style {
                format: arguments.format.format(),
                saturation: arguments.saturation,
                variant: arguments.variant,
                quality: arguments.quality,
                max_side: arguments.max_side,
                keep_borders: arguments.borders == BordersChoice::Keep,
                source_type: arguments.source_type.source_type(),
                space: arguments.profile.space(),
                invert: arguments.invert,
                mark: arguments.mark,
            },
        })
    }
}

fn find_weights(name: Option<&str>) -> Result<Weights> {
    let Some(name) = name else { return Ok(Weights::default_weights()?) };
    let folder =
        ProjectDirs::from("", "", "Polychromify").map(|user| user.data_dir().join("weights"));
    Ok(Weights::find(name, folder.as_deref())?)
}

/// What is done around the coloring, as far as the options of everything that colors say.
pub(crate) fn policy(arguments: &Coloring) -> Result<Policy> {
    let redo = if arguments.redo_older { Redo::Older } else { Redo::Nothing };
    Ok(Policy { redo, sidecar: arguments.sidecar, time: fixed_time()?, ..Policy::default() })
}

/// The time that results are to tell in place of the present one, in milliseconds since 1970:
/// <https://reproducible-builds.org/specs/source-date-epoch/>.
fn fixed_time() -> Result<Option<i64>> {
    let Some(text) = std::env::var_os(SOURCE_DATE_EPOCH) else { return Ok(None) };
    let seconds = text.to_str().and_then(|text| text.parse::<i64>().ok());
    let milliseconds = seconds.filter(|&s| s >= 0).and_then(|seconds| seconds.checked_mul(1000));
    match milliseconds {
        Some(milliseconds) => Ok(Some(milliseconds)),
        None => Err(Error::SourceDate { found: text.to_string_lossy().into_owned() }),
    }
}

/// Photographs in work at the same time: as asked for, or one a core.
pub(crate) fn workers(arguments: &Coloring) -> usize {
    let cores = || thread::available_parallelism().map_or(1, usize::from);
    arguments.jobs.map_or_else(cores, |jobs| jobs.get().into())
}

/// Bounds for each of several jobs that share `memory` bytes; `None`: by [`LEAST_MEMORY`] and
/// [`LEAST_SHARE`].
pub(crate) fn limits(memory: Option<u64>, workers: usize) -> Limits {
    let workers = workers.max(1) as u64;
    let share =
        memory.map_or_else(|| (LEAST_MEMORY / workers).max(LEAST_SHARE), |all| all / workers);
    Limits::new(MOST_PIXELS, share)
}

/// Creates and locks the output folder, and settles what an earlier run left.
pub(crate) fn open_output(folder: &Path) -> Result<(Lock, Ledger)> {
    let hidden = folder.join(ledger::FOLDER);
    std::fs::create_dir_all(&hidden).map_err(Error::io(&hidden, "create"))?;
    let lock = Lock::take(&hidden.join("lock"), folder)?;
    let ledger = Ledger::open(folder)?;
    let unsettled = output::recover(&ledger, folder)?;
    if unsettled > 0 {
        log::info!("{}: an earlier run was interrupted; going on", folder.display());
    }
    Ok((lock, ledger))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_jobs_have_room_for_a_large_jpeg_each_unless_memory_is_set() {
        assert_eq!(limits(None, 2).memory, 512 << 20);
        assert_eq!(limits(None, 64).memory, 256 << 20);
        assert_eq!(limits(Some(1 << 30), 64).memory, 16 << 20);
    }
}
