//! Weights files as they are written.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use candle_core::{DType, Tensor};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, View};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::file::{CONFIG, NETWORK, SEPIA, TRAINING, Weights};
use super::integers::{self, Integers};
use crate::text::hexadecimal;
use crate::{Error, Result};

/// What a weights file is written with, beside its tensors.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// Name of the network.
    pub network: &'a str,
    /// Its configuration.
    pub config: &'a Value,
    /// What is known of its training.
    pub training: &'a Value,
    /// The training set's mean `[a, b]`, in -128..=127.
    pub sepia: [f32; 2],
    /// What predictions in integers need, if they are wanted.
    pub integers: Option<&'a Integers>,
}

/// Writes a weights file as [`save`] does, its tensors as f16: half as long, and read as f32.
///
/// # Errors
///
/// Those of [`save`].
pub fn save_half(
    path: impl AsRef<Path>,
    tensors: &BTreeMap<String, Tensor>,
    header: Header<'_>,
) -> Result<()> {
    save_as(path.as_ref(), tensors, header, DType::F16)
}

/// Writes a weights file, whole or not at all: the same content always gives the same bytes.
///
/// `sepia` is the training set's mean `[a, b]`, in -128..=127.
///
/// # Errors
///
/// When a tensor cannot be read from its device or the file cannot be written.
pub fn save(
    path: impl AsRef<Path>,
    tensors: &BTreeMap<String, Tensor>,
    network: &str,
    config: &Value,
    training: &Value,
    sepia: [f32; 2],
) -> Result<()> {
    let header = Header { network, config, training, sepia, integers: None };
    save_as(path.as_ref(), tensors, header, DType::F32)
}

fn save_as(
    path: &Path,
    tensors: &BTreeMap<String, Tensor>,
    header: Header<'_>,
    dtype: DType,
) -> Result<()> {
    let bytes = serialize_as(tensors, header.integers, &header.metadata(), dtype)?;
    write_whole(path, &bytes).map_err(Error::io(path, "write"))
}

impl Header<'_> {
    fn metadata(&self) -> BTreeMap<&'static str, String> {
        let Self { network, config, training, sepia: [a, b], .. } = self;
        BTreeMap::from([
            (NETWORK, (*network).to_owned()),
            (CONFIG, config.to_string()),
            (TRAINING, training.to_string()),
            (SEPIA, format!("[{a:?}, {b:?}]")),
        ])
    }
}

impl Weights {
    /// The same description with other tensors, as a checkpoint of the network has them, in half
    /// precision; without what predictions in integers need.
    ///
    /// # Errors
    ///
    /// When a tensor cannot be read from its device or holds what weights may not.
    pub fn with_tensors(&self, tensors: &BTreeMap<String, Tensor>) -> Result<Self> {
        let (network, config) = (self.network(), self.config());
        let (training, sepia) = (self.training(), self.sepia());
        let header = Header { network, config, training, sepia, integers: None };
        let bytes = serialize_half(tensors, &header.metadata())?;
        let sha256 = hexadecimal(&Sha256::digest(&bytes));
        Self::from_bytes(self.name(), self.name(), bytes.into(), sha256)
    }
}

/// A safetensors file. The crate writes metadata in the order of a hash map, which differs from
/// run to run, so its header is written without and the sorted metadata put in front.
///
/// # Errors
///
/// When a tensor cannot be read from its device.
pub fn serialize(
    tensors: &BTreeMap<String, Tensor>,
    metadata: &BTreeMap<&str, String>,
) -> Result<Vec<u8>> {
    serialize_as(tensors, None, metadata, DType::F32)
}

/// The same in half precision.
///
/// # Errors
///
/// Those of [`serialize`].
pub fn serialize_half(
    tensors: &BTreeMap<String, Tensor>,
    metadata: &BTreeMap<&str, String>,
) -> Result<Vec<u8>> {
    serialize_as(tensors, None, metadata, DType::F16)
}

/// With tensors of type F32 or F16, and those for integers.
fn serialize_as(
    tensors: &BTreeMap<String, Tensor>,
    integers: Option<&Integers>,
    metadata: &BTreeMap<&str, String>,
    dtype: DType,
) -> Result<Vec<u8>> {
    let own = if dtype == DType::F16 { Dtype::F16 } else { Dtype::F32 };
    let mut content = Vec::with_capacity(tensors.len());
    for (name, tensor) in tensors {
        // Little-endian on every processor that candle's own writer serves.
        let bytes = tensor.to_dtype(dtype)?.contiguous()?.data().into_owned();
        content.push((name.clone(), tensor.dims().to_vec(), own, bytes));
    }
    for (name, shape, numbers) in integers.into_iter().flat_map(Integers::iter) {
        let (dtype, bytes) = numbers.bytes();
        content.push((format!("{}{name}", integers::PREFIX), shape.to_vec(), dtype, bytes));
    }
    let views = content.iter().map(|(name, shape, dtype, bytes)| {
        let view = TensorView::new(*dtype, shape.clone(), bytes);
        (name.as_str(), view.expect("the bytes were made from the tensor of this shape"))
    });
    let plain = safetensors::serialize(views, None)
        .expect("names are unique and the header is far below the format's 100 MB");

    let (length, rest) = plain.split_at(8);
    let length = u64::from_le_bytes(length.try_into().expect("split at 8")) as usize;
    let (header, data) = rest.split_at(length);
    let mut header: Value = serde_json::from_slice(header).expect("just written by safetensors");
    let entries = header.as_object_mut().expect("a safetensors header is an object");
    entries.shift_insert(0, "__metadata__".to_owned(), serde_json::json!(metadata));
    let mut header = header.to_string().into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');

    let mut file = Vec::with_capacity(8 + header.len() + data.len());
    file.extend((header.len() as u64).to_le_bytes());
    file.extend(header);
    file.extend(data);
    Ok(file)
}

/// Writes beside `path`, syncs and renames into place, so that `path` never holds half a file.
///
/// # Errors
///
/// When the file cannot be written; then what was there before is as it was.
pub fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let name = path.file_name().ok_or(std::io::ErrorKind::InvalidInput)?;
    let temporary: PathBuf =
        folder.join(format!(".{}.{}.part", name.to_string_lossy(), std::process::id()));
    let written = File::create(&temporary)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The reason for the failure matters more than a leftover that cannot be removed.
        let _ = fs::remove_file(&temporary);
    }
    written?;
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}
