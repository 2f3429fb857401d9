//! Checkpoints: the state of a run in a file, whole or small enough to be committed.
//!
//! The whole one holds weights, their running average, the optimizer's moments and the position, in
//! f32: a run goes on from it bit for bit. The portable one leaves the moments out and is in half
//! precision, a sixth of the size: a run goes on from it on another machine at the same place of its
//! schedule, with moments that begin anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor, Var};
use polychromify_core::internals::weights;
use polychromify_core::{Error, Result};
use safetensors::SafeTensors;

use super::average::{self, Average};
use super::parameters::Parameters;
use super::progress::Progress;

/// Metadata key of the position within a checkpoint.
const PROGRESS: &str = "polychromify.progress";
/// The whole checkpoint of a run folder.
pub(crate) const WHOLE: &str = "last/checkpoint.safetensors";
/// What a folder of a portable checkpoint has beside it, so that it says how it was made.
const RECORD: [&str; 4] = ["config.json", "log.csv", "splits.csv", "curves.svg"];

/// A file that was read.
pub(crate) struct Checkpoint {
    path: PathBuf,
    bytes: Vec<u8>,
    /// How far the run had come; `None` in a file of weights alone.
    pub(crate) progress: Option<Progress>,
}

impl Checkpoint {
    /// Reads a checkpoint or a file of weights; `None` where there is no file.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>> {
        let bytes = match fs::read(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            bytes => bytes.map_err(Error::io(path, "read"))?,
        };
        let damaged = |reason: String| Error::Damaged { path: path.to_owned(), reason };
        let (_, metadata) =
            SafeTensors::read_metadata(&bytes).map_err(|error| damaged(error.to_string()))?;
        let progress = metadata.metadata().as_ref().and_then(|entries| entries.get(PROGRESS));
        let progress = progress.map(|text| serde_json::from_str(text)).transpose();
        let progress = progress.map_err(|error| damaged(error.to_string()))?;
        Ok(Some(Self { path: path.to_owned(), bytes, progress }))
    }

    /// The position, which a file that a run is to go on from has to have.
    pub(crate) fn position(&self) -> Result<Progress> {
        let missing = || self.damaged(format!("has no `{PROGRESS}`"));
        self.progress.clone().ok_or_else(missing)
    }

    /// Hands `take` the file's tensors: by name, in a variable's shape and on its device, as f32.
    pub(crate) fn tensors<T>(
        &self,
        take: impl FnOnce(&dyn Fn(&str, &Var) -> Result<Tensor>) -> Result<T>,
    ) -> Result<T> {
        let file = SafeTensors::deserialize(&self.bytes);
        let file = file.map_err(|error| self.damaged(error.to_string()))?;
        take(&|name, var| {
            let view = file.tensor(name).map_err(|error| self.damaged(error.to_string()))?;
            let dtype = match view.dtype() {
                safetensors::Dtype::F32 => Some(DType::F32),
                safetensors::Dtype::F16 => Some(DType::F16),
                _ => None,
            };
            let Some(dtype) = dtype.filter(|_| view.shape() == var.dims()) else {
                return Err(self.damaged(format!(
                    "tensor `{name}` is {:?} {:?}, expected F32 or F16 {:?}",
                    view.dtype(),
                    view.shape(),
                    var.dims()
                )));
            };
            let tensor = Tensor::from_raw_buffer(view.data(), dtype, var.dims(), &Device::Cpu)?;
            Ok(tensor.to_dtype(DType::F32)?.to_device(var.device())?)
        })
    }

    fn damaged(&self, reason: String) -> Error {
        Error::Damaged { path: self.path.clone(), reason }
    }
}

/// Writes the whole checkpoint.
pub(crate) fn write(
    path: &Path,
    tensors: &BTreeMap<String, Tensor>,
    progress: &Progress,
) -> Result<()> {
    let bytes = weights::serialize(tensors, &metadata(progress))?;
    weights::write_whole(path, &bytes).map_err(Error::io(path, "write"))
}

/// Goes on from a portable checkpoint: sets the running average, and returns the position. The
/// weights are set already, as those of any file that a run begins with; `None` where the file holds
/// nothing but weights.
pub(crate) fn go_on_from(
    path: &Path,
    parameters: &Parameters,
    average: &mut Option<Average>,
) -> Result<Option<Progress>> {
    let Some(file) = Checkpoint::read(path)? else { return Ok(None) };
    let Some(mut progress) = file.progress.clone() else { return Ok(None) };
    if let Some(average) = average {
        file.tensors(|tensor| average.restore(parameters, tensor))?;
    }
    progress.moments_from = progress.optimizer_steps;
    Ok(Some(progress))
}

/// Writes the portable checkpoint of a run into a folder, as `checkpoint.safetensors`, with the run's
/// settings, log and curves beside it; returns the pictures that the run has seen. The run may go on
/// meanwhile.
///
/// # Errors
///
/// When the run has no checkpoint yet or a file cannot be read or written.
pub fn write_portable(run: &Path, folder: &Path) -> Result<usize> {
    let path = run.join(WHOLE);
    let none = || Error::Train(format!("{}: has no checkpoint yet", run.display()));
    let file = Checkpoint::read(&path)?.ok_or_else(none)?;
    let progress = file.position()?;
    let tensors = candle_core::safetensors::load_buffer(&file.bytes, &Device::Cpu)?;
    let kept = |(name, _): &(String, Tensor)| !name.starts_with("adam.");
    let tensors: BTreeMap<String, Tensor> = tensors.into_iter().filter(kept).collect();
    fs::create_dir_all(folder).map_err(Error::io(folder, "create"))?;
    let bytes = weights::serialize_half(&tensors, &metadata(&progress))?;
    let output = folder.join("checkpoint.safetensors");
    weights::write_whole(&output, &bytes).map_err(Error::io(&output, "write"))?;
    for name in RECORD {
        let (from, to) = (run.join(name), folder.join(name));
        if from.exists() {
            fs::copy(&from, &to).map_err(Error::io(&to, "write"))?;
        }
    }
    Ok(progress.pictures())
}

/// The running average of the weights in a checkpoint, whole or portable, by the weights' names;
/// `None` where the file is no checkpoint, or there is none.
///
/// # Errors
///
/// When the file cannot be read, is damaged, or its run keeps no average.
pub fn running_average(path: &Path) -> Result<Option<BTreeMap<String, Tensor>>> {
    let Some(file) = Checkpoint::read(path)? else { return Ok(None) };
    if file.progress.is_none() {
        return Ok(None);
    }
    let tensors = candle_core::safetensors::load_buffer(&file.bytes, &Device::Cpu)?;
    let own = |(name, tensor): (String, Tensor)| {
        name.strip_prefix(average::PREFIX).map(|name| (name.to_owned(), tensor))
    };
    let tensors: BTreeMap<String, Tensor> = tensors.into_iter().filter_map(own).collect();
    if tensors.is_empty() {
        return Err(file.damaged("its run keeps no running average of the weights".to_owned()));
    }
    Ok(Some(tensors))
}

fn metadata(progress: &Progress) -> BTreeMap<&'static str, String> {
    let text = serde_json::to_string(progress).expect("progress is plain numbers");
    BTreeMap::from([(PROGRESS, text)])
}
